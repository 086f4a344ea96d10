"""Capacity for models: what deployments carry and refuse, and whether provisioned throughput is worth its price.

Here: deployments, units by account against pay as you go.
Not here: latency (``service``), giving units back (``opportunities``).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pandas as pd

from reports import formatting as f
from reports.dashboards import cells
from reports.dashboards.ask import Ask, Rows
from reports.dashboards.model import Block, Cell, Column, Note, Row, Table
from reports.figures import unit as drawn
from reports.page.chart import Chart

CHART_DAYS = 60
SHOWN = 15


def deployments_table(ask: Ask) -> Table:
    rows = ask.rows(
        """select regexp_extract(resource_id, '[^/]+$') as account, deployment_name, any_value(reported_model) as model,
                  sum(request_count)::bigint as requests, sum(failed_request_count)::bigint as failed,
                  sum(throttled_request_count)::bigint as throttled, sum(spillover_request_count)::bigint as spilled,
                  max(highest_provisioned_utilization_ratio) as fullest,
                  max(usage_hour) filter (where request_count > 0) as last_used
           from fct_deployment_load_hourly
           where usage_hour >= $first and usage_hour < $last::date + 1
           group by resource_id, deployment_name
           order by throttled desc nulls last, requests desc nulls last""",
        last=cells.usage_through(ask.view),
    )
    return Table(
        "deployments",
        "Deployments",
        (
            Column("Deployment"),
            Column("Requests", "number"),
            Column("Refused (429)", "number", "The deployment was full"),
            Column("Failed", "number"),
            Column("Spilled over", "number", "Passed on by a full provisioned deployment"),
            Column("Fullest minute", "number", "Share of provisioned throughput in use"),
            Column("Last used"),
        ),
        tuple(
            Row(
                (
                    cells.text(row["deployment_name"], small=f"{row['account']}, {row['model'] or 'model not named'}"),
                    cells.compact(row["requests"]),
                    cells.count(row["throttled"]),
                    cells.count(row["failed"]),
                    cells.compact(row["spilled"]),
                    cells.share(row["fullest"]),
                    Cell(
                        cells.NOTHING if row["last_used"] is None else f.moment(row["last_used"]),
                        sort="" if row["last_used"] is None else row["last_used"].isoformat(),
                    ),
                )
            )
            for row in rows[:SHOWN]
        ),
        ask.empty(
            "fct_deployment_load_hourly",
            "No provider tells of deployments in this period; connect an azure_monitor source.",
        ),
        "Most refusals first.",
        export="fct_deployment_load_hourly",
        more=cells.more(len(rows), SHOWN),
    )


def units_of(ask: Ask) -> Rows:
    return ask.rows(
        """select resource_id, pool_id, sum(unit_hours) as unit_hours, sum(used_unit_hours) as used,
                  sum(effective_cost) as cost, sum(idle_cost) as idle_cost, sum(pay_as_you_go_cost) as pay_as_you_go,
                  sum(spillover_request_count)::bigint as spilled, sum(spillover_cost) as spilled_cost
           from fct_provisioned_throughput_daily
           where billing_currency = $currency and usage_date between $first and $last
           group by 1, 2 order by cost desc""",
    )


def unit_blocks(ask: Ask, units: Rows) -> tuple[tuple[Block, ...], ...]:
    """Units against pay as you go, or why there are none."""
    return ((_chart(ask),), (_table(ask, units),)) if units else ((_none_note(ask),),)


def _none_note(ask: Ask) -> Note:
    text = f"No provisioned throughput was paid for in {ask.currency} in {ask.view.period.label}."
    return Note(ask.empty("fct_provisioned_throughput_daily", text))


def unit_lead(ask: Ask, units: Rows) -> str:
    if not units:
        return ""
    cost, as_used = cells.total(units, "cost"), cells.total(units, "pay_as_you_go")
    spilled = cells.total(units, "spilled_cost")
    text = (
        f"{f.whole_money(cost, ask.currency)} was paid for units whose tokens would have cost "
        f"{f.whole_money(as_used, ask.currency)} as one pays for them"
    )
    if spilled:
        text += f"; what the units had no room for cost {f.whole_money(spilled, ask.currency)} more"
    text += ". "
    if as_used and cost > as_used:
        return text + f"The units break even at {f.compact(cost / as_used)} times the tokens that they served."
    return text + "The units are worth their price."


def _chart(ask: Ask) -> Chart:
    last = ask.view.period.last
    rows = ask.rows(
        """select usage_date as day, sum(effective_cost) as paid, sum(pay_as_you_go_cost) as as_used,
                  sum(spillover_cost) as spilled
           from fct_provisioned_throughput_daily
           where billing_currency = $currency and usage_date between $first and $last
           group by 1 order by 1""",
        first=max(ask.view.period.first, last - timedelta(days=CHART_DAYS - 1)),
        last=last,
    )
    names = {
        "paid": "Paid for units",
        "as_used": "The same tokens, pay as you go (estimated)",
        "spilled": "Spilled over (estimated)",
    }
    trend = pd.DataFrame(
        [{"day": row["day"], "series": label, "value": row[column]} for row in rows for column, label in names.items()],
        columns=["day", "series", "value"],
    )
    return Chart(
        "provisioned",
        "Units against pay as you go",
        "Per day. Units pay where their line is the lowest.",
        f"Lines per day: {f.money(cells.total(rows, 'paid'), ask.currency)} paid for units, "
        f"{f.money(cells.total(rows, 'as_used'), ask.currency)} for the same tokens as one pays for them, "
        f"{f.money(cells.total(rows, 'spilled'), ask.currency)} spilled over.",
        None if trend.empty else drawn.lines(trend, list(names.values()), ask.currency),
        "No provisioned throughput was paid for in this period.",
    )


def _table(ask: Ask, units: Rows) -> Table:
    currency = ask.currency

    def line(name: Cell, row: Mapping[str, Any]) -> Row:
        used, paid = row["used"], row["unit_hours"]
        return Row(
            (
                name,
                cells.count(paid),
                cells.bar(used / paid if used is not None and paid else None),
                cells.money(row["cost"], currency),
                cells.money(row["idle_cost"], currency),
                cells.money(row["pay_as_you_go"], currency),
                cells.compact(row["spilled"]),
                cells.money(row["spilled_cost"], currency),
            )
        )

    sums: dict[str, Any] = {
        name: cells.total(units, name)
        for name in ("unit_hours", "used", "cost", "idle_cost", "pay_as_you_go", "spilled_cost")
    }
    sums["spilled"] = sum(row["spilled"] or 0 for row in units)
    return Table(
        "provisioned-units",
        "Units by account",
        (
            Column("Account"),
            Column("Unit-hours", "number", "Hours of one provisioned unit (PTU) on the bill"),
            Column("Used", "bar"),
            Column("Cost", "number", "Billed"),
            Column("Of it idle", "number"),
            Column("Pay as you go", "number", "What the tokens that the units served would have cost; an estimate"),
            Column("Spilled over", "number", "Requests"),
            Column("Their cost", "number", "Estimated"),
        ),
        tuple(
            line(cells.text(row["resource_id"].rsplit("/", 1)[-1], small=row["pool_id"] or ""), row) for row in units
        ),
        "No provisioned throughput was paid for in this period.",
        f"{ask.view.period.label}.",
        total=line(Cell("All"), sums),
        export="fct_provisioned_throughput_daily",
    )
