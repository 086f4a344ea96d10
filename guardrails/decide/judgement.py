"""What each kind of policy makes of the facts: which it looks at, what it measures, which level that reaches.

Here: one measure per kind of policy, and the facts that stand for a target.
Not here: what follows from it, given what was before (intent).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Any
from zoneinfo import ZoneInfo

from finops.config import policies as p
from finops.config.policies import Policy
from guardrails.decide.identity import is_earlier, is_later, target_key
from guardrails.decide.model import TargetKey, TargetState
from guardrails.decide.schedule import is_open, last_closed
from guardrails.facts import FactKind, GuardrailFact
from guardrails.states import Level, Suppression

FACT_KINDS: Mapping[str, FactKind] = {
    "budget": "budget",
    "burn_rate": "burn_rate",
    "usage_doubled": "usage_doubled",
    "anomaly": "anomaly",
    "off_hours": "hourly_use",
    "idle_gpu": "idle_gpu",
    "token_cap": "tokens",
    "context_length": "context_length",
    "model_not_allowed": "model_use",
    "tag_missing": "tag_missing",
    "price_unknown": "price_unknown",
    "data_residency": "region_use",
}
"""The kind of fact that each kind of policy judges."""

STATED_ONLY_WHERE_WRONG = ("anomaly", "tag_missing", "price_unknown")
"""Kinds of policy whose facts exist only while something is wrong: there being none of them is good news."""


def applies(policy: Policy, fact: GuardrailFact) -> bool:
    """Whether the policy looks at the fact at all."""
    if fact.kind != FACT_KINDS[policy.kind]:
        return False
    match policy:
        case p.BudgetPolicy():
            return not policy.budgets or fact.budget_id in policy.budgets
        case p.BurnRatePolicy():
            is_watched = fact.metric.removeprefix("burn_rate_") in policy.windows
            return is_watched and (not policy.budgets or fact.budget_id in policy.budgets)
        case p.TokenCapPolicy():
            is_counted = fact.metric == f"{policy.tokens}_tokens_day"
            return is_counted and fact.scope_type == policy.scope_type and cap_of(policy, fact) is not None
        case p.TagMissingPolicy():
            is_wanted = not policy.tags or fact.subject in policy.tags
            return is_wanted and policy.scope_type in (None, fact.scope_type)
        case p.AnomalyPolicy():
            return policy.scope_type in (None, fact.scope_type)
        case p.UsageDoubledPolicy() | p.OffHoursPolicy():
            return fact.scope_type == policy.scope_type
        case _:
            return True


def cap_of(policy: p.TokenCapPolicy, fact: GuardrailFact) -> int | None:
    return policy.caps.get(fact.scope_value, policy.cap)


def is_allowed(policy: p.AllowListPolicy, fact: GuardrailFact) -> bool:
    """Whether the app may use the fact's subject; what is not known by name is not allowed."""
    patterns = [*policy.allowed, *policy.allowed_for.get(fact.scope_value, [])]
    return any(fnmatchcase(fact.subject or "", pattern) for pattern in patterns)


def measure(policy: Policy, fact: GuardrailFact) -> Decimal | None:
    """The number that levels are compared with; None where nothing can be said.

    A projected budget policy looks at the greater of both: without a forecast, what is spent is spent.
    """
    match policy:
        case p.BudgetPolicy() if policy.basis == "projected":
            return max((r for r in (fact.ratio, fact.projected_ratio) if r is not None), default=None)
        case p.BudgetPolicy():
            return fact.ratio
        case p.BurnRatePolicy() | p.UsageDoubledPolicy():
            return Decimal(0) if fact.amount_at_stake < policy.min_amount else fact.ratio
        case p.AnomalyPolicy():
            return Decimal(0) if fact.amount_at_stake < policy.min_amount else fact.value
        case p.IdleGpuPolicy():
            return Decimal(0) if fact.value < policy.min_amount else fact.ratio
        case p.TokenCapPolicy():
            cap = cap_of(policy, fact)
            return None if cap is None else fact.value / cap
        case p.AllowListPolicy():
            return Decimal(0) if is_allowed(policy, fact) else fact.value
        case _:
            return fact.value


def judge(policy: Policy, fact: GuardrailFact) -> Level:
    """The level that a fact reaches, whatever happened before. A greater measure never gives a lower level."""
    measured = measure(policy, fact)
    if measured is None:
        return Level.OBSERVE
    reached = [Level(step.level) for step in policy.steps if measured >= step.threshold]
    return reached[-1] if reached else Level.OBSERVE


def excess(policy: Policy, fact: GuardrailFact, level: Level) -> Decimal:
    """Money beyond what reaches a level, for telling which target matters most: a budget's may lie below its amount."""
    step = policy.step(level)
    measured = measure(policy, fact)
    if isinstance(policy, p.BudgetPolicy) and step is not None and measured is not None and fact.reference is not None:
        return (measured - step.threshold) * fact.reference
    return fact.amount_at_stake


def is_clear(policy: Policy, fact: GuardrailFact) -> bool:
    """Whether the fact speaks for a release."""
    measured = measure(policy, fact)
    return measured is not None and measured < policy.clear_threshold


def refusal(policy: Policy, fact: GuardrailFact, as_of: datetime) -> Suppression | None:
    """Why the fact cannot be relied on; None where it can."""
    oldest = as_of - timedelta(hours=policy.max_data_age_hours)
    if fact.data_through is None or fact.data_through < oldest:
        return Suppression.STALE_DATA
    return None if fact.is_reconciled else Suppression.NOT_RECONCILED


def renewal(policy: Policy, fact: GuardrailFact, before: TargetState) -> str | None:
    """Why a period that has begun ends what was in force, whatever the data is like; None where it does not.

    A new budget period begins by the calendar; a new day of usage proves nothing.
    """
    if not is_later(fact.period, before.period):
        return None
    match policy:
        case p.BudgetPolicy():
            return "has its own budget"
        case p.TokenCapPolicy():
            return "has its own cap"
        case p.OffHoursPolicy():
            return "began with office hours"
        case _:
            return None


def current_facts(
    policy: Policy, facts: Iterable[GuardrailFact], targets: Mapping[TargetKey, TargetState], as_of: datetime
) -> dict[TargetKey, GuardrailFact]:
    """The fact that stands for each target: of its newest period, of several budgets the one used most."""
    facts = list(facts)
    current: dict[TargetKey, GuardrailFact] = {}
    for fact in _gathered(policy, [fact for fact in facts if applies(policy, fact)]):
        key = target_key(policy.id, fact)
        before = targets.get(key)
        if before and is_earlier(fact.period, before.period):
            continue
        if key not in current or _weight(policy, fact) > _weight(policy, current[key]):
            current[key] = fact
    # What is measured, not what is only concluded below: the answer must not depend on the order of targets.
    measured = list(current.values())
    for key, before in targets.items():
        if key.policy_id == policy.id and key not in current and (before.level.rank or before.pending_id):
            gone = _gone(policy, key, before, facts, measured, as_of)
            if gone is not None:
                current[key] = gone
    return current


def _weight(policy: Policy, fact: GuardrailFact) -> tuple[Any, ...]:
    measured = measure(policy, fact)
    return (fact.period, measured is not None, measured or 0, fact.value, fact.fact_id)


def _gathered(policy: Policy, facts: Sequence[GuardrailFact]) -> Iterator[GuardrailFact]:
    """Facts that say one thing together, as one."""
    match policy:
        case p.BurnRatePolicy():
            yield from _calmest_windows(policy, facts)
        case p.OffHoursPolicy():
            yield from _since_office_hours(policy, facts)
        case _:
            yield from facts


def _calmest_windows(policy: p.BurnRatePolicy, facts: Sequence[GuardrailFact]) -> Iterator[GuardrailFact]:
    budgets: dict[tuple[str, ...], dict[str, GuardrailFact]] = {}
    for fact in facts:
        name = (fact.scope_type, fact.scope_value, fact.budget_id or "", fact.period, fact.currency)
        budgets.setdefault(name, {})[fact.metric] = fact
    for windows in budgets.values():
        if len(windows) == len(set(policy.windows)):
            yield min(windows.values(), key=lambda fact: (measure(policy, fact) or 0, fact.fact_id))


def _since_office_hours(policy: p.OffHoursPolicy, facts: Sequence[GuardrailFact]) -> Iterator[GuardrailFact]:
    """What each scope used since the office hours ended; nothing while they last. Its period is the day they ended."""
    zone = ZoneInfo(policy.office_hours.time_zone)
    scopes: dict[tuple[str, str, str], list[tuple[datetime, GuardrailFact]]] = {}
    for fact in facts:
        hour = datetime.strptime(fact.period, "%Y-%m-%dT%H").replace(tzinfo=UTC)
        scopes.setdefault((fact.scope_type, fact.scope_value, fact.currency), []).append((hour, fact))
    for hours in scopes.values():
        newest_hour, newest = max(hours, key=lambda pair: (pair[0], pair[1].fact_id))
        if is_open(policy.office_hours, newest_hour):
            day, cost = newest_hour.astimezone(zone).date(), Decimal(0)
        else:
            ended = last_closed(policy.office_hours, newest_hour)
            day = ended.astimezone(zone).date()
            cost = sum((fact.value for hour, fact in hours if hour >= ended), Decimal(0))
        yield replace(newest, period=day.isoformat(), value=cost, increase_amount=cost)


def _gone(
    policy: Policy,
    key: TargetKey,
    before: TargetState,
    facts: Iterable[GuardrailFact],
    current: Iterable[GuardrailFact],
    as_of: datetime,
) -> GuardrailFact | None:
    """That nothing is measured of a target any more, as a fact; None where that may only mean that data is missing.

    A target that stands still leaves no facts. Trustworthy facts of the same kind about others show that it does; kinds
    that are stated only where something is wrong need but any trustworthy fact.
    """
    if policy.kind in ("budget", "burn_rate"):
        return None
    others = facts if policy.kind in STATED_ONLY_WHERE_WRONG else current
    witnesses = [fact for fact in others if fact.data_through and refusal(policy, fact, as_of) is None]
    if not witnesses:
        return None
    witness = max(witnesses, key=lambda fact: (fact.data_through, fact.period, fact.fact_id))
    is_same_kind = witness.kind == FACT_KINDS[policy.kind]
    return replace(
        witness,
        fact_id=f"{witness.fact_id}-elsewhere",
        kind=FACT_KINDS[policy.kind],
        metric=witness.metric if is_same_kind else "absent",
        budget_id=None,
        scope_type=key.scope_type,
        scope_value=key.scope_value,
        subject=key.subject or None,
        period=witness.period if is_same_kind and witness.period > before.period else before.period,
        value=Decimal(0),
        reference=None,
        ratio=Decimal(0),
        projected_ratio=None,
        increase_amount=Decimal(0),
    )
