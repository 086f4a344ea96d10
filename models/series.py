"""From cost frames to daily series of floats and back to money.

Here: validating a history frame, cutting it into one dense series per scope and currency, rounding to money.
Not here: anything that looks at the numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from finops.money import quantise

Floats = NDArray[np.float64]

MONEY_DIGITS = 6
"""Digits after the point of an estimate; the rest of a float is noise."""

HISTORY_COLUMNS = ("usage_date", "scope_type", "scope_value", "currency", "cost")


class HistoryError(ValueError):
    """A frame that cannot be read as a cost history; the message names column, row and remedy."""


@dataclass(frozen=True, order=True)
class Scope:
    """Whose cost, in which currency. ``value`` is ``all`` for the company."""

    type: str
    value: str
    currency: str

    def __str__(self) -> str:
        return f"{self.type} {self.value} ({self.currency})"


@dataclass(frozen=True)
class DailySeries:
    """One value a day without gaps; days without a row cost 0."""

    scope: Scope
    first_day: date
    values: Floats

    def day(self, index: int) -> date:
        return self.first_day + timedelta(days=index)

    def index(self, day: date) -> int:
        return (day - self.first_day).days

    @property
    def last_day(self) -> date:
        return self.day(len(self.values) - 1)


def require_columns(frame: pd.DataFrame, columns: Iterable[str], what: str) -> None:
    missing = [name for name in columns if name not in frame.columns]
    if missing:
        raise HistoryError(
            f"{what} lacks the columns {', '.join(missing)}: it has {', '.join(map(str, frame.columns))}"
        )


def dates(column: pd.Series, what: str) -> pd.Series:
    """Days as ``datetime64`` at midnight, from dates, timestamps or ISO text."""
    try:
        parsed = pd.to_datetime(column)
    except (ValueError, TypeError) as error:
        raise HistoryError(f"{what}.{column.name} holds something that is not a day: {error}") from error
    if parsed.isna().any():
        row = int(np.flatnonzero(parsed.isna().to_numpy())[0])
        raise HistoryError(f"{what}.{column.name} is empty in row {row}: remove the row or give it a day")
    if parsed.dt.tz is not None:
        parsed = parsed.dt.tz_convert("UTC").dt.tz_localize(None)
    return parsed.dt.normalize()


def moments(column: pd.Series, what: str) -> pd.Series:
    """Moments as naive UTC timestamps."""
    parsed = pd.to_datetime(column)
    if parsed.isna().any():
        row = int(np.flatnonzero(parsed.isna().to_numpy())[0])
        raise HistoryError(f"{what}.{column.name} is empty in row {row}: remove the row or give it a moment")
    return parsed if parsed.dt.tz is None else parsed.dt.tz_convert("UTC").dt.tz_localize(None)


def hours(column: pd.Series, what: str) -> pd.Series:
    """The hours of moments, as naive UTC timestamps."""
    return moments(column, what).dt.floor("h")


def amounts(column: pd.Series, what: str) -> Floats:
    """Money as floats, for statistics only."""
    values = np.array([float("nan") if value is None else float(value) for value in column], dtype=np.float64)
    if not np.isfinite(values).all():
        row = int(np.flatnonzero(~np.isfinite(values))[0])
        raise HistoryError(f"{what}.{column.name} is {column.iloc[row]} in row {row}: every row needs an amount")
    return values


def daily_series(history: pd.DataFrame, *, before: date) -> list[DailySeries]:
    """One dense series per scope and currency, sorted; all of a currency end on the same day.

    A series starts on its first day with a cost other than 0 and ends on the newest day of its currency in the
    frame, so that a scope without recent rows is seen to have stopped. Several rows of a day are summed. Days from
    ``before`` on are left out: they are not over. A scope that never cost anything keeps its zeros.

    Raises:
        HistoryError: a column is missing or a value is no day or no amount.
    """
    require_columns(history, HISTORY_COLUMNS, "history")
    if history.empty:
        return []
    for name in ("scope_type", "scope_value", "currency"):
        if history[name].isna().any():
            row = int(np.flatnonzero(history[name].isna().to_numpy())[0])
            raise HistoryError(f"history.{name} is empty in row {row}: name the scope, such as 'unallocated'")
    clean = pd.DataFrame(
        {
            "day": dates(history["usage_date"], "history"),
            "type": history["scope_type"].astype(str),
            "value": history["scope_value"].astype(str),
            "currency": history["currency"].astype(str),
            "cost": amounts(history["cost"], "history"),
        }
    )
    clean = clean[clean["day"] < pd.Timestamp(before)]
    if clean.empty:
        return []
    last_days = clean.groupby("currency")["day"].max().to_dict()
    result = []
    for (scope_type, value, currency), rows in clean.groupby(["type", "value", "currency"], sort=True):
        by_day = rows.groupby("day")["cost"].sum()
        dense = by_day.reindex(pd.date_range(by_day.index[0], last_days[currency], freq="D"), fill_value=0.0)
        values = dense.to_numpy(dtype=np.float64)
        first = int(np.flatnonzero(values)[0]) if values.any() else 0
        start = dense.index[first].date()
        result.append(DailySeries(Scope(str(scope_type), str(value), str(currency)), start, values[first:].copy()))
    return result


def money(value: float) -> Decimal:
    """A statistic as an amount."""
    return quantise(Decimal(repr(round(float(value), MONEY_DIGITS))))


def naive_utc(moment: datetime) -> datetime:
    """A UTC moment without its zone, as the ``ml`` tables keep it."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} has no time zone; write it with Z or an offset")
    return (moment - moment.utcoffset()).replace(tzinfo=None)  # type: ignore[operator]


def weekdays(first_day: date, count: int) -> NDArray[np.int64]:
    """Weekday (Monday 0) of ``count`` days from ``first_day`` on."""
    return (first_day.weekday() + np.arange(count)) % 7


def median_absolute_deviation(values: Floats | Sequence[float]) -> float:
    """Robust standard deviation: 1.4826 × the median distance from the median (consistent for normal errors)."""
    array = np.asarray(values, dtype=np.float64)
    if array.size == 0:
        return 0.0
    return float(1.4826 * np.median(np.abs(array - np.median(array))))
