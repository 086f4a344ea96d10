"""Real series for judging forecasts, cut into cases: what is known at a cutoff, and what came after it.

Here: reading the public data sets, which half of them rules may be chosen on, cutoffs and lengths of history.
Not here: forecasting and scoring.

Series of one origin (a city's buses and its metro) are never split over both halves: what suits one suits the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from models.series import Floats

HORIZONS = {"D": 28, "h": 48, "W": 8}
HISTORY_POINTS = (1200, 400, 120, 800, 60, 200)
"""Lengths of history in turn, because nobody knows how much a new series brings."""

SHORT_HISTORY_POINTS = (21, 30, 45, 60, 90)
"""What an organisation has in its first weeks."""

PILOT_DAYS, PILOT_SHARE, PILOT_NOISE = 200, 0.02, 0.05
"""What may lie before them: subscriptions for a few people."""

MINIMUM_HISTORY = {"D": 60, "h": 168, "W": 40}
CUTOFFS = 12


@dataclass(frozen=True)
class RealSeries:
    name: str
    freq: str
    """``D``, ``h`` or ``W``."""
    is_kept_apart: bool
    values: pd.Series
    """By time, regular; NaN is a gap."""


@dataclass(frozen=True)
class Case:
    """One cutoff of one series."""

    series: RealSeries
    cutoff: int
    known: pd.Series
    future: Floats
    pilot_points: int = 0
    """Made-up points before the real ones; errors are scaled by those after them."""

    @property
    def name(self) -> str:
        return f"{self.series.name}@{self.cutoff}"


def cases(every: list[RealSeries], count: int = CUTOFFS) -> list[Case]:
    """``count`` cutoffs of each series, evenly over its days, each with a history of another length."""
    result = []
    for number, one in enumerate(every):
        horizon, first = HORIZONS[one.freq], MINIMUM_HISTORY[one.freq]
        last = len(one.values) - horizon
        places = sorted({round(place) for place in np.linspace(first, last, count)}) if last >= first else []
        for turn, cutoff in enumerate(places):
            length = HISTORY_POINTS[(turn + number) % len(HISTORY_POINTS)]
            known = one.values.iloc[max(cutoff - max(length, first), 0) : cutoff]
            future = one.values.iloc[cutoff : cutoff + horizon].to_numpy(dtype=np.float64)
            if known.notna().sum() >= 30 and np.isfinite(future).mean() > 0.5 and known.nunique() > 2:
                result.append(Case(one, cutoff, known, future))
    return result


def short_cases(
    every: list[RealSeries], points: int, count: int = CUTOFFS, *, is_after_pilot: bool = False
) -> list[Case]:
    """``count`` cutoffs of each daily series with ``points`` days of history, after a pilot's small change or none."""
    result = []
    for one in every:
        last = len(one.values) - HORIZONS[one.freq]
        if one.freq != "D" or last < points:
            continue
        for cutoff in sorted({round(place) for place in np.linspace(points, last, count)}):
            known = one.values.iloc[cutoff - points : cutoff]
            future = one.values.iloc[cutoff : cutoff + HORIZONS[one.freq]].to_numpy(dtype=np.float64)
            if known.notna().mean() <= 0.7 or np.isfinite(future).mean() <= 0.5 or known.nunique() <= 2:
                continue
            if is_after_pilot:
                result.append(Case(one, cutoff, _after_pilot(known, cutoff), future, PILOT_DAYS))
            else:
                result.append(Case(one, cutoff, known, future))
    return result


def _after_pilot(known: pd.Series, seed: int) -> pd.Series:
    noise = 1 + PILOT_NOISE * np.random.default_rng(seed).normal(size=PILOT_DAYS)
    days = pd.date_range(end=known.index[0], periods=PILOT_DAYS + 1, freq="D")[:-1]
    return pd.concat([pd.Series(known.median() * PILOT_SHARE * noise, index=days), known])


def real_series(folder: Path) -> list[RealSeries]:
    """Every series below ``folder`` (the data folder with ``forecast``, ``llm`` and ``anomaly``) that is there."""
    found = [*_daily(folder / "forecast"), *_hourly(folder)]
    weekly = [_weekly(one) for one in found if one.freq == "D" and len(one.values) >= 60 * 7]
    return [*found, *weekly]


def _daily(folder: Path) -> Iterator[RealSeries]:
    if not folder.is_dir():
        return
    prophet, others = folder / "prophet_examples", folder / "skforecast"
    yield RealSeries("pedestrians", "D", False, _read(prophet / "example_pedestrians_covid.csv", "ds", "y"))
    # Published as logarithms of page views; people forecast the views.
    yield RealSeries("Wikipedia R", "D", False, np.exp(_read(prophet / "example_wp_log_R.csv", "ds", "y")))
    yield RealSeries("Wikipedia R, log", "D", False, _read(prophet / "example_wp_log_R_outliers1.csv", "ds", "y"))
    yield RealSeries("Wikipedia Manning", "D", True, np.exp(_read(others / "wikipedia_visits.csv", "date", "y")))
    yield RealSeries(
        "Wikipedia Manning, log", "D", True, _read(prophet / "example_wp_log_peyton_manning.csv", "ds", "y")
    )
    yield RealSeries("Madrid bikes", "D", False, _read(others / "bicimad_users.csv", "date", "users"))
    for column in ("metro", "bus", "road", "train", "total"):
        yield RealSeries(f"Madrid {column}", "D", True, _read(others / "public-transport-madrid.csv", "date", column))
    flights = _read(others / "uk_daily_flights.csv", "Date", "Number of flights", "%d/%m/%Y")
    yield RealSeries("UK flights", "D", False, flights)
    visits = _read(others / "visitas_por_dia_web_cienciadedatos_2020_2021.csv", "date", "users", "%d/%m/%y")
    yield RealSeries("web visits", "D", False, visits)
    bikes = _read(others / "bike_sharing_dataset_clean.csv", "date_time", "users")
    yield RealSeries("Washington bikes", "D", True, bikes)


def _hourly(folder: Path) -> Iterator[RealSeries]:
    bikes = folder / "forecast" / "skforecast" / "bike_sharing_dataset_clean.csv"
    if bikes.is_file():
        yield RealSeries("Washington bikes", "h", True, _read(bikes, "date_time", "users", freq="h"))
    usage = folder / "llm" / "servegen" / "servegen_hourly_by_client.csv.gz"
    if usage.is_file():
        yield from _usage(usage)
    nab = folder / "anomaly" / "NAB" / "data"
    if nab.is_dir():
        taxi = _read(nab / "realKnownCause" / "nyc_taxi.csv", "timestamp", "value", freq="h")
        yield RealSeries("New York taxis", "h", True, taxi)
        yield RealSeries("New York taxis", "D", True, taxi.resample("D").sum())
        for number, path in enumerate(sorted((nab / "realTweets").glob("*.csv"))):
            name = path.stem.removeprefix("Twitter_volume_")
            yield RealSeries(f"tweets {name}", "h", number % 2 == 1, _read(path, "timestamp", "value", freq="h"))


def _usage(path: Path) -> Iterator[RealSeries]:
    """Requests of the model with two weeks of hours: all clients, and the largest 30 with requests in most hours."""
    frame = pd.read_csv(path)
    frame = frame[frame["model"] == "m-large"]
    start = pd.Timestamp("2024-01-01")  # the data set counts from 0; any Monday will do
    frame = frame.assign(
        time=start + pd.to_timedelta(frame["ts"], unit="s"), tokens=frame["requests"] * frame["output_tokens"].fillna(0)
    )
    yield RealSeries("usage, requests of all", "h", False, frame.groupby("time")["requests"].sum().asfreq("h"))
    yield RealSeries("usage, tokens of all", "h", True, frame.groupby("time")["tokens"].sum().asfreq("h"))
    clients = frame.pivot_table(index="time", columns="client_id", values="requests", aggfunc="sum").asfreq("h")
    busy = clients.loc[:, (clients > 0).mean() > 0.7]
    for number, client in enumerate(busy.sum().sort_values(ascending=False).index[:30]):
        yield RealSeries(f"usage, client {client}", "h", number % 2 == 1, busy[client])


def _weekly(one: RealSeries) -> RealSeries:
    weeks = one.values.resample("W-SUN").agg(lambda days: days.mean() * 7 if days.notna().sum() >= 5 else np.nan)
    return RealSeries(one.name, "W", one.is_kept_apart, weeks.iloc[1:-1])


def _read(path: Path, time: str, value: str, format_: str | None = None, freq: str = "D") -> pd.Series:
    frame = pd.read_csv(path, encoding="utf-8-sig")
    if format_ == "%d/%m/%Y" and len(str(frame[time].iloc[0])) != 10:
        format_ = "%d/%m/%y"
    times = pd.to_datetime(frame[time], format=format_)
    # A missing day of a page counter is a gap, not a zero.
    return frame[value].groupby(times.dt.floor(freq)).sum(min_count=1).sort_index().asfreq(freq)
