"""What a replay would have been worth: money, critical work, incidents hit and missed, refusals, flips.

Here: orders laid over what was spent and over the incidents that are known.
Not here: the decisions (engine), where spend and incidents come from (cli), how it looks (reports).

Money saved = for every day and owner, what was spent that an order can stop × the share of the day that the order stood
× the share that its action stops: all of it for pause and stop, ``throttle_share`` for throttle, nothing for a ticket.
What was spent is the rate "it then ran" at, since nobody stopped it. Where several orders cover the same money at the
same time, it is counted once, with the greatest share.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Literal

from guardrails.decide import Decision, TargetKey
from guardrails.replay.engine import Order, Replay
from guardrails.states import Level

Money = Mapping[str, Decimal]
"""Amounts by currency."""

Verdict = Literal["hit", "unconfirmed", "false", "no_incident"]

_QUANTUM = Decimal("0.000000000001")
_DAY_SECONDS = 86_400
BEFORE, AFTER = timedelta(days=1), timedelta(days=3)
"""An order so long before an incident begins, or after it ends, is about it: facts come by the day."""


@dataclass(frozen=True, slots=True)
class SpendDay:
    """What an owner spent on a day that an order can stop. ``machine`` names a GPU machine whose money this is for
    nothing; only orders about that machine stop it."""

    day: date
    team: str | None
    app: str | None
    model: str | None
    currency: str
    amount: Decimal
    machine: str | None = None


@dataclass(frozen=True)
class Incident:
    """An incident as it is known today. ``verdict`` is what people said: real, false, planned, or None."""

    incident_id: str
    scope_type: str
    scope_value: str
    team: str | None
    first_seen: date
    last_seen: date
    verdict: str | None

    @property
    def is_real(self) -> bool:
        """Nobody said otherwise."""
        return self.verdict not in ("false", "planned")


@dataclass(frozen=True)
class StoodOrder:
    """An order with what it would have saved, and what of it is critical work."""

    order: Order
    saved: Money
    critical: Money
    verdict: Verdict
    incident_ids: tuple[str, ...]


@dataclass(frozen=True)
class TargetOutcome:
    """One policy on one target. ``flips_a_week`` counts orders and their ends; less than a week counts as one."""

    scope_type: str
    scope_value: str
    subject: str
    warned: int
    acted: int
    released: int
    refused: int
    flips_a_week: Decimal
    saved: Money

    @property
    def name(self) -> str:
        return f"{self.scope_type}:{self.scope_value}" + (f"/{self.subject}" if self.subject else "")


@dataclass(frozen=True)
class PolicyOutcome:
    policy_id: str
    warned: int
    asked: int
    """Questions to people."""
    acted: int
    released: int
    refused: Mapping[str, int]
    """Refusals by reason."""
    saved: Money
    """Money that several orders of the policy would have stopped is counted once."""
    critical: Money
    verdicts: Mapping[Verdict, int]
    targets: tuple[TargetOutcome, ...]


@dataclass(frozen=True)
class Outcome:
    """All policies together; money that several policies would have stopped is counted once."""

    replay: Replay
    policies: tuple[PolicyOutcome, ...]
    orders: tuple[StoodOrder, ...]
    saved: Money
    critical: Money
    missed: tuple[Incident, ...]
    """Real incidents in the time of the replay that no order was about."""
    incident_count: int
    throttle_share: Decimal
    unmeasured: tuple[str, ...]
    """Kinds of scope that orders were about and whose money is not known by owner."""


def outcome_of(
    replay: Replay,
    spend: Iterable[SpendDay],
    incidents: Sequence[Incident],
    *,
    protected: Collection[str] = (),
    throttle_share: Decimal = Decimal("0.5"),
) -> Outcome:
    """Lay a replay over what was spent and what is known of incidents.

    Args:
        protected: teams and apps whose work is critical.
        throttle_share: the share (0 to 1) of a target's spend that throttling stops.

    Raises:
        ValueError: ``throttle_share`` is no share.
    """
    if not 0 <= throttle_share <= 1:
        raise ValueError(f"a throttle stops a share between 0 and 1 of the spend, not {throttle_share}")
    ledger = _Ledger(spend, replay, protected, throttle_share)
    within = [one for one in incidents if one.last_seen >= replay.first.date() and one.first_seen <= replay.last.date()]
    stood = tuple(_stood(order, ledger, within) for order in replay.orders)
    about = {name for one in stood for name in one.incident_ids}
    policies = tuple(
        _of_policy(policy.id, replay, [one for one in stood if one.order.key.policy_id == policy.id], ledger)
        for policy in replay.policies
    )
    saved, critical = ledger.stopped(replay.orders)
    real = [one for one in within if one.is_real]
    return Outcome(
        replay, policies, stood, saved, critical,
        tuple(one for one in real if one.incident_id not in about), len(real), throttle_share,
        tuple(sorted({order.key.scope_type for order in replay.orders} - set(_SCOPES))),
    )  # fmt: skip


_SCOPES = ("company", "team", "app", "model")


class _Ledger:
    """Spend by day, and how much of it orders would have stopped."""

    def __init__(
        self, spend: Iterable[SpendDay], replay: Replay, protected: Collection[str], throttle_share: Decimal
    ) -> None:
        self._replay = replay
        self._protected = frozenset(protected)
        self._shares = {"pause": Decimal(1), "stop": Decimal(1), "throttle": throttle_share}
        self._days: dict[date, list[SpendDay]] = defaultdict(list)
        for row in spend:
            if row.amount > 0:
                self._days[row.day].append(row)

    def stopped(self, orders: Sequence[Order]) -> tuple[Money, Money]:
        """Money that the orders stop together, and the part of it that is critical work."""
        by_day: dict[date, list[tuple[Order, Decimal, datetime, datetime]]] = defaultdict(list)
        for order in orders:
            share = max((self._shares.get(action, Decimal(0)) for action in order.actions), default=Decimal(0))
            if share:
                for begins, ends in _days_of(order.acted_at, order.ended_at or self._replay.last):
                    by_day[begins.date()].append((order, share, begins, ends))
        saved: dict[str, Decimal] = defaultdict(Decimal)
        critical: dict[str, Decimal] = defaultdict(Decimal)
        for day, standing in by_day.items():
            for row in self._days.get(day, ()):
                spans = [(begins, ends, share) for order, share, begins, ends in standing if covers(order, row)]
                if not spans:
                    continue
                amount = (row.amount * _covered(spans)).quantize(_QUANTUM)
                saved[row.currency] += amount
                if row.app in self._protected or row.team in self._protected:
                    critical[row.currency] += amount
        return dict(saved), dict(critical)


def covers(order: Order, row: SpendDay) -> bool:
    """Whether an order stops the spend of a row: that of its scope; of a model that is not allowed or of an idle GPU
    machine, that alone."""
    name = order.key.scope_value
    match order.key.scope_type:
        case "company":
            is_owned = True
        case "team":
            is_owned = row.team == name
        case "app":
            is_owned = row.app == name
        case "model":
            is_owned = row.model == name
        case _:
            is_owned = False
    if order.policy_kind == "idle_gpu":
        return is_owned and row.machine is not None and row.machine == order.key.subject
    if order.policy_kind == "model_not_allowed":
        return is_owned and row.model == order.key.subject
    return is_owned and row.machine is None


def _days_of(begins: datetime, ends: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The parts of a time in each day (UTC)."""
    while begins < ends:
        midnight = datetime.combine(begins.date() + timedelta(days=1), time(), UTC)
        yield begins, min(midnight, ends)
        begins = midnight


def _covered(spans: Sequence[tuple[datetime, datetime, Decimal]]) -> Decimal:
    """The share of a day that spans cover, each moment with the greatest share of those that hold in it."""
    edges = sorted({edge for begins, ends, _ in spans for edge in (begins, ends)})
    total = Decimal(0)
    for begins, ends in pairwise(edges):
        share = max((share for start, end, share in spans if start <= begins and ends <= end), default=Decimal(0))
        total += share * int((ends - begins).total_seconds())
    return total / _DAY_SECONDS


def _stood(order: Order, ledger: _Ledger, incidents: Sequence[Incident]) -> StoodOrder:
    saved, critical = ledger.stopped([order])
    about = [one for one in incidents if _is_about(order, one)]
    verdict: Verdict = "no_incident"
    if about:
        # One that people called real speaks for the order, whatever else was going on.
        said = {one.verdict for one in about}
        verdict = "hit" if "real" in said else "unconfirmed" if None in said else "false"
    return StoodOrder(order, saved, critical, verdict, tuple(sorted(one.incident_id for one in about)))


def _is_about(order: Order, incident: Incident) -> bool:
    day = order.acted_at.date()
    if not incident.first_seen - BEFORE <= day <= incident.last_seen + AFTER:
        return False
    key = order.key
    if key.scope_type == "company" or (key.scope_type, key.scope_value) == (incident.scope_type, incident.scope_value):
        return True
    return key.scope_type == "team" and key.scope_value == incident.team


def _of_policy(policy_id: str, replay: Replay, stood: Sequence[StoodOrder], ledger: _Ledger) -> PolicyOutcome:
    decisions = [one for one in replay.decisions if one.policy_id == policy_id]
    saved, critical = ledger.stopped([one.order for one in stood])
    keys = sorted({_target(one) for one in decisions} | {_key_target(one.order.key) for one in stood})
    targets = tuple(_of_target(name, replay, decisions, stood, ledger) for name in keys)
    count = _Counts(decisions)
    return PolicyOutcome(
        policy_id, count.warned, count.asked, len(stood), count.released, count.refused, saved, critical,
        Counter(one.verdict for one in stood), targets,
    )  # fmt: skip


class _Counts:
    def __init__(self, decisions: Sequence[Decision]) -> None:
        heard = [one for one in decisions if one.suppressed_because is None]
        self.warned = sum(one.level == Level.WARN for one in heard)
        self.asked = sum(one.approvals_needed > 0 for one in heard)
        self.released = sum(one.level == Level.RELEASE for one in heard)
        self.refused = Counter(str(one.suppressed_because.value) for one in decisions if one.suppressed_because)


Target = tuple[str, str, str]


def _target(decision: Decision) -> Target:
    return decision.scope_type, decision.scope_value, decision.subject or ""


def _key_target(key: TargetKey) -> Target:
    return key.scope_type, key.scope_value, key.subject


def _of_target(
    name: Target, replay: Replay, decisions: Sequence[Decision], stood: Sequence[StoodOrder], ledger: _Ledger
) -> TargetOutcome:
    own = [one for one in decisions if _target(one) == name]
    orders = [one.order for one in stood if _key_target(one.order.key) == name]
    count = _Counts(own)
    weeks = Decimal(int((replay.last - replay.first).total_seconds())) / (7 * _DAY_SECONDS)
    flips = len(orders) + sum(order.ended_at is not None for order in orders)
    saved, _ = ledger.stopped(orders)
    return TargetOutcome(
        *name, count.warned, len(orders), count.released, sum(count.refused.values()),
        (flips / max(weeks, Decimal(1))).quantize(Decimal("0.01")), saved,
    )  # fmt: skip
