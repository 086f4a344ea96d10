"""Judging a target only when something may have changed gives the decisions of judging everything at every moment."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finops.config.policies import GuardrailsFile, Policy
from guardrails import Decision, GuardrailFact, State, assess
from guardrails.replay import Approvals, FactChange, replay
from guardrails.replay.engine import Timeline, carried_on, carried_out

pytestmark = pytest.mark.ids("GUARD-4")

FIRST = datetime(2026, 10, 16, tzinfo=UTC)
"""A Friday, so that a weekend lies in the days after it."""
STEP = timedelta(hours=1)
LAST = FIRST + timedelta(days=4)
TARGETS = ["search", "fraud", "support"]
DO = [{"kind": "notify", "route": "chat"}, {"kind": "pause", "route": "hook"}]
HOURS = {"time_zone": "Europe/Berlin", "days": ["fri", "mon", "tue"], "from": "08:00", "to": "18:00"}


def every_moment(changes: Sequence[FactChange], policies: Sequence[Policy], approvals: Approvals) -> list[Decision]:
    """The same, the long way."""
    timeline, state, made = Timeline(FIRST, LAST, STEP), State(), []
    by_id = {policy.id: policy for policy in policies}
    for number in range(timeline.count):
        at = timeline.at(number)
        facts = [one.fact for one in changes if one.known_from <= at and (one.known_to is None or at < one.known_to)]
        begun = {key: carried_on(by_id[key.policy_id], one, at, approvals) for key, one in state.targets.items()}
        found = assess(facts, policies, State(begun, state.decided), as_of=at)
        made += found.decisions
        after = {key: carried_out(one, at) for key, one in found.targets.items()}
        state = State({**begun, **after}, state.decided | {one.decision_id for one in found.decisions})
    return made


@st.composite
def some_policies(draw: st.DrawFn) -> list[Policy]:
    def one(kind: str, warn: Any, pause: Any, stop: Any, **more: Any) -> dict[str, Any]:
        name = "at_severity" if kind == "anomaly" else "at"
        levels: list[dict[str, Any]] = [{"level": "warn", name: warn, "do": DO[:1]}]
        if draw(st.booleans()):
            levels.append({"level": "pause", name: pause, "do": DO} | asked())
        if draw(st.booleans()):
            levels.append({"level": "stop", name: stop, "do": DO} | asked())
        if len(levels) > 1 and draw(st.booleans()):
            levels = levels[1:]
        policy = {
            "id": kind.replace("_", "-"),
            "kind": kind,
            "description": "",
            "owner": "o@example.com",
            "mode": draw(st.sampled_from(["enforce", "dry_run"])),
            "levels": levels,
            "clear_after": draw(st.integers(1, 3)),
            "cooldown_hours": draw(st.sampled_from([0, 5, 24])),
            "max_targets_per_run": draw(st.integers(1, 2)),
            "max_data_age_hours": draw(st.sampled_from([12, 48])),
            "never_touch": draw(st.sampled_from([[], ["fraud"]])),
            **more,
        }
        if draw(st.booleans()):
            policy["acts_when"] = HOURS
        if draw(st.integers(0, 4)) == 0:
            policy["expires_on"] = "2026-10-17"
        return policy

    def asked() -> dict[str, Any]:
        return {
            "approvals": draw(st.sampled_from([0, 0, 1])),
            "approval_hours": draw(st.sampled_from([3, 24])),
            "grace_minutes": draw(st.sampled_from([0, 90])),
        }

    kinds = [
        one("budget", "0.5", "0.8", "1", clear_below="0.4"),
        one("burn_rate", "1", "2", "3", clear_below="0.8", windows=["1d", "3d"]),
        one("usage_doubled", "1.5", "2", "3", clear_below="1.2", scope_type="team"),
        one("anomaly", "low", "high", "critical"),
        one("off_hours", "10", "50", "150", scope_type="team", office_hours=HOURS),
        one("token_cap", "0.5", "0.8", "1", cap=100, scope_type="team"),
        one("price_unknown", "10", "50", "100"),
    ]
    chosen = draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=3, unique_by=lambda one: one["id"]))
    return list(GuardrailsFile.model_validate({"policies": chosen}).policies)


METRICS = {"burn_rate": ["burn_rate_1d", "burn_rate_3d"], "tokens": ["output_tokens_day"]}
KINDS = ["budget", "burn_rate", "usage_doubled", "anomaly", "hourly_use", "tokens", "price_unknown"]


@st.composite
def some_changes(draw: st.DrawFn) -> list[FactChange]:
    changes = []
    for serial in range(draw(st.integers(1, 14))):
        begins = FIRST + timedelta(minutes=draw(st.integers(-600, 5000)))
        lasts = draw(st.none() | st.integers(1, 3000).map(lambda n: timedelta(minutes=n)))
        kind = draw(st.sampled_from(KINDS))
        day = begins.date().isoformat()
        period = {
            "budget": draw(st.sampled_from(["2026-10", "2026-11", day])),
            "burn_rate": "2026-10",
            "hourly_use": f"{day}T{begins.hour:02}",
        }.get(kind, day)
        ratio = Decimal(draw(st.integers(0, 40))) / 10
        reference = Decimal(draw(st.sampled_from([100, 120])))
        value = Decimal(draw(st.integers(0, 4))) if kind == "anomaly" else ratio * 50
        for metric in METRICS.get(kind, ["cost"]):
            fact = GuardrailFact(
                fact_id=f"{kind}-{serial}-{metric}",
                kind=kind,
                budget_id=draw(st.sampled_from(["one", "two"])) if kind in ("budget", "burn_rate") else None,
                scope_type="model" if kind == "price_unknown" else "team",
                scope_value=changes[-1].fact.scope_value
                if metric == "burn_rate_3d"
                else draw(st.sampled_from(TARGETS)),
                period=period,
                metric=metric,
                value=value,
                reference=reference,
                ratio=ratio,
                projected_ratio=None,
                currency="USD",
                increase_amount=value * 10,
                data_through=begins - timedelta(hours=draw(st.integers(0, 30))),
                is_reconciled=draw(st.integers(0, 9)) > 0,
                as_of=begins,
                subject=draw(st.sampled_from([None, "x"])) if kind == "anomaly" else None,
            )
            changes.append(FactChange(fact, begins + lasts if lasts else None))
    return succeeding(changes)


def succeeding(changes: Sequence[FactChange]) -> list[FactChange]:
    """As the mart has them: a fact ends when the next of its kind begins; but hours stand beside each other."""
    newest: dict[tuple[Any, ...], datetime] = {}
    found = []
    for change in sorted(changes, key=lambda one: one.known_from, reverse=True):
        fact = change.fact
        series = (fact.kind, fact.metric, fact.scope_value, fact.budget_id, fact.subject)
        if fact.kind == "hourly_use":
            series += (fact.period,)
        following = newest.get(series)
        newest[series] = change.known_from
        if following is None or (change.known_to is not None and change.known_to <= following):
            found.append(change)
        elif following > change.known_from:
            found.append(FactChange(fact, following))
    return found


@settings(max_examples=150, deadline=None)
@given(some_changes(), some_policies(), st.sampled_from([None, timedelta(minutes=30), timedelta(hours=5)]))
def test_what_is_skipped_changes_nothing(
    changes: list[FactChange], policies: list[Policy], answered_after: timedelta | None
) -> None:
    approvals = Approvals(answered_after)
    expected = every_moment(changes, policies, approvals)
    found = replay(changes, policies, first=FIRST, last=LAST, step=STEP, approvals=approvals)

    def in_order(decisions: Sequence[Decision]) -> list[Decision]:
        return sorted(decisions, key=lambda one: (one.decided_at, one.decision_id))

    def told(decisions: Sequence[Decision]) -> list[tuple[str, ...]]:
        return [
            (
                f"{one.decided_at:%d %H:%M}",
                one.policy_id,
                one.target,
                one.period,
                one.level,
                f"{one.suppressed_because}",
            )
            for one in in_order(decisions)
        ]

    assert told(found.decisions) == told(expected)
    assert in_order(found.decisions) == in_order(expected)
    assert found.moment_count == 97
