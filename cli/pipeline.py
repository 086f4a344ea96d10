"""Running the pipeline for someone who watches, and the summary at its end."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from rich.console import Console

import reports
from cli.progress import watched
from finops.paths import Home
from orchestration.ledger import recent_decisions
from orchestration.run import run_everything


def run_and_show(
    home: Home, config: Path, as_of: datetime, environ: Mapping[str, str], console: Console, *, demo: bool = False
) -> None:
    """Run everything with progress, then print the summary; a problem ends the command with a message."""
    log = home.path / "run.log"
    advice = (
        "Nothing is lost: what was landed stays, and the next run goes on from there.\n"
        f"Everything the run printed: {log}\n"
        f"Look at the run in the Dagster UI: aifinops dev --home {shlex.quote(str(home.path))}"
    )
    with watched(console, log, config=config, heading="The run stopped.", advice=advice) as listener:
        seconds = run_everything(home, config, as_of, environ, listener)
    console.print(f"\n[bold]Done in {seconds:.0f} s.[/] {as_of:%d %b %Y %H:%M} UTC is the moment reported on.\n")
    show_summary(home, as_of, console)
    _show_places(home, console, demo=demo)


def show_summary(home: Home, as_of: datetime | None, console: Console) -> None:
    """Print the summary of the published marts, the bill's totals and what the guardrails decided."""
    marts = reports.read_marts(home.published)
    moment = as_of or reports.reported_moment(marts)
    console.print(reports.render_terminal(reports.summarise(marts, as_of=moment)))
    bill = reports.render_bill(marts)
    if bill is not None:
        console.print(bill, "")
    _show_decisions(home, console)


def _show_decisions(home: Home, console: Console) -> None:
    decisions = recent_decisions(home)
    if decisions:
        console.print("[bold]Guardrails[/]")
    for decision in decisions:
        dry = "dry run, " if decision["mode"] == "dry_run" else ""
        console.print(f"  {dry}{decision['policy_id']}: {decision['reason']}", highlight=False)
    if decisions:
        console.print()


def _show_places(home: Home, console: Console, *, demo: bool) -> None:
    def shown(path: Path) -> str:
        return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)

    cards = len(list(home.messages.glob("*.html")))
    places = {
        "Dashboards": shown(home.reports / "index.html"),
        "Exports": f"{shown(home.exports)}/ (CSV, Parquet, data dictionary)",
        "Teams cards": f"{shown(home.messages)}/*.html ({cards}, as sent)" if cards else "none was due",
    }
    for name, place in places.items():
        console.print(f"[bold]{name:<13}[/]{place}", highlight=False, soft_wrap=True)
    opens = "make dev" if demo else f"aifinops dev --home {shlex.quote(shown(home.path))}"
    console.print("\n[bold]What next[/]")
    console.print(f"  {opens:<38} the Dagster UI on this pipeline", highlight=False, soft_wrap=True)
    if demo:
        line = f"  {'aifinops run --bill YOUR_EXPORT.csv':<38} the same with your bill"
        console.print(line, highlight=False, soft_wrap=True)
