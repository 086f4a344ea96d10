"""What policies conclude: levels, refusals, hysteresis, identity."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from finops.config.policies import Policy
from guardrails import Decision, FactChange, GuardrailFact, Level, State, Status, Suppression, assess, decide, replay
from guardrails.states import TRANSITIONS, IllegalTransitionError, move
from tests.support.guardrail_factory import AS_OF, PAUSE, TELL, budget_fact, budget_policy, usage_fact, usage_policy

pytestmark = pytest.mark.ids("GUARD-1", "GUARD-3")

DAY = timedelta(days=1)


def only(decisions: list[Decision]) -> Decision:
    assert len(decisions) == 1, decisions
    return decisions[0]


def in_days(fact: GuardrailFact, days: int) -> GuardrailFact:
    """The same fact as an evaluation some days later sees it."""
    assert fact.data_through
    return replace(fact, as_of=fact.as_of + days * DAY, data_through=fact.data_through + days * DAY)


def after(*steps: tuple[Policy, GuardrailFact, int]) -> tuple[list[Decision], State]:
    """Evaluate each step (policy, fact, day) on the state before it, every order carried out at once."""
    state, decisions = State(), []
    for policy, fact, day in steps:
        assessment = assess([fact], [policy], state, as_of=AS_OF + day * DAY)
        decisions += assessment.decisions
        done = {Status.EXECUTING: Status.ENFORCED, Status.REVERTING: Status.REVERTED}
        targets = {
            key: replace(target, status=done.get(target.status, target.status))
            for key, target in assessment.targets.items()
        }
        ids = frozenset(decision.decision_id for decision in assessment.decisions)
        state = State({**state.targets, **targets}, state.decided | ids)
    return decisions, state


# policy, fact → level, status, what is sent, what is withheld, why suppressed; None: no decision
GOLDEN: list[tuple[str, Policy, GuardrailFact, tuple[Any, ...] | None]] = [
    ("79.99% is fine", budget_policy(), budget_fact("0.7999"), None),
    ("80% warns", budget_policy(), budget_fact("0.8"), ("warn", "WARN", ("notify",), (), None)),
    ("99.99% warns", budget_policy(), budget_fact("0.9999"), ("warn", "WARN", ("notify",), (), None)),
    ("100% pauses", budget_policy(), budget_fact("1"), ("pause", "EXECUTING", ("notify", "pause"), (), None)),
    ("off", budget_policy(mode="off"), budget_fact("3"), None),
    ("dry run", budget_policy(mode="dry_run"), budget_fact("1"), ("pause", "WARN", ("notify",), ("pause",), None)),
    ("nothing to order", budget_policy(pause=[TELL]), budget_fact("1"), ("pause", "WARN", ("notify",), (), None)),
    ("projected ignored", budget_policy(), budget_fact("0.5", projected_ratio=Decimal("1.2")), None),
    (
        "projected",
        budget_policy(basis="projected"),
        budget_fact("0.5", projected_ratio=Decimal("1.2")),
        ("pause", "EXECUTING", ("notify", "pause"), (), None),
    ),
    (
        "projected without a forecast",
        budget_policy(basis="projected"),
        budget_fact("1.1"),
        ("pause", "EXECUTING", ("notify", "pause"), (), None),
    ),
    ("another budget", budget_policy(budgets=["fraud"]), budget_fact("2"), None),
    ("another kind", usage_policy(), budget_fact("2"), None),
    (
        "never touch",
        budget_policy(never_touch=["search"]),
        budget_fact("1"),
        ("pause", "SUPPRESSED", ("notify",), ("pause",), "never_touch"),
    ),
    (
        "never touch does not matter where only people are told",
        budget_policy(never_touch=["search"]),
        budget_fact("0.9"),
        ("warn", "WARN", ("notify",), (), None),
    ),
    (
        "49 hours old",
        budget_policy(),
        budget_fact("1", data_through=AS_OF - timedelta(hours=49)),
        ("pause", "SUPPRESSED", (), ("notify", "pause"), "stale_data"),
    ),
    (
        "48 hours old",
        budget_policy(),
        budget_fact("1", data_through=AS_OF - timedelta(hours=48)),
        ("pause", "EXECUTING", ("notify", "pause"), (), None),
    ),
    (
        "no data at all",
        budget_policy(),
        budget_fact("1", data_through=None),
        ("pause", "SUPPRESSED", (), ("notify", "pause"), "stale_data"),
    ),
    (
        "not reconciled",
        budget_policy(),
        budget_fact("1", is_reconciled=False),
        ("pause", "SUPPRESSED", (), ("notify", "pause"), "not_reconciled"),
    ),
    ("1.4 times is fine", usage_policy(), usage_fact("1.4"), None),
    ("1.5 times warns", usage_policy(), usage_fact("1.5"), ("warn", "WARN", ("notify",), (), None)),
    ("doubled", usage_policy(), usage_fact("2"), ("throttle", "EXECUTING", ("notify", "throttle"), (), None)),
    ("doubled, but small money", usage_policy(), usage_fact("2", reference=Decimal(24)), None),
    ("another level", usage_policy(scope_type="team"), usage_fact("2"), None),
]


@pytest.mark.parametrize(
    ("policy", "fact", "expected"), [case[1:] for case in GOLDEN], ids=[case[0] for case in GOLDEN]
)
def test_golden_table(policy: Policy, fact: GuardrailFact, expected: tuple[Any, ...] | None) -> None:
    decisions = decide([fact], [policy], State(), as_of=AS_OF)
    if expected is None:
        assert decisions == []
        return
    made = only(decisions)
    assert (made.level, made.status, made.action_kinds, made.withheld_kinds, made.suppressed_because) == expected
    assert made.evidence["fact_id"] == fact.fact_id
    assert made.data_through == fact.data_through


@pytest.mark.parametrize(
    ("policy", "fact", "sentence"),
    [
        (
            budget_policy(),
            budget_fact("1.0426"),
            "Team search has used 104.2% of its October 2026 budget: USD 12,511.20 of USD 12,000.00. "
            "The platform was asked to pause it.",
        ),
        (
            budget_policy(mode="dry_run"),
            budget_fact("0.99999", projected_ratio=Decimal("1.3")),
            "Team search has used 99.9% of its October 2026 budget: USD 11,999.88 of USD 12,000.00.",
        ),
        (
            budget_policy(basis="projected", mode="dry_run"),
            budget_fact("0.75", projected_ratio=Decimal("1.3")),
            "Team search is projected to use 130.0% of its October 2026 budget (so far 75.0%: USD 9,000.00 of "
            "USD 12,000.00). Dry run: nobody was asked to pause it.",
        ),
        (
            usage_policy(never_touch=["query-rewriter"]),
            usage_fact("8.19"),
            "App query-rewriter cost USD 409.50 on 2026-10-19, 8.1 times the typical USD 50.00 of that weekday. "
            "Nobody was asked to throttle it: it is on the policy's never-touch list.",
        ),
        (
            budget_policy(),
            budget_fact("1", scope_type="company", scope_value="all", data_through=AS_OF - timedelta(hours=50)),
            "The company has used 100.0% of its October 2026 budget: USD 12,000.00 of USD 12,000.00. Nothing was done: "
            "the newest data is from 2026-10-18 04:00 UTC, 50 hours old, and the policy allows 48.",
        ),
    ],
)
def test_people_read_money_and_percentages(policy: Policy, fact: GuardrailFact, sentence: str) -> None:
    assert only(decide([fact], [policy], State(), as_of=AS_OF)).reason == sentence


def test_the_id_is_the_same_everywhere_and_names_policy_version_target_period_and_level() -> None:
    first = only(decide([budget_fact()], [budget_policy()], State(), as_of=AS_OF))
    later = only(decide([budget_fact("1.5")], [budget_policy()], State(), as_of=AS_OF + timedelta(hours=1)))
    assert first.decision_id == later.decision_id == "gd_deefa620c9bd7b75bc7e0140c4292c93"
    others = [
        (budget_policy(version=2), budget_fact()),
        (budget_policy(id="other"), budget_fact()),
        (budget_policy(), budget_fact(scope_value="fraud")),
        (budget_policy(), budget_fact(scope_type="app")),
        (budget_policy(), budget_fact(period="2026-11")),
        (budget_policy(), budget_fact("0.9")),
        (budget_policy(mode="dry_run"), budget_fact()),
        (budget_policy(), budget_fact(is_reconciled=False)),
    ]
    ids = {only(decide([fact], [policy], State(), as_of=AS_OF)).decision_id for policy, fact in others}
    assert len(ids | {first.decision_id}) == len(others) + 1


def test_a_target_is_decided_on_once_per_level() -> None:
    policy = budget_policy()
    decisions, _ = after(
        (policy, budget_fact("0.85"), 0),
        (policy, in_days(budget_fact("0.9"), 1), 1),
        (policy, in_days(budget_fact("1.01"), 2), 2),
        (policy, in_days(budget_fact("1.2"), 3), 3),
        (policy, in_days(budget_fact("1.5"), 4), 4),
    )
    assert [decision.level for decision in decisions] == [Level.WARN, Level.PAUSE]


def test_release_needs_several_evaluations_of_new_data_below_the_lower_limit() -> None:
    policy = budget_policy(clear_below="0.95", clear_after=2)
    decisions, state = after(
        (policy, budget_fact("1.01"), 0),
        (policy, in_days(budget_fact("0.96"), 1), 1),  # below the limit, not below the lower one
        (policy, in_days(budget_fact("0.94"), 2), 2),  # once
        (policy, in_days(budget_fact("0.96"), 3), 3),  # starts again
        (policy, in_days(budget_fact("0.94"), 4), 4),  # once
        (policy, in_days(budget_fact("0.94"), 4), 5),  # the same data does not count twice
    )
    assert [decision.level for decision in decisions] == [Level.PAUSE]
    (target,) = state.targets.values()
    assert (target.level, target.status, target.clear_count) == (Level.PAUSE, Status.ENFORCED, 1)

    assessment = assess([in_days(budget_fact("0.94"), 5)], [policy], state, as_of=AS_OF + 5 * DAY)
    release = only(assessment.decisions)
    assert (release.level, release.status) == (Level.RELEASE, Status.REVERTING)
    assert release.action_kinds == ("notify", "pause")
    assert release.supersedes == decisions[0].decision_id
    assert release.reason.endswith(
        "The guardrail is released because it was clear of the limit in 2 evaluations in a row. "
        "The platform was asked to undo: pause."
    )


def test_untrustworthy_data_releases_nothing() -> None:
    policy = budget_policy(clear_after=1)
    decisions, _ = after(
        (policy, budget_fact("1.01"), 0),
        (policy, in_days(budget_fact("0.5", is_reconciled=False), 1), 1),
        (policy, budget_fact("0.5"), 9),
    )
    assert [decision.level for decision in decisions] == [Level.PAUSE]


def test_a_raised_budget_releases_at_once_and_may_trip_again() -> None:
    policy = budget_policy(cooldown_hours=0)
    raised = budget_fact("0.84", reference=Decimal(15000))
    decisions, _ = after(
        (policy, budget_fact("1.05"), 0),
        (policy, raised, 0),
        (policy, in_days(replace(raised, ratio=Decimal("1.01"), value=Decimal(15150)), 1), 1),
    )
    assert [decision.level for decision in decisions] == [Level.PAUSE, Level.RELEASE, Level.PAUSE]
    assert "the budget was raised from USD 12,000.00 to USD 15,000.00" in decisions[1].reason
    assert decisions[0].decision_id != decisions[2].decision_id


def test_a_new_month_releases_and_its_own_warning_follows() -> None:
    policy = budget_policy(cooldown_hours=0)
    november = in_days(budget_fact("0.01", period="2026-11"), 12)
    decisions, _ = after(
        (policy, budget_fact("1.05"), 0),
        (policy, november, 12),
        (policy, in_days(replace(november, ratio=Decimal("0.9")), 20), 32),
        (policy, budget_fact("1.3"), 33),  # October, restated: history
    )
    assert [(d.level, d.period) for d in decisions] == [
        (Level.PAUSE, "2026-10"), (Level.RELEASE, "2026-11"), (Level.WARN, "2026-11"),
    ]  # fmt: skip
    assert "November 2026 has its own budget" in decisions[1].reason


def test_usage_that_stays_doubled_is_one_incident_and_a_new_day_alone_releases_nothing() -> None:
    policy = usage_policy(clear_after=2)
    days = [in_days(usage_fact(ratio, period=f"2026-10-{19 + i}"), i) for i, ratio in enumerate(["3", "4", "1.1", "1"])]
    decisions, _ = after(*[(policy, fact, day) for day, fact in enumerate(days)])
    assert [(d.level, d.period) for d in decisions] == [(Level.THROTTLE, "2026-10-19"), (Level.RELEASE, "2026-10-22")]


def test_cooldown_holds_back_the_next_trip() -> None:
    policy = budget_policy(clear_after=1, cooldown_hours=72)
    decisions, _ = after(
        (policy, budget_fact("1.01"), 0),
        (policy, in_days(budget_fact("0.5"), 1), 1),
        (policy, in_days(budget_fact("1.2"), 2), 2),
        (policy, in_days(budget_fact("1.2"), 3), 3),
    )
    assert [(d.level, d.suppressed_because) for d in decisions] == [
        (Level.PAUSE, None), (Level.RELEASE, None), (Level.PAUSE, Suppression.COOLDOWN), (Level.PAUSE, None),
    ]  # fmt: skip
    assert "last raised on 2026-10-20 06:00 UTC, and the policy waits 72 hours" in decisions[2].reason
    assert decisions[2].action_kinds == ()


def test_what_was_refused_is_done_once_the_data_is_good() -> None:
    policy = budget_policy()
    decisions, _ = after(
        (policy, budget_fact("1.1", is_reconciled=False), 0),
        (policy, budget_fact("1.1", is_reconciled=False), 0),
        (policy, budget_fact("1.1"), 0),
    )
    assert [d.status for d in decisions] == [Status.SUPPRESSED, Status.EXECUTING]


def test_the_blast_radius_takes_the_most_money_first_and_does_not_open_again_in_the_same_run() -> None:
    policy = budget_policy(max_targets_per_run=2)
    facts = [
        budget_fact("1.1", fact_id=name, scope_value=name, reference=Decimal(amount))
        for name, amount in [("a", 1000), ("b", 9000), ("c", 5000), ("d", 200)]
    ]
    first = assess(facts, [policy], State(), as_of=AS_OF)
    acted = {d.scope_value for d in first.decisions if d.acts}
    assert acted == {"b", "c"}
    assert {d.scope_value for d in first.decisions if d.suppressed_because == Suppression.BLAST_RADIUS} == {"a", "d"}
    assert all(d.action_kinds == ("notify",) for d in first.decisions if d.suppressed_because)

    state = State(first.targets, frozenset(d.decision_id for d in first.decisions))
    assert decide(facts, [policy], state, as_of=AS_OF) == []
    next_run = decide(facts, [policy], state, as_of=AS_OF + timedelta(hours=1))
    assert {d.scope_value for d in next_run if d.acts} == {"a", "d"}


def test_going_from_dry_run_to_enforce_acts_on_what_is_over_now() -> None:
    decisions, _ = after(
        (budget_policy(mode="dry_run"), budget_fact("1.1"), 0),
        (budget_policy(mode="enforce"), budget_fact("1.1"), 0),
    )
    assert [(d.mode, d.status) for d in decisions] == [("dry_run", Status.WARN), ("enforce", Status.EXECUTING)]


def test_a_dry_run_takes_no_order_back() -> None:
    decisions, state = after(
        (budget_policy(clear_after=1), budget_fact("1.1"), 0),
        (budget_policy(clear_after=1, mode="dry_run"), in_days(budget_fact("0.1"), 1), 1),
    )
    assert [d.level for d in decisions] == [Level.PAUSE]
    assert [target.status for target in state.targets.values()] == [Status.ENFORCED]


def test_a_new_version_orders_anew() -> None:
    decisions, _ = after(
        (budget_policy(cooldown_hours=0), budget_fact("1.1"), 0),
        (
            budget_policy(cooldown_hours=0, version=2, pause=[TELL, {**PAUSE, "kind": "throttle"}]),
            budget_fact("1.1"),
            0,
        ),
    )
    assert [d.action_kinds for d in decisions] == [("notify", "pause"), ("notify", "throttle")]
    assert decisions[1].supersedes == decisions[0].decision_id


def test_a_paused_target_is_given_back_although_it_was_put_on_the_never_touch_list_since() -> None:
    decisions, _ = after(
        (budget_policy(clear_after=1), budget_fact("1.1"), 0),
        (budget_policy(clear_after=1, never_touch=["search"]), in_days(budget_fact("0.1"), 1), 1),
    )
    assert [d.status for d in decisions] == [Status.EXECUTING, Status.REVERTING]


def test_of_two_budgets_of_a_team_the_tighter_one_decides_and_a_daily_one_stands_apart() -> None:
    facts = [
        budget_fact("0.9", fact_id="wide", budget_id="wide"),
        budget_fact("1.2", fact_id="tight", budget_id="tight"),
        budget_fact("0.9", fact_id="daily", budget_id="daily", period="2026-10-19"),
    ]
    decisions = decide(facts, [budget_policy()], State(), as_of=AS_OF)
    assert [(d.evidence["budget_id"], d.level) for d in decisions] == [("tight", "pause"), ("daily", "warn")]


def test_nothing_to_compare_with_is_not_judged() -> None:
    fact = replace(usage_fact("2"), reference=None, ratio=None, increase_amount=None)
    assert decide([fact], [usage_policy()], State(), as_of=AS_OF) == []


def test_replay_tells_what_a_policy_would_have_done() -> None:
    changes = [
        FactChange(in_days(budget_fact(ratio), i), AS_OF + (i + 1) * DAY)
        for i, ratio in enumerate(["0.7", "0.85", "1.01", "1.02", "0.5", "0.5"])
    ]
    made = replay(changes, [budget_policy()], first=AS_OF, last=AS_OF + 5 * DAY, step=DAY).decisions
    assert [(d.level, d.decided_at.day) for d in made] == [("warn", 21), ("pause", 22), ("release", 25)]


@pytest.mark.parametrize(
    ("current", "following"),
    [
        (Status.OBSERVE, Status.ENFORCED),
        (Status.OBSERVE, Status.REVERTING),
        (Status.WARN, Status.REVERTED),
        (Status.PENDING_APPROVAL, Status.ENFORCED),
        (Status.EXPIRED, Status.ENFORCED),
        (Status.ENFORCED, Status.OBSERVE),
        (Status.REVERTED, Status.ENFORCED),
        (Status.SUPPRESSED, Status.ENFORCED),
    ],
)
def test_illegal_steps_are_refused(current: Status, following: Status) -> None:
    with pytest.raises(IllegalTransitionError, match=f"from {current} to {following}; possible: "):
        move(current, following)


def test_every_status_can_be_reached_and_left() -> None:
    assert set(TRANSITIONS) == set(Status)
    reachable, frontier = {Status.OBSERVE}, [Status.OBSERVE]
    while frontier:
        for status in TRANSITIONS[frontier.pop()] - reachable:
            reachable.add(status)
            frontier.append(status)
    assert reachable == set(Status)
    assert all(TRANSITIONS[status] for status in Status)
    assert move(Status.PENDING_APPROVAL, Status.EXECUTING) == Status.EXECUTING


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        decide([], [budget_policy()], State(), as_of=datetime(2026, 10, 20, tzinfo=UTC).replace(tzinfo=None))
