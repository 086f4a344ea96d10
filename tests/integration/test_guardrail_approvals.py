"""People answer for guardrails, on both engines: votes, orders with the last one, grace, the glass broken."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from finops.config import Configuration
from guardrails import (
    ApprovalError,
    EvaluationSummary,
    Ledger,
    Level,
    MessageStatus,
    OverrideError,
    Status,
    Suppression,
    Teller,
    approve,
    deliver_pending,
    deny,
    evaluate,
    expire_approvals,
    messages,
    override,
    questions,
)
from tests.support.guardrail_factory import (
    AS_OF,
    AUDIT_KEY,
    PAUSE,
    ROUTES,
    SECRET,
    TELL,
    budget_fact,
    budget_policy,
    card,
    configuration,
    ladder_policy,
)
from tests.support.receiver import Receiver, receiving

pytestmark = pytest.mark.ids("GUARD-3", "SEC-3")

HOUR = timedelta(hours=1)


@pytest.fixture
def ledger(ledger_address: str, tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(ledger_address, AUDIT_KEY, checkpoint=tmp_path / "checkpoint") as opened:
        yield opened
        assert opened.verify().problems == ()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def asking(approvals: int = 1, **changes: Any) -> Configuration:
    """The pause of team search needs people; without grace."""
    pause = {"approvals": approvals, "approval_hours": 24} | changes.pop("on_pause", {})
    return configuration(budget_policy(pause=[TELL, PAUSE], on_pause=pause, clear_after=1, **changes))


def see(
    ledger: Ledger, config: Configuration, ratio: str, at: timedelta = timedelta(0), **fact: Any
) -> EvaluationSummary:
    fresh = {"data_through": AS_OF + at - HOUR} | fact
    return evaluate(ledger, [budget_fact(ratio, **fresh)], config, card, as_of=AS_OF + at)


def ask(ledger: Ledger, config: Configuration) -> str:
    """Put one question; its id."""
    [decision] = see(ledger, config, "1.05").decisions
    assert decision.status == Status.PENDING_APPROVAL
    return decision.decision_id


def order(ledger: Ledger) -> MessageStatus:
    """Where the only order stands."""
    [found] = [message for message in messages(ledger) if message.is_order]
    return found.status


def send(ledger: Ledger, receiver: Receiver, at: datetime) -> list[str]:
    """Deliver what is due; the webhooks that arrived, by type."""
    environ = {"TEAMS_URL": f"{receiver.url}/teams", "HOOK_URL": f"{receiver.url}/hook", "HOOK_SECRET": SECRET}
    known = len(receiver.requests)
    deliver_pending(ledger, ROUTES, environ, now=at, sleep=lambda _seconds: None)
    arrived = [request for request in receiver.requests[known:] if request.path == "/hook"]
    return [json.loads(request.body)["type"] for request in arrived]


def test_no_order_leaves_before_the_last_person_agreed(ledger: Ledger, receiver: Receiver) -> None:
    decision = ask(ledger, asking(approvals=2))
    real = datetime.now(UTC)
    assert send(ledger, receiver, real) == []
    first = approve(ledger, decision, who="ann", why="yes", now=AS_OF + HOUR)
    assert (first.missing, order(ledger)) == (1, MessageStatus.AWAITING_APPROVAL)
    assert send(ledger, receiver, real) == []
    again = approve(ledger, decision, who="ann", now=AS_OF + HOUR)
    assert again.missing == 1, "nobody counts twice"
    second = approve(ledger, decision, who="bob", now=AS_OF + 2 * HOUR)
    assert (second.status, [vote.who for vote in second.votes]) == (Status.EXECUTING, ["ann", "bob"])
    assert send(ledger, receiver, real) == ["guardrail.tripped"]
    assert [record.status for record in ledger.decisions()] == [Status.ENFORCED]
    (target,) = ledger.state().targets.values()
    assert (target.level, target.status, target.ordered) == (Level.PAUSE, Status.ENFORCED, (Level.PAUSE,))
    assert questions(ledger) == []
    [release] = see(ledger, asking(approvals=2), "0.5", 5 * HOUR).decisions
    assert release.supersedes == decision
    assert send(ledger, receiver, real) == ["guardrail.released"]


def test_one_no_ends_it_and_it_is_not_asked_again_in_the_month(ledger: Ledger) -> None:
    config = asking(approvals=2, cooldown_hours=0)
    decision = ask(ledger, config)
    approve(ledger, decision, who="ann", now=AS_OF)
    said = deny(ledger, decision, who="bob", why="a launch", now=AS_OF + HOUR, teller=Teller(config, card))
    assert (said.status, order(ledger)) == (Status.DENIED, MessageStatus.WITHDRAWN)
    told = [message for message in messages(ledger) if message.kind == "guardrail.answered"]
    assert len(told) == 1
    assert "bob said no: a launch. Nothing was done." in told[0].body
    with pytest.raises(ApprovalError, match="is DENIED: nobody waits"):
        approve(ledger, decision, who="cyd", now=AS_OF + HOUR)
    assert see(ledger, config, "1.1", 2 * HOUR).decisions == ()
    november = see(ledger, config, "1.1", timedelta(days=14), period="2026-11").decisions
    assert [made.status for made in november] == [Status.PENDING_APPROVAL]


def test_who_may_answer(ledger: Ledger) -> None:
    decision = ask(ledger, asking(approvers=["ann", "finops@example.com"]))
    with pytest.raises(ApprovalError, match=r"mallory may not answer; the policy names ann, finops@example\.com"):
        approve(ledger, decision, who="mallory", now=AS_OF)
    with pytest.raises(ApprovalError, match="name who says it"):
        approve(ledger, decision, who=" ", now=AS_OF)
    with pytest.raises(ApprovalError, match="no decision gd_unknown was put to anybody"):
        approve(ledger, "gd_unknown", who="ann", now=AS_OF)
    assert approve(ledger, decision, who="finops@example.com", now=AS_OF).status == Status.EXECUTING, "the owner may"
    with pytest.raises(ApprovalError, match="nobody waits"):
        deny(ledger, decision, who="ann", now=AS_OF)


def test_nobody_answers_in_time(ledger: Ledger, receiver: Receiver) -> None:
    config = asking(cooldown_hours=1)
    decision = ask(ledger, config)
    assert expire_approvals(ledger, now=AS_OF + 23 * HOUR) == []
    assert expire_approvals(ledger, now=AS_OF + 24 * HOUR, teller=Teller(config, card)) == [decision]
    assert order(ledger) == MessageStatus.WITHDRAWN
    assert "Nobody answered in time" in next(m for m in messages(ledger) if m.kind == "guardrail.answered").body
    with pytest.raises(ApprovalError, match="is EXPIRED"):
        approve(ledger, decision, who="ann", now=AS_OF + 24 * HOUR)
    again = see(ledger, config, "1.1", 30 * HOUR).decisions
    assert [made.status for made in again] == [Status.PENDING_APPROVAL]
    assert again[0].decision_id != decision
    assert send(ledger, receiver, datetime.now(UTC)) == []


def test_an_evaluation_ends_what_nobody_answered_too(ledger: Ledger) -> None:
    config = asking()
    decision = ask(ledger, config)
    see(ledger, config, "1.1", 25 * HOUR)
    assert {r.decision_id: r.status for r in ledger.decisions()}[decision] == Status.EXPIRED
    assert [m.decision_id for m in messages(ledger) if m.kind == "guardrail.answered"] == [decision]


def test_old_figures_are_not_acted_on(ledger: Ledger) -> None:
    config = asking(max_data_age_hours=6)
    decision = ask(ledger, config)
    with pytest.raises(ApprovalError, match="were good until 2026-10-20 11:00 UTC: run the pipeline, then approve"):
        approve(ledger, decision, who="ann", now=AS_OF + 6 * HOUR)
    see(ledger, config, "1.06", 6 * HOUR)
    assert approve(ledger, decision, who="ann", now=AS_OF + 6 * HOUR).status == Status.EXECUTING


def test_what_is_over_by_then_is_withdrawn_and_cannot_be_approved(ledger: Ledger) -> None:
    config = asking()
    decision = ask(ledger, config)
    [withdrawn] = see(ledger, config, "0.7", HOUR).decisions
    assert "withdrawn because it is below that level again; nobody had approved it" in withdrawn.reason
    assert order(ledger) == MessageStatus.WITHDRAWN
    with pytest.raises(ApprovalError, match="is EXPIRED: nobody waits"):
        approve(ledger, decision, who="ann", now=AS_OF + 2 * HOUR)
    assert [m.status for m in messages(ledger) if m.decision_id == withdrawn.decision_id] == [MessageStatus.PENDING]


def test_an_approved_order_takes_the_lower_ones_place(ledger: Ledger, receiver: Receiver) -> None:
    config = configuration(ladder_policy(on={"pause": {"approvals": 1}}, clear_after=1))
    [throttle] = see(ledger, config, "0.95").decisions
    real = datetime.now(UTC)
    assert send(ledger, receiver, real) == ["guardrail.tripped"]
    [asked] = see(ledger, config, "1.05", HOUR).decisions
    assert {r.decision_id: r.status for r in ledger.decisions()}[throttle.decision_id] == Status.ENFORCED
    approve(ledger, asked.decision_id, who="ann", now=AS_OF + HOUR)
    assert send(ledger, receiver, real) == ["guardrail.tripped"]
    [release] = see(ledger, config, "0.5", 5 * HOUR).decisions
    assert release.undoes == (Level.PAUSE, Level.THROTTLE)
    assert send(ledger, receiver, real) == ["guardrail.released"] * 2
    assert ledger.decisions(status=Status.REVERTED)[0].decision_id == release.decision_id


def test_grace_follows_approval_and_the_hours_of_the_policy(ledger: Ledger, receiver: Receiver) -> None:
    hours = {"time_zone": "Europe/Berlin", "from": "08:00", "to": "18:00"}
    config = asking(on_pause={"grace_minutes": 60}, acts_when=hours)
    decision = ask(ledger, config)
    evening = datetime(2026, 10, 20, 15, 30, tzinfo=UTC)  # 17:30 in Berlin
    approve(ledger, decision, who="ann", now=evening)
    [found] = [message for message in messages(ledger) if message.is_order]
    morning = datetime(2026, 10, 21, 6, tzinfo=UTC)
    assert (found.status, found.next_attempt_at) == (MessageStatus.PENDING, morning)
    assert send(ledger, receiver, morning - timedelta(seconds=1)) == []
    assert send(ledger, receiver, morning) == ["guardrail.tripped"]


@pytest.mark.parametrize("late", [False, True])
def test_what_is_over_within_the_grace_never_leaves(ledger: Ledger, receiver: Receiver, late: bool) -> None:
    config = configuration(budget_policy(on_pause={"grace_minutes": 30}, clear_after=1))
    [pause] = see(ledger, config, "1.05").decisions
    due = AS_OF + timedelta(minutes=30)
    assert send(ledger, receiver, due - timedelta(minutes=1)) == []
    if late:
        assert send(ledger, receiver, due) == ["guardrail.tripped"]
    [release] = see(ledger, config, "0.7", timedelta(minutes=10)).decisions
    assert release.supersedes == pause.decision_id
    assert release.acts is late, "an order that has left is undone, whatever the clocks say"
    arrived = send(ledger, receiver, due + HOUR)
    assert arrived == (["guardrail.released"] if late else [])
    status = {record.decision_id: record.status for record in ledger.decisions()}
    assert status[pause.decision_id] == (Status.ENFORCED if late else Status.EXPIRED)


@pytest.mark.parametrize("change", ["off", "gone", "version"])
def test_an_order_of_a_policy_that_was_changed_within_the_grace_never_leaves(
    ledger: Ledger, receiver: Receiver, change: str
) -> None:
    see(ledger, configuration(budget_policy(on_pause={"grace_minutes": 30})), "1.05")
    changed = {
        "off": budget_policy(mode="off"), "gone": budget_policy(id="another", budgets=["none"]),
        "version": budget_policy(version=2, budgets=["none"]),
    }[change]  # fmt: skip
    see(ledger, configuration(changed), "1.05", timedelta(minutes=5))
    assert order(ledger) == MessageStatus.WITHDRAWN
    assert [record.status for record in ledger.decisions()] == [Status.EXPIRED]
    assert send(ledger, receiver, datetime.now(UTC)) == []


def test_what_a_policy_does_not_ask_any_more_cannot_be_approved(ledger: Ledger) -> None:
    decision = ask(ledger, asking())
    for policy in (budget_policy(version=2), budget_policy(mode="dry_run"), budget_policy(id="another")):
        teller = Teller(configuration(policy), card)
        with pytest.raises(ApprovalError, match="the policy monthly-budget was changed since"):
            approve(ledger, decision, who="ann", now=AS_OF, teller=teller)
    assert order(ledger) == MessageStatus.AWAITING_APPROVAL


def test_people_who_answer_at_once_give_one_order(ledger: Ledger, receiver: Receiver) -> None:
    decision = ask(ledger, asking(approvals=2))

    def say(who: str) -> str:
        try:
            return approve(ledger, decision, who=who, now=AS_OF).status
        except ApprovalError as error:
            return str(error)

    with ThreadPoolExecutor(6) as pool:
        said = list(pool.map(say, ["ann", "bob", "cyd", "dan", "eve", "fay"]))
    assert sum("nobody waits" in one for one in said) == 4
    [found] = questions(ledger, only_open=False)
    assert len(found.votes) == 2
    assert send(ledger, receiver, datetime.now(UTC)) == ["guardrail.tripped"]


# ── Breaking the glass ────────────────────────────────────────────────────────────────────────────────────────────────


def break_glass(ledger: Ledger, config: Configuration, subject: str = "team:search", **changes: Any) -> Any:
    said: dict[str, Any] = {"hours": 4, "who": "ann", "why": "customers wait", "now": AS_OF + HOUR} | changes
    return override(ledger, subject, config, card, **said)


def test_breaking_the_glass_releases_what_stands_and_holds_what_follows(ledger: Ledger, receiver: Receiver) -> None:
    config = configuration(ladder_policy(on={"stop": {"approvals": 1}}, cooldown_hours=0))
    real = datetime.now(UTC)
    [pause] = see(ledger, config, "1.05").decisions
    assert send(ledger, receiver, real) == ["guardrail.tripped"]
    [stop] = see(ledger, config, "1.3", HOUR / 2).decisions
    broken = break_glass(ledger, config)
    assert [made.supersedes for made in broken.released] == [stop.decision_id, pause.decision_id] or [
        made.supersedes for made in broken.released
    ] == [pause.decision_id, stop.decision_id]
    assert any(made.undoes == (Level.PAUSE,) for made in broken.released)
    assert "because ann holds all orders about it for 4 hours: customers wait" in broken.released[0].reason
    assert send(ledger, receiver, real) == ["guardrail.released"]
    [held] = see(ledger, config, "1.3", 2 * HOUR).decisions
    assert (held.suppressed_because, held.acts) == (Suppression.OVERRIDDEN, False)
    [after] = see(ledger, config, "1.05", 5 * HOUR).decisions
    assert (after.level, after.acts) == (Level.PAUSE, True), "when the hours are over, the policy acts again"


def test_a_held_target_cannot_be_acted_on_by_approval(ledger: Ledger) -> None:
    config = asking()
    decision = ask(ledger, config)
    other = configuration(*config.guardrails.policies, budget_policy(id="other", budgets=["none"]))
    break_glass(ledger, other, hours=2)
    with pytest.raises(ApprovalError, match="is EXPIRED"):
        approve(ledger, decision, who="bob", now=AS_OF + HOUR)


def test_one_policy_is_held_where_a_decision_is_named(ledger: Ledger) -> None:
    config = configuration(budget_policy(cooldown_hours=0), budget_policy(id="second", cooldown_hours=0))
    made = {d.policy_id: d for d in see(ledger, config, "1.05").decisions}
    broken = break_glass(ledger, config, made["second"].decision_id)
    assert (broken.policy_id, [one.policy_id for one in broken.released]) == ("second", ["second"])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"who": " "}, "say who breaks the glass, and why"),
        ({"why": ""}, "say who breaks the glass, and why"),
        ({"hours": 0}, "not between 1 and 336"),
        ({"hours": 400}, "for longer, change the policy"),
        ({"subject": "team:nobody"}, "no guardrail has ever looked at team:nobody. It has looked at: team:search"),
        ({"subject": "gd_none"}, "there is no decision gd_none; name one, or a target such as team:search"),
    ],
)
def test_the_glass_is_not_broken_like_this(ledger: Ledger, changes: dict[str, Any], said: str) -> None:
    config = configuration()
    see(ledger, config, "1.05")
    entries = ledger.verify().entries
    with pytest.raises(OverrideError, match=said):
        break_glass(ledger, config, **changes)
    assert ledger.verify().entries == entries, "nothing is recorded"


def test_an_order_of_a_policy_that_is_gone_says_so_and_one_that_is_off_is_undone(ledger: Ledger) -> None:
    see(ledger, configuration(), "1.05")
    with pytest.raises(OverrideError, match=r"is not in guardrails\.yml any more: put it back, off or as a dry run"):
        break_glass(ledger, configuration(budget_policy(id="another")))
    broken = break_glass(ledger, configuration(budget_policy(mode="off")))
    assert [made.undoes for made in broken.released] == [(Level.PAUSE,)]


def test_an_order_of_a_level_that_is_gone_says_so(ledger: Ledger) -> None:
    see(ledger, configuration(ladder_policy()), "0.95")
    lost = configuration(budget_policy())
    assert "no order left to take back at a level that it raised" in see(ledger, lost, "0.1", HOUR).notes[0]
    with pytest.raises(OverrideError, match=r"\(throttle\): put it back, so that it can be undone"):
        break_glass(ledger, lost)


def test_everything_is_on_the_record_and_votes_cannot_be_altered(ledger: Ledger) -> None:
    config = asking()
    decision = ask(ledger, config)
    approve(ledger, decision, who="ann", now=AS_OF)
    break_glass(ledger, config)
    assert ledger.notes("guardrail.voted")[f"{decision}/ann"]["verdict"] == "approve"
    [said] = ledger.notes("guardrail.overridden").values()
    assert (said["who"], said["why"], said["scope_value"]) == ("ann", "customers wait", "search")
    for statement, what in (
        ("UPDATE guardrail_vote SET verdict = 'deny'", "a vote is append-only"),
        ("DELETE FROM guardrail_override", "an override is append-only"),
    ):
        with pytest.raises(Exception, match=what), ledger.write() as write:
            write.connection.execute(text(statement))
