"""What guardrails change by themselves, on the command line: ``aifinops actuators …``.

Here: options and words.
Not here: carrying out, verifying, taking back (guardrails.actuators).
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from cli.inputs import configuration_of, fail, home_of
from cli.ledger import opened
from cli.options import ConfigOption, HomeOption, speaker
from finops.periods import utc_now

if TYPE_CHECKING:
    from guardrails.actuators.base import State

actuators_app = typer.Typer(
    no_args_is_help=True, help="See, check and take back what guardrails changed in clusters, clouds and gateways."
)


@actuators_app.command()
def plan(
    route: Annotated[str, typer.Option(help="A route of routing.yml that carries orders out")],
    action: Annotated[str, typer.Option(help="throttle, pause, stop or ticket")],
    target: Annotated[str, typer.Option(help="What would be decided about, such as team:search")],
    config: ConfigOption = None,
) -> None:
    """Show what an order would change at this moment; the system itself checks it where it can. Nothing is changed."""
    from finops.config.actuator_routes import ActuatorRoute
    from guardrails.actuators.base import ORDER_KINDS, FailedError, RefusedError
    from guardrails.actuators.build import MissingVariableError
    from guardrails.actuators.manage import preview

    found = next((one for one in configuration_of(config).routing.routes if one.id == route), None)
    if not isinstance(found, ActuatorRoute):
        fail(f"{route} is no route of routing.yml that carries orders out (docs/actuators.md)")
    kind = next((one for one in ORDER_KINDS if one == action), None)
    scope_type, _, scope_value = target.partition(":")
    if kind is None or not scope_value:
        fail("--action is throttle, pause, stop or ticket; --target is like team:search, company:all for the company")
    try:
        planned = preview(found, os.environ, kind, scope_type, scope_value)
    except MissingVariableError as error:
        fail(f"set {error} in the environment")
    except RefusedError as refusal:
        fail(f"{refusal}. {refusal.remedy}")
    except FailedError as error:
        fail(str(error))
    console = Console()
    for change in planned.changes:
        states = f"{_shown(change.prior)} → {_shown(change.desired)}" if change.is_due else "it is so already"
        console.print(f"[bold]{change.object}[/]: {states}", highlight=False, soft_wrap=True)
        console.print(f"  {change.words}", highlight=False, soft_wrap=True, markup=False)
    for note in planned.notes:
        console.print(f"[dim]left alone: {note}[/]", highlight=False, soft_wrap=True)
    if not planned.changes:
        console.print("There is nothing to change at this moment.")


@actuators_app.command("list")
def list_actuations(
    everything: Annotated[bool, typer.Option("--all", help="Also what was put back")] = False,
    home: HomeOption = None,
) -> None:
    """List what stands: since when, by which decision, and what it was before."""
    from guardrails.actuators.record import actuations
    from orchestration.ledger import has_ledger, open_ledger

    console = Console()
    place = home_of(home)
    rows = []
    if has_ledger(place):
        with open_ledger(place) as ledger:
            rows = actuations(ledger, standing=not everything)
    if not rows:
        console.print("Nothing is held back." if not everything else "Nothing was ever changed.")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("Decision", "Target", "Action", "What", "Before", "Status", "Since (UTC)"):
        table.add_column(name, no_wrap=name == "Decision", overflow="fold")
    for row in rows:
        since = row.applied_at or row.intended_at
        status = f"{row.status}: {row.error}" if row.error else row.status.value
        table.add_row(
            row.decision_id, row.target, row.action, row.change.object, _shown(row.change.prior), status,
            f"{since:%Y-%m-%d %H:%M}",
        )  # fmt: skip
    console.print(table)


@actuators_app.command()
def verify(home: HomeOption = None, config: ConfigOption = None) -> None:
    """Look whether everything that was changed is still so. Exit status 1 where something is not, or cannot be seen."""
    from guardrails.actuators.manage import verify_actuations

    routes = configuration_of(config).routing.routes
    with opened(home) as ledger:
        found = verify_actuations(ledger, routes, os.environ, now=utc_now())
    console = Console()
    for drift in found.drifts:
        console.print(
            f"[red bold]✗[/] {drift.sentence} ({drift.actuation.decision_id})", highlight=False, soft_wrap=True
        )
    for problem in found.unknown:
        console.print(f"[yellow]?[/] {problem}", highlight=False, soft_wrap=True)
    console.print(found.sentence, highlight=False)
    if found.drifts or found.unknown:
        raise typer.Exit(1)


@actuators_app.command()
def revert(
    decision: Annotated[str, typer.Argument(metavar="DECISION", help="The decision's id")],
    why: Annotated[str, typer.Option(help="In a few words; it stays in the audit trail")],
    who: Annotated[str | None, typer.Option("--who", help="Who does it", show_default="this machine's user")] = None,
    home: HomeOption = None,
    config: ConfigOption = None,
) -> None:
    """Put back what a decision changed, from the record of what it was. Also delivers what else is due."""
    from guardrails import MessageStatus, deliver_pending, messages
    from guardrails.actuators.manage import take_back
    from guardrails.actuators.record import actuations

    routes = configuration_of(config).routing.routes
    console = Console()
    with opened(home) as ledger:
        queued = take_back(ledger, decision, who=speaker(who), why=why, now=utc_now())
        summary = deliver_pending(ledger, routes, os.environ, now=utc_now(), files=home_of(home).path)
        left = [one for one in messages(ledger) if one.message_id in queued and one.status != MessageStatus.DELIVERED]
        for row in actuations(ledger, decision_id=decision):
            end = f" ({row.error})" if row.error else ""
            console.print(f"{row.change.object}: {row.status}{end}", highlight=False, soft_wrap=True)
    for message in left:
        console.print(f"[yellow]![/] not yet: {message.error or 'it waits'}. {message.remedy or ''}", highlight=False)
    for remedy in summary.remedies:
        console.print(f"[yellow]![/] {remedy}", highlight=False, soft_wrap=True)
    if left:
        raise typer.Exit(1)


def _shown(state: State) -> str:
    return ", ".join(f"{name} {json.dumps(value)}" for name, value in state.items())
