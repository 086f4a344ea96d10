"""Where every budget stands, in the terminal.

Here: reading the published status, and showing it.
Not here: the status itself (dbt: ``fct_budget_status``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb
from rich.console import Console
from rich.table import Table

from finops.paths import Home
from reports.formatting import money, percent

_STATUS = {"over": "[red]over[/]", "at_risk": "[yellow]at risk[/]", "on_track": "[green]on track[/]"}
_NAME_WIDTH = 12
_QUERY = """
select budget_id, period_end, currency, budget_amount, billed_to_date, available_amount, capped_by, used_ratio,
       burn_rate_ratio_7d, projected_cost, exhaustion_date, status, increase_amount, carried_amount, unreleased_amount,
       owner, time_zone, exceed_probability, projected_lower, projected_upper
from read_parquet(?)
order by scope_type <> 'company', status = 'on_track', status <> 'over', used_ratio desc, budget_id
"""


class NoBudgetsError(LookupError):
    """Nothing was published yet, or no budget holds."""


@dataclass(frozen=True)
class _Row:
    budget_id: str
    period_end: date
    currency: str
    budget_amount: Decimal
    billed_to_date: Decimal
    available_amount: Decimal
    capped_by: str | None
    used_ratio: float
    burn_rate_ratio_7d: float | None
    projected_cost: Decimal | None
    exhaustion_date: date | None
    status: str
    increase_amount: Decimal
    carried_amount: Decimal
    unreleased_amount: Decimal | None
    owner: str | None
    time_zone: str
    exceed_probability: float | None
    projected_lower: Decimal | None
    projected_upper: Decimal | None


def show(home: Home, console: Console) -> None:
    """Print every budget that holds, the ones in trouble first, and what is special about each.

    Raises:
        NoBudgetsError: with what to do.
    """
    rows = _read(home.published / "fct_budget_status.parquet")
    zones = {row.time_zone for row in rows}
    # A table for each currency: amounts that name their own leave no room for names of budgets.
    for currency in dict.fromkeys(row.currency for row in rows):
        console.print(f"In {currency}\n", highlight=False)
        console.print(_table([row for row in rows if row.currency == currency], with_zones=len(zones) > 1))
        console.print()
    for note in (note for row in rows for note in _notes(row)):
        console.print(f"  {note}", highlight=False, soft_wrap=True)
    console.print("\nPace: the last 7 billed days against an even spread of the budget.", highlight=False)
    where = f"of {rows[0].time_zone}" if len(zones) == 1 else "of their time zone"
    console.print(f"Periods begin at midnight {where}; billed days are the provider's, in UTC.", highlight=False)


def _table(rows: Sequence[_Row], *, with_zones: bool) -> Table:
    """Budgets of one currency, in whole units of it."""
    table = Table(box=None, pad_edge=False, padding=(0, 1), header_style="bold")
    table.add_column("Budget", overflow="fold", min_width=_NAME_WIDTH)
    table.add_column("Until", no_wrap=True)
    if with_zones:
        table.add_column("Time zone", no_wrap=True)
    for name in ("Amount", "Spent", "Used", "Left", "Pace", "Forecast"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("Status", no_wrap=True)
    this_year = min(row.period_end.year for row in rows)
    for row in rows:
        table.add_row(
            row.budget_id,
            f"{row.period_end:%d %b}" if row.period_end.year == this_year else f"{row.period_end:%d %b %Y}",
            *([row.time_zone] if with_zones else []),
            f"{row.budget_amount:,.0f}",
            f"{row.billed_to_date:,.0f}",
            percent(row.used_ratio),
            f"{row.available_amount:,.0f}",
            "" if row.burn_rate_ratio_7d is None else f"{row.burn_rate_ratio_7d:.1f}×",
            "" if row.projected_cost is None else f"{row.projected_cost:,.0f}",
            _STATUS.get(row.status, row.status),
        )
    return table


def _notes(row: _Row) -> list[str]:
    notes = []
    if row.capped_by:
        notes.append(f"{row.budget_id} can spend no more than {row.capped_by} has left")
    if row.increase_amount:
        notes.append(f"{row.budget_id} has {money(row.increase_amount, row.currency)} more for some days")
    if row.carried_amount:
        notes.append(f"{row.budget_id} has {money(row.carried_amount, row.currency)} from the period before")
    if row.unreleased_amount:
        amount = money(row.unreleased_amount, row.currency)
        notes.append(f"{row.budget_id} gets {amount} more when its next milestones are approved")
    if row.exhaustion_date:
        notes.append(f"{row.budget_id} is used up on {row.exhaustion_date:%d %b} if it goes on as expected")
    chance = row.exceed_probability
    if chance is not None and 0 < chance < 1 and row.projected_lower is not None and row.projected_upper is not None:
        low, high = (money(amount, row.currency) for amount in (row.projected_lower, row.projected_upper))
        notes.append(
            f"{row.budget_id} ends above its amount in {percent(chance)} of the forecast's paths; 80% of them end "
            f"between {low} and {high}"
        )
    if row.status != "on_track" and row.owner:
        notes.append(f"{row.budget_id} is answered for by {row.owner}")
    return notes


def _read(file: Path) -> list[_Row]:
    if not file.exists():
        raise NoBudgetsError("No budget status was published yet: run the pipeline (aifinops run), then try again")
    with duckdb.connect() as connection:
        rows = [_Row(*row) for row in connection.execute(_QUERY, [str(file)]).fetchall()]
    if not rows:
        raise NoBudgetsError("No budget of config/budgets.yml holds on the day of the last run")
    return rows
