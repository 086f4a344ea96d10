"""The money of an incident: whose it is, how much so far, how much a day, what it comes from.

Here: the narrowest scope that explains it, its days without counting a level twice, contributors, the days to compare
with.
Not here: grouping, words, price and volume (incident_change).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from models.anomaly.contributors import ContributorIndex, ranked
from models.anomaly.finding import Contributor, Finding
from models.anomaly.hierarchy import SPECIFICITY
from models.anomaly.incident_member import BILLED, Member
from models.series import Scope, amounts, dates, money

EXPLAINS_FROM = Decimal("0.5")
"""A narrower scope that holds half of the money is what an incident is about: the rest is said as contributors."""

RECENT_DAYS = 3
"""Days of an incident that tell what one more day will cost."""

REFERENCE_WEEKS = 4
AT_MOST = 15
SHOWN_DAYS = 28
ZERO = Decimal(0)


@dataclass(frozen=True)
class CountedDay:
    """One day of an incident, counted once: on the bill where that says something, else as usage estimates it."""

    day: date
    metric: str
    actual: Decimal
    expected: Decimal

    @property
    def impact(self) -> Decimal:
        return self.actual - self.expected


class Costs:
    """Daily cost by metric and scope, as asked for by day; days without a row cost 0."""

    def __init__(self, history: pd.DataFrame, before: date) -> None:
        self._costs: dict[tuple[str, Scope], dict[date, float]] = defaultdict(lambda: defaultdict(float))
        self.first_day: dict[tuple[str, str], date] = {}
        self.last_day: dict[tuple[str, str], date] = {}
        if history.empty:
            return
        days = [stamp.date() for stamp in dates(history["usage_date"], "history")]
        keys = zip(
            history["metric"], history["scope_type"], history["scope_value"], history["currency"], strict=True
        )  # fmt: skip
        for day, (metric, kind, value, currency), cost in zip(
            days, keys, amounts(history["cost"], "history"), strict=True
        ):
            if day >= before:
                continue
            self._costs[str(metric), Scope(str(kind), str(value), str(currency))][day] += float(cost)
            key = (str(metric), str(currency))
            self.first_day[key] = min(day, self.first_day.get(key, day))
            self.last_day[key] = max(day, self.last_day.get(key, day))

    def on(self, metric: str, scope: Scope, day: date) -> float:
        by_day = self._costs.get((metric, scope))
        return by_day.get(day, 0.0) if by_day else 0.0

    def references(self, metric: str, scope: Scope, day: date, before: date) -> list[float]:
        """The newest same weekdays before an incident began, as far as anything is known of them."""
        first = self.first_day.get((metric, scope.currency), before)
        days = [past for past in reference_days(day, before, REFERENCE_WEEKS) if past >= first]
        return [self.on(metric, scope, past) for past in days]


def reference_days(day: date, before: date, count: int = 1) -> list[date]:
    """The ``count`` newest days before ``before`` that have the weekday of ``day``, newest first."""
    weeks = max(-(-((day - before).days + 1) // 7), 1)
    return [day - timedelta(weeks=weeks + more) for more in range(count)]


def cause_scope(members: Sequence[Member]) -> Scope:
    """The narrowest scope that explains at least half of the money, among those that findings are of or name."""
    whole = _covered(members, None)
    currency = members[0].scope.currency
    candidates = {member.scope for member in members}
    candidates |= {Scope("app", app, currency) for member in members if (app := member.leading_app) is not None}
    ranked = sorted(candidates, key=lambda scope: (-SPECIFICITY.get(scope.type, 1), -_covered(members, scope), scope))
    for scope in ranked:
        if _covered(members, scope) >= EXPLAINS_FROM * whole:
            return scope
    return max(ranked, key=lambda scope: (_covered(members, scope), scope))


def _covered(members: Iterable[Member], scope: Scope | None) -> Decimal:
    """Money of the days that is ``scope``'s (None: all of it); per day and metric the widest view, never the sum."""
    largest: dict[tuple[date, str], Decimal] = defaultdict(Decimal)
    for member in members:
        key = (member.day, member.metric)
        largest[key] = max(largest[key], abs(member.impact if scope is None else _part(member, scope)))
    return sum(largest.values(), ZERO)


def _part(member: Member, scope: Scope) -> Decimal:
    if member.scope == scope:
        return member.impact
    part = member.parts.get((scope.type, scope.value), ZERO)
    return part if (part > 0) == member.is_up else ZERO


def counted_days(members: Sequence[Member], cause: Scope, costs: Costs) -> list[CountedDay]:
    """Each day once: of the bill and the estimate the bill, of several levels the cause's own or what it is part of."""
    by_day: dict[date, list[Member]] = defaultdict(list)
    for member in members:
        by_day[member.day].append(member)
    counted = []
    for day, found in sorted(by_day.items()):
        metric = BILLED if any(member.metric == BILLED for member in found) else found[0].metric
        found = [member for member in found if member.metric == metric]
        own = next((member for member in found if member.scope == cause), None)
        if own is not None:
            counted.append(CountedDay(day, metric, own.actual, own.expected))
            continue
        wider = max(found, key=lambda member: (abs(_part(member, cause)), abs(member.impact), member.anomaly_id))
        if part := _part(wider, cause):
            actual = money(costs.on(metric, cause, day))
            counted.append(CountedDay(day, metric, actual, actual - part))
        else:
            counted.append(CountedDay(day, metric, wider.actual, wider.expected))
    return counted


def daily_impact(days: Sequence[CountedDay]) -> Decimal:
    """What one more day like the newest ones costs."""
    newest = days[-RECENT_DAYS:]
    return sum((day.impact for day in newest), ZERO) / len(newest) if newest else ZERO


def contributors(
    cause: Scope, days: Sequence[CountedDay], indexes: Mapping[str, ContributorIndex]
) -> list[Contributor]:
    """Where the money of all days comes from, ranked; shares are of the incident's whole impact."""
    sums: dict[tuple[str, str], list[float]] = defaultdict(lambda: [0.0, 0.0])
    for counted in days:
        index = indexes.get(counted.metric)
        if index is None:
            continue
        finding = Finding(cause, counted.day, float(counted.actual), float(counted.expected), [])
        for part in index.of(finding):
            sums[part.dimension, part.value][0] += part.actual
            sums[part.dimension, part.value][1] += part.expected
    whole = float(sum((day.impact for day in days), ZERO))
    if not whole:
        return []
    parts = (
        Contributor(dimension, value, actual, expected, (actual - expected) / whole)
        for (dimension, value), (actual, expected) in sums.items()
    )
    return ranked(parts, at_most=AT_MOST)


def shown_days(costs: Costs, cause: Scope, metric: str, first: date, last: date) -> list[dict[str, Any]]:
    """Four weeks up to the newest day, each with its cost and the band of the same weekdays before the incident."""
    newest = costs.last_day.get((metric, cause.currency), last)
    shown = []
    for back in range(SHOWN_DAYS - 1, -1, -1):
        day = newest - timedelta(days=back)
        known = costs.references(metric, cause, day, min(first, day))
        shown.append(
            {
                "day": day.isoformat(),
                "actual": round(costs.on(metric, cause, day), 2),
                "low": round(min(known), 2) if known else None,
                "high": round(max(known), 2) if known else None,
            }
        )
    return shown


def stays_high(
    costs: Costs, cause: Scope, metric: str, first: date, last: date, newest: date, impact_a_day: float
) -> bool:
    """Did the days after an incident keep at least half of its change? Then nothing ended: it is the new normal."""
    changes = []
    for step in range((newest - last).days):
        day = last + timedelta(days=step + 1)
        known = costs.references(metric, cause, day, first)
        if known:
            changes.append(costs.on(metric, cause, day) - float(np.median(known)))
    return bool(changes) and impact_a_day != 0 and float(np.mean(changes)) / impact_a_day >= float(EXPLAINS_FROM)
