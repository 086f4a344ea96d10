"""Messages and orders on their way, on the command line: ``aifinops deliveries …``.

Here: options and words.
Not here: the queue (guardrails.outbox) and sending (guardrails.delivery).
"""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from cli.inputs import fail, home_of
from cli.ledger import opened
from cli.options import HomeOption
from finops.periods import utc_now

deliveries_app = typer.Typer(no_args_is_help=True, help="See what waits, what was given up, and send it again.")

SETTLED = ("delivered", "withdrawn", "would_send")


@deliveries_app.command("list")
def list_deliveries(
    everything: Annotated[bool, typer.Option("--all", help="Also what arrived, was withdrawn or kept")] = False,
    home: HomeOption = None,
) -> None:
    """List what has not arrived: why, and what to do about it."""
    from guardrails import messages
    from orchestration.ledger import has_ledger, open_ledger

    console = Console()
    place = home_of(home)
    rows = []
    if has_ledger(place):
        with open_ledger(place) as ledger:
            rows = [one for one in messages(ledger) if everything or one.status not in SETTLED]
    if not rows:
        console.print("Nothing waits and nothing was given up." if not everything else "Nothing was ever sent.")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("Id", "Route", "Status", "Attempts", "Next (UTC)", "Why", "What to do"):
        table.add_column(name, justify="right" if name == "Attempts" else "left", overflow="fold")
    for one in rows:
        due = f"{one.next_attempt_at:%Y-%m-%d %H:%M}" if one.next_attempt_at and one.status not in SETTLED else ""
        table.add_row(
            one.message_id, one.route_id, one.status, str(one.attempts), due, one.error or "", one.remedy or ""
        )
    console.print(table)


@deliveries_app.command()
def replay(
    message: Annotated[str | None, typer.Argument(metavar="ID", help="A dead letter's id")] = None,
    all_dead: Annotated[bool, typer.Option("--all-dead", help="All dead letters")] = False,
    home: HomeOption = None,
) -> None:
    """Let dead letters be sent again, with the same ids; the next delivery sends them."""
    from guardrails import LedgerError, dead_letters, replay_dead_letter

    if (message is None) != all_dead:
        fail("name one dead letter, or say --all-dead")
    console = Console()
    failed = False
    with opened(home) as ledger:
        names = [one.message_id for one in dead_letters(ledger)] if message is None else [message]
        for name in names:
            try:
                replay_dead_letter(ledger, name, now=utc_now())
            except LedgerError as error:
                failed = True
                console.print(f"[red bold]✗[/] {error}", highlight=False, soft_wrap=True)
            else:
                console.print(f"[green]✓[/] {name}: due again", highlight=False, soft_wrap=True)
    if not names:
        console.print("There are no dead letters.")
    if failed:
        raise typer.Exit(1)


@deliveries_app.command()
def enable(
    route: Annotated[str, typer.Argument(help="A route that is held or disabled")], home: HomeOption = None
) -> None:
    """Use a route again at once that is held because it failed, or disabled because its receiver answered 410."""
    from guardrails import enable_route

    with opened(home) as ledger:
        enable_route(ledger, route, now=utc_now())
    Console().print(f"[green]✓[/] {route}: the next delivery uses it", highlight=False)
