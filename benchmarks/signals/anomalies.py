"""Anomaly detection on real labelled series (NAB), on real series with planted anomalies, and against the clock.

Here: running the product's detector causally over them, counting, printing tables for benchmarks/README.md.
Not here: the data (nab, planted), the detector (models.anomaly).

An alert is a run of marked rows; runs less than three rows apart are one. A window is found when an alert overlaps it
(plus 1 day or 3 hours for planted ones); an alert that overlaps none is false. Segment F1 = 2·found ÷ (2·found +
missed + false). What a real series does by itself near a planted anomaly counts as false, although some of it is odd.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.signals.nab import Labelled, nab_score, read_corpus, read_profiles
from benchmarks.signals.planted import (
    GROUPS,
    KINDS,
    MEASURES,
    SIZES,
    Planted,
    is_development,
    planted_cases,
    real_series,
)
from models.anomaly.alerts import Alerts, alerts
from models.anomaly.stream import DAY_SECONDS, HOUR_SECONDS, evidence, step_of
from models.series import Floats

MERGED_GAP = 2
WEEK_SECONDS = 7 * DAY_SECONDS
PUBLISHED = "Numenta HTM 70.5, random cut forest 51.7, windowed Gaussian 39.6"
HALVES: dict[str, Callable[[str], bool]] = {
    "development": is_development,
    "kept apart": lambda name: not is_development(name),
    "all": lambda _: True,
}


@dataclass
class Count:
    found: int = 0
    missed: int = 0
    false: int = 0
    weeks: float = 0.0

    @property
    def f1(self) -> float:
        every = 2 * self.found + self.missed + self.false
        return 2 * self.found / every if every else float("nan")


def run(options: argparse.Namespace) -> None:
    """Print every table; ``options.data`` is the folder of the public data sets."""
    data: Path = options.data
    if not data.is_dir():
        print(f"Skipped: {data} does not exist; set AIFINOPS_REAL_DATA or pass --data.\n")
        return
    nab_tables(data / "anomaly" / "NAB")
    planted_tables(data)


def run_speed(options: argparse.Namespace) -> None:
    """One pass over ``options.series`` hourly series of ``options.days`` days, from nothing, in this process."""
    random = np.random.default_rng(3)
    rows = options.days * 24
    seconds = np.arange(rows) * HOUR_SECONDS
    shape = 1 + 0.5 * np.sin(np.arange(rows) * 2 * np.pi / 24)
    series = [(seconds, 50 * shape * random.lognormal(0, 0.3, rows)) for _ in range(options.series)]
    started, busy = time.perf_counter(), time.process_time()
    found = evidence(series, [float(HOUR_SECONDS)] * len(series))
    count = sum(int(alerts(one, HOUR_SECONDS).is_anomaly[-1]) for one in found)
    print(
        f"{options.series} hourly series of {options.days} days: {time.perf_counter() - started:.1f} s, "
        f"{time.process_time() - busy:.1f} s of one core, {count} marked in the newest hour"
    )


def segments(marked: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First and last row of every alert."""
    rows = np.flatnonzero(marked)
    if not rows.size:
        return []
    breaks = np.flatnonzero(np.diff(rows) > MERGED_GAP + 1)
    starts, ends = rows[np.r_[0, breaks + 1]], rows[np.r_[breaks, rows.size - 1]]
    return [(int(start), int(end)) for start, end in zip(starts, ends, strict=True)]


def detect_all(series: Iterable[tuple[NDArray[np.int64], Floats]]) -> list[Alerts]:
    every = list(series)
    steps = [step_of(seconds) for seconds, _ in every]
    return [alerts(one, step) for one, step in zip(evidence(every, steps), steps, strict=True)]


def nab_tables(folder: Path) -> None:
    corpus = read_corpus(folder)
    told = detect_all((one.seconds, one.values) for one in corpus)
    print(f"### NAB's score, causal, {len(corpus)} series (published, standard profile: {PUBLISHED})\n")
    print("| profile | half | score | by marks | windows | found | false rows |\n|---|---|---|---|---|---|---|")
    for profile, costs in read_profiles(folder).items():
        threshold = nab_score(corpus, [one.scores for one in told], costs, None).threshold
        for half, belongs in HALVES.items():
            chosen = [(one, said) for one, said in zip(corpus, told, strict=True) if belongs(one.name)]
            part = [one for one, _ in chosen]
            score = nab_score(part, [said.scores for _, said in chosen], costs, threshold)
            marks = nab_score(part, [said.is_anomaly.astype(np.float64) for _, said in chosen], costs, 0.5)
            print(
                f"| {profile} | {half} | {score.normalised:.1f} | {marks.normalised:.1f} | {score.windows} | "
                f"{score.found} | {score.false_rows} |"
            )
    print("\n### NAB by segments\n\n| folder | half | windows | found | false alerts | F1 | false a series-week |")
    print("|---|---|---|---|---|---|---|")
    folders = sorted({one.name.split("/")[0] for one in corpus})
    for name in [*folders, "all"]:
        for half, belongs in HALVES.items():
            count = Count()
            for one, said in zip(corpus, told, strict=True):
                if belongs(one.name) and name in ("all", one.name.split("/")[0]):
                    _count_labelled(count, one, said)
            if count.weeks:
                print(
                    f"| {name} | {half} | {count.found + count.missed} | {count.found} | {count.false} | "
                    f"{count.f1:.2f} | {count.false / count.weeks:.2f} |"
                )
    print()


def _count_labelled(count: Count, one: Labelled, said: Alerts) -> None:
    hit = set()
    for start, end in segments(said.is_anomaly):
        if start < one.probation:
            continue
        inside = [number for number, (first, last) in enumerate(one.windows) if start <= last and end >= first]
        hit.update(inside)
        count.false += not inside
    judged = sum(last >= one.probation for _, last in one.windows)
    count.found += len(hit)
    count.missed += judged - len(hit)
    count.weeks += (one.values.size - one.probation) * step_of(one.seconds) / WEEK_SECONDS


def planted_tables(data: Path) -> None:
    every = planted_cases(real_series(data))
    told = detect_all((one.seconds, one.values) for one in every)
    untouched = {(one.series.name, int(one.seconds[0])): one for one in every}
    quiet = detect_all((one.seconds, one.clean) for one in untouched.values())
    print("### One planted anomaly in a real series: found of cases, and false alerts, by size\n")
    print(f"| series | measure | half | what | {' | '.join(SIZES)} | all | F1 |\n|---|---|---|---|---|---|---|---|---|")
    for group in ("daily", *(f"hourly, {name}" for name in GROUPS)):
        for measure in MEASURES:
            for half, belongs in HALVES.items():
                if half == "all":
                    continue
                counts: dict[tuple[str, str], Count] = defaultdict(Count)
                for one, said in zip(every, told, strict=True):
                    if _group(one) == group and one.measure == measure and belongs(one.series.half_name):
                        for kind in (one.kind, "all"):
                            for size in (one.size, "all"):
                                _count_planted(counts[kind, size], one, said)
                for kind in (*KINDS, "all"):
                    cells = [counts[kind, size] for size in (*SIZES, "all")]
                    shown = " | ".join(f"{cell.found}/{cell.found + cell.missed}, {cell.false}" for cell in cells)
                    print(f"| {group} | {measure} | {half} | {kind} | {shown} | {cells[-1].f1:.2f} |")
    print("\n### The same series with nothing planted\n")
    print("| series | half | series-weeks | alerts | alerts a series-week |\n|---|---|---|---|---|")
    for group in ("daily", *(f"hourly, {name}" for name in GROUPS)):
        for half, belongs in HALVES.items():
            weeks, count = 0.0, 0
            for one, said in zip(untouched.values(), quiet, strict=True):
                if _group(one) == group and belongs(one.series.half_name):
                    weeks += (one.clean.size - one.judged_from) * one.series.step / WEEK_SECONDS
                    count += sum(
                        start >= one.judged_from and not _is_labelled(one, start, end)
                        for start, end in segments(said.is_anomaly)
                    )
            print(f"| {group} | {half} | {weeks:.0f} | {count} | {count / weeks:.2f} |")
    print()


def _group(one: Planted) -> str:
    return "daily" if one.series.step == DAY_SECONDS else f"hourly, {one.series.group}"


def _count_planted(count: Count, one: Planted, said: Alerts) -> None:
    late = 1 if one.series.step == DAY_SECONDS else 3
    found = False
    for start, end in segments(said.is_anomaly):
        if start < one.judged_from:
            continue
        hits = start <= one.last + late and end >= one.first
        found |= hits
        count.false += not (hits or _is_labelled(one, start, end))
    count.found += found
    count.missed += not found


def _is_labelled(one: Planted, start: int, end: int) -> bool:
    return any(one.seconds[start] <= last and one.seconds[end] >= first for first, last in one.series.labelled)
