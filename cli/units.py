"""What one unit costs now, against its target and the weeks before.

Here: reading the newest rows of fct_unit_cost_daily and fct_value_monthly, and showing them.
Not here: what a unit is (config/units.yml) and its cost (dbt).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from rich.console import Console
from rich.table import Table

from finops.paths import Home
from orchestration.published import query_mart
from reports import formatting as f

_DIMENSIONS = ("team", "app", "project", "feature", "customer", "model", "environment")


@dataclass(frozen=True)
class UnitLine:
    """The newest complete day of a unit and one value of its grain. Costs are of one unit, over 7 and 28 days."""

    unit_id: str
    name: str
    of: tuple[str | None, ...]
    """Values of the grain: None where cost has no owner; empty where the unit is one in all."""
    through: date
    currency: str
    cost_7d: Decimal | None
    cost_28d: Decimal | None
    before_28d: Decimal | None
    """Over the 28 days before those."""
    with_training_28d: Decimal | None
    """Over 28 days, where the unit includes its part of training."""
    target: Decimal | None

    @property
    def change_ratio(self) -> Decimal | None:
        if self.cost_28d is None or not self.before_28d:
            return None
        return self.cost_28d / self.before_28d - 1

    @property
    def is_above_target(self) -> bool:
        return self.target is not None and self.cost_28d is not None and self.cost_28d > self.target


def read_units(home: Home, unit_id: str | None) -> list[UnitLine]:
    """The lines of all units, or of one, each unit's dearest first.

    Raises:
        NotPublishedError: the home has no units yet.
    """
    rows = query_mart(
        home,
        "fct_unit_cost_daily",
        """with complete as (
               select *, max(usage_date) over (partition by unit_id) as newest_day,
                      [team, app, project, feature, customer_hash, model, environment] as owner
               from read_parquet($mart)
               where is_complete and ($unit is null or unit_id = $unit)
           ),
           -- A weekend may have no row: the windows of the newest one end before it.
           newest as (
               select *, row_number() over (partition by unit_id, owner order by usage_date desc) as place
               from complete where usage_date > newest_day - 28
           ),
           earlier as (
               select *, row_number() over (partition by unit_id, owner order by usage_date desc) as place
               from complete where usage_date between newest_day - 55 and newest_day - 28
           )
           select newest.unit_id, newest.unit_name, newest.grain, newest.owner, newest.usage_date, newest.currency,
                  newest.trailing_7d_unit_cost, newest.trailing_28d_unit_cost, earlier.trailing_28d_unit_cost,
                  newest.trailing_28d_unit_cost_with_training, newest.target_amount
           from newest
           left join earlier
               on earlier.place = 1 and newest.unit_id = earlier.unit_id
               and newest.owner is not distinct from earlier.owner
           where newest.place = 1
           order by newest.unit_id, newest.trailing_28d_unit_cost desc nulls last, newest.owner""",
        {"unit": unit_id},
    )
    lines = []
    for unit, name, grain, owner, *rest in rows:
        values = dict(zip(_DIMENSIONS, owner, strict=True))
        of = tuple(values[dimension] for dimension in grain.split(", ") if dimension)
        lines.append(UnitLine(unit, name, of, *rest))
    return lines


def show_units(lines: list[UnitLine], console: Console) -> None:
    """A table of the units, with what is above its target."""
    table = Table("Unit", "", box=None, header_style="bold", pad_edge=False)
    has_training = any(line.with_training_28d is not None for line in lines)
    for heading in ("7 days", "28 days", *(["With training"] if has_training else []), "Trend", "Target"):
        table.add_column(heading, justify="right")
    shown = None
    for line in lines:
        table.add_row(
            line.name if line.unit_id != shown else "",
            " · ".join(value or "No owner" for value in line.of),
            _amount(line.cost_7d, line.currency),
            _amount(line.cost_28d, line.currency),
            *([_amount(line.with_training_28d, line.currency)] if has_training else []),
            "–" if line.change_ratio is None else f.signed_percent(line.change_ratio),
            _target(line),
        )
        shown = line.unit_id
    console.print(table)
    through = sorted({line.through for line in lines})
    days = f.day(through[-1]) if len(through) == 1 else f"{f.day(through[0])} to {f.day(through[-1])}"
    console.print(
        f"\nThrough {days}: each unit's newest day whose cost is all known. Trend: 28 days against the 28 before. "
        "Every day is in the mart fct_unit_cost_daily."
    )


def _payback(days: int | None) -> str:
    if days is None:
        return "not yet"
    return f"after {f.count(days, 'day')}" if days else "at once"


def _target(line: UnitLine) -> str:
    if line.target is None:
        return ""
    return f"{'✗' if line.is_above_target else '✓'} {f.unit_money(line.target, line.currency)}"


def _amount(amount: Decimal | None, currency: str) -> str:
    return "–" if amount is None else f.unit_money(amount, currency)


@dataclass(frozen=True)
class ValueLine:
    """A month of a unit per value. Amounts are of the days whose cost is all known."""

    month: date
    name: str
    of: tuple[str | None, ...]
    currency: str
    cost: Decimal
    value: Decimal | None
    cost_per_value: Decimal | None
    roi_ratio: Decimal | None
    cumulative_roi_ratio: Decimal | None
    first_day: date
    payback_date: date | None
    payback_days: int | None


def read_values(home: Home, unit_id: str | None, months: int = 3) -> list[ValueLine]:
    """The newest months of all units per value, or of one, newest first.

    Raises:
        NotPublishedError: the home has no values yet.
    """
    rows = query_mart(
        home,
        "fct_value_monthly",
        """select month_start, unit_name, [team, app, project, feature, customer_hash, model, environment], currency,
                  total_cost, value_amount, cost_per_value, roi_ratio, cumulative_roi_ratio, first_date, payback_date,
                  payback_days
           from (
               select *, dense_rank() over (partition by unit_id order by month_start desc) as place
               from read_parquet($mart) where complete_day_count > 0 and ($unit is null or unit_id = $unit)
           )
           where place <= $months
           order by unit_id, 3, month_start desc""",
        {"unit": unit_id, "months": months},
    )
    return [
        ValueLine(month, name, tuple(value for value in owner if value), *rest) for month, name, owner, *rest in rows
    ]


def show_values(lines: list[ValueLine], console: Console) -> None:
    """A table of what came back, month by month and in all."""
    table = Table("Unit", "", box=None, header_style="bold", pad_edge=False)
    for heading in ("Month", "Cost", "Value", "Cost per value", "Return", "Return in all", "Paid back"):
        table.add_column(heading, justify="right")
    shown = None
    for line in lines:
        key = (line.name, line.of)
        table.add_row(
            line.name if key != shown else "",
            " · ".join(value for value in line.of if value) if key != shown else "",
            f.month(line.month),
            f.money(line.cost, line.currency),
            "–" if line.value is None else f.money(line.value, line.currency),
            _amount(line.cost_per_value, line.currency),
            "–" if line.roi_ratio is None else f.signed_percent(line.roi_ratio),
            "–" if line.cumulative_roi_ratio is None else f.signed_percent(line.cumulative_roi_ratio),
            _payback(line.payback_days),
        )
        shown = key
    console.print(table)
    console.print(
        "\nDays whose cost is all known. Return: (value − cost) ÷ cost; in all: since the first day, with what was "
        "invested. Every month is in the mart fct_value_monthly."
    )
