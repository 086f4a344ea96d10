"""Work with FOCUS files: ``aifinops focus check``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cli.inputs import fail

focus_app = typer.Typer(no_args_is_help=True, help="Work with FOCUS files.")
SHOWN = 40


@focus_app.command("check")
def check(
    file: Annotated[Path, typer.Argument(help="FOCUS file: .csv, .csv.gz or .parquet")],
    version: Annotated[str | None, typer.Option("--version", help="1.0 to 1.4; told by the columns")] = None,
    dataset: Annotated[
        str | None, typer.Option(help="CostAndUsage, BillingPeriod or ContractCommitment; told by the columns")
    ] = None,
) -> None:
    """Check any FOCUS file row by row: every fault with rows, column and remedy. Errors end with status 1."""
    from reports.focus.check import FocusCheckError, check_focus

    try:
        report = check_focus(file, version=version, dataset=dataset)
    except FocusCheckError as error:
        fail(str(error))
    console = Console()
    for finding in report.findings[:SHOWN]:
        mark = "[red]✗[/]" if finding.severity == "error" else "[yellow]![/]"
        console.print(mark, finding.text(str(file)), highlight=False, soft_wrap=True, markup=True)
    if len(report.findings) > SHOWN:
        console.print(f"… and {len(report.findings) - SHOWN} more", highlight=False)
    kind = f"FOCUS {report.version} {report.dataset}, {report.row_count:,} rows, {report.check_count} checks"
    if report.errors:
        console.print(
            f"[red bold]✗[/] {kind}: {len(report.errors)} kinds of error, {len(report.warnings)} of warning",
            highlight=False,
        )
        raise typer.Exit(1)
    console.print(f"[green]✓[/] {kind}: no errors, {len(report.warnings)} kinds of warning", highlight=False)
