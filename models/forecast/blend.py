"""How much each candidate is trusted, from how wrong it was before.

Here: weights of the candidates at every backtest origin, from errors known by then; the blended forecast.
Not here: the candidates (experts, yearly, Prophet), intervals.

Why a blend and not the winner: on the development series of ``benchmarks/signals`` the winner of a backtest errs 0.98
as much as repeating the last season, the blend 0.91. The gap between good candidates is mostly luck.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from models.forecast.experts import Batch, Flags
from models.series import Floats

SHARPNESS = 10.0
"""Weight = (error ÷ best error)^-10: 10% worse counts a third, 30% worse a tenth."""

MEMORY = 0.9
"""Weight of a fold against the next newer one."""

DOUBT_FOLDS = 3.0
"""Folds' worth of belief that every candidate is as good as repeating the last season."""

BANDS = 4
"""Near and far days have weights of their own: the newest level is good tomorrow, the profile next month."""

SMALLEST_WEIGHT = 0.005


@dataclass(frozen=True)
class Blend:
    """``values`` and ``actual`` are rows × folds × horizon, ``weights`` rows × candidates × bands at the last fold,
    ``scores`` rows × candidates: mean absolute error over all folds (NaN without one)."""

    values: Floats
    actual: Floats
    weights: Floats
    scores: Floats


def actuals(batch: Batch) -> Floats:
    """What came after each origin: rows × folds × horizon, NaN where nothing is known."""
    place = batch.origins[:, :, None] + np.arange(batch.horizon)
    inside = (place < batch.points) & (batch.origins[:, :, None] >= 0)
    rows = np.arange(batch.rows)[:, None, None]
    return np.where(inside, batch.values[rows, np.minimum(place, batch.points - 1)], np.nan)


def band_edges(horizon: int) -> list[tuple[int, int]]:
    edges = np.linspace(0, horizon, min(BANDS, horizon) + 1).round().astype(int)
    return [(int(start), int(stop)) for start, stop in pairwise(edges)]


def blend(batch: Batch, predicted: Floats, floor: int) -> Blend:
    """Combine candidates (rows × candidates × folds × horizon) at every fold.

    Args:
        floor: the candidate that always has something to say, against which the others are measured.
    """
    actual = actuals(batch)
    error = np.abs(predicted - actual[:, None])
    bands = band_edges(batch.horizon)
    own, yardstick, usable = _band_errors(error, floor, bands)
    folds = batch.origins.shape[1]
    values = np.full(actual.shape, np.nan)
    weights = np.zeros((batch.rows, predicted.shape[1], len(bands)))
    for fold in range(folds):
        here = batch.origins[:, fold] >= 0
        if not here.any():
            continue
        weights[here] = _weights(batch, own[here], yardstick[here], usable[here], here, fold, bands)
        said = predicted[:, :, fold]
        can = np.isfinite(said).all(axis=2)
        for number, (start, stop) in enumerate(bands):
            share = np.where(can & here[:, None], weights[:, :, number], 0.0)
            total = share.sum(axis=1, keepdims=True)
            share = np.where(total > 0, share / np.where(total > 0, total, 1.0), 0.0)
            share[(total[:, 0] == 0) & here, floor] = 1.0
            share = np.where(share < SMALLEST_WEIGHT, 0.0, share)
            share /= np.maximum(share.sum(axis=1, keepdims=True), 1e-12)
            mixed = np.einsum("rk,rkh->rh", share, np.nan_to_num(said[:, :, start:stop]))
            values[here, fold, start:stop] = mixed[here]
            weights[here, :, number] = share[here]
    scored = np.isfinite(error)
    count = scored.sum(axis=(2, 3))
    scores = np.where(count > 0, np.where(scored, error, 0.0).sum(axis=(2, 3)) / np.maximum(count, 1), np.nan)
    return Blend(values, actual, weights, scores)


def _band_errors(error: Floats, floor: int, bands: list[tuple[int, int]]) -> tuple[Floats, Floats, Flags]:
    """Mean absolute error by candidate, fold and band, the floor's on the same points, and where both are known."""
    shape = (*error.shape[:3], len(bands))
    own, yardstick, usable = np.zeros(shape), np.zeros(shape), np.zeros(shape, dtype=np.bool_)
    for number, (start, stop) in enumerate(bands):
        part, base = error[..., start:stop], error[:, floor : floor + 1, :, start:stop]
        both = np.isfinite(part) & np.isfinite(base)
        count = np.maximum(both.sum(axis=3), 1)
        own[..., number] = np.where(both, part, 0.0).sum(axis=3) / count
        yardstick[..., number] = np.where(both, np.broadcast_to(base, part.shape), 0.0).sum(axis=3) / count
        usable[..., number] = both.sum(axis=3) > (stop - start) / 2
    return own, yardstick, usable


def _weights(
    batch: Batch, own: Floats, yardstick: Floats, usable: Flags, here: Flags, fold: int, bands: list[tuple[int, int]]
) -> Floats:
    """Rows × candidates × bands, from the folds whose days lie before this fold's origin."""
    origins = batch.origins[here]
    stops = np.array([stop for _, stop in bands])
    seen = (origins[:, :fold, None] + stops <= origins[:, fold, None, None]) & (origins[:, :fold, None] >= 0)
    age = MEMORY ** np.arange(fold, 0, -1)
    weight = np.where(usable[:, :, :fold] & seen[:, None], age[None, None, :, None], 0.0)
    sum_own, sum_floor = (weight * own[:, :, :fold]).sum(axis=2), (weight * yardstick[:, :, :fold]).sum(axis=2)
    count = weight.sum(axis=2)
    pooled = _shrunk(sum_own.sum(axis=2), sum_floor.sum(axis=2), count.sum(axis=2) / len(bands), 0.0)
    ratio = _shrunk(sum_own, sum_floor, count, pooled[:, :, None])
    best = ratio.min(axis=1, keepdims=True)
    share = np.exp(-SHARPNESS * (ratio - best))
    return share / share.sum(axis=1, keepdims=True)


def _shrunk(own: Floats, floor: Floats, count: Floats, prior: Floats | float) -> Floats:
    """Logarithm of error ÷ the floor's error, drawn towards ``prior``."""
    rest = tuple(range(1, own.ndim))
    size = np.maximum(own.max(axis=rest, keepdims=True), floor.max(axis=rest, keepdims=True)) * 1e-9 + 1e-12
    ratio = np.clip(np.log((own + size) / (floor + size)), -2.0, 2.0)
    return (count * ratio + DOUBT_FOLDS * prior) / (count + DOUBT_FOLDS)
