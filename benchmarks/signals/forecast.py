"""How good and how fast are the forecasts?

Here: rolling cutoffs of real series through the engine, scores of it and of each candidate alone, coverage of days and
of sums, speed.
Not here: the series (real_series), pass or fail (tests).

Rules and numbers of the engine were chosen by looking at the development half of the series; the other half was only
reported.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
import pandas as pd

from benchmarks.signals.real_series import (
    HORIZONS,
    SHORT_HISTORY_POINTS,
    Case,
    RealSeries,
    cases,
    real_series,
    short_cases,
)
from benchmarks.signals.shapes import shape_of
from finops.config.events import EventsFile
from models.evaluate.forecast import Calendar, calendar_of, forecast_calendars
from models.evaluate.long_csv import TimedSeries, step_of
from models.forecast import ForecastSettings, forecast_costs
from models.forecast.engine import Outlook
from models.forecast.intervals import LEVELS
from models.forecast.paths import draw
from models.series import Floats

SEASONS = {"D": 7, "h": 24, "W": 1}
WORDS = {"D": "daily, 28 days ahead", "h": "hourly, 48 hours ahead", "W": "weekly, 8 weeks ahead"}


@dataclass(frozen=True)
class Judged:
    case: Case
    error: float
    """MASE"""
    floor: float
    """MASE of repeating the last season (the last week, day, or weekly value)"""
    inside: dict[float, float]
    winkler: dict[float, float]
    """Mean width of the interval, and 2 ÷ (1 − level) times what lay outside; ÷ the scale of MASE (Gneiting & Raftery
    2007)."""
    width: float
    """Of the 80% interval ÷ the expectation, the median of the days."""
    total_error: float
    total_inside: dict[float, bool]
    rivals: dict[str, float]


def run(options: argparse.Namespace) -> None:
    if options.command == "forecast-speed":
        speed(50 if options.quick else 1000)
        return
    every = real_series(options.data)
    if not every:
        print(f"No real series: {options.data} does not exist; set AIFINOPS_REAL_DATA or pass --data.")
        return
    chosen = cases(every, 3 if options.quick else 12)
    if options.command == "forecast-shapes":
        short = [one for points in SHORT_HISTORY_POINTS for one in short_cases(every, points)]
        _shapes([one for one in [*chosen, *short] if not one.series.is_kept_apart])
        return
    if options.command == "forecast-short":
        _short(every, 3 if options.quick else 12)
        return
    judged = [one for freq in HORIZONS for one in _judge([c for c in chosen if c.series.freq == freq], freq)]
    _summary(judged)
    for freq in HORIZONS:
        _by_series([one for one in judged if one.case.series.freq == freq], freq)
        _rivals([one for one in judged if one.case.series.freq == freq], freq)


def _shapes(chosen: Sequence[Case]) -> None:
    for freq in HORIZONS:
        some = [one for one in chosen if one.series.freq == freq]
        calendars = [_calendar(one) for one in some]
        print(freq, shape_of(calendars, np.stack([one.future for one in some]), calendars[0].rhythm))


def _judge(chosen: Sequence[Case], freq: str) -> list[Judged]:
    found = forecast_calendars([_calendar(one) for one in chosen], HORIZONS[freq])
    return [_one(case, outlook, SEASONS[freq]) for case, outlook in zip(chosen, found, strict=True)]


def _calendar(case: Case) -> Calendar:
    known = case.known.dropna()
    times = pd.DatetimeIndex(known.index)
    values = known.to_numpy(dtype=np.float64)
    return calendar_of(TimedSeries(case.name, times, values, step_of(times), np.arange(values.size)))


def _one(case: Case, outlook: Outlook, season: int) -> Judged:
    known, future = case.known.to_numpy(dtype=np.float64), case.future
    seen = np.isfinite(future)
    scale = float(np.nanmean(np.abs(known[season:] - known[:-season])[case.pilot_points :]))
    last = case.known.interpolate().bfill().to_numpy(dtype=np.float64)[-season:]
    truth = float(future[seen].sum())
    sums = draw(outlook.expected, outlook.lower, outlook.upper, outlook.residuals, 400)[:, seen].sum(axis=1)

    def mase(said: Floats) -> float:
        return float(np.abs(future - said)[seen].mean() / max(scale, 1e-12))

    inside, winkler, total_inside = {}, {}, {}
    for level in LEVELS:
        lower, upper = outlook.lower[level], outlook.upper[level]
        inside[level] = float(((future >= lower - 1e-9) & (future <= upper + 1e-9))[seen].mean())
        missed = np.maximum(lower - future, 0) + np.maximum(future - upper, 0)
        winkler[level] = float((upper - lower + 2 / (1 - level) * missed)[seen].mean() / max(scale, 1e-12))
        low, high = np.quantile(sums, [(1 - level) / 2, (1 + level) / 2])
        total_inside[level] = bool(low - 1e-9 <= truth <= high + 1e-9)
    total_error = abs(float(outlook.expected[seen].sum()) - truth) / abs(truth) if truth else float("nan")
    rivals = {name: mase(said) for name, said in outlook.candidates.items() if np.isfinite(said).all()}
    floor = mase(np.resize(last, future.size))
    width = float(np.median((outlook.upper[0.8] - outlook.lower[0.8]) / np.maximum(np.abs(outlook.expected), 1e-9)))
    return Judged(case, mase(outlook.expected), floor, inside, winkler, width, total_error, total_inside, rivals)


def _short(every: list[RealSeries], count: int) -> None:
    """Coverage, width and Winkler's score of histories of a few weeks, after a pilot or none."""
    print("### Daily, weeks of history\n")
    print(
        "| days known | before them | half | series, cutoffs | error ÷ floor | 80% covers | 95% covers "
        "| 80% interval ÷ expectation, median | Winkler score 80% | 95% | 80% covers totals | 95% covers totals |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|---|---|")
    for points in SHORT_HISTORY_POINTS:
        for is_after_pilot, before in ((False, "nothing"), (True, "a pilot")):
            chosen = short_cases(every, points, count, is_after_pilot=is_after_pilot)
            for half, some in _halves(_judge(chosen, "D")):
                names = {one.case.series.name for one in some}
                cells = [
                    f"{points}", before, half, f"{len(names)}, {len(some)}",
                    f"{sum(one.error for one in some) / sum(one.floor for one in some):.2f}",
                    *(f"{np.mean([one.inside[level] for one in some]):.1%}" for level in LEVELS),
                    f"{np.median([one.width for one in some]):.2f}",
                    *(f"{np.mean([one.winkler[level] for one in some]):.1f}" for level in LEVELS),
                    *(f"{np.mean([one.total_inside[level] for one in some]):.0%}" for level in LEVELS),
                ]  # fmt: skip
                print(f"| {' | '.join(cells)} |", flush=True)
    print()


def _halves(judged: Sequence[Judged]) -> list[tuple[str, list[Judged]]]:
    return [
        (name, [one for one in judged if one.case.series.is_kept_apart == kept])
        for name, kept in (("development", False), ("kept apart", True))
    ]


def _series_means(judged: Sequence[Judged]) -> pd.DataFrame:
    rows = [
        {
            "series": one.case.series.name, "error": one.error, "floor": one.floor, "80": one.inside[0.8],
            "95": one.inside[0.95], "total": one.total_error, "total 80": one.total_inside[0.8],
            "total 95": one.total_inside[0.95], "cutoffs": 1,
        }
        for one in judged
    ]  # fmt: skip
    frame = pd.DataFrame(rows).groupby("series", sort=False)
    means = frame.mean(numeric_only=False)
    return means.assign(total=frame["total"].median(), cutoffs=frame["cutoffs"].sum())


def _summary(judged: Sequence[Judged]) -> None:
    print("### All series\n")
    print(
        "| series | half | series, cutoffs | error ÷ floor | mean of the series' ratios | series no worse than it "
        "| 80% covers | 95% covers | error of the total, median | 80% covers totals | 95% covers totals |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for freq in HORIZONS:
        for half, some in _halves([one for one in judged if one.case.series.freq == freq]):
            if not some:
                continue
            means = _series_means(some)
            ratio = means["error"] / means["floor"]
            cells = [
                WORDS[freq],
                half,
                f"{len(means)}, {len(some)}",
                f"{means['error'].mean() / means['floor'].mean():.2f}",
                f"{ratio.mean():.2f}",
                f"{(ratio <= 1).mean():.0%}",
                *(f"{np.mean([one.inside[level] for one in some]):.1%}" for level in LEVELS),
                f"{np.nanmedian([one.total_error for one in some]):.1%}",
                *(f"{np.mean([one.total_inside[level] for one in some]):.0%}" for level in LEVELS),
            ]
            print(f"| {' | '.join(cells)} |")
    print()


def _by_series(judged: Sequence[Judged], freq: str) -> None:
    for half, some in _halves(judged):
        if not some:
            continue
        print(f"### {WORDS[freq].capitalize()}: {half}\n")
        print(
            "| series | cutoffs | floor (MASE) | forecast (MASE) | ratio | 80% covers | 95% covers "
            "| total, median error |"
        )
        print("|---|---|---|---|---|---|---|---|")
        for name, row in _series_means(some).iterrows():
            print(
                f"| {name} | {row['cutoffs']:.0f} | {row['floor']:.2f} | {row['error']:.2f} "
                f"| {row['error'] / row['floor']:.2f} | {row['80']:.0%} | {row['95']:.0%} | {row['total']:.1%} |"
            )
        print()


def _rivals(judged: Sequence[Judged], freq: str) -> None:
    """Each candidate alone, on the cutoffs where it has something to say, beside the blend on the same."""
    print(
        f"### {WORDS[freq].capitalize()}: each candidate alone, as a share of the floor's error on the same cutoffs\n"
    )
    print("| candidate | development | the forecast on the same | kept apart | the forecast on the same |")
    print("|---|---|---|---|---|")
    names = list(dict.fromkeys(name for one in judged for name in one.rivals))
    lines = []
    for name in names:
        cells, order = [], 9.0
        for _, some in _halves(judged):
            can = [one for one in some if name in one.rivals]
            floor = sum(one.floor for one in can)
            if not can or not floor:
                cells += ["–", "–"]
                continue
            own = sum(one.rivals[name] for one in can) / floor
            order = min(order, own) if not cells else order
            cells += [f"{own:.2f} ({len(can)})", f"{sum(one.error for one in can) / floor:.2f}"]
        lines.append((order, f"| {name} | {' | '.join(cells)} |"))
    for _, line in sorted(lines):
        print(line)
    print()


def speed(count: int) -> None:
    """Daily series of 400 days: 50 apps a team, teams, a company; backtested, calibrated, reconciled, paths drawn."""
    random = np.random.default_rng(3)
    days = 400
    first = date(2025, 9, 1)
    week = np.where(np.arange(days) % 7 < 5, 1.15, 0.65)
    drift = np.exp(np.cumsum(random.normal(0.001, 0.01, (count, days)), axis=1))
    noise = np.clip(random.normal(1, 0.1, (count, days)), 0.1, None)
    values = np.round(random.uniform(50, 900, (count, 1)) * week * drift * noise, 4)
    teams = np.arange(count) // 50
    frames = [_history("app", f"app-{row}", values[row], first) for row in range(count)]
    frames += [_history("team", f"team-{t}", values[teams == t].sum(axis=0), first) for t in np.unique(teams)]
    frames.append(_history("company", "all", values.sum(axis=0), first))
    team_of_app = {f"app-{row}": f"team-{teams[row]}" for row in range(count)}
    print(f"| {count} apps × {days} days, {len(frames)} series | seconds | CPU seconds |\n|---|---|---|")
    for name, settings in (
        ("without Prophet", ForecastSettings(prophet_minimum_days=100_000)),
        ("with Prophet", ForecastSettings()),
    ):
        wall, used = time.perf_counter(), _cpu_seconds()
        result = forecast_costs(
            pd.concat(frames), as_of=datetime.fromisoformat(f"{first + timedelta(days=days)}T06:00:00+00:00"),
            events=EventsFile(), team_of_app=team_of_app, settings=settings,
        )  # fmt: skip
        print(f"| {name} | {time.perf_counter() - wall:.0f} | {_cpu_seconds() - used:.0f} |", flush=True)
        assert len(result.path)


def _history(scope_type: str, scope_value: str, values: Floats, first: date) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "usage_date": pd.date_range(first, periods=values.size, freq="D"), "scope_type": scope_type,
            "scope_value": scope_value, "currency": "USD", "cost": np.round(values, 4),
        }
    )  # fmt: skip


def _cpu_seconds() -> float:
    """Of this process and those it has waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)
