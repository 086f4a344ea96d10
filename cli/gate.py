"""``aifinops gate``: may this job spend what it expects to?

Here: options, waiting, words and exit codes.
Not here: where the gate is (gate_places), the judgement (guardrails.gate).

A job's step must not wait for imports: whatever only a home on this machine needs is imported where it is used.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import typer

from cli.gate_client import RefusedError, UnreachableError
from cli.gate_places import TOKEN_VARIABLE, URL_VARIABLE, Gate, gate_of, home_gate, refuse
from cli.options import AsOfOption, ConfigOption, ReasonOption, WhoOption, WhyOption, speaker

NO_ANSWER = 40
POLL_SECONDS = 3.0

gate_app = typer.Typer(
    invoke_without_command=True, subcommand_metavar="[COMMAND]", help="Ask whether a job may spend what it expects to."
)

UrlOption = Annotated[str | None, typer.Option("--url", help="Address of the gate", show_default=URL_VARIABLE)]
AskedHomeOption = Annotated[Path | None, typer.Option("--home", help="Ask this home, on this machine")]
AnswerAsJsonOption = Annotated[bool, typer.Option("--json", help="Print the answer as JSON")]
IdArgument = Annotated[str, typer.Argument(metavar="ASK", help="The ask's id")]
T = TypeVar("T")


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
    as_json: AnswerAsJsonOption = False,
    url: UrlOption = None,
    home: AskedHomeOption = None,
    config: ConfigOption = None,
    as_of: AsOfOption = None,
) -> None:
    """Ask whether a job may spend what it expects to; hold that much of its budgets if it may.

    Exit status: 0 allow, 10 allow with a warning, 20 needs approval, 30 deny, 40 no trustworthy data.
    """
    if context.invoked_subcommand is not None:
        return
    if estimate is None:
        refuse("say what the job may cost: --estimate 120USD")
    if if_unreachable not in ("deny", "allow"):
        refuse("--if-unreachable is deny or allow")
    until = time.monotonic() + _seconds(wait)
    scopes = {"team": team, "app": app, "project": project, "model": model, "environment": environment}
    document: dict[str, Any] = {
        "estimate": estimate,
        "who": speaker(who),
        "scopes": {level: value for level, value in scopes.items() if value is not None},
        "job": job,
        "break_glass": break_glass,
    }
    try:
        with gate_of(url, home, config, as_of) as gate:
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
    as_json: AnswerAsJsonOption = False,
    url: UrlOption = None,
    home: AskedHomeOption = None,
    config: ConfigOption = None,
    as_of: AsOfOption = None,
) -> None:
    """Show how an ask stands."""
    with gate_of(url, home, config, as_of) as gate:
        _show(_tried(lambda: gate.look_up(ask_id)), as_json)


@gate_app.command("settle")
def settle(
    ask_id: IdArgument,
    actual: Annotated[str, typer.Option(help="What the job cost, such as 98.20USD")],
    as_json: AnswerAsJsonOption = False,
    url: UrlOption = None,
    home: AskedHomeOption = None,
    config: ConfigOption = None,
    as_of: AsOfOption = None,
) -> None:
    """Say what a job cost in the end: that is held in place of its estimate, until the bill knows of it."""
    match = re.fullmatch(r"([0-9.]+)\s*([A-Za-z]{3})?", actual.strip())
    if not match:
        refuse(f"{actual!r} is not an amount; write it like 98.20USD")
    with gate_of(url, home, config, as_of) as gate:
        _show(_tried(lambda: gate.settle(ask_id, match[1], (match[2] or "USD").upper())), as_json)


@gate_app.command("release")
def release(
    ask_id: IdArgument,
    why: WhyOption = None,
    as_json: AnswerAsJsonOption = False,
    url: UrlOption = None,
    home: AskedHomeOption = None,
    config: ConfigOption = None,
    as_of: AsOfOption = None,
) -> None:
    """Give back all that an ask holds: the job did not run."""
    with gate_of(url, home, config, as_of) as gate:
        _show(_tried(lambda: gate.release(ask_id, why)), as_json)


@gate_app.command("approve")
def approve(
    ask_id: IdArgument,
    why: ReasonOption,
    who: WhoOption = None,
    home: AskedHomeOption = None,
    config: ConfigOption = None,
    as_of: AsOfOption = None,
) -> None:
    """Let a job run that waits for approval."""
    _vote(ask_id, "approve", who, why, home, config, as_of)


@gate_app.command("deny")
def deny(
    ask_id: IdArgument,
    why: ReasonOption,
    who: WhoOption = None,
    home: AskedHomeOption = None,
    config: ConfigOption = None,
    as_of: AsOfOption = None,
) -> None:
    """Refuse a job that waits for approval."""
    _vote(ask_id, "deny", who, why, home, config, as_of)


@gate_app.command("list")
def list_asks(home: AskedHomeOption = None, config: ConfigOption = None, as_of: AsOfOption = None) -> None:
    """List asks that hold money or wait for somebody."""
    from rich.console import Console
    from rich.table import Table

    from guardrails import gate as rules
    from reports.formatting import money

    with home_gate(home, config, as_of) as office:
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
    home: AskedHomeOption = None,
    config: ConfigOption = None,
    as_of: AsOfOption = None,
) -> None:
    """Answer jobs over HTTP: pipelines, GitHub Actions, Azure DevOps, Kubernetes admission."""
    import socket

    import uvicorn

    from portal.gate import application

    if (certificate is None) != (key is None):
        refuse("--certificate and --key belong together")
    for file in (certificate, key):
        if file is not None and not file.is_file():
            refuse(f"{file} does not exist")
    token = os.environ.get(TOKEN_VARIABLE) or None
    if token is None and host not in ("127.0.0.1", "::1", "localhost"):
        refuse(f"whoever reaches {host} could spend the budgets; set {TOKEN_VARIABLE}, or listen on 127.0.0.1")
    with home_gate(home, config, as_of) as office:
        try:
            listener = socket.create_server(
                (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=2048
            )
        except OSError as error:
            refuse(f"{host}:{port} cannot be listened to: {error.strerror}. Choose another --port or --host")
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


def _tried(act: Callable[[], T]) -> T:
    """What ``act`` returns, or what is wrong with the question, told on stderr with status 2."""
    try:
        return act()
    except (ValueError, RefusedError) as error:
        from finops.config import ConfigError

        if isinstance(error, ConfigError):
            raise
        refuse(str(error))


def _vote(
    ask_id: str,
    verdict: Literal["approve", "deny"],
    who: str | None,
    why: str,
    home: Path | None,
    config: Path | None,
    as_of: str | None,
) -> None:
    with home_gate(home, config, as_of) as office:
        _show(_tried(lambda: office.vote(ask_id, verdict, speaker(who), why).as_dict()), as_json=False)


def _waited_for(gate: Gate, answer: dict[str, Any], until: float) -> dict[str, Any]:
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


def _seconds(text: str) -> float:
    match = re.fullmatch(r"([0-9]+)([smh])", text)
    if not match:
        refuse(f"--wait {text!r} is no time; write it like 90s, 30m or 2h")
    return int(match[1]) * {"s": 1, "m": 60, "h": 3600}[match[2]]
