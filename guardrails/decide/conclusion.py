"""What comes of a policy's wish: the decision, if there is one, and the target after it.

Here: raising, asking for approval, grace, releasing, withdrawing, in words and in states.
Not here: the wish (intent), what becomes of questions (questions), remembering (ledger).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

from finops.config.policies import Policy, PolicyLevel
from guardrails import reasons
from guardrails.decide.identity import decision_id
from guardrails.decide.intent import Intent, step_of
from guardrails.decide.judgement import judge
from guardrails.decide.model import Decision, Mode, TargetState, evolve
from guardrails.decide.questions import answered
from guardrails.states import ORDERED, Level, Status, Suppression, move


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
    if before.holds or before.pending_id:
        return before
    status = before.status
    if status not in ORDERED and status != Status.REVERTING:
        status = move(status, Status.WARN if before.level == Level.WARN else Status.OBSERVE)
    return evolve(before, policy_version=policy.version, mode=mode, status=status)


def _raise(policy: Policy, mode: Mode, intent: Intent, as_of: datetime) -> tuple[Decision, TargetState]:
    fact, before, level, why = intent.fact, intent.before, intent.level, intent.suppression
    step = step_of(policy, level)
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
        sentence += " " + reasons.suppressed(why, policy, fact, verbs, before.last_raised(level), as_of)
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
    after = after.without_question()
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
        ordered=before.ordered_with(level) if acts else before.ordered,
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
        never_left = before.is_in_grace(as_of)
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


def _kinds(actions: Iterable[object]) -> tuple[str, ...]:
    """Kinds of actions, each once, in their order."""
    return tuple(dict.fromkeys(getattr(action, "kind") for action in actions))  # noqa: B009


def _told(steps: Iterable[PolicyLevel]) -> tuple[str, ...]:
    return ("notify",) if any(not action.is_order for step in steps for action in step.do) else ()
