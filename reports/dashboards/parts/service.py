"""How well an app's models serve, beside what they cost.

Here: latency and errors of the period, models against each other. Not here: objectives.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from reports import formatting as f
from reports.dashboards import cells
from reports.dashboards.ask import Ask
from reports.dashboards.model import Cell, Column, Row, Table, Tile
from reports.figures import frontier
from reports.frames import ZERO
from reports.page.chart import Chart

_LEVELS = """
select model, sum(request_count) as requests, sum(error_count) as errors,
       median(p50_milliseconds) as p50, median(p95_milliseconds) as p95, max(p95_milliseconds) as worst_p95,
       arg_max(usage_date, p95_milliseconds) as worst_day, sum(coalesce(effective_cost, estimated_cost)) as cost,
       list(p95_milliseconds order by usage_date) as trend
from (
    select model, usage_date, sum(request_count) as request_count, sum(error_count) as error_count,
           max(p50_milliseconds) as p50_milliseconds, max(p95_milliseconds) as p95_milliseconds,
           sum(effective_cost) as effective_cost, sum(estimated_cost) as estimated_cost
    from fct_service_level_daily
    where {scope} and (currency = $currency or currency is null) and usage_date between $first and $until
    group by all
)
group by 1
order by requests desc, model
"""
_FRONTIER = """
select model, app, cost_per_request, quality_score, quality_low, quality_high, is_on_frontier, routing_saves_cost,
       usage_month, p95_latency_ms
from fct_model_tradeoff_monthly
where {scope} and currency = $currency and cost_per_request is not null
      and usage_month = (select max(usage_month) from fct_model_tradeoff_monthly
                         where {scope} and currency = $currency and usage_month <= $last)
order by model
"""


def levels(ask: Ask) -> list[dict[str, Any]]:
    """Requests, errors and latency of each model in the period; of days, the median and the worst."""
    until = ask.view.as_of.date() if ask.is_current else ask.view.period.last
    return ask.rows(_LEVELS, until=until)


def _milliseconds(value: float | None) -> str:
    if value is None:
        return cells.NOTHING
    return f"{value / 1000:,.1f} s" if value >= 1000 else f"{value:,.0f} ms"


def tiles(rows: Sequence[Mapping[str, Any]]) -> list[Tile]:
    requests = sum((row["requests"] or 0) for row in rows)
    if not requests:
        return []
    errors = sum((row["errors"] or 0) for row in rows)
    timed = [row for row in rows if row["p95"] is not None]
    worst = max(timed, key=lambda row: row["p95"]) if timed else None
    return [
        Tile(
            "Failed calls",
            f.percent(errors / requests, 2) if errors else "None",
            sub=f"{f.compact(errors)} of {f.compact(requests)} requests",
        ),
        *(
            [
                Tile(
                    "Slowest model, 95% of calls within",
                    _milliseconds(worst["p95"]),
                    sub=str(worst["model"]),
                    foot="On the median day of the period.",
                )
            ]
            if worst is not None
            else []
        ),
    ]


def table(ask: Ask, rows: Sequence[Mapping[str, Any]]) -> Table:
    return Table(
        "service-levels",
        "Calls by model",
        (
            Column("Model"),
            Column("Requests", "number"),
            Column("Failed", "number"),
            Column("Half within", "number", "P50 of the median day"),
            Column("95% within", "number", "P95 of the median day"),
            Column("Worst day", "number", "The highest P95 of a day"),
            Column("P95 by day", "spark"),
            Column("Cost of 1,000 requests", "number"),
            Column("Cost", "number", "Billed where it is known, else at list price"),
        ),
        tuple(_row(ask, row) for row in rows),
        "No call of it was counted in the period; connect gateway spans.",
        caption=f"From {f.day(ask.view.period.first)}. Latency as the caller saw it; a dash: nobody timed them.",
        export="fct_service_level_daily",
    )


def _row(ask: Ask, row: Mapping[str, Any]) -> Row:
    requests, cost = row["requests"] or 0, row["cost"]
    return Row(
        (
            cells.model(row["model"]),
            cells.count(requests),
            cells.share(row["errors"] / requests, 2) if requests and row["errors"] else Cell("none", sort=0),
            Cell(_milliseconds(row["p50"]), sort=row["p50"]),
            Cell(_milliseconds(row["p95"]), sort=row["p95"]),
            Cell(
                _milliseconds(row["worst_p95"]),
                sort=row["worst_p95"],
                small=f.short_day(row["worst_day"]) if row["worst_day"] else "",
            ),
            Cell(spark=tuple(row["trend"] or ())),
            cells.unit_money(cost * 1000 / requests if cost is not None and requests else None, ask.currency),
            cells.money(cost, ask.currency),
        )
    )


def frontier_chart(ask: Ask) -> Chart:
    """The app's models of the newest month: what a request costs and how good its answers are."""
    rows = ask.rows(_FRONTIER)
    shown = pd.DataFrame(
        [
            (
                row["app"],
                row["model"],
                float(row["cost_per_request"]) * 1000,
                float(row["quality_score"]),
                float(row["quality_low"]),
                float(row["quality_high"]),
                row["is_on_frontier"],
            )
            for row in rows
            if row["quality_score"] is not None
        ],
        columns=["app", "model", "cost", "quality", "low", "high", "is_on_frontier"],
    )
    saved = sum((row["routing_saves_cost"] or ZERO for row in rows), ZERO)
    month = f", {f.month(rows[0]['usage_month'])}" if rows else ""
    text = f"Its models{month}; filled where no other one is as good on cost, speed and quality."
    if saved > 0:
        text += f" Cheaper ones that are no worse would have saved {f.money(saved, ask.currency)}."
    return Chart(
        "tradeoff",
        "Cost against quality",
        text,
        "Points of what 1,000 requests cost and how good the answers were judged: "
        + ", ".join(f"{row.model} {ask.currency} {row.cost:,.2f} and {row.quality:.0%}" for row in shown.itertuples()),
        None if shown.empty else frontier.scatter(shown, sorted(set(shown["app"])), ask.currency),
        ask.empty(
            "fct_model_tradeoff_monthly",
            f"Nobody judged answers of {ask.name}; deliver outcomes with model and quality_score.",
        ),
    )
