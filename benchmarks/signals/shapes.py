"""The error shapes of ``models.forecast.rhythm``, measured anew.

Here: growth of errors with distance and quantiles of errors ÷ their size, on the development series.
Not here: what is done with them (models.forecast.intervals).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.evaluate.forecast import Calendar, track_of
from models.forecast.engine import backtest
from models.forecast.intervals import FEW_FOLDS, LEVELS, MANY_FOLDS, SIDES, ErrorShape, own_size, unit_of
from models.forecast.rhythm import Rhythm
from models.series import Floats

OUTLIERS = 0.995
"""Errors beyond this quantile count as it: the mean must not hang on one broken series."""


def shape_of(calendars: Sequence[Calendar], futures: Floats, rhythm: Rhythm) -> ErrorShape:
    """The shape of the blend's errors at all origins of series of one rhythm.

    Args:
        futures: series × horizon, what came after each.
    """
    horizon = futures.shape[1]
    done = backtest([track_of(one, with_prophet=False) for one in calendars], rhythm, horizon)
    unit = unit_of(done.noise)[:, :, None]
    seen = (done.blended.actual - done.blended.values) / unit
    scores = seen.copy()
    scores[:, -1] = (futures - done.blended.values[:, -1]) / unit[:, -1]
    largest = float(np.nanquantile(np.abs(scores), OUTLIERS))
    steps = np.log(np.arange(1, horizon + 1))
    lines = [np.polyfit(steps, np.log(np.nanmean(np.clip(scores * s, 0, largest), axis=(0, 1))), 1) for s in SIDES]
    size = (float(np.exp(lines[0][1])), float(np.exp(lines[1][1])))
    growth = (float(lines[0][0]), float(lines[1][0]))
    mean_error = ErrorShape(size, growth, ()).mean_error(horizon)
    factor, known = own_size(done.batch, seen, mean_error)
    ratios = []
    for low, high in ((0.0, FEW_FOLDS), (FEW_FOLDS, MANY_FOLDS), (MANY_FOLDS, np.inf)):
        chosen = (known >= low) & (known < high) & (done.batch.origins >= 0)
        chosen[:, 0] = False
        if high == FEW_FOLDS and chosen[:, -1].any():
            # First folds know more than a short history does: what a series' spread is was measured on later days too.
            chosen[:, :-1] = False
        pair = []
        for number, side in enumerate(SIDES):
            relative = (scores * side / (mean_error[number] * factor[number]))[chosen]
            relative = relative[np.isfinite(relative)]
            one, two = (np.quantile(relative, (1 + level) / 2) for level in LEVELS)
            pair.append((round(float(one), 2), round(float(two), 2)))
        ratios.append((pair[0], pair[1]))
    rounded = [tuple(round(value, 3) for value in pair) for pair in (size, growth)]
    return ErrorShape((rounded[0][0], rounded[0][1]), (rounded[1][0], rounded[1][1]), tuple(ratios))
