"""What is running away within the day: the newest hours against the same hours of past weeks.

Here: hourly cost in, findings out.
Not here: complete days (detectors).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd

from models.anomaly.alerts import HOURLY, directed_strength
from models.anomaly.finding import Finding, HourWindow
from models.anomaly.settings import AnomalySettings
from models.anomaly.stream import HOUR_SECONDS, evidence
from models.series import Floats, Scope, amounts, hours, require_columns

COLUMNS = ("usage_hour", "scope_type", "scope_value", "currency", "cost")
WEEKS = 4
MINIMUM_WEEKS = 2
HOUR = timedelta(hours=1)


def hourly_findings(hourly: pd.DataFrame, *, before: datetime, settings: AnomalySettings) -> list[Finding]:
    """At most one finding per scope: the window with the most money, with all windows that agree.

    ``before`` is naive UTC; hours that start at or after it are left out.
    """
    require_columns(hourly, COLUMNS, "hourly")
    if hourly.empty:
        return []
    clean = pd.DataFrame(
        {
            "hour": hours(hourly["usage_hour"], "hourly"),
            "type": hourly["scope_type"].astype(str),
            "value": hourly["scope_value"].astype(str),
            "currency": hourly["currency"].astype(str),
            "cost": amounts(hourly["cost"], "hourly"),
        }
    )
    clean = clean[clean["hour"] < pd.Timestamp(before)]
    if clean.empty:
        return []
    newest = clean.groupby("currency")["hour"].max().to_dict()
    oldest = clean.groupby("currency")["hour"].min().to_dict()
    every: list[tuple[Scope, datetime, Floats]] = []
    for (scope_type, value, currency), rows in clean.groupby(["type", "value", "currency"], sort=True):
        by_hour = rows.groupby("hour")["cost"].sum()
        # From the currency's first hour, not the scope's: before its first row a scope cost nothing, and that is known.
        dense = by_hour.reindex(pd.date_range(oldest[currency], newest[currency], freq="h"), fill_value=0.0)
        scope = Scope(str(scope_type), str(value), str(currency))
        every.append((scope, dense.index[-1].to_pydatetime(), dense.to_numpy(dtype=np.float64)))
    findings = []
    for (scope, last, values), odd in zip(every, _oddness(every), strict=True):
        finding = _newest_hours(scope, values, odd, last, settings)
        if finding:
            findings.append(finding)
    return findings


def _oddness(every: list[tuple[Scope, datetime, Floats]]) -> list[Floats]:
    """Evidence for more than usual, hour by hour, as a share of what an alert needs."""
    series = []
    for _, last, values in every:
        newest = int(last.replace(tzinfo=UTC).timestamp())
        series.append((newest + (np.arange(values.size) - values.size + 1) * HOUR_SECONDS, values))
    walked = evidence(series, [float(HOUR_SECONDS)] * len(series))
    return [directed_strength(found, HOURLY, is_up=True) / HOURLY.threshold for found in walked]


def _newest_hours(
    scope: Scope, values: Floats, odd: Floats, last: datetime, settings: AnomalySettings
) -> Finding | None:
    day_so_far = last.hour + 1
    best: Finding | None = None
    fired = []
    for length in sorted({*settings.intraday_windows_hours, day_so_far}):
        finding = _window(scope, values, odd, last, length, settings)
        if finding is None:
            continue
        fired += finding.detectors
        if best is None or finding.impact > best.impact:
            best = finding
    return None if best is None else replace(best, detectors=fired)


def _window(
    scope: Scope, values: Floats, odd: Floats, last: datetime, length: int, settings: AnomalySettings
) -> Finding | None:
    """The newest ``length`` hours, one of them odd, against the same hours of the last four same weekdays."""
    sums = _window_sums(values, length)
    same_weekday = sums[[168 * week for week in range(1, WEEKS + 1) if 168 * week < sums.size]]
    if same_weekday.size < MINIMUM_WEEKS:
        return None
    actual, expected = float(sums[0]), float(np.median(same_weekday))
    impact = actual - expected
    if impact < float(settings.minimum_impact) or actual < settings.intraday_ratio * expected:
        return None
    strength = float(odd[-length:].max())
    if strength < settings.intraday_evidence:
        return None
    end = last + HOUR
    return Finding(
        scope,
        last.date(),
        actual,
        expected,
        [
            {
                "name": "same_hours",
                "hours": length,
                "ratio": round(actual / expected, 4) if expected > 0 else None,
                "strength": round(strength, 2),
            }
        ],
        kind="hours",
        hours=HourWindow(end - length * HOUR, end),
    )


def _window_sums(values: Floats, length: int) -> Floats:
    """Sum of ``length`` hours ending ``index`` hours before the newest one; index 0 is the newest."""
    cumulative = np.concatenate([[0.0], np.cumsum(values)])
    if values.size < length:
        return np.zeros(0)
    return (cumulative[length:] - cumulative[:-length])[::-1]
