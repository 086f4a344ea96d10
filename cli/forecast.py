"""Where months, quarters and the next hours will end, and how good such forecasts have been.

Here: showing what the reports measure, in the terminal.
Not here: reading and measuring (reports), forecasting (models), totals and errors (dbt).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
from rich.console import Console
from rich.table import Table

import reports
from finops.paths import Home
from orchestration.published import NotPublishedError
from reports import formatting as f
from reports.measures.forecasts import PERIODS, Forecasts, JudgedMonth, Quality, ScopeTotals, forecasts
from reports.measures.hours import ScopeHours, hours_of, scope_hours
from reports.measures.rates import UnknownRate, unknown_rates

LEVELS = (
    "company", "business_unit", "team", "app", "project", "model", "environment", "service", "region", "provider",
)  # fmt: skip
HOURLY_LEVELS = ("company", "business_unit", "team", "app", "model")
_BANDS = {"run": "run, within 12%", "walk": "walk, within 15%", "crawl": "crawl, within 20%"}


@dataclass(frozen=True)
class CurrencyForecasts:
    currency: str
    found: Forecasts
    unknown_rates: Sequence[UnknownRate] = ()


def read_forecasts(home: Home, level: str) -> list[CurrencyForecasts]:
    """Totals of every scope of a level, the company's judged months and the level's quality, by currency.

    Raises:
        NotPublishedError: the home has no forecasts yet.
        reports.MartError: they were published by another version.
    """
    totals, variances, quality, rates = _marts(
        home,
        "fct_forecast_total",
        "fct_forecast_variance_monthly",
        "fct_forecast_quality",
        "fct_forecast_exchange_rate",
    )
    found = []
    for name in sorted({str(name) for frame in (totals, variances, quality) for name in frame["currency"].unique()}):
        own = [frame[frame["currency"] == name] for frame in (totals, variances, quality)]
        unknown = unknown_rates(rates[rates["currency"] == name])
        found.append(CurrencyForecasts(name, forecasts(own[0], own[1], own[2], levels=(level,)), unknown))
    return found


def read_hours(home: Home) -> pd.DataFrame:
    """Usage by the hour, as known and as expected.

    Raises:
        NotPublishedError: the home has no such mart yet.
        reports.MartError: it was published by another version.
    """
    (found,) = _marts(home, "fct_usage_forecast_hourly")
    return found


def _marts(home: Home, *names: str) -> list[pd.DataFrame]:
    """Marts of one run, each there."""
    for name in names:
        if not (home.published / f"{name}.parquet").exists():
            raise NotPublishedError(f"{home.path} has no {name} yet; run `aifinops run` or `aifinops demo` first")
    marts = reports.read_marts(home.published)
    return [marts[name] for name in names]


def show(every: Sequence[CurrencyForecasts], level: str, console: Console) -> None:
    """Totals, then months that were judged, then errors by days ahead."""
    every = [one for one in every if one.found.totals]
    if not every:
        console.print(f"There is no forecast by {level.replace('_', ' ')} yet.")
        return
    console.print(_totals(every, level))
    console.print("Below each figure: 80% of the forecast's paths end between the two", style="dim")
    if any(one.found.extended_periods for one in every):
        console.print("* ends later than the forecast; the days beyond it are taken to be like its own", style="dim")
    for rate in (rate for one in every for rate in one.unknown_rates):
        console.print(rate.words, style="dim")
    judged = [(one.currency, month) for one in every for month in one.found.company_months]
    if judged:
        console.print("\n[bold]Whole months against the forecast of their first days[/] (the company)")
        console.print(_judged(judged))
        if any(month.is_backcast for _, month in judged):
            console.print(
                "° no forecast was made then: this is what it would have said, from what was billed then as it is "
                "known today",
                style="dim",
                soft_wrap=True,
            )
    quality = [row for one in every for row in one.found.quality]
    if quality:
        console.print(f"\n[bold]Days against every forecast of them[/] (by {level.replace('_', ' ')})")
        console.print(_quality(quality))


def show_hours(hours: pd.DataFrame, level: str, console: Console) -> None:
    """The next day and the next two of each scope of a level; hour by hour for the company."""
    found = scope_hours(hours, level)
    if not found:
        console.print(
            f"There is no forecast by the hour of any {level.replace('_', ' ')}: it is made from priced usage."
        )
        return
    console.print(_scope_hours(found, level))
    console.print("Usage at list price; the busiest of the next 24 hours with its 80% interval", style="dim")
    for currency in sorted({one.currency for one in found}):
        console.print(f"\n[bold]The company by the hour[/] ({currency}, UTC)")
        console.print(_company_hours(hours_of(hours[hours["currency"] == currency])))


def _scope_hours(found: Sequence[ScopeHours], level: str) -> Table:
    table = Table(level.replace("_", " ").capitalize(), box=None, header_style="bold", pad_edge=False)
    for heading in ("Next 24 h", "Next 48 h", "Tokens, 24 h", "Requests, 24 h", "Busiest hour"):
        table.add_column(heading, justify="right", no_wrap=True)
    for one in found:
        table.add_row(
            one.scope_value,
            f.money(one.next_day, one.currency),
            f.money(one.two_days, one.currency),
            f.compact(one.tokens),
            f.compact(one.requests),
            f"{one.busiest_hour:%H:%M} {f.money(one.busiest, one.currency)} "
            f"[dim]{one.busiest_lower:,.2f}–{one.busiest_upper:,.2f}[/]",
        )
    return table


def _company_hours(rows: pd.DataFrame) -> Table:
    table = Table("Hour", box=None, header_style="bold", pad_edge=False)
    for heading in ("Known", "Expected", "80% interval", "95% interval"):
        table.add_column(heading, justify="right")
    for row in rows[rows["expected_cost"].notna()].to_dict("records"):
        known = row["actual_cost"]
        table.add_row(
            f"{row['usage_hour']:%a %d %b %H:%M}",
            "" if known is None else f"{known:,.2f}",
            f"{row['expected_cost']:,.2f}",
            f"{row['lower_cost']:,.2f}–{row['upper_cost']:,.2f}",
            f"{row['lower_95_cost']:,.2f}–{row['upper_95_cost']:,.2f}",
        )
    return table


def _totals(every: Sequence[CurrencyForecasts], level: str) -> Table:
    table = Table(level.replace("_", " ").capitalize(), box=None, header_style="bold", pad_edge=False)
    for name in PERIODS.values():
        table.add_column(name, justify="right", no_wrap=True)
    for one in every:
        for scope in one.found.totals:
            table.add_row(scope.scope_value, *(_total(scope, period, one.currency) for period in PERIODS))
    return table


def _total(scope: ScopeTotals, period: str, currency: str) -> str:
    one = scope.totals.get(period)
    if one is None:
        return "–"
    expected = f"{f.whole_money(one.expected, currency)}{'*' if one.is_extended else ''}"
    return f"{expected}\n[dim]{one.lower:,.0f}–{one.upper:,.0f}[/]"


def _judged(judged: Sequence[tuple[str, JudgedMonth]]) -> Table:
    table = Table("Month", box=None, header_style="bold", pad_edge=False)
    for heading in ("Forecast", "Billed", "Variance"):
        table.add_column(heading, justify="right")
    table.add_column("Maturity")
    for currency, month in judged:
        name = f.month(month.month) + ("" if month.is_complete else " so far") + ("°" if month.is_backcast else "")
        table.add_row(
            name,
            f.whole_money(month.forecast, currency),
            f.whole_money(month.actual, currency),
            "–" if month.variance_ratio is None else f.signed_percent(month.variance_ratio, 1),
            _BANDS.get(month.maturity or "", month.maturity or "–"),
        )
    return table


def _quality(quality: Sequence[Quality]) -> Table:
    several = len({row.currency for row in quality}) > 1
    table = Table("Days ahead", box=None, header_style="bold", pad_edge=False)
    for heading in ("Days", "Error (WAPE)", "MASE", "Bias", "In 80%", "In 95%"):
        table.add_column(heading, justify="right")
    for row in quality:
        table.add_row(
            f"{row.horizon} ({row.currency})" if several else row.horizon,
            f.whole(row.days),
            "–" if row.error_ratio is None else f.percent(row.error_ratio, 1),
            "–" if row.scaled_error is None else f"{row.scaled_error:.2f}",
            "–" if row.bias_ratio is None else f.signed_percent(row.bias_ratio, 1),
            f.percent(row.coverage_80),
            f.percent(row.coverage_95),
        )
    return table
