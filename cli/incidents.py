"""Incidents on the command line: ``aifinops incidents …``."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from cli.inputs import fail, folder_of, home_of, moment
from cli.options import ConfigOption, HomeOption, WhoOption, WhyOption
from finops.config import ConfigError

if TYPE_CHECKING:
    from orchestration.incidents import PublishedIncident

incidents_app = typer.Typer(
    no_args_is_help=True, help="See what is unusual, say what it was, and how good the alarms are."
)

IdArgument = Annotated[str, typer.Argument(metavar="ID", help="The incident's id, or the start of it")]

OPEN = ("open", "acknowledged")
T = TypeVar("T")


class Verdict(StrEnum):
    REAL = "real"
    FALSE = "false"
    PLANNED = "planned"


@incidents_app.command("list")
def list_incidents(
    everything: Annotated[bool, typer.Option("--all", help="Also what is over, explained or suppressed")] = False,
    home: HomeOption = None,
) -> None:
    """List open incidents, the most serious first."""
    from orchestration.incidents import incidents
    from reports.formatting import money, short_day, signed_money
    from reports.measures.incidents import SEVERITIES, STATUS_WORDS

    found = _tried(lambda: incidents(home_of(home)))
    shown = [one for one in found if everything or one.status in OPEN]
    console = Console()
    if not shown:
        console.print("Nothing unusual is going on; `aifinops incidents list --all` has what is over.")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("Id", "Severity", "Scope", "Since", "Status"):
        table.add_column(name, no_wrap=name == "Id")
    for name in ("Money", "A day"):
        table.add_column(name, justify="right", no_wrap=True)
    order = {name: i for i, name in enumerate(SEVERITIES)}
    for one in sorted(shown, key=lambda one: (one.status not in OPEN, order[one.severity], -abs(one.impact))):
        words = STATUS_WORDS.get(one.status, one.status) + (f", {one.verdict}" if one.verdict else "")
        table.add_row(
            one.incident_id[:8],
            one.severity,
            one.scope_name,
            short_day(one.first_seen),
            words,
            signed_money(one.impact, one.currency),
            money(one.daily_impact, one.currency) if one.daily_impact else "",
        )
    console.print(table)


@incidents_app.command()
def show(incident: IdArgument, home: HomeOption = None) -> None:
    """Show one incident: what happened, what drives it, what it resembles, what people said."""
    from orchestration.incidents import history
    from orchestration.incidents import incident as find
    from reports.formatting import moment, percent, signed_money

    found = _tried(lambda: find(home_of(home), incident))
    console = Console()

    def say(text: str) -> None:
        console.print(text, highlight=False, soft_wrap=True, markup=False)

    say(f"{found.incident_id}  {found.severity}, {found.status}")
    say(found.explanation)
    if found.suppressed_because or found.event_id:
        say(f"Nobody was told: {found.suppressed_because or found.event_id}")
    say(f"\nMoney so far      {signed_money(found.impact, found.currency)}")
    if found.daily_impact:
        say(f"A day             {signed_money(found.daily_impact, found.currency)}")
        say(f"By the month's end {signed_money(found.projected_impact, found.currency)}")
    if found.usage_change is not None:
        say(f"Token cost        {signed_money(found.usage_change, found.currency)} against the weeks before, of which")
        for name in ("volume", "mix", "cache", "price"):
            amount = getattr(found, f"{name}_effect")
            say(f"  {name:<15} {signed_money(amount, found.currency)}")
    parts = json.loads(found.contributors)
    if parts:
        say("\nWhat it comes from")
        for part in parts:
            share = percent(min(Decimal(str(part["share"])), Decimal(1)))
            impact = signed_money(Decimal(str(part["impact"])), found.currency)
            say(f"  {part['dimension']} {part['value']}: {impact} ({share})")
    _similar(found, say)
    for said in history(home_of(home), found.incident_id):
        words = (
            f"{said.verdict}: {said.why}"
            if said.kind == "verdict"
            else {"acknowledge": "seen", "resolve": "over"}[said.kind]
        )
        why = f" ({said.why})" if said.kind != "verdict" and said.why else ""
        say(f"{moment(said.given_at)}  {said.who}: {words}{why}")
    say(f"\nWhat was it? aifinops incidents feedback {found.incident_id[:8]} --verdict real|false|planned --why TEXT")


@incidents_app.command()
def feedback(
    incident: IdArgument,
    verdict: Annotated[Verdict, typer.Option(help="real, false (no cause for alarm) or planned (announced)")],
    why: Annotated[str, typer.Option(help="In a few words, for whoever judges the next one")],
    who: WhoOption = None,
    home: HomeOption = None,
) -> None:
    """Say what an incident was. A later verdict supersedes an earlier one; both are kept."""
    found = _say(home, incident, "verdict", who, verdict=verdict.value, why=why)
    after = {
        Verdict.REAL: "It counts as caught.",
        Verdict.FALSE: "It counts as a false alarm; `aifinops incidents proposals` shows a floor that hides it.",
        Verdict.PLANNED: "From the next run on no model learns from its days.",
    }[verdict]
    Console().print(f"[green]✓[/] {found.scope_name}: {verdict.value}. {after}", highlight=False, soft_wrap=True)


@incidents_app.command()
def acknowledge(incident: IdArgument, why: WhyOption = None, who: WhoOption = None, home: HomeOption = None) -> None:
    """Say that somebody looks into it."""
    found = _say(home, incident, "acknowledge", who, why=why)
    Console().print(f"[green]✓[/] {found.scope_name}: acknowledged.", highlight=False)


@incidents_app.command()
def resolve(incident: IdArgument, why: WhyOption = None, who: WhoOption = None, home: HomeOption = None) -> None:
    """Say that it is over: what comes later is another incident."""
    found = _say(home, incident, "resolve", who, why=why)
    Console().print(f"[green]✓[/] {found.scope_name}: resolved.", highlight=False)


@incidents_app.command()
def proposals(
    home: HomeOption = None,
    config: ConfigOption = None,
) -> None:
    """Print the floors that false alarms suggest, as a patch of anomalies.yml. Nothing is changed."""
    from orchestration.incidents import proposed_floors

    found, patch = _tried(lambda: proposed_floors(home_of(home), folder_of(config)))
    console = Console()
    if not found:
        console.print("No false alarm asks for a floor that is not there.")
        return
    for proposal in found:
        scope = f"{proposal.floor.scope.level} {proposal.floor.scope.value or ''}".strip()
        hides = f"; it would hide {len(proposal.hides)} real ones too: {', '.join(i[:8] for i in proposal.hides)}"
        console.print(
            f"# {scope}: because of {', '.join(i[:8] for i in proposal.because)}{hides if proposal.hides else ''}",
            highlight=False, soft_wrap=True, markup=False,
        )  # fmt: skip
    typer.echo(patch, nl=False)


@incidents_app.command()
def quality(
    team: Annotated[str, typer.Option(help="Only this team's incidents")] = "all",
    by_detector: Annotated[bool, typer.Option("--by-detector", help="Also each detector by itself")] = False,
    home: HomeOption = None,
) -> None:
    """Show how good the alarms were: how many, how many were right, how fast."""
    from orchestration.incidents import quality as read
    from reports.formatting import money, percent

    rows = _tried(lambda: read(home_of(home), team, by_detector=by_detector))
    console = Console()
    if not rows:
        console.print(f"No incident of {'any team' if team == 'all' else team} yet.", highlight=False)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("Month", no_wrap=True)
    if by_detector:
        table.add_column("Detector", no_wrap=True)
    for name in ("Incidents", "Judged", "Precision", *(() if by_detector else ("Hours to",)), "Caught"):
        table.add_column(name, justify="right", no_wrap=True)
    silent = 0
    for row in rows:
        (at, name, currency, count, weekly, judged, _, real, false, planned, precision, low, high) = row[:13]
        detect, notice, over, caught, suppressed, expected = row[13:]
        table.add_row(
            f"{at:%Y-%m}",
            *([name] if by_detector else []),
            str(count) if by_detector else f"{count} ({weekly:.1f})",
            f"{judged} ({real}, {false}, {planned})",
            "" if precision is None else f"{percent(precision)} ({percent(low).rstrip('%')}–{percent(high)})",
            *(() if by_detector else (_hours(detect, notice, over),)),
            money(caught, currency),
        )
        if name == "all":
            silent += suppressed + expected
    console.print(table)
    notes = (
        f"Incidents: in all{'' if by_detector else ' (a week)'}. Judged: in all (real, false, planned).",
        "Precision: real ÷ (real + false), with its 95% interval.",
        "Hours to detect / acknowledge / resolve: medians.",
        f"Nobody was told of {silent} more: explained by an event, below a floor, in a window.",
    )
    console.print("\n" + "\n".join(notes), highlight=False, soft_wrap=True)


def _hours(*values: float | None) -> str:
    return " / ".join("–" if value is None else f"{value:.0f}" for value in values)


def _similar(found: PublishedIncident, say: Callable[[str], None]) -> None:
    from reports.formatting import day, signed_money

    past = json.loads(found.similar_incidents)
    if past:
        say("\nLike it before")
    for one in past:
        began = day(datetime.fromisoformat(one["first_seen"]).date())
        outcome = f", {one['verdict']}" if one["verdict"] else ""
        impact = signed_money(Decimal(one["impact"]), found.currency)
        scope = f"{one['scope_type']} {one['scope_value']}"
        say(f"  {one['incident_id'][:8]} {scope}, {began}: {impact}{outcome} ({one['why']})")


def _say(home: Path | None, incident: str, kind: Any, who: str | None, **more: Any) -> PublishedIncident:
    from orchestration.incidents import say

    at = moment(None)
    found, _ = _tried(lambda: say(home_of(home), incident, kind, at=at, who=who, **more))
    return found


def _tried(act: Callable[[], T]) -> T:
    """What ``act`` returns, or its problem told on stderr and status 1."""
    from guardrails import LedgerError
    from orchestration.incidents import IncidentError

    try:
        return act()
    except (IncidentError, LedgerError, ConfigError, ValueError) as error:
        fail(str(error))
