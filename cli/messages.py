"""Messages on the command line: ``aifinops messages …``."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from cli.inputs import configuration_of, fail, home_of, moment
from cli.ledger import opened
from cli.options import ConfigOption, HomeOption, WhoOption, WhyOption, speaker
from finops.periods import utc_now

if TYPE_CHECKING:
    from guardrails import Ledger
    from orchestration.messaging import Messages

messages_app = typer.Typer(no_args_is_help=True, help="See what was sent to whom, try a route, answer.")

MatterArgument = Annotated[
    str, typer.Argument(metavar="ID", help="A message's id, or the thread that `messages list` shows")
]
T = TypeVar("T")


@messages_app.command("list")
def list_messages(
    waiting: Annotated[bool, typer.Option("--waiting", help="What is held back, and why")] = False,
    limit: Annotated[int, typer.Option(min=1, help="How many at most")] = 30,
    home: HomeOption = None,
    config: ConfigOption = None,
) -> None:
    """List the newest messages and how their delivery stands; with --waiting what is held back, and why."""
    from rich.console import Console
    from rich.table import Table

    import guardrails
    from reports import message_headline
    from reports.formatting import count, humanise
    from reports.formatting import moment as words_of

    console = Console()
    if waiting:
        with _messages(home, config) as (messages, ledger):
            plan = guardrails.planned(ledger, messages.routing, now=messages.now, silences=messages.silences())
        table = Table(box=None, pad_edge=False, header_style="bold")
        for name in ("Notice", "Route", "Why", "Until (UTC)"):
            table.add_column(name, overflow="fold")
        for held in plan.held[-limit:]:
            until = "never" if held.until is None else f"{held.until:%d %b %H:%M}"
            table.add_row(held.notice_id, held.route_id, held.reason, until)
        for send in plan.sends:
            table.add_row(", ".join(send.notice_ids), send.route_id, "due: the next run queues it", "now")
        console.print(table if table.rows else "Nothing is held back.", markup=False)
        return
    with opened(home) as ledger:
        found = guardrails.messages(ledger)[-limit:]
    if not found:
        console.print("No message was ever queued here.")
    for one in reversed(found):
        stands = f"{humanise(one.status).lower()}, {count(one.attempts, 'try', 'tries')}"
        console.print(f"{words_of(one.created_at)}  {one.route_id}: {stands}", highlight=False, markup=False)
        console.print(f"  {message_headline(one.document)}", no_wrap=True, overflow="ellipsis", markup=False)
        # Whole and on a line of its own, to be copied.
        console.print(f"  {one.message_id}", style="dim", highlight=False, soft_wrap=True, markup=False)


@messages_app.command()
def show(
    message_id: Annotated[str, typer.Argument(metavar="ID", help="The message's id")],
    page: Annotated[Path | None, typer.Option("--html", help="Also write it to this file, as people see it")] = None,
    home: HomeOption = None,
) -> None:
    """Show one message: each attempt, what went wrong, what to do, what was answered."""
    from rich.console import Console

    import guardrails
    from reports import preview_message
    from reports.formatting import moment as words_of

    with opened(home) as ledger:
        found = next((one for one in guardrails.messages(ledger) if one.message_id == message_id), None)
        if found is None:
            fail(f"no message has the id {message_id!r}; `aifinops messages list` has the newest")
        attempts = guardrails.attempts(ledger, message_id)
        thread = guardrails.thread_of_message(ledger, message_id)
        said = guardrails.answers(ledger, thread) if thread else []
    console = Console()

    def say(text: str) -> None:
        console.print(text, highlight=False, soft_wrap=True, markup=False)

    say(f"{found.message_id}\n{found.kind} on {found.route_id}, {found.status}, queued {words_of(found.created_at)}")
    if thread:
        say(f"Thread {thread}")
    for one in attempts:
        code = f" ({one.http_status})" if one.http_status else ""
        say(f"  {one.number}. {words_of(one.started_at)}: {one.outcome}{code}{f', {one.error}' if one.error else ''}")
    if found.error:
        say(f"Problem: {found.error}")
    if found.remedy:
        say(f"To do: {found.remedy}")
    for answer in said:
        until = f" until {words_of(answer.until)}" if answer.until else ""
        say(f"{words_of(answer.at)}  {answer.who}: {answer.kind}{until}{f' ({answer.why})' if answer.why else ''}")
    if page is not None:
        shown = preview_message(found.document)
        if shown is None:
            fail(f"{found.route_id} gets JSON, which programs read: there is no page of it")
        page.write_text(shown, encoding="utf-8")
        say(f"Written to {page}")


@messages_app.command("test")
def try_route(
    route: Annotated[str, typer.Option("--route", help="A route of routing.yml")],
    home: HomeOption = None,
    config: ConfigOption = None,
) -> None:
    """Send a message that is clearly marked as a test to a route, and say how it went."""
    import guardrails

    with _messages(home, config) as (messages, ledger):
        message_id = _tried(lambda: messages.queue_trial(ledger, route))
        only = [one for one in messages.routing.routes if one.id == route]
        summary = guardrails.deliver_pending(ledger, only, os.environ, now=utc_now(), files=home_of(home).path)
        [found] = [one for one in guardrails.messages(ledger) if one.message_id == message_id]
    if found.status == guardrails.MessageStatus.DELIVERED:
        typer.echo(f"✓ {route} took {message_id}. Look whether it shows up: that it was taken proves no more.")
        return
    for remedy in summary.remedies or ([found.remedy] if found.remedy else []):
        typer.echo(f"  {remedy}", err=True)
    fail(f"{route} did not take it: {found.error or found.status}")


@messages_app.command()
def acknowledge(matter: MatterArgument, why: WhyOption = None, who: WhoOption = None, home: HomeOption = None) -> None:
    """Say that somebody looks into it: it is not repeated and not escalated unless it gets worse."""
    import guardrails

    with opened(home) as ledger:
        thread = guardrails.thread_of_message(ledger, matter) or matter
        if thread.startswith("incident/"):
            name = thread.removeprefix("incident/")[:8]
            fail(f"this is an incident; use: aifinops incidents acknowledge {name}")
        at = moment(None)
        _tried(lambda: guardrails.respond(ledger, thread, "acknowledge", who=speaker(who), at=at, why=why))
    typer.echo(f"✓ {thread}: acknowledged.")


@messages_app.command()
def snooze(
    matter: MatterArgument,
    time: Annotated[str, typer.Option("--for", help="How long, such as 4h or 3d; 90 days at most")],
    why: WhyOption = None,
    who: WhoOption = None,
    home: HomeOption = None,
) -> None:
    """Hear no more of it for a while, unless it gets worse."""
    import guardrails

    match = re.fullmatch(r"([0-9]{1,4})([hd])", time)
    if match is None:
        fail(f"--for {time!r} is no time; write it like 4h or 3d")
    length = timedelta(hours=int(match[1]) * (24 if match[2] == "d" else 1))
    at = moment(None)
    until = at + length
    with opened(home) as ledger:
        thread = guardrails.thread_of_message(ledger, matter) or matter
        _tried(lambda: guardrails.respond(ledger, thread, "snooze", who=speaker(who), at=at, until=until, why=why))
    typer.echo(f"✓ {thread}: snoozed until {until:%d %b %Y, %H:%M} UTC.")


@contextmanager
def _messages(home: Path | None, config: Path | None) -> Iterator[tuple[Messages, Ledger]]:
    from guardrails import LinkKeyError
    from orchestration.messaging import Messages

    configuration = configuration_of(config)
    with opened(home) as ledger:
        try:
            yield Messages(home_of(home), configuration, os.environ, moment(None)), ledger
        except LinkKeyError as error:
            fail(str(error))


def _tried(act: Callable[[], T]) -> T:
    """What ``act`` returns, or its problem told on stderr and status 1."""
    try:
        return act()
    except (LookupError, ValueError) as error:
        fail(str(error))
