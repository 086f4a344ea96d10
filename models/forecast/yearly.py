"""A candidate that knows the year: a regression on yearly waves, the season's places and a bending trend.

Here: what it would have said at every backtest origin of series that are long enough.
Not here: Prophet, which is fitted far less often because one fit costs a hundred times as much.

The trend is only there so that growth is not taken for a wave: what is forecast is the recent level, carried along
the year.
"""

from __future__ import annotations

import numpy as np

from models.series import Floats

WAVES = 5
"""Pairs of sine and cosine: shapes down to about ten weeks. Shorter ones are noise in two or three years."""

BEND_EVERY_SHARE = 0.5
"""A new slope each half year."""

RIDGE_WAVE = 0.1
RIDGE_BEND = 2.0
MINIMUM_YEARS = 1.1
"""One year and five weeks; blending trusts it only where its backtest, which needs as much, is good."""

LEVEL_HALF_LIFE_SEASONS = 1.5


def year_forecasts(values: Floats, origins: list[int], horizon: int, season: int, year: float) -> Floats:
    """Forecasts of one series (NaN gaps, no leading ones) from each origin: origins × horizon, NaN where it is too
    short."""
    said = np.full((len(origins), horizon), np.nan)
    enough = [index for index, origin in enumerate(origins) if origin >= MINIMUM_YEARS * year]
    if not enough:
        return said
    points = values.size
    design, penalty = _design(points + horizon, season, year)
    known = np.isfinite(values)
    filled = np.where(known, values, 0.0)
    columns = design.shape[1]
    gram, target = np.zeros((columns, columns)), np.zeros(columns)
    done = 0
    memory = 0.5 ** (1 / (LEVEL_HALF_LIFE_SEASONS * season)) if season > 1 else 0.5 ** (1 / 3)
    bends = columns - 2 * WAVES - max(season, 1)
    for index in sorted(enough, key=lambda one: origins[one]):
        origin = origins[index]
        part = design[done:origin] * known[done:origin, None]
        gram += part.T @ part
        target += part.T @ filled[done:origin]
        done = origin
        ridge = penalty * origin
        coefficients = np.linalg.solve(gram + np.diag(ridge), target)
        shape = design[: origin + horizon, bends:] @ coefficients[bends:]
        weight = memory ** np.arange(origin)[::-1] * known[:origin]
        level = float((weight * (filled[:origin] - shape[:origin])).sum() / weight.sum())
        said[index] = level + shape[origin:]
    return said


def _design(points: int, season: int, year: float) -> tuple[Floats, Floats]:
    time = np.arange(points) / year
    bends = np.arange(0.0, time[-1], BEND_EVERY_SHARE)
    trend = np.stack([np.maximum(time - bend, 0.0) for bend in bends], axis=1)
    places = np.eye(max(season, 1))[np.arange(points) % max(season, 1)]
    angle = 2 * np.pi * np.outer(time, np.arange(1, WAVES + 1))
    waves = np.concatenate([np.sin(angle), np.cos(angle)], axis=1)
    order = np.tile(np.arange(1, WAVES + 1) ** 2.0, 2)
    penalty = np.concatenate(
        [np.full(bends.size, RIDGE_BEND * 0.01), np.full(places.shape[1], 1e-6), RIDGE_WAVE * order / 10]
    )
    penalty[0] = 1e-6
    return np.concatenate([trend, places, waves], axis=1), penalty
