"""Monthly statements on the command line: ``aifinops statements …``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from cli.inputs import fail, folder_of, home_of
from cli.options import ConfigOption, HomeOption
from finops.paths import Home
from finops.periods import BillingPeriod

if TYPE_CHECKING:
    from reports.statements.model import Issue

statements_app = typer.Typer(no_args_is_help=True, help="Charge teams and cost centres for a month.")

MonthArgument = Annotated[str, typer.Argument(help="Month of the bill, such as 2026-09")]


@statements_app.command()
def preview(month: MonthArgument, home: HomeOption = None, config: ConfigOption = None) -> None:
    """Show what a month's statements would charge now. Nothing is kept."""
    from orchestration import statements

    _show(_tried(lambda: statements.preview(home_of(home), folder_of(config), _period(month))))


@statements_app.command()
def issue(month: MonthArgument, home: HomeOption = None, config: ConfigOption = None) -> None:
    """Issue a closed month's statements: numbered, locked, as pages, CSV, a workbook and a journal."""
    from orchestration import statements

    done = _tried(lambda: statements.issue(home_of(home), folder_of(config), _period(month)))
    _show(done.issue)
    Console().print(f"\n[green]✓[/] Issued: {done.folder}/index.html", highlight=False, soft_wrap=True)


@statements_app.command("list")
def list_issued(home: HomeOption = None) -> None:
    """List the months that were issued."""
    from finops.money import in_minor_units, total
    from reports.statements.store import read_issues

    issues = _tried(lambda: read_issues(home_of(home).statements))
    if not issues:
        Console().print("No statements were issued yet: `aifinops statements issue MONTH`.")
        return
    table = _table(("Month", "Issued on", "Currency"), ("Statements", "Charges", "True-ups"))
    for found in issues:
        for currency in sorted({statement.party.currency for statement in found.statements}):
            of_currency = [statement for statement in found.statements if statement.party.currency == currency]
            sums = (
                total(statement.charges for statement in of_currency),
                total(statement.true_up_total for statement in of_currency),
            )
            amounts = (f"{in_minor_units(amount, currency):,f}" for amount in sums)
            table.add_row(str(found.period), f"{found.as_of:%d %b %Y}", currency, str(len(of_currency)), *amounts)
    Console().print(table)


@statements_app.command()
def verify(
    rebuild: Annotated[
        str | None,
        typer.Option("--rebuild", metavar="MONTH", help="Make this month's statements again from the lake of then"),
    ] = None,
    home: HomeOption = None,
) -> None:
    """Prove that every issued statement is what was issued; status 1 where one is not."""
    from orchestration import statements

    found = _tried(lambda: statements.verify(home_of(home)))
    if rebuild is not None:
        found.problems.extend(_rebuilt(home_of(home), _period(rebuild)))
    for problem in found.problems:
        Console(stderr=True).print(f"[red bold]✗[/] {problem}", highlight=False, soft_wrap=True)
    if found.problems:
        raise typer.Exit(1)
    count = sum(len(issued.statements) for issued in found.issues)
    Console().print(f"[green]✓[/] {count} statements of {len(found.issues)} months are what was issued.")


@statements_app.command()
def export(
    month: MonthArgument,
    out: Annotated[Path, typer.Option("--out", help="Folder to copy the files into")],
    home: HomeOption = None,
) -> None:
    """Copy the files of an issued month, to be sent."""
    from orchestration import statements

    _tried(lambda: statements.copy_files(home_of(home), _period(month), out))
    Console().print(f"[green]✓[/] {out}/index.html", highlight=False, soft_wrap=True)


def _rebuilt(home: Home, period: BillingPeriod) -> list[str]:
    import os

    from cli.progress import watched
    from orchestration import statements

    console = Console()
    log = home.path / f"statements-{period}-rebuild.log"
    with watched(console, log) as listener:
        problems = _tried(lambda: statements.rebuild(home, period, os.environ, listener))
    log.unlink()
    if not problems:
        console.print(f"[green]✓[/] {period} made again from the lake as it was then: the same, to the last digit.")
    return problems


def _show(issued: Issue) -> None:
    from finops.money import in_minor_units, total
    from reports.statements.model import Statement

    for currency in sorted({statement.party.currency for statement in issued.statements}):
        statements = [statement for statement in issued.statements if statement.party.currency == currency]
        table = _table(("Statement", "Cost centre", "Team"), ("Opening", "Charges", "True-ups", "Closing"))
        table.title, table.title_justify = f"{issued.period} in {currency}", "left"

        def amounts(found: list[Statement], currency: str = currency) -> list[str]:
            sums = (
                total(statement.opening for statement in found),
                total(statement.charges for statement in found),
                total(statement.true_up_total for statement in found),
                total(statement.closing for statement in found),
            )
            return [f"{in_minor_units(amount, currency):,f}" for amount in sums]

        for statement in statements:
            party = statement.party
            table.add_row(statement.number, party.cost_center or "", party.name, *amounts([statement]))
        table.add_section()
        table.add_row("Together", "", "", *amounts(statements), style="bold")
        Console().print(table)
        invoiced = total(invoice.billed_cost for invoice in issued.invoices if invoice.currency == currency)
        exact = f"{invoiced:,f}".rstrip("0").rstrip(".")
        Console().print(f"The invoices ask for {currency} {exact}: the charges, to the last digit.\n", highlight=False)


def _table(texts: tuple[str, ...], numbers: tuple[str, ...]):  # type: ignore[no-untyped-def]
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in texts:
        table.add_column(name, overflow="fold")
    for name in numbers:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _tried(action):  # type: ignore[no-untyped-def]
    from finops.config import ConfigError
    from reports.marts import MartError
    from reports.statements.store import StatementError

    try:
        return action()
    except (StatementError, MartError, ConfigError) as error:
        fail(str(error))


def _period(month: str) -> BillingPeriod:
    try:
        return BillingPeriod.parse(month)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="MONTH") from None
