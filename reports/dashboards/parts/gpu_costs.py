"""What an hour of a GPU costs: paid for, held, at work.

Here: unit costs of GPU-hours, their trend, teams.
Not here: idle hours (``gpu_idle``).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import pandas as pd

from reports import formatting as f
from reports.dashboards import cells
from reports.dashboards.ask import Ask
from reports.dashboards.model import Cell, Column, Row, Table, Tile
from reports.dashboards.parts import words
from reports.figures import unit as drawn
from reports.frames import ZERO
from reports.marts import from_rows
from reports.measures.units import (
    GPU_HOUR_WORDS,
    GPU_HOURS,
    SMOOTHING_DAYS,
    UnitCost,
    company_cost,
    period_unit_costs,
    smoothed,
)
from reports.page.chart import Chart

TREND_DAYS = 90


def economics_of(ask: Ask) -> pd.DataFrame:
    """Cost and hours of the company's days: of the period, what it is compared with, and what the trend shows."""
    rows = ask.rows(
        """select usage_date, unit, scope_type, scope_value, cost_basis, cost, quantity
           from fct_unit_economics_daily
           where unit in (select unnest($units)) and scope_type = 'company' and currency = $currency
               and usage_date between $since and $last
           order by usage_date""",
        units=list(GPU_HOURS),
        since=min(ask.view.period.before_first, _trend_start(ask)),
    )
    return from_rows("fct_unit_economics_daily", rows)


def _trend_start(ask: Ask) -> date:
    return ask.view.period.last - timedelta(days=TREND_DAYS - 1)


def costs_of(ask: Ask, economics: pd.DataFrame) -> tuple[UnitCost, ...]:
    period = ask.view.period
    return period_unit_costs(economics, period.first, period.last, period.before_first, period.before_last)


def tiles(ask: Ask, costs: tuple[UnitCost, ...]) -> list[Tile]:
    """Per hour that somebody held, or paid for where that is not known; nothing where neither is."""
    line = company_cost(costs, "gpu_hour_allocated") or company_cost(costs, "gpu_hour_billed")
    if line is None:
        return []
    busy = company_cost(costs, "gpu_hour_busy")
    return [
        Tile(
            "Cost per GPU-hour",
            f.unit_money(line.unit_cost, ask.currency),
            f"per {GPU_HOUR_WORDS[line.unit].lower()}, {words.unit_change_words(ask, line)}",
            f"{f.unit_money(busy.unit_cost, ask.currency)} per busy hour" if busy is not None else "",
        )
    ]


def hours_chart(ask: Ask, economics: pd.DataFrame, costs: tuple[UnitCost, ...]) -> Chart:
    basis = {unit: line.cost_basis for unit in GPU_HOURS if (line := company_cost(costs, unit)) is not None}
    rows = economics[economics["usage_date"] >= pd.Timestamp(_trend_start(ask))]
    rows = rows[rows["cost_basis"] == rows["unit"].map(basis)]
    rows = rows.assign(series=rows["unit"].map(GPU_HOUR_WORDS))
    trend = smoothed(rows, "series")
    names = [name for name in GPU_HOUR_WORDS.values() if name in set(trend["series"])]
    return Chart(
        "gpu-hours",
        "Cost per GPU-hour",
        f"The same cost over hours paid for, hours held by a pod, hours at work; {SMOOTHING_DAYS}-day average.",
        "Lines of cost per GPU-hour: "
        + ", ".join(
            f"{GPU_HOUR_WORDS[unit]} {f.unit_money(line.unit_cost, ask.currency)}"
            for unit in basis
            if (line := company_cost(costs, unit)) is not None
        ),
        None if trend.empty else drawn.lines(trend, names, ask.currency),
        "No GPU cost has been matched with GPU hours yet.",
    )


def hours_table(ask: Ask, costs: tuple[UnitCost, ...]) -> Table:
    lines = [line for unit in GPU_HOURS if (line := company_cost(costs, unit)) is not None]
    return Table(
        "gpu-hour-costs",
        "Three kinds of hour",
        (
            Column("Hour"),
            Column("Hours", "number"),
            Column("Cost each", "number"),
            Column("Change", "number", f"Against {ask.view.period.before_label}"),
        ),
        tuple(
            Row(
                (
                    cells.text(GPU_HOUR_WORDS[line.unit], small=line.cost_basis),
                    cells.count(line.quantity),
                    cells.unit_money(line.unit_cost, ask.currency),
                    cells.change(line.unit_cost, line.previous_unit_cost),
                )
            )
            for line in lines
        ),
        "No GPU cost has been matched with GPU hours in this period.",
        f"{f.whole_money(lines[0].cost, ask.currency)} of GPU cost, {ask.view.period.label}." if lines else "",
        export="fct_unit_economics_daily",
    )


def teams_table(ask: Ask, whole: UnitCost | None) -> Table:
    rows = ask.rows(
        """select scope_value as team, max(cost) as cost,
                  max(quantity) filter (where unit = 'gpu_hour_billed') as billed,
                  max(quantity) filter (where unit = 'gpu_hour_allocated') as held,
                  max(quantity) filter (where unit = 'gpu_hour_busy') as busy
           from (
               select scope_value, unit, sum(cost) as cost, sum(quantity) as quantity from fct_unit_economics_daily
               where unit in (select unnest($units)) and scope_type = 'team' and cost_basis = $basis
                   and currency = $currency and usage_date between $first and $last
               group by all
           )
           group by 1 order by cost desc, team""",
        units=list(GPU_HOURS),
        basis="billed" if whole is None else whole.cost_basis,
    )

    def line(name: Cell, row: Mapping[str, Any]) -> Row:
        cost, held, busy = row["cost"], row["held"] or ZERO, row["busy"] or ZERO
        return Row(
            (
                name,
                cells.money(cost, ask.currency, small="idle hours" if cost and not held else ""),
                cells.count(row["billed"]),
                cells.count(held),
                cells.count(busy),
                cells.bar(busy / held if held else None),
                cells.unit_money(cost / held if held else None, ask.currency),
                cells.unit_money(cost / busy if busy else None, ask.currency),
            )
        )

    sums = {column: cells.total(rows, column) for column in ("cost", "billed", "held", "busy")}
    return Table(
        "gpu-teams",
        "By team",
        (
            Column("Team"),
            Column("GPU cost", "number", "Billed and split by use of the pools"),
            Column("Hours paid for", "number"),
            Column("Held", "number"),
            Column("Busy", "number"),
            Column("Busy of held", "bar"),
            Column("Per held hour", "number"),
            Column("Per busy hour", "number"),
        ),
        tuple(line(cells.team(row["team"]), row) for row in rows),
        f"No team's GPU cost has been matched with GPU hours in {ask.view.period.label}.",
        f"{ask.view.period.label}, most money first.",
        total=line(Cell("All teams"), sums),
        export="fct_unit_economics_daily",
    )
