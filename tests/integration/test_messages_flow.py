"""What a home has to tell, from the ledger to people's inboxes: fallbacks, digests, signs of life, approvals."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from starlette.testclient import TestClient
from typer.testing import CliRunner

import guardrails
from cli.main import app
from finops.config import load_configuration
from finops.paths import Home
from orchestration.gate import HomeGate
from orchestration.ledger import open_ledger
from orchestration.messaging import Messages
from orchestration.sensors import delivery_sensor, message_sensor
from orchestration.workspace import AS_OF_VARIABLE, Workspace
from portal.gate import application
from tests.support.gates import publish_budgets
from tests.support.guardrail_factory import budget_fact
from tests.support.mail_server import MailServer, receiving_mail
from tests.support.messages import incident_row
from tests.support.receiver import Receiver, receiving
from tests.support.small_config import write_small_config

pytestmark = pytest.mark.ids("NOTIF-1", "GUARD-5")

NOW = datetime(2026, 10, 20, 6, 30, tzinfo=UTC)
"""A Tuesday."""
ROUTING = """\
time_zone: Europe/Berlin
routes:
  - {id: teams-finops, kind: teams, url_env: AIFINOPS_TEAMS_URL, allow_private_addresses: true, heartbeat_at: "08:00",
     fallback: email-finops, fallback_minutes: 30}
  - {id: email-finops, kind: email, host_env: SMTP_HOST, port: PORT, security: none, sender: robot@example.com,
     to: [ann@example.com], allow_private_addresses: true, heartbeat_at: "08:00"}
  - {id: platform-hook, kind: webhook, url_env: AIFINOPS_WEBHOOK_URL, secret_env: AIFINOPS_WEBHOOK_SECRET,
     allow_private_addresses: true}
rules:
  - {id: incidents, kinds: [incident], route: teams-finops, repeat_hours: 24}
  - {id: morning, kinds: [incident, guardrail], min_severity: low, route: email-finops, how: digest}
  - {id: operations, kinds: [run_failed, undelivered], route: teams-finops}
"""
POLICIES = """\
policies:
  - id: monthly-budget
    kind: budget
    description: A budget is nearly or fully used.
    owner: finops@example.com
    mode: enforce
    clear_below: 0.7
    levels:
      - {level: warn, at: 0.8, do: [{kind: notify, route: email-finops}]}
      - level: pause
        at: 1.0
        approvals: 1
        do: [{kind: notify, route: email-finops}, {kind: pause, route: platform-hook}]
"""


@dataclass
class House:
    """A home with its routes, and the time."""

    home: Home
    config: Path
    ledger: guardrails.Ledger
    teams: Receiver
    mail: MailServer
    now: datetime = NOW
    environ: dict[str, str] = field(default_factory=dict)

    def messages(self) -> Messages:
        return Messages(self.home, load_configuration(self.config), self.environ, self.now)

    def turn(self, **later: float) -> list[str]:
        """Queue and deliver what is due that much later; the ids of what is new."""
        self.now += timedelta(**later)
        before = {message.message_id for message in guardrails.messages(self.ledger)}
        messages = self.messages()
        messages.queue_due(self.ledger)
        guardrails.deliver_pending(self.ledger, messages.routing.routes, self.environ, now=self.now)
        assert messages.is_anything_due(self.ledger) == []
        return [m.message_id for m in guardrails.messages(self.ledger) if m.message_id not in before]

    def evaluate(self, ratio: str) -> None:
        messages = self.messages()
        fact = budget_fact(ratio, as_of=self.now, data_through=self.now - timedelta(hours=12))
        guardrails.evaluate(self.ledger, [fact], messages.configuration, messages.decision_body, as_of=self.now)


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    home, config = Home(tmp_path / "home"), write_small_config(tmp_path / "config")
    publish_budgets(home, "1", [("search", "team", "search", "1000", "500")])
    with receiving() as teams, receiving_mail() as mail, open_ledger(home) as ledger:
        (config / "routing.yml").write_text(ROUTING.replace("PORT", str(mail.port)))
        (config / "guardrails.yml").write_text(POLICIES)
        environ = {
            "AIFINOPS_TEAMS_URL": f"{teams.url}/teams",
            "AIFINOPS_PORTAL_URL": "https://finops.example.com",
            "SMTP_HOST": "localhost",
            "AIFINOPS_HOME": str(home.path),
            "AIFINOPS_CONFIG": str(config),
        }
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        yield House(home, config, ledger, teams, mail, environ=environ)
        assert ledger.verify().is_intact


def heartbeats(day: str) -> list[str]:
    return [f"heartbeat/teams-finops/{day}", f"heartbeat/email-finops/{day}"]


def test_every_route_says_once_a_day_that_it_lives(house: House) -> None:
    house.now = datetime(2026, 10, 20, 5, 59, tzinfo=UTC)
    assert house.turn() == []
    assert house.turn(minutes=1) == heartbeats("2026-10-20"), "08:00 in Berlin"
    assert house.turn(hours=9) == []
    assert house.turn(hours=15) == heartbeats("2026-10-21")
    text = house.mail.mails[1][1].get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert "teams-finops last accepted heartbeat on 20 Oct 2026" in re.sub(r"\s+", " ", text)


def test_what_teams_does_not_take_comes_by_mail_and_says_so(house: House) -> None:
    house.turn()
    house.teams.answer = lambda _: (503, {})
    house.messages().record_incidents(house.ledger, [incident_row()])
    first = f"incident/{incident_row()['incident_id']}/teams-finops/opened"
    assert house.turn() == [first]
    assert house.turn(minutes=29) == []
    assert house.turn(minutes=2) == [f"{first}/fallback"]
    mail = house.mail.mails[-1][1]
    html = re.sub(r"\s+", " ", mail.get_body(("html",)).get_content())  # type: ignore[union-attr]
    assert "Sent here because teams-finops has not taken it for 31 minutes" in html
    assert "USD 738 more than expected" in html.replace("\xa0", " ")
    assert house.turn(hours=3) == [], "once"
    house.teams.answer = lambda _: (202, {})
    assert house.turn(hours=9) == []
    assert guardrails.messages(house.ledger)[2].status == guardrails.MessageStatus.DELIVERED


def test_a_digest_has_all_that_came_and_a_repeat_says_that_nobody_answered(house: House) -> None:
    house.turn()
    house.messages().record_incidents(house.ledger, [incident_row()])
    house.evaluate("0.85")
    thread = f"incident/{incident_row()['incident_id']}"
    assert f"{thread}/teams-finops/opened" in house.turn()
    waiting = guardrails.planned(house.ledger, house.messages().routing, now=house.now)
    assert {(held.route_id, held.reason) for held in waiting.held} == {("email-finops", "waits for the digest")}
    new = house.turn(hours=24)
    assert [name.split("/")[0] for name in new if name.startswith("digest")] == ["digest"]
    assert f"{thread}/teams-finops/opened/repeat-1" in new
    [digest] = [mail for _, mail in house.mail.mails if str(mail["Subject"]).startswith("[Digest]")]
    text = digest.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert "App query-rewriter: USD 738 more than expected" in text
    assert "aifinops incidents acknowledge" in text
    assert sum("Still open and unanswered" in request.body for request in house.teams.requests) == 1
    guardrails.respond(house.ledger, thread, "acknowledge", who="ann", at=house.now)
    assert not any("repeat" in name for name in house.turn(hours=25))


@pytest.mark.ids("GUARD-3")
def test_an_order_is_approved_by_the_link_in_the_mail(house: House) -> None:
    house.turn()
    house.evaluate("1.05")
    house.turn()
    mail = house.mail.mails[-1][1]
    links = re.findall(r"https://finops.example.com(/l/\S+)", mail.get_body(("plain",)).get_content())  # type: ignore[union-attr]
    office = HomeGate(house.home, house.config, house.ledger, lambda: house.now, house.environ)
    with TestClient(application(office, "token"), base_url="https://testserver") as client:
        assert "waits for 1 approval" in client.get(links[0]).text
        done = client.post(links[0], data={"why": "agreed"})
        assert ("Approved" in done.text, done.status_code) == (True, 200), done.text
        assert client.post(links[1], data={"why": "no"}).status_code == 422
    [record] = house.ledger.decisions()
    assert record.status == guardrails.Status.EXECUTING
    [question] = guardrails.questions(house.ledger, only_open=False)
    assert [(vote.who, vote.why) for vote in question.votes] == [("ann@example.com", "agreed")]
    house.turn(minutes=1)
    assert "agreed: it takes effect" in house.mail.mails[-1][1].get_body(("plain",)).get_content()  # type: ignore[union-attr]


@pytest.mark.ids("OPS-1")
def test_an_order_that_is_given_up_is_told(house: House) -> None:
    house.turn()
    (house.config / "guardrails.yml").write_text(POLICIES.replace("        approvals: 1\n", ""))
    house.environ |= {"AIFINOPS_WEBHOOK_URL": f"{house.teams.url}/hook", "AIFINOPS_WEBHOOK_SECRET": "whsec_" + "a" * 40}
    house.teams.answer = lambda request: (500 if request.path == "/hook" else 202, {})
    house.evaluate("1.05")
    for _ in range(12):
        house.turn(hours=7)
    told = [request.body for request in house.teams.requests if request.path == "/teams"]
    assert sum("platform-hook did not take guardrail.pause" in body for body in told) == 1


@pytest.mark.ids("OPS-1")
def test_sensors_ask_for_one_run_for_what_is_due(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(AS_OF_VARIABLE, NOW.isoformat())
    workspace = Workspace(home_path=str(house.home.path), config_path=str(house.config))

    def tick(sensor: dg.SensorDefinition, cursor: str | None) -> tuple[int, str | None]:
        context = dg.build_sensor_context(cursor=cursor, resources={"workspace": workspace})
        found = sensor.evaluate_tick(context)
        return len(found.run_requests or []), found.cursor

    count, cursor = tick(message_sensor, None)
    assert count == 1, "signs of life are due"
    assert tick(message_sensor, cursor)[0] == 0, "a run was asked for"
    house.messages().queue_due(house.ledger)
    assert tick(message_sensor, cursor)[0] == 0
    count, cursor = tick(delivery_sensor, None)
    assert count == 1
    assert tick(delivery_sensor, cursor)[0] == 0
    guardrails.deliver_pending(house.ledger, house.messages().routing.routes, house.environ, now=datetime.now(UTC))
    assert tick(delivery_sensor, None)[0] == 0


def run(house: House, *arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, ["messages", *arguments], env={"COLUMNS": "200", AS_OF_VARIABLE: NOW.isoformat()})
    assert result.exit_code == code, result.output
    return result.output


def test_the_command_line_tries_a_route_and_shows_what_happened(house: House, tmp_path: Path) -> None:
    config = ("--config", str(house.config))
    assert "No message was ever queued" in run(house, "list")
    assert "teams-finops took test/teams-finops" in run(house, "test", "--route", "teams-finops", *config)
    assert "TEST: nothing happened" in house.teams.requests[-1].body
    assert "email-finops took" in run(house, "test", "--route", "email-finops", *config)
    house.mail.answer = lambda: "550 5.7.1 Not here"
    message_id = "test/email-finops/2026-10-20T06:30:00"
    house.now += timedelta(seconds=1)
    assert "known: email-finops, platform-hook, teams-finops" in run(house, "test", "--route", "x", *config, code=1)
    listed = run(house, "list").splitlines()
    assert listed[0].endswith("email-finops: delivered, 1 try")
    assert "A test message for email-finops" in listed[1]
    assert listed[2].strip() == message_id
    shown = run(house, "show", message_id, "--html", str(tmp_path / "mail.html"))
    assert "delivered (250)" in shown
    assert "A test message for email-finops" in (tmp_path / "mail.html").read_text()
    assert "no message has the id" in run(house, "show", "nothing", code=1)
    house.messages().record_failure(house.ledger, job_name="daily", run_id="r1", message="boom")
    house.turn()
    assert "acknowledged" in run(house, "acknowledge", "run/daily", "--who", "ann")
    assert "snoozed until 23 Oct 2026" in run(house, "snooze", "run/daily", "--for", "3d")
    assert "write it like 4h or 3d" in run(house, "snooze", "run/daily", "--for", "soon", code=1)
    assert "nothing was told of" in run(house, "acknowledge", "run/other", code=1)
    assert "Nothing is held back" in run(house, "list", "--waiting", *config)
