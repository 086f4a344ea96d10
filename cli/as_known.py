"""A past day's marts, rebuilt for someone who watches, and how they differ from today's."""

from __future__ import annotations

import os
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from rich.console import Console
from rich.table import Table

from cli.progress import watched
from finops.config.tables import Basis
from finops.paths import Home
from orchestration.as_known import AsKnown, rebuild_as_known


def rebuild_and_compare(home: Home, at: datetime, basis: Basis, out: Path, console: Console) -> None:
    """Rebuild with progress, then print what differs; a problem ends the command with a message."""
    log = out.parent / f"{out.name}.log"
    with watched(console, log) as listener:
        done = rebuild_as_known(home, at, basis, out, os.environ, listener)
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
