"""What AI brings beside what it costs.

Here: value by app, as config/units.yml counts it.
Not here: what one outcome costs (``units``).
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from reports import formatting as f
from reports.dashboards import cells
from reports.dashboards.ask import Ask
from reports.dashboards.model import Cell, Column, Row, Table, Tile

_VALUE = """
select unit_name, outcome, team, app, max(month_start) as newest, coalesce(sum(total_cost), 0) as cost,
       sum(value_amount) as value,
       arg_max(cumulative_roi_ratio, month_start) as cumulative_roi, max(investment_amount) as investment,
       any_value(first_date) as first_date, any_value(payback_date) as payback_date,
       any_value(payback_days) as payback_days
from fct_value_monthly
where currency = $currency and {scope} and month_start between $since and $last
group by all
having sum(value_amount) is not null
order by value desc, unit_name
"""


def rows_of(ask: Ask) -> list[dict[str, Any]]:
    """What outcomes were worth and what their AI cost, in the months that the period touches."""
    return ask.rows(_VALUE, since=ask.view.period.first.replace(day=1))


def tile(ask: Ask, rows: Sequence[dict[str, Any]]) -> Tile | None:
    """Value ÷ cost of all outcomes that have a value; None where none has."""
    value = sum((row["value"] for row in rows), Decimal(0))
    cost = sum((row["cost"] for row in rows), Decimal(0))
    if not rows or cost <= 0:
        return None
    return Tile(
        "Value of outcomes",
        f.whole_money(value, ask.currency),
        sub=f"{f.unit_money(value / cost, ask.currency)} for each {ask.currency} of AI cost",
        foot=f"{f.count(len(rows), 'outcome')} with a value, which cost {f.whole_money(cost, ask.currency)} of AI.",
        tone="good" if value > cost else "warn",
        target=ask.here("value"),
    )


def table(ask: Ask, rows: Sequence[dict[str, Any]]) -> Table:
    return Table(
        "value",
        "Value beside cost",
        (
            Column("Outcome"),
            Column("Value", "number"),
            Column("AI cost", "number"),
            Column("Return", "number", "(value − cost) / cost"),
            Column("Return since it began", "number"),
            Column("Paid back"),
        ),
        tuple(
            Row(
                (
                    Cell(row["unit_name"], small=row["app"] or row["team"] or "company"),
                    cells.money(row["value"], ask.currency),
                    cells.money(row["cost"], ask.currency),
                    Cell(cells.NOTHING)
                    if not row["cost"]
                    else Cell(f.signed_percent(row["value"] / row["cost"] - 1), sort=row["value"] / row["cost"] - 1),
                    Cell(cells.NOTHING)
                    if row["cumulative_roi"] is None
                    else Cell(f.signed_percent(row["cumulative_roi"]), sort=row["cumulative_roi"]),
                    _payback(row),
                )
            )
            for row in rows
        ),
        f"No outcome of {ask.name} has a value; give one in config/units.yml to see what AI brings beside its cost.",
        caption="Months that the period touches, days known in full.",
        export="fct_value_monthly",
    )


def _payback(row: dict[str, Any]) -> Cell:
    if row["payback_date"] is None:
        return Cell("not yet" if row["investment"] else cells.NOTHING)
    days = row["payback_days"]
    return Cell(
        f.day(row["payback_date"]),
        sort=row["payback_date"],
        small=f"after {f.count(days, 'day')}" if days else "on its first day",
    )
