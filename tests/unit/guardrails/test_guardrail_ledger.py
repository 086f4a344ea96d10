"""The ledger: written whole, once, and provable afterwards."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import text

from guardrails import (
    Decision,
    Ledger,
    LedgerError,
    Level,
    MessageStatus,
    Status,
    evaluate,
    messages,
    queue_notification,
)
from tests.support.guardrail_factory import (
    AS_OF,
    AUDIT_KEY,
    PAUSE,
    TELL,
    budget_fact,
    budget_policy,
    card,
    configuration,
    usage_fact,
    usage_policy,
)

pytestmark = pytest.mark.ids("GUARD-3", "SEC-3")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "ledger.sqlite", AUDIT_KEY, checkpoint=tmp_path / "elsewhere" / "checkpoint") as opened:
        yield opened


def change(ledger: Ledger, statement: str) -> None:
    """What somebody with the file and no key would do."""
    path = ledger.engine.url.database
    assert path
    with closing(sqlite3.connect(path)) as connection, connection:
        for name in ("audit_no_update", "audit_no_delete"):
            connection.execute(f"DROP TRIGGER IF EXISTS {name}")
        assert connection.execute(statement).rowcount > 0, "the test must change something"


def test_an_evaluation_is_recorded_with_its_messages_and_repeating_it_changes_nothing(ledger: Ledger) -> None:
    facts = [budget_fact(), usage_fact("1.6")]
    config = configuration(budget_policy(), usage_policy())
    first = evaluate(ledger, facts, config, card, as_of=AS_OF)
    assert (first.fact_count, first.new_decision_count, first.message_count) == (2, 2, 3)
    assert first.sentence == ("2 facts judged, 2 new decisions (1 warn, 1 pause), 3 new messages")
    assert {record.document["reason"] for record in ledger.decisions()} == {d.reason for d in first.decisions}
    again = evaluate(ledger, list(reversed(facts)), config, card, as_of=AS_OF + timedelta(hours=1))
    assert (again.new_decision_count, again.message_count) == (0, 0)
    assert len(ledger.decisions()) == 2
    assert len(messages(ledger)) == 3


def test_what_is_remembered_is_what_was_decided(ledger: Ledger) -> None:
    evaluate(ledger, [budget_fact("1.1")], configuration(), card, as_of=AS_OF)
    (target,) = ledger.state().targets.values()
    assert target.reference == Decimal(12000)
    assert target.raised_at == {Level.PAUSE: AS_OF}
    assert target.counted_through == budget_fact().data_through
    assert target.status == Status.EXECUTING
    assert [record.decision_id for record in ledger.decisions(status=Status.EXECUTING)] == [target.decision_id]


def test_nothing_is_recorded_where_a_card_cannot_be_rendered(ledger: Ledger) -> None:
    def broken(_decision: Decision, _action: object) -> dict[str, object]:
        raise KeyError("no such template")

    with pytest.raises(KeyError):
        evaluate(ledger, [budget_fact()], configuration(), broken, as_of=AS_OF)
    assert ledger.decisions() == []
    assert ledger.state().targets == {}
    assert ledger.verify().is_intact


def test_a_dry_run_keeps_the_order_it_would_have_sent(ledger: Ledger) -> None:
    evaluate(ledger, [budget_fact()], configuration(budget_policy(mode="dry_run")), card, as_of=AS_OF)
    told, ordered = messages(ledger)
    assert (told.route_id, told.status) == ("teams-finops", MessageStatus.PENDING)
    assert "Dry run. Team search has used 104.2%" in told.body
    assert (ordered.route_id, ordered.status) == ("platform-hook", MessageStatus.WOULD_SEND)
    assert ordered.document["data"]["dry_run"] is True


def test_a_refusal_is_recorded_once_and_sends_nothing(ledger: Ledger) -> None:
    stale = budget_fact(is_reconciled=False)
    assert evaluate(ledger, [stale], configuration(), card, as_of=AS_OF).suppressed
    assert not evaluate(ledger, [stale], configuration(), card, as_of=AS_OF + timedelta(hours=1)).decisions
    assert messages(ledger) == []
    assert [record.status for record in ledger.decisions()] == [Status.SUPPRESSED]


def test_an_order_that_was_not_delivered_is_withdrawn_by_its_release(ledger: Ledger) -> None:
    config = configuration(budget_policy(clear_after=1))
    trip = evaluate(ledger, [budget_fact()], config, card, as_of=AS_OF).decisions[0]
    later = AS_OF + timedelta(days=1)
    fact = budget_fact("0.5", data_through=later)
    release = evaluate(ledger, [fact], config, card, as_of=later).decisions[0]
    by_id = {record.decision_id: record.status for record in ledger.decisions()}
    assert by_id == {trip.decision_id: Status.EXPIRED, release.decision_id: Status.REVERTING}
    orders = [(m.decision_id, m.status) for m in messages(ledger) if m.is_order]
    assert orders == [
        (trip.decision_id, MessageStatus.WITHDRAWN), (release.decision_id, MessageStatus.PENDING),
    ]  # fmt: skip
    assert ledger.verify().is_intact


@pytest.mark.parametrize(
    ("policies", "why"),
    [
        ([budget_policy(mode="off")], "its policy is off"),
        ([budget_policy(mode="dry_run")], "its policy is now a dry run"),
        ([budget_policy(pause=[TELL])], "no order left to take back"),
        ([usage_policy()], "its policy was removed"),
    ],
)
def test_an_order_that_nothing_will_release_is_pointed_out(ledger: Ledger, policies: list, why: str) -> None:  # type: ignore[type-arg]
    evaluate(ledger, [budget_fact()], configuration(), card, as_of=AS_OF)
    summary = evaluate(ledger, [budget_fact("0.1")], configuration(*policies), card, as_of=AS_OF + timedelta(days=2))
    assert len(summary.notes) == 1
    assert summary.notes[0].startswith("monthly-budget on team search is still in force (EXECUTING")
    assert why in summary.notes[0]


@pytest.mark.ids("NOTIF-1")
def test_a_notification_is_queued_once(ledger: Ledger) -> None:
    body = {"type": "message"}
    assert queue_notification(ledger, "anomaly/a1/teams-finops", "teams-finops", "anomaly", body, as_of=AS_OF)
    assert not queue_notification(ledger, "anomaly/a1/teams-finops", "teams-finops", "anomaly", body, as_of=AS_OF)
    assert [message.message_id for message in messages(ledger)] == ["anomaly/a1/teams-finops"]


def test_two_actions_on_one_route_are_two_messages_and_two_alike_are_one(ledger: Ledger) -> None:
    policy = budget_policy(pause=[PAUSE, {**PAUSE, "kind": "ticket"}, PAUSE])
    evaluate(ledger, [budget_fact()], configuration(policy), card, as_of=AS_OF)
    assert [message.document["data"]["action"] for message in messages(ledger)] == ["pause", "ticket"]


def test_the_trail_of_a_whole_life_is_intact(ledger: Ledger) -> None:
    for day, ratio in enumerate(["0.85", "1.1", "0.5", "0.5"]):
        at = AS_OF + timedelta(days=day)
        evaluate(ledger, [budget_fact(ratio, data_through=at)], configuration(), card, as_of=at)
    report = ledger.verify()
    assert report.is_intact, report.problems
    assert report.entries == report.checkpoint_sequence
    assert report.entries > 10


TAMPERING: list[tuple[str, Callable[[Ledger], None], str]] = [
    (
        "an entry is edited",
        lambda ledger: change(
            ledger, "UPDATE audit SET details = replace(details, 'search', 'fraud') WHERE sequence = 1"
        ),
        "audit entry 1 (decision.recorded) was changed",
    ),
    (
        "an entry is moved in time",
        lambda ledger: change(ledger, "UPDATE audit SET at = '2026-10-19 06:00:00.000000' WHERE sequence = 2"),
        "audit entry 2",
    ),
    (
        "an entry is deleted from the middle",
        lambda ledger: change(ledger, "DELETE FROM audit WHERE sequence = 2"),
        "audit entries 2 to 2 are missing",
    ),
    (
        "the end is cut off",
        lambda ledger: change(ledger, "DELETE FROM audit WHERE sequence > 2"),
        "the audit trail was cut off: the checkpoint knows entry 4",
    ),
    (
        "the end is cut off and the head set back",
        lambda ledger: (
            change(ledger, "DELETE FROM audit WHERE sequence > 2"),
            change(
                ledger, "UPDATE chain_head SET (sequence, mac) = (SELECT sequence, mac FROM audit WHERE sequence = 2)"
            ),
        )[0],
        "the audit trail was cut off: the checkpoint knows entry 4",
    ),
    (
        "everything is emptied",
        lambda ledger: change(ledger, "DELETE FROM audit"),
        "the audit trail was cut off",
    ),
    (
        "a decision is edited",
        lambda ledger: change(ledger, "UPDATE decision SET document = replace(document, 'USD', 'EUR')"),
        "was changed",
    ),
    (
        "a decision's column is edited",
        lambda ledger: change(ledger, "UPDATE decision SET scope_value = 'fraud'"),
        "column scope_value was changed",
    ),
    (
        "a message is edited",
        lambda ledger: change(ledger, "UPDATE outbox SET body = replace(body, 'pause', 'stop') WHERE is_order"),
        "was changed",
    ),
    ("a message is deleted", lambda ledger: change(ledger, "DELETE FROM outbox WHERE is_order"), "was deleted"),
    (
        "the checkpoint is forged",
        lambda ledger: ledger.checkpoint.write_text(ledger.checkpoint.read_text().replace("4", "3")) and None,  # type: ignore[union-attr]
        "was changed, or was made with another key",
    ),
    ("the checkpoint is removed", lambda ledger: ledger.checkpoint.unlink(), "does not exist"),  # type: ignore[union-attr]
]


@pytest.mark.parametrize(("tamper", "problem"), [case[1:] for case in TAMPERING], ids=[case[0] for case in TAMPERING])
def test_tampering_shows(ledger: Ledger, tamper: Callable[[Ledger], None], problem: str) -> None:
    evaluate(ledger, [budget_fact()], configuration(), card, as_of=AS_OF)
    assert ledger.verify().is_intact
    assert ledger.verify().entries == 4
    tamper(ledger)
    report = ledger.verify()
    assert not report.is_intact
    assert any(problem in found for found in report.problems), report.problems


def test_writing_on_after_a_cut_does_not_hide_it(ledger: Ledger) -> None:
    evaluate(ledger, [budget_fact()], configuration(), card, as_of=AS_OF)
    change(ledger, "DELETE FROM audit WHERE sequence > 1")
    change(ledger, "UPDATE chain_head SET (sequence, mac) = (SELECT sequence, mac FROM audit)")
    for hour in range(1, 6):
        evaluate(ledger, [], configuration(), card, as_of=AS_OF + timedelta(hours=hour))
    assert any("the trail was rewritten" in problem for problem in ledger.verify().problems)


def test_another_key_proves_nothing(tmp_path: Path, ledger: Ledger) -> None:
    evaluate(ledger, [budget_fact()], configuration(), card, as_of=AS_OF)
    with Ledger.open(tmp_path / "ledger.sqlite", b"another key, long enough") as other:
        assert not other.verify().is_intact


def test_the_engine_itself_refuses_to_edit_the_trail(ledger: Ledger) -> None:
    evaluate(ledger, [budget_fact()], configuration(), card, as_of=AS_OF)
    for statement in ("UPDATE audit SET event = 'x'", "DELETE FROM audit"):
        with pytest.raises(Exception, match="the audit trail is append-only"), ledger.write() as write:
            write.connection.execute(text(statement))


def test_a_short_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="at least 16 random ones"):
        Ledger.open(tmp_path / "ledger.sqlite", b"short")
    with pytest.raises(LedgerError, match="the audit key has 0 bytes"):
        evaluate(tmp_path / "ledger.sqlite", [], configuration(), card, as_of=AS_OF)


def test_a_path_is_opened_and_closed_by_the_evaluation(tmp_path: Path) -> None:
    path = tmp_path / "new" / "ledger.sqlite"
    checkpoint = tmp_path / "checkpoint"
    summary = evaluate(
        path, [budget_fact()], configuration(), card, as_of=AS_OF, audit_key=AUDIT_KEY, checkpoint=checkpoint
    )
    assert summary.new_decision_count == 1
    with Ledger.open(f"sqlite:///{path}", AUDIT_KEY, checkpoint=checkpoint) as ledger:
        assert ledger.verify().is_intact
        with ledger.read() as connection:
            assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"


def test_readers_do_not_wait_for_a_writer(ledger: Ledger) -> None:
    evaluate(ledger, [budget_fact()], configuration(), card, as_of=AS_OF)
    with ledger.write() as write:
        write.chain.append(AS_OF, "test", "test", {})
        assert len(ledger.decisions()) == 1


def test_facts_are_evidence_to_the_last_digit(ledger: Ledger) -> None:
    exact = replace(budget_fact(), value=Decimal("12504.123456789012"))
    evaluate(ledger, [exact], configuration(), card, as_of=AS_OF)
    assert ledger.decisions()[0].document["evidence"]["value"] == "12504.123456789012"
