"""Where months and quarters will end, and how good such forecasts have been.

Here: reading the marts of the newest forecast and of all past ones, and showing them.
Not here: forecasting (models), totals and errors (dbt).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from rich.console import Console
from rich.table import Table

from cli.published import query_mart
from finops.paths import Home
from reports import formatting as f

LEVELS = (
    "company", "business_unit", "team", "app", "project", "model", "environment", "service", "region", "provider",
)  # fmt: skip
PERIODS = {"month": "This month", "next_month": "Next month", "quarter": "This quarter"}
_BANDS = {"run": "run, within 12%", "walk": "walk, within 15%", "crawl": "crawl, within 20%"}


@dataclass(frozen=True)
class Total:
    """What a period will have cost a scope, in ``currency``."""

    period: str
    period_end: date
    scope_value: str
    currency: str
    expected: Decimal
    lower: Decimal
    upper: Decimal
    is_extended: bool


@dataclass(frozen=True)
class Judged:
    """A billed month against the forecast of its first days."""

    month: date
    currency: str
    forecast: Decimal
    actual: Decimal
    variance_ratio: float | None
    maturity: str | None
    is_backcast: bool
    is_complete: bool


@dataclass(frozen=True)
class Quality:
    """All forecasts of billed days so far, by days ahead. Ratios; None where nothing was spent."""

    currency: str
    horizon: str
    days: int
    error_ratio: float | None
    scaled_error: float | None
    bias_ratio: float | None
    coverage_80: float
    coverage_95: float


def read_totals(home: Home, level: str) -> list[Total]:
    """Totals of every scope of a level, the dearest first.

    Raises:
        NotPublishedError: the home has no such mart yet.
    """
    rows = query_mart(
        home,
        "fct_forecast_total",
        """select period, period_end, scope_value, currency, expected_cost, lower_cost, upper_cost, is_extended
           from read_parquet($mart) where scope_type = $level
           order by max(expected_cost) over (partition by scope_value, currency) desc, scope_value, currency""",
        {"level": level},
    )
    return [Total(*row) for row in rows]


def read_judged(home: Home) -> list[Judged]:
    """Months of the company, oldest first."""
    rows = query_mart(
        home,
        "fct_forecast_variance_monthly",
        """select usage_month, currency, forecast_cost, actual_cost, variance_ratio, maturity, is_backcast, is_complete
           from read_parquet($mart) where scope_type = 'company' order by currency, usage_month""",
        {},
    )
    return [Judged(*row) for row in rows]


def read_quality(home: Home, level: str) -> list[Quality]:
    """All scopes of a level together, by days ahead."""
    rows = query_mart(
        home,
        "fct_forecast_quality",
        """select currency, horizon_band, day_count, weighted_absolute_error_ratio, mean_absolute_scaled_error,
                  bias_ratio, coverage_80, coverage_95
           from read_parquet($mart) where scope_type = $level and scope_value = '(all)'
           order by currency, horizon_band""",
        {"level": level},
    )
    return [Quality(*row) for row in rows]


def show(totals: list[Total], judged: list[Judged], quality: list[Quality], level: str, console: Console) -> None:
    """Totals, then months that were judged, then errors by days ahead."""
    if not totals:
        console.print(f"There is no forecast by {level.replace('_', ' ')} yet.")
        return
    console.print(_totals(totals, level))
    console.print("Below each figure: 80% of the forecast's paths end between the two", style="dim")
    if any(total.is_extended for total in totals):
        console.print("* ends later than the forecast; the days beyond it are taken to be like its own", style="dim")
    if judged:
        console.print("\n[bold]Whole months against the forecast of their first days[/] (the company)")
        console.print(_judged(judged))
        if any(month.is_backcast for month in judged):
            console.print(
                "° no forecast was made then: this is what it would have said, from what was billed then as it is "
                "known today",
                style="dim",
                soft_wrap=True,
            )
    if quality:
        console.print(f"\n[bold]Days against every forecast of them[/] (by {level.replace('_', ' ')})")
        console.print(_quality(quality))


def _totals(totals: list[Total], level: str) -> Table:
    table = Table(level.replace("_", " ").capitalize(), box=None, header_style="bold", pad_edge=False)
    for name in PERIODS.values():
        table.add_column(name, justify="right", no_wrap=True)
    by_scope: dict[tuple[str, str], dict[str, Total]] = {}
    for total in totals:
        by_scope.setdefault((total.scope_value, total.currency), {})[total.period] = total
    for (value, currency), found in by_scope.items():
        cells = []
        for period in PERIODS:
            one = found.get(period)
            if one is None:
                cells.append("–")
                continue
            mark = "*" if one.is_extended else ""
            expected = f"{f.whole_money(one.expected, currency)}{mark}"
            cells.append(f"{expected}\n[dim]{one.lower:,.0f}–{one.upper:,.0f}[/]")
        table.add_row(value, *cells)
    return table


def _judged(judged: list[Judged]) -> Table:
    table = Table("Month", box=None, header_style="bold", pad_edge=False)
    for heading in ("Forecast", "Billed", "Variance"):
        table.add_column(heading, justify="right")
    table.add_column("Maturity")
    for month in judged:
        name = f.month(month.month) + ("" if month.is_complete else " so far") + ("°" if month.is_backcast else "")
        table.add_row(
            name,
            f.whole_money(month.forecast, month.currency),
            f.whole_money(month.actual, month.currency),
            "–" if month.variance_ratio is None else f.signed_percent(month.variance_ratio, 1),
            _BANDS.get(month.maturity or "", month.maturity or "–"),
        )
    return table


def _quality(quality: list[Quality]) -> Table:
    table = Table("Days ahead", box=None, header_style="bold", pad_edge=False)
    for heading in ("Days", "Error (WAPE)", "MASE", "Bias", "In 80%", "In 95%"):
        table.add_column(heading, justify="right")
    for row in quality:
        table.add_row(
            row.horizon,
            f.whole(row.days),
            "–" if row.error_ratio is None else f.percent(row.error_ratio, 1),
            "–" if row.scaled_error is None else f"{row.scaled_error:.2f}",
            "–" if row.bias_ratio is None else f.signed_percent(row.bias_ratio, 1),
            f.percent(row.coverage_80),
            f.percent(row.coverage_95),
        )
    return table
