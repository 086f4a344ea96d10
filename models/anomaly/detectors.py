"""Which days of a daily series are worth telling: odd by the evidence, off by enough money, for how long.

Here: numbers in, findings out, for one series.
Not here: contributors, known events, other series.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.anomaly.alerts import DAILY, KINDS, directed_strength
from models.anomaly.finding import FIRST_SPEND, Finding
from models.anomaly.settings import AnomalySettings
from models.anomaly.stream import DAY_SECONDS, evidence
from models.baseline import SMALLEST_SPREAD, SPREAD_DAYS, Scan
from models.series import DailySeries, Floats, median_absolute_deviation

NORMAL_80 = 1.2816
"""Half-width of a normal distribution's 80% interval in standard deviations."""

DRIFT_GAP_DAYS = 28
DRIFT_WEEKS = 8
DRIFT_MINIMUM_WEEKS = 4
SHOWN_AT_MOST = 1e6


DAY_BY_DAY = replace(
    DAILY,
    weights=tuple(0.0 if "drift_up" in kind else weight for kind, weight in zip(KINDS, DAILY.weights, strict=True)),
)


@dataclass(frozen=True)
class Expectation:
    """What was expected of each day of a series before it was seen; NaN where nothing was."""

    expected: Floats
    lower: Floats
    upper: Floats


@dataclass(frozen=True)
class Oddness:
    """Evidence for more and for less than usual, day by day, as shares of what an alert needs."""

    up: Floats
    down: Floats

    @classmethod
    def of_all(cls, every: Sequence[DailySeries]) -> list[Oddness]:
        """By the detector that knows nothing of money, for all series at once."""
        walked = evidence([(_seconds(series), series.values) for series in every], [float(DAY_SECONDS)] * len(every))
        # A slow creep is told once, as a drift; its days are no news one by one.
        return [cls(*(directed_strength(found, DAY_BY_DAY, is_up=up) / DAY_BY_DAY.threshold for up in (True, False)))
                for found in walked]  # fmt: skip


def _seconds(series: DailySeries) -> NDArray[np.int64]:
    first = (series.first_day - date(1970, 1, 1)).days
    return (first + np.arange(series.values.size)) * DAY_SECONDS


def daily_findings(
    series: DailySeries,
    scanned: Scan,
    expectation: Expectation,
    oddness: Oddness,
    settings: AnomalySettings,
    *,
    is_new: bool,
) -> list[Finding]:
    """Odd days of the lookback.

    A day needs the minimum money and ratio, must lie outside its interval and several spreads from its expectation. The
    first of a run must be odd by the evidence as well. ``is_new``: the scope's first day of spending is itself a
    finding, because nothing at all was expected.
    """
    values = series.values
    first_judged = max(values.size - settings.lookback_days, 0)
    # Runs are counted from further back, so that the lookback's edge does not make an old deviation news again.
    start = max(first_judged - settings.lookback_days, settings.minimum_history_days)
    findings = []
    run, direction = 0, 0
    for t in range(start, values.size):
        finding = _judge(series, scanned, expectation, oddness, settings, t, going_on=direction)
        sign = 0 if finding is None else (1 if finding.is_up else -1)
        run = run + 1 if sign and sign == direction else abs(sign)
        direction = sign
        if finding and t >= first_judged and run <= settings.new_normal_after_days:
            findings.append(_in_a_row(finding, run))
    if is_new and values.size <= settings.lookback_days and values[0] >= float(settings.minimum_impact):
        findings.insert(0, _first_day(series))
    return findings


def _in_a_row(finding: Finding, run: int) -> Finding:
    return replace(finding, day_in_a_row=run)


def _first_day(series: DailySeries) -> Finding:
    return Finding(series.scope, series.first_day, float(series.values[0]), 0.0, [{"name": FIRST_SPEND}])


def _judge(
    series: DailySeries,
    scanned: Scan,
    expectation: Expectation,
    oddness: Oddness,
    settings: AnomalySettings,
    t: int,
    *,
    going_on: int,
) -> Finding | None:
    values = series.values
    actual, expected = float(values[t]), float(expectation.expected[t])
    impact = actual - expected
    money = float(settings.minimum_impact)
    if np.isnan(expected) or abs(impact) < money or abs(impact) < settings.minimum_ratio * abs(expected):
        return None
    if expectation.lower[t] <= actual <= expectation.upper[t]:
        return None
    spreads = impact / _spread(scanned, expectation, t, is_up=impact > 0, values=values)
    week_ago = t - 7 if not scanned.is_odd[t - 7] or t < 14 else t - 14
    detectors: list[dict[str, Any]] = []
    for name, reference, bound in (
        ("day_over_day", t - 1, settings.day_over_day_ratio),
        ("week_over_week", week_ago, settings.week_over_week_ratio),
    ):
        change = actual - values[reference]
        if abs(change) >= money and _same_direction(change, impact) and _factor(actual, values[reference]) >= bound:
            detectors.append({"name": name, "ratio": _ratio(actual, float(values[reference]))})
    if abs(spreads) >= settings.residual_spreads:
        detectors.append(
            {
                "name": "forecast_residual",
                "ratio": _ratio(actual, expected),
                "spreads": round(float(np.clip(spreads, -SHOWN_AT_MOST, SHOWN_AT_MOST)), 2),
            }
        )
    odd = float((oddness.up if impact > 0 else oddness.down)[t])
    detectors.append({"name": "evidence", "strength": round(odd, 2)})
    goes_on = impact * going_on > 0 and abs(spreads) >= settings.going_on_spreads
    starts = (odd >= settings.evidence and abs(spreads) >= settings.residual_spreads) or (
        odd >= 1 and abs(spreads) >= settings.agreement_spreads
    )
    if not (starts or goes_on):
        return None
    return Finding(series.scope, series.day(t), actual, expected, detectors)


def _spread(scanned: Scan, expectation: Expectation, t: int, *, is_up: bool, values: Floats) -> float:
    """A standard deviation for the day: the larger of the baseline's recent errors and the interval's half."""
    past = scanned.scores(values)[max(t - SPREAD_DAYS, 0) : t]
    past = past[~np.isnan(past)]
    relative = max(1.4826 * float(np.median(np.abs(past))), SMALLEST_SPREAD) if past.size else SMALLEST_SPREAD
    bound = expectation.upper[t] if is_up else expectation.lower[t]
    half = abs(float(bound) - float(expectation.expected[t])) / NORMAL_80
    # An interval that ends at zero is cut off there and says nothing about the spread below it.
    return max(relative * float(scanned.scale[t]), half if is_up or bound > 0 else 0.0, 1e-9)


def _same_direction(change: float, impact: float) -> bool:
    return change * impact > 0


def _factor(one: float, other: float) -> float:
    """How many times the larger is the smaller; infinite against zero or another sign."""
    low, high = sorted((abs(one), abs(other)))
    return float("inf") if low == 0 or one * other < 0 else high / low


def _ratio(actual: float, reference: float) -> float | None:
    return round(min(actual / reference, SHOWN_AT_MOST), 4) if reference > 0 else None


def drift_findings(
    series: DailySeries, scanned: Scan, settings: AnomalySettings, reported: list[Finding]
) -> list[Finding]:
    """A slow leak: each day looks like the last, but the week is far above where its trend of a month ago led.

    The last seven days are compared with a robust line (Theil–Sen) through up to eight weeks that ended four or more
    weeks earlier, so steady growth is no leak. Reported once, on the day it becomes clear, and not where a jump that
    was reported already explains it.
    """
    values = series.values
    findings: list[Finding] = []
    quiet_until = -1
    first_judged = max(values.size - settings.lookback_days, 0)
    begin = max(first_judged - 2 * DRIFT_GAP_DAYS, DRIFT_GAP_DAYS + 7 * (DRIFT_MINIMUM_WEEKS + 1))
    for t in range(begin, values.size):
        week = values[t - 6 : t + 1]
        expected, _ = _week_from_trend(values, t)
        total = float(week.sum())
        excess = total - expected
        leaks = (
            expected > 0
            and total >= settings.drift_ratio * expected
            and excess / 7 >= float(settings.minimum_impact)
            and float(np.median(week)) >= (1 + (settings.drift_ratio - 1) / 2) * expected / 7
            and excess >= settings.drift_spreads * max(_scatter(values, t), SMALLEST_SPREAD * expected)
        )
        if not leaks:
            continue
        is_news = t > quiet_until
        quiet_until = t + DRIFT_GAP_DAYS
        if not is_news or t < first_judged or _jumped(series, scanned, t, excess / 7):
            continue
        day = series.day(t)
        if any(other.day == day for other in reported):
            continue
        findings.append(
            Finding(
                series.scope,
                day,
                actual=float(values[t]),
                expected=float(values[t]) * expected / total,
                detectors=[
                    {
                        "name": "slow_drift",
                        "ratio": round(total / expected, 4),
                        "week_actual": round(total, 2),
                        "week_expected": round(expected, 2),
                    }
                ],
                kind="drift",
            )
        )
    return findings


def _week_from_trend(values: Floats, t: int) -> tuple[float, float]:
    """What the week that ends on ``t`` should cost by the trend of old weeks, and how much those weeks scatter."""
    ends = [t - DRIFT_GAP_DAYS - 7 * back for back in range(DRIFT_WEEKS)]
    sums = np.array([values[end - 6 : end + 1].sum() for end in ends if end >= 6])[::-1]
    weeks = np.arange(sums.size, dtype=np.float64)
    i, j = np.triu_indices(sums.size, 1)
    slope = float(np.median((sums[j] - sums[i]) / (weeks[j] - weeks[i])))
    level = float(np.median(sums - slope * weeks))
    led_to = level + slope * (sums.size - 1 + DRIFT_GAP_DAYS / 7)
    return max(led_to, float(np.median(sums))), median_absolute_deviation(sums - level - slope * weeks)


def _scatter(values: Floats, t: int) -> float:
    """How much old weeks scatter, whichever day they end on: of eight of them alone it may be anything."""
    return float(np.median([_week_from_trend(values, t - back)[1] for back in range(7)]))


def _jumped(series: DailySeries, scanned: Scan, t: int, daily_excess: float) -> bool:
    """Did one odd day of the last five weeks bring at least half of the excess? Then it was a jump, not a leak."""
    window = slice(max(t - DRIFT_GAP_DAYS - 7, 0), t + 1)
    surplus = (series.values - scanned.expected)[window]
    return bool((scanned.is_odd[window] & (surplus >= 0.5 * daily_excess)).any())
