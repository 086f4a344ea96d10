"""The real ``assess`` over a history of facts, at every moment at which it could decide anything.

Here: which targets are due at which moment, the state that follows, approvals that are assumed.
Not here: any judgement (decide), and what the decisions were worth (outcome).

What is judged every five minutes hardly ever changes. So a policy's target is judged again only when
    a fact of it changed, or, where none is left of it, one that shows that data still comes;
    the judgement before it decided or changed something, which may go on at the next moment;
    it was refused because others of the same run came first (blast radius); or
    time itself may change the answer: age of data, cooldown, grace, approval, hours for orders.
Judging a target more often changes nothing. A test proves that judging it less often does not either.
"""

from __future__ import annotations

import heapq
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from typing import cast
from zoneinfo import ZoneInfo

from finops.config.policies import Policy
from finops.config.values import WeeklyHours
from finops.periods import as_utc
from guardrails.decide import (
    Decision,
    State,
    TargetKey,
    TargetState,
    approved,
    assess,
    next_open,
    target_key,
)
from guardrails.decide.identity import MILESTONE, period_shape
from guardrails.decide.judgement import FACT_KINDS, STATED_ONLY_WHERE_WRONG, applies, measure
from guardrails.decide.model import evolve
from guardrails.facts import GuardrailFact
from guardrails.replay.changes import FactChange
from guardrails.states import Level, Status, Suppression, move


@dataclass(frozen=True)
class Approvals:
    """How questions to people are answered: with yes, so long after they were asked; None: never."""

    after: timedelta | None = None


@dataclass(frozen=True)
class Order:
    """What somebody did to a target, from when on and until when. ``actions`` are kinds such as pause."""

    key: TargetKey
    policy_kind: str
    decision_id: str
    level: Level
    actions: tuple[str, ...]
    acted_at: datetime
    ended_at: datetime | None = None
    """When it was taken back or another took its place; None: it stood at the end of the replay."""


@dataclass(frozen=True)
class Replay:
    """What came of it. ``decisions`` are in order of time."""

    first: datetime
    last: datetime
    step: timedelta
    approvals: Approvals
    policies: tuple[Policy, ...]
    decisions: tuple[Decision, ...]
    orders: tuple[Order, ...]
    moment_count: int
    judgement_count: int
    """How often a target was judged; judging all at every moment would be more by orders of magnitude."""


class Timeline:
    """Moments ``first``, ``first + step``, … up to ``last``, by number.

    Raises:
        ValueError: the step is not positive, or the last moment is before the first.
    """

    def __init__(self, first: datetime, last: datetime, step: timedelta) -> None:
        self.first, self.last, self.step = as_utc(first), as_utc(last), step
        if step <= timedelta(0):
            raise ValueError("the step between two moments is not positive")
        if self.last < self.first:
            raise ValueError("the last moment is before the first")
        self.count = (self.last - self.first) // step + 1

    def at(self, number: int) -> datetime:
        return self.first + number * self.step

    def number(self, moment: datetime) -> int:
        """The first moment that is not before this one; 0 for whatever is before all of them."""
        return max(-((self.first - moment) // self.step), 0)


def replay(
    changes: Iterable[FactChange],
    policies: Sequence[Policy],
    *,
    first: datetime,
    last: datetime,
    step: timedelta = timedelta(minutes=5),
    approvals: Approvals | None = None,
) -> Replay:
    """All decisions that policies would have made, had they judged at every moment what was known then.

    Orders count as carried out when they are given. Policies are taken in the mode that they are in; copy them with
    ``mode="enforce"`` to see what a dry run only notes.

    Raises:
        ValueError: the step is not positive, or the last moment is before the first.
    """
    timeline = Timeline(first, last, step)
    approvals = approvals or Approvals()
    visible = _visible(changes, timeline)
    witnesses = _Witnesses(visible)
    runs = [_PolicyRun(policy, timeline, approvals, witnesses) for policy in policies if policy.mode != "off"]
    by_kind: dict[str, list[_Visible]] = defaultdict(list)
    for change in visible:
        by_kind[change.fact.kind].append(change)
    for run in runs:
        run.go(by_kind[FACT_KINDS[run.policy.kind]])
    decisions = sorted(
        (decision for run in runs for decision in run.decisions),
        key=lambda one: (one.decided_at, one.policy_id, one.scope_type, one.scope_value, one.subject or "", one.level),
    )
    orders = sorted((order for run in runs for order in run.orders()), key=lambda one: (one.acted_at, one.key))
    return Replay(
        timeline.first, timeline.last, step, approvals, tuple(policies), tuple(decisions), tuple(orders),
        timeline.count, sum(run.judgement_count for run in runs),
    )  # fmt: skip


def carried_out(target: TargetState, at: datetime) -> TargetState:
    """A target as it stands once its orders are carried out: at once, or when the time of grace is over."""
    if target.status == Status.REVERTING:
        return evolve(target, status=move(target.status, Status.REVERTED))
    if target.status == Status.EXECUTING and (target.acts_at is None or target.acts_at <= at):
        return evolve(target, status=move(target.status, Status.ENFORCED), is_sent=True)
    return target


def carried_on(policy: Policy, target: TargetState, at: datetime, approvals: Approvals) -> TargetState:
    """A target as it stands when a moment begins: its question answered, its orders carried out."""
    answer_at = _answer_at(target, approvals)
    if answer_at is not None and answer_at <= at and (target.pending_until is None or at < target.pending_until):
        target = agreed(policy, target, at)
    return carried_out(target, at)


def _answer_at(target: TargetState, approvals: Approvals) -> datetime | None:
    if target.pending_id is None or target.pending_level is None or approvals.after is None:
        return None
    return target.raised_at[target.pending_level] + approvals.after


def agreed(policy: Policy, target: TargetState, at: datetime) -> TargetState:
    """A target whose question is answered with yes: its orders are given when the policy allows them.

    Figures that are too old to act on leave it waiting, as a person is told to wait for newer ones.
    """
    if target.trusted_until is not None and at > target.trusted_until:
        return target
    step = policy.step(target.pending_level) if target.pending_level else None
    acts_at = at + timedelta(minutes=step.grace_minutes if step else 0)
    acts_at = next_open(policy.acts_when, acts_at) if policy.acts_when else acts_at
    return approved(target, acts_at=acts_at if acts_at > at else None)


@dataclass(frozen=True, slots=True)
class _Visible:
    """A change by the numbers of the moments from and until which it is seen."""

    begins: int
    ends: int
    fact: GuardrailFact


def _visible(changes: Iterable[FactChange], timeline: Timeline) -> list[_Visible]:
    """Changes that any moment sees, oldest first; what was known for less than a step may be seen by none."""
    seen = []
    for change in changes:
        begins = timeline.number(change.known_from)
        ends = timeline.count if change.known_to is None else timeline.number(change.known_to)
        if begins < min(ends, timeline.count):
            seen.append(_Visible(begins, min(ends, timeline.count), change.fact))
    return sorted(seen, key=lambda one: (one.begins, one.fact.fact_id))


class _Witnesses:
    """The newest fact of each moment, whatever its kind: it shows that data comes where a target leaves none."""

    def __init__(self, changes: Sequence[_Visible]) -> None:
        self.moments = sorted({one.begins for one in changes} | {one.ends for one in changes})
        self._changes = changes
        self._newest: list[GuardrailFact | None] | None = None

    def at(self, number: int) -> GuardrailFact | None:
        """The newest fact that reconciles; the caller looks at its age."""
        if self._newest is None:
            self._newest = list(self._find())
        place = bisect_right(self.moments, number) - 1
        return self._newest[place] if place >= 0 else None

    def next_after(self, number: int) -> int | None:
        """The next moment at which there may be another one."""
        place = bisect_right(self.moments, number)
        return self.moments[place] if place < len(self.moments) else None

    def _find(self) -> Iterator[GuardrailFact | None]:
        able = [one for one in self._changes if one.fact.data_through and one.fact.is_reconciled]
        by_age = sorted(able, key=lambda one: (one.fact.data_through, one.fact.period, one.fact.fact_id), reverse=True)
        rank = {id(one): place for place, one in enumerate(by_age)}
        waiting = iter(sorted(able, key=lambda one: one.begins))
        following = next(waiting, None)
        counting: list[int] = []
        for moment in self.moments:
            while following is not None and following.begins <= moment:
                heapq.heappush(counting, rank[id(following)])
                following = next(waiting, None)
            while counting and by_age[counting[0]].ends <= moment:
                heapq.heappop(counting)
            yield by_age[counting[0]].fact if counting else None


class _PolicyRun:
    """One policy over all moments. Policies know nothing of each other, so each has its own time."""

    def __init__(self, policy: Policy, timeline: Timeline, approvals: Approvals, witnesses: _Witnesses) -> None:
        self.policy = policy
        self.timeline = timeline
        self.approvals = approvals
        self.witnesses = witnesses
        self._lowest = policy.steps[0].threshold
        self.decisions: list[Decision] = []
        self.judgement_count = 0
        self._decided: set[str] = set()
        self._settled: set[str] = set()
        """Ids of decisions but for refusals that are tried again, so that those are heard whenever they repeat."""
        self._states: dict[TargetKey, TargetState] = {}
        self._facts: dict[TargetKey, dict[int, GuardrailFact]] = defaultdict(dict)
        self._gone: set[TargetKey] = set()
        """Targets that something is in force on, or asked about, and of which no fact is left."""
        self._due: dict[int, set[TargetKey]] = defaultdict(set)
        self._moments: list[int] = []
        self._orders: list[Order] = []
        self._standing: dict[TargetKey, Order] = {}

    def go(self, changes: Sequence[_Visible]) -> None:
        arrivals: dict[int, list[tuple[TargetKey, int, GuardrailFact | None]]] = defaultdict(list)
        for serial, change in enumerate(changes):
            if not applies(self.policy, change.fact):
                continue
            key = _target_of(self.policy, change.fact)
            arrivals[change.begins].append((key, serial, change.fact))
            self._wake(change.begins, key)
            if change.ends < self.timeline.count:
                arrivals[change.ends].append((key, serial, None))
                self._wake(change.ends, key)
        while self._moments:
            number = heapq.heappop(self._moments)
            arrived = arrivals.pop(number, ())
            for key, serial, fact in arrived:
                if fact is None:
                    self._facts[key].pop(serial, None)
                else:
                    self._facts[key][serial] = fact
            due = self._due.pop(number)
            self._judge(number, due | self._gone if arrived else due)

    def orders(self) -> list[Order]:
        return [*self._orders, *self._standing.values()]

    def _wake(self, number: int, key: TargetKey) -> None:
        if number >= self.timeline.count:
            return
        if number not in self._due:
            heapq.heappush(self._moments, number)
        self._due[number].add(key)

    def _judge(self, number: int, due: Collection[TargetKey]) -> None:
        at = self.timeline.at(number)
        keys, facts = self._asked(number, due)
        if not keys:
            return
        before = {key: self._states[key] for key in keys if key in self._states}
        known = {key: carried_on(self.policy, target, at, self.approvals) for key, target in before.items()}
        # A frozen copy of all ids at each moment would cost more than all judgements.
        found = assess(facts, [self.policy], State(known, cast("frozenset[str]", self._settled)), as_of=at)
        self.judgement_count += len(keys)
        wishes = {_key_of(decision, found.targets): decision for decision in found.decisions}
        for key in keys:
            after = found.targets.get(key) or known.get(key)
            if after is None:
                continue
            after = carried_out(after, at)
            wish = wishes.get(key)
            self._states[key] = after
            is_new = wish is not None and self._is_new(wish)
            self._follow(key, after, at)
            is_crowded = wish is not None and wish.suppressed_because == Suppression.BLAST_RADIUS
            if is_new or is_crowded or _went_on(before.get(key), after):
                self._wake(number + 1, key)
            for when in self._appointments(key, after, at, wish):
                self._wake(max(self.timeline.number(when), number + 1), key)
            self._look_after(key, number)

    def _asked(self, number: int, due: Collection[TargetKey]) -> tuple[set[TargetKey], list[GuardrailFact]]:
        """Targets to judge, and the facts to judge them by: all of theirs, and what shows that data comes."""
        keys = {key for key in due if not self._is_calm(key)}
        witness = None
        if any(self._is_gone(key) for key in keys):
            if self.policy.kind in STATED_ONLY_WHERE_WRONG:
                witness = self.witnesses.at(number)
                if witness is not None and applies(self.policy, witness):
                    keys.add(_target_of(self.policy, witness))
                    witness = None
            else:
                keys.update(key for key, facts in self._facts.items() if facts)
        facts = [fact for key in keys for fact in self._facts[key].values()]
        return keys, facts if witness is None else [*facts, witness]

    def _is_gone(self, key: TargetKey) -> bool:
        target = self._states.get(key)
        return not self._facts[key] and target is not None and bool(target.level.rank or target.pending_id)

    def _is_calm(self, key: TargetKey) -> bool:
        """Whether nothing stands or stood in this period, and no fact reaches any level: judging it changes nothing."""
        target, facts = self._states.get(key), self._facts[key]
        if target is None or target.status != Status.OBSERVE or target.level != Level.OBSERVE or target.pending_id:
            return False
        # Hours reach a level together that each alone does not.
        if self.policy.kind == "off_hours" or not facts:
            return not facts
        return all(fact.period == target.period and self._is_low(fact) for fact in facts.values())

    def _is_low(self, fact: GuardrailFact) -> bool:
        measured = measure(self.policy, fact)
        return measured is None or measured < self._lowest

    def _is_new(self, decision: Decision) -> bool:
        if decision.decision_id in self._decided:
            return False
        self._decided.add(decision.decision_id)
        self.decisions.append(decision)
        if decision.suppressed_because is None or decision.suppressed_because.is_final:
            self._settled.add(decision.decision_id)
        return True

    def _follow(self, key: TargetKey, after: TargetState, at: datetime) -> None:
        """Keep the order that stands on a target, from when it was carried out until it stands no more."""
        standing = self._standing.get(key)
        name = after.decision_id if after.status == Status.ENFORCED else None
        if standing is not None and standing.decision_id != name:
            self._orders.append(replace(self._standing.pop(key), ended_at=at))
        if name is not None and key not in self._standing:
            steps = [step for level in after.ordered if (step := self.policy.step(level))]
            actions = tuple(dict.fromkeys(action.kind for step in steps for action in step.orders))
            self._standing[key] = Order(key, self.policy.kind, name, after.level, actions, at)

    def _look_after(self, key: TargetKey, number: int) -> None:
        if not self._is_gone(key):
            self._gone.discard(key)
            return
        self._gone.add(key)
        if self.policy.kind in STATED_ONLY_WHERE_WRONG:
            following = self.witnesses.next_after(number)
            if following is not None:
                self._wake(following, key)

    def _appointments(
        self, key: TargetKey, after: TargetState, at: datetime, wish: Decision | None
    ) -> Iterator[datetime]:
        """Moments, not before now, at which time alone may change the answer."""
        moments = [after.pending_until, _answer_at(after, self.approvals)] if after.pending_id else []
        if after.status == Status.EXECUTING:
            moments.append(after.acts_at)
        if wish is not None:
            age, cooldown = (timedelta(hours=h) for h in (self.policy.max_data_age_hours, self.policy.cooldown_hours))
            moments += [fact.data_through + age for fact in self._facts[key].values() if fact.data_through]
            moments += [raised + cooldown for raised in after.raised_at.values()]
            if self.policy.acts_when:
                graces = {timedelta(minutes=step.grace_minutes) for step in self.policy.steps} | {timedelta(0)}
                edges = edges_of_a_week(self.policy.acts_when, at)
                moments += [edge - grace for edge in edges for grace in graces]
        following = [moment for moment in moments if moment is not None and moment >= at]
        yield from {min(following)} if following else ()


def edges_of_a_week(hours: WeeklyHours, at: datetime) -> Iterator[datetime]:
    """When the hours begin and end in the eight days from a moment on."""
    zone = ZoneInfo(hours.time_zone)
    today = at.astimezone(zone).date()
    for days in range(-1, 9):
        day = today + timedelta(days=days)
        yield datetime.combine(day, hours.starts, zone).astimezone(UTC)
        end_day = day if hours.ends is not None else day + timedelta(days=1)
        yield datetime.combine(end_day, hours.ends or time(), zone).astimezone(UTC)


def _went_on(before: TargetState | None, after: TargetState) -> bool:
    """Whether a judgement changed what the next one, on the same facts, depends on."""
    if before is None:
        return after.level != Level.OBSERVE or after.status != Status.OBSERVE
    return (before.level, before.status, before.pending_id, before.trusted_until, before.decision_id) != (
        after.level, after.status, after.pending_id, after.trusted_until, after.decision_id,
    )  # fmt: skip


def _target_of(policy: Policy, fact: GuardrailFact) -> TargetKey:
    """The target that a fact is judged for: hours are judged together, by the day on which the office closed."""
    key = target_key(policy.id, fact)
    return key._replace(period_shape=period_shape(fact.period[:10])) if policy.kind == "off_hours" else key


def _key_of(decision: Decision, targets: Collection[TargetKey]) -> TargetKey:
    """The judged target that a decision is about."""
    shape = period_shape(decision.period)
    subject = decision.evidence["budget_id"] if shape == MILESTONE else decision.subject
    key = TargetKey(decision.policy_id, decision.scope_type, decision.scope_value, shape, str(subject or ""))
    if key not in targets:
        raise LookupError(f"decision {decision.decision_id} is about {key}, which was not judged")
    return key
