"""Where months and quarters will end, and how good such forecasts have been.

Here: tables and charts of forecasts. Not here: budgets (``budgets``), the forecasts themselves (models, dbt).
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from reports import formatting as f
from reports.dashboards import cells
from reports.dashboards.ask import Ask
from reports.dashboards.model import Cell, Column, Row, Table, Target, Tone
from reports.dashboards.parts.forecast_charts import hours_chart, months_chart, quality_charts
from reports.figures import forecast as drawn
from reports.figures.spend import NO_OWNER
from reports.frames import ZERO
from reports.measures.forecasts import LEVELS, NO_TEAM, PERIODS, Forecasts, forecasts
from reports.measures.rates import unknown_rates
from reports.page.chart import Chart

MATURITY_TONES: dict[str, Tone] = {"run": "good", "walk": "neutral", "crawl": "warn"}
MODEL_WORDS = {"prophet": "Prophet", "seasonal_naive": "Seasonal naive", "mean": "Mean"}
HOUR_TEAMS = 20
YARDSTICKS = ("prophet", "seasonal_naive")
"""Candidates that the forecast is shown beside: two dozen dots a line say nothing."""


def forecasts_of(ask: Ask) -> Forecasts:
    """Company and teams: totals of periods, months judged, quality by days ahead."""
    return forecasts(
        ask.frame(
            "fct_forecast_total", "currency = $currency and scope_type in (select unnest($levels))", levels=LEVELS
        ),
        ask.frame("fct_forecast_variance_monthly", "currency = $currency and scope_type in ('company', 'team')"),
        ask.frame("fct_forecast_quality", "currency = $currency"),
    )


def days_ahead(ask: Ask) -> pd.DataFrame:
    """``day, expected, lower, upper`` of the scope's days after the bill, to the end of the month."""
    found = ask.rows(
        """select forecast_date as day, expected_cost as expected, lower_cost as lower, upper_cost as upper
           from fct_forecast_daily
           where scope_type = $scope_type and scope_value = $scope_value and currency = $currency and is_future
                 and forecast_date > $through and forecast_date <= $until
           order by 1""",
        until=ask.month.last_day,
    )
    return pd.DataFrame(found, columns=["day", "expected", "lower", "upper"])


def totals_table(ask: Ask, found: Forecasts) -> Table:
    extended = found.extended_periods
    notes = ["* Ends later than the forecast; the days beyond it are taken to be like its own."] if extended else []
    unknown = unknown_rates(ask.frame("fct_forecast_exchange_rate", "currency = $currency"))

    def cell(scope: Any, period: str) -> Cell:
        one = scope.totals.get(period)
        if one is None:
            return Cell(cells.NOTHING)
        return Cell(
            f.whole_money(one.expected, ask.currency),
            sort=one.expected,
            small=f"{f.whole(one.lower)} to {f.whole(one.upper)}",
        )

    return Table(
        "forecast-totals",
        "Where months and the quarter will end",
        (
            Column("Scope"),
            *(Column(f"{name}{'*' if key in extended else ''}", "number") for key, name in PERIODS.items()),
        ),
        tuple(
            Row(
                (
                    Cell(scope.name, target=_target(scope.scope_type, scope.scope_value, scope.name)),
                    *(cell(scope, period) for period in PERIODS),
                )
            )
            for scope in found.totals
        ),
        "There is no forecast yet; it is made once enough days have been billed.",
        caption="AI spend when the period ends: billed so far and the forecast of the rest. Below each figure: 80% of "
        "the forecast's paths end between the two, so the teams' bounds do not add up to the company's.",
        export="fct_forecast_total",
        more=" ".join([*notes, *(rate.words for rate in unknown)]),
    )


def _target(scope_type: str, scope_value: str, name: str) -> Target | None:
    return Target("team", scope_value) if scope_type == "team" and name == scope_value else None


def next_hours(ask: Ask) -> Chart:
    scope = ask.view.scope or "all"
    hours = ask.frame(
        "fct_usage_forecast_hourly",
        "currency = $currency and scope_type = $scope_type and scope_value = $scope_value",
    )
    return hours_chart(hours, ask.currency, ask.kind, scope)


def months(ask: Ask, found: Forecasts) -> Chart:
    return months_chart(found, ask.currency)


def months_table(ask: Ask, found: Forecasts) -> Table:
    """Every month of the company against the forecast of its first days, newest first."""
    maturities = ", ".join(f"{count} {name}" for name, count in found.team_maturities.items())
    return Table(
        "forecast-months-table",
        "Company months",
        (
            Column("Month"),
            Column("Forecast", "number"),
            Column("Billed", "number"),
            Column("Off by", "number", "(forecast − billed) / billed"),
            Column("Maturity", "badge"),
        ),
        tuple(
            Row(
                (
                    Cell(
                        f.month(month.month),
                        sort=month.month,
                        small=", ".join(
                            part
                            for part in (
                                "" if month.is_complete else f"through {f.short_day(month.last_day)}",
                                "backcast" if month.is_backcast else "",
                            )
                            if part
                        ),
                    ),
                    cells.money(month.forecast, ask.currency),
                    cells.money(month.actual, ask.currency),
                    Cell(cells.NOTHING)
                    if month.variance_ratio is None
                    else Cell(f.signed_percent(month.variance_ratio, 1), sort=month.variance_ratio),
                    Cell(cells.NOTHING)
                    if month.maturity is None
                    else Cell(month.maturity, tone=MATURITY_TONES.get(month.maturity, "bad")),
                )
            )
            for month in reversed(found.company_months)
        ),
        "Months appear here once one has been billed that a forecast was made for.",
        caption="Run: within 12% of what was billed, walk 15%, crawl 20%.",
        export="fct_forecast_variance_monthly",
        more=f"Whole months of teams: {maturities}." if maturities else "",
    )


def quality(found: Forecasts) -> tuple[Chart, Chart]:
    return quality_charts(found)


def backtests(ask: Ask) -> tuple[Chart, Table]:
    """The blend of all candidates against its yardsticks, for company, business units and teams."""
    rows = ask.rows(
        """select scope_type, scope_value, model_name, horizon_days, folds, mean_absolute_error as error,
                  mean_absolute_scaled_error as scaled, interval_coverage as inside, is_chosen
           from fct_forecast_accuracy
           where currency = $currency and scope_type in ('company', 'business_unit', 'team')
                 and (is_chosen or model_name in (select unnest($yardsticks)))
           order by list_position(['company', 'business_unit', 'team'], scope_type), scope_value, is_chosen desc,
                    model_name""",
        yardsticks=YARDSTICKS,
    )
    errors = pd.DataFrame(
        [(_scope_name(row), _model_name(row), row["scaled"]) for row in rows if row["scaled"] is not None],
        columns=["scope", "model", "error"],
    )
    if not errors.empty:
        errors = errors.groupby(["scope", "model"], as_index=False, sort=False)[["error"]].mean()
    chart = Chart(
        "accuracy",
        "Backtest: the blend against its yardsticks",
        "Mean absolute scaled error, folds averaged; left is better, 1 is as good as repeating the last week. "
        "The blend of all candidates is the one used.",
        "Dots of forecast error by scope and model; the table beside it has the numbers.",
        None if errors.empty else drawn.accuracy(errors, list(dict.fromkeys(errors["model"]))),
        ask.empty("fct_forecast_accuracy", "No backtest has run yet; it needs a few weeks of billed days."),
    )
    models = list(dict.fromkeys(_model_name(row) for row in rows))
    of_model = {(_scope_name(row), row["horizon_days"], _model_name(row)): row["scaled"] for row in rows}

    def scaled(row: dict[str, Any], model: str) -> Cell:
        error = of_model.get((_scope_name(row), row["horizon_days"], model))
        return Cell(cells.NOTHING) if error is None else Cell(f"{error:.2f}", sort=error)

    table = Table(
        "backtests",
        "Backtests",
        (
            Column("Scope"),
            Column("Tests", "number"),
            Column("Error a day", "number"),
            Column("In interval", "number", "Intervals promise 80%"),
            *(Column(name, "number", "Mean absolute scaled error") for name in models),
        ),
        tuple(
            Row(
                (
                    Cell(_scope_name(row)),
                    Cell(f"{row['folds']} × {row['horizon_days']} days", sort=row["folds"]),
                    cells.money(row["error"], ask.currency),
                    cells.share(row["inside"]),
                    *(scaled(row, name) for name in models),
                )
            )
            for row in rows
            if row["is_chosen"]
        ),
        ask.empty("fct_forecast_accuracy", "No backtest has run yet; it needs a few weeks of billed days."),
        caption="Forecasts made from past days and compared with what came: how the used one did, then its scaled "
        "error beside the others'.",
        export="fct_forecast_accuracy",
    )
    return chart, table


def _scope_name(row: dict[str, Any]) -> str:
    kind, value = row["scope_type"], row["scope_value"]
    if kind == "company":
        return "Company"
    if kind == "team":
        return NO_OWNER if value == NO_TEAM else str(value)
    return f"{value} ({kind.replace('_', ' ')})"


def _model_name(row: dict[str, Any]) -> str:
    return MODEL_WORDS.get(row["model_name"], f.humanise(row["model_name"]))


def next_hours_by_team(ask: Ask) -> Table:
    rows = ask.rows(
        """with known as (
               select *, max(usage_hour) filter (where actual_cost is not null)
                             over (partition by scope_type, scope_value)
                             as newest
               from fct_usage_forecast_hourly where scope_type in ('team', 'app') and currency = $currency
           )
           select scope_type, scope_value,
                  sum(actual_cost) filter (where usage_hour > newest - interval 24 hours and usage_hour <= newest)
                      as before,
                  sum(expected_cost) filter (where is_future and usage_hour <= newest + interval 24 hours) as next_day,
                  sum(expected_cost) filter (where is_future) as two_days,
                  max_by(usage_hour, expected_cost)
                      filter (where is_future and usage_hour <= newest + interval 24 hours)
                      as busiest_hour
           from known group by 1, 2
           having sum(expected_cost) filter (where is_future) is not null
           order by scope_type desc, next_day desc nulls last, scope_value""",
    )
    teams = [row for row in rows if row["scope_type"] == "team"] or rows
    return Table(
        "next-hours-by-team",
        "The next 48 hours by team",
        (
            Column("Team"),
            Column("Last 24 hours", "number", "Priced usage, an estimate"),
            Column("Next 24 hours", "number", "Expected"),
            Column("Change", "number"),
            Column("Next 48 hours", "number", "Expected"),
            Column("Busiest hour (UTC)"),
        ),
        tuple(
            Row(
                (
                    cells.team(None if row["scope_value"] == "unallocated" else row["scope_value"])
                    if row["scope_type"] == "team"
                    else cells.app(row["scope_value"]),
                    cells.money(row["before"], ask.currency),
                    cells.money(row["next_day"], ask.currency),
                    cells.change(row["next_day"] or ZERO, row["before"]),
                    cells.money(row["two_days"], ask.currency),
                    cells.text(f"{row['busiest_hour']:%H:%M}" if row["busiest_hour"] else None),
                )
            )
            for row in teams[:HOUR_TEAMS]
        ),
        "There is no forecast by the hour yet; it is made with each run once there is usage by the hour.",
        export="fct_usage_forecast_hourly",
    )
