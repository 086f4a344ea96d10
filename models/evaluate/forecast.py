"""Forecasts of the series in a CSV: the engine of the product on anybody's numbers.

Here: putting a series on a regular calendar, its future times, rows out.
Not here: the forecasts (models.forecast.engine).
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from models.evaluate.long_csv import LongCsvError, TimedSeries, read_long_csv
from models.forecast.beginning import began_at
from models.forecast.engine import Outlook, Track, outlooks
from models.forecast.prophet_model import prophet_candidate
from models.forecast.rhythm import BUSINESS_DAILY, DAILY, MONTHLY, Rhythm, rhythm_of
from models.forecast.settings import ForecastSettings
from models.series import Floats

COLUMNS = ("series", "ds", "mean", "lo80", "hi80", "lo95", "hi95")
POINTS = 1200
"""The newest points that are looked at: older habits say little, and time grows with length."""

WORKERS = 2
POOL_FROM_SERIES = 16
CHUNK = 50


@dataclass(frozen=True)
class Calendar:
    """A series on all the times it should have; NaN where it has none."""

    times: pd.DatetimeIndex
    values: Floats
    rhythm: Rhythm
    offset: Any
    """A step that pandas can make ranges of."""

    def future(self, horizon: int) -> pd.DatetimeIndex:
        last = self.times[-1]
        if isinstance(self.offset, pd.Timedelta):
            return pd.DatetimeIndex([last + self.offset * step for step in range(1, horizon + 1)])
        return pd.date_range(last, periods=horizon + 1, freq=self.offset)[1:]


def evaluate_forecast(input_file: Path, horizon: int, output_file: Path) -> None:
    """Forecast every series of ``input_file`` by ``horizon`` of its own steps into ``output_file``.

    Raises:
        LongCsvError: the file cannot be read as series, or one of them has no value.
    """
    every = read_long_csv(input_file, "y")
    for one in every:
        if not one.values.size:
            raise LongCsvError(f"{input_file}: series {one.name} has no value in column y. Remove it or fill one in")
    calendars = [calendar_of(one) for one in every]
    results = forecast_calendars(calendars, horizon)
    with output_file.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for one, calendar, outlook in zip(every, calendars, results, strict=True):
            writer.writerows(_rows(one.name, calendar, outlook))


def forecast_calendars(calendars: list[Calendar], horizon: int, *, with_prophet: bool = True) -> list[Outlook]:
    """Series of one rhythm together, in two processes where there are many."""
    groups: dict[str, list[int]] = {}
    for index, calendar in enumerate(calendars):
        groups.setdefault(calendar.rhythm.name, []).append(index)
    parts = [group[start : start + CHUNK] for group in groups.values() for start in range(0, len(group), CHUNK)]
    work = [([calendars[index] for index in part], horizon, with_prophet) for part in parts]
    if len(calendars) < POOL_FROM_SERIES:
        done = [_part(one) for one in work]
    else:
        with ProcessPoolExecutor(WORKERS, mp_context=get_context("spawn")) as pool:
            done = list(pool.map(_part, work))
    result: dict[int, Outlook] = {}
    for part, found in zip(parts, done, strict=True):
        result.update(zip(part, found, strict=True))
    return [result[index] for index in range(len(calendars))]


def _part(work: tuple[list[Calendar], int, bool]) -> list[Outlook]:
    calendars, horizon, with_prophet = work
    return outlooks([track_of(one, with_prophet) for one in calendars], calendars[0].rhythm, horizon)


def track_of(calendar: Calendar, with_prophet: bool) -> Track:
    """The series as the engine takes it, with Prophet as a candidate where it is daily and long enough."""
    slow = {}
    settings = ForecastSettings()
    first = began_at(calendar.values, calendar.rhythm)
    values = calendar.values[first:]
    if with_prophet and calendar.rhythm == DAILY and values.size >= settings.prophet_minimum_days:
        day = calendar.times[first].date()
        slow["prophet"] = prophet_candidate(values, day, events=(), countries=(), settings=settings)
    return Track(values, slow=slow)


def calendar_of(series: TimedSeries) -> Calendar:
    """The series on a regular calendar that its commonest step makes, without times on which it never is.

    Daily series without any value on a weekend in four weeks and more are forecast for working days only.
    """
    rhythm = rhythm_of(series.step)
    offset: Any = series.step
    times = series.ds
    if rhythm is MONTHLY:
        offset = pd.offsets.MonthEnd() if bool(times.is_month_end.all()) else pd.DateOffset(months=1)
        full = pd.date_range(times[0], times[-1], freq=offset)
    elif rhythm is DAILY and times.size >= 20 and bool((times.day_of_week < 5).all()):
        rhythm, offset = BUSINESS_DAILY, pd.offsets.BDay()
        full = pd.date_range(times[0], times[-1], freq=offset)
    else:
        full = pd.date_range(times[0], times[-1], freq=offset)
    place = full.get_indexer(times, method="nearest")
    values = np.full(full.size, np.nan)
    values[place] = series.values
    return Calendar(full[-POINTS:], values[-POINTS:], rhythm, offset)


def _rows(name: str, calendar: Calendar, outlook: Outlook) -> Iterator[tuple[str, ...]]:
    times = calendar.future(outlook.expected.size)
    midnight = bool((times == times.normalize()).all())
    for step, time in enumerate(times):
        numbers = (
            outlook.expected[step], outlook.lower[0.8][step], outlook.upper[0.8][step],
            outlook.lower[0.95][step], outlook.upper[0.95][step],
        )  # fmt: skip
        yield (name, time.strftime("%Y-%m-%d" if midnight else "%Y-%m-%d %H:%M:%S"), *(f"{x:.10g}" for x in numbers))
