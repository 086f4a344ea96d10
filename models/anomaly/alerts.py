"""From evidence row by row to alerts: one contiguous alert a cause.

Here: how much evidence is an alert, when the next one may start, how long it is marked; numbers in, numbers out.
Not here: the evidence (stream), money (detectors, intraday).

A row's answer depends on evidence up to it only. Kinds of evidence add up: a jump that is also the highest value ever
and starts a shift is more than each alone. Every alert raises the bar for the next for a while, so that a series that
keeps surprising is no stream of alerts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.anomaly.stream import CHANNELS, DAY_SECONDS, Evidence
from models.series import Floats

KINDS = (
    ("above", "below"), ("shift_up", "shift_down"), ("drift_up", "drift_down"), ("wild",), ("calm",), ("stuck",),
    ("highest", "lowest"), ("grown", "shrunk"),
)  # fmt: skip
"""Channels that contradict each other; the stronger one counts."""


@dataclass(frozen=True)
class AlertRule:
    """Evidence is in powers of ten, weights are by ``KINDS``; ``benchmarks/signals`` says how they were chosen."""

    weights: tuple[float, ...]
    norm: float
    """1: evidence adds up; the higher, the more the largest counts alone."""
    threshold: float
    raised_by: float
    """What an alert adds to the threshold of the next."""
    raised_at_most: float
    fades_in_days: float
    """After this long, 37% of what was added is left."""
    pause_days: float
    """After an alert none starts for this long, unless its evidence is far stronger."""
    stronger_by: float
    holds_at: float
    """Share of the threshold above which an alert goes on."""
    longest: int
    """Rows marked at most: what lasts is the new normal."""


WATCHED = AlertRule(
    weights=(1.0, 1.14, 0.92, 0.68, 0.33, 1.15, 2.6, 0.0), norm=1.0, threshold=4.7, raised_by=0.65, raised_at_most=8.65,
    fades_in_days=22.8, pause_days=0.5, stronger_by=4.5, holds_at=2.1, longest=2,
)  # fmt: skip
"""What scores are made of where steps are shorter than a day: eager, for whoever sets an own threshold."""
WITHIN_HOURS = replace(WATCHED, threshold=7.0)
"""Steps of minutes: marks are short, because a false one costs what a found one earns."""
HOURLY = AlertRule(
    weights=(1.0, 1.05, 1.0, 0.4, 0.2, 0.2, 1.9, 1.0), norm=3.0, threshold=3.9, raised_by=0.8, raised_at_most=2.1,
    fades_in_days=1.4, pause_days=0.1, stronger_by=1.0, holds_at=0.43, longest=24,
)  # fmt: skip
DAILY = AlertRule(
    weights=(1.0, 1.16, 1.0, 1.18, 0.22, 0.4, 3.1, 0.0), norm=1.0, threshold=4.5, raised_by=3.1, raised_at_most=6.3,
    fades_in_days=6.0, pause_days=2.0, stronger_by=2.3, holds_at=0.3, longest=5,
)  # fmt: skip


@dataclass(frozen=True)
class Alerts:
    """``scores`` lie in 0..1: above 0.5 where something begins that is worth watching, more for more evidence, less
    for the rest of it. ``is_anomaly`` asks for more evidence than that."""

    scores: Floats
    is_anomaly: NDArray[np.bool_]


@dataclass(frozen=True)
class _Episode:
    start: int
    end: int
    excess: float
    """Evidence above the threshold of its time, where it starts."""


def strength(found: Evidence, rule: AlertRule) -> Floats:
    """How much the evidence of every row weighs together."""
    columns = [found.tails[:, [CHANNELS.index(name) for name in kind]].max(axis=1) for kind in KINDS]
    return _together(np.stack(columns, axis=1).astype(np.float64), rule)


def directed_strength(found: Evidence, rule: AlertRule, *, is_up: bool) -> Floats:
    """As ``strength``, without what speaks for the other direction."""
    columns = [found.tails[:, CHANNELS.index(kind[0] if is_up else kind[-1])].astype(np.float64) for kind in KINDS]
    return _together(np.stack(columns, axis=1), rule)


def _together(columns: Floats, rule: AlertRule) -> Floats:
    weighed: Floats = ((columns * np.array(rule.weights)) ** rule.norm).sum(axis=1) ** (1 / rule.norm)
    return weighed


def alerts(found: Evidence, step_seconds: float) -> Alerts:
    """Scores and marks of one series whose rows lie ``step_seconds`` apart."""
    if step_seconds > 0.75 * DAY_SECONDS:
        watched = marked = DAILY
    else:
        watched, marked = WATCHED, HOURLY if step_seconds >= DAY_SECONDS / 30 else WITHIN_HOURS
    weight = strength(found, watched)
    scores = np.clip(0.4 * weight / watched.threshold, 0.0, 0.4)
    for episode in _episodes(weight, watched, step_seconds):
        scores[episode.start : episode.end + 1] = 0.4
        scores[episode.start] = 1 - 0.5 * 2 ** (-episode.excess / 2)
    is_anomaly = np.zeros(weight.size, dtype=np.bool_)
    for episode in _episodes(strength(found, marked), marked, step_seconds):
        is_anomaly[episode.start : episode.end + 1] = True
    return Alerts(scores, is_anomaly)


def _episodes(weight: Floats, rule: AlertRule, step_seconds: float) -> list[_Episode]:
    rows_a_day = DAY_SECONDS / max(step_seconds, 1.0)
    fade = max(rule.fades_in_days * rows_a_day, 10.0)
    pause = max(3, int(rule.pause_days * rows_a_day))
    holds = rule.holds_at * rule.threshold
    result: list[_Episode] = []
    raised, raised_at, quiet_until, peak = 0.0, 0, -1, 0.0
    previous = -2  # the last row with evidence enough to hold an episode that is on
    for row in np.flatnonzero(weight >= min(holds, rule.threshold)).tolist():
        now = float(weight[row])
        if row == previous + 1:
            peak, previous, quiet_until = max(peak, now), row, row + pause
            last = result[-1]
            if now >= holds and row == last.end + 1 and row - last.start < rule.longest:
                result[-1] = replace(last, end=row)
            continue
        extra = raised * float(np.exp((raised_at - row) / fade))
        if now - extra >= rule.threshold and (row > quiet_until or now > peak + rule.stronger_by):
            result.append(_Episode(row, row, now - extra - rule.threshold))
            raised, raised_at = min(extra + rule.raised_by, rule.raised_at_most), row
            peak, previous, quiet_until = now, row, row + pause
    return result
