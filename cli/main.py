"""The commands."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from finops.config import ConfigError, load_configuration
from finops.paths import PROJECT_DIR, Home, config_dir
from finops.periods import as_utc, utc_now

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
    help="What your AI really costs, who spent it, what it bought, what comes next.",
)
config_app = typer.Typer(no_args_is_help=True, help="Work with the files in config/.")
app.add_typer(config_app, name="config")

DEMO_HOME = PROJECT_DIR / ".aifinops" / "demo"

HomeOption = Annotated[
    Path | None,
    typer.Option("--home", help="Folder with this pipeline's data [default: .aifinops/main]", show_default=False),
]
ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="Folder with the YAML files [default: config]", show_default=False)
]
AsOfOption = Annotated[
    str | None, typer.Option("--as-of", help="Report as of this moment, such as 2026-10-20T06:00Z", show_default=False)
]


def _fail(message: str) -> typer.Exit:
    Console(stderr=True).print(f"[red bold]✗[/] {message}", highlight=False, soft_wrap=True)
    return typer.Exit(1)


@app.command()
def demo(
    home: HomeOption = None,
    seed: Annotated[int, typer.Option(help="Another seed makes another organisation")] = 7,
    scale: Annotated[float, typer.Option(help="Volume; 1 is about 110,000 USD a month")] = 1.0,
    days: Annotated[int, typer.Option(help="Days of history")] = 400,
) -> None:
    """Run the whole pipeline on a simulated organisation and show what it found."""
    from cli.pipeline import run_and_show
    from cli.simulated import simulated_organisation

    console = Console(file=sys.stdout)
    place = Home((home or DEMO_HOME).resolve())
    console.print("[bold]aifinops demo[/] · a made-up organisation in every provider's real wire format\n")
    with simulated_organisation(place, console, seed=seed, scale=scale, days=days) as organisation:
        run_and_show(place, config_dir(), organisation.as_of, organisation.environ, console, demo=True)


@app.command()
def run(
    focus: Annotated[Path | None, typer.Option(help="FOCUS file or folder: CSV, CSV.gz, Parquet")] = None,
    usage: Annotated[Path | None, typer.Option(help="Table of model usage: CSV, JSONL, Parquet")] = None,
    mapping: Annotated[Path | None, typer.Option(help="What the columns of --usage mean (YAML)")] = None,
    home: HomeOption = None,
    config: ConfigOption = None,
    as_of: AsOfOption = None,
) -> None:
    """Run the pipeline once: on the sources of config/sources.yml, or on your own files."""
    if usage and not mapping:
        raise _fail("--usage needs --mapping FILE; config/examples/ has one to start from")
    for path in (focus, usage, mapping, config):
        if path is not None and not path.exists():
            raise _fail(f"{path} does not exist")
    from cli.adhoc import adhoc_run
    from cli.pipeline import run_and_show

    console = Console(file=sys.stdout)
    base = (config or config_dir()).resolve()
    moment = _moment(as_of)
    if focus or usage:
        from ingestion import LandingError

        try:
            is_example = base == PROJECT_DIR / "config"
            own = adhoc_run(base, home, focus=focus, usage=usage, mapping=mapping, is_example=is_example)
        except (ConfigError, LandingError) as error:
            raise _fail(str(error)) from None
        run_and_show(own.home, own.config, moment or own.as_of, os.environ, console)
    else:
        place = Home(home.resolve()) if home else Home.from_environment()
        run_and_show(place, base, moment or utc_now(), os.environ, console)


@app.command()
def dev(
    home: HomeOption = None,
    port: Annotated[int, typer.Option(help="Port of the Dagster UI")] = 3000,
    host: Annotated[str, typer.Option(help="Address to listen on")] = "127.0.0.1",
) -> None:
    """Open the Dagster UI: on the demo's organisation, or on --home."""
    from cli.dev import serve_dagster

    serve_dagster(Home((home or DEMO_HOME).resolve()), host, port, Console())


@app.command()
def summary(home: HomeOption = None, as_of: AsOfOption = None) -> None:
    """Show the last run's summary again."""
    from cli.pipeline import show_summary

    place = Home(home.resolve()) if home else Home.from_environment()
    if not place.published.exists():
        raise _fail(f"{place.path} has no published marts yet; run `aifinops run` or `aifinops demo` first")
    show_summary(place, _moment(as_of), Console())


@config_app.command("check")
def config_check(config: ConfigOption = None) -> None:
    """Validate config/: every problem with file, line and remedy."""
    directory = (config or config_dir()).resolve()
    try:
        found = load_configuration(directory)
    except ConfigError as error:
        for problem in error.problems:
            Console(stderr=True).print(f"[red]✗[/] {problem}", highlight=False, soft_wrap=True)
        raise typer.Exit(1) from None
    Console().print(
        f"[green]✓[/] {directory}: {len(found.sources.sources)} sources, {len(found.tags.rules)} tag rules, "
        f"{len(found.allocation.pools)} pools, {len(found.budgets.budgets)} budgets, "
        f"{len(found.guardrails.policies)} policies, {len(found.prices.models)} model prices"
    )


@app.command()
def version() -> None:
    """Show the version."""
    from importlib.metadata import version as installed

    typer.echo(f"aifinops {installed('aifinops')} on Python {sys.version.split()[0]}")


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise _fail(f"--as-of {text!r} is not a time; write it like 2026-10-20T06:00Z") from None
    return as_utc(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


if __name__ == "__main__":
    app()
