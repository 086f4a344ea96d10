"""The real ``assess`` over a history of facts, at every moment at which it could decide anything.

Here: which targets are due at which moment, the state that follows, approvals that are assumed.
Not here: any judgement (decide), and what the decisions were worth (outcome).

What is judged at every moment of a run of years of five minutes hardly ever changes. So a target of a policy is judged
again only when
    a fact of it changed,
    the judgement before it changed something (it may go on at the next moment),
    a refusal depends on the other targets of the run (blast radius), or
    time itself may change the answer: age of data, cooldown, grace, approval, hours of a schedule, last day.
A test proves that the decisions are those of judging everything at every moment.
"""

from __future__ import annotations

import heapq
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from finops.config.models import Policy
from finops.periods import as_utc
from guardrails.decide import Decision, State, TargetKey, TargetState, applies, assess, target_key
from guardrails.facts import GuardrailFact
from guardrails.replay.changes import FactChange
from guardrails.states import Level, Status, Suppression, move


@dataclass(frozen=True)
class Approvals:
    """How questions to people are answered: so long after they are asked (None: never)."""

    after: timedelta | None = None


@dataclass(frozen=True)
class Replay:
    """``decisions`` in order of time. ``moments`` is how many there were, ``judgements`` how many targets were judged."""

    first: datetime
    last: datetime
    step: timedelta
    policies: tuple[Policy, ...]
    decisions: tuple[Decision, ...]
    orders: tuple[Order, ...]
    moments: int
    judgements: int


@dataclass(frozen=True)
class Order:
    """What somebody was asked to do to a target, from when on, and until when it stood (None: at the end still).

    In a dry run it is what would have been asked. ``actions`` are the kinds of the orders, such as pause.
    """

    decision: Decision
    actions: tuple[str, ...]
    acts_at: datetime
    ended_at: datetime | None
    ended_by: str
    """release, replaced, withdrawn (before it acted), or nothing yet (empty)."""


class Timeline:
    """Moments ``first``, ``first + step``, … up to ``last``, by number."""

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
        """The first moment that is not before this one; 0 for everything before all of them."""
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

    Orders count as carried out at once. Policies are taken in the mode they are in.

    Raises:
        ValueError: the moments make no sense (see the message).
    """
    run = _Run(list(changes), [policy for policy in policies if policy.mode != "off"], Timeline(first, last, step))
    run.go(approvals or Approvals())
    decisions = tuple(run.decisions)
    return Replay(
        run.timeline.first, run.timeline.last, step, tuple(policies), decisions,
        tuple(_orders(decisions, run)), run.timeline.count, run.judgements,
    )  # fmt: skip


_DONE = {Status.EXECUTING: Status.ENFORCED, Status.REVERTING: Status.REVERTED}


class _Run:
    def __init__(self, changes: Sequence[FactChange], policies: Sequence[Policy], timeline: Timeline) -> None:
        self.timeline = timeline
        self.policies = policies
        self.clocks = [_Clock(policy, timeline) for policy in policies]
        self.decisions: list[Decision] = []
        self.judgements = 0
        self._decided: set[str] = set()
        self._states: list[dict[TargetKey, TargetState]] = [{} for _ in policies]
        self._facts: list[dict[TargetKey, dict[int, GuardrailFact]]] = [defaultdict(dict) for _ in policies]
        self._due: dict[int, set[tuple[int, TargetKey]]] = defaultdict(set)
        self._heap: list[int] = []
        self._changes: dict[int, list[tuple[int, TargetKey, int, GuardrailFact | None]]] = defaultdict(list)
        self._read(changes)

    def _read(self, changes: Sequence[FactChange]) -> None:
        by_kind: dict[str, list[int]] = defaultdict(list)
        for change_number, change in enumerate(changes):
            begins = self.timeline.number(change.known_from)
            ends = self.timeline.count if change.known_to is None else self.timeline.number(change.known_to)
            # Known for less than a step: no moment sees it.
            if begins >= min(ends, self.timeline.count):
                continue
            fact = change.fact
            if fact.kind not in by_kind:
                by_kind[fact.kind] = list(range(len(self.policies)))
            for number in by_kind[fact.kind]:
                policy = self.policies[number]
                if not applies(policy, fact):
                    continue
                key = target_key(policy.id, fact)
                self._changes[begins].append((number, key, change_number, fact))
                self._wake(begins, number, key)
                if ends < self.timeline.count:
                    self._changes[ends].append((number, key, change_number, None))
                    self._wake(ends, number, key)

    def _wake(self, moment: int, number: int, key: TargetKey) -> None:
        if moment >= self.timeline.count:
            return
        if moment not in self._due:
            heapq.heappush(self._heap, moment)
        self._due[moment].add((number, key))

    def go(self, approvals: Approvals) -> None:
        while self._heap:
            moment = heapq.heappop(self._heap)
            for number, key, change_number, fact in self._changes.pop(moment, ()):
                if fact is None:
                    self._facts[number][key].pop(change_number, None)
                else:
                    self._facts[number][key][change_number] = fact
            by_policy: dict[int, list[TargetKey]] = defaultdict(list)
            for number, key in self._due.pop(moment):
                by_policy[number].append(key)
            for number in sorted(by_policy):
                self._judge(moment, number, by_policy[number], approvals)

    def _judge(self, moment: int, number: int, keys: Sequence[TargetKey], approvals: Approvals) -> None:
        at, policy, states, facts = self.timeline.at(moment), self.policies[number], self._states[number], self._facts[number]
        known = {key: states[key] for key in keys if key in states}
        due = [replace(fact, as_of=at) if False else fact for key in keys for fact in facts[key].values()]
        # Nothing counts as decided: a refusal that repeats itself is how a target says that it still wants to act.
        found = assess(due, [policy], State(known), as_of=at)
        self.judgements += len(keys)
        wanting: dict[TargetKey, Decision] = {}
        fresh: set[TargetKey] = set()
        for decision in found.decisions:
            key = _key_of(decision, found.targets)
            wanting[key] = decision
            if decision.decision_id not in self._decided:
                self._decided.add(decision.decision_id)
                self.decisions.append(decision)
                fresh.add(key)
        for key in keys:
            if key not in found.targets:
                continue
            before, after = states.get(key), found.targets[key]
            after = replace(after, status=move(after.status, _DONE.get(after.status, after.status)))
            states[key] = after
            wants = wanting.get(key)
            crowded = wants is not None and wants.suppressed_because == Suppression.BLAST_RADIUS
            if key in fresh or crowded or before != after:
                self._wake(moment + 1, number, key)
                continue
            if wants is None and after.level == Level.OBSERVE and not self.clocks[number].always:
                continue
            when = self.clocks[number].next_after(at, after, facts[key].values())
            if when is not None:
                self._wake(max(self.timeline.number(when), moment + 1), number, key)


def _key_of(decision: Decision, targets: Mapping[TargetKey, Any]) -> TargetKey:
    """The judged target that a decision is about."""
    fact = GuardrailFact(**{**_BLANK, **{name: getattr(decision, name) for name in ("scope_type", "scope_value", "period")}})
    return target_key(decision.policy_id, fact)
