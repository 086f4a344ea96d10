"""Landing and pricing the newest usage for someone who watches."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from cli.progress import watched
from finops.paths import Home
from orchestration.refresh import Refreshed, refresh


def refresh_and_show(home: Home, config: Path, as_of: datetime, environ: Mapping[str, str], console: Console) -> None:
    """Refresh with progress, then print the days that changed; a problem ends the command with a message."""
    with watched(console, home.path / "run.log", config=config) as listener:
        done = refresh(home, config, as_of, environ, listener)
    _show(done, console)


def _show(done: Refreshed, console: Console) -> None:
    for sentence in done.running_away:
        console.print("\n[bold red]Running away:[/]", end=" ")
        console.print(sentence, markup=False, highlight=False)
    if not done.days:
        console.print(f"\n[bold]Nothing new[/] ({done.seconds:.0f} s).")
        return
    table = Table(box=None, pad_edge=False)
    table.add_column("Day")
    for name in ("Requests", "Tokens", "Estimated cost"):
        table.add_column(name, justify="right")
    for day in done.days:
        cost = f"{day.currency} {day.estimated_cost:,.2f}" if day.currency else "no price"
        table.add_row(f"{day.day:%d %b %Y}", f"{day.requests:,}", f"{day.tokens:,}", cost)
    console.print(f"\n[bold]Priced in {done.seconds:.0f} s.[/] These days were told again:\n")
    console.print(table)
    for ahead in done.next_day:
        console.print(
            f"\nThe next 24 hours are expected to cost {ahead.currency} {ahead.expected_cost:,.2f} at list price.",
            highlight=False,
        )
    console.print("\nMarts are published, and guardrails decide, with the next `aifinops run`.", highlight=False)
