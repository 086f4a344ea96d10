"""How wrong a forecast may be: intervals from backtest errors, and whole futures drawn from them.

Here: the size of a series' errors by distance and side, bounds that hold what they promise, paths.
Not here: the forecasts (blend), adding series up (reconcile).

Split conformal prediction (Vovk et al., "Algorithmic learning in a random world"; two tails as in Romano, Patterson &
Candès 2019) with the errors of many series pooled: a series has at most a few dozen folds, too few for its own 2.5%
quantile, so it brings the size of its errors, and the development series of ``benchmarks/signals`` bring the growth
with distance and the ratio of a quantile to that size. A series alone in a file gets the same interval as in company.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.forecast.blend import Blend, band_edges
from models.forecast.experts import Batch
from models.series import Floats

LEVELS = (0.8, 0.95)
DOUBT_FOLDS = 6.0
"""Folds' worth of belief that errors are as large as those of other series of this rhythm."""

MEMORY = 0.95
"""Weight of a season against the next newer one."""

LARGEST = 6.0
"""An error counts as so many times the rhythm's mean at most: a storm or a step is one event, not the size of every
day's error. On the development series none, 12, 8, 6, 4 gave Winkler scores of 8.21, 7.81, 7.77, 7.74, 7.69 at 80%
with as many days inside (4: fewer)."""

FEW_FOLDS, MANY_FOLDS = 3.0, 8.0

SIDES = (1.0, -1.0)

CAUTION = (1.02, 1.12)
"""By level: the newest days err more than the folds that the shapes were measured on (0.937 of the daily
development series' newest days lay inside what held 0.95 of their folds)."""


@dataclass(frozen=True)
class ErrorShape:
    """What the development series say about a rhythm. For above and below: ``size`` × steps ** ``growth`` is the mean
    error ÷ one-step spread; ``ratios`` are the 80% and the 95% bound ÷ that mean, with few, some and many folds."""

    size: tuple[float, float]
    growth: tuple[float, float]
    ratios: tuple[tuple[tuple[float, float], tuple[float, float]], ...]

    def mean_error(self, horizon: int) -> Floats:
        """2 sides × horizon."""
        steps = np.arange(1, horizon + 1)
        return np.stack([size * steps**growth for size, growth in zip(self.size, self.growth, strict=True)])


@dataclass(frozen=True)
class Bounds:
    """rows × folds × horizon; ``size`` is sides × rows × folds × horizon, the mean error above and below."""

    lower: dict[float, Floats]
    upper: dict[float, Floats]
    size: Floats
    never_negative: NDArray[np.bool_]


def bounds(batch: Batch, blended: Blend, noise: Floats, shape: ErrorShape) -> Bounds:
    """Bounds of every fold, from the errors that were known at its origin."""
    unit = unit_of(noise)
    with np.errstate(invalid="ignore"):
        scores = (blended.actual - blended.values) / unit[:, :, None]
    mean_error = shape.mean_error(batch.horizon)
    factor, folds_known = own_size(batch, scores, mean_error)
    size = factor * mean_error[:, None, None, :] * unit[None, :, :, None]
    kind = np.digitize(folds_known, [FEW_FOLDS, MANY_FOLDS])
    ratios = np.array(shape.ratios)  # folds' kind × side × level
    never_negative = np.nanmin(batch.values, axis=1) >= 0
    lower, upper = {}, {}
    for number, level in enumerate(LEVELS):
        wide = ratios[kind, :, number] * CAUTION[number]
        above = blended.values + wide[:, :, 0, None] * size[0]
        below = blended.values - wide[:, :, 1, None] * size[1]
        lower[level] = np.where(never_negative[:, None, None], np.maximum(below, 0.0), below)
        upper[level] = above
    return Bounds(lower, upper, size, never_negative)


def unit_of(noise: Floats) -> Floats:
    """Between the spread of now and the usual one: a calm week after a storm is no promise."""
    with np.errstate(invalid="ignore"):
        usual = np.nanmedian(np.where(noise > 0, noise, np.nan), axis=1)[:, None]
    usual = np.where(np.isfinite(usual), usual, 1e-9)
    return np.sqrt(np.maximum(np.nan_to_num(noise), 1e-3 * usual) * usual)


def own_size(batch: Batch, scores: Floats, mean_error: Floats) -> tuple[Floats, Floats]:
    """How much larger than the rhythm's a series' errors are: sides × rows × folds × horizon; and on how many folds
    that rests: rows × folds.

    Folds less than a season apart see nearly the same days: they count as the part of a season that lies between them.
    """
    rows, folds, horizon = scores.shape
    bands = band_edges(horizon)
    factor = np.ones((2, rows, folds, horizon))
    known = np.zeros((rows, folds))
    steps = np.arange(1, horizon + 1)
    origins = batch.origins
    part = fold_part(batch)
    for fold in range(1, folds):
        past = scores[:, :fold]
        seen = np.isfinite(past) & (origins[:, :fold, None] >= 0)
        seen &= origins[:, :fold, None] + steps <= origins[:, fold][:, None, None]
        weight = (part * MEMORY ** (part * np.arange(fold, 0, -1)))[:, :, None] * seen
        known[:, fold] = weight[:, :, : bands[0][1]].sum(axis=(1, 2)) / bands[0][1]
        for number, side in enumerate(SIDES):
            relative = weight * np.clip(np.nan_to_num(past) * side / mean_error[number], 0.0, LARGEST)
            everything = (relative.sum(axis=(1, 2)) / horizon + DOUBT_FOLDS) / (
                weight.sum(axis=(1, 2)) / horizon + DOUBT_FOLDS
            )
            for start, stop in bands:
                width = stop - start
                error = relative[:, :, start:stop].sum(axis=(1, 2)) / width
                count = weight[:, :, start:stop].sum(axis=(1, 2)) / width
                factor[number, :, fold, start:stop] = ((error + DOUBT_FOLDS * everything) / (count + DOUBT_FOLDS))[
                    :, None
                ]
    return factor, known


def fold_part(batch: Batch) -> Floats:
    """Of each row the part of a season between two folds, 1 at most: rows × 1."""
    season = max(batch.seasons[0], 2)
    apart = np.where(batch.origins[:, -2] >= 0, batch.origins[:, -1] - batch.origins[:, -2], season)
    return np.minimum(apart / season, 1.0)[:, None]
