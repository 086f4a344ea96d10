"""What holds for every fact, policy and history."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finops.config.policies import Policy
from guardrails import Decision, GuardrailFact, Level, State, Status, assess, decide
from guardrails.decide import judge
from guardrails.decide.schedule import is_open
from guardrails.states import ORDERED
from tests.support.guardrail_factory import AS_OF, budget_fact, budget_policy, ladder_policy, usage_fact, usage_policy

pytestmark = pytest.mark.ids("GUARD-1", "GUARD-3")

OFFICE = {"time_zone": "Europe/Berlin", "days": ["tue", "thu", "fri"], "from": "08:00", "to": "18:00"}
NAMES = ["search", "fraud", "support", "robotics"]
RATIOS = st.decimals(min_value=0, max_value=5, places=3)


@st.composite
def a_fact(draw: st.DrawFn) -> GuardrailFact:
    name = draw(st.sampled_from(NAMES))
    ratio = draw(RATIOS)
    changes: dict[str, Any] = {
        "scope_value": name,
        "is_reconciled": draw(st.booleans()),
        "data_through": draw(
            st.none() | st.integers(0, 80).map(lambda hours: AS_OF - timedelta(hours=hours))
        ),
    }  # fmt: skip
    if draw(st.booleans()):
        period = draw(st.sampled_from(["2026-09", "2026-10", "2026-10-19", "2026-10-20"]))
        budget = draw(st.sampled_from(["one", "two"]))
        projected = draw(st.none() | RATIOS)
        fact_id = f"budget-{name}-{period}-{budget}"
        return budget_fact(
            str(ratio), fact_id=fact_id, period=period, budget_id=budget, projected_ratio=projected, **changes
        )
    day = draw(st.sampled_from(["2026-10-18", "2026-10-19"]))
    reference = draw(st.decimals(min_value=1, max_value=1000, places=2))
    return usage_fact(str(ratio), fact_id=f"usage-{name}-{day}", period=day, reference=reference, **changes)


FACTS = st.lists(a_fact(), max_size=12, unique_by=lambda fact: fact.fact_id)


@st.composite
def some_policies(
    draw: st.DrawFn, modes: tuple[str, ...] = ("off", "dry_run", "enforce"), asks: bool = True
) -> list[Policy]:
    def common() -> dict[str, Any]:
        return {
            "mode": draw(st.sampled_from(modes)),
            "version": draw(st.integers(1, 2)),
            "never_touch": draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=3)),
            "cooldown_hours": draw(st.sampled_from([0, 24, 72])),
            "max_targets_per_run": draw(st.integers(1, 3)),
            "clear_after": draw(st.integers(1, 3)),
            "acts_when": draw(st.sampled_from([None, None, OFFICE])),
            "expires_on": draw(st.sampled_from([None, None, (AS_OF + timedelta(days=2)).date()])),
        }

    acting = {
        name: {
            "approvals": draw(st.sampled_from([0, 0, 1, 2])) if asks else 0,
            "approval_hours": draw(st.sampled_from([12, 48])),
            "grace_minutes": draw(st.sampled_from([0, 30, 2000])),
        }
        for name in ("throttle", "pause", "stop")
    }
    basis = draw(st.sampled_from(["actual", "projected"]))
    return [
        ladder_policy(on=acting, basis=basis, only_touch=[], **common())
        if draw(st.booleans())
        else budget_policy(basis=basis, **common()),
        usage_policy(scope_type="app", **common()),
    ]


@st.composite
def a_history(
    draw: st.DrawFn, modes: tuple[str, ...] = ("dry_run", "enforce")
) -> list[tuple[int, list[GuardrailFact], list[Policy]]]:
    """Evaluations over days: their day, their facts with data of that day, their policies."""
    steps = []
    for day in range(draw(st.integers(1, 6))):
        facts = [
            replace(
                fact,
                as_of=AS_OF + timedelta(days=day),
                data_through=fact.data_through + timedelta(days=day) if fact.data_through else None,
            )
            for fact in draw(FACTS)
        ]
        steps.append((day, facts, draw(some_policies(modes))))
    return steps


def play(history: list[tuple[int, list[GuardrailFact], list[Policy]]]) -> list[Decision]:
    state, made = State(), []
    done = {Status.EXECUTING: Status.ENFORCED, Status.REVERTING: Status.REVERTED}
    for day, facts, policies in history:
        assessment = assess(facts, policies, state, as_of=AS_OF + timedelta(days=day))
        made += assessment.decisions
        tomorrow = AS_OF + timedelta(days=day + 1)
        targets = {
            key: target
            if target.acts_at is not None and target.acts_at > tomorrow
            else replace(target, status=done.get(target.status, target.status))
            for key, target in assessment.targets.items()
        }
        ids = frozenset(decision.decision_id for decision in assessment.decisions)
        assert not ids & state.decided
        state = State({**state.targets, **targets}, state.decided | ids)
    return made


@given(FACTS, some_policies(), st.randoms())
def test_the_order_of_facts_and_policies_does_not_matter(
    facts: list[GuardrailFact], policies: list[Policy], random: Any
) -> None:
    expected = assess(facts, policies, State(), as_of=AS_OF)
    shuffled_facts, shuffled_policies = list(facts), list(policies)
    random.shuffle(shuffled_facts)
    random.shuffle(shuffled_policies)
    assert assess(shuffled_facts, shuffled_policies, State(), as_of=AS_OF) == expected


@given(FACTS, some_policies())
def test_never_touch_targets_are_only_told_about(facts: list[GuardrailFact], policies: list[Policy]) -> None:
    untouchable = {policy.id: policy.never_touch for policy in policies}
    for decision in decide(facts, policies, State(), as_of=AS_OF):
        if decision.scope_value in untouchable[decision.policy_id]:
            assert set(decision.action_kinds) <= {"notify"}
            assert not decision.acts


@given(a_history(modes=("off", "dry_run")))
def test_nothing_acts_in_a_dry_run(history: list[tuple[int, list[GuardrailFact], list[Policy]]]) -> None:
    for decision in play(history):
        assert not decision.acts
        assert decision.status not in ORDERED | {Status.REVERTING}


@given(a_history())
def test_nothing_acts_on_old_or_unreconciled_data(history: list[tuple[int, list[GuardrailFact], list[Policy]]]) -> None:
    for decision in play(history):
        if ordered(decision):
            assert decision.evidence["is_reconciled"] is True
            assert decision.data_through is not None
            assert decision.decided_at - decision.data_through <= timedelta(hours=48)


def ordered(decision: Decision) -> bool:
    """Whether an order was given, or people were asked for it."""
    return decision.level != Level.RELEASE and (decision.acts or decision.status == Status.PENDING_APPROVAL)


@given(a_history(modes=("enforce",)))
def test_nothing_acts_outside_the_hours_after_the_end_or_without_the_people_that_are_needed(
    history: list[tuple[int, list[GuardrailFact], list[Policy]]],
) -> None:
    by_day = {(AS_OF + timedelta(days=day), policy.id): policy for day, _, policies in history for policy in policies}
    for decision in play(history):
        policy = by_day[decision.decided_at, decision.policy_id]
        if decision.level != Level.RELEASE and decision.acts:
            assert policy.acts_when is None or is_open(policy.acts_when, decision.acts_at or decision.decided_at)
            step = policy.step(decision.level)
            assert step is not None
            assert step.approvals == 0
            assert (decision.acts_at or decision.decided_at) == decision.decided_at + timedelta(
                minutes=step.grace_minutes
            )
        if decision.level != Level.RELEASE:
            assert policy.expires_on is None or decision.decided_at.date() <= policy.expires_on


@given(a_history(modes=("enforce",)))
def test_every_order_is_undone_at_most_once_and_nothing_else_is(
    history: list[tuple[int, list[GuardrailFact], list[Policy]]],
) -> None:
    held: dict[tuple[str, str, int], dict[Level, Decision]] = {}
    for decision in play(history):
        standing = held.setdefault((decision.policy_id, decision.target, len(decision.period)), {})
        if decision.level == Level.RELEASE:
            if decision.from_level in standing or decision.undoes:
                at_once = {level for level, order in standing.items() if order.acts_at is None}
                assert at_once <= set(decision.undoes) <= set(standing), "all that was ordered, and no more"
                # What people were given time for is undone only where that time is over.
                for level in decision.undoes:
                    assert (standing[level].acts_at or decision.decided_at) <= decision.decided_at
                standing.clear()
        elif decision.acts:
            known = standing.get(decision.level)
            assert known is None or known.policy_version != decision.policy_version or known.acts_at, "the same twice"
            lasting = [level for level, order in standing.items() if order.acts_at is None]
            assert all(decision.level.rank >= level.rank for level in lasting), "orders only rise"
            standing[decision.level] = decision


@given(a_history(modes=("enforce",)))
def test_a_run_never_touches_more_targets_than_the_policy_allows(
    history: list[tuple[int, list[GuardrailFact], list[Policy]]],
) -> None:
    most = {
        (AS_OF + timedelta(days=day), p.id): p.max_targets_per_run for day, _, policies in history for p in policies
    }
    touched: dict[tuple[Any, str], int] = {}
    for decision in play(history):
        if ordered(decision):
            key = (decision.decided_at, decision.policy_id)
            touched[key] = touched.get(key, 0) + 1
    assert all(count <= most[key] for key, count in touched.items())


@given(a_history())
def test_one_decision_for_ever_for_policy_version_target_period_level_and_round(
    history: list[tuple[int, list[GuardrailFact], list[Policy]]],
) -> None:
    made = play(history)
    assert len({decision.decision_id for decision in made}) == len(made)
    told: dict[tuple[Any, ...], int] = {}
    for decision in made:
        name = (decision.policy_id, decision.policy_version, decision.target, len(decision.period))
        if decision.level == Level.RELEASE or (
            decision.suppressed_because and not decision.suppressed_because.is_final
        ):
            told = {key: count for key, count in told.items() if key[:4] != name or decision.level != Level.RELEASE}
            continue
        full = (*name, decision.period, decision.level, decision.mode)
        told[full] = told.get(full, 0) + 1
        # A question that ran out is asked again after the cooldown.
        assert told[full] == 1 or decision.approvals_needed


@given(a_history())
def test_repeating_an_evaluation_decides_nothing_new(
    history: list[tuple[int, list[GuardrailFact], list[Policy]]],
) -> None:
    twice = [step for step in history for _ in range(2)]
    assert play(twice) == play(history)


@given(a_fact(), RATIOS, RATIOS, some_policies())
def test_a_higher_ratio_never_lowers_the_level(
    fact: GuardrailFact, one: Decimal, other: Decimal, policies: list[Policy]
) -> None:
    low, high = sorted((one, other))

    def at(ratio: Decimal) -> GuardrailFact:
        value = ratio * (fact.reference or 0)
        increase = value - (fact.reference or 0) if fact.kind == "usage_doubled" else None
        return replace(fact, ratio=ratio, value=value, increase_amount=increase)

    for policy in policies:
        if policy.kind != fact.kind:
            continue
        assert judge(policy, at(low)).rank <= judge(policy, at(high)).rank
        levels = [
            max((d.level.rank for d in decide([at(r)], [policy], State(), as_of=AS_OF)), default=0) for r in (low, high)
        ]
        assert levels == sorted(levels)
