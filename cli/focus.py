"""Files for other tools: ``aifinops export marts``, ``aifinops export focus`` and ``aifinops focus check``."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from finops.paths import Home

export_app = typer.Typer(no_args_is_help=True, help="Write files for other tools.")
focus_app = typer.Typer(no_args_is_help=True, help="Work with FOCUS files.")
SHOWN = 40


def _stop(message: str) -> typer.Exit:
    Console(stderr=True).print(f"[red bold]✗[/] {message}", highlight=False, soft_wrap=True)
    return typer.Exit(1)


@export_app.command("marts")
def marts(
    to: Annotated[
        str | None, typer.Option("--to", help="Folder or az://, s3://, gs:// address [default: those of exports.yml]")
    ] = None,
    formats: Annotated[
        list[str] | None, typer.Option("--format", help="With --to: csv or parquet; repeat for both [default: both]")
    ] = None,
    home: Annotated[Path | None, typer.Option("--home", help="Folder with this pipeline's data")] = None,
    config: Annotated[Path | None, typer.Option("--config", help="Folder with the YAML files")] = None,
) -> None:
    """Bring the last run's marts to a folder or bucket: a whole version beside the others, then its manifest."""
    from finops.config import ConfigError, load_configuration
    from finops.config.exports import Destination
    from finops.paths import config_dir
    from orchestration.export_delivery import ExportDeliveryError, deliver_exports

    place = Home(home.resolve()) if home else Home.from_environment()
    try:
        if to:
            wanted = {"formats": formats} if formats else {}
            destinations = [Destination.model_validate({"id": "to", "url": to, **wanted})]
        else:
            destinations = load_configuration((config or config_dir()).resolve()).exports.destinations
    except ConfigError as error:
        raise _stop(str(error)) from None
    except ValueError:
        raise _stop(f"--format {', '.join(formats or [])}: use csv or parquet") from None
    if not destinations:
        raise _stop("exports.yml names no destination; add one, or say --to az://container@account.dfs…/path")
    console, problems = Console(), []
    for destination in destinations:
        try:
            done = deliver_exports(place.exports, destination, os.environ)
        except ExportDeliveryError as error:
            problems.append(str(error))
            continue
        name = destination.url if to else f"{destination.id} ({destination.url})"
        what = f"{done.file_count} files, {done.byte_count / 1e6:,.1f} MB" if done.file_count else "has it already"
        console.print(f"[green]✓[/] {escape(name)}: {what}, version {done.version}", highlight=False, soft_wrap=True)
    if problems:
        raise _stop("\n".join(problems))


@export_app.command("focus")
def export(
    out: Annotated[Path, typer.Option("--out", help="File to write: .csv, .csv.gz or .parquet")],
    version: Annotated[str, typer.Option("--version", help="FOCUS version: 1.2 or 1.4")] = "1.4",
    dataset: Annotated[
        str, typer.Option(help="cost_and_usage, billing_period or contract_commitment")
    ] = "cost_and_usage",
    first_day: Annotated[str | None, typer.Option("--from", help="First day, such as 2026-10-01")] = None,
    end_day: Annotated[str | None, typer.Option("--to", help="First day that is left out")] = None,
    provider: Annotated[str | None, typer.Option(help="Only this provider, such as Microsoft")] = None,
    all_columns: Annotated[bool, typer.Option("--all-columns", help="Also columns that no row has a value in")] = False,
    home: Annotated[Path | None, typer.Option("--home", help="Folder with this pipeline's data")] = None,
) -> None:
    """Write the bill as a FOCUS file, from the marts of the last run."""
    from reports.focus import FocusExportError, export_focus

    place = Home(home.resolve()) if home else Home.from_environment()
    try:
        done = export_focus(
            place.published.resolve(),
            out,
            version=version,
            dataset=dataset,
            first_day=_day(first_day, "--from"),
            end_day=_day(end_day, "--to"),
            provider=provider,
            all_columns=all_columns,
        )
    except FocusExportError as error:
        raise _stop(str(error)) from None
    console = Console()
    console.print(
        f"[green]✓[/] {done.path}: FOCUS {done.version} {done.dataset}, {done.row_count:,} rows, "
        f"{len(done.columns)} columns",
        highlight=False,
        soft_wrap=True,
    )
    if done.left_out:
        console.print(
            f"Left out, because nothing has them: {', '.join(done.left_out)}", highlight=False, soft_wrap=True
        )
    console.print(
        f"Check it: aifinops focus check {done.path} --version {done.version}", highlight=False, soft_wrap=True
    )


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
        raise _stop(str(error)) from None
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


def _day(text: str | None, option: str) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise _stop(f"{option} {text!r} is not a day; write it like 2026-10-01") from None
