"""The Numenta Anomaly Benchmark: its series, its windows, its score.

Here: reading the corpus, scoring alerts as NAB does (Lavin & Ahmad 2015; nab/sweeper.py and scorer.py of numenta/NAB).
Not here: the detector.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.series import Floats

PROBATION = 0.15
PROBATION_ROWS = 750
TRIED_THRESHOLDS = 300


@dataclass(frozen=True)
class Labelled:
    """One series; ``windows`` are first and last row of each labelled anomaly."""

    name: str
    seconds: NDArray[np.int64]
    values: Floats
    windows: list[tuple[int, int]]

    @property
    def probation(self) -> int:
        """Rows at the beginning that are not judged."""
        return int(min(PROBATION * self.values.size, PROBATION_ROWS))


@dataclass(frozen=True)
class Costs:
    """A profile's weights of a missed window and of a false row; a found window counts 1."""

    missed: float
    false: float


@dataclass(frozen=True)
class NabScore:
    """``normalised``: 0 is a detector that says nothing, 100 one that finds every window at its start."""

    normalised: float
    threshold: float
    found: int
    windows: int
    false_rows: int


def read_corpus(folder: Path) -> list[Labelled]:
    """Every series that is labelled and there."""
    labels = json.loads((folder / "labels" / "combined_windows.json").read_text(encoding="utf-8"))
    return [_read(folder / "data" / name, name, labels[name]) for name in sorted(labels)
            if (folder / "data" / name).exists()]  # fmt: skip


def _read(path: Path, name: str, labelled: list[list[str]]) -> Labelled:
    frame = pd.read_csv(path)
    times = pd.to_datetime(frame["timestamp"])
    order = np.argsort(times.to_numpy(), kind="stable")
    index = pd.DatetimeIndex(times.to_numpy()[order])
    windows = [
        (int(index.searchsorted(pd.Timestamp(a), "left")), int(index.searchsorted(pd.Timestamp(b), "right")) - 1)
        for a, b in labelled
    ]
    return Labelled(name, index.as_unit("s").asi8.copy(), frame["value"].to_numpy(np.float64)[order], windows)


def read_profiles(folder: Path) -> dict[str, Costs]:
    told = json.loads((folder / "config" / "profiles.json").read_text(encoding="utf-8"))
    return {
        name: Costs(profile["CostMatrix"]["fnWeight"], profile["CostMatrix"]["fpWeight"])
        for name, profile in told.items()
    }


def nab_score(corpus: Sequence[Labelled], scores: Sequence[Floats], costs: Costs, threshold: float | None) -> NabScore:
    """The score at ``threshold``; with None, at the one threshold that suits the whole corpus best, as NAB takes it."""
    said, worth, window = [], [], []
    windows = 0
    for one, given in zip(corpus, scores, strict=True):
        value, number = _worth(one)
        kept = slice(one.probation, None)
        inside = number[kept]
        windows += np.unique(inside[inside >= 0]).size
        said.append(given[kept])
        worth.append(value[kept])
        window.append(np.where(inside >= 0, inside + 1000 * len(said), -1))
    every, values, of = np.concatenate(said), np.concatenate(worth), np.concatenate(window)

    def at(bound: float) -> NabScore:
        hit = every >= bound
        false = hit & (of < 0)
        best = pd.Series(values[hit & (of >= 0)]).groupby(of[hit & (of >= 0)]).max()
        raw = costs.false * values[false].sum() + best.sum() - costs.missed * (windows - len(best))
        nothing = -costs.missed * windows
        normalised = 100 * (raw - nothing) / (windows - nothing) if windows else float("nan")
        return NabScore(float(normalised), bound, len(best), windows, int(false.sum()))

    if threshold is not None:
        return at(threshold)
    tried = np.unique(np.round(every[every > 0], 4))
    if tried.size > TRIED_THRESHOLDS:
        tried = tried[np.linspace(0, tried.size - 1, TRIED_THRESHOLDS).astype(int)]
    return max((at(float(bound)) for bound in [*tried, 1.1]), key=lambda score: score.normalised)


def _worth(one: Labelled) -> tuple[Floats, NDArray[np.int64]]:
    """What an alert in each row counts before weights, and the window that the row is in (−1: in none)."""
    size = one.values.size
    rows = np.arange(size)
    worth = np.full(size, -1.0)
    number = np.full(size, -1, dtype=np.int64)
    for index, (first, last) in enumerate(one.windows):
        length = last - first + 1
        inside = rows[first : last + 1]
        worth[inside] = _sigmoid(-(last - inside + 1) / length) / _sigmoid(np.array(-1.0))
        number[inside] = index
        following = one.windows[index + 1][0] if index + 1 < len(one.windows) else size
        after = rows[last + 1 : following]
        worth[after] = _sigmoid((after - last) / max(length - 1, 1))
    return worth, number


def _sigmoid(position: Floats) -> Floats:
    return np.where(position > 3, -1.0, 2 / (1 + np.exp(5 * np.minimum(position, 50.0))) - 1)
