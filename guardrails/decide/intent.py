"""What a policy wants of one target, from what was before and what is measured.

Here: raising, holding, hysteresis, release, withdrawal; with every reason against it but the blast radius.
Not here: which fact stands for the target (judgement), how many targets a run may touch (assess), what comes of what is
wanted (conclusion).

What is in force stays until a release takes all of it back: a target that falls from stop to where only throttle would
be due stays stopped until it is clear of everything that acts, is released, and is throttled again when that is due.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal

from finops.config.policies import BudgetPolicy, Policy, PolicyLevel
from guardrails import reasons
from guardrails.decide.identity import decision_id, is_later
from guardrails.decide.judgement import is_clear, judge, refusal, renewal
from guardrails.decide.model import Mode, State, TargetKey, TargetState, evolve
from guardrails.decide.schedule import is_open
from guardrails.facts import GuardrailFact
from guardrails.states import ORDERED, Level, Suppression

Wish = Literal["raise", "release", "withdraw"]
_PROTECTED_SINCE = "the policy does not touch it any more"


@dataclass(frozen=True)
class Intent:
    """What a policy wants of one target, before it is known how many others there are."""

    key: TargetKey
    fact: GuardrailFact
    before: TargetState
    wish: Wish | None = None
    level: Level = Level.OBSERVE
    """What is to be raised."""
    cause: str = ""
    """Of a release or a withdrawal."""
    suppression: Suppression | None = None

    @property
    def acts(self) -> bool:
        return self.wish == "raise" and self.suppression is None


def intend(policy: Policy, mode: Mode, key: TargetKey, fact: GuardrailFact, state: State, as_of: datetime) -> Intent:
    """What the policy wants, with every reason against it but the blast radius."""
    level = judge(policy, fact)
    before = state.targets.get(key) or TargetState(policy.version, mode, fact.period)
    if before.mode != mode:
        before = evolve(before, level=Level.OBSERVE, raised_at={})
    is_new_version = before.policy_version != policy.version
    if is_new_version and before.status not in ORDERED:
        before = evolve(before, level=Level.OBSERVE)
    renewed = renewal(policy, fact, before)
    if is_later(fact.period, before.period):
        before = evolve(before, round=0)
    before = evolve(before, period=fact.period)
    is_trustworthy = refusal(policy, fact, as_of) is None

    if before.pending_level is not None:
        if level.rank < before.pending_level.rank and (renewed or is_trustworthy):
            cause = f"{reasons.period_name(fact.period)} {renewed}" if renewed else "it is below that level again"
            return Intent(key, fact, before, "withdraw", cause=cause)
        if _is_protected(policy, key):
            return Intent(key, fact, before, "withdraw", cause=_PROTECTED_SINCE)
        if level.rank <= before.pending_level.rank:
            return Intent(key, fact, _still_asked(policy, fact, before) if is_trustworthy else before)

    rises = level.rank > before.level.rank or (is_new_version and before.holds and level == before.level)
    if rises and before.holds:
        return _rise(policy, mode, key, fact, before, level, state, as_of)
    if before.holds:
        return _hold(policy, key, fact, before, level, renewed, is_trustworthy, as_of)
    if renewed:
        before = evolve(before, level=Level.OBSERVE)
    if level.rank > before.level.rank:
        return _rise(policy, mode, key, fact, before, level, state, as_of)
    if level == Level.OBSERVE and is_trustworthy and is_clear(policy, fact):
        before = evolve(before, level=Level.OBSERVE)
    return Intent(key, fact, before)


def _still_asked(policy: Policy, fact: GuardrailFact, before: TargetState) -> TargetState:
    if fact.data_through is None:
        return before
    young_until = fact.data_through + timedelta(hours=policy.max_data_age_hours)
    return evolve(before, trusted_until=max(young_until, before.trusted_until or young_until))


def _hold(
    policy: Policy,
    key: TargetKey,
    fact: GuardrailFact,
    before: TargetState,
    level: Level,
    renewed: str | None,
    is_trustworthy: bool,
    as_of: datetime,
) -> Intent:
    """Something is in force and nothing higher is due: keep it, or release it."""
    falls = level.rank < before.level.rank
    if renewed and falls:
        return Intent(key, fact, before, "release", cause=f"{reasons.period_name(fact.period)} {renewed}")
    if not is_trustworthy:
        return Intent(key, fact, before)
    if before.is_in_grace(as_of) and (falls or _is_protected(policy, key)):
        cause = "it was below that level again before the order was given" if falls else _PROTECTED_SINCE
        return Intent(key, fact, before, "release", cause=cause)
    if not is_clear(policy, fact):
        return Intent(key, fact, evolve(before, clear_count=0))
    is_raised = (
        isinstance(policy, BudgetPolicy)
        and before.reference is not None
        and fact.reference is not None
        and fact.reference > before.reference
    )
    if is_raised:
        raised = f"from {reasons.money(before.reference or Decimal(0), fact.currency)}"
        cause = f"the budget was raised {raised} to {reasons.money(fact.reference or Decimal(0), fact.currency)}"
        return Intent(key, fact, before, "release", cause=cause)
    if fact.data_through and (before.counted_through is None or fact.data_through > before.counted_through):
        before = evolve(before, clear_count=before.clear_count + 1, counted_through=fact.data_through)
    if before.clear_count < policy.clear_after:
        return Intent(key, fact, before)
    times = "one evaluation" if policy.clear_after == 1 else f"{policy.clear_after} evaluations in a row"
    return Intent(key, fact, before, "release", cause=f"it was clear of the limit in {times}")


def _is_protected(policy: Policy, key: TargetKey) -> bool:
    is_permitted = not policy.only_touch or key.scope_value in policy.only_touch
    return key.scope_value in policy.never_touch or not is_permitted


def _rise(
    policy: Policy,
    mode: Mode,
    key: TargetKey,
    fact: GuardrailFact,
    before: TargetState,
    level: Level,
    state: State,
    as_of: datetime,
) -> Intent:
    step = step_of(policy, level)
    acts_at = as_of + timedelta(minutes=step.grace_minutes)
    if policy.expires_on is not None and acts_at.date() > policy.expires_on:
        return Intent(key, fact, before)
    known = decision_id(
        policy.id, policy.version, key, fact.period, level, mode=mode, round_=before.round,
        suppression=None,
    )  # fmt: skip
    if known in state.decided:
        # A warning is told once a round. Anything higher was refused by a person, and is not asked again before then.
        return Intent(key, fact, before if level.holds else evolve(before, level=level))
    why = refusal(policy, fact, as_of) or _cooling_down(policy, before, level, as_of)
    if why is None and step.orders:
        why = _protection(policy, mode, key, step, state, as_of)
    return Intent(key, fact, before, "raise", level, suppression=why)


def _cooling_down(policy: Policy, before: TargetState, level: Level, as_of: datetime) -> Suppression | None:
    """A level holds back itself and what is below it, never what is above."""
    last = before.last_raised(level)
    until = as_of - timedelta(hours=policy.cooldown_hours)
    return Suppression.COOLDOWN if last is not None and last > until else None


def _protection(
    policy: Policy, mode: Mode, key: TargetKey, step: PolicyLevel, state: State, as_of: datetime
) -> Suppression | None:
    if key.scope_value in policy.never_touch:
        return Suppression.NEVER_TOUCH
    if policy.only_touch and key.scope_value not in policy.only_touch:
        return Suppression.NOT_PERMITTED
    if any(override.covers(key, as_of) for override in state.overrides):
        return Suppression.OVERRIDDEN
    # Orders that wait for approval are given when the hours allow it.
    acts_at = as_of + timedelta(minutes=step.grace_minutes)
    if policy.acts_when and not step.approvals and not all(is_open(policy.acts_when, at) for at in (as_of, acts_at)):
        return Suppression.OUTSIDE_SCHEDULE
    return None


def step_of(policy: Policy, level: Level) -> PolicyLevel:
    """What the policy does at a level that ``judge`` found, so that it has one."""
    return next(step for step in policy.steps if step.level == level)
