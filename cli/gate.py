"""``aifinops gate``: may this job spend what it expects to?

Here: options, waiting, words and exit codes.
Not here: the judgement (guardrails.gate).

A job's step must not wait for imports: whatever only a home on this machine needs is imported where it is used.
"""

from __future__ import annotations

import getpass
import json
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn, Protocol, TypeVar

import typer

from cli.gate_client import GateClient, RefusedError, UnreachableError

if TYPE_CHECKING:
    from orchestration.gate import HomeGate

URL_VARIABLE = "AIFINOPS_GATE_URL"
TOKEN_VARIABLE = "AIFINOPS_GATE_TOKEN"  # noqa: S105 - the name of a variable
NO_ANSWER = 40
POLL_SECONDS = 3.0

gate_app = typer.Typer(
    invoke_without_command=True, subcommand_metavar="[COMMAND]", help="Ask whether a job may spend what it expects to."
)

UrlOption = Annotated[str | None, typer.Option("--url", help=f"Address of the gate [default: {URL_VARIABLE}]")]
HomeOption = Annotated[Path | None, typer.Option("--home", help="Ask this home, on this machine")]
ConfigOption = Annotated[Path | None, typer.Option("--config", help="Folder with the YAML files")]
AsOfOption = Annotated[str | None, typer.Option("--as-of", help="As if it were this moment, for a past home")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the answer as JSON")]
WhoOption = Annotated[str | None, typer.Option("--who", help="Who says it [default: this machine's user]")]
IdArgument = Annotated[str, typer.Argument(metavar="ASK", help="The ask's id")]
T = TypeVar("T")


class _Gate(Protocol):
    """A gate elsewhere, or that of a home on this machine; documents as the HTTP endpoint has them."""

    def ask(self, document: dict[str, Any], *, dry_run: bool = False) -> dict[str, Any]: ...

    def look_up(self, ask_id: str) -> dict[str, Any]: ...

    def settle(self, ask_id: str, actual: str, currency: str) -> dict[str, Any]: ...

    def release(self, ask_id: str, why: str | None) -> dict[str, Any]: ...


@gate_app.callback()
def ask(
    context: typer.Context,
    estimate: Annotated[str | None, typer.Option(help="What the job may cost, such as 120USD")] = None,
    team: Annotated[str | None, typer.Option(help="Whose budget")] = None,
    app: Annotated[str | None, typer.Option(help="Whose budget")] = None,
    project: Annotated[str | None, typer.Option(help="Whose budget")] = None,
    model: Annotated[str | None, typer.Option(help="Whose budget")] = None,
    environment: Annotated[str | None, typer.Option(help="Whose budget")] = None,
    job: Annotated[
        str | None, typer.Option(help="The job's name for this attempt: asking again with it is the same ask")
    ] = None,
    wait: Annotated[str, typer.Option(help="How long to wait for an approval, such as 30m")] = "0s",
    break_glass: Annotated[
        str | None,
        typer.Option("--break-glass", metavar="WHY", help="Run whatever the budget says; kept on the record"),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only ask: nothing is held or recorded")] = False,
    yes_or_no: Annotated[
        bool, typer.Option("--yes-or-no", help="Exit with 0 where the job may run, with 1 where it may not")
    ] = False,
    if_unreachable: Annotated[
        str, typer.Option(help="What holds where the gate gives no answer: deny, or allow")
    ] = "deny",
    who: WhoOption = None,
    as_json: JsonOption = False,
    url: UrlOption = None,
    home: HomeOption = None,
    config: ConfigOption = None,
    as_of: AsOfOption = None,
) -> None:
    """Ask whether a job may spend what it expects to; hold that much of its budgets if it may.

    Exit status: 0 allow, 10 allow with a warning, 20 needs approval, 30 deny, 40 no trustworthy data.
    """
    if context.invoked_subcommand is not None:
        return
    if estimate is None:
        _fail("say what the job may cost: --estimate 120USD")
    if if_unreachable not in ("deny", "allow"):
        _fail("--if-unreachable is deny or allow")
    until = time.monotonic() + _seconds(wait)
    scopes = {"team": team, "app": app, "project": project, "model": model, "environment": environment}
    document: dict[str, Any] = {
        "estimate": estimate,
        "who": _who(who),
        "scopes": {level: value for level, value in scopes.items() if value is not None},
        "job": job,
        "break_glass": break_glass,
    }
    try:
        with _gate(url, home, config, as_of) as gate:
            answer = _tried(lambda: gate.ask(document, dry_run=dry_run))
            if not dry_run:
                answer = _waited_for(gate, answer, until)
    except UnreachableError as error:
        answer = {"outcome": "no_data", "exit_code": NO_ANSWER, "proceeds": if_unreachable == "allow"}
        what = "the job may run" if answer["proceeds"] else "the job may not run"
        answer["reason"] = f"No answer: {error}. With --if-unreachable {if_unreachable} {what}."
    _show(answer, as_json)
    raise typer.Exit((0 if answer["proceeds"] else 1) if yes_or_no else answer["exit_code"])


@gate_app.command("show")
def show(
    ask_id: IdArgument,
    as_json: JsonOption = False,
    url: UrlOption = None,
    home: HomeOption = None,
    config: ConfigOption = None,
    as_of: AsOfOption = None,
) -> None:
    """Show how an ask stands."""
    with _gate(url, home, config, as_of) as gate:
        _show(_tried(lambda: gate.look_up(ask_id)), as_json)


@gate_app.command("settle")
def settle(
    ask_id: IdArgument,
    actual: Annotated[str, typer.Option(help="What the job cost, such as 98.20USD")],
    as_json: JsonOption = False,
    url: UrlOption = None,
    home: HomeOption = None,
    config: ConfigOption = None,
    as_of: AsOfOption = None,
) -> None:
    """Say what a job cost in the end: that is held in place of its estimate, until the bill knows of it."""
    match = re.fullmatch(r"([0-9.]+)\s*([A-Za-z]{3})?", actual.strip())
    if not match:
        _fail(f"{actual!r} is not an amount; write it like 98.20USD")
    with _gate(url, home, config, as_of) as gate:
        _show(_tried(lambda: gate.settle(ask_id, match[1], (match[2] or "USD").upper())), as_json)


@gate_app.command("release")
def release(
    ask_id: IdArgument,
    why: Annotated[str | None, typer.Option("--why", help="In a few words")] = None,
    as_json: JsonOption = False,
    url: UrlOption = None,
    home: HomeOption = None,
    config: ConfigOption = None,
    as_of: AsOfOption = None,
) -> None:
    """Give back all that an ask holds: the job did not run."""
    with _gate(url, home, config, as_of) as gate:
        _show(_tried(lambda: gate.release(ask_id, why)), as_json)


@gate_app.command("approve")
def approve(
    ask_id: IdArgument,
    why: Annotated[str, typer.Option("--why", help="In a few words")],
    who: WhoOption = None,
    home: HomeOption = None,
    config: ConfigOption = None,
    as_of: AsOfOption = None,
) -> None:
    """Let a job run that waits for approval."""
    _vote(ask_id, "approve", who, why, home, config, as_of)


@gate_app.command("deny")
def deny(
    ask_id: IdArgument,
    why: Annotated[str, typer.Option("--why", help="In a few words")],
    who: WhoOption = None,
    home: HomeOption = None,
    config: ConfigOption = None,
    as_of: AsOfOption = None,
) -> None:
    """Refuse a job that waits for approval."""
    _vote(ask_id, "deny", who, why, home, config, as_of)


@gate_app.command("list")
def list_asks(home: HomeOption = None, config: ConfigOption = None, as_of: AsOfOption = None) -> None:
    """List asks that hold money or wait for somebody."""
    from rich.console import Console
    from rich.table import Table

    from guardrails import gate as rules
    from reports.formatting import money

    with _home_gate(home, config, as_of) as office:
        found = rules.standing_asks(office.ledger)
    if not found:
        typer.echo("No job holds any budget, and none waits for approval.")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("Ask", "Status", "Until (UTC)", "Job", "For", "Asked by"):
        table.add_column(name, overflow="fold")
    table.add_column("Estimate", justify="right", no_wrap=True)
    for reply in found:
        said = reply.document["ask"]
        table.add_row(
            reply.ask_id,
            reply.status,
            f"{reply.until:%d %b %H:%M}" if reply.until else "",
            said["job"] or "",
            ", ".join(said["scopes"].values()) or "company",
            said["who"],
            money(rules.parse_price(said["estimate"])[0], said["currency"]),
        )
    Console().print(table)


@gate_app.command("serve")
def serve(
    port: Annotated[int, typer.Option(help="Port to listen on; 0 for any free one")] = 8700,
    host: Annotated[str, typer.Option(help="Address to listen on")] = "127.0.0.1",
    certificate: Annotated[Path | None, typer.Option(help="PEM file: serve HTTPS, as Kubernetes asks for")] = None,
    key: Annotated[Path | None, typer.Option(help="PEM file of the certificate's key")] = None,
    home: HomeOption = None,
    config: ConfigOption = None,
    as_of: AsOfOption = None,
) -> None:
    """Answer jobs over HTTP: pipelines, GitHub Actions, Azure DevOps, Kubernetes admission."""
    import socket

    import uvicorn

    from portal.gate import application

    if (certificate is None) != (key is None):
        _fail("--certificate and --key belong together")
    for file in (certificate, key):
        if file is not None and not file.is_file():
            _fail(f"{file} does not exist")
    token = os.environ.get(TOKEN_VARIABLE) or None
    if token is None and host not in ("127.0.0.1", "::1", "localhost"):
        _fail(f"whoever reaches {host} could spend the budgets; set {TOKEN_VARIABLE}, or listen on 127.0.0.1")
    with _home_gate(home, config, as_of) as office:
        try:
            listener = socket.create_server(
                (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=2048
            )
        except OSError as error:
            _fail(f"{host}:{port} cannot be listened to: {error.strerror}. Choose another --port or --host")
        with listener:
            scheme, name = "https" if certificate else "http", f"[{host}]" if ":" in host else host
            address = f"{scheme}://{name}:{listener.getsockname()[1]}"
            typer.echo(f"The budget gate answers at {address}; jobs ask with {URL_VARIABLE}={address}", err=True)
            settings = uvicorn.Config(
                application(office, token),
                log_level="warning",
                access_log=False,
                ws="none",
                ssl_certfile=certificate,
                ssl_keyfile=key,
            )
            uvicorn.Server(settings).run(sockets=[listener])


class _LocalGate:
    """The gate of a home on this machine, as the HTTP endpoint would answer."""

    def __init__(self, office: HomeGate) -> None:
        self._office = office

    def ask(self, document: dict[str, Any], *, dry_run: bool = False) -> dict[str, Any]:
        from guardrails import gate as rules

        wanted = rules.parse_ask(document)
        if dry_run:
            answer = self._office.peek(wanted)
            return answer.as_dict() | {"exit_code": answer.outcome.exit_code}
        (reply,) = self._office.ask([wanted])
        if isinstance(reply, rules.GateError):
            raise reply
        self._office.tell([reply])
        return reply.as_dict()

    def look_up(self, ask_id: str) -> dict[str, Any]:
        return self._office.look_up(ask_id).as_dict()

    def settle(self, ask_id: str, actual: str, currency: str) -> dict[str, Any]:
        from guardrails import gate as rules

        return self._office.settle(ask_id, *rules.parse_price(actual, currency)).as_dict()

    def release(self, ask_id: str, why: str | None) -> dict[str, Any]:
        return self._office.release(ask_id, why).as_dict()


@contextmanager
def _gate(url: str | None, home: Path | None, config: Path | None, as_of: str | None) -> Iterator[_Gate]:
    address = url or (None if home else os.environ.get(URL_VARIABLE))
    if address:
        try:
            yield GateClient(address, os.environ.get(TOKEN_VARIABLE))
        except RefusedError as error:
            _fail(str(error))
        return
    with _home_gate(home, config, as_of) as office:
        yield _LocalGate(office)


@contextmanager
def _home_gate(home: Path | None, config: Path | None, as_of: str | None) -> Iterator[HomeGate]:
    """Raises: UnreachableError, where the home has nothing to judge by."""
    from finops.config import ConfigError
    from finops.paths import Home, config_dir
    from finops.periods import as_utc, utc_now
    from guardrails import LedgerError
    from orchestration.gate import HomeGate, NothingPublishedError
    from orchestration.ledger import open_ledger

    given = as_of or os.environ.get("AIFINOPS_AS_OF")
    try:
        moment = datetime.fromisoformat(given) if given else None
    except ValueError:
        _fail(f"--as-of {given!r} is not a time; write it like 2026-10-20T06:00Z")
    if moment is not None and moment.tzinfo is None:
        _fail(f"--as-of {given!r} has no time zone; write it like 2026-10-20T06:00Z")
    clock = (lambda: as_utc(moment)) if moment else utc_now
    place = Home(home.resolve()) if home else Home.from_environment()

    try:
        with open_ledger(place) as ledger:
            yield HomeGate(place, (config or config_dir()).resolve(), ledger, clock, os.environ)
    except (ConfigError, LedgerError, NothingPublishedError) as error:
        raise UnreachableError(str(error)) from None


def _tried(act: Callable[[], T]) -> T:
    """What ``act`` returns, or what is wrong with the question, told on stderr with status 2."""
    try:
        return act()
    except (ValueError, RefusedError) as error:
        from finops.config import ConfigError

        if isinstance(error, ConfigError):
            raise
        _fail(str(error))


def _vote(
    ask_id: str,
    verdict: Literal["approve", "deny"],
    who: str | None,
    why: str,
    home: Path | None,
    config: Path | None,
    as_of: str | None,
) -> None:
    with _home_gate(home, config, as_of) as office:
        _show(_tried(lambda: office.vote(ask_id, verdict, _who(who), why).as_dict()), as_json=False)


def _waited_for(gate: _Gate, answer: dict[str, Any], until: float) -> dict[str, Any]:
    """The answer once somebody has given theirs, or when there is no time left."""
    if answer["status"] == "waiting" and time.monotonic() < until:
        typer.echo(f"Waiting for approval: aifinops gate approve {answer['ask_id']} --why REASON", err=True)
    while answer["status"] == "waiting" and (left := until - time.monotonic()) > 0:
        time.sleep(min(POLL_SECONDS, left))
        answer = gate.look_up(answer["ask_id"])
    return answer


def _show(answer: dict[str, Any], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(answer, indent=2))
        return
    sign = "✓" if answer["exit_code"] == 0 else "!" if answer["proceeds"] else "✗"
    words = {"no_data": "no trustworthy data", "approval": "needs approval"}
    status = f" · {answer['status']}" if "status" in answer else " · dry run, nothing is held"
    ask_id = f" · ask {answer['ask_id']}" if answer.get("ask_id") else ""
    typer.echo(
        f"{sign} {words.get(answer['outcome'], answer['outcome'])}{ask_id}{status if 'budgets' in answer else ''}"
    )
    typer.echo(f"  {answer['reason']}")
    if answer.get("status") == "held":
        until = answer["until"][:16].replace("T", " ")
        typer.echo(f"  Held until {until} UTC. Afterwards: aifinops gate settle {answer['ask_id']} --actual AMOUNT")
    for vote in answer.get("votes", []):
        why = f": {vote['why']}" if vote["why"] else ""
        typer.echo(f"  {vote['who']} said {vote['verdict']}{why}")


def _who(given: str | None) -> str:
    if given:
        return given
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def _seconds(text: str) -> float:
    match = re.fullmatch(r"([0-9]+)([smh])", text)
    if not match:
        _fail(f"--wait {text!r} is no time; write it like 90s, 30m or 2h")
    return int(match[1]) * {"s": 1, "m": 60, "h": 3600}[match[2]]


def _fail(message: str) -> NoReturn:
    typer.echo(f"✗ {message}", err=True)
    raise typer.Exit(2)
