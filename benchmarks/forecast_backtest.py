"""How good is the anomaly detection on real series and on planted truths?

Run: ``python benchmarks/forecast_backtest.py [--data FOLDER]``. Forecasts: ``python -m benchmarks.signals forecast``.
It prints Markdown tables.

Here: measuring ``models.detect`` from outside. Its thresholds were set with some of these results in view.
Not here: pass or fail (tests do that).
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd

import models
from finops.config.models import EventsFile

PLANTED_SEED = 2027
"""Not the seed (11) on which the detectors' thresholds were set."""
PROJECT_DIR = Path(__file__).resolve().parent.parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    named = os.environ.get("AIFINOPS_REAL_DATA")
    parser.add_argument("--data", type=Path, default=Path(named) if named else PROJECT_DIR.parent / "shared" / "data")
    arguments = parser.parse_args()
    if arguments.data.is_dir():
        labelled_table(arguments.data / "anomaly")
    else:
        print(f"Real series skipped: {arguments.data} does not exist; set AIFINOPS_REAL_DATA or pass --data.\n")
    planted_table()
    speed_table()


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
    """Sixteen series of 400 days: the size of a small organisation."""
    random = np.random.default_rng(3)
    count = 400
    days = [date(2025, 9, 1) + timedelta(days=day) for day in range(count)]
    week = np.where(np.arange(count) % 7 < 5, 1.15, 0.65)
    drift = np.exp(np.cumsum(random.normal(0.001, 0.01, (16, count)), axis=1))
    values = random.uniform(50, 900, (16, 1)) * week * drift * np.clip(random.normal(1, 0.1, (16, count)), 0.1, None)
    history = _history({f"s{row}": pd.Series(values[row], index=days) for row in range(16)})
    as_of = datetime.combine(days[-1] + timedelta(days=1), datetime.min.time(), UTC)
    started = time.perf_counter()
    models.detect(history, None, None, as_of=as_of, metric="effective_cost", events=EventsFile())
    print("### Speed\n")
    print("| what | seconds |")
    print("|---|---|")
    print(f"| anomaly detection on 16 series × 400 days | {time.perf_counter() - started:.2f} |")


if __name__ == "__main__":
    main()
