"""What a day normally costs: a weekday profile times the recent level, learnt day by day.

Here: the expectation of each day from the days before it, robust against spikes, aware of level changes, monthly
charges and known events. It is both a rival of Prophet and the yardstick of anomaly detection.
Not here: choosing between models (forecast), deciding what is an anomaly (anomaly).

Why not a plain moving average: one runaway job would be forecast to come back every week, and the monthly support
plan would be an anomaly on every first of the month.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np

from models.events import DayMarks
from models.series import Floats

PROFILE_WEEKS = 8
"""Weeks behind the weekday profile; its median ignores three odd ones."""

FULL_TRUST_WEEKS = 6
"""With fewer weeks than this, the profile is drawn towards 1."""

LEVEL_DAYS = 21
LEVEL_HALF_LIFE_DAYS = 5.0
"""Half of the level's weight lies in the last week."""

NEW_LEVEL_AFTER_DAYS = 4
"""A deviation in one direction becomes the new normal on its fourth day; a shorter one was a spike. Long weekends and
most runaway jobs are over by then."""

OUTLIER_SPREADS = 5.0
OUTLIER_MIN_SHARE = 0.4
SMALLEST_SPREAD = 0.05
"""A day is odd beyond 5 robust spreads and 40% of its expectation; the spread is at least 5%."""

SPREAD_DAYS = 56
MONTHLY_LOOKBACK = 3


@dataclass(frozen=True)
class Knowledge:
    """What is known after the last of ``len(raw)`` days."""

    first_day: date
    raw: Floats
    base: Floats
    """``raw`` without spikes and without monthly charges."""
    break_index: int
    """First day of the present level."""
    charges: dict[int, float]
    """Day of the month → extra cost expected on it."""
    event_factor: float
    """Actual ÷ normal on the days seen so far of a temporary event that is on; 1 where none is."""

    @property
    def never_negative(self) -> bool:
        return bool(self.raw.min(initial=0.0) >= 0)

    def future_days(self, horizon: int) -> list[date]:
        return [self.first_day + timedelta(days=len(self.raw) + step) for step in range(horizon)]

    def monthly_charges(self, horizon: int) -> Floats:
        return np.array([self.charges.get(day.day, 0.0) for day in self.future_days(horizon)])

    def typical(self) -> float:
        """Mean absolute cost of a day in the last four weeks."""
        return float(np.abs(self.base[-LEVEL_DAYS:]).mean()) if self.base.size else 0.0


@dataclass(frozen=True)
class Scan:
    """``expected[t]`` uses days before ``t`` only (NaN on the first day); ``scores`` = (actual − expected) ÷ scale."""

    expected: Floats
    scale: Floats
    is_odd: np.ndarray
    knowledge: dict[int, Knowledge]

    def scores(self, values: Floats) -> Floats:
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(self.scale > 0, (values - self.expected) / self.scale, np.nan)


@dataclass
class _Charges:
    """Excess over normal by day of the month, to recognise what comes once a month."""

    seen: dict[int, dict[int, float]] = field(default_factory=dict)

    def record(self, day: date, excess: float) -> None:
        self.seen.setdefault(day.day, {})[day.year * 12 + day.month] = excess

    def forget(self, day: date) -> None:
        self.seen.get(day.day, {}).pop(day.year * 12 + day.month, None)

    def on(self, day: date) -> float:
        """Median of at least two similar excesses on this day of the last three months, else 0."""
        months = self.seen.get(day.day)
        if not months:
            return 0.0
        month = day.year * 12 + day.month
        recent = [months[m] for m in range(month - MONTHLY_LOOKBACK, month) if months.get(m, 0.0) > 0]
        if len(recent) < 2 or max(recent) > 2.5 * min(recent):
            return 0.0
        return float(np.median(recent))

    def all_on(self, after: date) -> dict[int, float]:
        """Day of month → charge in the month that follows ``after``."""
        charges = {}
        for step in range(31):
            day = after + timedelta(days=step)
            if day.day not in charges and (amount := self.on(day)):
                charges[day.day] = amount
        return charges


def weekday_profile(base: Floats, weeks: int = PROFILE_WEEKS) -> Floats:
    """Factor of each of the next 7 days (index 0 = the day after ``base``) over the mean of its week.

    Median over up to ``weeks`` weeks, drawn towards 1 while there are few of them.
    """
    count = min(weeks, base.size // 7)
    if count < 2:
        return np.ones(7)
    block = base[base.size - 7 * count :].reshape(count, 7)
    means = block.mean(axis=1)
    usable = means > 0
    if usable.sum() < 2:
        return np.ones(7)
    ratios = block[usable] / means[usable, None]
    profile = _median(ratios)
    mean = profile.mean()
    if mean <= 0:
        return np.ones(7)
    trust = 1.0 if usable.sum() >= FULL_TRUST_WEEKS else usable.sum() / (usable.sum() + 1.0)
    if (profile == 0).any() and count >= 3:
        trust = 1.0  # a weekday that never costs anything is a fact, not noise
    return 1 + (profile / mean - 1) * trust


def _median(values: Floats) -> Floats:
    """Along the first axis. ``np.median`` does the same and takes five times as long on the few values here, for which
    it is asked three times a day of every series."""
    ordered = np.sort(values, axis=0)
    count = len(ordered)
    middle: Floats = (ordered[(count - 1) // 2] + ordered[count // 2]) / 2
    return middle


def recent_level(base: Floats, profile: Floats, break_index: int) -> float:
    """Weighted mean of the days since the last level change, weekday effect taken out."""
    start = max(base.size - LEVEL_DAYS, min(break_index, base.size - 1), 0)
    recent = base[start:]
    factor = profile[(np.arange(start, base.size) - base.size) % 7]
    usable = factor > 0.1
    if not usable.any():
        return float(recent.mean()) if recent.size else 0.0
    age = base.size - np.arange(start, base.size)[usable]
    weight = 0.5 ** (age / LEVEL_HALF_LIFE_DAYS)
    # Weighting by the factor as well keeps a near-zero weekday from shouting: Σ w·x ÷ Σ w·factor.
    return float((weight * recent[usable]).sum() / (weight * factor[usable]).sum())


def weekday_level(known: Knowledge, horizon: int) -> Floats:
    """Profile × level for the days after ``known``, without monthly charges."""
    profile = weekday_profile(known.base)
    level = recent_level(known.base, profile, known.break_index)
    return level * np.resize(profile, horizon)


def scan(first_day: date, values: Floats, marks: DayMarks, origins: Collection[int]) -> Scan:
    """Walk through a series once, expecting each day from the days before it.

    Args:
        marks: as long as ``values``.
        origins: numbers of days after which the state is kept, for forecasts from there.
    """
    count = values.size
    expected = np.full(count, np.nan)
    scale = np.zeros(count)
    is_odd = np.zeros(count, dtype=np.bool_)
    base = np.zeros(count)
    relative = np.zeros(count)
    charges = _Charges()
    knowledge: dict[int, Knowledge] = {}
    wanted = set(origins)
    break_index = 0
    run_start, run_sign = -1, 0
    event_factors: list[float] = []
    never_negative = True

    for t in range(count):
        day = first_day + timedelta(days=t)
        actual = values[t]
        if t == 0:
            base[t] = actual
        else:
            profile = weekday_profile(base[:t])
            normal = recent_level(base[:t], profile, break_index) * profile[0]
            if never_negative:
                normal = max(normal, 0.0)
            charge = charges.on(day)
            expected[t] = normal + charge
            recent = np.abs(base[max(t - LEVEL_DAYS, 0) : t])
            scale[t] = max(abs(normal), 0.1 * float(recent.mean()))
            spread = SMALLEST_SPREAD
            if t >= 8:
                spread = max(spread, 1.4826 * float(_median(relative[max(t - SPREAD_DAYS, 1) : t])))
            limit = max(OUTLIER_SPREADS * spread * scale[t], OUTLIER_MIN_SHARE * abs(normal))
            surplus = actual - normal
            if charge and abs(surplus - charge) < abs(surplus):
                charges.record(day, surplus)
                surplus -= charge
            relative[t] = min(abs(surplus) / scale[t], 1e6) if scale[t] > 0 else 0.0
            odd = abs(surplus) > limit and t >= 7
            is_odd[t] = odd
            if odd and surplus > 0 and not charge:
                charges.record(day, surplus)
            base[t] = normal + surplus
            if not odd:
                run_start, run_sign = -1, 0
            elif marks.temporary[t]:
                base[t] = normal
            elif marks.transition[t]:
                break_index = t
                run_start, run_sign = -1, 0
            else:
                sign = 1 if surplus > 0 else -1
                if sign != run_sign:
                    run_start, run_sign = t, sign
                if t - run_start + 1 >= NEW_LEVEL_AFTER_DAYS:
                    base[run_start : t + 1] = values[run_start : t + 1]
                    for index in range(run_start, t + 1):
                        charges.forget(first_day + timedelta(days=index))
                    break_index = run_start
                    run_start, run_sign = -1, 0
                else:
                    base[t] = normal
            if marks.temporary[t]:
                event_factors.append(actual / normal if normal > 0 else 1.0)
            else:
                event_factors = []
        never_negative = never_negative and actual >= 0
        if t + 1 in wanted:
            knowledge[t + 1] = Knowledge(
                first_day=first_day,
                raw=values[: t + 1],
                base=base[: t + 1].copy(),
                break_index=break_index,
                charges=charges.all_on(day + timedelta(days=1)),
                event_factor=float(np.median(event_factors)) if event_factors else 1.0,
            )
    return Scan(expected, scale, is_odd, knowledge)
