"""Unit costs against the targets that were set for them.

Here: the table of targets.
Not here: unit costs themselves (``units``).
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from reports import formatting as f
from reports.dashboards import cells
from reports.dashboards.ask import Ask
from reports.dashboards.model import Cell, Column, Row, Table, Tone
from reports.dashboards.parts import units

_TARGETS = """
with newest as (
    select *, max(usage_date) over (
        partition by unit_id, team, app, project, feature, customer_hash, model, environment
    ) as last_day
    from fct_unit_cost_daily
    where currency = $currency and usage_date between $since and $until and {scope}
          and trailing_28d_unit_cost is not null
), each as (
    select unit_id, unit_name, cost_basis, team, app, feature, model, target_amount,
           max(trailing_28d_unit_cost) filter (usage_date = last_day) as unit_cost,
           max(trailing_28d_unit_cost) filter (usage_date = last_day - interval 28 day) as before,
           max(trailing_28d_unit_cost_with_training) filter (usage_date = last_day) as with_training,
           sum(total_cost) filter (usage_date > last_day - interval 28 day) as cost,
           sum(quantity) filter (usage_date > last_day - interval 28 day) as quantity,
           list(trailing_7d_unit_cost order by usage_date) as trend
    from newest
    group by unit_id, unit_name, cost_basis, team, app, feature, model, target_amount
)
select * from each
order by target_amount is null, coalesce(unit_cost <= target_amount, true), cost desc nulls last, unit_id
limit $most
"""


def table(ask: Ask, *, most: int = 12) -> Table:
    """Every unit that config/units.yml names and the scope has, against its target."""
    rows = ask.rows(
        _TARGETS, since=units.until(ask) - timedelta(days=units.TREND_DAYS - 1), until=units.until(ask), most=most
    )
    return Table(
        "unit-costs",
        "Unit costs against their targets",
        (
            Column("Unit"),
            Column("Each", "number", "Cost ÷ quantity of the newest 28 days"),
            Column("Change", "number", "Against the 28 days before"),
            Column("Target", "number"),
            Column("State", "badge"),
            Column("90 days", "spark"),
            Column("Quantity", "number"),
            Column("Cost", "number"),
        ),
        tuple(_row(row, ask.currency) for row in rows),
        "config/units.yml names no unit that this has; name one to see what it costs.",
        caption="Newest 28 days that are known in full, what is above its target first. Unit costs overlap, so there "
        "is no total.",
        export="fct_unit_cost_daily",
    )


def _row(row: dict[str, Any], currency: str) -> Row:
    cost, before, target = row["unit_cost"], row["before"], row["target_amount"]
    of = [str(row[name]) for name in ("team", "app", "feature", "model") if row[name] is not None] or ["company"]
    basis = " at list price, from usage" if row["cost_basis"] == "usage" else ""
    tone: Tone = "neutral"
    state = "No target"
    if target is not None and cost is not None:
        above = cost > target
        tone, state = ("bad", "Above target") if above else ("good", "Within target")
    details: tuple[str, ...] = ()
    if row["with_training"] is not None:
        details = (f"With its share of training {f.unit_money(row['with_training'], currency)} each.",)
    return Row(
        (
            Cell(row["unit_name"], small=f"{', '.join(of)}{basis}"),
            cells.unit_money(cost, currency),
            Cell(cells.NOTHING)
            if not before or cost is None
            else Cell(f.signed_percent(cost / before - 1), sort=cost / before - 1),
            cells.unit_money(target, currency),
            Cell(state, tone=tone),
            Cell(spark=tuple(None if value is None else float(value) for value in row["trend"] or ())),
            cells.count(row["quantity"]),
            cells.money(row["cost"], currency),
        ),
        details=details,
    )
