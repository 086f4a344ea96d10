"""What is known of days ahead: prices that change, and capacities that nothing can grow beyond.

Here: putting a history on the newest prices, so that a step is not learnt as a trend; moving expectations, intervals
and drawn futures by changes that are still to come, in every series that they reach; levels keep adding up.
Not here: events that move usage (events), forecasting (engine), which scopes are parts of which (reconcile).

A change is of one scope. Its parts change with it, its wholes by the same money, and every other series as far as the
scope's cost is in it: its share, where a breakdown tells it, else the scope's share of the company.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from finops.config.events import Capacity, EventsFile, PriceChange
from finops.config.values import Scope as ConfiguredScope
from models.forecast.one_series import Line
from models.forecast.reconcile import COMPANY, Name, Parents, Series, reconcile_lines
from models.series import MONEY_DIGITS, Floats, Scope
from models.tables import BOUNDS

Days = NDArray[np.datetime64]
Flags = NDArray[np.bool_]
Shares = Mapping[tuple[Name, Name], float]
"""(whose, of whom) → share of whom's cost that is whose."""

DIMENSIONS = {"service": "service_name", "region": "region_id", "provider": "provider_name"}
"""Type of a scope → how breakdowns name it, where that is another name."""

BREAKDOWN_DAYS = 28
ROUNDING = 10.0 ** (2 - MONEY_DIGITS)
"""Rounded parts may add up to so much more than their whole: a capacity is kept with that in hand."""


def shares_of(
    breakdown: pd.DataFrame | None, events: EventsFile, every: Sequence[Series], last_day: date
) -> dict[tuple[Name, Name], float]:
    """Shares of the scopes that something is known of in the cost of the newest days.

    Args:
        breakdown: columns usage_date, scope_type, scope_value, dimension, value, cost: each scope's cost by dimension.
            Cost without a value need not be in it: a share is of all that the scope cost.
        every: daily histories of all scopes.
        last_day: the newest day of the histories.
    """
    known: list[PriceChange | Capacity] = [*events.price_changes, *events.capacities]
    changed = {_name_of(one) for one in known} - {COMPANY}
    if breakdown is None or breakdown.empty or not changed:
        return {}
    whole: dict[Name, float] = defaultdict(float)
    for series in every:
        whole[series.scope.type, series.scope.value] += float(series.values[-BREAKDOWN_DAYS:].sum())
    days = pd.to_datetime(breakdown["usage_date"])
    last = pd.Timestamp(last_day)
    newest = breakdown[(days <= last) & (days > last - pd.Timedelta(days=BREAKDOWN_DAYS))]
    found = {}
    for name in changed:
        rows = newest[newest["dimension"] == DIMENSIONS.get(name[0], name[0])]
        told = {(str(kind), str(scope)) for kind, scope in zip(rows["scope_type"], rows["scope_value"], strict=True)}
        own: dict[Name, float] = defaultdict(float)
        rows = rows[rows["value"] == name[1]]
        for kind, scope, cost in zip(rows["scope_type"], rows["scope_value"], rows["cost"], strict=True):
            own[str(kind), str(scope)] += float(cost)
        for of in told:
            found[name, of] = float(np.clip(own[of] / whole[of], 0.0, 1.0)) if whole[of] > 0 else 0.0
    return found


def with_price_lists(events: EventsFile, ahead: pd.DataFrame) -> EventsFile:
    """The events, and what price lists date ahead of what is said of the same model and day already.

    Args:
        ahead: columns model, starts_on, price_ratio: cost at the prices of that day ÷ cost at today's.
    """
    said = {(_name_of(change), change.starts_on) for change in events.price_changes}
    found = list(events.price_changes)
    for model, rows in ahead.sort_values("starts_on").groupby("model", sort=True):
        before = 1.0
        for day, ratio in zip(pd.to_datetime(rows["starts_on"]).dt.date, rows["price_ratio"], strict=True):
            change, before = float(ratio) / before, float(ratio)
            if change == 1 or (("model", str(model)), day) in said:
                continue
            found.append(
                PriceChange(
                    id=f"price-list-{len(found)}",
                    name=f"Price list of {model}",
                    scope=ConfiguredScope(level="model", value=str(model)),
                    starts_on=day,
                    factor=Decimal(repr(round(change, 12))),
                    percent=None,
                )
            )
    return events.model_copy(update={"price_changes": found})


@dataclass(frozen=True)
class KnownChanges:
    """Changes and what they reach."""

    prices: tuple[PriceChange, ...]
    capacities: tuple[Capacity, ...]
    parents: Parents
    shares: Shares

    def __bool__(self) -> bool:
        return bool(self.prices or self.capacities)

    def on_newest_prices(self, every: Sequence[Series], days: Sequence[Days]) -> list[Floats]:
        """Factors (as long as each history) that put everything on the prices of the last day.

        Args:
            days: the day of each value of each history.
        """
        amounts = [one.values.copy() for one in every]
        for change in self.prices:
            for place in self._own(every, _name_of(change)):
                starts_on = np.datetime64(change.starts_on)
                before = [(one < starts_on) & (starts_on <= one[-1]) for one in days]
                amounts = self._repriced(every, amounts, place, change.ratio - 1.0, before)
        return [
            np.divide(amount, one.values, out=np.ones_like(amount), where=one.values != 0)
            for amount, one in zip(amounts, every, strict=True)
        ]

    def ahead(
        self, every: Sequence[Series], lines: Sequence[Line], drawn: Sequence[Floats], days: Sequence[Days]
    ) -> tuple[list[Line], list[Floats]]:
        """Lines and drawn futures with what is to come in them; sums that held hold.

        Args:
            days: the day of each step ahead of each series.
        """
        stacks = [_stack(line, paths) for line, paths in zip(lines, drawn, strict=True)]
        fixed: set[int] = set()
        for change in self.prices:
            for place in self._own(every, _name_of(change)):
                known = days[place][0] if days[place].size else np.datetime64(change.starts_on)
                if np.datetime64(change.starts_on) < known:
                    continue  # in the history already
                on = [of_series >= np.datetime64(change.starts_on) for of_series in days]
                stacks = self._repriced(every, stacks, place, change.ratio - 1.0, on)
                fixed |= self._family(every, place)
        for capacity in self.capacities:
            for place in self._own(every, _name_of(capacity)):
                if every[place].scope.currency != capacity.currency:
                    continue
                last = np.datetime64(capacity.ends_on or date.max)
                on = [(one >= np.datetime64(capacity.starts_on)) & (one <= last) for one in days]
                stacks = self._capped(every, stacks, place, float(capacity.amount), on)
                fixed |= self._family(every, place)
        if not fixed:
            return list(lines), list(drawn)
        moved = [_line(line, stack) for line, stack in zip(lines, stacks, strict=True)]
        moved, paths = reconcile_lines(every, moved, [stack[5:] for stack in stacks], self.parents, fixed=fixed)
        return [self._kept(one, line, of) for one, line, of in zip(every, moved, days, strict=True)], paths

    def caps_of(self, scope: Scope) -> tuple[tuple[date, date, float], ...]:
        """First day, last day and most a day of the scope's own capacities."""
        return tuple(
            (one.starts_on, one.ends_on or date.max, float(one.amount))
            for one in self.capacities
            if _name_of(one) == (scope.type, scope.value) and one.currency == scope.currency
        )

    def _own(self, every: Sequence[Series], name: Name) -> list[int]:
        return [place for place, one in enumerate(every) if (one.scope.type, one.scope.value) == name]

    def _wholes(self, name: Name) -> set[Name]:
        found: set[Name] = set()
        todo = list(self.parents.get(name, ()))
        while todo:
            one = todo.pop()
            if one not in found:
                found.add(one)
                todo += self.parents.get(one, ())
        return found

    def _relation(self, every: Sequence[Series], place: int, other: int) -> str:
        """``own``, ``part`` or ``whole`` of the changed scope, ``beside`` it, or ``none`` in another currency."""
        scope, of = every[place].scope, every[other].scope
        changed, name = (scope.type, scope.value), (of.type, of.value)
        if scope.currency != of.currency:
            return "none"
        if name == changed:
            return "own"
        if changed == COMPANY or changed in self._wholes(name):
            return "part"
        return "whole" if name in self._wholes(changed) else "beside"

    def _family(self, every: Sequence[Series], place: int) -> set[int]:
        """What the change is known of: its own, its parts, its wholes, and what has nothing of it."""
        found = set()
        for other in range(len(every)):
            relation = self._relation(every, place, other)
            if relation in ("own", "part", "whole") or (relation == "beside" and self._share(every, place, other) == 0):
                found.add(other)
        return found

    def _share(self, every: Sequence[Series], place: int, other: int) -> float:
        scope, of = every[place].scope, every[other].scope
        told = self.shares.get(((scope.type, scope.value), (of.type, of.value)))
        if told is not None or of.type == scope.type:
            return told or 0.0
        companies = [one for one in every if (one.scope.type, one.scope.value) == COMPANY]
        total = sum(float(one.values[-BREAKDOWN_DAYS:].sum()) for one in companies if one.scope.currency == of.currency)
        return float(np.clip(every[place].values[-BREAKDOWN_DAYS:].sum() / total, 0.0, 1.0)) if total > 0 else 0.0

    def _repriced(
        self,
        every: Sequence[Series],
        amounts: Sequence[Floats],
        place: int,
        rise: float,
        on: Sequence[Flags],
    ) -> list[Floats]:
        """Amounts (… × days, aligned at their ends) with the scope's own cost dearer by ``rise`` on some days."""
        own, result = amounts[place] * rise * on[place], []
        for other, amount in enumerate(amounts):
            relation = self._relation(every, place, other)
            if relation in ("own", "part"):
                result.append(amount * (1 + rise * on[other]))
            elif relation == "whole":
                result.append(_plus(amount, own))
            elif relation == "beside":
                result.append(amount * (1 + rise * self._share(every, place, other) * on[other]))
            else:
                result.append(amount)
        return result

    def _capped(
        self,
        every: Sequence[Series],
        stacks: Sequence[Floats],
        place: int,
        most: float,
        on: Sequence[Flags],
    ) -> list[Floats]:
        own = stacks[place]
        kept = np.where(on[place], np.minimum(own, max(most - ROUNDING, 0.0)), own)
        left = np.divide(kept, own, out=np.ones_like(own), where=own > 0)
        result = []
        for other, stack in enumerate(stacks):
            relation = self._relation(every, place, other)
            if relation == "own":
                result.append(kept)
            elif relation == "part":
                result.append(np.where(on[other], np.minimum(stack * left, most), stack))
            elif relation == "whole":
                # Bounds of a whole move with its expectation, as they do wherever sums are made to hold.
                change = kept - own
                change[1:5] = change[0]
                result.append(_plus(stack, change))
            elif relation == "beside":
                result.append(stack * (1 + self._share(every, place, other) * (left - 1)))
            else:
                result.append(stack)
        return result

    def _kept(self, one: Series, line: Line, days: Days) -> Line:
        """The line with its bounds inside the scope's own capacities, which bounds moved by sums might leave."""
        most = np.full(days.size, np.inf)
        for first, last, amount in self.caps_of(one.scope):
            holds = (days >= np.datetime64(first)) & (days <= np.datetime64(last))
            most = np.where(holds, np.minimum(most, amount), most)
        return replace(
            line,
            **{bound: np.minimum(getattr(line, bound), most).tolist() for bound in BOUNDS},
        )


def _name_of(change: PriceChange | Capacity) -> Name:
    return change.scope.level, change.scope.value or "all"


def _plus(amount: Floats, change: Floats) -> Floats:
    """Aligned at their ends: what began later is no part of what was before."""
    size = min(amount.shape[-1], change.shape[-1])
    result = amount.copy()
    if size:
        result[..., -size:] += change[..., -size:]
    return result


def _stack(line: Line, paths: Floats) -> Floats:
    """Expected, its four bounds and the drawn futures, below each other."""
    return np.concatenate(
        [np.array([line.expected, line.lower, line.upper, line.lower_95, line.upper_95]), paths]
    )  # fmt: skip


def _line(line: Line, stack: Floats) -> Line:
    expected, lower, upper, lower_95, upper_95 = stack[:5]
    lower, upper = np.minimum(lower, expected), np.maximum(upper, expected)
    return replace(
        line, expected=expected.tolist(), lower=lower.tolist(), upper=upper.tolist(),
        lower_95=np.minimum(lower_95, lower).tolist(), upper_95=np.maximum(upper_95, upper).tolist(),
    )  # fmt: skip
