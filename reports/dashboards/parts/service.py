"""How well models serve, beside what they cost.

Here: latency and errors of the period, of an app by model and of all apps. Not here: objectives, quality
(``tradeoff``), deployments and their capacity (``capacity``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from reports import formatting as f
from reports.dashboards import cells
from reports.dashboards.ask import Ask, Rows
from reports.dashboards.model import Cell, Column, Row, Table, Target, Tile, Tone

SHOWN = 15
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


def levels(ask: Ask) -> list[dict[str, Any]]:
    """Requests, errors and latency of each model in the period; of days, the median and the worst."""
    until = ask.view.as_of.date() if ask.is_current else ask.view.period.last
    return ask.rows(_LEVELS, until=until)


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
                    f.milliseconds(worst["p95"]),
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
            cells.milliseconds(row["p50"]),
            cells.milliseconds(row["p95"]),
            cells.milliseconds(row["worst_p95"], small=f.short_day(row["worst_day"]) if row["worst_day"] else ""),
            Cell(spark=tuple(row["trend"] or ())),
            cells.unit_money(cost * 1000 / requests if cost is not None and requests else None, ask.currency),
            cells.money(cost, ask.currency),
        )
    )


def services_of(ask: Ask) -> Rows:
    """Calls of each model in each app. Percentiles of days cannot be added up: the middle one, and the worst."""
    return ask.rows(
        """select model, app, sum(request_count)::bigint as requests, sum(error_count)::bigint as errors,
                  median(p95_milliseconds) as p95, max(p95_milliseconds) as worst_p95,
                  sum(mean_milliseconds * timed_request_count) filter (where mean_milliseconds is not null)
                      / nullif(sum(timed_request_count) filter (where mean_milliseconds is not null), 0) as mean,
                  median(p95_first_token_milliseconds) as p95_first_token,
                  sum(effective_cost) as billed,
                  sum(request_count) filter (where effective_cost is not null) as billed_of,
                  sum(estimated_cost) as estimated,
                  sum(request_count) filter (where estimated_cost is not null) as estimated_of,
                  median(effective_cost_per_request_per_second) as billed_rate,
                  median(estimated_cost_per_request_per_second) as estimated_rate
           from fct_service_level_daily
           where is_attributable and (currency = $currency or currency is null) and usage_date between $first and $last
           group by model, app
           order by sum(coalesce(effective_cost, estimated_cost)) desc nulls last, requests desc nulls last""",
        last=cells.usage_through(ask.view),
    )


def failed_tiles(services: Rows) -> list[Tile]:
    """Failed calls of all models and apps; nothing where nothing was called."""
    requests = sum(row["requests"] or 0 for row in services)
    if not requests:
        return []
    errors = sum(row["errors"] or 0 for row in services)
    slow = max((row for row in services if row["p95"] is not None), key=lambda row: row["p95"], default=None)
    return [
        Tile(
            "Failed requests",
            f.percent(errors / requests, 2),
            f"{f.whole(errors)} of {f.compact(requests)}",
            f"Slowest: {slow['model']} of {slow['app'] or 'no app'}, P95 {f.milliseconds(slow['p95'])}" if slow else "",
            tone="warn" if errors / requests > 0.01 else "good",
            target=Target("models", anchor="service"),
        )
    ]


def services_table(ask: Ask, services: Rows) -> Table:
    rows = []
    for row in services[:SHOWN]:
        is_billed = row["billed"] is not None and row["billed_of"]
        cost, of = (row["billed"], row["billed_of"]) if is_billed else (row["estimated"], row["estimated_of"])
        rate = row["billed_rate"] if row["billed_rate"] is not None else row["estimated_rate"]
        errors = row["errors"] / row["requests"] if row["requests"] and row["errors"] is not None else None
        tone: Tone = "warn" if errors is not None and errors > 0.02 else ""
        rows.append(
            Row(
                (
                    cells.text(row["model"]),
                    cells.app(row["app"]),
                    cells.compact(row["requests"]),
                    cells.share(errors, 2, tone=tone),
                    cells.milliseconds(
                        row["p95"],
                        small=f"worst day {f.milliseconds(row['worst_p95'])}"
                        if row["worst_p95"] is not None
                        else f"mean {f.milliseconds(row['mean'])}"
                        if row["mean"] is not None
                        else "",
                    ),
                    cells.milliseconds(row["p95_first_token"]),
                    cells.unit_money(
                        cost * 1000 / Decimal(of) if cost is not None and of else None,
                        ask.currency,
                        small="billed" if is_billed else "estimated",
                    ),
                    cells.unit_money(_decimal(rate), ask.currency),
                )
            )
        )
    return Table(
        "service-levels",
        "Service levels beside their cost",
        (
            Column("Model"),
            Column("App"),
            Column("Requests", "number"),
            Column("Failed", "number"),
            Column("P95", "number", "The middle one of the days; percentiles of days cannot be added up"),
            Column("P95, first token", "number"),
            Column("1,000 requests", "number"),
            Column(
                "A request per second",
                "number",
                "Cost of a day ÷ its busiest requests per second: the lower, the better capacity follows demand",
            ),
        ),
        tuple(rows),
        f"No source tells of requests in {ask.view.period.label}.",
        f"{ask.view.period.label}, most money first.",
        export="fct_service_level_daily",
        more=cells.more(len(services), SHOWN, "smaller ones"),
    )


def _decimal(value: Decimal | float | None) -> Decimal | None:
    """A median of decimals may come as a float; it is shown, not added up."""
    return None if value is None else value if isinstance(value, Decimal) else Decimal(str(value))
