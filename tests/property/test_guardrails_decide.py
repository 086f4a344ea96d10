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
from guardrails import Decision, GuardrailFact, Level, State, Status, assess, decide, replay
from guardrails.decide import judge
from guardrails.states import ORDERED
from tests.support.guardrail_factory import AS_OF, budget_fact, budget_policy, usage_fact, usage_policy

pytestmark = pytest.mark.ids("GUARD-1", "GUARD-3")

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
def some_policies(draw: st.DrawFn, modes: tuple[str, ...] = ("off", "dry_run", "enforce")) -> list[Policy]:
    def common() -> dict[str, Any]:
        return {
            "mode": draw(st.sampled_from(modes)),
            "version": draw(st.integers(1, 2)),
            "never_touch": draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=3)),
            "cooldown_hours": draw(st.sampled_from([0, 24, 72])),
            "max_targets_per_run": draw(st.integers(1, 3)),
            "clear_after": draw(st.integers(1, 3)),
        }

    return [
        budget_policy(basis=draw(st.sampled_from(["actual", "projected"])), **common()),
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
        targets = {
            key: replace(target, status=done.get(target.status, target.status))
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
        if decision.acts and decision.level.holds:
            assert decision.evidence["is_reconciled"] is True
            assert decision.data_through is not None
            assert decision.decided_at - decision.data_through <= timedelta(hours=48)


@given(a_history(modes=("enforce",)))
def test_a_target_is_acted_on_once_until_it_is_released_or_the_policy_changes(
    history: list[tuple[int, list[GuardrailFact], list[Policy]]],
) -> None:
    held: dict[tuple[str, str, str, int], int] = {}
    for decision in play(history):
        if not decision.acts:
            continue
        key = (decision.policy_id, decision.target, str(len(decision.period)), 0)
        if decision.level == Level.RELEASE:
            assert key in held, "only what is held is released"
            del held[key]
        else:
            assert held.get(key) != decision.policy_version, "the same order twice"
            held[key] = decision.policy_version


@given(a_history(modes=("enforce",)))
def test_a_run_never_touches_more_targets_than_the_policy_allows(
    history: list[tuple[int, list[GuardrailFact], list[Policy]]],
) -> None:
    most = {
        (AS_OF + timedelta(days=day), p.id): p.max_targets_per_run for day, _, policies in history for p in policies
    }
    touched: dict[tuple[Any, str], int] = {}
    for decision in play(history):
        if decision.acts and decision.level.holds:
            key = (decision.decided_at, decision.policy_id)
            touched[key] = touched.get(key, 0) + 1
    assert all(count <= most[key] for key, count in touched.items())


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


@given(st.lists(FACTS, min_size=1, max_size=5), some_policies())
def test_replay_is_the_same_every_time(days: list[list[GuardrailFact]], policies: list[Policy]) -> None:
    moments = {AS_OF + timedelta(days=day): facts for day, facts in enumerate(days)}
    assert replay(moments, policies) == replay(dict(reversed(moments.items())), policies)
