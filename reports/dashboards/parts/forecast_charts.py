"""Charts of forecasts: the next hours, how good forecasts have been, where budgets may end.

Here: which rows each chart draws, and the words for an empty one.
Not here: numbers (``reports.measures``) and traces (``reports.figures``).
"""

from __future__ import annotations

import pandas as pd

from finops.periods import BillingPeriod
from reports import formatting as f
from reports.figures import budget, forecast
from reports.measures.budgets import BudgetLine
from reports.measures.forecasts import MATURITIES, Forecasts, JudgedMonth
from reports.measures.hours import hours_of, scope_hours
from reports.page.chart import Chart

LEVEL_WORDS = {"company": "Company", "team": "Teams"}
FANS = 6
NOT_JUDGED = "No day that a forecast was made for has been billed yet."


def outlook_of(outlooks: pd.DataFrame, line: BudgetLine) -> pd.DataFrame:
    """``day, expected, lower, upper, lower_95, upper_95``, cumulative, from the last billed day on.

    Empty where the budget has no forecast. ``outlooks``: ``fct_budget_outlook_daily`` of one currency.
    """
    rows = outlooks[outlooks["budget_id"] == line.budget_id].sort_values("forecast_date")
    columns = {
        "expected": "median_cost",
        "lower": "lower_cost",
        "upper": "upper_cost",
        "lower_95": "lower_95_cost",
        "upper_95": "upper_95_cost",
    }
    start = [] if rows.empty else [rows["forecast_date"].iloc[0] - pd.Timedelta(days=1)]
    return pd.DataFrame(
        {
            "day": [*start, *rows["forecast_date"]],
            **{
                name: pd.Series([*([line.billed_to_date] if start else []), *rows[column]], dtype=object)
                for name, column in columns.items()
            },
        }
    )


def fans(lines: tuple[BudgetLine, ...], outlooks: pd.DataFrame, month: BillingPeriod, currency: str) -> list[Chart]:
    """Budgets that may be overrun, the likeliest first; the company's of this month has its burn-up instead."""
    in_doubt = [
        line
        for line in lines
        if (line.exceed_probability or 0) > 0
        and (line.scope_type, line.period, line.period_start) != ("company", "month", month.start)
    ]
    charts = []
    for line in sorted(in_doubt, key=lambda line: -(line.exceed_probability or 0))[:FANS]:
        rows = outlook_of(outlooks, line)
        if rows.empty:
            continue
        words = f"Budget {f.whole_money(line.amount, currency)} to {f.short_day(line.period_end)}. {line.chance_words}"
        reach = rows["day"].iloc[-1].date()
        if reach < line.period_end:
            words += f" The forecast reaches {f.short_day(reach)}; the days beyond are taken to be like its own."
        charts.append(
            Chart(
                f"fan-{line.budget_id}",
                line.name,
                words,
                f"Where the budget of {line.name} may stand, with 80% and 95% intervals. {words}",
                budget.fan(rows, line.amount, currency),
                "",
            )
        )
    return charts


def hours_chart(hours: pd.DataFrame, currency: str, scope_type: str = "company", scope_value: str = "all") -> Chart:
    """``hours``: ``fct_usage_forecast_hourly`` of one currency."""
    rows = hours_of(hours, scope_type, scope_value)
    found = [one for one in scope_hours(hours, scope_type) if one.scope_value == scope_value]
    said = "There is no usage by the hour that the next hours could be told from."
    if found:
        one = found[0]
        said = (
            f"The next 24 hours: {f.money(one.next_day, currency)}, {f.compact(one.tokens)} tokens in "
            f"{f.compact(one.requests)} requests; most from {one.busiest_hour:%H:%M} UTC, "
            f"{f.money(one.busiest, currency)} an hour."
        )
    return Chart(
        "forecast-hours",
        "The next 48 hours",
        "Model usage at list price. Solid: priced hours. Dotted: what was expected of an hour before it was over, and "
        f"of those to come, with 80% and 95% intervals. {said}",
        f"Lines of usage cost by the hour, as known and as expected. {said}",
        forecast.hours(rows, currency) if found else None,
        said,
    )


def months_chart(found: Forecasts, currency: str) -> Chart:
    months = [month for month in found.company_months if month.variance_ratio is not None]
    frame = pd.DataFrame(
        {
            "month": [month_label(month) for month in months],
            "ratio": [month.variance_ratio for month in months],
            "is_backcast": [month.is_backcast for month in months],
            "words": [_month_words(month, currency) for month in months],
        }
    )
    caption = (
        "Company AI spend as forecast in the month's first days, relative to what was billed; the FinOps Framework's "
        "bands are those of a practice that runs, walks or crawls."
    )
    if any(month.is_backcast for month in months):
        caption += " Hollow: no forecast was made then; it is what one would have said, made from what is known today."
    return Chart(
        "forecast-months",
        "Months against the forecast of their first days",
        caption,
        "Points of how far forecasts of whole months were off: "
        + ", ".join(f"{month_label(month)} {_month_words(month, currency)}" for month in months),
        forecast.variance(frame, MATURITIES) if months else None,
        "No month has been billed that a forecast was made for in its first days.",
    )


def _month_words(month: JudgedMonth, currency: str) -> str:
    off = f.signed_percent(month.variance_ratio or 0.0, 1)
    return (
        f"forecast {f.whole_money(month.forecast, currency)}, billed {f.whole_money(month.actual, currency)}, {off}"
        f"{' (backcast)' if month.is_backcast else ''}"
    )


def month_label(month: JudgedMonth) -> str:
    """``Oct 2026``, or ``Oct 2026 so far``."""
    return f"{month.month:%b %Y}{'' if month.is_complete else ' so far'}"


def quality_charts(found: Forecasts) -> tuple[Chart, Chart]:
    """Coverage of intervals and errors, both by days ahead."""
    frame = pd.DataFrame(
        {
            "level": [LEVEL_WORDS[line.level] for line in found.quality],
            "horizon": [line.horizon for line in found.quality],
            "coverage_80": [line.coverage_80 for line in found.quality],
            "coverage_95": [line.coverage_95 for line in found.quality],
            "error": [line.error_ratio for line in found.quality],
        }
    )
    levels = [words for words in LEVEL_WORDS.values() if words in set(frame["level"])]
    inside = ", ".join(
        f"{LEVEL_WORDS[line.level]} {line.horizon} days ahead {f.percent(line.coverage_80)} in 80% and "
        f"{f.percent(line.coverage_95)} in 95%"
        for line in found.quality
    )
    off = ", ".join(
        f"{LEVEL_WORDS[line.level]} {line.horizon} days ahead {f.percent(line.error_ratio, 1)}"
        for line in found.quality
        if line.error_ratio is not None
    )
    return (
        Chart(
            "forecast-coverage",
            "How often the bill was inside the interval",
            "Share of days, by how far ahead they were forecast; dashed: what the 80% and 95% intervals promise.",
            f"Lines of the share of days inside the intervals: {inside}.",
            None if frame.empty else forecast.coverage(frame, levels),
            NOT_JUDGED,
        ),
        Chart(
            "forecast-error",
            "How far off a day was",
            "Absolute error as a share of what was billed (WAPE), by days ahead; teams err more than their sum.",
            f"Bars of the error of forecasts: {off}.",
            None if frame.empty or frame["error"].isna().all() else forecast.errors(frame, levels),
            NOT_JUDGED,
        ),
    )
