"""The forecast of a cost series: which way it goes, and what is known about it that the engine is not.

Here: a pure function of (series, events, settings) that a worker process can run: kinds of series, monthly charges,
events; expectations of recent days.
Not here: frames, caching, processes (run); how regular series are forecast (engine).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date

import numpy as np

from finops.config.events import KnownEvent
from models.baseline import Knowledge, Scan, scan, weekday_level
from models.events import DayMarks
from models.forecast.backtest import conformal_bounds, seasonal_scale
from models.forecast.beginning import began_at
from models.forecast.engine import BLEND, Outlook, Track, outlooks
from models.forecast.intervals import LEVELS
from models.forecast.prophet_model import prophet_candidate
from models.forecast.rhythm import DAILY
from models.forecast.settings import ForecastSettings
from models.series import DailySeries, Floats

MINIMUM_TRAINING_DAYS = 14
DOUBTED_DAYS = 28
"""Spikes of the last four weeks are taken out before forecasting: a running runaway job must not be forecast to stay.
Older ones stay in, because intervals must know that such days come."""

CALIBRATION_DAYS = 91
"""One-step intervals learn from the last quarter's one-step errors."""

SHORT_SPREAD = 0.3
UNKNOWN_SPREAD = 0.5
"""±50% where a series is too short to have shown any error."""

LEVEL_95_FACTOR = 1.53
"""A normal's 95% bound ÷ its 80% bound, for the spreads that are set and not measured."""


@dataclass(frozen=True)
class Job:
    """All that a forecast depends on, so that equal jobs have equal results."""

    series: DailySeries
    horizon: int
    events: tuple[KnownEvent, ...]
    countries: tuple[str, ...]
    settings: ForecastSettings
    caps: tuple[tuple[date, date, float], ...] = ()
    """First day, last day and most a day of the scope's capacities."""

    def fingerprint(self) -> dict[str, object]:
        return {
            "first_day": self.series.first_day.isoformat(),
            "values": [repr(value) for value in self.series.values.tolist()],
            "horizon": self.horizon,
            "events": [event.model_dump(mode="json") for event in self.events],
            "countries": list(self.countries),
            "settings": asdict(self.settings),
            "caps": [[first.isoformat(), last.isoformat(), most] for first, last, most in self.caps],
        }


@dataclass(frozen=True)
class Line:
    """Expected cost with its 80% and 95% intervals for consecutive days."""

    first_day: date
    model_name: str
    expected: list[float]
    lower: list[float]
    upper: list[float]
    lower_95: list[float]
    upper_95: list[float]


@dataclass(frozen=True)
class Accuracy:
    """A candidate's backtest; None where there was nothing to measure."""

    model_name: str
    horizon_days: int
    folds: int
    mean_absolute_error: float | None
    mean_absolute_scaled_error: float | None
    interval_coverage: float | None
    interval_coverage_95: float | None
    weight: float
    """Share of the forecast that is this candidate's; 1 for the forecast itself."""
    is_chosen: bool


@dataclass(frozen=True)
class SeriesForecast:
    recent: Line
    future: Line
    accuracy: list[Accuracy]
    residuals: list[list[float]]
    """Past stretches of errors ÷ their mean size, newest last: the patterns of drawn futures."""

    def to_json(self) -> str:
        content = asdict(self)
        for line in ("recent", "future"):
            content[line]["first_day"] = content[line]["first_day"].isoformat()
        return json.dumps(content)

    @classmethod
    def from_json(cls, text: str) -> SeriesForecast:
        content = json.loads(text)
        lines = {
            name: Line(**{**content[name], "first_day": date.fromisoformat(content[name]["first_day"])})
            for name in ("recent", "future")
        }
        return cls(**lines, accuracy=[Accuracy(**row) for row in content["accuracy"]], residuals=content["residuals"])


def needs_prophet(job: Job) -> bool:
    """Will Prophet compete? Only such jobs are worth a process of their own."""
    enough = job.series.values.size >= job.settings.prophet_minimum_days
    return enough and kind_of(job.series.values, job.settings) == "regular"


def kind_of(values: Floats, settings: ForecastSettings) -> str:
    """``zero``, ``stopped``, ``short``, ``intermittent`` or ``regular``."""
    if not values.any():
        return "zero"
    silent = int(values.size - 1 - np.flatnonzero(values)[-1])
    spending = values[: values.size - silent]
    before = spending[-28:]
    mostly_spending = (before != 0).mean() > 1 - settings.intermittent_share
    if silent >= settings.silent_days and mostly_spending:
        return "stopped"
    if values.size < settings.short_days:
        return "short"
    recent = values[-84:]
    if (recent == 0).mean() > settings.intermittent_share and not _zeros_follow_weekdays(recent):
        return "intermittent"
    return "regular"


def _zeros_follow_weekdays(values: Floats) -> bool:
    """Does knowing the weekday tell (nine times in ten) whether the day costs anything?"""
    weeks = values[values.size % 7 :].reshape(-1, 7)
    busy = (weeks != 0).mean(axis=0)
    return bool(np.maximum(busy, 1 - busy).mean() >= 0.9 and busy.max() > 0.5)


def forecast_jobs(jobs: Sequence[Job]) -> list[SeriesForecast]:
    """Forecast each series the way its kind asks for; the regular ones together, which costs less."""
    kinds = [kind_of(job.series.values, job.settings) for job in jobs]
    regular = [index for index, kind in enumerate(kinds) if kind == "regular"]
    done = dict(zip(regular, _regular([jobs[index] for index in regular]), strict=True)) if regular else {}
    ways = {"short": _short, "intermittent": _intermittent, "zero": _silent, "stopped": _silent}
    return [done[index] if kind == "regular" else ways[kind](jobs[index]) for index, kind in enumerate(kinds)]


# ── silent series ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _silent(job: Job) -> SeriesForecast:
    """Nothing is expected. While a stop is younger than two weeks, late data or a restart stay possible."""
    values, settings = job.series.values, job.settings
    kind = kind_of(values, settings)
    ceiling = 0.0
    if kind == "stopped":
        silent = int(values.size - 1 - np.flatnonzero(values)[-1])
        if silent < 2 * settings.silent_days:
            ceiling = max(float(np.median(values[values.size - silent - 28 : values.size - silent])), 0.0)
    days = job.horizon
    return SeriesForecast(
        recent=_recent(job, _scan(job, ()), kind),
        future=Line(
            job.series.day(values.size), kind, [0.0] * days, [0.0] * days, [ceiling] * days, [0.0] * days,
            [ceiling] * days,
        ),
        accuracy=[Accuracy(kind, 0, 0, None, None, None, None, 1.0, is_chosen=True)],
        residuals=[],
    )  # fmt: skip


# ── short and intermittent series ─────────────────────────────────────────────────────────────────────────────────────


def _short(job: Job) -> SeriesForecast:
    """The mean of what there is, with a weekday effect from two weeks on.

    The interval is never narrower than ±30% and widens with distance: on one week of real LLM usage by client
    (ServeGen), bounds from the week's own errors covered 14 to 50% of the next week. The 30% was set after seeing that.
    """
    values = job.series.values
    name = "mean" if values.size < MINIMUM_TRAINING_DAYS else "weekday_level"
    scanned = _scan(job, (values.size,))
    known = scanned.knowledge[values.size]
    future = _predict(known, job.horizon, job)
    errors = (values - scanned.expected)[1:]
    scores = scanned.scores(values)
    scores = scores[~np.isnan(scores)]
    widen = np.sqrt(1 + np.arange(future.size) / 7)
    size = np.maximum(np.abs(future), _smallest_size(known))
    ranges = {}
    for level in LEVELS:
        wider = LEVEL_95_FACTOR if level == 0.95 else 1.0
        low, high = -UNKNOWN_SPREAD * wider, UNKNOWN_SPREAD * wider
        if scores.size >= 2:
            low, high = conformal_bounds(scores, level)
            low, high = min(low, -SHORT_SPREAD * wider), max(high, SHORT_SPREAD * wider)
        lower, upper = future + low * widen * size, future + high * widen * size
        ranges[level] = _ordered(future, lower, upper, known.never_negative)
    return SeriesForecast(
        recent=_recent(job, scanned, "weekday_level"),
        future=_line(job.series.day(values.size), name, future, ranges),
        accuracy=[_one_step_accuracy(name, values, errors)],
        residuals=[],
    )


def _intermittent(job: Job) -> SeriesForecast:
    """What a day costs on average over eight weeks.

    A day is either nothing or much, so the interval is what days were like, not a band around the mean.
    """
    values = job.series.values
    scanned = _scan(job, (values.size,))
    known = scanned.knowledge[values.size]
    window = 56
    days = job.horizon
    future = np.full(days, float(known.base[-window:].mean() if known.charges else values[-window:].mean()))
    future = future + known.monthly_charges(days)
    ranges = {}
    for level in LEVELS:
        low, high = conformal_bounds(values[-CALIBRATION_DAYS:], level)
        ranges[level] = _ordered(future, np.full(days, low), np.full(days, high), known.never_negative)
    errors = np.array([values[t] - values[max(t - window, 0) : t].mean() for t in range(1, values.size)])
    return SeriesForecast(
        recent=_recent(job, scanned, "weekday_level"),
        future=_line(job.series.day(values.size), "intermittent_mean", future, ranges),
        accuracy=[_one_step_accuracy("intermittent_mean", values, errors[-CALIBRATION_DAYS:])],
        residuals=[],
    )


def _one_step_accuracy(name: str, values: Floats, errors: Floats) -> Accuracy:
    error = float(np.abs(errors).mean()) if errors.size else None
    scale = seasonal_scale(values)
    return Accuracy(
        name,
        horizon_days=1 if errors.size else 0,
        folds=errors.size,
        mean_absolute_error=error,
        mean_absolute_scaled_error=error / scale if error is not None and scale > 0 else None,
        interval_coverage=None,
        interval_coverage_95=None,
        weight=1.0,
        is_chosen=True,
    )


# ── regular series ────────────────────────────────────────────────────────────────────────────────────────────────────


def _regular(jobs: Sequence[Job]) -> list[SeriesForecast]:
    """Regular series through the engine, without what is explained: monthly charges and temporary events, which are put
    back where they are due. Days before a series began in earnest teach nothing."""
    scans = [_scan(job, (job.series.values.size,)) for job in jobs]
    begun = [_since_begun(job) for job in jobs]
    known = [
        (scanned if one is job else _scan(one, (one.series.values.size,))).knowledge[one.series.values.size]
        for job, one, scanned in zip(jobs, begun, scans, strict=True)
    ]
    tracks = [_track(job, one) for job, one in zip(begun, known, strict=True)]
    horizon = max(job.horizon for job in jobs)
    found = outlooks(tracks, DAILY, max(horizon, 1))
    return [
        _regular_forecast(job, scanned, one, outlook)
        for job, scanned, one, outlook in zip(jobs, scans, known, found, strict=True)
    ]


def _since_begun(job: Job) -> Job:
    series = job.series
    first = began_at(series.values, DAILY)
    if not first:
        return job
    return replace(job, series=replace(series, first_day=series.day(first), values=series.values[first:]))


def _track(job: Job, known: Knowledge) -> Track:
    series, settings = job.series, job.settings
    marks = DayMarks.of(job.events, series.first_day, series.values.size)
    values = series.values.copy()
    for index in range(values.size):
        is_charge = series.day(index).day in known.charges and values[index] > known.base[index]
        if is_charge or index >= values.size - DOUBTED_DAYS:
            values[index] = known.base[index]
    if not marks.temporary.all():
        values[marks.temporary] = np.nan
    first = max(values.size - settings.training_days, 0)
    values, jumps = values[first:], marks.transition[first:]
    if not np.isfinite(values).any():
        values = known.base[first:]
    slow = {}
    if np.isfinite(values).sum() >= settings.prophet_minimum_days:
        slow["prophet"] = prophet_candidate(
            values,
            series.day(first),
            events=job.events,
            countries=job.countries,
            settings=settings,
            caps=job.caps,
        )
    return Track(values, jumps, slow)


def _regular_forecast(job: Job, scanned: Scan, known: Knowledge, outlook: Outlook) -> SeriesForecast:
    days = job.horizon
    marks = DayMarks.of(job.events, known.first_day, known.raw.size + days)
    factor = np.where(marks.temporary[known.raw.size :], known.event_factor, 1.0)
    extra = known.monthly_charges(days)

    def put_back(line: Floats) -> list[float]:
        moved = line[:days] * factor + extra
        return (np.maximum(moved, 0.0) if known.never_negative else moved).tolist()

    expected = put_back(outlook.expected)
    return SeriesForecast(
        recent=_recent(job, scanned, "weekday_level"),
        future=Line(
            job.series.day(job.series.values.size),
            BLEND,
            expected,
            np.minimum(put_back(outlook.lower[0.8]), expected).tolist(),
            np.maximum(put_back(outlook.upper[0.8]), expected).tolist(),
            np.minimum(put_back(outlook.lower[0.95]), expected).tolist(),
            np.maximum(put_back(outlook.upper[0.95]), expected).tolist(),
        ),
        accuracy=[
            Accuracy(
                score.name,
                outlook.scored_points if score.folds else 0,
                score.folds,
                score.mean_absolute_error,
                score.scaled_error,
                score.coverage,
                score.coverage_95,
                score.weight,
                is_chosen=score.name == BLEND,
            )
            for score in outlook.scores
        ],
        residuals=outlook.residuals[:, :days].tolist(),
    )


# ── shared ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _scan(job: Job, origins: Sequence[int]) -> Scan:
    series = job.series
    marks = DayMarks.of(job.events, series.first_day, series.values.size)
    return scan(series.first_day, series.values, marks, origins)


def _predict(known: Knowledge, horizon: int, job: Job) -> Floats:
    predicted = weekday_level(known, horizon)
    if known.event_factor != 1:
        marks = DayMarks.of(job.events, known.first_day, known.raw.size + horizon)
        predicted = np.where(marks.temporary[known.raw.size :], predicted * known.event_factor, predicted)
    predicted = predicted + known.monthly_charges(horizon)
    return np.clip(predicted, 0.0, None) if known.never_negative else predicted


def _smallest_size(known: Knowledge) -> float:
    return max(0.1 * known.typical(), 1e-9)


def _line(first_day: date, name: str, expected: Floats, ranges: Mapping[float, tuple[Floats, Floats]]) -> Line:
    (lower, upper), (lower_95, upper_95) = ranges[0.8], ranges[0.95]
    return Line(
        first_day, name, expected.tolist(), lower.tolist(), upper.tolist(),
        np.minimum(lower, lower_95).tolist(), np.maximum(upper, upper_95).tolist(),
    )  # fmt: skip


def _recent(job: Job, scanned: Scan, name: str) -> Line:
    """One-step-ahead expectations; each day's interval comes from the errors of the days before it."""
    values, settings = job.series.values, job.settings
    days = min(settings.expectation_days, values.size - 1)
    start = values.size - days
    scores = scanned.scores(values)
    expected = scanned.expected[start:]
    ranges = {}
    for level in LEVELS:
        lower, upper = np.empty(days), np.empty(days)
        for index in range(days):
            t = start + index
            past = scores[max(t - CALIBRATION_DAYS, 0) : t]
            past = past[~np.isnan(past)]
            low, high = -UNKNOWN_SPREAD, UNKNOWN_SPREAD
            if past.size >= MINIMUM_TRAINING_DAYS:
                low, high = conformal_bounds(past, level)
            move = np.array([min(low, 0.0), max(high, 0.0)]) * scanned.scale[t]
            lower[index], upper[index] = expected[index] + move
        ranges[level] = _ordered(expected, lower, upper, bool(values.min() >= 0))
    return _line(job.series.day(start), name, expected, ranges)


def _ordered(expected: Floats, lower: Floats, upper: Floats, never_negative: bool) -> tuple[Floats, Floats]:
    """Bounds that hold the expectation, and are never negative for costs that never were."""
    lower, upper = np.minimum(lower, expected), np.maximum(upper, expected)
    return (np.clip(lower, 0.0, None) if never_negative else lower), upper
