"""Facts and policies in, decisions out. Pure: no clock, no input or output, the same answer in any order.

Here: levels, hysteresis, cooldown, refusals, blast radius, identity.
Not here: remembering (ledger), rendering (messages) and sending (delivery).

How a policy's mode is read:
    off      nothing is judged.
    dry_run  every decision is made and recorded. People are told (``notify``), with the message marked as a dry run.
             Whatever asks somebody to act is rendered and kept as "would send", and never sent.
    enforce  everything is sent.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from finops.config.models import Action, BudgetPolicy, Policy
from finops.periods import as_utc
from guardrails import reasons
from guardrails.facts import GuardrailFact, plain
from guardrails.states import ORDERED, Level, Status, Suppression, move

Mode = Literal["dry_run", "enforce"]


@dataclass(frozen=True)
class Decision:
    """What a policy concluded about one target. ``as_dict`` is what the ledger keeps and the webhook tells."""

    decision_id: str
    policy_id: str
    policy_version: int
    policy_kind: str
    level: Level
    mode: Mode
    status: Status
    scope_type: str
    scope_value: str
    period: str
    action_kinds: tuple[str, ...]
    """What is sent."""
    withheld_kinds: tuple[str, ...]
    """What the policy asks for at this level and is not sent: dry run, never-touch list or blast radius."""
    reason: str
    evidence: Mapping[str, str | bool | None]
    data_through: datetime | None
    decided_at: datetime
    suppressed_because: Suppression | None = None
    supersedes: str | None = None
    """The earlier decision on this target whose order this one takes back or replaces."""

    @property
    def target(self) -> str:
        return f"{self.scope_type}:{self.scope_value}"

    @property
    def acts(self) -> bool:
        """Whether somebody is asked to act, beyond being told."""
        return any(kind != "notify" for kind in self.action_kinds)

    def as_dict(self) -> dict[str, Any]:
        document = {name: plain(value) for name, value in asdict(self).items()}
        return document | {"action_kinds": list(self.action_kinds), "withheld_kinds": list(self.withheld_kinds)}


class TargetKey(NamedTuple):
    """One policy on one target. ``period_shape`` keeps the day, month and quarter budgets of a team apart."""

    policy_id: str
    scope_type: str
    scope_value: str
    period_shape: str


@dataclass(frozen=True)
class TargetState:
    """What is remembered about one policy on one target between evaluations."""

    policy_version: int
    mode: Mode
    period: str
    level: Level = Level.OBSERVE
    """The highest level in force: reached, and not released since."""
    status: Status = Status.OBSERVE
    round: int = 0
    """How often it was released in this period; a target is decided on again only in a new round."""
    clear_count: int = 0
    counted_through: datetime | None = None
    """Newest data that clear_count has seen, so that judging the same data twice does not count twice."""
    reference: Decimal | None = None
    """The reference when it tripped; a greater one later means that the budget was raised."""
    warned_at: datetime | None = None
    tripped_at: datetime | None = None
    decision_id: str | None = None
    """The newest decision that raised or released this guardrail."""


@dataclass(frozen=True)
class State:
    """Everything that decisions depend on besides facts and policies."""

    targets: Mapping[TargetKey, TargetState] = field(default_factory=dict)
    decided: frozenset[str] = frozenset()
    """Ids of all decisions made so far."""


@dataclass(frozen=True)
class Assessment:
    """Decisions, and how every judged target stands after them."""

    decisions: list[Decision]
    targets: dict[TargetKey, TargetState]


def decide(
    facts: Iterable[GuardrailFact], policies: Sequence[Policy], state: State, *, as_of: datetime
) -> list[Decision]:
    """Judge facts by policies: the new decisions, ordered by policy, target and level.

    Only the newest period of a target is judged, and of several budgets of one target and period the one used most.

    Args:
        as_of: the moment (any zone) that the run reports on; the age of data is measured against it.
    """
    return assess(facts, policies, state, as_of=as_of).decisions


def assess(facts: Iterable[GuardrailFact], policies: Sequence[Policy], state: State, *, as_of: datetime) -> Assessment:
    """Like ``decide``, with the state that follows."""
    as_of = as_utc(as_of)
    facts = list(facts)
    decisions: list[Decision] = []
    targets: dict[TargetKey, TargetState] = {}
    for policy in policies:
        if policy.mode == "off":
            continue
        intents = {
            key: _intend(policy, policy.mode, fact, state.targets.get(key), as_of)
            for key, fact in sorted(_current_facts(policy, facts, state).items())
        }
        for key in _beyond_blast_radius(policy, intents, state, as_of):
            intents[key] = replace(intents[key], suppression=Suppression.BLAST_RADIUS)
        for key, intent in intents.items():
            decision, targets[key] = _conclude(policy, policy.mode, intent, as_of)
            if decision and decision.decision_id not in state.decided:
                decisions.append(decision)
    decisions.sort(key=lambda d: (d.policy_id, d.scope_type, d.scope_value, d.period, d.level))
    return Assessment(decisions, targets)


def judge(policy: Policy, fact: GuardrailFact) -> Level:
    """The level that a fact reaches, whatever happened before. A greater ratio never gives a lower level."""
    ratio = measure(policy, fact)
    if ratio is None:
        return Level.OBSERVE
    if isinstance(policy, BudgetPolicy):
        warn, trip = policy.warn_at, policy.trip_at
    elif fact.amount_at_stake < policy.min_amount:
        return Level.OBSERVE
    else:
        warn, trip = policy.warn_ratio, policy.trip_ratio
    if ratio >= trip:
        return Level.TRIP
    return Level.WARN if ratio >= warn else Level.OBSERVE


def measure(policy: Policy, fact: GuardrailFact) -> Decimal | None:
    """The ratio that the policy looks at; None where nothing can be said.

    A projected budget policy looks at the greater of both: without a forecast, what is spent is spent.
    """
    if isinstance(policy, BudgetPolicy) and policy.basis == "projected":
        return max((r for r in (fact.ratio, fact.projected_ratio) if r is not None), default=None)
    return fact.ratio


def target_key(policy_id: str, fact: GuardrailFact) -> TargetKey:
    return TargetKey(policy_id, fact.scope_type, fact.scope_value, re.sub(r"\d", "0", fact.period))


def decision_id(
    policy_id: str,
    version: int,
    scope_type: str,
    scope_value: str,
    period: str,
    level: Level,
    *,
    mode: Mode,
    round_: int = 0,
    suppression: Suppression | None = None,
) -> str:
    """``gd_`` and 32 hex digits of SHA-256: one per policy, version, target, period and level.

    Three things make it finer: a dry run does not use up the real decision; after a release the target may trip
    again in the same period; and a refusal is recorded once per cause, and does not use up the decision either.
    """
    parts = [policy_id, version, scope_type, scope_value, period, level, mode, round_, suppression]
    return "gd_" + hashlib.sha256(json.dumps(parts, separators=(",", ":")).encode()).hexdigest()[:32]


@dataclass(frozen=True)
class _Intent:
    fact: GuardrailFact
    before: TargetState
    wants: Level | None
    """WARN, TRIP or RELEASE; None to leave things as they are."""
    cause: str = ""
    """Of a release."""
    suppression: Suppression | None = None


def _current_facts(policy: Policy, facts: Iterable[GuardrailFact], state: State) -> dict[TargetKey, GuardrailFact]:
    current: dict[TargetKey, GuardrailFact] = {}
    for fact in facts:
        if not _applies(policy, fact):
            continue
        key = target_key(policy.id, fact)
        before = state.targets.get(key)
        if before and fact.period < before.period:
            continue
        # An order cannot be taken back in a dry run, nor by a policy that has no orders left: leave it in force, in
        # sight (EvaluationSummary.notes), until a person decides.
        if before and before.status in ORDERED and (policy.mode == "dry_run" or not _orders(policy.trip)):
            continue
        if key not in current or _weight(policy, fact) > _weight(policy, current[key]):
            current[key] = fact
    return current


def _applies(policy: Policy, fact: GuardrailFact) -> bool:
    if fact.kind != policy.kind:
        return False
    if isinstance(policy, BudgetPolicy):
        return not policy.budgets or fact.budget_id in policy.budgets
    return fact.scope_type == policy.level


def _weight(policy: Policy, fact: GuardrailFact) -> tuple[Any, ...]:
    ratio = measure(policy, fact)
    return (fact.period, ratio is not None, ratio or 0, fact.value, fact.fact_id)


def _intend(policy: Policy, mode: Mode, fact: GuardrailFact, known: TargetState | None, as_of: datetime) -> _Intent:
    level = judge(policy, fact)
    before = known or TargetState(policy.version, mode, fact.period)
    if before.mode != mode:
        before = replace(before, level=Level.OBSERVE, warned_at=None, tripped_at=None)
    is_new_version = before.policy_version != policy.version
    if is_new_version and before.status not in ORDERED:
        before = replace(before, level=Level.OBSERVE)
    is_new_period = fact.period > before.period
    before = replace(before, period=fact.period, round=0 if is_new_period else before.round)
    is_trustworthy = _refusal(policy, fact, as_of) is None

    if before.level == Level.TRIP and not (is_new_version and level == Level.TRIP):
        # A new budget period begins by the calendar, whatever the data is like; a new day of usage proves nothing.
        if is_new_period and isinstance(policy, BudgetPolicy) and level != Level.TRIP:
            return _Intent(fact, before, Level.RELEASE, f"{reasons.period_name(fact.period)} has its own budget")
        if not is_trustworthy:
            return _Intent(fact, before, None)
        if not _is_clear(policy, fact):
            return _Intent(fact, replace(before, clear_count=0), None)
        if (
            isinstance(policy, BudgetPolicy)
            and before.reference is not None
            and fact.reference is not None
            and fact.reference > before.reference
        ):
            raised = f"from {reasons.money(before.reference, fact.currency)}"
            cause = f"the budget was raised {raised} to {reasons.money(fact.reference, fact.currency)}"
            return _Intent(fact, before, Level.RELEASE, cause)
        if fact.data_through and (before.counted_through is None or fact.data_through > before.counted_through):
            before = replace(before, clear_count=before.clear_count + 1, counted_through=fact.data_through)
        if before.clear_count < policy.clear_after:
            return _Intent(fact, before, None)
        times = "one evaluation" if policy.clear_after == 1 else f"{policy.clear_after} evaluations in a row"
        return _Intent(fact, before, Level.RELEASE, f"it was clear of the limit in {times}")

    if is_new_period and isinstance(policy, BudgetPolicy):
        before = replace(before, level=Level.OBSERVE)
    if level.rank > before.level.rank or (is_new_version and level == Level.TRIP):
        refusal = _refusal(policy, fact, as_of) or _cooling_down(policy, before, level, as_of)
        return _Intent(fact, before, level, suppression=refusal)
    if level == Level.OBSERVE and is_trustworthy and _is_clear(policy, fact):
        before = replace(before, level=Level.OBSERVE)
    return _Intent(fact, before, None)


def _is_clear(policy: Policy, fact: GuardrailFact) -> bool:
    ratio = measure(policy, fact)
    if isinstance(policy, BudgetPolicy):
        return ratio is not None and ratio < policy.clear_below
    return fact.amount_at_stake < policy.min_amount or (ratio is not None and ratio < policy.clear_below_ratio)


def _refusal(policy: Policy, fact: GuardrailFact, as_of: datetime) -> Suppression | None:
    oldest = as_of - timedelta(hours=policy.max_data_age_hours)
    if fact.data_through is None or fact.data_through < oldest:
        return Suppression.STALE_DATA
    return None if fact.is_reconciled else Suppression.NOT_RECONCILED


def _cooling_down(policy: Policy, before: TargetState, level: Level, as_of: datetime) -> Suppression | None:
    """A warning does not hold back the trip that follows it; a trip holds back both."""
    last = before.tripped_at if level == Level.TRIP else _last_raised(before)
    until = as_of - timedelta(hours=policy.cooldown_hours)
    return Suppression.COOLDOWN if last is not None and last > until else None


def _last_raised(before: TargetState) -> datetime | None:
    return max((at for at in (before.warned_at, before.tripped_at) if at is not None), default=None)


def _beyond_blast_radius(
    policy: Policy, intents: Mapping[TargetKey, _Intent], state: State, as_of: datetime
) -> list[TargetKey]:
    """The targets that one run may not touch any more, those with the least money at stake.

    A run is known by its ``as_of``: repeating it does not open a new allowance.
    """
    if not _orders(policy.trip):
        return []
    acting = [
        key
        for key, intent in intents.items()
        if intent.wants == Level.TRIP
        and intent.suppression is None
        and intent.fact.scope_value not in policy.never_touch
    ]
    acting.sort(key=lambda key: (-intents[key].fact.amount_at_stake, key))
    touched = sum(
        1
        for key, target in state.targets.items()
        if key.policy_id == policy.id
        and target.tripped_at == as_of
        and target.mode == policy.mode
        and key.scope_value not in policy.never_touch
    )
    return acting[max(policy.max_targets_per_run - touched, 0) :]


def _conclude(policy: Policy, mode: Mode, intent: _Intent, as_of: datetime) -> tuple[Decision | None, TargetState]:
    match intent.wants:
        case None:
            return None, _leave(policy, mode, intent)
        case Level.RELEASE:
            return _release(policy, mode, intent, as_of)
        case _:
            return _raise(policy, mode, intent, as_of)


def _leave(policy: Policy, mode: Mode, intent: _Intent) -> TargetState:
    before = intent.before
    if before.level == Level.TRIP:
        return before
    status = before.status
    if status not in ORDERED and status != Status.REVERTING:
        status = move(status, Status.WARN if before.level == Level.WARN else Status.OBSERVE)
    return replace(before, policy_version=policy.version, mode=mode, status=status)


def _raise(policy: Policy, mode: Mode, intent: _Intent, as_of: datetime) -> tuple[Decision, TargetState]:
    fact, before, level, why = intent.fact, intent.before, intent.wants or Level.OBSERVE, intent.suppression
    actions = policy.trip if level == Level.TRIP else policy.warn
    orders = _orders(actions)
    if why is None and orders and fact.scope_value in policy.never_touch:
        why = Suppression.NEVER_TOUCH
    told = _messages(actions)
    is_silent = why in (Suppression.STALE_DATA, Suppression.NOT_RECONCILED, Suppression.COOLDOWN)
    acts = bool(orders) and why is None and mode == "enforce"
    sent = () if is_silent else told + orders if acts else told
    sentence = reasons.finding(policy, fact)
    if why:
        raised_at = before.tripped_at if level == Level.TRIP else _last_raised(before)
        sentence += " " + reasons.suppressed(why, policy, fact, _verbs(orders), raised_at, as_of)
    elif orders:
        sentence += " " + reasons.ordered(_verbs(orders), dry_run=mode == "dry_run")
    decision = _decision(
        policy, mode, intent, level, as_of,
        status=Status.SUPPRESSED if why else Status.EXECUTING if acts else Status.WARN,
        actions=(sent, told + orders if is_silent else () if acts else orders),
        reason=sentence,
        suppression=why,
        supersedes=before.decision_id if acts and before.status in ORDERED | {Status.REVERTING} else None,
    )  # fmt: skip
    keeps_order = before.status in ORDERED or before.status == Status.REVERTING
    if is_silent or why == Suppression.BLAST_RADIUS:
        status = before.status if keeps_order else move(before.status, Status.SUPPRESSED)
        return decision, replace(before, status=status)
    return decision, replace(
        before,
        policy_version=policy.version,
        mode=mode,
        level=level,
        status=before.status if keeps_order and not acts else move(before.status, decision.status),
        clear_count=0,
        counted_through=fact.data_through,
        reference=fact.reference if level == Level.TRIP else before.reference,
        warned_at=as_of if level == Level.WARN else before.warned_at,
        tripped_at=as_of if level == Level.TRIP else before.tripped_at,
        decision_id=decision.decision_id if acts or not keeps_order else before.decision_id,
    )


def _release(policy: Policy, mode: Mode, intent: _Intent, as_of: datetime) -> tuple[Decision, TargetState]:
    before = intent.before
    orders = _orders(policy.trip)
    told = _messages(policy.trip)
    # A target that was put on the never-touch list while it was paused is still given back.
    undoes = before.status in ORDERED
    withheld = orders if mode == "dry_run" and before.status == Status.WARN else ()
    level = Level.WARN if judge(policy, intent.fact) == Level.WARN else Level.OBSERVE
    status = Status.REVERTING if undoes else Status.WARN if level == Level.WARN else Status.OBSERVE
    verbs = _verbs(orders) if undoes or withheld else None
    decision = _decision(
        policy, mode, intent, Level.RELEASE, as_of,
        status=status,
        actions=(told + orders if undoes else told, withheld),
        reason=f"{reasons.finding(policy, intent.fact)} {reasons.released(intent.cause, verbs, mode == 'dry_run')}",
        suppression=None,
        supersedes=before.decision_id,
    )  # fmt: skip
    return decision, replace(
        before,
        policy_version=policy.version,
        mode=mode,
        level=level,
        status=move(before.status, status),
        round=before.round + 1,
        clear_count=0,
        reference=None,
        decision_id=decision.decision_id,
    )


def _decision(
    policy: Policy,
    mode: Mode,
    intent: _Intent,
    level: Level,
    as_of: datetime,
    *,
    status: Status,
    actions: tuple[tuple[str, ...], tuple[str, ...]],
    reason: str,
    suppression: Suppression | None,
    supersedes: str | None,
) -> Decision:
    fact = intent.fact
    # A target on the never-touch list is told about once, like any decision; the other refusals are tried again.
    repeats = suppression if suppression != Suppression.NEVER_TOUCH else None
    return Decision(
        decision_id=decision_id(
            policy.id, policy.version, fact.scope_type, fact.scope_value, fact.period, level,
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
        period=fact.period,
        action_kinds=actions[0],
        withheld_kinds=actions[1],
        reason=reason,
        evidence=fact.as_dict(),
        data_through=fact.data_through,
        decided_at=as_of,
        suppressed_because=suppression,
        supersedes=supersedes,
    )  # fmt: skip


def _orders(actions: Sequence[Action]) -> tuple[str, ...]:
    """Kinds of the actions that ask somebody to act, each once, in the policy's order."""
    return tuple(dict.fromkeys(action.kind for action in actions if action.kind != "notify"))


def _messages(actions: Sequence[Action]) -> tuple[str, ...]:
    return ("notify",) if any(action.kind == "notify" for action in actions) else ()


def _verbs(orders: Sequence[str]) -> str:
    return " and ".join("open a ticket for" if kind == "ticket" else kind for kind in orders) or "act on"
