"""``aifinops audit``: whether the record holds, and what of it may go.

Here: options, words, exit codes.
Not here: the chain (guardrails.audit).
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, time
from typing import Annotated

import typer
from rich.console import Console

from cli.inputs import configuration_of, day, moment
from cli.ledger import opened
from cli.options import AsOfOption, ConfigOption, HomeOption, JsonOption, WhoOption, speaker

audit_app = typer.Typer(
    no_args_is_help=True, help="Prove the record of decisions, votes and messages; remove what is old."
)


@audit_app.command("verify")
def verify(as_json: JsonOption = False, home: HomeOption = None) -> None:
    """Prove the audit trail and all that it vouches for. Exit status 1 where something does not hold."""
    from guardrails import gate

    with opened(home) as ledger:
        report = ledger.verify()
        problems = [*report.problems, *gate.unbalanced(ledger)]
        places = [place.location for place in ledger.checkpoints]
    if as_json:
        document = {
            "entries": report.entries, "removed_entries": report.removed,
            "checkpoint_sequence": report.checkpoint_sequence, "checkpoints": places, "problems": problems,
        }  # fmt: skip
        typer.echo(json.dumps(document, indent=2))
    else:
        console = Console(soft_wrap=True, highlight=False)
        for problem in problems:
            console.print(f"[red]✗[/] {problem}")
        gone = f", {report.removed:,} removed as old" if report.removed else ""
        console.print(f"{report.entries:,} entries{gone}")
        reached = report.checkpoint_sequence
        if reached is None:
            console.print("No checkpoint vouches that the end is there")
        else:
            console.print(f"Complete up to entry {reached:,} by the checkpoints {' and '.join(places)}")
        if not problems:
            console.print("[green]✓[/] everything is as it was written")
    if problems:
        raise typer.Exit(1)


@audit_app.command("prune")
def prune(
    before: Annotated[str, typer.Option("--before", help="Remove entries of before this day, such as 2025-01-01")],
    why: Annotated[str, typer.Option("--why", help="In a few words; it stays on the record")],
    who: WhoOption = None,
    home: HomeOption = None,
    config: ConfigOption = None,
    as_of: AsOfOption = None,
) -> None:
    """Remove old audit entries, as audit.keep_days of guardrails.yml allows; a signed stub says what was there."""
    settings = configuration_of(config).guardrails.audit
    with opened(home) as ledger:
        first_kept = datetime.combine(day(before, "--before"), time(), UTC)
        removed = ledger.prune(first_kept, settings, who=speaker(who), why=why, now=moment(as_of))
    span = f"{removed.first_sequence:,} to {removed.last_sequence:,}"
    typer.echo(f"{removed.entries:,} entries removed ({span}); a signed stub stands for them")
