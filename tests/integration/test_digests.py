"""Digests from the published marts to inboxes: once for each period, also where a run is killed or a month changes."""

from __future__ import annotations

import email
import hashlib
import io
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from email.policy import default
from pathlib import Path

import dagster as dg
import duckdb
import pytest
from pypdf import PdfReader
from typer.testing import CliRunner

import guardrails
from cli.main import app
from finops.config import load_configuration
from finops.paths import Home
from orchestration import digests
from orchestration.digests import Digests, Told
from orchestration.ledger import open_ledger
from orchestration.schedules import digests_schedule
from orchestration.workspace import Workspace
from reports import formatting as f
from tests.support.mail_server import MailServer, receiving_mail
from tests.support.receiver import Receiver, receiving
from tests.support.small_config import write_small_config

pytestmark = pytest.mark.ids("NOTIF-1", "BI-1")

NOW = datetime(2026, 10, 20, 6, 30, tzinfo=UTC)
"""A Tuesday; the bill reaches the Sunday before."""
ROUTING = """\
time_zone: Europe/Berlin
routes:
  - {id: mail, kind: email, host_env: SMTP_HOST, port: PORT, security: none, sender: robot@example.com,
     to: [ann@example.com, bo@example.com], allow_private_addresses: true}
  - {id: teams, kind: teams, url_env: AIFINOPS_TEAMS_URL, allow_private_addresses: true}
"""
WEEKLY = "  - {id: executives, kind: weekly, routes: [mail, teams]}\n"
MONTHLY = "  - {id: board, kind: monthly, routes: [mail]}\n"


@dataclass
class House:
    """A home with published marts, its routes, and the time."""

    home: Home
    config: Path
    ledger: guardrails.Ledger
    mail: MailServer
    teams: Receiver
    environ: dict[str, str] = field(default_factory=dict)

    def write(self, *entries: str) -> None:
        digests = "digests:\n" + "".join(entries) if entries else ""
        (self.config / "routing.yml").write_text(ROUTING.replace("PORT", str(self.mail.port)) + digests)

    def digests(self, now: datetime = NOW) -> Digests:
        return Digests(self.home, load_configuration(self.config), self.environ, now)

    def turn(self, now: datetime = NOW) -> Told:
        found = self.digests(now)
        told = found.queue_due(self.ledger)
        assert found.is_anything_due(self.ledger) == []
        routes = load_configuration(self.config).routing.routes
        guardrails.deliver_pending(self.ledger, routes, self.environ, now=now, files=self.home.path)
        return told


@pytest.fixture
def house(tmp_path: Path, published_folder: Path) -> Iterator[House]:
    home = Home(tmp_path / "home")
    home.path.mkdir()
    home.published.symlink_to(published_folder)
    with receiving() as teams, receiving_mail() as mail, open_ledger(home) as ledger:
        environ = {
            "SMTP_HOST": "localhost",
            "AIFINOPS_TEAMS_URL": f"{teams.url}/teams",
            "AIFINOPS_PORTAL_URL": "https://finops.example.com",
        }
        config = write_small_config(tmp_path / "config")
        (config / "guardrails.yml").write_text("policies: []\n")
        yield House(home, config, ledger, mail, teams, environ)
        assert ledger.verify().is_intact


def spent(home: Home, first: str, last: str) -> Decimal:
    file = f"{home.published.resolve()}/fct_ai_cost_daily.parquet"
    (found,) = duckdb.sql(
        f"select sum(effective_cost) from read_parquet('{file}') where is_ai and billing_currency = 'USD' "
        f"and usage_date between '{first}' and '{last}'"
    ).fetchall()
    return Decimal(found[0])


def plain(text: str) -> str:
    return re.sub(r"\s+", " ", text.replace(f.NBSP, " "))


def tick(house: House) -> dg.RunRequest | dg.SkipReason:
    """What the schedule asks for."""
    context = dg.build_schedule_context(scheduled_execution_time=NOW)
    workspace = Workspace(home_path=str(house.home.path), config_path=str(house.config), as_of_text=NOW.isoformat())
    return digests_schedule(context, workspace=workspace)  # type: ignore[return-value]


@pytest.mark.ids("OPS-1")
def test_a_week_arrives_once_with_its_picture_and_its_paper(house: House) -> None:
    house.write()
    assert isinstance(tick(house), dg.SkipReason), "nobody wants a digest"
    house.write(WEEKLY)
    asked = tick(house)
    assert isinstance(asked, dg.RunRequest)
    assert asked.run_key == "2026-10-20T06 weekly/executives/2026-W42"
    told = house.turn()
    assert told.queued == (
        "digest/weekly/executives/2026-W42/edition-1/mail",
        "digest/weekly/executives/2026-W42/edition-1/teams",
    )
    ((to, mail),) = house.mail.mails
    assert to == ["ann@example.com", "bo@example.com"]
    figure = plain(f.whole_money(spent(house.home, "2026-10-12", "2026-10-18"), "USD"))
    text = plain(mail.get_body(("plain",)).get_content())  # type: ignore[union-attr]
    html = mail.get_body(("html",)).get_content()  # type: ignore[union-attr]
    (attached,) = mail.iter_attachments()
    paper = plain(" ".join(page.extract_text() for page in PdfReader(io.BytesIO(attached.get_content())).pages))
    assert mail["Subject"] == "Weekly AI spend: Week 42, 12–18 Oct 2026"
    assert (attached.get_filename(), attached.get_content_type()) == ("digest-2026-W42.pdf", "application/pdf")
    for said in (text, plain(html), paper):
        assert figure in said
    pictures = {part["Content-ID"].strip("<>") for part in mail.walk() if part.get_content_type() == "image/png"}
    assert pictures == set(re.findall(r'src="cid:([^"]+)"', html)) != set()
    assert "https://finops.example.com/p/executive?currency=USD" in html
    (card,) = house.teams.requests
    assert "Weekly AI spend" in str(card.body)
    assert "https://finops.example.com/p/executive" in str(card.body)
    again = "https://finops.example.com/documents/2026-W42/executives/edition-1/document.html"
    for said in (text, html, str(card.body)):
        assert again in said, "it can be read again in the portal"

    assert house.turn() == Told(), "the same week again tells nobody"
    assert len(house.mail.mails) == 1
    assert isinstance(tick(house), dg.SkipReason)
    assert guardrails.open_threads(house.ledger, now=NOW) == 0, "nobody has to answer a digest"


def test_a_run_that_is_killed_anywhere_is_finished_by_the_next(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.write(WEEKLY)
    real_queue, real_write = guardrails.queue_notification, digests.write_edition

    def killed(*_args: object, **_more: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("reports.documents.editions.render_html", killed)
    with pytest.raises(KeyboardInterrupt):
        house.digests().queue_due(house.ledger)
    monkeypatch.undo()
    assert not list(house.home.digests.rglob("edition-1")), "no half of an edition is ever seen"

    monkeypatch.setattr(guardrails, "queue_notification", killed)
    with pytest.raises(KeyboardInterrupt):
        house.digests().queue_due(house.ledger)
    (paper,) = house.home.digests.rglob("document.pdf")
    before = paper.read_bytes()

    queued = []

    def killed_after_the_first(*args: object, **more: object) -> bool:
        if queued:
            raise KeyboardInterrupt
        queued.append(args)
        return real_queue(*args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(guardrails, "queue_notification", killed_after_the_first)
    with pytest.raises(KeyboardInterrupt):
        house.digests().queue_due(house.ledger)
    monkeypatch.undo()
    assert digests.write_edition is real_write

    assert house.turn().queued == ("digest/weekly/executives/2026-W42/edition-1/teams",)
    assert (len(house.mail.mails), len(house.teams.requests)) == (1, 1), "everybody once"
    assert paper.read_bytes() == before, "what was made is what was sent"


@pytest.mark.long
def test_a_corrected_month_is_told_again_and_says_what_changed(house: House, tmp_path: Path) -> None:
    house.write(MONTHLY)
    assert house.turn().queued == ("digest/monthly/board/2026-09/edition-1/mail",)
    assert house.turn() == Told()

    was = spent(house.home, "2026-09-01", "2026-09-30")
    corrected = tmp_path / "corrected"
    shutil.copytree(house.home.published.resolve(), corrected)
    mart = corrected / "fct_ai_cost_daily.parquet"
    source = house.home.published.resolve() / mart.name
    duckdb.sql(
        f"copy (select * replace (if(usage_date = '2026-09-30' and team = 'search' and is_ai and "
        f"effective_cost = (select max(effective_cost) from read_parquet('{source}') where usage_date = '2026-09-30' "
        f"and team = 'search' and is_ai), effective_cost + 250, effective_cost) as effective_cost) "
        f"from read_parquet('{source}')) to '{mart}' (format parquet)"
    )
    house.home.published.unlink()
    house.home.published.symlink_to(corrected)
    added = spent(house.home, "2026-09-01", "2026-09-30") - was
    assert added >= 250

    assert house.turn().queued == ("digest/monthly/board/2026-09/edition-2/mail",)
    (_, first), (_, second) = house.mail.mails
    assert second["Subject"] == "Monthly AI cost pack, edition 2: September 2026"
    assert second["References"] == first["References"], "mail programs show both together"
    text = plain(second.get_body(("plain",)).get_content())  # type: ignore[union-attr]
    assert f"and is USD {was + added:,.2f} now: +USD {added:,.0f}." in text
    assert "Team search: USD" in text
    assert house.turn() == Told(), "and once only"


def test_what_is_not_billed_waits_and_says_so(house: House) -> None:
    house.write(WEEKLY, MONTHLY)
    later = datetime(2026, 11, 10, 9, tzinfo=UTC)
    found = house.digests(later)
    assert found.is_anything_due(house.ledger) == []
    told = found.queue_due(house.ledger)
    assert told.queued == ()
    assert [reason.partition(":")[0] for reason in told.held] == [
        "weekly/executives/2026-W45 waits",
        "monthly/board/2026-10 waits",
    ]
    assert "October 2026 is billed only through 18 Oct 2026" in told.held[1]


@pytest.mark.ids("GUARD-5")
def test_an_attachment_that_is_not_what_was_queued_is_never_sent(house: House) -> None:
    house.write()
    paper = house.home.path / "document.pdf"
    paper.write_bytes(b"%PDF paper")
    attached = {"name": "a.pdf", "path": paper.name, "sha256": hashlib.sha256(paper.read_bytes()).hexdigest()}
    mail = {"subject": "s", "text": "t", "html": "<p>t</p>", "images": {}, "attachments": [attached], "thread": "t"}
    for name in ("whole", "changed"):
        body = {"email": mail | {"kind": "digest"}}
        guardrails.queue_notification(house.ledger, name, "mail", "digest", body, as_of=NOW)
        routes = load_configuration(house.config).routing.routes
        guardrails.deliver_pending(house.ledger, routes, house.environ, now=NOW, files=house.home.path)
        paper.write_bytes(b"something else")
    ((_, received),) = house.mail.mails
    (part,) = received.iter_attachments()
    assert part.get_content() == b"%PDF paper"
    (dead,) = guardrails.messages(house.ledger, status=guardrails.MessageStatus.DEAD)
    assert dead.message_id == "changed"
    assert "is not the file that was queued" in (dead.error or "")
    assert "put the file back" in (dead.remedy or "")


def test_documents_are_made_by_hand(house: House, tmp_path: Path) -> None:
    def run(*words: str) -> tuple[int, str]:
        options = ["--home", str(house.home.path), "--config", str(house.config)]
        result = CliRunner().invoke(app, ["report", *words, *options])
        return result.exit_code, plain(result.output)

    house.write()
    out = tmp_path / "out"
    code, said = run("digest", "--week", "2026-W42", "--team", "search", "--out", str(out))
    assert code == 0, said
    assert sorted(file.name for file in out.iterdir()) == [
        f"digest-2026-W42-search.{end}" for end in ("eml", "html", "pdf")
    ]
    mail = email.message_from_bytes((out / "digest-2026-W42-search.eml").read_bytes(), policy=default)
    assert mail["Subject"] == "Weekly AI spend of search: Week 42, 12–18 Oct 2026"
    assert "Weekly AI spend of search" in (out / "digest-2026-W42-search.html").read_text(encoding="utf-8")
    assert guardrails.messages(house.ledger) == [], "nothing is sent"
    for words, reason in (
        (("digest", "--week", "2026-W60"), "2026 has no week 60"),
        (("digest", "--week", "2026-W50"), "No day of 2026-W50 is billed in USD"),
        (("digest", "--team", "nobody"), "there is no team 'nobody'"),
        (("digest", "--format", "docx"), "docx; known: html, pdf, email"),
        (("pack", "--month", "2026-13"), "is not a month"),
    ):
        code, said = run(*words)
        assert code != 0
        assert reason in said
