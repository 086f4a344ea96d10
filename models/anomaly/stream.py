"""What is odd in a series of any step, row by row, from nothing but the rows before.

Here: numbers and their times in, evidence per row out; many series are walked through at once.
Not here: money, thresholds that people set, alerts out of evidence (alerts), who is to blame (contributors).

Every series is expected by several rivals — its level alone, with its time of day, with its time of day on working
days and weekends, with its time of week — and each kind of oddness takes the rival that erred least lately. What a
series did before decides how odd an oddness is: the tail of every statistic is learnt from its own past, so that a
bursty series must burst harder to be news.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.series import Floats

Ints = NDArray[np.int64]

HOUR_SECONDS = 3600
DAY_SECONDS = 86_400
FIRST_MONDAY_SECONDS = 4 * DAY_SECONDS
"""1970-01-05, from which weeks are counted."""

CHANNELS = (
    "above", "below", "shift_up", "shift_down", "drift_up", "drift_down", "wild", "calm", "stuck", "highest", "lowest",
    "grown", "shrunk",
)  # fmt: skip
"""Kinds of evidence: one row off, the last few rows off, a slow creep, spread grown or gone, one value that repeats,
beyond everything seen, a multiple or a fraction of what was expected."""


@dataclass(frozen=True)
class Pace:
    """How fast a series of some step learns; every number counts rows."""

    warm_up: int
    level: float
    short: float
    long: float
    spread: float
    unshaped: float
    """Errors of the first rows, made before the day's shape was known, are forgotten after as many."""
    settle: int
    """Rows off in one direction after which the level follows fast."""
    day_slots: int
    day_gain: float
    """How much of what is new a slot of the day learns at least."""
    unit: float
    """Typical sizes up to which differences count as they are; beyond it, by their ratio."""

    @classmethod
    def of(cls, step_seconds: float) -> Pace:
        if step_seconds > 0.75 * DAY_SECONDS:
            return cls(
                warm_up=14, level=14.0, short=4.5, long=7.0, spread=56.0, unshaped=0, settle=8, day_slots=1,
                day_gain=0.12, unit=3.0,
            )  # fmt: skip
        per_day = max(DAY_SECONDS / max(step_seconds, 60.0), 2.0)
        is_coarse = per_day <= 30
        return cls(
            warm_up=12 if is_coarse else int(min(per_day, 144)),
            level=float(np.clip(per_day * 1.5, 12, 432)),
            short=float(np.clip(per_day / 12, 3, 12)),
            long=float(np.clip(per_day / 2, 6, 144)),
            spread=float(max(per_day * 14, 24) if is_coarse else min(per_day * 3, 576)),
            unshaped=2 * per_day if is_coarse else 0,
            settle=int(np.clip(per_day / 3, 4, 48)),
            day_slots=int(np.clip(round(per_day), 2, 288)),
            day_gain=0.06 if is_coarse else 0.12,
            unit=1.5 if is_coarse else 15.0,
        )


STEP_ROWS = 12
"""Rows that a step is known from: fewer than any series warms up with, so that later rows change no earlier answer."""


def step_of(seconds: Ints) -> float:
    """The commonest distance of a series' first rows in seconds; a day where there is only one row."""
    distances = np.diff(seconds[:STEP_ROWS])
    distances = distances[distances > 0]
    if not distances.size:
        return float(DAY_SECONDS)
    sizes, counts = np.unique(distances, return_counts=True)
    return float(sizes[counts.argmax()])


@dataclass(frozen=True)
class Evidence:
    """Per row of one series; NaN or 0 while the series warms up."""

    expected: Floats
    spread: Floats
    """One robust standard deviation around ``expected``, in the series' unit."""
    surprise: Floats
    """−log10 of how rare the oddest statistic is, by the series' own past; 0 while warming up."""
    channel: Ints
    """Index into ``CHANNELS`` of the oddest statistic."""
    tails: NDArray[np.float32]
    """−log10 of the rarity of every channel: one row a row, one column a channel."""


def evidence(series: Sequence[tuple[Ints, Floats]], steps_seconds: Sequence[float]) -> list[Evidence]:
    """Evidence for each of ``series``: (seconds since 1970 in ascending order, finite values).

    A row's evidence depends on rows up to it only, and not on the other series. Values times a positive constant give
    the same ``surprise``.
    """
    found: dict[int, Evidence] = {}
    by_pace: dict[Pace, list[int]] = {}
    for number, step in enumerate(steps_seconds):
        by_pace.setdefault(Pace.of(step), []).append(number)
    parts: list[tuple[Pace, list[int]]] = []
    for pace, members in by_pace.items():
        members.sort(key=lambda number: (-series[number][0].size, number))
        parts += [(pace, members[first : first + AT_A_TIME]) for first in range(0, len(members), AT_A_TIME)]

    def walk(pace: Pace, part: list[int]) -> list[Evidence]:
        steps = np.array([max(float(steps_seconds[number]), 1.0) for number in part])
        return _walk([series[number] for number in part], steps, pace)

    with ThreadPoolExecutor(WALKERS) as pool:
        for (_, part), walked in zip(parts, pool.map(walk, *zip(*parts, strict=True)) if parts else (), strict=True):
            found.update(zip(part, walked, strict=True))
    return [found[number] for number in range(len(series))]


WALKERS = 2
AT_A_TIME = 1000
"""Series walked through together: their state fits the processor's cache."""
OUTLIER = 3.0
"""Spreads at which a row's pull on level, profile and spread is cut off."""
SMALLEST_SPREAD = 0.004
TAIL = 0.015
"""Share of a statistic's past above its learnt threshold."""
TAIL_PRIOR = 0.16
TAIL_PRIOR_ROWS = 12.0
TAIL_MEMORY_ROWS = 60.0
RARE_AT_MOST = 12.0
EXPERTS = 4
RATIO_FLOOR = 0.1
"""Part of a unit added to both sides of a ratio, so that small amounts make no large ones."""
RATIO_LARGEST = 4.0
RATIO_SPANS = np.array([1.0, 3.0])


class _Walk:
    """The state of series that are walked through together; one row of every array belongs to one series."""

    def __init__(self, count: int, pace: Pace, first: Floats) -> None:
        self.pace = pace
        day, week = pace.day_slots, 7 if pace.day_slots == 1 else 168
        self.offsets = np.array([0, 1, 1 + day, 1 + 3 * day], dtype=np.int64)
        slots = 1 + day + 2 * day + week
        self.profile = np.zeros((count, slots))
        self.profile_rows = np.zeros((count, slots))
        self.bands = min(day, 24) if day > 1 else 7
        center = np.median(first, axis=1)
        noise = np.maximum(1.4826 * np.median(np.abs(first - center[:, None]), axis=1), SMALLEST_SPREAD)
        jump = np.maximum(np.median(np.abs(np.diff(first, axis=1)), axis=1), SMALLEST_SPREAD)
        self.level = np.repeat(center[:, None], EXPERTS, axis=1)
        self.last_off = np.repeat((first[:, -1] - center)[:, None], EXPERTS, axis=1)
        self.last = first[:, -1].copy()
        self.off_size = np.repeat(noise[:, None], EXPERTS, axis=1)
        self.next_size = np.repeat(jump[:, None], EXPERTS, axis=1)
        self.product = np.repeat((0.3 * noise**2)[:, None], EXPERTS, axis=1)
        self.square = np.repeat((noise**2)[:, None], EXPERTS, axis=1)
        self.band = np.ones((count, self.bands))
        self.band_rows = np.zeros((count, self.bands))
        self.means = np.zeros((count, 2))
        self.mean_size = np.stack([noise / 2, noise / 2], axis=1)
        self.recent_size = jump.copy()
        self.wild_size = np.full(count, 0.3)
        self.ratios = np.zeros((count, 2))
        self.ratio_size = np.full((count, 2), 0.25)
        self.repeats = np.zeros(count)
        self.repeat_share = np.full(count, 0.1)
        self.high = first.max(axis=1)
        self.low = first.min(axis=1)
        self.rows = np.zeros(count)
        self.one_sided = np.zeros(count)
        channels = len(CHANNELS)
        self.tail_from = np.full((count, channels), np.log1p(2.4))
        self.tail_length = np.full((count, channels), TAIL_PRIOR)
        self.tail_rows = np.zeros((count, channels))

    def advance(
        self, n: int, y: Floats, day_slot: Ints, weekend: Ints, week_slot: Ints, gap: NDArray[np.bool_]
    ) -> tuple[Floats, Floats, Floats]:
        """One row of the first ``n`` series; expected level, spread and the rarity of every channel."""
        pace = self.pace
        index = np.arange(n)
        young = np.minimum(self.rows[:n], pace.spread)
        slots = (
            np.stack([np.zeros(n, dtype=np.int64), day_slot, day_slot + pace.day_slots * weekend, week_slot], axis=1)
            + self.offsets
        )
        rows = index[:, None]
        level = self.level[:n]
        profile = self.profile[rows, slots]
        profile_rows = self.profile_rows[rows, slots]
        off = y[:, None] - level - profile
        last_off = np.where(gap[:, None], 0.0, self.last_off[:n])
        memory = np.clip(self.product[:n] / np.maximum(self.square[:n], 1e-12), 0.0, 0.97)
        surprise = off - memory * last_off
        best_next = self.next_size[:n].argmin(axis=1)
        best_off = self.off_size[:n].argmin(axis=1)
        next_size = np.maximum(self.next_size[index, best_next], SMALLEST_SPREAD)
        off_size = np.maximum(self.off_size[index, best_off], SMALLEST_SPREAD)
        one = surprise[index, best_next]
        slow = off[index, best_off]
        expected = y - one

        # One row: its surprise in spreads; the spread knows the time of day.
        band_slot = (day_slot * self.bands) // pace.day_slots if pace.day_slots > 1 else week_slot
        band_rows = self.band_rows[index, band_slot]
        band = (self.band[index, band_slot] * band_rows + 12.0) / (band_rows + 12.0)
        spread = 1.2533 * next_size * band
        single = one / spread

        # The last few rows: exponential means of what is off, each against its own usual size.
        means = np.where(gap[:, None], 0.0, self.means[:n])
        cut = np.clip(slow, -4 * OUTLIER * off_size, 4 * OUTLIER * off_size)
        spans = np.array([pace.short, pace.long])
        means = means + (cut[:, None] - means) / spans
        mean_size = np.maximum(self.mean_size[:n], 0.15 * off_size[:, None])
        moved = means / (1.2533 * mean_size)

        # Spread: the recent size of surprises against the usual one.
        recent = self.recent_size[:n] + (np.minimum(np.abs(one), 6 * next_size) - self.recent_size[:n]) / max(
            2 * pace.short, 6.0
        )
        wildness = np.log((recent + 0.1 * SMALLEST_SPREAD) / next_size)
        wild = wildness / np.maximum(1.2533 * self.wild_size[:n], 0.1)

        same = (np.abs(y - self.last[:n]) < 1e-9) & ~gap
        repeats = np.where(same, self.repeats[:n] + 1, 0.0)
        stuck = np.where(self.repeat_share[:n] < 0.3, repeats * 0.5, 0.0)

        width = np.maximum(self.high[:n] - self.low[:n], 4 * next_size)
        beyond = 12.0 * (y - self.high[:n]) / width
        beneath = 12.0 * (self.low[:n] - y) / width

        # Multiples: at night as much as at noon, of this row and of the last three.
        ratios = np.where(gap[:, None], 0.0, self.ratios[:n])
        ratios = ratios + (_log_ratios(y, np.stack([expected, y - slow], axis=1)) - ratios) / RATIO_SPANS
        ratio_size = np.maximum(self.ratio_size[:n], 0.05)
        multiple = ratios / (1.2533 * ratio_size)
        statistics = np.stack(
            [
                single, -single, moved[:, 0], -moved[:, 0], moved[:, 1], -moved[:, 1],
                wild, -wild, stuck, beyond, beneath, multiple.max(axis=1), -multiple.min(axis=1),
            ],
            axis=1,
        )  # fmt: skip
        tails = self._rarity(n, np.log1p(np.maximum(statistics, 0.0)))

        # Learn.
        bound = OUTLIER * 1.2533 * np.maximum(self.off_size[:n], SMALLEST_SPREAD)
        pull = np.clip(off, -bound, bound)
        far = np.abs(slow) > 2.0 * off_size
        sign = np.sign(slow)
        streak = self.one_sided[:n]
        streak = np.where(far, np.where(streak * sign > 0, streak + sign, sign), streak * 0.5)
        self.one_sided[:n] = streak
        settled = np.abs(streak) >= pace.settle
        gain = np.where(settled[:, None], 0.25, np.maximum(1.0 / pace.level, 1.0 / (self.rows[:n, None] + 4.0)))
        shaped = np.array([0.0, 1.0, 1.0, 1.0])
        self.level[:n] = level + gain * np.where(settled[:, None], off, pull)
        slot_gain = shaped / np.maximum(profile_rows + 1.5, 0.0)
        slot_gain = np.maximum(slot_gain, shaped * np.array([0.0, pace.day_gain, pace.day_gain, 0.2]))
        slot_pull = np.where(profile_rows < 2, np.clip(off, -3 * bound, 3 * bound), pull)
        self.profile[rows, slots] = profile + slot_gain * slot_pull
        self.profile_rows[rows, slots] = profile_rows + 1
        shaped_rows = np.maximum(young - pace.unshaped, 0.0) + (16.0 if pace.unshaped else 8.0)
        rate = np.maximum(1.0 / pace.spread, 1.0 / shaped_rows)[:, None]
        self.ratios[:n] = ratios
        self.ratio_size[:n] += rate * (np.minimum(np.abs(ratios), 3.5 * ratio_size) - self.ratio_size[:n])
        next_bound = OUTLIER * 1.2533 * np.maximum(self.next_size[:n], SMALLEST_SPREAD)
        surprise_cut = np.minimum(np.abs(surprise), next_bound)
        self.next_size[:n] += rate * (surprise_cut - self.next_size[:n])
        self.off_size[:n] += rate * (np.minimum(np.abs(off), bound) - self.off_size[:n])
        last_pull = np.clip(last_off, -bound, bound)
        self.product[:n] += rate * (pull * last_pull - self.product[:n])
        self.square[:n] += rate * (pull * pull - self.square[:n])
        self.last_off[:n] = off
        ratio = np.minimum(np.abs(one) / next_size, OUTLIER * 1.2533)
        self.band[index, band_slot] += (ratio - self.band[index, band_slot]) * np.maximum(0.04, 1 / (band_rows + 2))
        self.band_rows[index, band_slot] = band_rows + 1
        self.means[:n] = means
        self.mean_size[:n] += rate * (np.minimum(np.abs(means), 3.5 * mean_size) - self.mean_size[:n])
        self.recent_size[:n] = recent
        self.wild_size[:n] += rate[:, 0] * (np.minimum(np.abs(wildness), 1.5) - self.wild_size[:n])
        self.repeats[:n] = repeats
        self.repeat_share[:n] += rate[:, 0] * (same - self.repeat_share[:n])
        fade = 0.1 / pace.spread / 10
        self.high[:n] = np.maximum(y, self.high[:n] - fade * width)
        self.low[:n] = np.minimum(y, self.low[:n] + fade * width)
        self.last[:n] = y
        self.rows[:n] += 1
        return expected, spread, tails

    def _rarity(self, n: int, size: Floats) -> Floats:
        """−log10 of each statistic's tail, from an exponential tail of its log (Hill) above a followed quantile."""
        start, length = self.tail_from[:n], self.tail_length[:n]
        excess = size - start
        over = excess > 0
        tails = np.where(over, -np.log10(TAIL) + np.where(over, excess, 0.0) / length / np.log(10), 0.0)
        seen = self.tail_rows[:n]
        # The threshold moves so that TAIL of the rows lie above it.
        pace = 0.6 * length / np.sqrt(np.minimum(seen, 400.0) + 10.0)
        moved = start + pace * np.where(over, 1.0 - TAIL, -TAIL) * 3
        self.tail_from[:n] = np.maximum(moved, np.log1p(1.5))
        rate = np.where(over, 1.0 / np.clip(seen * TAIL + TAIL_PRIOR_ROWS, 0, TAIL_MEMORY_ROWS), 0.0)
        self.tail_length[:n] = length + rate * (np.minimum(excess, 5.0 * length) - length)
        self.tail_length[:n] = np.maximum(self.tail_length[:n], 0.05)
        self.tail_rows[:n] = seen + 1
        return np.minimum(tails, RARE_AT_MOST)


def _walk(series: Sequence[tuple[Ints, Floats]], steps: Floats, pace: Pace) -> list[Evidence]:
    """Series of one pace, longest first."""
    sizes = np.array([times.size for times, _ in series])
    longest = int(sizes[0]) if sizes.size else 0
    count = len(series)
    values = np.zeros((count, longest))
    times = np.zeros((count, longest), dtype=np.int64)
    for row, (moments, numbers) in enumerate(series):
        values[row, : numbers.size] = numbers
        times[row, : moments.size] = moments
    expected = np.full((count, longest), np.nan)
    spread = np.full((count, longest), np.nan)
    tails = np.zeros((count, longest, len(CHANNELS)), dtype=np.float32)
    warm = pace.warm_up
    ready = int((sizes > warm).sum())
    if ready:
        unit = pace.unit * _typical(values[:ready, :warm])
        unknown = unit <= 0
        first = np.arcsinh(values[:ready, :warm] / np.where(unknown, 1.0, unit)[:, None])
        state = _Walk(ready, pace, first)
        since_monday = times[:ready] - FIRST_MONDAY_SECONDS
        day_slot = (since_monday % DAY_SECONDS) * pace.day_slots // DAY_SECONDS
        weekday = since_monday // DAY_SECONDS % 7
        week_slot = weekday if pace.day_slots == 1 else since_monday // HOUR_SECONDS % 168
        weekend = (weekday >= 5).astype(np.int64)
        gaps = np.diff(times[:ready], axis=1, prepend=times[:ready, :1]) > 3.5 * steps[:ready, None]
        for t in range(warm, longest):
            n = int(np.searchsorted(-sizes, -t, side="left"))
            x = values[:n, t]
            new = unknown[:n] & (x != 0)
            if new.any():  # only zeros before: the first amount is the unit
                unit[:n][new] = pace.unit * np.abs(x[new])
                unknown[:n][new] = False
            scale = np.where(unknown[:n], 1.0, unit[:n])
            y = np.arcsinh(x / scale)
            told, around, rare = state.advance(n, y, day_slot[:n, t], weekend[:n, t], week_slot[:n, t], gaps[:n, t])
            expected[:n, t] = np.sinh(np.clip(told, -30, 30)) * scale
            spread[:n, t] = around * np.sqrt(scale**2 + expected[:n, t] ** 2)
            tails[:n, t] = rare
    return [
        Evidence(
            expected[row, :size],
            spread[row, :size],
            tails[row, :size].max(axis=1).astype(np.float64) if size else np.zeros(0),
            tails[row, :size].argmax(axis=1) if size else np.zeros(0, dtype=np.int64),
            tails[row, :size],
        )
        for row, size in enumerate(sizes)
    ]


def _log_ratios(y: Floats, expected: Floats) -> Floats:
    """Logarithm of actual to each of the expected amounts; all on the scale that differences are taken on."""
    amounts = np.maximum(np.sinh(np.clip(y, -30, 30)), 0.0) + RATIO_FLOOR
    usual = np.maximum(np.sinh(np.clip(expected, -30, 30)), 0.0) + RATIO_FLOOR
    ratios: Floats = np.clip(np.log(amounts[:, None] / usual), -RATIO_LARGEST, RATIO_LARGEST)
    return ratios


def _typical(values: Floats) -> Floats:
    """Median size of what is not 0; 0 where all is."""
    sizes = np.where(values == 0, np.nan, np.abs(values))
    empty = np.isnan(sizes).all(axis=1)
    sizes[empty] = 0.0
    return np.nanmedian(sizes, axis=1)
