"""Commands that show what the last run published: budgets, units, forecasts, comparisons.

Here: options, and what is said where there is nothing to show.
Not here: reading and showing (a module for each), why an amount is what it is (explanations).
"""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console

from cli.inputs import days, fail, home_of, parse_moment, published_home
from cli.options import HomeOption, ReportedAsOfOption


def summary(home: HomeOption = None, as_of: ReportedAsOfOption = None) -> None:
    """Show the last run's summary again."""
    from cli.pipeline import show_summary

    place = published_home(home)
    show_summary(place, parse_moment(as_of) if as_of else None, Console())


def budgets(home: HomeOption = None) -> None:
    """Show where every budget stands: spent, left, pace, projection, when it is used up."""
    from cli.budgets import NoBudgetsError, show

    try:
        show(home_of(home), Console())
    except NoBudgetsError as error:
        fail(str(error))


def units(
    unit: Annotated[str | None, typer.Option(help="Only this unit of units.yml", show_default=False)] = None,
    missed: Annotated[
        bool, typer.Option("--missed", help="Instead: who paid for input that a cache would have had")
    ] = False,
    value: Annotated[bool, typer.Option("--value", help="Instead: value, return and payback by month")] = False,
    home: HomeOption = None,
) -> None:
    """Show what one unit costs (config/units.yml), against its target and the weeks before."""
    from cli.missed_cache import read_missed, show_missed
    from cli.units import read_units, read_values, show_units, show_values
    from orchestration.published import NotPublishedError

    place = published_home(home)
    try:
        if missed:
            found = read_missed(place)
            if found is None:
                fail("there is no model usage yet; `aifinops doctor` says what the sources lack")
            show_missed(found, Console(file=sys.stdout))
            return
        if value:
            values = read_values(place, unit)
            if not values:
                what = f"no unit {unit!r}" if unit else "no unit"
                fail(f"{what} is counted per value with known cost; write per: {{value: …}} in config/units.yml")
            show_values(values, Console(file=sys.stdout))
            return
        lines = read_units(place, unit)
    except NotPublishedError as error:
        fail(str(error))
    if not lines:
        what = f"unit {unit!r} has" if unit else "units have"
        fail(f"{what} no day whose cost is all known; see config/units.yml, and `aifinops config check`")
    show_units(lines, Console(file=sys.stdout))


def service_levels(
    of_app: Annotated[str | None, typer.Option("--app", help="Only this app", show_default=False)] = None,
    model: Annotated[str | None, typer.Option(help="Only this model", show_default=False)] = None,
    days: Annotated[int, typer.Option(min=1, help="Days to look back")] = 28,
    top: Annotated[int, typer.Option(min=1, help="How many models to show, dearest first")] = 25,
    home: HomeOption = None,
) -> None:
    """Show latency, errors, error budgets, GPU use, interruptions and retrains beside their cost."""
    from cli.service_levels import show_service_levels
    from orchestration.published import NotPublishedError

    place = published_home(home)
    try:
        found = show_service_levels(place, Console(file=sys.stdout), app=of_app, model=model, days=days, top=top)
    except NotPublishedError as error:
        fail(str(error))
    if not found:
        what = " and ".join(f"{name} {value!r}" for name, value in (("app", of_app), ("model", model)) if value)
        fail(f"no telemetry of {what or 'any request or GPU'}; `aifinops doctor` says which sources there are")


def forecast(
    by: Annotated[
        str, typer.Option(help="company, business_unit, team, app, project, model, environment, service, …")
    ] = "team",
    hours: Annotated[bool, typer.Option("--hours", help="The next 48 hours of usage instead, hour by hour")] = False,
    home: HomeOption = None,
) -> None:
    """Show where months and quarters will end, and how good forecasts have been; or the next hours."""
    from cli.forecast import HOURLY_LEVELS, LEVELS, read_forecasts, read_hours, show, show_hours
    from orchestration.published import NotPublishedError
    from reports import MartError

    levels = HOURLY_LEVELS if hours else LEVELS
    if by not in levels:
        fail(f"--by {by!r} is none of {', '.join(levels)}")
    place, console = home_of(home), Console(file=sys.stdout)
    try:
        if hours:
            show_hours(read_hours(place), by, console)
        else:
            show(read_forecasts(place, by), by, console)
    except (NotPublishedError, MartError) as error:
        fail(str(error))


def frontier(
    only: Annotated[str | None, typer.Option("--app", help="Only this app", show_default=False)] = None,
    month: Annotated[
        str | None, typer.Option(help="Such as 2026-09; the newest by default", show_default=False)
    ] = None,
    home: HomeOption = None,
) -> None:
    """Show what each model of an app costs against its speed and quality, and what a cheaper one would have saved."""
    from cli.frontier import UnknownAppError, read_variants, show_variants
    from orchestration.published import NotPublishedError

    place = published_home(home)
    try:
        first_day = date.fromisoformat(f"{month}-01") if month else None
    except ValueError:
        fail(f"--month {month!r} is not a month; write it like 2026-09")
    try:
        variants = read_variants(place, only, first_day)
    except (NotPublishedError, UnknownAppError) as error:
        fail(str(error))
    if not variants:
        remedy = "deliver outcomes with model and quality_score (ingestion/sources/outcomes/README.md)"
        fail(f"no model was scored {f'in {month}' if month else 'yet'}; {remedy}")
    show_variants(variants, Console(file=sys.stdout))


def compare(
    before: Annotated[str, typer.Option("--from", help="Days to compare with, such as 2026-09-01..2026-09-30")],
    after: Annotated[str, typer.Option("--to", help="Days to explain, such as 2026-10-01..2026-10-19")],
    by: Annotated[Literal["all", "team", "app", "model"], typer.Option(help="What to tell apart")] = "all",
    team: Annotated[str | None, typer.Option(help="Only this team's usage", show_default=False)] = None,
    record: Annotated[
        Path | None, typer.Option("--out", help="CSV of every line with exact amounts", show_default=False)
    ] = None,
    home: HomeOption = None,
) -> None:
    """Show why token cost changed between two periods: by volume, mix, cache and price."""
    from cli.compare import Period, UnknownTeamError, show, unpriced_tokens, write_csv
    from cli.compare import compare as compare_periods
    from orchestration.published import NotPublishedError

    place = published_home(home)
    periods = Period(*days(before, "--from")), Period(*days(after, "--to"))
    console = Console(file=sys.stdout)
    try:
        found = compare_periods(place, *periods, by, team)
    except (NotPublishedError, UnknownTeamError) as error:
        fail(str(error))
    if not found:
        fail("no usage with a price in either period; `aifinops summary` says which days there are")
    for comparison in found:
        show(comparison, *periods, by, console)
    missing = [unpriced_tokens(place, period, team) for period in periods]
    if any(missing):
        console.print(f"Tokens without a price, in none of this: {missing[0]:,} before, {missing[1]:,} after.")
    if record:
        write_csv(found, by, record)
        console.print(f"Every line with exact amounts: {record}", highlight=False, soft_wrap=True)
