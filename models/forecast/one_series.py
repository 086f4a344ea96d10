"""The forecast of one series: which way it goes, who competes, who wins.

Here: a pure function of (series, events, settings) that a worker process can run.
Not here: frames, caching, processes (run).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import date

import numpy as np

from finops.config.models import KnownEvent
from models.baseline import Knowledge, Scan, scan, weekday_level
from models.events import DayMarks
from models.forecast.backtest import Backtest, Calibration, conformal_bounds, seasonal_scale
from models.forecast.prophet_model import prophet_forecast
from models.forecast.settings import ForecastSettings
from models.series import DailySeries, Floats

Model = Callable[[Knowledge, int], Floats]

MINIMUM_TRAINING_DAYS = 14
CALIBRATION_DAYS = 91
"""One-step intervals learn from the last quarter's one-step errors."""

SHORT_SPREAD = 0.3
UNKNOWN_SPREAD = 0.5
"""±50% where a series is too short to have shown any error."""


@dataclass(frozen=True)
class Job:
    """All that a forecast depends on, so that equal jobs have equal results."""

    series: DailySeries
    horizon: int
    events: tuple[KnownEvent, ...]
    countries: tuple[str, ...]
    settings: ForecastSettings

    def fingerprint(self) -> dict[str, object]:
        return {
            "first_day": self.series.first_day.isoformat(),
            "values": [repr(value) for value in self.series.values.tolist()],
            "horizon": self.horizon,
            "events": [event.model_dump(mode="json") for event in self.events],
            "countries": list(self.countries),
            "settings": asdict(self.settings),
        }


@dataclass(frozen=True)
class Line:
    """Expected cost with its interval for consecutive days."""

    first_day: date
    model_name: str
    expected: list[float]
    lower: list[float]
    upper: list[float]


@dataclass(frozen=True)
class Accuracy:
    """A candidate's backtest; None where there was nothing to measure."""

    model_name: str
    horizon_days: int
    folds: int
    mean_absolute_error: float | None
    mean_absolute_scaled_error: float | None
    interval_coverage: float | None
    is_chosen: bool


@dataclass(frozen=True)
class SeriesForecast:
    recent: Line
    future: Line
    accuracy: list[Accuracy]

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
        return cls(**lines, accuracy=[Accuracy(**row) for row in content["accuracy"]])


def needs_prophet(job: Job) -> bool:
    """Will Prophet compete? Only such jobs are worth a process of their own."""
    return kind_of(job.series.values, job.settings) == "regular" and _prophet_may_compete(job)


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


def forecast_series(job: Job) -> SeriesForecast:
    """Forecast one series the way its kind asks for."""
    kind = kind_of(job.series.values, job.settings)
    if kind in ("zero", "stopped"):
        return _silent(job, kind)
    return {"short": _short, "intermittent": _intermittent, "regular": _regular}[kind](job)


# ── silent series ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _silent(job: Job, kind: str) -> SeriesForecast:
    """Nothing is expected. While a stop is younger than two weeks, late data or a restart stay possible."""
    values, settings = job.series.values, job.settings
    ceiling = 0.0
    if kind == "stopped":
        silent = int(values.size - 1 - np.flatnonzero(values)[-1])
        if silent < 2 * settings.silent_days:
            ceiling = max(float(np.median(values[values.size - silent - 28 : values.size - silent])), 0.0)
    days = job.horizon
    return SeriesForecast(
        recent=_recent_from_scan(job, _scan(job, ()), kind),
        future=Line(job.series.day(values.size), kind, [0.0] * days, [0.0] * days, [ceiling] * days),
        accuracy=[Accuracy(kind, 0, 0, None, None, None, is_chosen=True)],
    )


# ── short and intermittent series ─────────────────────────────────────────────────────────────────────────────────────


def _short(job: Job) -> SeriesForecast:
    """The mean of what there is, with a weekday effect from two weeks on.

    The interval is never narrower than ±30% and widens with distance: on one week of real LLM usage by client
    (ServeGen), bounds from the week's own errors covered 14 to 50% of the next week. The 30% was set after seeing that.
    """
    values, settings = job.series.values, job.settings
    name = "mean" if values.size < MINIMUM_TRAINING_DAYS else "weekday_level"
    scanned = _scan(job, (values.size,))
    known = scanned.knowledge[values.size]
    future = _predict(weekday_level, known, job.horizon, job)
    errors = (values - scanned.expected)[1:]
    scores = scanned.scores(values)
    scores = scores[~np.isnan(scores)]
    low, high = -UNKNOWN_SPREAD, UNKNOWN_SPREAD
    if scores.size >= 2:
        low, high = conformal_bounds(scores, settings.interval_level)
        low, high = min(low, -SHORT_SPREAD), max(high, SHORT_SPREAD)
    widen = np.sqrt(1 + np.arange(future.size) / 7)
    size = np.maximum(np.abs(future), _smallest_size(known))
    lower, upper = _ordered(future, future + low * widen * size, future + high * widen * size, known.never_negative)
    return SeriesForecast(
        recent=_recent_from_scan(job, scanned, "weekday_level"),
        future=Line(job.series.day(values.size), name, future.tolist(), lower.tolist(), upper.tolist()),
        accuracy=[_one_step_accuracy(name, values, errors)],
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
    low, high = conformal_bounds(values[-CALIBRATION_DAYS:], job.settings.interval_level)
    lower, upper = _ordered(future, np.full(days, low), np.full(days, high), known.never_negative)
    errors = np.array([values[t] - values[max(t - window, 0) : t].mean() for t in range(1, values.size)])
    return SeriesForecast(
        recent=_recent_from_scan(job, scanned, "weekday_level"),
        future=Line(job.series.day(values.size), "intermittent_mean", future.tolist(), lower.tolist(), upper.tolist()),
        accuracy=[_one_step_accuracy("intermittent_mean", values, errors[-CALIBRATION_DAYS:])],
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
        is_chosen=True,
    )


# ── regular series ────────────────────────────────────────────────────────────────────────────────────────────────────


def seasonal_naive(known: Knowledge, horizon: int) -> Floats:
    """The last week again."""
    return np.resize(known.base[-7:], horizon)


def _prophet(job: Job) -> Model:
    def model(known: Knowledge, horizon: int) -> Floats:
        return prophet_forecast(known, horizon, events=job.events, countries=job.countries, settings=job.settings)

    return model


def prophet_alone(job: Job) -> Floats:
    """Prophet's forecast of a series whether it wins or not, for comparisons."""
    return _alone(job, _prophet(job))


def rival_alone(job: Job) -> Floats:
    """The forecast of ``weekday_level`` whether it wins or not, for comparisons."""
    return _alone(job, weekday_level)


def _alone(job: Job, model: Model) -> Floats:
    count = job.series.values.size
    return _predict(model, _scan(job, (count,)).knowledge[count], job.horizon, job)


def _prophet_may_compete(job: Job) -> bool:
    return job.series.values.size >= job.settings.prophet_minimum_days


def _origins(job: Job) -> list[int]:
    """Numbers of days known at weekly origins, oldest first."""
    count, settings = job.series.values.size, job.settings
    training = settings.prophet_minimum_days // 2 if _prophet_may_compete(job) else MINIMUM_TRAINING_DAYS
    origins = [count - settings.step_days * fold for fold in range(settings.calibration_folds, 0, -1)]
    return [origin for origin in origins if origin >= training]


def _scan(job: Job, origins: Sequence[int]) -> Scan:
    series = job.series
    marks = DayMarks.of(job.events, series.first_day, series.values.size)
    return scan(series.first_day, series.values, marks, origins)


def _predict(model: Model, known: Knowledge, horizon: int, job: Job) -> Floats:
    predicted = model(known, horizon)
    if known.event_factor != 1:
        marks = DayMarks.of(job.events, known.first_day, known.raw.size + horizon)
        predicted = np.where(marks.temporary[known.raw.size :], predicted * known.event_factor, predicted)
    predicted = predicted + known.monthly_charges(horizon)
    return np.clip(predicted, 0.0, None) if known.never_negative else predicted


def _backtest(model: Model, job: Job, scanned: Scan, origins: Sequence[int], horizon: int) -> Backtest:
    values = job.series.values
    shape = (len(origins), horizon)
    predicted, actual, scale = np.full(shape, np.nan), np.full(shape, np.nan), np.ones(len(origins))
    for fold, origin in enumerate(origins):
        known = scanned.knowledge[origin]
        predicted[fold] = _predict(model, known, horizon, job)
        seen = values[origin : origin + horizon]
        actual[fold, : seen.size] = seen
        scale[fold] = _smallest_size(known)
    return Backtest(np.array(origins), predicted, actual, scale)


def _smallest_size(known: Knowledge) -> float:
    return max(0.1 * known.typical(), 1e-9)


def _regular(job: Job) -> SeriesForecast:
    """Candidates compete on the newest folds; the reference's many folds calibrate everyone's intervals."""
    series, settings = job.series, job.settings
    values = series.values
    origins = _origins(job)
    judged = origins[-settings.folds :]
    horizon = min(settings.horizon_days, values.size - judged[0])
    scanned = _scan(job, [*origins, values.size])
    reference = _backtest(weekday_level, job, scanned, origins, horizon)

    models: dict[str, Model] = {"seasonal_naive": seasonal_naive, "weekday_level": weekday_level}
    tests = {
        "seasonal_naive": _backtest(seasonal_naive, job, scanned, judged, horizon),
        "weekday_level": reference.last(len(judged)),
    }
    if _prophet_may_compete(job):
        models["prophet"] = _prophet(job)
        tests["prophet"] = _backtest(models["prophet"], job, scanned, judged, horizon)
        tests["average"] = tests["prophet"].mean_with(tests["weekday_level"])
    errors = {name: test.mean_absolute_error() for name, test in tests.items()}
    winner = _winner(errors, settings)
    calibrations = {
        name: Calibration(reference, _error_factor(errors[name], errors["weekday_level"])) for name in tests
    }

    known = scanned.knowledge[values.size]
    parts = ("prophet", "weekday_level") if winner == "average" else (winner,)
    future = np.mean([_predict(models[name], known, job.horizon, job) for name in parts], axis=0)
    lower, upper = _future_interval(calibrations[winner], future, known, settings)
    scale = seasonal_scale(values[: judged[0]])
    return SeriesForecast(
        recent=_recent(job, scanned, tests[winner], calibrations[winner], winner),
        future=Line(series.day(values.size), winner, future.tolist(), lower.tolist(), upper.tolist()),
        accuracy=[
            Accuracy(
                name,
                horizon,
                len(judged),
                errors[name],
                errors[name] / scale if scale > 0 else None,
                calibrations[name].coverage(test, settings.interval_level),
                is_chosen=name == winner,
            )
            for name, test in tests.items()
        ],
    )


def _winner(errors: dict[str, float], settings: ForecastSettings) -> str:
    """The smallest error; the average stays where nobody beats it clearly. On a tie the simpler one."""
    best = min(errors, key=lambda name: errors[name])
    average = errors.get("average")
    if average is not None and errors[best] > (1 - settings.clear_lead) * average:
        return "average"
    return best


def _error_factor(error: float, reference: float) -> float:
    """How much wider a model's intervals are than the reference's. The winner was picked for its small error, which is
    partly luck, so not less than 0.8."""
    return float(np.clip(error / reference, 0.8, 2.0)) if reference > 0 else 1.0


def _future_interval(
    calibration: Calibration, future: Floats, known: Knowledge, settings: ForecastSettings
) -> tuple[Floats, Floats]:
    """Calibrated bounds; beyond the judged horizon they widen with the square root of the distance, as a random walk
    does, since nothing was measured there."""
    low, high = calibration.bounds(settings.interval_level)
    judged = low.size
    distance = np.arange(1, future.size + 1)
    at = np.minimum(distance, judged) - 1
    widen = np.sqrt(np.maximum(distance / judged, 1.0))
    size = np.maximum(np.abs(future), _smallest_size(known))
    return _ordered(future, future + low[at] * widen * size, future + high[at] * widen * size, known.never_negative)


def _recent(job: Job, scanned: Scan, test: Backtest, calibration: Calibration, winner: str) -> Line:
    """Expectations of the last days, from whichever knew them best: the day-by-day baseline, or the winner's weekly
    refits (each day forecast at most a week ahead). Median error, so that the anomalies themselves do not choose."""
    from_scan = _recent_from_scan(job, scanned, "weekday_level")
    settings, values = job.settings, job.series.values
    weekly = test.predicted[:, : settings.step_days].reshape(-1)
    days = min(settings.expectation_days, values.size - 1)
    if winner not in ("prophet", "average") or days > weekly.size:
        return from_scan
    expected = weekly[weekly.size - days :]
    actual = values[values.size - days :]
    if np.median(np.abs(actual - expected)) > np.median(np.abs(actual - np.array(from_scan.expected))):
        return from_scan
    fold = (np.arange(values.size - days, values.size) - int(test.origins[0])) // settings.step_days
    size = np.maximum(np.abs(expected), test.scale[fold])
    lower, upper = np.empty(days), np.empty(days)
    for one in np.unique(fold):
        low, high = calibration.bounds(settings.interval_level, apart_from=int(test.origins[one]))
        lower[fold == one], upper[fold == one] = low[0], high[0]
    lower, upper = _ordered(expected, expected + lower * size, expected + upper * size, bool(values.min() >= 0))
    return Line(job.series.day(values.size - days), winner, expected.tolist(), lower.tolist(), upper.tolist())


def _recent_from_scan(job: Job, scanned: Scan, name: str) -> Line:
    """One-step-ahead expectations; each day's interval comes from the errors of the days before it."""
    values, settings = job.series.values, job.settings
    days = min(settings.expectation_days, values.size - 1)
    start = values.size - days
    scores = scanned.scores(values)
    expected = scanned.expected[start:]
    lower, upper = np.empty(days), np.empty(days)
    for index in range(days):
        t = start + index
        past = scores[max(t - CALIBRATION_DAYS, 0) : t]
        past = past[~np.isnan(past)]
        low, high = -UNKNOWN_SPREAD, UNKNOWN_SPREAD
        if past.size >= MINIMUM_TRAINING_DAYS:
            low, high = conformal_bounds(past, settings.interval_level)
        lower[index], upper[index] = expected[index] + np.array([min(low, 0.0), max(high, 0.0)]) * scanned.scale[t]
    lower, upper = _ordered(expected, lower, upper, bool(values.min() >= 0))
    return Line(job.series.day(start), name, expected.tolist(), lower.tolist(), upper.tolist())


def _ordered(expected: Floats, lower: Floats, upper: Floats, never_negative: bool) -> tuple[Floats, Floats]:
    """Bounds that hold the expectation, and are never negative for costs that never were."""
    lower, upper = np.minimum(lower, expected), np.maximum(upper, expected)
    return (np.clip(lower, 0.0, None) if never_negative else lower), upper
