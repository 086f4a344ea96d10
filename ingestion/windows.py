"""Time windows of API sources: which were asked, which to ask.

Here: pure arithmetic over windows, and rows of ``landing__window``.
Not here: asking (each source's ``client``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from finops import lake as contract
from finops.periods import BillingPeriod
from ingestion.lake import Lake, arrow_schema, naive_utc


@dataclass(frozen=True, order=True)
class Window:
    """Half-open: ``start`` is inside, ``end`` is not. Both are UTC."""

    start: datetime
    end: datetime


def windows_to_ask(
    landed: Iterable[Window],
    *,
    start: datetime,
    end: datetime,
    ask_again: timedelta,
    longest: timedelta,
) -> list[Window]:
    """Everything between ``start`` and ``end`` that was never asked, and the last stretch of what was, for late points.

    Nothing where everything up to ``end`` has been asked.

    Args:
        ask_again: how long before the newest answer a point may still appear or change.
        longest: no window is longer.
    """
    known = sorted(landed)
    newest = max((window.end for window in known), default=None)
    if newest is not None and newest >= end and not _gaps(known, start, end):
        return []
    settled = [] if newest is None else _clip(known, newest - ask_again)
    return [part for gap in _gaps(settled, start, end) for part in _split(gap, longest)]


def windows_of_periods(
    periods: Iterable[BillingPeriod], *, start: datetime, end: datetime, longest: timedelta
) -> list[Window]:
    """The parts of whole months that lie between ``start`` and ``end``."""
    windows = []
    for period in sorted(periods):
        first, last = (datetime(day.year, day.month, day.day, tzinfo=UTC) for day in (period.start, period.end))
        if max(first, start) < min(last, end):
            windows += _split(Window(max(first, start), min(last, end)), longest)
    return windows


def windows_of_run(
    periods: Iterable[BillingPeriod] | None,
    landed: Iterable[Window],
    *,
    start: datetime,
    end: datetime,
    ask_again: timedelta,
    longest: timedelta,
) -> list[Window]:
    """What a landing asks for: the months that it was told to land, else what was never asked and the last stretch."""
    if periods is not None:
        return windows_of_periods(periods, start=start, end=end, longest=longest)
    return windows_to_ask(landed, start=start, end=end, ask_again=ask_again, longest=longest)


def floor(moment: datetime, step: timedelta) -> datetime:
    """The last multiple of ``step`` since 1970 that is not after ``moment``."""
    seconds = int(step.total_seconds())
    return datetime.fromtimestamp(int(moment.timestamp()) // seconds * seconds, UTC)


def uncovered(windows: Iterable[Window], start: datetime, end: datetime) -> list[Window]:
    """What of start…end no window covers."""
    return _gaps(sorted(windows), start, end)


def _clip(windows: Sequence[Window], end: datetime) -> list[Window]:
    return [Window(window.start, min(window.end, end)) for window in windows if window.start < end]


def _gaps(covered: Sequence[Window], start: datetime, end: datetime) -> list[Window]:
    """What is left of start…end; ``covered`` is sorted by start."""
    gaps = []
    for window in covered:
        if window.start > start:
            gaps.append(Window(start, min(window.start, end)))
        start = max(start, window.end)
        if start >= end:
            return gaps
    return [*gaps, Window(start, end)] if start < end else gaps


def _split(window: Window, longest: timedelta) -> list[Window]:
    parts = []
    start = window.start
    while start < window.end:
        parts.append(Window(start, min(start + longest, window.end)))
        start = parts[-1].end
    return parts


def landed_windows(lake: Lake, source_id: str) -> dict[str, list[Window]]:
    """Scope → windows in complete loads."""
    columns = ("source_id", "scope", "window_start", "window_end")
    found: dict[str, list[Window]] = {}
    for row in lake.read(contract.WINDOW, columns, source_id=source_id).to_pylist():
        window = Window(row["window_start"].replace(tzinfo=UTC), row["window_end"].replace(tzinfo=UTC))
        found.setdefault(row["scope"], []).append(window)
    return found


def window_row(
    window: Window, *, source_id: str, table_name: str, scope: str, requested_at: datetime, row_count: int
) -> dict[str, Any]:
    """One row of ``landing__window``."""
    return {
        "source_id": source_id,
        "table_name": table_name,
        "scope": scope,
        "window_start": naive_utc(window.start),
        "window_end": naive_utc(window.end),
        "requested_at": naive_utc(requested_at),
        "row_count": row_count,
    }


def window_table(rows: Sequence[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=arrow_schema(contract.WINDOW))
