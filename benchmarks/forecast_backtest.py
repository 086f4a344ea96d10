"""How good are the forecasts and the anomaly detection on real series and on planted truths?

Run: ``python benchmarks/forecast_backtest.py [--data FOLDER] [--cutoffs 8]``.
It prints Markdown tables.

Here: measuring ``models`` from outside: at each cutoff the model is chosen on the days before it and judged on the 28
days after it. The rules themselves (when to average, how fast the level forgets, how intervals are calibrated, how many
spreads detectors need) were set by looking at some of these results, so forecasts are judged twice: on the windows that
the rules were set on, and on earlier windows kept apart. Only the second says what to expect of a new series.
Not here: pass or fail (tests do that).
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd

import models
from finops.config.models import EventsFile
from models.forecast.backtest import seasonal_scale
from models.forecast.one_series import Job, forecast_series, prophet_alone, rival_alone
from models.forecast.settings import ForecastSettings
from models.series import DailySeries, Floats, Scope

HORIZON = 28
HISTORY_DAYS = 800
KEPT_APART_DAYS = 360
"""More than the 343 days that the other cutoffs reach back, so that no judged day is in both."""

PLANTED_SEED = 2027
"""Not the seed (11) on which the detectors' thresholds were set."""
PROJECT_DIR = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class RealSeries:
    name: str
    values: pd.Series
    countries: tuple[str, ...] = ()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    named = os.environ.get("AIFINOPS_REAL_DATA")
    parser.add_argument("--data", type=Path, default=Path(named) if named else PROJECT_DIR.parent / "shared" / "data")
    parser.add_argument("--cutoffs", type=int, default=8)
    arguments = parser.parse_args()
    if arguments.data.is_dir():
        folder = arguments.data / "forecast"
        forecast_table(folder, arguments.cutoffs, KEPT_APART_DAYS, "kept apart: no rule was set on these windows")
        forecast_table(folder, arguments.cutoffs, 0, "the windows that the rules were set on: flattering")
        usage_table(arguments.data / "llm" / "servegen" / "servegen_hourly_by_client.csv.gz")
        labelled_table(arguments.data / "anomaly")
    else:
        print(f"Real series skipped: {arguments.data} does not exist; set AIFINOPS_REAL_DATA or pass --data.\n")
    planted_table()
    speed_table()


# ── forecasts ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def forecast_table(folder: Path, cutoffs: int, skip_days: int, standing: str) -> None:
    print(f"### Real daily series, {standing}\n")
    print(
        f"{cutoffs} cutoffs 45 days apart, {HORIZON} days ahead, the last {skip_days} days of each series left out.\n"
    )
    if not folder.is_dir():
        print(f"Skipped: {folder} does not exist.\n")
        return
    print(
        "| series | floor: last week again (MASE) | Prophet | weekday × level | chosen | chosen ÷ floor | 80% covers |"
    )
    print("|---|---|---|---|---|---|---|")
    everything = []
    for real in real_series(folder):
        rows = [judge(real, cutoff) for cutoff in _cutoffs(len(real.values) - skip_days, cutoffs)]
        if not rows:
            print(f"| {real.name} | skipped: {len(real.values)} days are too few | | | | | |")
            continue
        everything += rows
        _print_row(real.name, rows)
    if everything:
        _print_row("**all**", everything)
    print()


def _print_row(name: str, rows: list[dict[str, float]]) -> None:
    mean = {key: float(np.mean([row[key] for row in rows])) for key in rows[0]}
    print(
        f"| {name} | {mean['floor']:.2f} | {mean['prophet']:.2f} | {mean['weekday_level']:.2f} | {mean['chosen']:.2f} "
        f"| {mean['chosen'] / mean['floor']:.2f} | {mean['coverage']:.0%} |",
        flush=True,
    )


def judge(real: RealSeries, cutoff: int) -> dict[str, float]:
    """MASE of each model on the days after the cutoff, and the chosen one's coverage."""
    values = real.values.to_numpy(dtype=np.float64)
    start = max(cutoff - HISTORY_DAYS, 0)
    known, future = values[start:cutoff], values[cutoff : cutoff + HORIZON]
    first_day = real.values.index[start].date()
    job = Job(
        DailySeries(Scope("team", real.name, "XXX"), first_day, known), HORIZON, (), real.countries, ForecastSettings()
    )
    scale = seasonal_scale(known)
    line = forecast_series(job).future
    inside = (future >= np.array(line.lower)) & (future <= np.array(line.upper))

    def mase(predicted: Floats) -> float:
        return float(np.abs(future - predicted).mean() / scale)

    return {
        "floor": mase(np.resize(known[-7:], HORIZON)),
        "prophet": mase(prophet_alone(job)),
        "weekday_level": mase(rival_alone(job)),
        "chosen": mase(np.array(line.expected)),
        "coverage": float(inside.mean()),
    }


def _cutoffs(days: int, count: int) -> list[int]:
    cutoffs = [days - HORIZON - 45 * step for step in range(count)]
    return [cutoff for cutoff in reversed(cutoffs) if cutoff >= 120]


def real_series(folder: Path) -> Iterator[RealSeries]:
    prophet, others = folder / "prophet_examples", folder / "skforecast"
    yield _read(prophet / "example_pedestrians_covid.csv", "ds", "y", "pedestrians through COVID", ("AU",))
    yield _read(prophet / "example_wp_log_R.csv", "ds", "y", "Wikipedia: R (log)")
    yield _read(prophet / "example_wp_log_peyton_manning.csv", "ds", "y", "Wikipedia: P. Manning (log)", ("US",))
    yield _read(others / "bicimad_users.csv", "date", "users", "Madrid shared bikes", ("ES",))
    for column in ("metro", "bus", "train"):
        yield _read(others / "public-transport-madrid.csv", "date", column, f"Madrid {column}", ("ES",))
    yield _read(others / "uk_daily_flights.csv", "Date", "Number of flights", "UK flights", ("GB",), day_first=True)
    name = "visitas_por_dia_web_cienciadedatos_2020_2021.csv"
    yield _read(others / name, "date", "users", "web site visits", ("ES",), day_first=True)
    yield _read(others / "bike_sharing_dataset_clean.csv", "date_time", "users", "Washington shared bikes", ("US",))


def _read(
    path: Path, time: str, value: str, name: str, countries: tuple[str, ...] = (), *, day_first: bool = False
) -> RealSeries:
    frame = pd.read_csv(path, encoding="utf-8-sig")
    format_ = None if not day_first else ("%d/%m/%Y" if len(str(frame[time].iloc[0])) == 10 else "%d/%m/%y")
    days = pd.to_datetime(frame[time], format=format_).dt.normalize()
    daily = frame[value].groupby(days).sum().sort_index().asfreq("D")
    # A missing day of a page counter is a gap, not a zero (a missing day of a bill is a zero).
    return RealSeries(name, daily.interpolate(), countries)


def usage_table(path: Path) -> None:
    print("### Real LLM usage (ServeGen, model m-large): one week known, one week ahead\n")
    if not path.is_file():
        print(f"Skipped: {path} does not exist.\n")
        return
    frame = pd.read_csv(path)
    frame = frame[frame["model"] == "m-large"].assign(day=lambda rows: rows["ts"] // 86400)
    per_client = frame.pivot_table(index="day", columns="client_id", values="requests", aggfunc="sum", fill_value=0)
    top = per_client.sum().sort_values(ascending=False).index[:20]
    print("| series | floor: same day last week | chosen (short way) | chosen ÷ floor | coverage of 80% |")
    print("|---|---|---|---|---|")
    for name, columns in (
        ("all clients together", [list(per_client.columns)]),
        ("20 largest clients", [[c] for c in top]),
    ):
        floor, chosen, covered = [], [], []
        for group in columns:
            values = per_client[group].sum(axis=1).to_numpy(dtype=np.float64)
            known, future = values[:7], values[7:14]
            series = DailySeries(Scope("model", "m-large", "XXX"), date(2024, 1, 1), known)
            line = forecast_series(Job(series, 7, (), (), ForecastSettings())).future
            mean = future.mean()
            floor.append(np.abs(future - known).mean() / mean)
            chosen.append(np.abs(future - np.array(line.expected)).mean() / mean)
            covered.append(((future >= np.array(line.lower)) & (future <= np.array(line.upper))).mean())
        print(
            f"| {name} | {np.mean(floor):.1%} of the mean day | {np.mean(chosen):.1%} "
            f"| {np.mean(chosen) / np.mean(floor):.2f} | {np.mean(covered):.0%} |"
        )
    print("\nThe shortest interval of the short way (±30%) was set after seeing this table, so its coverage flatters.")
    print("DeepSeek-R1 and mm-image have one day each: too few.\n")


# ── anomalies ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def labelled_table(folder: Path) -> None:
    print("### Labelled real anomalies (NAB, summed by day)\n")
    labels = folder / "NAB" / "labels" / "combined_windows.json"
    if not labels.is_file():
        print(f"Skipped: {labels} does not exist.\n")
        return
    windows = pd.read_json(labels, typ="series")
    print("| series | minimum ratio | windows | found | recall | days flagged | right | precision |")
    print("|---|---|---|---|---|---|---|---|")
    groups = {
        "NYC taxi": ["realKnownCause/nyc_taxi.csv"],
        "Twitter volume, 10 companies": [key for key in windows.index if key.startswith("realTweets/")],
    }
    for ratio in (0.3, 0.2, 0.15):
        for name, keys in groups.items():
            total = np.zeros(4, dtype=int)
            for key in keys:
                total += _score(folder / "NAB" / "data" / key, windows[key], ratio)
            found, of, right, flagged = total
            precision = f"{right / flagged:.0%}" if flagged else "–"
            print(f"| {name} | {ratio:.0%} | {of} | {found} | {found / of:.0%} | {flagged} | {right} | {precision} |")
    print("\nThe detectors' thresholds were set with these tables in view: there are no labelled series kept apart.\n")


def _score(path: Path, windows: list[list[str]], ratio: float) -> np.ndarray:
    """Windows found, windows that can be found, flagged days inside a window, flagged days."""
    frame = pd.read_csv(path, parse_dates=["timestamp"])
    daily = frame.groupby(frame["timestamp"].dt.date)["value"].sum()
    daily = daily.iloc[1:-1] if len(daily) < 100 else daily  # the edges of the short series are partial days
    history = _history({"series": daily})
    spans = [(pd.Timestamp(start).date(), pd.Timestamp(end).date()) for start, end in windows]
    first_judged = daily.index[0] + timedelta(days=14)
    spans = [span for span in spans if span[1] >= first_judged and span[0] <= daily.index[-1]]
    settings = models.AnomalySettings(
        lookback_days=len(daily), minimum_ratio=ratio, day_over_day_ratio=1 + ratio, week_over_week_ratio=1 + ratio
    )
    found = _detect(history, daily.index[-1], settings)
    days = set(found["detected_date"])
    hit = sum(any(start <= day <= end for day in days) for start, end in spans)
    right = sum(any(start <= day <= end for start, end in spans) for day in days)
    return np.array([hit, len(spans), right, len(days)])


def planted_table() -> None:
    print("### Planted truths: 100 series × 120 days a row, weekly cycle, last 30 days judged\n")
    print("| planted | noise | found | false alarms per series and quarter |")
    print("|---|---|---|---|")
    for noise in (0.1, 0.2):
        for name in ("nothing", "spike ×1.5", "spike ×2", "spike ×3", "step ×1.5", "step ×2", "leak 3% a day"):
            found, false, quarters = _plant(name, noise)
            hits = "–" if name == "nothing" else f"{found:.0%}"
            print(f"| {name} | {noise:.0%} | {hits} | {false / quarters:.3f} |", flush=True)
    print()


def _plant(name: str, noise: float) -> tuple[float, int, float]:
    random = np.random.default_rng(PLANTED_SEED)
    count, series_count, at = 120, 100, 100
    start = date(2026, 1, 5)
    week = np.where(np.arange(count) % 7 < 5, 1.15, 0.65)
    columns = {}
    for number in range(series_count):
        values = random.uniform(150, 3000) * week * np.clip(1 + noise * random.normal(size=count), 0.05, None)
        if name.startswith("spike"):
            values[at] *= float(name.split("×")[1])
        elif name.startswith("step"):
            values[at:] *= float(name.split("×")[1])
        elif name.startswith("leak"):
            values[90:] *= 1.03 ** np.arange(count - 90)
        columns[f"s{number}"] = pd.Series(values, index=[start + timedelta(days=day) for day in range(count)])
    last = start + timedelta(days=count - 1)
    found = _detect(_history(columns), last, models.AnomalySettings())
    truth_starts = {"spike": at, "step": at, "leak": 91}.get(name.split(" ")[0], count)
    truth_ends = at if name.startswith("spike") else count
    offset = pd.Series([(day - start).days for day in found["detected_date"]], index=found.index, dtype=np.int64)
    # The fall back after a step's first week is the same cause; days before it or after a spike are false alarms.
    right = (offset >= truth_starts) & (offset <= truth_ends)
    return found[right]["scope_value"].nunique() / series_count, int((~right).sum()), series_count * 30 / 91


def _detect(history: pd.DataFrame, last: date, settings: models.AnomalySettings) -> pd.DataFrame:
    as_of = datetime.combine(last + timedelta(days=1), datetime.min.time(), UTC)
    return models.detect(
        history, None, None, as_of=as_of, metric="effective_cost", events=EventsFile(), settings=settings
    )


def _history(columns: dict[str, pd.Series]) -> pd.DataFrame:
    rows = [
        (day, "team", name, "USD", Decimal(repr(round(float(value), 4))))
        for name, series in columns.items()
        for day, value in _items(series)
    ]
    return pd.DataFrame(rows, columns=["usage_date", "scope_type", "scope_value", "currency", "cost"])


def _items(series: pd.Series) -> Iterable[tuple[date, float]]:
    return zip(series.index, series.to_numpy(dtype=np.float64), strict=True)


# ── speed ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def speed_table() -> None:
    """Sixteen series of 400 days with backtest: the size of a small organisation."""
    random = np.random.default_rng(3)
    count = 400
    days = [date(2025, 9, 1) + timedelta(days=day) for day in range(count)]
    week = np.where(np.arange(count) % 7 < 5, 1.15, 0.65)
    drift = np.exp(np.cumsum(random.normal(0.001, 0.01, (16, count)), axis=1))
    values = random.uniform(50, 900, (16, 1)) * week * drift * np.clip(random.normal(1, 0.1, (16, count)), 0.1, None)
    history = _history({f"s{row}": pd.Series(values[row], index=days) for row in range(16)})
    as_of = datetime.combine(days[-1] + timedelta(days=1), datetime.min.time(), UTC)
    events = EventsFile(holidays=["US"])
    started = time.perf_counter()
    result = models.forecast_costs(history, as_of=as_of, events=events, workers=2)
    forecast_seconds = time.perf_counter() - started
    started = time.perf_counter()
    models.detect(history, result.forecast, None, as_of=as_of, metric="effective_cost", events=events)
    print("### Speed\n")
    print("| what | seconds |")
    print("|---|---|")
    print(f"| forecast of 16 series × 400 days with backtest | {forecast_seconds:.1f} |")
    print(f"| anomaly detection on the same | {time.perf_counter() - started:.2f} |")


if __name__ == "__main__":
    main()
