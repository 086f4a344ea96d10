"""Real series into which one anomaly is planted: which one, how large, where.

Here: reading daily and hourly series of the public data sets, planting (seeded), which half rules may be chosen on.
Not here: detecting and scoring.

What is planted is measured twice: in the series' own noise (one spread is the robust deviation from its weekday's or
hour's median), and in multiples of what the series was at the time.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.anomaly.stream import DAY_SECONDS, HOUR_SECONDS
from models.series import Floats

KINDS = ("spike", "shift", "drift", "drop", "storm")
SIZES = {"small": 3.0, "medium": 6.0, "large": 12.0}
"""Spreads; for a drop, what is left: 40%, 15%, nothing."""
LEFT = {"small": 0.4, "medium": 0.15, "large": 0.0}
MULTIPLES = {"small": 1.5, "medium": 2.0, "large": 4.0}
"""What a spike, a shift, a drift at its end and a storm at its worst make of each value."""
MULTIPLES_LEFT = {"small": 0.5, "medium": 0.2, "large": 0.0}
MEASURES = ("spreads", "multiples")
GROUPS = ("rhythm", "burst")
"""Series of many people, with busy days and quiet nights; single LLM clients, two weeks of bursts."""
CLIENT_GROUPS = 12
BIKE_YEARS = {2011: "bike_daily", 2012: "bike_hourly"}
"""The first year lies in the half of the daily series of bikes, which is development."""
PLACES = 4
LONG_ROWS = 672 + 504
"""Hours from which on a series is long: four weeks known, three judged."""
CLIENTS_A_HALF = 12
EPOCH = 1_704_067_200
"""2024-01-01 UTC, a Monday, for traces that only count seconds."""


@dataclass(frozen=True)
class Real:
    name: str
    seconds: NDArray[np.int64]
    values: Floats
    step: int
    group: str = "rhythm"
    family: str = ""
    """Series of one family lie in one half; without one, a series is its own."""
    labelled: tuple[tuple[int, int], ...] = ()
    """First and last second of what others have labelled as odd in it; alerts there are neither right nor false."""

    @property
    def is_development(self) -> bool:
        """Rules are chosen on this half; the other is looked at for the report only."""
        return is_development(self.half_name)

    @property
    def half_name(self) -> str:
        return self.family or self.name


@dataclass(frozen=True)
class Planted:
    """``first``..``last`` is the anomaly; rows from ``judged_from`` on are judged."""

    series: Real
    kind: str
    size: str
    measure: str
    clean: Floats
    values: Floats
    seconds: NDArray[np.int64]
    judged_from: int
    first: int
    last: int


def is_development(name: str) -> bool:
    return zlib.crc32(name.encode()) % 2 == 0


def real_series(data: Path) -> list[Real]:
    """Daily and hourly series: visits, riders, flights, and requests of LLM clients that are rarely silent."""
    return list(_daily(data)) + list(_hourly(data))


def _daily(data: Path) -> Iterator[Real]:
    prophet, skforecast = data / "forecast" / "prophet_examples", data / "forecast" / "skforecast"
    for name, is_log in (("pedestrians_covid", False), ("wp_log_peyton_manning", True), ("wp_log_R", True)):
        frame = pd.read_csv(prophet / f"example_{name}.csv")
        yield _real(name, frame["ds"], np.exp(frame["y"]) if is_log else frame["y"], DAY_SECONDS)
    frame = pd.read_csv(skforecast / "bicimad_users.csv")
    yield _real("bicimad", frame["date"], frame["users"], DAY_SECONDS)
    frame = pd.read_csv(skforecast / "public-transport-madrid.csv")
    for column in ("metro", "bus", "road", "train"):
        yield _real(f"madrid_{column}", frame["date"], frame[column], DAY_SECONDS)
    frame = pd.read_csv(skforecast / "uk_daily_flights.csv", encoding="utf-8-sig")
    yield _real("uk_flights", pd.to_datetime(frame.iloc[:, 0], dayfirst=True), frame.iloc[:, 1], DAY_SECONDS)
    frame = pd.read_csv(skforecast / "visitas_por_dia_web_cienciadedatos_2020_2021.csv")
    yield _real("visitas", pd.to_datetime(frame["date"], dayfirst=True, format="mixed"), frame["users"], DAY_SECONDS)
    frame = pd.read_csv(data / "anomaly" / "derived_daily" / "nyc_taxi_daily.csv")
    yield _real("taxi_daily", frame["date"], frame["value"], DAY_SECONDS)
    frame = pd.read_csv(skforecast / "bike_sharing_dataset_clean.csv")
    by_day = frame.groupby(pd.to_datetime(frame["date_time"]).dt.normalize())["users"].sum()
    yield _real("bike_daily", by_day.index.to_series(), by_day, DAY_SECONDS)


def _hourly(data: Path) -> Iterator[Real]:
    frame = pd.read_csv(data / "forecast" / "skforecast" / "bike_sharing_dataset_clean.csv")
    # One year for either half: without it, development would know no long series of hours.
    for year, rows in frame.groupby(pd.to_datetime(frame["date_time"]).dt.year):
        bikes = _real(f"bike_hourly_{year}", rows["date_time"], rows["users"], HOUR_SECONDS)
        yield replace(bikes, family=BIKE_YEARS[int(year)])
    calls = pd.read_csv(data / "llm" / "servegen" / "servegen_hourly_by_client.csv.gz")
    calls["tokens"] = calls["requests"] * (calls["input_tokens"].fillna(1) + calls["output_tokens"].fillna(0))
    taken = {True: 0, False: 0}
    for (model, client), rows in calls.groupby(["model", "client_id"]):
        requests = np.zeros(int(rows["ts"].max() // HOUR_SECONDS) + 1)
        requests[(rows["ts"] // HOUR_SECONDS).to_numpy(np.int64)] = rows["requests"]
        name = f"sg_{model}_{client}"
        if requests.size < 300 or (requests > 0).mean() <= 0.9 or taken[is_development(name)] >= CLIENTS_A_HALF:
            continue
        taken[is_development(name)] += 1
        yield Real(name, np.arange(requests.size) * HOUR_SECONDS + EPOCH, requests, HOUR_SECONDS, "burst")
    for model, rows in calls.groupby("model"):
        total = rows.groupby("ts")["tokens"].sum()
        if total.size >= 300:
            yield Real(f"sg_{model}_all", total.index.to_numpy(np.int64) + EPOCH, total.to_numpy(), HOUR_SECONDS)
    yield from _client_groups(calls)
    nab = data / "anomaly" / "NAB"
    windows = json.loads((nab / "labels" / "combined_windows.json").read_text(encoding="utf-8"))
    for name in sorted(windows):
        if name.startswith("realTweets/") or name.endswith("nyc_taxi.csv"):
            yield _by_hour(nab / "data" / name, name, windows[name])


def _client_groups(calls: pd.DataFrame) -> Iterator[Real]:
    """Requests of every twelfth client together: what a team or a product looks like."""
    large = calls[calls["model"] == "m-large"]
    by_group = large.groupby([large["client_id"] % CLIENT_GROUPS, "ts"])["requests"].sum().unstack("ts", fill_value=0.0)
    for group, requests in by_group.iterrows():
        seconds = requests.index.to_numpy(np.int64) + EPOCH
        yield Real(f"sg_group_{group}", seconds, requests.to_numpy(np.float64), HOUR_SECONDS)


def _by_hour(path: Path, name: str, windows: list[list[str]]) -> Real:
    """One of NAB's series, in the half in which it is there."""
    frame = pd.read_csv(path)
    total = frame["value"].groupby(pd.to_datetime(frame["timestamp"]).dt.floor("h")).sum()
    one = _real(f"hours of {path.stem}", total.index.to_series(), total, HOUR_SECONDS)
    labelled = tuple((int(pd.Timestamp(a).timestamp()), int(pd.Timestamp(b).timestamp())) for a, b in windows)
    return replace(one, family=name, labelled=labelled)


def _real(name: str, times: pd.Series, values: pd.Series, step: int) -> Real:
    index = pd.DatetimeIndex(pd.to_datetime(times.to_numpy()))
    by_time = pd.Series(np.asarray(values, dtype=np.float64), index=index).dropna().sort_index()
    by_time = by_time[~by_time.index.duplicated()]
    return Real(name, pd.DatetimeIndex(by_time.index).as_unit("s").asi8.copy(), by_time.to_numpy(), step)


def planted_cases(every: list[Real], seed: int = 7) -> list[Planted]:
    """Each kind in each size by each measure into each series that is long enough; once, or at several places of
    hourly series that last for months."""
    result = []
    for one in every:
        for place in range(PLACES if one.step == HOUR_SECONDS and one.values.size >= LONG_ROWS else 1):
            for measure in MEASURES:
                for kind in KINDS:
                    for size in SIZES:
                        # Spreads at the first place are drawn as they always were.
                        key = f"{seed}{one.name}{kind}{size}{place}{'' if measure == 'spreads' else measure}"
                        random = np.random.default_rng(zlib.crc32(key.encode()))
                        planted = _plant(one, kind, size, measure, random)
                        if planted:
                            result.append(planted)
    return result


def _plant(one: Real, kind: str, size: str, measure: str, random: np.random.Generator) -> Planted | None:
    daily = one.step == DAY_SECONDS
    known = 84 if daily else 200
    judged = 56 if daily else (one.values.size - known if one.values.size < 600 else 336)
    if not daily and one.values.size >= LONG_ROWS:
        known, judged = 672, 504
    if one.values.size < known + judged:
        return None
    start = int(random.integers(0, one.values.size - known - judged + 1))
    clean = one.values[start : start + known + judged]
    values = clean.copy()
    room = 28 if daily else 72
    first = known + int(random.integers(7 if daily else 12, max(judged - room, 8 if daily else 13)))
    if measure == "spreads":
        level, noise = _level_and_noise(values, first, daily=daily)
        added = np.full(values.size, SIZES[size] * noise)
        factor, left = 1 + SIZES[size] * noise / level, LEFT[size]
    else:
        factor, left = MULTIPLES[size], MULTIPLES_LEFT[size]
        added = (factor - 1) * values
    if kind == "spike":
        end = first + int(random.integers(1, 4))
        values[first:end] += added[first:end]
    elif kind == "shift":
        end = first + (10 if daily else 36)
        values[first:] *= factor
    elif kind == "drift":
        end = min(first + (21 if daily else 60), values.size)
        values[first:end] *= 1 + (factor - 1) * np.linspace(0, 1, end - first)
        values[end:] *= factor
    elif kind == "drop":
        end = first + int(random.integers(2, 5) if daily else random.integers(4, 13))
        values[first:end] *= left
    else:
        end = first + (5 if daily else 10)
        values[first:end] += added[first:end] * (2 if measure == "spreads" else 1) * random.random(end - first)
    seconds = one.seconds[start : start + known + judged]
    return Planted(one, kind, size, measure, clean, values, seconds, known, first, min(end, values.size) - 1)


def _level_and_noise(values: Floats, first: int, *, daily: bool) -> tuple[float, float]:
    past = values[first - 56 if daily else first - 168 : first]
    phase = np.arange(past.size) % (7 if daily else 24)
    usual = np.array([np.median(past[phase == each]) for each in range(phase.max() + 1)])[phase]
    level = max(float(np.median(past)), 1e-9)
    return level, max(1.4826 * float(np.median(np.abs(past - usual))), 0.05 * level)
