"""``aifinops explain``: why an amount is whose it is, printed.

Here: the story of one amount and the list of a team's largest, for a terminal.
Not here: reading and telling (``reports.explain``).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from finops.paths import Home
from reports.explain import (
    Amount,
    BillRow,
    BillRowError,
    Listing,
    Story,
    find_amount,
    largest_amounts,
    parts_of_charge,
    read_bill_row,
    tell,
)
from reports.explain.amounts import SHORT_ID
from reports.explain.words import exact, exact_money, target_name
from reports.formatting import day as day_words
from reports.formatting import percent

LAKE_VARIABLE = "AIFINOPS_LAKE"
_MOST_PARTS = 40


def explain_amount(home: Home, id_or_prefix: str, environ: Mapping[str, str], console: Console) -> bool:
    """Print the chain of one amount; whether the parts of its charge sum to it.

    Raises:
        AmountError: there is no such amount.
    """
    amount = find_amount(home.published, id_or_prefix)
    parts = parts_of_charge(home.published, amount.charge_id)
    row: BillRow | None = None
    unread = ""
    try:
        row = read_bill_row(environ.get(LAKE_VARIABLE) or home.lake, amount.load_file, amount.load_row)
    except BillRowError as error:
        unread = str(error)
    story = tell(amount, parts, row)
    _print(console, f"[bold]{escape(story.headline)}[/]")
    _print(console, f"Its id is {amount.allocation_id}.", style="dim")
    _section(console, "The charge", story.charge)
    _section(console, f"Why {amount.team or 'nobody'}", story.reason)
    _parts(console, story, amount)
    _print(console, "\n[bold]The row of the bill[/]")
    if row is None:
        _print(console, f"[yellow]![/] It cannot be shown: {escape(unread)}")
        return story.is_whole
    table = Table("", box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(overflow="fold")
    for name, value in row.values.items():
        table.add_row(escape(name), escape(str(value)))
    console.print(table)
    return story.is_whole


def list_amounts(home: Home, team: str, day: date | None, app: str | None, top: int, console: Console) -> None:
    """Print a team's largest amounts of a day with their ids.

    Raises:
        AmountError: there are none.
    """
    found = largest_amounts(home.published, team, day=day, app=app, top=top)
    _print(console, f"[bold]{escape(_totals(found, app))}[/]\n")
    table = Table("Id", box=None, header_style="bold", pad_edge=False)
    table.add_column("Effective cost", justify="right")
    for heading in ("App", "How", "Service", "Meter", "Resource"):
        table.add_column(heading, overflow="fold")
    for amount in found.amounts:
        resource = amount.resource_name or (amount.resource_id or "").rsplit("/", 1)[-1]
        table.add_row(
            amount.allocation_id[:SHORT_ID],
            exact_money(amount.effective_cost, amount.billing_currency),
            *map(escape, (amount.app or "", _how(amount), amount.service_name or "", amount.sku_meter or "", resource)),
        )
    console.print(table)
    if found.count > len(found.amounts):
        _print(console, f"\n… and {found.count - len(found.amounts):,} smaller ones; --top {found.count} shows all.")
    _print(console, f"\nWhy one of them: aifinops explain {found.amounts[0].allocation_id[:SHORT_ID]}")


def _totals(found: Listing, app: str | None) -> str:
    amounts = " and ".join(exact_money(total, currency) for currency, total in found.totals)
    of = f"{found.team}, app {app}," if app else found.team
    return f"{of} has {amounts} on {day_words(found.day)}, in {found.count:,} amounts"


def _how(amount: Amount) -> str:
    idle = ", idle" if amount.is_idle else ""
    if amount.pool_id is not None:
        return f"pool {amount.pool_id}{idle}"
    return f"rule {amount.attribution_rule}" if amount.attribution_rule else amount.attribution_method


def _parts(console: Console, story: Story, amount: Amount) -> None:
    currency = amount.billing_currency
    _print(console, "\n[bold]The parts of the charge[/]")
    table = Table("", "For", box=None, header_style="bold", pad_edge=False)
    for heading in ("Driver", "Share", "Effective cost"):
        table.add_column(heading, justify="right")
    for part in story.parts[:_MOST_PARTS]:
        table.add_row(
            "→" if part.allocation_id == amount.allocation_id else "",
            escape(target_name(part)),
            "" if part.driver_value is None else exact(part.driver_value),
            "" if part.share is None else percent(part.share, 2),
            exact_money(part.effective_cost, currency),
        )
    console.print(table)
    if len(story.parts) > _MOST_PARTS:
        _print(console, f"… and {len(story.parts) - _MOST_PARTS} more")
    total = exact_money(story.sum_of_parts, currency)
    charge = exact_money(amount.charge_effective_cost, currency)
    if story.is_whole:
        one = "One part" if len(story.parts) == 1 else f"{len(story.parts)} parts"
        _print(console, f"[green]✓[/] {one}, together {total}: the charge, to the last digit, and its billed cost too.")
    else:
        _print(
            console,
            f"[red]✗[/] Together {total} and not {charge}, or the billed costs differ: this is a fault of ours.",
        )


def _section(console: Console, title: str, lines: tuple[str, ...]) -> None:
    _print(console, f"\n[bold]{escape(title)}[/]")
    for line in lines:
        _print(console, escape(line))


def _print(console: Console, text: str, style: str | None = None) -> None:
    console.print(text, style=style, highlight=False, soft_wrap=True)
