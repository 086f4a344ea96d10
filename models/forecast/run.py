"""Forecasting a whole history: series by series, in parallel where it pays, from the cache where nothing changed.

Here: frames in and out, progress.
Not here: how one series is forecast (one_series), the processes that do it (workers).
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from finops.config.events import EventsFile
from finops.config.rates import ExchangeRate
from finops.periods import BillingPeriod, as_utc
from models.events import events_touching
from models.forecast.cache import ForecastCache
from models.forecast.changes import Days, KnownChanges, shares_of
from models.forecast.one_series import Job, Line, SeriesForecast
from models.forecast.paths import draw
from models.forecast.rates import rates_of
from models.forecast.reconcile import Parents, parents_of, reconcile
from models.forecast.settings import ForecastSettings
from models.forecast.workers import Workers
from models.series import DailySeries, Floats, Scope, daily_series, money, naive_utc
from models.tables import BOUNDS, build_frame, path_frame

_DIGITS = 6
"""Digits after the point that statistics of forecasts are kept with."""


@dataclass(frozen=True)
class ForecastResult:
    """``forecast`` is the table ``ml.forecast_daily``, ``accuracy`` is ``ml.forecast_accuracy``, ``path`` is
    ``ml.forecast_path``, ``rate`` is ``ml.forecast_rate``."""

    forecast: pd.DataFrame
    accuracy: pd.DataFrame
    path: pd.DataFrame
    rate: pd.DataFrame


def forecast_costs(
    history: pd.DataFrame,
    *,
    as_of: datetime,
    horizon_end: date | None = None,
    events: EventsFile,
    workers: Workers | None = None,
    progress: Callable[[str], None] | None = None,
    cache: Path | None = None,
    team_of_app: Mapping[str, str] | None = None,
    business_unit_of_team: Mapping[str, str] | None = None,
    parents: Parents | None = None,
    breakdown: pd.DataFrame | None = None,
    priced: pd.DataFrame | None = None,
    exchange_rates: Sequence[ExchangeRate] = (),
    settings: ForecastSettings | None = None,
) -> ForecastResult:
    """Forecast every scope's daily cost through ``horizon_end``.

    Args:
        history: columns usage_date (day, UTC), scope_type, scope_value, currency, cost (Decimal). Days missing inside
            a series are 0. Days from ``as_of``'s own day on are not over and are left out.
        as_of: the moment reported on, with time zone; stamped on every row.
        horizon_end: last day forecast; the end of the month after ``as_of``'s where absent.
        events: known events, price changes, capacities and holiday countries.
        workers: who forecasts, where others follow; of its own, and two at most, if absent.
        progress: told in words what is being done.
        cache: folder that remembers results of unchanged series.
        team_of_app: app → team, so that an app's event is known to its team's forecast.
        business_unit_of_team: team → business unit, for sums.
        parents: (type, value) of a scope → those of the scopes that it is a part of. Where absent: apps are parts of
            their teams and teams of their business units as far as the two mappings know, all others of the company.
        breakdown: costs of scopes by dimension and value (``changes.shares_of``), which say how much of a change of
            one scope is in another; None: as much as in the company.
        priced: what of the history is priced in another currency than it is billed in (``rates.PRICED_COLUMNS``), so
            that a new exchange rate is not taken for usage; None: nothing.
        exchange_rates: rates that are configured, which may know of a month that the bill has no charge of yet.

    Returns:
        For each series one row per future day (``is_future``), from the day after the newest day of its currency, and
        one per recent day, expected without having seen it; the backtest of each candidate at the newest prices and
        exchange rates; drawn futures; and the exchange rates expected. A whole's forecast and futures equal the sums of
        its parts' wherever its history does.

    Raises:
        HistoryError: the history or ``priced`` lacks a column or holds a value that is no day or no amount.
        ValueError: ``as_of`` has no time zone, or a scope is named as part of itself.
    """
    moment = as_utc(as_of)
    settings = settings or ForecastSettings()
    end = horizon_end or BillingPeriod.containing(moment.date()).next().last_day
    billed = daily_series(history, before=moment.date())
    if parents is None:
        parents = parents_of(billed, team_of_app or {}, business_unit_of_team or {})
    rates = rates_of(priced, exchange_rates, billed, moment.date())
    every, rate_factors = rates.at_newest(billed)
    changes = KnownChanges(
        tuple(events.price_changes),
        tuple(events.capacities),
        parents,
        shares_of(breakdown, events, billed, max((one.last_day for one in billed), default=moment.date())),
    )
    factors = changes.on_newest_prices(
        every, [np.datetime64(series.first_day, "D") + np.arange(series.values.size) for series in every]
    )
    jobs = [
        Job(
            series=replace(series, values=series.values * factor),
            horizon=max((end - series.last_day).days, 0),
            caps=changes.caps_of(series.scope),
            events=tuple(events_touching(series.scope, events, team_of_app or {})),
            countries=tuple(sorted(events.holidays)),
            settings=settings,
        )
        for series, factor in zip(every, factors, strict=True)
    ]
    with nullcontext(workers) if workers else Workers() as those:
        forecasts = _run(jobs, workers=those, progress=progress or _silent, cache=cache)
    forecasts = [
        _as_billed(result, price * rate) for result, price, rate in zip(forecasts, factors, rate_factors, strict=True)
    ]
    drawn = [_draw(series.scope, result) for series, result in zip(every, forecasts, strict=True)]
    lines, drawn = rates.ahead(every, [result.future for result in forecasts], drawn)
    forecasts = [replace(result, future=line) for result, line in zip(forecasts, lines, strict=True)]
    forecasts, drawn = reconcile(every, forecasts, drawn, parents)
    if changes:
        days = [_days(result.future) for result in forecasts]
        lines, drawn = changes.ahead(every, [result.future for result in forecasts], drawn, days)
        forecasts = [replace(result, future=line) for result, line in zip(forecasts, lines, strict=True)]
    stamp = naive_utc(moment)
    return ForecastResult(
        forecast=build_frame(
            "forecast_daily",
            [row for job, result in zip(jobs, forecasts, strict=True) for row in _forecast_rows(job, result, stamp)],
        ),
        accuracy=build_frame(
            "forecast_accuracy",
            [row for job, result in zip(jobs, forecasts, strict=True) for row in _accuracy_rows(job, result, stamp)],
        ),
        path=path_frame(
            [
                (job.series.scope, result.future.first_day, paths)
                for job, result, paths in zip(jobs, forecasts, drawn, strict=True)
            ],
            stamp,
        ),
        rate=build_frame("forecast_rate", list(rates.rows(every, end, stamp))),
    )


def _as_billed(result: SeriesForecast, factor: Floats) -> SeriesForecast:
    """Expectations of days that are over at the prices and exchange rates that they had."""
    line = result.recent
    if (factor == 1).all() or not line.expected:
        return result
    at = factor[factor.size - len(line.expected) :]
    bounds = {name: (np.array(getattr(line, name)) / at).tolist() for name in BOUNDS}
    return replace(result, recent=replace(line, **bounds))


def _days(line: Line) -> Days:
    return np.datetime64(line.first_day, "D") + np.arange(len(line.expected))


def _draw(scope: Scope, result: SeriesForecast) -> Floats:
    line = result.future
    lower = {0.8: np.array(line.lower), 0.95: np.array(line.lower_95)}
    upper = {0.8: np.array(line.upper), 0.95: np.array(line.upper_95)}
    residuals = np.array(result.residuals, dtype=np.float64)
    return draw(np.array(line.expected), lower, upper, residuals, own=zlib.crc32(str(scope).encode()))


def _silent(message: str) -> None:
    del message


def _run(
    jobs: Sequence[Job], *, workers: Workers, progress: Callable[[str], None], cache: Path | None
) -> list[SeriesForecast]:
    memory = ForecastCache(cache) if cache else None
    done: dict[int, SeriesForecast] = {}
    if memory:
        done = {index: found for index, job in enumerate(jobs) if (found := memory.get(job)) is not None}
        if done:
            progress(f"{len(done)} of {len(jobs)} series are unchanged since their last forecast")
    todo = [index for index in range(len(jobs)) if index not in done]
    # Equal horizons together: the engine looks equally far for all it forecasts at once.
    todo.sort(key=lambda index: (jobs[index].horizon, index))
    position = 0
    chunks = list(_chunks(jobs, todo, workers))
    for chunk, results in zip(
        chunks, workers.forecast([[jobs[index] for index in chunk] for chunk in chunks]), strict=True
    ):
        for index, result in zip(chunk, results, strict=True):
            position += 1
            done[index] = result
            if memory:
                memory.put(jobs[index], result)
            progress(f"Forecast {position} of {len(todo)}: {jobs[index].series.scope}, {result.future.model_name}")
    return [done[index] for index in range(len(jobs))]


def _chunks(jobs: Sequence[Job], todo: Sequence[int], workers: Workers) -> Iterator[list[int]]:
    by_horizon: dict[int, list[int]] = {}
    for index in todo:
        by_horizon.setdefault(jobs[index].horizon, []).append(index)
    for group in by_horizon.values():
        yield from ([group[place] for place in places] for places in workers.chunks(len(group)))


def _forecast_rows(job: Job, result: SeriesForecast, stamp: datetime) -> Iterator[dict[str, Any]]:
    for line, is_future in ((result.recent, False), (result.future, True)):
        numbers = zip(line.expected, line.lower, line.upper, line.lower_95, line.upper_95, strict=True)
        for index, (expected, lower, upper, lower_95, upper_95) in enumerate(numbers):
            yield {
                "forecast_date": _day(line, index),
                **_scope(job.series),
                "expected_cost": money(expected),
                "lower_cost": money(lower),
                "upper_cost": money(upper),
                "lower_95_cost": money(lower_95),
                "upper_95_cost": money(upper_95),
                "model_name": line.model_name,
                "as_of": stamp,
                "is_future": is_future,
            }


def _accuracy_rows(job: Job, result: SeriesForecast, stamp: datetime) -> Iterator[dict[str, Any]]:
    for row in result.accuracy:
        yield {
            **_scope(job.series),
            "model_name": row.model_name,
            "horizon_days": row.horizon_days,
            "folds": row.folds,
            "mean_absolute_error": None if row.mean_absolute_error is None else money(row.mean_absolute_error),
            "mean_absolute_scaled_error": _rounded(row.mean_absolute_scaled_error),
            "interval_coverage": _rounded(row.interval_coverage),
            "interval_coverage_95": _rounded(row.interval_coverage_95),
            "weight": _rounded(row.weight),
            "is_chosen": row.is_chosen,
            "as_of": stamp,
        }


def _rounded(statistic: float | None) -> float | None:
    # The last digits of a sum depend on where its numbers lie in memory: the same run again must write the same.
    return None if statistic is None else round(float(statistic), _DIGITS)


def _scope(series: DailySeries) -> dict[str, str]:
    scope: Scope = series.scope
    return {"scope_type": scope.type, "scope_value": scope.value, "currency": scope.currency}


def _day(line: Line, index: int) -> date:
    return date.fromordinal(line.first_day.toordinal() + index)
