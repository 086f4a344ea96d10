"""Days and sums that the pattern detectors share.

Here: what a pattern is, frames cut into one array a key, and walking through days that are held against usual ones.
Not here: any pattern (pattern_use, pattern_tokens, pattern_calls, pattern_hours).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from models.anomaly.settings import AnomalySettings
from models.series import Floats, Scope, amounts, dates

BILL, USAGE = "effective_cost", "estimated_cost"

REFERENCE_DAYS = 28
"""What is usual is learnt from four weeks: each weekday four times."""

MINIMUM_DAYS = 10
"""Days with usage among them; fewer say nothing of a rate."""

Key = tuple[str | None, ...]
Told = TypeVar("Told")


@dataclass(frozen=True)
class Pattern:
    """A day on which a scope's cost followed a pattern. ``money``, in the scope's currency, is what the pattern cost
    that day; below zero what it saved. ``says`` is whole sentences, ``figures`` what they rest on."""

    name: str
    scope: Scope
    metric: str
    day: date
    money: float
    says: str
    figures: dict[str, Any] = field(default_factory=dict)
    day_in_a_row: int = 1


@dataclass(frozen=True)
class Calendar:
    """Days without gaps, the last one complete; those of ``lookback_days`` are judged."""

    first: date
    count: int
    first_judged: int

    @classmethod
    def of(cls, rows: pd.DataFrame, before: date, settings: AnomalySettings) -> Calendar | None:
        """From a frame's first day to its last complete one; None where it has none."""
        days = rows["day"][rows["day"] < pd.Timestamp(before)]
        if days.empty:
            return None
        first, last = days.min().date(), days.max().date()
        count = (last - first).days + 1
        return cls(first, count, max(count - settings.lookback_days, 0))

    def day(self, index: int) -> date:
        return self.first + timedelta(days=index)

    def index(self, day: date) -> int:
        return (day - self.first).days


def with_day(frame: pd.DataFrame, what: str) -> pd.DataFrame:
    """The frame with the column ``day``, in an order that does not depend on how its rows lay."""
    return frame.assign(day=dates(frame["usage_date"], what)).reset_index(drop=True)


def judged_by_currency(
    frame: pd.DataFrame, what: str, known: Sequence[str], before: date, settings: AnomalySettings
) -> Iterator[tuple[str, pd.DataFrame, Calendar]]:
    """(currency, its rows that have a value in all of ``known``, their calendar) of each that has a complete day."""
    for currency, rows in by_currency(with_day(frame, what)):
        rows = rows[rows[list(known)].notna().all(axis=1)]
        calendar = Calendar.of(rows, before, settings)
        if calendar is not None:
            yield currency, rows, calendar


def by_currency(rows: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    return [(str(name), part) for name, part in rows.groupby("currency", sort=True)]


def grids(rows: pd.DataFrame, keys: Sequence[str], column: str, calendar: Calendar) -> dict[Key, Floats]:
    """One value a day for each combination of ``keys``; rows outside the calendar are left out, null is None."""
    found: dict[Key, Floats] = {}
    if rows.empty:
        return found
    positions = (rows["day"] - pd.Timestamp(calendar.first)).dt.days.to_numpy()
    values = amounts(rows[column], column)
    names = zip(*(_texts(rows[key]) for key in keys), strict=True)
    for key, position, value in zip(names, positions, values, strict=True):
        if 0 <= position < calendar.count:
            if key not in found:
                found[key] = np.zeros(calendar.count)
            found[key][position] += value
    return {key: found[key] for key in sorted(found, key=_sortable)}


def _texts(column: pd.Series) -> list[str | None]:
    return [None if pd.isna(value) else str(value) for value in column]


def _sortable(key: Sequence[Hashable]) -> tuple[str, ...]:
    return tuple("" if part is None else f"={part}" for part in key)


def walk(
    calendar: Calendar, settings: AnomalySettings, judge: Callable[[int, list[int]], Told | None]
) -> list[tuple[int, int, Told]]:
    """(day, which in a row, what ``judge`` said) of the judged days that it finds odd.

    ``judge`` gets a day and the usual days before it: those of ``REFERENCE_DAYS`` that it did not find odd, so that
    what goes on is not held against itself. A run is told for its first week; after that it is no news.
    """
    odd: set[int] = set()
    found: list[tuple[int, int, Told]] = []
    run = 0
    for t in range(calendar.count):
        verdict = judge(t, [day for day in range(max(t - REFERENCE_DAYS, 0), t) if day not in odd])
        if verdict is None:
            run = 0
            continue
        odd.add(t)
        run += 1
        if t >= calendar.first_judged and run <= settings.new_normal_after_days:
            found.append((t, run, verdict))
    return found


def usual_for(values: Floats, t: int, days: Sequence[int]) -> float | None:
    """The median of the same weekdays among ``days``; None where there are fewer than two."""
    same = [day for day in days if (t - day) % 7 == 0]
    return float(np.median(values[same])) if len(same) >= 2 else None


def percent(share: float) -> str:
    """``4%``; one digit where it is less than that and not nothing."""
    return f"{share:.0%}" if share >= 0.01 or share < 0.0005 else f"{share:.1%}"
