"""The commands."""

from __future__ import annotations

import os
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.markup import escape

from cli.actuators import actuators_app
from cli.approvals import approvals_app
from cli.audit import audit_app
from cli.collect import collect_app
from cli.deliveries import deliveries_app
from cli.export import export_app
from cli.focus import focus_app
from cli.gate import gate_app
from cli.incidents import incidents_app
from cli.messages import messages_app
from cli.policy_replay import policy_app
from cli.portal import portal
from cli.report import report_app
from cli.statements import statements_app
from cli.whatif import whatif_app
from finops.config import ConfigError, load_configuration
from finops.paths import PROJECT_DIR, Home, config_dir
from finops.periods import as_utc, utc_now
from finops.tokens import TokenClass

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
    help="What your AI really costs, who spent it, what it bought, what comes next.",
)
config_app = typer.Typer(no_args_is_help=True, help="Work with the files in config/.")
app.add_typer(config_app, name="config")
connect_app = typer.Typer(no_args_is_help=True, help="Prepare where facts come from, read-only.")
app.add_typer(connect_app, name="connect")
app.add_typer(actuators_app, name="actuators")
app.add_typer(approvals_app, name="approvals")
app.add_typer(audit_app, name="audit")
app.add_typer(collect_app, name="collect")
app.add_typer(deliveries_app, name="deliveries")
app.add_typer(export_app, name="export")
app.add_typer(focus_app, name="focus")
app.add_typer(gate_app, name="gate")
app.add_typer(incidents_app, name="incidents")
app.add_typer(messages_app, name="messages")
app.add_typer(policy_app, name="policy")
app.command()(portal)
app.add_typer(report_app, name="report")
app.add_typer(statements_app, name="statements")
app.add_typer(whatif_app, name="whatif")
prices_app = typer.Typer(no_args_is_help=True, help="See what prices say, and where they disagree.")
app.add_typer(prices_app, name="prices")
tags_app = typer.Typer(no_args_is_help=True, help="See whose resources are, and what has no owner.")
app.add_typer(tags_app, name="tags")

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
    as_of: AsOfOption = None,
) -> None:
    """Run the pipeline once: on the sources of config/sources.yml, or on your own files."""
    if usage and not mapping:
        raise _fail("--usage needs --mapping FILE; config/examples/ has one to start from")
    if not focus and (currency or date_format or amount_style):
        raise _fail("--currency, --date-format and --amount-style say how to read --focus FILE")
    for path in (bill, focus, usage, mapping, config):
        if path is not None and not path.exists():
            raise _fail(f"{path} does not exist")
    from cli.adhoc import adhoc_run
    from cli.pipeline import run_and_show

    console = Console(file=sys.stdout)
    base = (config or config_dir()).resolve()
    moment = _moment(as_of)
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
            raise _fail(str(error)) from None
        run_and_show(own.home, own.config, moment or own.as_of, os.environ, console)
    else:
        place = Home(home.resolve()) if home else Home.from_environment()
        run_and_show(place, base, moment or utc_now(), os.environ, console)


@app.command()
def dev(
    home: HomeOption = None,
    port: Annotated[int, typer.Option(help="Port of the Dagster UI")] = 3000,
    host: Annotated[str, typer.Option(help="Address that the Dagster UI listens on")] = "127.0.0.1",
    portal_port: Annotated[int, typer.Option("--portal-port", help="Port of the portal")] = 8600,
) -> None:
    """Open the Dagster UI and the portal: on the demo's organisation, or on --home."""
    from cli.dev import serve_dagster

    serve_dagster(Home((home or DEMO_HOME).resolve()), host, port, portal_port, Console())


@app.command()
def summary(home: HomeOption = None, as_of: AsOfOption = None) -> None:
    """Show the last run's summary again."""
    from cli.pipeline import show_summary

    place = _published(Home(home.resolve()) if home else Home.from_environment())
    show_summary(place, _moment(as_of), Console())


@app.command()
def budgets(home: HomeOption = None) -> None:
    """Show where every budget stands: spent, left, pace, projection, when it is used up."""
    from cli.budgets import NoBudgetsError, show

    try:
        show(Home(home.resolve()) if home else Home.from_environment(), Console())
    except NoBudgetsError as error:
        raise _fail(str(error)) from None


@app.command()
def doctor(
    source: Annotated[str | None, typer.Option(help="Only this source of sources.yml", show_default=False)] = None,
    home: HomeOption = None,
    config: ConfigOption = None,
    as_of: AsOfOption = None,
    timeout: Annotated[float, typer.Option(help="Seconds that a source may take to answer")] = 30,
    as_json: Annotated[bool, typer.Option("--json", help="For machines")] = False,
) -> None:
    """Check every source (reachable, permitted, fresh, complete) and this machine; say what to do."""
    from cli.doctor import run_doctor

    place = Home(home.resolve()) if home else Home.from_environment()
    directory = (config or config_dir()).resolve()
    moment = _moment(as_of or os.environ.get("AIFINOPS_AS_OF"))
    code = run_doctor(place, directory, as_of=moment, source_id=source, limit_seconds=timeout, as_json=as_json)
    raise typer.Exit(code)


@connect_app.command("azure")
def connect_azure(
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
    as_of: AsOfOption = None,
) -> None:
    """Prepare one Azure subscription, read-only: export, back-fill, roles. Shows the steps; --apply does them."""
    from cli.connect import ConnectOptions, show_removal
    from cli.connect import connect_azure as connect

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
    moment = _moment(as_of or os.environ.get("AIFINOPS_AS_OF")) or utc_now()
    if remove:
        show_removal(options, moment)
        return
    raise typer.Exit(connect(options, moment, apply=apply))


@app.command("as-known")
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
        raise _fail(f"--basis {basis!r}: write delivered or landed")
    from cli.as_known import rebuild_and_compare

    place = Home(home.resolve()) if home else Home.from_environment()
    moment = _moment(at, "--at")
    if moment is None or not place.lake.parent.exists():
        raise _fail(f"{place.path} does not exist; run `aifinops run` or `aifinops demo` first")
    # Named, since the progress is shown while everything else that is printed goes to a file.
    console = Console(file=sys.stdout)
    rebuild_and_compare(place, moment, "landed" if basis == "landed" else "delivered", out.resolve(), console)


@app.command()
def refresh(home: HomeOption = None, config: ConfigOption = None, as_of: AsOfOption = None) -> None:
    """Land the newest usage, price it and tell what runs away, in seconds; the rest follows with the next run."""
    from cli.refresh import refresh_and_show

    place = Home(home.resolve()) if home else Home.from_environment()
    moment = _moment(as_of or os.environ.get("AIFINOPS_AS_OF")) or utc_now()
    refresh_and_show(place, (config or config_dir()).resolve(), moment, os.environ, Console(file=sys.stdout))


@app.command()
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

    place = Home(home.resolve()) if home else Home.from_environment()
    days = (_day(since, "--from"), _day(until, "--to"))
    reprice_and_show(
        _published(place), (config or config_dir()).resolve(), os.environ, Console(file=sys.stdout),
        days=days, record=record,
    )  # fmt: skip


@app.command()
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

    place = _published(Home(home.resolve()) if home else Home.from_environment())
    try:
        if missed:
            found = read_missed(place)
            if found is None:
                raise _fail("there is no model usage yet; `aifinops doctor` says what the sources lack")
            show_missed(found, Console(file=sys.stdout))
            return
        if value:
            values = read_values(place, unit)
            if not values:
                what = f"no unit {unit!r}" if unit else "no unit"
                raise _fail(f"{what} is counted per value with known cost; write per: {{value: …}} in config/units.yml")
            show_values(values, Console(file=sys.stdout))
            return
        lines = read_units(place, unit)
    except NotPublishedError as error:
        raise _fail(str(error)) from None
    if not lines:
        what = f"unit {unit!r} has" if unit else "units have"
        raise _fail(f"{what} no day whose cost is all known; see config/units.yml, and `aifinops config check`")
    show_units(lines, Console(file=sys.stdout))


@app.command("service-levels")
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

    place = _published(Home(home.resolve()) if home else Home.from_environment())
    try:
        found = show_service_levels(place, Console(file=sys.stdout), app=of_app, model=model, days=days, top=top)
    except NotPublishedError as error:
        raise _fail(str(error)) from None
    if not found:
        what = " and ".join(f"{name} {value!r}" for name, value in (("app", of_app), ("model", model)) if value)
        raise _fail(f"no telemetry of {what or 'any request or GPU'}; `aifinops doctor` says which sources there are")


@app.command()
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
        raise _fail(f"--by {by!r} is none of {', '.join(levels)}")
    place, console = Home(home.resolve()) if home else Home.from_environment(), Console(file=sys.stdout)
    try:
        if hours:
            show_hours(read_hours(place), by, console)
        else:
            show(read_forecasts(place, by), by, console)
    except (NotPublishedError, MartError) as error:
        raise _fail(str(error)) from None


@app.command()
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

    place = _published(Home(home.resolve()) if home else Home.from_environment())
    try:
        first_day = date.fromisoformat(f"{month}-01") if month else None
    except ValueError:
        raise _fail(f"--month {month!r} is not a month; write it like 2026-09") from None
    try:
        variants = read_variants(place, only, first_day)
    except (NotPublishedError, UnknownAppError) as error:
        raise _fail(str(error)) from None
    if not variants:
        remedy = "deliver outcomes with model and quality_score (ingestion/sources/outcomes/README.md)"
        raise _fail(f"no model was scored {f'in {month}' if month else 'yet'}; {remedy}")
    show_variants(variants, Console(file=sys.stdout))


@app.command()
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

    place = _published(Home(home.resolve()) if home else Home.from_environment())
    periods = Period(*_days(before, "--from")), Period(*_days(after, "--to"))
    console = Console(file=sys.stdout)
    try:
        found = compare_periods(place, *periods, by, team)
    except (NotPublishedError, UnknownTeamError) as error:
        raise _fail(str(error)) from None
    if not found:
        raise _fail("no usage with a price in either period; `aifinops summary` says which days there are")
    for comparison in found:
        show(comparison, *periods, by, console)
    missing = [unpriced_tokens(place, period, team) for period in periods]
    if any(missing):
        console.print(f"Tokens without a price, in none of this: {missing[0]:,} before, {missing[1]:,} after.")
    if record:
        write_csv(found, by, record)
        console.print(f"Every line with exact amounts: {record}", highlight=False, soft_wrap=True)


@prices_app.command("explain")
def prices_explain(
    model: Annotated[str, typer.Argument(help="As usage or the price book names it")],
    provider: Annotated[str | None, typer.Option(help="Such as azure.ai.openai; all where absent")] = None,
    day: Annotated[
        str | None, typer.Option(help="Day of the usage [default: the report's]", show_default=False)
    ] = None,
    token_class: Annotated[TokenClass | None, typer.Option("--class", help="One class; all where absent")] = None,
    deployment_type: Annotated[str | None, typer.Option("--deployment", help="global, data_zone, regional")] = None,
    region: Annotated[str | None, typer.Option(help="Such as swedencentral")] = None,
    tier: Annotated[str, typer.Option(help="standard, batch, flex, priority")] = "standard",
    input_tokens: Annotated[int | None, typer.Option(help="Input tokens of the request")] = None,
    home: HomeOption = None,
) -> None:
    """Show every price there is for some usage, which one counts and why."""
    from cli.prices import UnknownModelError, explain

    place = _published(Home(home.resolve()) if home else Home.from_environment())
    try:
        explain(
            place, model, Console(file=sys.stdout), provider=provider, day=_day(day, "--day"), token_class=token_class,
            deployment_type=deployment_type, region_id=region, service_tier=tier, input_tokens=input_tokens,
        )  # fmt: skip
    except UnknownModelError as error:
        raise _fail(str(error)) from None


@prices_app.command("diff")
def prices_diff(home: HomeOption = None) -> None:
    """Show where price lists disagree about what was used, most money first."""
    from cli.prices import show_disagreements

    show_disagreements(_published(Home(home.resolve()) if home else Home.from_environment()), Console(file=sys.stdout))


@app.command("explain")
def explain_command(
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
        raise _fail("write the id of an amount, or --team TEAM to list a team's amounts with their ids")
    if team is None and (day or of_app):
        raise _fail("--day and --app choose among a team's amounts: add --team TEAM, and leave the id out")
    from cli.explain import explain_amount, list_amounts
    from reports.explain import AmountError

    place = _published(Home(home.resolve()) if home else Home.from_environment())
    console = Console(file=sys.stdout)
    try:
        if team is not None:
            list_amounts(place, team, _day(day, "--day"), of_app, top, console)
        elif amount is not None and not explain_amount(place, amount, os.environ, console):
            raise typer.Exit(1)
    except AmountError as error:
        raise _fail(escape(str(error))) from None


@tags_app.command("explain")
def tags_explain(
    resource: Annotated[str, typer.Argument(help="Id of a resource, or a part that only one has")],
    day: Annotated[str | None, typer.Option(help="Day of the charges", show_default="its newest")] = None,
    home: HomeOption = None,
) -> None:
    """Show every rule of tags.yml for a resource, in order, with what came of it."""
    from cli.tags import explain_tags
    from reports.explain import ResourceError

    place = Home(home.resolve()) if home else Home.from_environment()
    try:
        explain_tags(place, resource, _day(day, "--day"), Console(file=sys.stdout))
    except ResourceError as error:
        raise _fail(escape(str(error))) from None


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

    place = _published(Home(home.resolve()) if home else Home.from_environment())
    try:
        show_gaps(place, Console(file=sys.stdout), top=top, csv_file=csv_file)
    except GapError as error:
        raise _fail(escape(str(error))) from None


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
        f"{len(found.units.units)} units, "
        f"{len(found.guardrails.policies)} policies, {len(found.prices.models)} model prices"
    )


@app.command()
def version() -> None:
    """Show the version."""
    from importlib.metadata import version as installed

    typer.echo(f"aifinops {installed('aifinops')} on Python {sys.version.split()[0]}")


def _published(place: Home) -> Home:
    if not place.published.exists():
        raise _fail(f"{place.path} has no published marts yet; run `aifinops run` or `aifinops demo` first")
    return place


def _day(text: str | None, option: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise _fail(f"{option} {text!r} is not a day; write it like 2026-10-20") from None


def _days(text: str, option: str) -> tuple[date, date]:
    """First and last day of ``2026-09-01..2026-09-30``, or one day."""
    first, _, last = text.partition("..")
    days = _day(first, option), _day(last or first, option)
    if days[0] is None or days[1] is None or days[0] > days[1]:
        raise _fail(f"{option} {text!r} is no stretch of days; write it like 2026-09-01..2026-09-30")
    return days[0], days[1]


def _moment(text: str | None, option: str = "--as-of") -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise _fail(f"{option} {text!r} is not a time; write it like 2026-10-20T06:00Z") from None
    return as_utc(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


if __name__ == "__main__":
    app()
