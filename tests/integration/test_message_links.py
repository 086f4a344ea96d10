"""Links of messages: signed, opened by anybody's scanner without effect, used once by a person on a page."""

from __future__ import annotations

import base64
import json
import re
import secrets
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest
import uvicorn
from hypothesis import given, settings
from hypothesis import strategies as st
from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.by import By
from selenium.webdriver.support import expected_conditions
from selenium.webdriver.support.ui import WebDriverWait
from starlette.testclient import TestClient

import guardrails
from finops.config import load_configuration
from finops.paths import Home
from guardrails import LinkError, LinkKeyError, LinkKeys, audit, gate, links
from orchestration.gate import HomeGate
from orchestration.ledger import open_ledger
from orchestration.messaging import Messages
from portal.gate import application
from tests.support.applications import running
from tests.support.browser import as_seen, browsing, needs_browser, overflow
from tests.support.gates import NOW, publish_budgets
from tests.support.mart_factory import Organisation, incident_rows, publish
from tests.support.messages import incident_row
from tests.support.small_config import write_small_config

pytestmark = pytest.mark.ids("NOTIF-1", "SEC-2", "GUARD-3")

PORTAL = "https://finops.example.com"
KEYS = LinkKeys((b"k" * 32,))
ROUTING = """\
routes:
  - {id: teams-finops, kind: teams, url_env: AIFINOPS_TEAMS_URL}
  - {id: email-ann, kind: email, host_env: SMTP_HOST, sender: robot@example.com, to: [ann@example.com]}
  - {id: platform-hook, kind: webhook, url_env: AIFINOPS_WEBHOOK_URL, secret_env: AIFINOPS_WEBHOOK_SECRET}
rules:
  - {id: incidents, kinds: [incident], route: email-ann}
"""


@dataclass
class Office:
    """A home with an incident and an ask that wait for people, its links, and the time."""

    home: Home
    config: Path
    ledger: guardrails.Ledger
    now: datetime = NOW
    environ: dict[str, str] = field(default_factory=lambda: {"AIFINOPS_PORTAL_URL": PORTAL})

    @property
    def gate(self) -> HomeGate:
        return HomeGate(self.home, self.config, self.ledger, lambda: self.now, self.environ)

    def client(self) -> TestClient:
        return TestClient(application(self.gate, "token"), base_url="https://testserver")

    def tell(self, act: Callable[[Messages], Any]) -> dict[str, str]:
        """Record and queue; the links of the newest message by their action."""
        messages = Messages(self.home, load_configuration(self.config), self.environ, self.now)
        act(messages)
        messages.queue_due(self.ledger)
        body = guardrails.messages(self.ledger)[-1].body
        found: dict[str, str] = {}
        for token in re.findall(rf"{PORTAL}/l/([A-Za-z0-9_.-]+)", body):
            found.setdefault(self.keys.read(token).action, f"/l/{token}")
        return found

    @property
    def keys(self) -> LinkKeys:
        return LinkKeys((self.home.path.joinpath("link.key").read_bytes(),))

    def incident(self) -> dict[str, str]:
        return self.tell(lambda messages: messages.record_incidents(self.ledger, [incident_row()]))

    def ask(self, estimate: str = "100") -> tuple[str, dict[str, str]]:
        wanted = gate.Ask(Decimal(estimate), "USD", "ci", {"team": "search"}, job=f"job-{estimate}")
        [reply] = self.gate.ask([wanted])
        assert isinstance(reply, gate.Reply)
        assert reply.status == gate.AskStatus.WAITING
        return reply.ask_id, self.tell(lambda messages: messages.record_ask(self.ledger, reply.as_dict(), "email-ann"))


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    with at_work(tmp_path) as opened:
        yield opened


@contextmanager
def at_work(folder: Path) -> Iterator[Office]:
    home, config = Home(folder / "home"), write_small_config(folder / "config")
    (config / "routing.yml").write_text(ROUTING)
    guards = config / "guardrails.yml"
    gating = "gate: {warn_above: 0.1, approval_above: 0.2, deny_above: 1}\n"
    guards.write_text(gating + guards.read_text(encoding="utf-8"), encoding="utf-8")
    publish_budgets(home, "1", [("search", "team", "search", "1000", "500")])
    frame = pd.DataFrame(incident_rows(Organisation())).head(1)
    others = {"peak_impact": frame["impact"], "usage_change": frame["impact"], "similar_incidents": "[]"}
    row = frame.assign(**{"verdict_reason": None, **others})
    (home.path / "other").mkdir()
    publish({"fct_incident": row}, home.path / "other" / "published")
    source = (home.path / "other" / "published").resolve() / "fct_incident.parquet"
    (home.published / "fct_incident.parquet").write_bytes(source.read_bytes())
    with open_ledger(home) as ledger:
        yield Office(home, config, ledger)
        assert ledger.verify().is_intact


def post(client: TestClient, path: str, why: str = "known load test", **headers: str) -> httpx.Response:
    return client.post(path, data={"why": why}, headers=headers)


def test_opening_a_link_changes_nothing_however_often(office: Office) -> None:
    found = office.incident()
    assert set(found) == {"acknowledge", "snooze", "false_alarm", "planned"}
    before = office.ledger.verify().entries
    with office.client() as client:
        for path in found.values():
            for method in ("GET", "HEAD", "GET"):
                answer = client.request(method, path)
                assert answer.status_code == 200
        assert client.options(found["snooze"]).status_code == 405
        page = client.get(found["acknowledge"]).text
    assert office.ledger.verify().entries == before
    assert "Are you looking into it?" in page
    assert "App query-rewriter: USD 738 more than expected" in page.replace("\xa0", " ")
    assert "In the name of ann@example.com" in page


def test_a_page_leaks_nothing_and_cannot_be_framed(office: Office) -> None:
    path = office.incident()["planned"]
    with office.client() as client:
        answer = client.get(path)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "form-action 'self'" in policy
    assert "unsafe" not in policy
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
    assert path.removeprefix("/l/") not in answer.text, "the form posts to where it came from"
    assert re.findall(r'(?:src|href|action)="(?!data:)', answer.text) == []


def test_the_button_acts_once_and_then_says_what_was_done(office: Office) -> None:
    path = office.incident()["false_alarm"]
    with office.client() as client:
        assert post(client, path, why=" ").status_code == 422
        done = post(client, path)
        assert (done.status_code, "Judged a false alarm" in done.text) == (200, True)
        again = post(client, path, why="another reason")
        assert "This was done already" in again.text
        assert "Judged a false alarm, in the name of ann@example.com" in client.get(path).text
    [said] = guardrails.feedback_given(office.ledger)
    assert (said.kind, said.verdict, said.why, said.who) == ("verdict", "false", "known load test", "ann@example.com")


def test_of_many_at_once_one_wins(office: Office) -> None:
    path = office.incident()["acknowledge"]
    with office.client() as client, ThreadPoolExecutor(8) as pool:
        pages = [answer.text for answer in pool.map(lambda _: post(client, path), range(16))]
    assert sum("Recorded in the name of" in page for page in pages) == 1
    assert len(guardrails.feedback_given(office.ledger)) == 1


def test_a_snooze_keeps_an_incident_quiet_until_it_ends(office: Office) -> None:
    path = office.incident()["snooze"]
    with office.client() as client:
        assert "How long" not in client.get(path).text
        assert client.post(path, data={"for": "99y"}).status_code == 422
        assert "Snoozed until 23 Oct 2026" in client.post(path, data={"for": "3d"}).text
    [answer] = guardrails.answers(office.ledger, f"incident/{incident_row()['incident_id']}")
    assert (answer.kind, answer.who, answer.until) == ("snooze", "ann@example.com", NOW + timedelta(days=3))


@pytest.mark.ids("GUARD-2")
def test_an_ask_is_approved_or_denied_from_the_mail(office: Office) -> None:
    ask_id, found = office.ask("200")
    with office.client() as client:
        assert "Approved" in post(client, found["approve"], why="agreed with finance").text
        refused = post(client, found["deny"])
        assert (refused.status_code, "nobody waits" in refused.text or "answered already" in refused.text) == (
            422,
            True,
        )
    reply = gate.look_up(office.ledger, ask_id)
    assert (reply.status, reply.votes[0]["who"]) == (gate.AskStatus.HELD, "ann@example.com")
    [use] = office.ledger.notes("link.used").values()
    assert (use["subject"], use["outcome"]) == (f"gate/{ask_id}", "Approved")


def test_what_cannot_be_done_leaves_the_link_as_it_was(office: Office) -> None:
    ask_id, found = office.ask("200")
    office.gate.release(ask_id, "the job was cancelled")
    with office.client() as client:
        answer = post(client, found["approve"])
        assert (answer.status_code, "is released" in answer.text) == (422, True)
        assert "Let it go ahead?" in client.get(found["approve"]).text


def test_an_expired_link_says_how_to_act_all_the_same(office: Office) -> None:
    path = office.incident()["acknowledge"]
    office.now = NOW + timedelta(days=9)
    with office.client() as client:
        for answer in (client.get(path), post(client, path)):
            assert answer.status_code in (200, 410)
            assert "This link has expired" in answer.text
            assert "aifinops incidents acknowledge" in answer.text
    assert guardrails.feedback_given(office.ledger) == []


def test_a_post_from_another_site_is_refused(office: Office) -> None:
    path = office.incident()["acknowledge"]
    with office.client() as client:
        assert post(client, path, **{"sec-fetch-site": "cross-site"}).status_code == 403
        assert client.post(path, content=b"why=" + b"x" * 20_000).status_code == 413
    assert guardrails.feedback_given(office.ledger) == []


def test_a_forged_link_tells_nothing(office: Office) -> None:
    path = office.incident()["acknowledge"]
    other = LinkKeys((b"other key of thirty-two bytes...",)).token(
        "acknowledge", "incident/x", audience="email-ann", who="eve@example.com", message_id="m", now=NOW
    )
    payload, _, signature = path.removeprefix("/l/").partition(".")
    changed = json.loads(base64.urlsafe_b64decode(payload + "=="))
    changed["w"] = "eve@example.com"
    forged = base64.urlsafe_b64encode(json.dumps(changed, separators=(",", ":")).encode()).rstrip(b"=").decode()
    with office.client() as client:
        for token in (other, f"{forged}.{signature}", f"{payload}.", payload, "x", "é", "a" * 5000):
            answer = client.get(f"/l/{token}")
            assert (answer.status_code, "This link does not work" in answer.text) == (404, True)
            assert post(client, f"/l/{token}").status_code == 404


def test_a_new_key_signs_while_the_old_one_still_opens(office: Office) -> None:
    old, new = secrets.token_bytes(32), secrets.token_bytes(32)
    words = [base64.b64encode(key).decode() for key in (old, new)]
    first, both, later = LinkKeys.parse(words[0]), LinkKeys.parse(f"{words[1]} {words[0]}"), LinkKeys.parse(words[1])
    token = first.token("snooze", "incident/a", audience="r", who="w", message_id="m", now=NOW)
    assert both.read(token).subject == "incident/a"
    with pytest.raises(LinkError, match="not made here"):
        later.read(token)
    fresh = both.token("snooze", "incident/a", audience="r", who="w", message_id="m", now=NOW)
    assert later.read(fresh).nonce != first.read(token).nonce
    for wrong in ("", "not base64!", base64.b64encode(b"short").decode()):
        with pytest.raises(LinkKeyError, match="openssl rand -base64 32"):
            LinkKeys.parse(wrong)


def test_without_a_public_address_messages_name_the_command(office: Office) -> None:
    office.environ.clear()
    assert office.incident() == {}
    body = guardrails.messages(office.ledger)[-1].document["email"]
    assert "/l/" not in body["html"]
    assert "aifinops incidents acknowledge 3f5233a6" in body["text"]
    assert not (office.home.path / "link.key").exists()


# ── The audit vouches for what people heard and said ──────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home's folder in which people were told things, snoozed an incident, and approved an ask from the mail."""
    folder = tmp_path_factory.mktemp("told")
    with at_work(folder) as office:
        snooze, (_, found) = office.incident()["snooze"], office.ask("200")
        with office.client() as client:
            assert client.post(snooze, data={"for": "3d"}).status_code == 200
            assert post(client, found["approve"], why="agreed with finance").status_code == 200
    return folder / "home"


@contextmanager
def owned(home: Path) -> Iterator[sqlite3.Connection]:
    """The ledger's database, to somebody who owns it and has switched its triggers off."""
    with closing(sqlite3.connect(home / "ledger.sqlite")) as connection, connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        yield connection


TAMPERING = {
    "a notice says something else": ("UPDATE notice SET document = '{}'", r"notice \S+ was changed"),
    "a notice is of less weight": ("UPDATE notice SET severity = 'info'", r"notice \S+ was changed"),
    "a notice comes later": ("UPDATE notice SET at = '2026-12-01 00:00:00'", r"notice \S+ was changed"),
    "nobody was told": ("DELETE FROM notice", r"notice \S+ was deleted"),
    "another notice": (
        "INSERT INTO notice SELECT 'made-up', 99, kind, severity, thread, scope, team, policy_id, at, ends_thread, "
        "route_id, document FROM notice LIMIT 1",
        "notice made-up was never recorded",
    ),
    "a snooze lasts longer": ("UPDATE thread_response SET until = '2026-12-31 00:00:00'", r"answer \w+ was changed"),
    "somebody else snoozed": ("UPDATE thread_response SET who = 'eve@example.com'", r"answer \w+ was changed"),
    "nobody snoozed": ("DELETE FROM thread_response", r"answer \w+ was deleted"),
    "another snooze": (
        "INSERT INTO thread_response SELECT 'made-up', 99, thread, kind, at, until, who, why FROM thread_response",
        "answer made-up was never recorded",
    ),
    "a link did something else": ("UPDATE link_use SET outcome = 'Denied'", r"used link \S+ was changed"),
    "a link works once more": ("UPDATE link_use SET nonce = 'x' || nonce", r"used link \S+ was deleted"),
    "a link was never used": ("DELETE FROM link_use", r"used link \S+ was deleted"),
    "another answer to an ask": ("UPDATE gate_vote SET verdict = 'deny'", r"answer to an ask \S+ was changed"),
    "a message goes elsewhere": ("UPDATE outbox SET route_id = 'teams-finops'", r"message \S+ was changed"),
}


@pytest.mark.ids("SEC-3")
@pytest.mark.parametrize(("statement", "problem"), TAMPERING.values(), ids=TAMPERING.keys())
def test_the_audit_names_what_was_tampered_with(told: Path, tmp_path: Path, statement: str, problem: str) -> None:
    home = shutil.copytree(told, tmp_path / "home")
    with open_ledger(Home(home)) as ledger:
        assert ledger.verify().problems == ()
    with owned(home) as database:
        assert database.execute(statement).rowcount > 0
    with open_ledger(Home(home)) as ledger:
        found = ledger.verify().problems
    assert any(re.fullmatch(problem, one) for one in found), found


@pytest.mark.ids("SEC-3")
@pytest.mark.parametrize("is_pruned", [False, True])
def test_what_earlier_programs_wrote_holds_as_far_as_it_goes(
    told: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_pruned: bool
) -> None:
    home = shutil.copytree(told, tmp_path / "home")
    write_as_before(home)
    if is_pruned:
        with monkeypatch.context() as before, open_ledger(Home(home)) as ledger, ledger.write() as write:
            later = ("notice.recorded", "thread.answered", "link.used", "gate.voted")
            for event in later:
                before.delitem(audit._VOUCHED, event)
            audit.remove_old(write.chain, NOW + timedelta(hours=1), who="ann", why="the law", now=NOW)
    with open_ledger(Home(home)) as ledger:
        assert ledger.verify().problems == ()
        thread = f"incident/{incident_row()['incident_id']}"
        guardrails.respond(ledger, thread, "acknowledge", who="bob", at=NOW + timedelta(days=1))
        assert ledger.verify().problems == ()
    with owned(home) as database:
        database.execute("UPDATE thread_response SET who = 'eve' WHERE who = 'bob'")
    with open_ledger(Home(home)) as ledger:
        assert [one for one in ledger.verify().problems if "answer" in one] != [], "what is new is vouched for"
    with owned(home) as database:
        database.execute("DELETE FROM link_use")
    with open_ledger(Home(home)) as ledger:
        found = [one for one in ledger.verify().problems if "used link" in one]
    assert len(found) == (0 if is_pruned else 2), "an entry without digests still says that it was written"


def write_as_before(home: Path) -> None:
    """Chain the trail anew, with the key, as programs did that had fewer digests in their entries."""
    with owned(home) as database, open_ledger(Home(home)) as ledger:
        entries = database.execute("SELECT at, event, subject, details FROM audit ORDER BY sequence").fetchall()
        database.execute("DELETE FROM audit")
        database.execute("UPDATE chain_head SET sequence = 0, mac = ?", (audit.START,))
        database.commit()
        (home / "ledger.checkpoint").unlink()
        with ledger.write() as write:
            for at, event, subject, text in entries:
                details = json.loads(text)
                details.pop("columns_sha256", None)
                if event in ("thread.answered", "link.used", "gate.voted"):
                    del details["sha256"]
                if event == "thread.answered":
                    subject, details = details.pop("thread"), {"response": subject, **details}
                elif event == "link.used":
                    subject = details.pop("subject")
                elif event == "gate.voted":
                    subject = subject.partition("/")[0]
                write.chain.append(datetime.fromisoformat(at).replace(tzinfo=UTC), event, subject, details)


tokens = st.builds(
    lambda action, subject, who: (action, subject, who),
    st.sampled_from(links.actions()),
    st.text(min_size=1, max_size=120),
    st.text(max_size=120),
)


@settings(max_examples=200, deadline=None)
@given(tokens, st.data())
def test_no_change_of_a_token_is_accepted(said: tuple[Any, str, str], data: st.DataObject) -> None:
    action, subject, who = said
    token = KEYS.token(action, subject, audience="r", who=who, message_id="m", now=NOW)
    link = KEYS.read(token)
    assert (link.action, link.subject, link.who) == said
    at = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.characters(codec="ascii").filter(lambda c: c != token[at]))
    for changed in (token[:at] + other + token[at + 1 :], token[:at], token + other, token[:at] + token[at + 1 :]):
        if changed != token:
            with pytest.raises(LinkError):
                KEYS.read(changed)


def await_heading(browser: webdriver.Chrome, words: str) -> None:
    shown = expected_conditions.text_to_be_present_in_element((By.TAG_NAME, "h1"), words)
    # A page that is being left answers with one error or the other.
    WebDriverWait(browser, 30, ignored_exceptions=(WebDriverException,)).until(shown)


@needs_browser
@pytest.mark.timeout(180)
def test_a_person_acts_by_keyboard_on_a_phone(office: Office, tmp_path: Path) -> None:
    found = office.incident()
    served = uvicorn.Config(application(office.gate, "token"), log_level="warning")
    with running(served) as address, browsing(tmp_path / "profile") as browser:
        for width, dark in ((375, True), (375, False), (1200, False)):
            as_seen(browser, width=width, dark=dark)
            browser.get(address + found["planned"])
            assert overflow(browser) <= 0
        small = browser.execute_script(
            "return [...document.querySelectorAll('button, textarea, label')].filter(n => n.offsetHeight < 40).length"
        )
        assert small == 0, "everything can be hit by a thumb"
        browser.find_element(By.TAG_NAME, "button").click()
        assert browser.find_elements(By.CSS_SELECTOR, "textarea:invalid"), "a reason is asked for before it is sent"
        browser.find_element(By.TAG_NAME, "textarea").send_keys("announced <b>launch</b>")
        browser.find_element(By.TAG_NAME, "textarea").submit()
        await_heading(browser, "Judged planned")
        assert [e for e in browser.get_log("browser") if e["level"] == "SEVERE"] == []
        as_seen(browser, width=375, dark=False)
        browser.get(address + found["snooze"])
        browser.find_element(By.CSS_SELECTOR, "input[type=radio]").send_keys(" ")
        browser.find_element(By.TAG_NAME, "button").send_keys(" ")
        await_heading(browser, "Snoozed until")
    [said] = guardrails.feedback_given(office.ledger)
    assert said.why == "announced <b>launch</b>"
