"""Exact arithmetic on frames with Decimal columns.

Here: totals, grouped sums, ratios.
Not here: what is summed (``measures``).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

import pandas as pd

ZERO = Decimal(0)


def total(column: pd.Series) -> Decimal:
    """Exact sum of a Decimal column; nulls are skipped; zero when nothing is left."""
    return sum((value for value in column if value is not None), ZERO)


def sum_by(frame: pd.DataFrame, by: Sequence[str], values: Sequence[str]) -> pd.DataFrame:
    """One row per combination of ``by`` (null is a group of its own) with the exact sums of the Decimal ``values``."""
    if frame.empty:
        return frame[[*by, *values]].copy()
    filled = frame[[*by, *values]].copy()
    for value in values:
        filled[value] = pd.Series([ZERO if v is None else v for v in filled[value]], index=filled.index, dtype=object)
    return filled.groupby(list(by), dropna=False, observed=True, as_index=False)[list(values)].sum()


def ratio(part: Decimal, whole: Decimal) -> Decimal | None:
    """``part / whole``; None when the whole is zero, because no share of nothing means anything."""
    return None if whole == 0 else part / whole


def change(now: Decimal, before: Decimal) -> Decimal | None:
    """Relative change, 0.1 for +10%; None when there was nothing before."""
    return None if before == 0 else (now - before) / before


def between(frame: pd.DataFrame, column: str, first: date, last: date) -> pd.DataFrame:
    """Rows whose day (of a date or timestamp) is from ``first`` to ``last``, both inside."""
    days = frame[column]
    return frame[(days >= pd.Timestamp(first)) & (days < pd.Timestamp(last) + pd.Timedelta(days=1))]


def last_day(column: pd.Series) -> date | None:
    """The newest day in a date or timestamp column; None when it has none."""
    newest = column.max()
    return None if pd.isna(newest) else newest.date()


def text_or_none(value: object) -> str | None:
    return value if isinstance(value, str) else None


def float_or_none(value: object) -> float | None:
    """A ratio of a double column; None where it is null."""
    return value if isinstance(value, float) and value == value else None
