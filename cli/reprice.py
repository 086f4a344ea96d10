"""Pricing again for someone who watches, and what changed in money."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path

from rich.console import Console
from rich.table import Table

from cli.progress import watched
from finops.paths import Home
from orchestration.reprice import Repriced
from orchestration.reprice import reprice as price_again


def reprice_and_show(
    home: Home,
    config: Path,
    environ: Mapping[str, str],
    console: Console,
    *,
    days: tuple[date | None, date | None],
    record: Path | None,
) -> None:
    """Price again with progress, then print the differences; a problem ends the command with a message."""
    with watched(console, home.path / "run.log") as listener:
        done = price_again(home, config, environ, listener, days=days, record=record)
    show(done, console)
    if record:
        console.print(f"Every changed day, model and class: {record}", highlight=False, soft_wrap=True)


def show(done: Repriced, console: Console) -> None:
    """One line per provider, model and month whose estimated cost changed."""
    totals = ", ".join(f"{currency} {amount:,.2f}" for currency, amount in sorted(done.total.items())) or "nothing"
    if not done.changes:
        console.print(f"\n[bold]Nothing changed.[/] Usage is priced at {totals}, as before ({done.seconds:.0f} s).")
    else:
        console.print(f"\n[bold]Priced again in {done.seconds:.0f} s.[/] What changed in estimated cost:\n")
        _show_changes(done, console)
        console.print(
            f"Usage is now priced at {totals}. {done.lines_changed:,} lines (day, model, class) have another cost; "
            f"{done.lines_unchanged:,} have the same to the last digit.",
            highlight=False,
        )
    before, after = done.unpriced_tokens
    if before or after:
        console.print(f"Tokens without a price: {before:,} before, {after:,} now.", highlight=False)
    if done.without_effect:
        names = ", ".join(f"{provider} {model} {token_class}" for provider, model, token_class in done.without_effect)
        console.print(
            f"[yellow]![/] Corrected and without effect: {names}. It was not used, or a list of a better rank has its "
            "price: `aifinops prices explain` shows which.",
            highlight=False,
        )


def _show_changes(done: Repriced, console: Console) -> None:
    table = Table("Provider", "Model", "Month", "Currency", box=None, header_style="bold", pad_edge=False)
    for heading in ("Before", "After", "Change", ""):
        table.add_column(heading, justify="right")
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for change in done.changes:
        share = f"{change.difference / change.before:+.1%}" if change.before else "new"
        table.add_row(
            change.provider, change.model, f"{change.month:%b %Y}", change.currency, f"{change.before:,.2f}",
            f"{change.after:,.2f}", f"{change.difference:+,.2f}", share,
        )  # fmt: skip
        sums[change.currency] += change.difference
    console.print(table)
    for currency, amount in sorted(sums.items()):
        console.print(f"\n[bold]{currency} {amount:+,.2f}[/] in all.", highlight=False)
