"""A past day's marts, rebuilt for someone who watches, and how they differ from today's."""

from __future__ import annotations

import os
from contextlib import redirect_stdout
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import typer
from rich.console import Console
from rich.table import Table

from cli.progress import RunProgress
from finops.config import ConfigError
from finops.config.history import HistoryError
from finops.config.tables import Basis
from finops.paths import Home
from orchestration.as_known import AsKnown, rebuild_as_known
from orchestration.run import PipelineError


def rebuild_and_compare(home: Home, at: datetime, basis: Basis, out: Path, console: Console) -> None:
    """Rebuild with progress, then print what differs; a problem ends the command with a message."""
    log = out.parent / f"{out.name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    try:
        with log.open("w", encoding="utf-8") as file, redirect_stdout(file), RunProgress(console) as progress:
            done = rebuild_as_known(home, at, basis, out, os.environ, progress.listener)
    except (ConfigError, HistoryError, PipelineError) as error:
        Console(stderr=True).print(f"[red bold]✗[/] {error}", highlight=False, soft_wrap=True)
        raise typer.Exit(1) from None
    console.print(f"\n[bold]Done in {done.seconds:.0f} s.[/] As {basis} by {at:%d %b %Y %H:%M} UTC.")
    for note in done.notes:
        console.print(f"[yellow]![/] {note}", highlight=False, soft_wrap=True)
    console.print(_differences(done))
    same = len({row.mart for row in done.compared}) - len({row.mart for row in done.compared if not row.is_same})
    console.print(f"{same} marts have the rows and totals of today.\n")
    console.print(
        f"Marts        {out}/ (CSV, Parquet, data dictionary, as-known.json)", highlight=False, soft_wrap=True
    )
    log.unlink()


def _differences(done: AsKnown) -> Table:
    table = Table("Mart", "Currency", box=None, header_style="bold", title="Then and now", title_justify="left")
    for name in ("Rows then", "Rows now", "Total then", "Total now"):
        table.add_column(name, justify="right")
    for row in done.compared:
        if not row.is_same:
            totals = (_shown(row.total_then), _shown(row.total_now))
            table.add_row(row.mart, row.currency or "", f"{row.rows_then:,}", f"{row.rows_now:,}", *totals)
    return table


def _shown(total: str | None) -> str:
    return "" if total is None else f"{Decimal(total):,.2f}"
