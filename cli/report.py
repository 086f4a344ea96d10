"""The dashboards on the command line: ``aifinops report …``.

Here: options and words.
Not here: what the pages say (reports.dashboards).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cli.inputs import configuration_of, fail, home_of, moment
from cli.options import AsOfOption, ConfigOption, HomeOption
from cli.report_documents import register

report_app = typer.Typer(no_args_is_help=True, help="Make the dashboards from the published marts.")


@report_app.command()
def build(
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder to write, replaced as a whole", show_default="HOME/reports")
    ] = None,
    home: HomeOption = None,
    config: ConfigOption = None,
    as_of: AsOfOption = None,
) -> None:
    """Write every dashboard as a folder of files that opens without a server: hand it on, or host it."""
    import reports
    from orchestration.dashboards import build_dashboards

    place = home_of(home)
    policies = configuration_of(config).guardrails.policies
    try:
        at = moment(as_of) if as_of else reports.reported_moment(reports.read_marts(place.published))
        site = build_dashboards(place, policies, at, out_dir=out.resolve() if out else None)
    except reports.MartError as error:
        fail(str(error))
    Console().print(
        f"[green]✓[/] {len(site.pages)} pages, {site.size_bytes / 1e6:,.1f} MB: {site.index}",
        highlight=False,
        soft_wrap=True,
    )


register(report_app)
