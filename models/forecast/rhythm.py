"""What a series' step means for forecasting it: seasons, the year, how often it is backtested, how its errors grow.

Here: rhythms and the choice of one by step. The error shapes were measured on the development half of
``benchmarks/signals`` (command ``forecast-shapes`` prints them anew).
Not here: calendars of future times (evaluate, run).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from models.forecast.intervals import ErrorShape

DAY = pd.Timedelta(days=1)
WEEK = pd.Timedelta(days=7)


@dataclass(frozen=True)
class Rhythm:
    name: str
    seasons: tuple[int, ...]
    """In points, short to long; (1,) where nothing repeats within a year."""
    year: float
    """Points of a year; 0 where a series is never long enough to show one."""
    errors: ErrorShape

    @property
    def first_origin(self) -> int:
        """Points needed before a backtest makes sense."""
        return max(2 * self.seasons[0], 14)

    @property
    def naive_year(self) -> int:
        """A year in whole seasons, so that Mondays fall on Mondays."""
        return round(self.year / self.seasons[0]) * self.seasons[0] if self.year else 0

    def origins(self, points: int, folds: int) -> list[int]:
        """Numbers of points known at up to ``folds`` backtest origins, oldest first.

        A season apart where the history allows, closer where it is short, two seasons apart where it is long, so that
        a whole year is judged.
        """
        season = max(self.seasons[0], 2)
        step = int(np.clip((points - self.first_origin) // 12, 1, season))
        if self.year and points > 600 and season == 7:
            step = 2 * season
        places = [points - step * fold for fold in range(folds, 0, -1)]
        return [place for place in places if place >= self.first_origin]


DAILY_ERRORS = ErrorShape(
    size=(0.419, 0.374),
    growth=(0.305, 0.258),
    ratios=(((3.46, 6.24), (3.28, 6.84)), ((3.44, 7.00), (3.82, 9.46)), ((3.27, 5.96), (3.47, 8.58))),
)
HOURLY_ERRORS = ErrorShape(
    size=(0.421, 0.353),
    growth=(0.130, 0.227),
    ratios=(((3.26, 6.83), (2.67, 5.82)), ((4.02, 10.22), (3.44, 10.88)), ((3.41, 9.91), (2.55, 4.67))),
)
WEEKLY_ERRORS = ErrorShape(
    size=(0.378, 0.358),
    growth=(0.393, 0.465),
    ratios=(((4.72, 7.16), (4.64, 10.80)), ((3.42, 6.84), (4.61, 10.01)), ((3.70, 6.86), (3.66, 9.82))),
)

DAILY = Rhythm("daily", (7,), 365.25, DAILY_ERRORS)
BUSINESS_DAILY = Rhythm("business-daily", (5,), 260.9, DAILY_ERRORS)
WEEKLY = Rhythm("weekly", (1,), 52.18, WEEKLY_ERRORS)
MONTHLY = Rhythm("monthly", (12,), 0.0, WEEKLY_ERRORS)


def rhythm_of(step: pd.Timedelta) -> Rhythm:
    """Daily and longer steps by name; below a day, the day and the week are seasons where the step divides them."""
    if step > 3 * WEEK:
        return MONTHLY
    if step >= 5 * DAY:
        return WEEKLY
    if step >= 0.9 * DAY:
        return DAILY
    if DAY % step == pd.Timedelta(0):
        day = int(DAY / step)
        return Rhythm(f"{day} a day", (day, 7 * day), 0.0, HOURLY_ERRORS)
    return Rhythm("irregular", (1,), 0.0, HOURLY_ERRORS)
