"""Commands that run the pipeline, or open it.

Here: options and what they ask for.
Not here: running (orchestration), and showing a run (pipeline, refresh, reprice, as_known, dev).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cli.inputs import fail, folder_of, given_day, home_of, moment, parse_moment, published_home
from cli.options import ConfigOption, DemoHomeOption, HomeOption, ReportedAsOfOption
from finops.config import ConfigError
from finops.paths import PROJECT_DIR, Home, config_dir
from finops.periods import utc_now

DEMO_HOME = PROJECT_DIR / ".aifinops" / "demo"


def demo(
    home: DemoHomeOption = None,
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


def run(
    bill: Annotated[
        Path | None,
        typer.Option(help="Bill, a file or folder: FOCUS, or Azure's actual and amortized cost; CSV, CSV.gz, Parquet"),
    ] = None,
    focus: Annotated[Path | None, typer.Option(help="FOCUS file or folder: CSV, CSV.gz, Parquet")] = None,
    usage: Annotated[Path | None, typer.Option(help="Table of model usage: CSV, JSONL, Parquet")] = None,
    mapping: Annotated[Path | None, typer.Option(help="What the columns of --usage mean (YAML)")] = None,
    currency: Annotated[
        str | None, typer.Option(help="Currency of --focus where it has no BillingCurrency, such as USD")
    ] = None,
    date_format: Annotated[
        str | None, typer.Option(help="Dates of --focus that are not ISO 8601, such as %m/%d/%y for 4/30/26")
    ] = None,
    amount_style: Annotated[
        str | None, typer.Option(help="Amounts of --focus with separators: '1,234.56' or '1.234,56'")
    ] = None,
    home: HomeOption = None,
    config: ConfigOption = None,
    as_of: ReportedAsOfOption = None,
) -> None:
    """Run the pipeline once: on the sources of config/sources.yml, or on your own files."""
    if usage and not mapping:
        fail("--usage needs --mapping FILE; config/examples/ has one to start from")
    if not focus and (currency or date_format or amount_style):
        fail("--currency, --date-format and --amount-style say how to read --focus FILE")
    for path in (bill, focus, usage, mapping, config):
        if path is not None and not path.exists():
            fail(f"{path} does not exist")
    from cli.adhoc import adhoc_run
    from cli.pipeline import run_and_show

    console = Console(file=sys.stdout)
    base = folder_of(config)
    given = parse_moment(as_of) if as_of else None
    if bill or focus or usage:
        from ingestion import LandingError

        try:
            is_example = base == PROJECT_DIR / "config"
            reading = {"billing_currency": currency, "date_format": date_format, "amount_style": amount_style}
            own = adhoc_run(
                base,
                home,
                bill=bill,
                focus=focus,
                usage=usage,
                mapping=mapping,
                reading=reading,
                is_example=is_example,
            )
        except (ConfigError, LandingError) as error:
            fail(str(error))
        run_and_show(own.home, own.config, given or own.as_of, os.environ, console)
    else:
        run_and_show(home_of(home), base, given or utc_now(), os.environ, console)


def dev(
    home: DemoHomeOption = None,
    port: Annotated[int, typer.Option(help="Port of the Dagster UI")] = 3000,
    host: Annotated[str, typer.Option(help="Address that the Dagster UI listens on")] = "127.0.0.1",
    portal_port: Annotated[int, typer.Option("--portal-port", help="Port of the portal")] = 8600,
) -> None:
    """Open the Dagster UI and the portal: on the demo's organisation, or on --home."""
    from cli.dev import serve_dagster

    serve_dagster(Home((home or DEMO_HOME).resolve()), host, port, portal_port, Console())


def refresh(home: HomeOption = None, config: ConfigOption = None, as_of: ReportedAsOfOption = None) -> None:
    """Land the newest usage, price it and tell what runs away, in seconds; the rest follows with the next run."""
    from cli.refresh import refresh_and_show

    refresh_and_show(home_of(home), folder_of(config), moment(as_of), os.environ, Console(file=sys.stdout))


def reprice(
    since: Annotated[str | None, typer.Option("--from", help="First day to show, such as 2026-07-01")] = None,
    until: Annotated[str | None, typer.Option("--to", help="Last day to show")] = None,
    record: Annotated[
        Path | None, typer.Option("--out", help="CSV of each changed day, model and class, before and after")
    ] = None,
    home: HomeOption = None,
    config: ConfigOption = None,
) -> None:
    """Price all usage again after prices.yml was corrected, and show what changed in money."""
    from cli.reprice import reprice_and_show

    days = (given_day(since, "--from"), given_day(until, "--to"))
    reprice_and_show(
        published_home(home), folder_of(config), os.environ, Console(file=sys.stdout), days=days, record=record
    )


def as_known(
    at: Annotated[str, typer.Option(help="The past moment, such as 2026-10-05T00:00Z")],
    out: Annotated[Path, typer.Option(help="Folder for the marts of that moment")],
    basis: Annotated[
        str, typer.Option(help="delivered: what producers had published by then; landed: what this lake held")
    ] = "delivered",
    home: HomeOption = None,
) -> None:
    """Rebuild every mart as it was reported on a past day, and show how it differs from today's."""
    if basis not in ("delivered", "landed"):
        fail(f"--basis {basis!r}: write delivered or landed")
    from cli.as_known import rebuild_and_compare

    place = home_of(home)
    past = parse_moment(at, "--at")
    if not place.lake.parent.exists():
        fail(f"{place.path} does not exist; run `aifinops run` or `aifinops demo` first")
    # Named, since the progress is shown while everything else that is printed goes to a file.
    console = Console(file=sys.stdout)
    rebuild_and_compare(place, past, "landed" if basis == "landed" else "delivered", out.resolve(), console)
