"""One target: from what was before and what is measured to a decision and to what is after.

Here: raising, waiting for approval, grace, hysteresis, release, withdrawal.
Not here: which fact stands for the target (judgement), how many targets a run may touch (assess).

What is in force stays until a release takes all of it back: a target that falls from stop to where only throttle would
be due stays stopped until it is clear of everything that acts, is released, and is throttled again when that is due.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Literal

from finops.config.policies import BudgetPolicy, Policy, PolicyLevel
from guardrails import reasons
from guardrails.decide.identity import decision_id, is_later
from guardrails.decide.judgement import is_clear, judge, refusal, renewal
from guardrails.decide.model import Decision, Mode, State, TargetKey, TargetState, evolve
from guardrails.decide.schedule import is_open
from guardrails.facts import GuardrailFact
from guardrails.states import ORDERED, Level, Status, Suppression, move

Wish = Literal["raise", "release", "withdraw"]


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

    rises = level.rank > before.level.rank or (is_new_version and _holds(before) and level == before.level)
    if rises and _holds(before):
        return _rise(policy, mode, key, fact, before, level, state, as_of)
    if _holds(before):
        return _hold(policy, key, fact, before, level, renewed, is_trustworthy, as_of)
    if renewed:
        before = evolve(before, level=Level.OBSERVE)
    if level.rank > before.level.rank:
        return _rise(policy, mode, key, fact, before, level, state, as_of)
    if level == Level.OBSERVE and is_trustworthy and is_clear(policy, fact):
        before = evolve(before, level=Level.OBSERVE)
    return Intent(key, fact, before)


def _holds(target: TargetState) -> bool:
    """Whether something is in force that only a release ends: a level above warn, or a warning with orders."""
    return target.level.holds or (target.level == Level.WARN and Level.WARN in target.ordered)


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
    if is_in_grace(before, as_of) and (falls or _is_protected(policy, key)):
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


_PROTECTED_SINCE = "the policy does not touch it any more"


def _is_protected(policy: Policy, key: TargetKey) -> bool:
    is_permitted = not policy.only_touch or key.scope_value in policy.only_touch
    return key.scope_value in policy.never_touch or not is_permitted


def is_in_grace(before: TargetState, as_of: datetime) -> bool:
    """Whether the orders of what is in force have not left yet, as people were given time."""
    is_waiting = before.status == Status.EXECUTING and not before.is_sent
    return is_waiting and before.acts_at is not None and as_of < before.acts_at


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
    step = _step(policy, level)
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
    last = last_raised(before, level)
    until = as_of - timedelta(hours=policy.cooldown_hours)
    return Suppression.COOLDOWN if last is not None and last > until else None


def last_raised(before: TargetState, level: Level) -> datetime | None:
    """When the level or one above it was raised last."""
    return max((at for raised, at in before.raised_at.items() if raised.rank >= level.rank), default=None)


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


def conclude(policy: Policy, mode: Mode, intent: Intent, as_of: datetime) -> tuple[Decision | None, TargetState]:
    """Carry an intent out: the decision, if there is one, and the target after it."""
    match intent.wish:
        case None:
            return None, _leave(policy, mode, intent)
        case "raise":
            return _raise(policy, mode, intent, as_of)
        case _:
            return take_back(policy, mode, intent, as_of)


def _leave(policy: Policy, mode: Mode, intent: Intent) -> TargetState:
    before = intent.before
    if _holds(before) or before.pending_id:
        return before
    status = before.status
    if status not in ORDERED and status != Status.REVERTING:
        status = move(status, Status.WARN if before.level == Level.WARN else Status.OBSERVE)
    return evolve(before, policy_version=policy.version, mode=mode, status=status)


def _raise(policy: Policy, mode: Mode, intent: Intent, as_of: datetime) -> tuple[Decision, TargetState]:
    fact, before, level, why = intent.fact, intent.before, intent.level, intent.suppression
    step = _step(policy, level)
    orders, told = _kinds(step.orders), _told([step])
    is_ordered = bool(orders) and why is None and mode == "enforce"
    asks = is_ordered and step.approvals > 0
    acts = is_ordered and not asks
    is_silent = why is not None and why.is_silent
    acts_at = as_of + timedelta(minutes=step.grace_minutes) if acts and step.grace_minutes else None
    approve_until = _answer_by(policy, step, as_of) if asks else None
    keeps_order = before.status in ORDERED or before.status == Status.REVERTING
    sentence = reasons.finding(policy, fact)
    if why:
        verbs = reasons.verbs(orders)
        sentence += " " + reasons.suppressed(why, policy, fact, verbs, last_raised(before, level), as_of)
    elif orders:
        sentence += " " + reasons.ordered(
            reasons.verbs(orders), dry_run=mode == "dry_run", acts_at=acts_at,
            approvals=step.approvals if asks else 0, approve_until=approve_until, grace_minutes=step.grace_minutes,
        )  # fmt: skip
    status = (
        Status.SUPPRESSED if why
        else Status.PENDING_APPROVAL if asks
        else Status.EXECUTING if acts
        else Status.WARN
    )  # fmt: skip
    decision = _decision(
        policy, mode, intent, level, as_of, status, sentence,
        sent=() if is_silent else told + orders if acts else told,
        withheld=told + orders if is_silent else () if acts else orders,
        suppression=why,
        supersedes=before.decision_id if is_ordered and keeps_order else None,
    )  # fmt: skip
    decision = replace(
        decision,
        acts_at=acts_at,
        grace_minutes=step.grace_minutes if orders else 0,
        approvals_needed=step.approvals if asks else 0,
        approve_until=approve_until,
        approvers=tuple(policy.approvers) if asks else (),
        acts_when=policy.acts_when.model_dump(by_alias=True) if policy.acts_when and asks else None,
    )
    if why is not None and not why.is_final:
        after = before if before.pending_id or keeps_order else evolve(before, status=_suppressed(before))
        return decision, after
    after = replace(
        before,
        policy_version=policy.version,
        mode=mode,
        counted_through=fact.data_through,
        reference=fact.reference if level.holds else before.reference,
        raised_at={**before.raised_at, level: as_of},
        clear_count=0,
    )
    after = _unasked(after)
    if asks:
        young_until = (fact.data_through or as_of) + timedelta(hours=policy.max_data_age_hours)
        return decision, replace(
            after,
            status=before.status if keeps_order else move(_idle(before), Status.PENDING_APPROVAL),
            pending_id=decision.decision_id,
            pending_level=level,
            pending_until=approve_until,
            trusted_until=young_until,
        )
    return decision, replace(
        after,
        level=level,
        status=before.status if keeps_order and not acts else move(_idle(before), decision.status),
        ordered=_with(before.ordered, level) if acts else before.ordered,
        acts_at=acts_at,
        is_sent=False,
        decision_id=decision.decision_id if acts or not keeps_order else before.decision_id,
    )


def _answer_by(policy: Policy, step: PolicyLevel, as_of: datetime) -> datetime:
    """A question ends with its policy, so that its orders do too."""
    until = as_of + timedelta(hours=step.approval_hours)
    if policy.expires_on is None:
        return until
    end = datetime.combine(policy.expires_on + timedelta(days=1), time(), UTC)
    return min(until, end - timedelta(minutes=step.grace_minutes))


def _unasked(target: TargetState) -> TargetState:
    return replace(target, pending_id=None, pending_level=None, pending_until=None, trusted_until=None)


def _idle(before: TargetState) -> Status:
    """A question that something else takes the place of has ended first."""
    return move(before.status, Status.EXPIRED) if before.status == Status.PENDING_APPROVAL else before.status


def _suppressed(before: TargetState) -> Status:
    return move(before.status, Status.SUPPRESSED)


def take_back(policy: Policy, mode: Mode, intent: Intent, as_of: datetime) -> tuple[Decision, TargetState]:
    """Release what is in force, or withdraw what waits for approval and leave what is in force as it is."""
    before, withdraws = intent.before, intent.wish == "withdraw"
    if withdraws:
        from_level = before.pending_level or Level.OBSERVE
        undoes: tuple[Level, ...] = ()
        supersedes = before.pending_id
    else:
        from_level = before.level
        never_left = is_in_grace(before, as_of)
        # A target that was put on the never-touch list while it was paused is still given back.
        held = before.ordered if before.status in ORDERED else ()
        undoes = tuple(level for level in reversed(held) if not (never_left and level == before.level))
        supersedes = before.decision_id
    ended = ended_steps(policy, from_level, undoes)
    orders = _kinds(action for level in undoes if (step := policy.step(level)) for action in step.orders)
    asked_for = _kinds(action for step in ended for action in step.orders)
    withheld = asked_for if mode == "dry_run" and before.status == Status.WARN else ()
    warns = judge(policy, intent.fact) != Level.OBSERVE and policy.step(Level.WARN) is not None
    level = Level.WARN if warns else Level.OBSERVE
    never_acted = withdraws or (before.status in ORDERED and not undoes)
    if never_acted:
        what = reasons.withdrawn(intent.cause, reasons.verbs(asked_for), waited=withdraws)
    else:
        verbs = reasons.verbs(orders or withheld) if orders or withheld else None
        what = reasons.released(intent.cause, verbs, mode == "dry_run")
    decision = _decision(
        policy, mode, intent, Level.RELEASE, as_of,
        Status.REVERTING if orders else Status.WARN if warns else Status.OBSERVE,
        f"{reasons.finding(policy, intent.fact)} {what}",
        sent=_told(ended) + orders, withheld=withheld, suppression=None, supersedes=supersedes,
    )  # fmt: skip
    decision = replace(decision, from_level=from_level, undoes=undoes)
    if withdraws:
        return decision, answered(before, Status.EXPIRED, round_=before.round + 1)
    return decision, replace(
        before,
        policy_version=policy.version,
        mode=mode,
        level=level,
        status=move(before.status, Status.EXPIRED if never_acted else decision.status),
        round=before.round + 1,
        clear_count=0,
        reference=None,
        ordered=(),
        acts_at=None,
        is_sent=False,
        decision_id=decision.decision_id,
    )


def can_undo(policy: Policy, target: TargetState) -> bool:
    """Whether the policy still has the orders of every level that it raised on the target."""
    if not target.ordered:
        return any(step.orders for step in policy.steps)
    return all((step := policy.step(level)) is not None and step.orders for level in target.ordered)


def ended_steps(policy: Policy, from_level: Level | None, undoes: Sequence[Level]) -> list[PolicyLevel]:
    """The levels that a release ends, strongest first: what was in force, and what else it undoes."""
    return [step for step in reversed(policy.steps) if step.level == from_level or step.level in undoes]


def lapse(state: State, as_of: datetime, policies: Iterable[Policy] | None = None) -> dict[TargetKey, TargetState]:
    """The targets whose question ends, as nobody answered in time; and those whose policy does not say any more what
    waits there for people or for the end of a grace.

    Nothing is asked again before the cooldown is over.
    """
    asking = None if policies is None else {(one.id, one.version) for one in policies if one.mode == "enforce"}
    ended = {}
    for key, target in state.targets.items():
        is_asked = asking is None or (key.policy_id, target.policy_version) in asking
        if not is_asked and is_in_grace(target, as_of):
            ended[key] = _called_off(target)
        if target.pending_id is None:
            continue
        if is_asked and target.pending_until is not None and as_of < target.pending_until:
            continue
        ended[key] = answered(ended.get(key, target), Status.EXPIRED, round_=target.round + 1)
    return ended


def _called_off(target: TargetState) -> TargetState:
    """A target whose newest orders never left; what was ordered before stands."""
    held = tuple(level for level in target.ordered if level != target.level)
    return replace(
        target,
        level=held[-1] if held else Level.OBSERVE,
        status=move(target.status, Status.ENFORCED if held else Status.EXPIRED),
        ordered=held,
        acts_at=None,
        round=target.round + 1,
    )


def answered(target: TargetState, status: Status, *, round_: int | None = None) -> TargetState:
    """A target whose question has ended without an order."""
    return replace(
        _unasked(target),
        status=move(target.status, status) if target.status == Status.PENDING_APPROVAL else target.status,
        round=target.round if round_ is None else round_,
    )


def approved(target: TargetState, *, acts_at: datetime | None) -> TargetState:
    """A target whose question was answered with enough people's yes: its orders are given at ``acts_at``, or now."""
    level = target.pending_level or target.level
    return replace(
        _unasked(target),
        level=level,
        status=move(target.status, Status.EXECUTING),
        ordered=_with(target.ordered, level),
        acts_at=acts_at,
        is_sent=False,
        decision_id=target.pending_id,
        clear_count=0,
    )


def _decision(
    policy: Policy,
    mode: Mode,
    intent: Intent,
    level: Level,
    as_of: datetime,
    status: Status,
    reason: str,
    *,
    sent: tuple[str, ...],
    withheld: tuple[str, ...],
    suppression: Suppression | None,
    supersedes: str | None,
) -> Decision:
    fact = intent.fact
    # A target that is only told about is told once, like any decision; the other refusals are tried again.
    repeats = suppression if suppression is not None and not suppression.is_final else None
    return Decision(
        decision_id=decision_id(
            policy.id, policy.version, intent.key, fact.period, level,
            mode=mode, round_=intent.before.round, suppression=repeats,
        ),
        policy_id=policy.id,
        policy_version=policy.version,
        policy_kind=policy.kind,
        level=level,
        mode=mode,
        status=status,
        scope_type=fact.scope_type,
        scope_value=fact.scope_value,
        subject=fact.subject,
        period=fact.period,
        action_kinds=sent,
        withheld_kinds=withheld,
        reason=reason,
        evidence=fact.as_dict(),
        data_through=fact.data_through,
        decided_at=as_of,
        suppressed_because=suppression,
        supersedes=supersedes,
    )  # fmt: skip


def _step(policy: Policy, level: Level) -> PolicyLevel:
    return next(step for step in policy.steps if step.level == level)


def _with(levels: tuple[Level, ...], level: Level) -> tuple[Level, ...]:
    return tuple(sorted({*levels, level}, key=lambda one: one.rank))


def _kinds(actions: Iterable[object]) -> tuple[str, ...]:
    """Kinds of actions, each once, in their order."""
    return tuple(dict.fromkeys(getattr(action, "kind") for action in actions))  # noqa: B009


def _told(steps: Iterable[PolicyLevel]) -> tuple[str, ...]:
    return ("notify",) if any(not action.is_order for step in steps for action in step.do) else ()
