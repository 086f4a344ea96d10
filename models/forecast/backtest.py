"""Judging models on the past: rolling origins, scaled errors, conformal intervals.

Here: errors by fold, MASE's yardstick, interval bounds from backtest errors, their honest coverage.
Not here: the models.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.series import Floats

SEASON = 7
BAND_DAYS = 7
"""Errors are pooled by week of distance: day 3 and day 5 ahead err alike, day 3 and day 25 do not."""


@dataclass(frozen=True)
class Backtest:
    """One model's forecasts from several origins, oldest first. Arrays are folds × horizon; ``actual`` is NaN where
    history ends."""

    origins: NDArray[np.int64]
    predicted: Floats
    actual: Floats
    scale: Floats
    """Per fold, the smallest size of a day's cost by which an error is divided: noise grows with cost."""

    @property
    def scored(self) -> NDArray[np.bool_]:
        return ~np.isnan(self.actual)

    @property
    def horizon(self) -> int:
        return int(self.actual.shape[1])

    def last(self, folds: int) -> Backtest:
        newest = slice(max(len(self.origins) - folds, 0), None)
        return Backtest(self.origins[newest], self.predicted[newest], self.actual[newest], self.scale[newest])

    def mean_with(self, other: Backtest) -> Backtest:
        """The model that averages two models."""
        return replace(self, predicted=(self.predicted + other.predicted) / 2)

    def mean_absolute_error(self) -> float:
        return float(np.abs(self.actual - self.predicted)[self.scored].mean())

    def scores(self) -> Floats:
        """(actual − predicted) ÷ the size of the predicted day."""
        return (self.actual - self.predicted) / np.maximum(np.abs(self.predicted), self.scale[:, None])


@dataclass(frozen=True)
class Calibration:
    """Interval bounds for a model: the errors of a cheap reference over many folds, times how the model's error
    compares with the reference's.

    Seven folds of the model itself are too few: on ten real series they covered 60% of the days where 80% were
    promised; half a year of folds of the reference covered 78%. This was chosen on those series; on windows kept apart
    it covered less (``benchmarks/README.md``): no backtest promises anything for a series that changes its habits.
    """

    reference: Backtest
    factor: float

    def bounds(self, level: float, *, apart_from: int | None = None) -> tuple[Floats, Floats]:
        """Lower and upper score for each day of the horizon; never narrower with distance.

        Conformal quantiles of the pooled scores of each week of distance. Days of one fold err together, so the
        finite-sample correction (n+1)/n counts folds, not days (Vovk et al., "Algorithmic learning in a random
        world"; Romano, Patterson & Candès 2019 for separate tails).

        Args:
            apart_from: leave out the folds that share days with the fold from this origin, as far as others remain.
        """
        scores, scored = self.reference.scores(), self.reference.scored
        if apart_from is not None:
            distance = np.abs(self.reference.origins - apart_from)
            for gap in (self.reference.horizon, 1):
                if (distance >= gap).any():
                    scores, scored = scores[distance >= gap], scored[distance >= gap]
                    break
        lower, upper = np.zeros(self.reference.horizon), np.zeros(self.reference.horizon)
        low = high = 0.0
        for start in range(0, self.reference.horizon, BAND_DAYS):
            band = slice(start, start + BAND_DAYS)
            pool = scores[:, band][scored[:, band]]
            if pool.size:
                band_low, band_high = conformal_bounds(pool, level, independent=len(scores))
                low, high = min(low, band_low), max(high, band_high)
            lower[band], upper[band] = low, high
        return lower * self.factor, upper * self.factor

    def coverage(self, test: Backtest, level: float) -> float:
        """Share of a model's backtest days inside the bounds that other folds gave."""
        scores, scored = test.scores(), test.scored
        inside = 0
        for fold, origin in enumerate(test.origins):
            lower, upper = self.bounds(level, apart_from=int(origin))
            width = test.horizon
            inside += int(((scores[fold] >= lower[:width]) & (scores[fold] <= upper[:width]))[scored[fold]].sum())
        return inside / int(scored.sum())


def conformal_bounds(scores: Floats, level: float, *, independent: int | None = None) -> tuple[float, float]:
    """The two quantiles between which a new score falls with probability ``level``, corrected for a finite sample of
    ``independent`` observations (all scores where absent)."""
    count = independent or scores.size
    tail = min((count + 1) / count * (1 + level) / 2, 1.0)
    low, high = np.quantile(scores, [1 - tail, tail])
    return float(low), float(high)


def seasonal_scale(values: Floats) -> float:
    """MASE's yardstick: mean absolute error of "as a week ago" within the training days (Hyndman & Koehler 2006)."""
    if values.size <= SEASON:
        return 0.0
    return float(np.abs(values[SEASON:] - values[:-SEASON]).mean())
