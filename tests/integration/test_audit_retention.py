"""The audit trail loses what is old and nothing else, on both engines: a stub stands for it, and every attack shows."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text

from finops.config.policies import AuditSettings
from guardrails import Ledger, LedgerError, Removed, approve, evaluate, override
from guardrails.audit import remove_old
from tests.support.guardrail_factory import AS_OF, AUDIT_KEY, budget_fact, budget_policy, card, configuration

pytestmark = pytest.mark.ids("SEC-3")

DAY = timedelta(days=1)
NOW = datetime(2027, 6, 1, tzinfo=UTC)
KEEP = AuditSettings(keep_days=90)
LAST_WEEK = timedelta(days=7)


@pytest.fixture
def ledger(ledger_address: str, tmp_path: Path) -> Iterator[Ledger]:
    """A life of some weeks: decisions, votes, an override, messages, something noted from elsewhere."""
    with Ledger.open(
        ledger_address, AUDIT_KEY, checkpoint=tmp_path / "near" / "checkpoint", elsewhere=str(tmp_path)
    ) as opened:
        config = configuration(budget_policy(on_pause={"approvals": 1}, clear_after=1, cooldown_hours=0))
        opened.note(AS_OF, "statement.issued", "2026-09", {"sha256": "abc"})
        for week, ratio in enumerate(["0.85", "1.05", "1.1", "0.5", "0.9", "1.2"]):
            at = AS_OF + week * LAST_WEEK
            fact = budget_fact(ratio, data_through=at, period=f"{at:%Y-%m}")
            for decision in evaluate(opened, [fact], config, card, as_of=at).decisions:
                if decision.approvals_needed and week == 1:
                    approve(opened, decision.decision_id, who="ann", now=at)
        override(opened, "team:search", config, card, hours=4, who="ann", why="tests", now=AS_OF + 6 * LAST_WEEK)
        yield opened


def pruned(ledger: Ledger, weeks: int = 2) -> Removed:
    return ledger.prune(AS_OF + weeks * LAST_WEEK, KEEP, who="ann", why="the law", now=NOW)


def test_what_is_old_goes_and_everything_still_holds(ledger: Ledger) -> None:
    before = ledger.verify()
    removed = pruned(ledger)
    assert (removed.first_sequence, removed.entries) == (1, removed.last_sequence)
    after = ledger.verify()
    assert after.problems == ()
    assert (after.removed, after.entries) == (removed.entries, before.entries - removed.entries + 1)
    assert after.checkpoint_sequence == before.entries + 1, "the removal is an entry of its own"
    assert ledger.notes("statement.issued") == {"2026-09": {"sha256": "abc"}}, "what others look up stays known"
    [note] = ledger.notes("audit.pruned").values()
    assert (note["who"], note["why"], note["entries"]) == ("ann", "the law", removed.entries)
    again = pruned(ledger, 4)
    assert again.first_sequence == removed.last_sequence + 1
    assert ledger.verify().problems == ()
    assert ledger.verify().removed == again.last_sequence
    evaluate(ledger, [budget_fact("0.1")], configuration(), card, as_of=NOW)
    assert ledger.verify().problems == (), "the chain goes on"


def test_all_of_it_can_be_old(ledger: Ledger) -> None:
    pruned(ledger, 19)
    report = ledger.verify()
    assert (report.problems, report.entries) == ((), 1)


@pytest.mark.parametrize(
    ("settings", "before", "said", "changes"),
    [
        (AuditSettings(keep_days=None), AS_OF + DAY, "keeps the audit trail for ever; set audit.keep_days", {}),
        (KEEP, NOW - 89 * DAY, "keeps the audit trail for 90 days: name a day up to 2027-03-03", {}),
        (KEEP, AS_OF - DAY, "no entry of the audit trail is older than 2026-10-19", {}),
        (KEEP, AS_OF + DAY, "say who removes them, and why", {"who": " "}),
        (KEEP, AS_OF + DAY, "say who removes them, and why", {"why": ""}),
    ],
)
def test_what_may_not_go_stays(
    ledger: Ledger, settings: AuditSettings, before: datetime, said: str, changes: dict[str, str]
) -> None:
    entries = ledger.verify().entries
    with pytest.raises(LedgerError, match=said):
        ledger.prune(before, settings, **{"who": "ann", "why": "the law", **changes}, now=NOW)
    assert ledger.verify().entries == entries


def test_a_trail_that_does_not_hold_is_evidence_and_stays(ledger: Ledger) -> None:
    attack(ledger, lambda run: run("UPDATE outbox SET body = '{}' WHERE sequence = 1"))
    with pytest.raises(LedgerError, match=r"what is left of it is evidence: message .* was changed"):
        pruned(ledger)


def test_without_a_stub_the_engine_lets_nothing_go(ledger: Ledger) -> None:
    for statement in ("DELETE FROM audit WHERE sequence = 1", "UPDATE audit SET event = 'x' WHERE sequence = 1"):
        with pytest.raises(Exception, match="the audit trail is append-only"), ledger.write() as write:
            write.connection.execute(text(statement))
    pruned(ledger)
    for statement in ("DELETE FROM audit_stub", "UPDATE audit_stub SET proof = 'x'", "DELETE FROM audit"):
        with pytest.raises(Exception, match="the audit trail is append-only"), ledger.write() as write:
            write.connection.execute(text(statement))


# ── What somebody does who has the database and not the key ───────────────────────────────────────────────────────────


def attack(ledger: Ledger, what: Callable[[Callable[[str], Any]], Any]) -> None:
    """Run statements as the database's owner, who can switch the triggers off."""
    with ledger.engine.connect() as connection, connection.begin():
        disarm(connection)
        what(lambda statement: connection.execute(text(statement)))


def disarm(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET session_replication_role = replica"))
        return
    for name in connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).scalars().all():
        connection.execute(text(f"DROP TRIGGER {name}"))


def forge_stub(run: Callable[[str], Any]) -> None:
    """Add a stub for more entries, remove them, and go on as if that were allowed."""
    [document] = run("SELECT document FROM audit_stub").scalars().all()
    stub = json.loads(document)
    first = stub["last_sequence"] + 1
    mac = run(f"SELECT mac FROM audit WHERE sequence = {first}").scalar()
    forged = json.dumps(stub | {"first_sequence": first, "last_sequence": first, "last_mac": mac})
    forged = forged.replace(":", "\\:")
    run(f"INSERT INTO audit_stub VALUES ({first}, {first}, '{forged}', '{'0' * 64}')")
    run(f"DELETE FROM audit WHERE sequence = {first}")


ATTACKS: list[tuple[str, Callable[[Callable[[str], Any]], Any], str]] = [
    (
        "a stub is edited",
        lambda run: run("UPDATE audit_stub SET document = replace(document, 'the law', 'a whim')"),
        "was changed, or was made with another key: somebody removed entries",
    ),
    ("a stub is removed", lambda run: run("DELETE FROM audit_stub"), "audit entries 1 to"),
    ("a stub is forged", forge_stub, "was made with another key: somebody removed entries"),
    (
        "a stub is moved",
        lambda run: run("UPDATE audit_stub SET first_sequence = 2"),
        "is of other entries: 1 to",
    ),
    (
        "the next entry goes too",
        lambda run: run("DELETE FROM audit WHERE sequence = (SELECT min(sequence) FROM audit)"),
        "are missing",
    ),
    (
        "an entry that is left is edited",
        lambda run: run("UPDATE audit SET details = '{}' WHERE sequence = (SELECT min(sequence) FROM audit)"),
        "was changed, or the one before it",
    ),
    (
        "the end is cut off",
        lambda run: run("DELETE FROM audit WHERE sequence = (SELECT max(sequence) FROM audit)"),
        "the audit trail was cut off: the checkpoint knows entry",
    ),
    (
        "a message whose entry is gone is edited",
        lambda run: run("UPDATE outbox SET body = '{}' WHERE sequence = 1"),
        "was changed",
    ),
    (
        "a decision whose entry is gone is edited",
        lambda run: run("UPDATE decision SET level = 'observe' WHERE level = 'warn'"),
        "column level was changed",
    ),
    (
        "a vote whose entry is gone is edited",
        lambda run: run("UPDATE guardrail_vote SET who = 'bob'"),
        "was never recorded",
    ),
    (
        "an override is edited",
        lambda run: run("UPDATE guardrail_override SET why = 'a good reason'"),
        "override ",
    ),
]


@pytest.mark.parametrize(("what", "problem"), [case[1:] for case in ATTACKS], ids=[case[0] for case in ATTACKS])
def test_every_attack_shows(ledger: Ledger, what: Callable[[Callable[[str], Any]], Any], problem: str) -> None:
    pruned(ledger)
    assert ledger.verify().is_intact
    attack(ledger, what)
    found = ledger.verify().problems
    assert any(problem in one for one in found), found


def test_whoever_has_another_key_cannot_chain_anew(ledger: Ledger, ledger_address: str) -> None:
    with Ledger.open(ledger_address, b"the key of somebody else, 32 byte") as other, other.write() as write:
        remove_old(write.chain, AS_OF + LAST_WEEK, who="ann", why="the law", now=NOW)
    assert any("made with another key" in problem for problem in ledger.verify().problems)


# ── The second place ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_backup_put_back_with_its_checkpoint_shows_in_the_second_place(tmp_path: Path) -> None:
    near, far = tmp_path / "home", tmp_path / "elsewhere"
    far.mkdir()

    def write_one(number: int) -> None:
        place = near / "ledger.sqlite"
        with Ledger.open(place, AUDIT_KEY, checkpoint=near / "checkpoint", elsewhere=str(far)) as ledger:
            ledger.note(AS_OF, "something.happened", str(number), {})

    write_one(1)
    backup = {path.name: path.read_bytes() for path in near.iterdir()}
    write_one(2)
    for path in near.iterdir():
        path.unlink()
    for name, content in backup.items():
        (near / name).write_bytes(content)
    with Ledger.open(near / "ledger.sqlite", AUDIT_KEY, checkpoint=near / "checkpoint") as alone:
        assert alone.verify().is_intact, "beside the ledger everything agrees"
    with Ledger.open(near / "ledger.sqlite", AUDIT_KEY, checkpoint=near / "checkpoint", elsewhere=str(far)) as both:
        [problem] = both.verify().problems
        assert problem.startswith("the audit trail was cut off: the checkpoint knows entry 2")
        both.note(AS_OF, "something.happened", "3", {})
        both.note(AS_OF, "something.happened", "4", {})
        assert not both.verify().is_intact, "the evidence is not written over"


@pytest.mark.parametrize(
    "address_of", ["{}/checkpoints/one.json", "file://{}/checkpoints/", "memory://aifinops/audit/"]
)
def test_the_second_place_is_a_file_a_folder_or_an_address(tmp_path: Path, address_of: str) -> None:
    place = address_of.format(tmp_path)
    (tmp_path / "checkpoints").mkdir()
    for number in range(2):
        with Ledger.open(tmp_path / "ledger.sqlite", AUDIT_KEY, elsewhere=place) as ledger:
            for name in "abc":
                ledger.note(AS_OF, "something.happened", f"{name}{number}", {})
    with Ledger.open(tmp_path / "ledger.sqlite", AUDIT_KEY, elsewhere=place) as ledger:
        report = ledger.verify()
        assert (report.problems, report.checkpoint_sequence) == ((), 6)


def test_a_place_that_cannot_be_reached_warns_and_stops_nobody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "a-file").write_text("")
    place = str(tmp_path / "a-file" / "checkpoint")
    with (
        caplog.at_level(logging.WARNING),
        Ledger.open(tmp_path / "ledger.sqlite", AUDIT_KEY, elsewhere=place) as ledger,
    ):
        ledger.note(AS_OF, "something.happened", "first", {})
        assert "the audit trail's second checkpoint was not written" in caplog.text
        assert place in caplog.text
        assert ledger.notes("something.happened") == {"first": {}}
        assert not ledger.verify().is_intact, "nobody vouches that the end is there"


def test_the_second_place_is_not_written_with_every_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    far = tmp_path / "far.json"
    with Ledger.open(tmp_path / "ledger.sqlite", AUDIT_KEY, elsewhere=str(far)) as ledger:
        for number in range(3):
            ledger.note(AS_OF, "something.happened", str(number), {})
        assert json.loads(far.read_text())["sequence"] == 1
        monkeypatch.setattr("guardrails.ledger.time.monotonic", lambda: 1e12)
        ledger.note(AS_OF, "something.happened", "a minute later", {})
        assert json.loads(far.read_text())["sequence"] == 4
        ledger.note(AS_OF, "something.happened", "at the end", {})
    assert json.loads(far.read_text())["sequence"] == 5
