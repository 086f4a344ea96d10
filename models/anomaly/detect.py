"""Finding anomalies: histories in, the table ``ml.anomaly`` out.

Here: the order of things — detect, attribute, mark what is known, keep one finding a cause, explain.
Not here: the steps themselves.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from finops.config.events import EventsFile
from finops.periods import as_utc
from models.anomaly.contributors import ContributorIndex, as_json
from models.anomaly.detectors import Expectation, Oddness, daily_findings, drift_findings
from models.anomaly.explain import explanation
from models.anomaly.finding import RUNNING, Finding, severity
from models.anomaly.hierarchy import without_explained
from models.anomaly.intraday import running_findings
from models.anomaly.known import with_known_cause
from models.anomaly.pattern_days import Pattern
from models.anomaly.patterns import PatternFacts, find_patterns, with_patterns
from models.anomaly.settings import AnomalySettings
from models.baseline import Scan, scan
from models.events import DayMarks, events_touching
from models.forecast.backtest import conformal_bounds
from models.series import DailySeries, Scope, daily_series, dates, money, naive_utc, require_columns
from models.tables import build_frame

BILLED_METRIC = "effective_cost"
EXPECTATION_COLUMNS = (
    "forecast_date", "scope_type", "scope_value", "currency", "expected_cost", "lower_cost", "upper_cost", "is_future",
)  # fmt: skip
INTERVAL_LEVEL = 0.8
CALIBRATION_DAYS = 91

Bounds = dict[Scope, dict[date, tuple[float, float, float]]]


def detect(
    history: pd.DataFrame,
    expectations: pd.DataFrame | None,
    contributors: pd.DataFrame | None,
    *,
    as_of: datetime,
    metric: str,
    events: EventsFile,
    settings: AnomalySettings | None = None,
    team_of_app: Mapping[str, str] | None = None,
    patterns: Sequence[Pattern] = (),
) -> pd.DataFrame:
    """Anomalous days of the last ``settings.lookback_days`` complete days.

    Args:
        history: columns usage_date, scope_type, scope_value, currency, cost; days without a row cost 0.
        expectations: rows of ``ml.forecast_daily`` made before their day was seen (``is_future`` false); days
            without one are compared with the baseline (same-weekday profile × recent level). None: always that.
        contributors: columns usage_date, scope_type, scope_value, dimension, value, cost and optionally currency.
        as_of: the moment reported on, with time zone; its own day is not over and not judged.
        metric: ``effective_cost`` (the bill) or ``estimated_cost`` (priced usage).
        events: known events and holiday countries.
        patterns: what ``find_patterns`` found in this metric.

    Returns:
        The table ``ml.anomaly``. ``impact_ratio`` is impact ÷ expected, null where nothing was expected.

    Raises:
        HistoryError: a frame lacks a column or holds a value that is no day or no amount.
        ValueError: ``as_of`` has no time zone.
    """
    moment = as_utc(as_of)
    settings = settings or AnomalySettings()
    index = ContributorIndex(contributors)
    bounds = _bounds(expectations)
    all_series = daily_series(history, before=moment.date())
    oldest = min((series.first_day for series in all_series), default=moment.date())
    findings: list[Finding] = []
    for series, oddness in zip(all_series, Oddness.of_all(all_series), strict=True):
        touching = events_touching(series.scope, events, team_of_app or {})
        marks = DayMarks.of(touching, series.first_day, series.values.size)
        scanned = scan(series.first_day, series.values, marks, ())
        expectation = _expectation(series, scanned, bounds.get(series.scope, {}))
        is_new = series.first_day - oldest >= timedelta(days=28)
        found = daily_findings(series, scanned, expectation, oddness, settings, is_new=is_new)
        findings += found + drift_findings(series, scanned, settings, found)
    joined = with_patterns(findings, patterns, _Costs(all_series).on)
    return _table(joined, index, events, settings, metric, moment)


def detect_intraday(
    hourly: pd.DataFrame,
    newest: pd.DataFrame,
    *,
    as_of: datetime,
    metric: str = "estimated_cost",
    events: EventsFile,
    settings: AnomalySettings | None = None,
) -> pd.DataFrame:
    """What is running away right now: the newest minutes against the same hours of past weeks.

    Args:
        hourly, newest: as for ``running_findings``.

    Returns:
        The table ``ml.anomaly`` with at most one row per scope, dated on the day of the newest minutes.
    """
    moment = as_utc(as_of)
    settings = settings or AnomalySettings()
    findings = running_findings(hourly, newest, before=naive_utc(moment), settings=settings)
    return _table(findings, ContributorIndex(None), events, settings, metric, moment)


def find_anomalies(
    *,
    history: pd.DataFrame,
    expectations: pd.DataFrame | None,
    contributors: pd.DataFrame | None,
    as_of: datetime,
    events: EventsFile,
    settings: AnomalySettings | None = None,
    team_of_app: Mapping[str, str] | None = None,
    facts: PatternFacts | None = None,
) -> pd.DataFrame:
    """``detect`` for every metric of a history with the column ``metric``.

    Expectations are forecasts of the bill, so only ``effective_cost`` is compared with them. ``contributors`` may
    have the column ``metric`` too. ``facts`` are what patterns are found in; None: none are looked for.
    """
    require_columns(history, ("metric",), "history")
    patterns = [] if facts is None else find_patterns(facts, as_of=as_of, settings=settings)
    tables = []
    for metric in sorted(history["metric"].astype(str).unique()):
        parts = contributors
        if parts is not None and "metric" in parts.columns:
            parts = parts[parts["metric"] == metric]
        tables.append(
            detect(
                history[history["metric"] == metric],
                expectations if metric == BILLED_METRIC else None,
                parts,
                as_of=as_of,
                metric=metric,
                events=events,
                settings=settings,
                team_of_app=team_of_app,
                patterns=[pattern for pattern in patterns if pattern.metric == metric],
            )
        )
    rows = [row for table in tables for row in table.to_dict("records")]
    return build_frame("anomaly", [{str(key): _plain(value) for key, value in row.items()} for row in rows])


def with_running(of_days: pd.DataFrame, of_hours: pd.DataFrame) -> pd.DataFrame:
    """Findings of complete days and of the running one in one table; a complete day replaces what its hours said, and
    what is said of hours now what was said of them before (``of_days`` may hold that)."""
    of_days = of_days[~_is_running(of_days)]
    judged = set(of_days["anomaly_id"])
    rows = of_days.to_dict("records") + [row for row in of_hours.to_dict("records") if row["anomaly_id"] not in judged]
    return build_frame("anomaly", [{str(key): _plain(value) for key, value in row.items()} for row in rows])


def with_stopped(
    running: pd.DataFrame, before: pd.DataFrame, today: date, settings: AnomalySettings | None = None
) -> pd.DataFrame:
    """What runs away now, with what did earlier: that it is over, and little in a whole day, takes back no alarm."""
    still = set(running["anomaly_id"])
    oldest = today - timedelta(days=(settings or AnomalySettings()).lookback_days)
    earlier = [
        row
        for row in before.to_dict("records")
        if oldest <= row["detected_date"] <= today and row["anomaly_id"] not in still
    ]
    rows = running.to_dict("records") + earlier
    return build_frame("anomaly", [{str(key): _plain(value) for key, value in row.items()} for row in rows])


def _is_running(found: pd.DataFrame) -> pd.Series:
    return found["detectors"].map(lambda told: {entry["name"] for entry in json.loads(told)} == {RUNNING}).astype(bool)


class _Costs:
    """What a scope cost on a day, of all series of one metric."""

    def __init__(self, every: Iterable[DailySeries]) -> None:
        self._series = {series.scope: series for series in every}

    def on(self, scope: Scope, day: date) -> float | None:
        series = self._series.get(scope)
        if series is None or not 0 <= series.index(day) < series.values.size:
            return None
        return float(series.values[series.index(day)])


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and np.isnan(value) else value


def _bounds(expectations: pd.DataFrame | None) -> Bounds:
    """(expected, lower, upper) by scope and day, of expectations made without having seen the day."""
    bounds: Bounds = {}
    if expectations is None:
        return bounds
    require_columns(expectations, EXPECTATION_COLUMNS, "expectations")
    past = expectations[~expectations["is_future"].astype(bool)]
    if past.empty:
        return bounds
    days = dates(past["forecast_date"], "expectations")
    columns = zip(
        days, past["scope_type"], past["scope_value"], past["currency"],
        past["expected_cost"], past["lower_cost"], past["upper_cost"],
        strict=True,
    )  # fmt: skip
    for day, scope_type, value, currency, expected, lower, upper in columns:
        scope = Scope(str(scope_type), str(value), str(currency))
        bounds.setdefault(scope, {})[day.date()] = (float(expected), float(lower), float(upper))
    return bounds


def _expectation(series: DailySeries, scanned: Scan, known: Mapping[date, tuple[float, float, float]]) -> Expectation:
    """The given expectation of each day, else the baseline's with an interval from its earlier errors."""
    count = series.values.size
    expected, lower, upper = scanned.expected.copy(), np.full(count, np.nan), np.full(count, np.nan)
    scores = scanned.scores(series.values)
    for t in range(1, count):
        if given := known.get(series.day(t)):
            expected[t], lower[t], upper[t] = given
            continue
        past = scores[max(t - CALIBRATION_DAYS, 0) : t]
        past = past[~np.isnan(past)]
        if past.size:
            low, high = conformal_bounds(past, INTERVAL_LEVEL)
            lower[t] = expected[t] + min(low, 0.0) * scanned.scale[t]
            upper[t] = expected[t] + max(high, 0.0) * scanned.scale[t]
        else:
            lower[t] = upper[t] = expected[t]
    return Expectation(expected, lower, upper)


def _table(
    findings: Iterable[Finding],
    index: ContributorIndex,
    events: EventsFile,
    settings: AnomalySettings,
    metric: str,
    moment: datetime,
) -> pd.DataFrame:
    attributed = [finding if finding.hours else finding.with_contributors(index.of(finding)) for finding in findings]
    marked = [with_known_cause(finding, events, settings) for finding in attributed]
    kept = without_explained(marked, index, settings)
    return build_frame("anomaly", _rows(kept, settings, metric, moment))


def _rows(
    findings: Sequence[Finding], settings: AnomalySettings, metric: str, moment: datetime
) -> list[dict[str, Any]]:
    rows = []
    for finding in findings:
        actual, expected = money(finding.actual), money(finding.expected)
        rows.append(
            {
                "anomaly_id": anomaly_id(finding.scope, metric, finding.day, _beside(finding)),
                "detected_date": finding.day,
                "scope_type": finding.scope.type,
                "scope_value": finding.scope.value,
                "metric": metric,
                "currency": finding.scope.currency,
                "detectors": json.dumps(finding.detectors),
                "actual": actual,
                "expected": expected,
                "impact": actual - expected,
                "impact_ratio": finding.impact / finding.expected if finding.expected > 0 else None,
                "severity": severity(finding, settings),
                "contributors": json.dumps(as_json(finding.contributors), ensure_ascii=False),
                "explanation": explanation(finding, metric=metric, as_of=moment.date()),
                "event_id": finding.event_id,
                "status": "expected" if finding.event_id else "open",
                "as_of": naive_utc(moment),
            }
        )
    return rows


def _beside(finding: Finding) -> str | None:
    return ("up" if finding.is_up else "down") if finding.is_beside else None


def anomaly_id(scope: Scope, metric: str, day: date, beside: str | None = None) -> str:
    """The same for the same scope, currency, metric and day in every run, so that a finding is updated in place.

    ``beside`` tells apart the direction of one that stands beside another of the same day."""
    parts = [scope.type, scope.value, scope.currency, metric, day.isoformat()]
    identity = json.dumps([*parts, beside] if beside else parts)
    return hashlib.sha256(identity.encode()).hexdigest()[:32]
