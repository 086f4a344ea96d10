"""Commands that check: the configuration, the sources and this machine.

Here: options, and the configuration's problems in words.
Not here: what is checked (finops.config, doctor).
"""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from cli.inputs import folder_of, given_moment, home_of
from cli.options import ConfigOption, HomeOption, JsonOption, ReportedAsOfOption
from finops.config import ConfigError, load_configuration

config_app = typer.Typer(no_args_is_help=True, help="Work with the files in config/.")


def doctor(
    source: Annotated[str | None, typer.Option(help="Only this source of sources.yml", show_default=False)] = None,
    home: HomeOption = None,
    config: ConfigOption = None,
    as_of: ReportedAsOfOption = None,
    timeout: Annotated[float, typer.Option(help="Seconds that a source may take to answer")] = 30,
    as_json: JsonOption = False,
) -> None:
    """Check every source (reachable, permitted, fresh, complete) and this machine; say what to do."""
    from cli.doctor import run_doctor

    code = run_doctor(
        home_of(home), folder_of(config), as_of=given_moment(as_of), source_id=source, limit_seconds=timeout,
        as_json=as_json,
    )  # fmt: skip
    raise typer.Exit(code)


@config_app.command("check")
def config_check(config: ConfigOption = None) -> None:
    """Validate config/: every problem with file, line and remedy."""
    directory = folder_of(config)
    try:
        found = load_configuration(directory)
    except ConfigError as error:
        for problem in error.problems:
            Console(stderr=True).print(f"[red]✗[/] {problem}", highlight=False, soft_wrap=True)
        raise typer.Exit(1) from None
    Console().print(
        f"[green]✓[/] {directory}: {len(found.sources.sources)} sources, {len(found.tags.rules)} tag rules, "
        f"{len(found.allocation.pools)} pools, {len(found.budgets.budgets)} budgets, "
        f"{len(found.units.units)} units, "
        f"{len(found.guardrails.policies)} policies, {len(found.prices.models)} model prices"
    )
