"""Commands that tell why: the price of some usage, the owner of an amount, the tags of a resource.

Here: options, and what is said where there is nothing to tell.
Not here: reading and showing (prices, explain, tags).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from cli.inputs import fail, given_day, home_of, published_home
from cli.options import HomeOption
from finops.tokens import TokenClass

prices_app = typer.Typer(no_args_is_help=True, help="See what prices say, and where they disagree.")
tags_app = typer.Typer(no_args_is_help=True, help="See whose resources are, and what has no owner.")


def explain(
    amount: Annotated[
        str | None, typer.Argument(metavar="ID", help="Id of an amount, or its first characters", show_default=False)
    ] = None,
    team: Annotated[str | None, typer.Option(help="List this team's largest amounts with their ids")] = None,
    day: Annotated[str | None, typer.Option(help="With --team: the day", show_default="its newest")] = None,
    of_app: Annotated[str | None, typer.Option("--app", help="With --team: only this app")] = None,
    top: Annotated[int, typer.Option(min=1, help="With --team: how many")] = 10,
    home: HomeOption = None,
) -> None:
    """Tell why an amount is whose it is: the rule, the share, the charge, the row of the bill."""
    if (amount is None) == (team is None):
        fail("write the id of an amount, or --team TEAM to list a team's amounts with their ids")
    if team is None and (day or of_app):
        fail("--day and --app choose among a team's amounts: add --team TEAM, and leave the id out")
    from cli.explain import explain_amount, list_amounts
    from reports.explain import AmountError

    place = published_home(home)
    console = Console(file=sys.stdout)
    try:
        if team is not None:
            list_amounts(place, team, given_day(day, "--day"), of_app, top, console)
        elif amount is not None and not explain_amount(place, amount, os.environ, console):
            raise typer.Exit(1)
    except AmountError as error:
        fail(escape(str(error)))


@prices_app.command("explain")
def prices_explain(
    model: Annotated[str, typer.Argument(help="As usage or the price book names it")],
    provider: Annotated[str | None, typer.Option(help="Such as azure.ai.openai; all where absent")] = None,
    day: Annotated[str | None, typer.Option(help="Day of the usage", show_default="the report's")] = None,
    token_class: Annotated[TokenClass | None, typer.Option("--class", help="One class; all where absent")] = None,
    deployment_type: Annotated[str | None, typer.Option("--deployment", help="global, data_zone, regional")] = None,
    region: Annotated[str | None, typer.Option(help="Such as swedencentral")] = None,
    tier: Annotated[str, typer.Option(help="standard, batch, flex, priority")] = "standard",
    input_tokens: Annotated[int | None, typer.Option(help="Input tokens of the request")] = None,
    home: HomeOption = None,
) -> None:
    """Show every price there is for some usage, which one counts and why."""
    from cli.prices import UnknownModelError, explain

    place = published_home(home)
    try:
        explain(
            place, model, Console(file=sys.stdout), provider=provider, day=given_day(day, "--day"),
            token_class=token_class, deployment_type=deployment_type, region_id=region, service_tier=tier,
            input_tokens=input_tokens,
        )  # fmt: skip
    except UnknownModelError as error:
        fail(str(error))


@prices_app.command("diff")
def prices_diff(home: HomeOption = None) -> None:
    """Show where price lists disagree about what was used, most money first."""
    from cli.prices import show_disagreements

    show_disagreements(published_home(home), Console(file=sys.stdout))


@tags_app.command("explain")
def tags_explain(
    resource: Annotated[str, typer.Argument(help="Id of a resource, or a part that only one has")],
    day: Annotated[str | None, typer.Option(help="Day of the charges", show_default="its newest")] = None,
    home: HomeOption = None,
) -> None:
    """Show every rule of tags.yml for a resource, in order, with what came of it."""
    from cli.tags import explain_tags
    from reports.explain import ResourceError

    place = home_of(home)
    try:
        explain_tags(place, resource, given_day(day, "--day"), Console(file=sys.stdout))
    except ResourceError as error:
        fail(escape(str(error)))


@tags_app.command("gaps")
def tags_gaps(
    top: Annotated[int, typer.Option(min=1, help="How many to show a remedy for")] = 5,
    csv_file: Annotated[
        Path | None, typer.Option("--csv", help="File for all of them with their remedies", show_default=False)
    ] = None,
    home: HomeOption = None,
) -> None:
    """List what no tag gives an owner, most money first, with the text that would fix it."""
    from cli.tags import show_gaps
    from reports.explain import GapError

    place = published_home(home)
    try:
        show_gaps(place, Console(file=sys.stdout), top=top, csv_file=csv_file)
    except GapError as error:
        fail(escape(str(error)))
