"""Real series into which one anomaly is planted: which one, how large, where.

Here: reading daily and hourly series of the public data sets, planting (seeded), which half rules may be chosen on.
Not here: detecting and scoring.

What is planted is measured in the series' own noise: one spread is the robust deviation from its weekday's (hour's)
median.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
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
CLIENTS_A_HALF = 12
EPOCH = 1_704_067_200
"""2024-01-01 UTC, a Monday, for traces that only count seconds."""


@dataclass(frozen=True)
class Real:
    name: str
    seconds: NDArray[np.int64]
    values: Floats
    step: int

    @property
    def is_development(self) -> bool:
        """Rules are chosen on this half; the other is looked at for the report only."""
        return is_development(self.name)


@dataclass(frozen=True)
class Planted:
    """``first``..``last`` is the anomaly; rows from ``judged_from`` on are judged."""

    series: Real
    kind: str
    size: str
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
    yield _real("bike_hourly", frame["date_time"], frame["users"], HOUR_SECONDS)
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
        yield Real(name, np.arange(requests.size) * HOUR_SECONDS + EPOCH, requests, HOUR_SECONDS)
    for model, rows in calls.groupby("model"):
        total = rows.groupby("ts")["tokens"].sum()
        if total.size >= 300:
            yield Real(f"sg_{model}_all", total.index.to_numpy(np.int64) + EPOCH, total.to_numpy(), HOUR_SECONDS)


def _real(name: str, times: pd.Series, values: pd.Series, step: int) -> Real:
    index = pd.DatetimeIndex(pd.to_datetime(times.to_numpy()))
    by_time = pd.Series(np.asarray(values, dtype=np.float64), index=index).dropna().sort_index()
    by_time = by_time[~by_time.index.duplicated()]
    return Real(name, pd.DatetimeIndex(by_time.index).as_unit("s").asi8.copy(), by_time.to_numpy(), step)


def planted_cases(every: list[Real], seed: int = 7) -> list[Planted]:
    """Each kind in each size once into each series that is long enough."""
    result = []
    for one in every:
        for kind in KINDS:
            for size in SIZES:
                random = np.random.default_rng(zlib.crc32(f"{seed}{one.name}{kind}{size}0".encode()))
                planted = _plant(one, kind, size, random)
                if planted:
                    result.append(planted)
    return result


def _plant(one: Real, kind: str, size: str, random: np.random.Generator) -> Planted | None:
    daily = one.step == DAY_SECONDS
    known = 84 if daily else 200
    judged = 56 if daily else (one.values.size - known if one.values.size < 600 else 336)
    if one.values.size < known + judged:
        return None
    start = int(random.integers(0, one.values.size - known - judged + 1))
    clean = one.values[start : start + known + judged]
    values = clean.copy()
    room = 28 if daily else 72
    first = known + int(random.integers(7 if daily else 12, max(judged - room, 8 if daily else 13)))
    past = values[first - 56 if daily else first - 168 : first]
    phase = np.arange(past.size) % (7 if daily else 24)
    usual = np.array([np.median(past[phase == each]) for each in range(phase.max() + 1)])[phase]
    level = max(float(np.median(past)), 1e-9)
    noise = max(1.4826 * float(np.median(np.abs(past - usual))), 0.05 * level)
    spreads = SIZES[size]
    factor = 1 + spreads * noise / level
    if kind == "spike":
        end = first + int(random.integers(1, 4))
        values[first:end] += spreads * noise
    elif kind == "shift":
        end = first + (10 if daily else 36)
        values[first:] *= factor
    elif kind == "drift":
        end = min(first + (21 if daily else 60), values.size)
        values[first:end] *= 1 + (factor - 1) * np.linspace(0, 1, end - first)
        values[end:] *= factor
    elif kind == "drop":
        end = first + int(random.integers(2, 5) if daily else random.integers(4, 13))
        values[first:end] *= LEFT[size]
    else:
        end = first + (5 if daily else 10)
        values[first:end] += spreads * noise * 2 * random.random(end - first)
    seconds = one.seconds[start : start + known + judged]
    return Planted(one, kind, size, clean, values, seconds, known, first, min(end, values.size) - 1)
