"""The forecasting engine: regular series in, expectations with calibrated intervals and drawn futures out.

Here: arranging series of one rhythm in batches, and the order of things: candidates, blend, intervals, scores.
It knows neither money nor files: the product's daily cost (one_series) and any CSV (``models.evaluate``) go through it.
Not here: the parts themselves (experts, yearly, blend, intervals, paths).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from models.forecast.blend import Blend, blend
from models.forecast.experts import Batch, Flags, may_take_logarithms, predict
from models.forecast.intervals import LEVELS, Bounds, bounds
from models.forecast.rhythm import Rhythm
from models.forecast.yearly import year_forecasts
from models.series import Floats

FOLDS = 26
"""Backtest origins: half a year of weeks for most daily series."""

BATCH_ROWS = 150
FLOOR = "seasonal_naive"
BLEND = "blend"
SCORED_POINTS = 28

SlowCandidate = Callable[[list[int], int], Floats]
"""From (numbers of points known, horizon) to forecasts: origins × horizon; NaN where it has nothing to say."""


@dataclass(frozen=True)
class Track:
    """One series: ``values`` with NaN for gaps; ``jumps`` marks points at which a known event may move its level."""

    values: Floats
    jumps: Flags | None = None
    slow: dict[str, SlowCandidate] = field(default_factory=dict)
    """Candidates that cost much, asked at few origins."""


@dataclass(frozen=True)
class Score:
    """A candidate's backtest over the first points of the horizon; None where there was nothing to measure."""

    name: str
    folds: int
    mean_absolute_error: float | None
    scaled_error: float | None
    """÷ the in-sample error of repeating the last season (Hyndman & Koehler 2006)."""
    weight: float
    coverage: float | None
    coverage_95: float | None
    """Shares of the points inside the intervals; None for a candidate, which has none of its own."""


@dataclass(frozen=True)
class Outlook:
    """One series' forecast. ``residuals`` (folds × horizon, newest fold last) are backtest errors ÷ their mean size,
    NaN where the truth is not known; row i of two series of one rhythm and length is of the same days."""

    expected: Floats
    lower: dict[float, Floats]
    upper: dict[float, Floats]
    residuals: Floats
    scores: list[Score]
    scored_points: int
    candidates: dict[str, Floats]
    """What each candidate alone expects, for comparisons."""


def outlooks(tracks: Sequence[Track], rhythm: Rhythm, horizon: int) -> list[Outlook]:
    """Forecast series of one rhythm. The result of a series does not depend on the others beside it.

    Raises:
        ValueError: a series has no value at all.
    """
    result: dict[int, Outlook] = {}
    order = sorted(range(len(tracks)), key=lambda index: tracks[index].values.size)
    for start in range(0, len(order), BATCH_ROWS):
        chosen = order[start : start + BATCH_ROWS]
        result.update(zip(chosen, _some([tracks[index] for index in chosen], rhythm, horizon), strict=True))
    return [result[index] for index in range(len(tracks))]


def _some(tracks: Sequence[Track], rhythm: Rhythm, horizon: int) -> list[Outlook]:
    done = backtest(tracks, rhythm, horizon)
    ranges = bounds(done.batch, done.blended, done.noise, rhythm.errors)
    return [_outlook(done, row, ranges, rhythm) for row in range(len(tracks))]


@dataclass(frozen=True)
class Backtest:
    """What all candidates and their blend said at every origin of some series; the last fold is the forecast."""

    batch: Batch
    names: list[str]
    predicted: Floats
    """rows × candidates × folds × horizon"""
    blended: Blend
    noise: Floats
    """rows × folds: the one-step spread"""


def backtest(tracks: Sequence[Track], rhythm: Rhythm, horizon: int) -> Backtest:
    """Ask every candidate at every origin, and blend them by what was known there.

    Raises:
        ValueError: a series has no value at all.
    """
    batch = _batch(tracks, rhythm, horizon)
    quick = predict(batch)
    names = list(quick.names)
    said = [quick.values]
    slow_names = list(dict.fromkeys(name for track in tracks for name in track.slow))
    if rhythm.year:
        names.append("year")
        said.append(_yearly(batch, rhythm)[:, None])
    for name in slow_names:
        names.append(name)
        said.append(_slow(batch, tracks, name)[:, None])
    predicted = np.concatenate(said, axis=1)
    never_negative = np.nanmin(batch.values, axis=1) >= 0
    predicted = np.where(never_negative[:, None, None, None], np.maximum(predicted, 0.0), predicted)
    return Backtest(batch, names, predicted, blend(batch, predicted, names.index(FLOOR)), quick.noise)


def _batch(tracks: Sequence[Track], rhythm: Rhythm, horizon: int) -> Batch:
    rows, points = len(tracks), max(track.values.size for track in tracks)
    values, jumps = np.full((rows, points), np.nan), np.zeros((rows, points), dtype=np.bool_)
    starts = np.zeros(rows, dtype=np.int64)
    origins = np.full((rows, FOLDS + 1), -1, dtype=np.int64)
    for row, track in enumerate(tracks):
        count = track.values.size
        if not np.isfinite(track.values).any():
            raise ValueError("a series without any value cannot be forecast: leave it out")
        first = points - count
        starts[row] = first
        values[row, first:] = track.values
        if track.jumps is not None:
            jumps[row, first:] = track.jumps
        places = rhythm.origins(count, FOLDS)
        origins[row, FOLDS - len(places) : FOLDS] = np.array(places, dtype=np.int64) + first
        origins[row, -1] = points
    seasons = rhythm.seasons
    return Batch(values, starts, jumps, seasons, rhythm.naive_year, origins, horizon)


def _yearly(batch: Batch, rhythm: Rhythm) -> Floats:
    said = np.full((batch.rows, batch.origins.shape[1], batch.horizon), np.nan)
    positive = may_take_logarithms(batch.values)
    for row in range(batch.rows):
        first = int(batch.starts[row])
        values = batch.values[row, first:]
        origins = [int(origin) - first if origin >= 0 else -1 for origin in batch.origins[row]]
        if positive[row]:
            logarithms = year_forecasts(np.log(values), origins, batch.horizon, rhythm.seasons[0], rhythm.year)
            said[row] = np.exp(np.minimum(logarithms, np.log(np.nanmax(values)) + 1.5))
        else:
            said[row] = year_forecasts(values, origins, batch.horizon, rhythm.seasons[0], rhythm.year)
    return said


def _slow(batch: Batch, tracks: Sequence[Track], name: str) -> Floats:
    said = np.full((batch.rows, batch.origins.shape[1], batch.horizon), np.nan)
    for row, track in enumerate(tracks):
        if name in track.slow:
            first = int(batch.starts[row])
            folds = np.flatnonzero(batch.origins[row] >= 0)
            origins = (batch.origins[row, folds] - first).tolist()
            said[row, folds] = track.slow[name](origins, batch.horizon)
    return said


def _outlook(done: Backtest, row: int, ranges: Bounds, rhythm: Rhythm) -> Outlook:
    batch, names, predicted, blended = done.batch, done.names, done.predicted[row], done.blended
    used = batch.origins[row, :-1] >= 0
    error = blended.actual[row, :-1][used] - blended.values[row, :-1][used]
    size = np.where(error >= 0, ranges.size[0, row, :-1][used], ranges.size[1, row, :-1][used])
    lower = {level: ranges.lower[level][row, -1] for level in LEVELS}
    upper = {level: ranges.upper[level][row, -1] for level in LEVELS}
    return Outlook(
        expected=blended.values[row, -1],
        lower=lower,
        upper=upper,
        residuals=error / np.maximum(size, 1e-12),
        scores=_scores(batch, row, names, predicted, blended, ranges, rhythm),
        scored_points=min(batch.horizon, SCORED_POINTS),
        candidates={name: predicted[index, -1] for index, name in enumerate(names)},
    )


def _scores(
    batch: Batch, row: int, names: Sequence[str], predicted: Floats, blended: Blend, ranges: Bounds, rhythm: Rhythm
) -> list[Score]:
    judged = min(batch.horizon, SCORED_POINTS)
    actual = blended.actual[row, :, :judged]
    known = np.isfinite(actual)
    values = batch.values[row, int(batch.starts[row]) :]
    season = rhythm.seasons[0]
    change = np.abs(values[season:] - values[:-season]) if values.size > season else np.zeros(0)
    scale = float(np.nanmean(change)) if np.isfinite(change).any() else 0.0
    weights = blended.weights[row].mean(axis=1)

    def score(
        name: str, said: Floats, weight: float, covered: tuple[float | None, float | None] = (None, None)
    ) -> Score:
        both = known & np.isfinite(said)
        folds = int(both.any(axis=1).sum())
        error = float(np.abs(actual - said)[both].mean()) if folds else None
        scaled = error / scale if error is not None and scale > 0 else None
        return Score(name, folds, error, scaled, weight, *covered)

    def share_inside(level: float) -> float | None:
        inside = (actual >= ranges.lower[level][row, :, :judged]) & (actual <= ranges.upper[level][row, :, :judged])
        return float(inside[known].mean()) if known.any() else None

    covered = (share_inside(LEVELS[0]), share_inside(LEVELS[1]))
    result = [score(BLEND, blended.values[row, :, :judged], 1.0, covered)]
    for index, name in enumerate(names):
        if np.isfinite(predicted[index, -1]).any():
            result.append(score(name, predicted[index, :, :judged], float(weights[index])))
    return result
