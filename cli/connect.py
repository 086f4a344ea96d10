"""Preparing where facts come from, on the command line: ``aifinops connect azure``.

Here: options.
Not here: what is made of them (connect_request), showing and doing the steps (connect_steps).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.inputs import moment
from cli.options import ReportedAsOfOption

connect_app = typer.Typer(no_args_is_help=True, help="Prepare where facts come from, read-only.")


@connect_app.command("azure")
def azure(
    subscription: Annotated[str, typer.Option(help="Id of the subscription whose cost is exported")],
    storage_account: Annotated[
        str | None, typer.Option(help="Name or resource id; made where it is missing", show_default="aifinops…")
    ] = None,
    container: Annotated[
        str | None,
        typer.Option(help="Container for the exports; made where it is missing", show_default="cost-exports"),
    ] = None,
    resource_group: Annotated[str, typer.Option(help="For a storage account that is to be made")] = "rg-aifinops",
    location: Annotated[
        str | None, typer.Option(help="Region for what is to be made, such as swedencentral", show_default=False)
    ] = None,
    principal_id: Annotated[
        str | None, typer.Option(help="Object id of the identity that aifinops runs as", show_default=False)
    ] = None,
    principal_type: Annotated[str, typer.Option(help="ServicePrincipal, User or Group")] = "ServicePrincipal",
    folder: Annotated[str | None, typer.Option(help="Folder in the container", show_default="focus")] = None,
    export_name: Annotated[str, typer.Option(help="Name of the export")] = "aifinops-focus",
    months: Annotated[int, typer.Option(help="Whole months to export back")] = 13,
    month: Annotated[
        list[str] | None, typer.Option(help="Only export this month again, such as 2026-09; repeatable")
    ] = None,
    keep_runs: Annotated[
        bool | None,
        typer.Option("--keep-runs/--replace-runs", help="Keep every run in the container, or a month's newest"),
    ] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Do the steps instead of only showing them")] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Show how to take everything back")] = False,
    out: Annotated[Path | None, typer.Option(help="File for the sources.yml entries", show_default=False)] = None,
    endpoint: Annotated[
        str | None, typer.Option(help="Azure Resource Manager's address; a simulator's", show_default=False)
    ] = None,
    as_of: ReportedAsOfOption = None,
) -> None:
    """Prepare one Azure subscription, read-only: export, back-fill, roles. Shows the steps; --apply does them."""
    from cli.connect_request import ConnectOptions
    from cli.connect_steps import connect_azure, show_removal

    options = ConnectOptions(
        subscription=subscription,
        storage_account=storage_account,
        container=container,
        resource_group=resource_group,
        location=location,
        principal_id=principal_id,
        principal_type=principal_type,
        folder=folder,
        export_name=export_name,
        months=months,
        again=month or [],
        keep_runs=keep_runs,
        endpoint=endpoint,
        out=out,
    )
    at = moment(as_of)
    if remove:
        show_removal(options, at)
        return
    raise typer.Exit(connect_azure(options, at, apply=apply))
