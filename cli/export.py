"""Files for other tools: ``aifinops export marts``, ``focus``, ``powerbi`` and ``powerbi-figures``."""

from __future__ import annotations

import csv
import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from cli.inputs import fail, folder_of, given_day, home_of
from cli.options import ConfigOption, HomeOption

export_app = typer.Typer(no_args_is_help=True, help="Write files for other tools.")


@export_app.command("marts")
def marts(
    to: Annotated[
        str | None,
        typer.Option("--to", help="Folder or az://, s3://, gs:// address", show_default="those of exports.yml"),
    ] = None,
    formats: Annotated[
        list[str] | None,
        typer.Option(
            "--format",
            help="With --to: csv, parquet, parquet_by_month, xlsx; repeat it",
            show_default="csv and parquet",
        ),
    ] = None,
    home: HomeOption = None,
    config: ConfigOption = None,
) -> None:
    """Bring the last run's marts to a folder or bucket: a whole version beside the others, then its manifest."""
    from finops.config import ConfigError, load_configuration
    from finops.config.exports import Destination
    from orchestration.export_delivery import ExportDeliveryError, deliver_exports

    place = home_of(home)
    try:
        if to:
            wanted = {"formats": formats} if formats else {}
            destinations = [Destination.model_validate({"id": "to", "url": to, **wanted})]
        else:
            destinations = load_configuration(folder_of(config)).exports.destinations
    except ConfigError as error:
        fail(str(error))
    except ValueError:
        fail(f"--format {', '.join(formats or [])}: use csv, parquet, parquet_by_month or xlsx")
    if not destinations:
        fail("exports.yml names no destination; add one, or say --to az://container@account.dfs…/path")
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
        fail("\n".join(problems))


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
    home: HomeOption = None,
) -> None:
    """Write the bill as a FOCUS file, from the marts of the last run."""
    from reports.focus import FocusExportError, export_focus

    place = home_of(home)
    try:
        done = export_focus(
            place.published.resolve(),
            out,
            version=version,
            dataset=dataset,
            first_day=given_day(first_day, "--from"),
            end_day=given_day(end_day, "--to"),
            provider=provider,
            all_columns=all_columns,
        )
    except FocusExportError as error:
        fail(str(error))
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


@export_app.command("powerbi")
def powerbi(
    out: Annotated[Path, typer.Option("--out", help="Folder for the project; AISpend.pbip opens it")],
    root: Annotated[
        str | None,
        typer.Option(
            "--root",
            help="Exports: a folder, https://…, az://…; or a portal: https://…/api/v1",
            show_default="the home's exports",
        ),
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Also replace a project that was changed by hand")] = False,
    home: HomeOption = None,
) -> None:
    """Write a Power BI project over the exported marts: semantic model and report, as text files."""
    from orchestration.assets.warehouse import project
    from orchestration.manifest import ManifestError, ensure_manifest
    from orchestration.workspace import Workspace
    from reports.dictionary import DictionaryError, read_dictionary
    from reports.powerbi import ContractError, PowerBiError, RootError, parse_root, write_project

    place = home_of(home)
    try:
        where = parse_root(root or place.exports.as_posix())
        dictionary = read_dictionary(ensure_manifest(project(), Workspace(home_path=str(place.path)).dbt_environment()))
        done = write_project(out, dictionary, where, replace=replace)
    except (ContractError, DictionaryError, ManifestError, PowerBiError, RootError) as error:
        fail(escape(str(error)))
    Console().print(
        f"[green]✓[/] {escape(str(done.path))}: {done.table_count} tables, {done.measure_count} measures, "
        f"{done.page_count} pages, {done.file_count} files, reading {escape(where.address)}\n"
        f"Open AISpend.pbip in Power BI Desktop; compare it with: aifinops export powerbi-figures",
        highlight=False,
        soft_wrap=True,
    )


@export_app.command("powerbi-figures")
def powerbi_figures(
    currency: Annotated[str | None, typer.Option("--currency", help="As the slicer chooses, such as EUR")] = None,
    month: Annotated[str | None, typer.Option("--month", help="Such as 2026-10", show_default="the newest")] = None,
    team: Annotated[str | None, typer.Option("--team", help="Only this team")] = None,
    app: Annotated[str | None, typer.Option("--app", help="Only this app")] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="measure,table,value instead of a table")] = False,
    home: HomeOption = None,
) -> None:
    """Say what every measure of the Power BI model must show, to compare a refreshed report with."""
    from reports.powerbi import FiguresError, control_figures

    place = home_of(home)
    choices = {"currency": currency, "month": month, "team": team, "app": app}
    try:
        figures = control_figures(
            place.published.resolve(), **{name: value for name, value in choices.items() if value is not None}
        )
    except FiguresError as error:
        fail(escape(str(error)))
    if as_csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(["measure", "table", "value"])
        writer.writerows(
            [one.measure.name, one.measure.table, "" if one.value is None else repr(one.value)] for one in figures
        )
        return
    table = Table("Folder", "Measure", box=None, header_style="bold")
    table.add_column("Value", justify="right")
    for one in figures:
        table.add_row(one.measure.folder.replace("\\", " › "), one.measure.name, one.text)
    Console().print(table)
