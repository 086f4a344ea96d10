"""The steps that prepare a subscription, shown or done.

Here: which steps are shown, how they look, the exit code.
Not here: the request (connect_request), the steps (``ingestion.azure.plan``), doing them (``ingestion.azure.connect``).
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from cli.connect_request import ConnectOptions, make_request
from ingestion.azure.arm import Arm, ArmError
from ingestion.azure.connect import (
    AzureAccount,
    Connector,
    State,
    StepResult,
    model_accounts,
    snippet,
    subscription_name,
)
from ingestion.azure.plan import ConnectRequest, RunExport, Step, plan, undo, variables

_WIDTH = 110
_SYMBOLS: dict[State, tuple[str, str]] = {
    "there": ("✓", "green"),
    "done": ("✓", "green"),
    "to do": ("○", "yellow"),
    "waits": ("…", "yellow"),
    "failed": ("✗", "red"),
    "unknown": ("?", "cyan"),
}

_WORST_FIRST: tuple[State, ...] = ("failed", "waits", "unknown", "to do", "done", "there")


def connect_azure(options: ConnectOptions, as_of: datetime, *, apply: bool) -> int:
    """Show the steps with their state, or do them.

    Returns:
        The exit code: 1 where a step failed or waits for one that did.
    """
    console = Console(file=sys.stdout)
    request, arm, notes = make_request(options, as_of)
    name = _name_of(arm, request, notes)
    verb = "preparing it, read-only" if apply else "nothing is changed without --apply"
    console.print(f"[bold]aifinops connect azure[/] · {name} · {verb}", highlight=False)
    for note in notes:
        console.print(f"[yellow]![/] {note}", highlight=False, soft_wrap=True)
    console.print()
    steps = plan(request)
    if not apply:
        _show_variables(request, console)
    with console.status("Looking at Azure") as status:
        connector = Connector(arm, request, say=status.update)
        results = _collected(connector.apply(steps) if apply else connector.look(steps), steps, console, apply=apply)
    accounts = [] if notes else _accounts(arm, request)
    _summary(results, console, apply=apply)
    if not apply or not _has_failed(results):
        _show_snippet(request, accounts, console, options.out)
    _show_next(results, console, apply=apply)
    return 1 if apply and _has_failed(results) else 0


def show_removal(options: ConnectOptions, as_of: datetime) -> None:
    """How to take everything back; this command deletes nothing itself."""
    console = Console(file=sys.stdout)
    request, _, notes = make_request(options, as_of)
    console.print(
        f"[bold]aifinops connect azure --remove[/] · subscription {request.subscription} · nothing is done\n",
        highlight=False,
    )
    for note in notes:
        console.print(f"[yellow]![/] {note}\n", highlight=False, soft_wrap=True)
    _show_variables(request, console)
    for number, step in enumerate(undo(request), 1):
        warning = "  [red](deletes the delivered bills; keep it if others use it)[/]" if _holds_data(step) else ""
        console.print(f"{number:>2}  [bold]{step.what}[/]{warning}", highlight=False)
        _show_command(step.undo, console)
    console.print("\nThen remove its entries from config/sources.yml. What was landed stays in the lake.")


def _holds_data(step: Step) -> bool:
    return step.key in ("account", "container")


def _name_of(arm: Arm, request: ConnectRequest, notes: list[str]) -> str:
    if not notes:
        try:
            name = subscription_name(arm, request.subscription)
        except ArmError as error:
            notes.append(f"The subscription cannot be seen: {error}")
        else:
            return f"{name} ({request.subscription})" if name else request.subscription
    return f"subscription {request.subscription}"


def _accounts(arm: Arm, request: ConnectRequest) -> list[AzureAccount]:
    try:
        return model_accounts(arm, request.subscription)
    except ArmError:
        return []


def _collected(
    results: Iterable[StepResult], steps: Sequence[Step], console: Console, *, apply: bool
) -> list[StepResult]:
    """Show each step as soon as its state is known; the back-fill's months are one block at the end."""
    months = [step for step in steps if isinstance(step, RunExport) and step.period is not None]
    found: list[StepResult] = []
    for number, result in enumerate(results, 1):
        is_told = any(result.remedy == earlier.remedy for earlier in found)
        found.append(result)
        if result.step not in months:
            _show_step(number, replace(result, remedy="") if is_told else result, console, apply=apply)
    if months:
        _show_months(len(steps) - len(months) + 1, found[-len(months) :], console, apply=apply)
    return found


def _show_step(number: int, result: StepResult, console: Console, *, apply: bool) -> None:
    step = result.step
    _show_head(number, result.state, step.what, step.why, console)
    _show_detail(result, console)
    if not apply and result.state != "there":
        _show_command(step.command, console)


def _show_variables(request: ConnectRequest, console: Console) -> None:
    """The commands' variables: with them every command fits into a terminal."""
    console.print("[dim]The commands below use[/]")
    for name, value in variables(request).items():
        console.print(Text(f"{name}={value}", "cyan"), soft_wrap=True)
    console.print()


def _show_head(number: int, state: State, what: str, why: str, console: Console) -> None:
    symbol, colour = _SYMBOLS[state]
    table = Table.grid(padding=(0, 2))
    table.add_column(width=2, justify="right")
    table.add_column(width=9, no_wrap=True)
    table.add_column(width=47, no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row(str(number), Text(f"{symbol} {state}", colour), Text(what, "bold"), Text(why, "dim"))
    console.print(table)


def _show_detail(result: StepResult, console: Console) -> None:
    width = min(console.width, _WIDTH)
    if result.detail:
        console.print(Padding(Text(result.detail, _SYMBOLS[result.state][1]), (0, 0, 0, 6)), width=width)
    for number, line in enumerate(result.remedy.splitlines()):
        if number == 0:
            console.print(Padding(Text(f"→ {line}"), (0, 0, 0, 6)), width=width)
        else:  # a command stays one line, so that it can be copied
            console.print(Text(f"        {line}", "cyan"), soft_wrap=True)


def _show_command(command: str, console: Console) -> None:
    for line in command.splitlines():
        console.print(Text(f"      {line}", "cyan"), soft_wrap=True)


def _show_months(number: int, results: Sequence[StepResult], console: Console, *, apply: bool) -> None:
    states = {result.state for result in results}
    worst = next((state for state in _WORST_FIRST if state in states), results[0].state)
    first, last = results[0].step, results[-1].step
    span = f"{first.key.removeprefix('run-')} … {last.key.removeprefix('run-')}"
    _show_head(
        number,
        worst,
        f"Back-fill of {len(results)} month{'s' if len(results) > 1 else ''}",
        f"{span}: {_told(results)}",
        console,
    )
    shown: set[str] = set()
    for result in results:
        month = result.step.key.removeprefix("run-")
        if result.state == "failed" and result.detail not in shown:
            shown.add(result.detail)
            _show_detail(StepResult(result.step, "failed", f"{month}: {result.detail}", result.remedy), console)
    if not apply and worst not in ("there", "done"):
        todo = next(result.step for result in results if result.state != "there")
        _show_command(todo.command, console)
        if len(results) > 1:
            console.print("      [dim]… and the same for every month: one run takes at most one[/]", highlight=False)


def _summary(results: Sequence[StepResult], console: Console, *, apply: bool) -> None:
    if all(result.state == "there" for result in results):
        changed = ": nothing was changed" if apply else ""
        console.print(f"\n[green]✓[/] Everything is there already{changed}.")
    else:
        console.print(f"\n{len(results)} steps: {_told(results)}.", highlight=False)


def _told(results: Sequence[StepResult]) -> str:
    counts = {state: sum(result.state == state for result in results) for state in _SYMBOLS}
    words = {"waits": "waiting"}
    return ", ".join(f"{count} {words.get(state, state)}" for state, count in counts.items() if count)


def _show_snippet(
    request: ConnectRequest, accounts: Sequence[AzureAccount], console: Console, out: Path | None
) -> None:
    text = snippet(request, accounts)
    if out is not None:
        out.write_text(text, encoding="utf-8")
        console.print(f"\n[bold]For config/sources.yml[/], written to {out}", highlight=False)
        return
    console.print("\n[bold]For config/sources.yml[/], under sources:")
    for line in text.splitlines():
        console.print(Text(line, "cyan"), soft_wrap=True)


def _show_next(results: Sequence[StepResult], console: Console, *, apply: bool) -> None:
    console.print("\n[bold]What next[/]")
    if not apply and any(result.state != "there" for result in results):
        again = shlex.join(["aifinops", *sys.argv[1:], "--apply"])
        console.print(f"  {again}", highlight=False, soft_wrap=True)
        return
    if _has_failed(results):
        console.print("  correct what failed and run the same command again: it goes on with what is left")
        return
    console.print(f"  {'aifinops doctor':<18} once the first export has arrived, usually within hours", highlight=False)
    console.print(f"  {'aifinops run':<18} the first report", highlight=False)


def _has_failed(results: Iterable[StepResult]) -> bool:
    return any(result.state in ("failed", "waits", "unknown") for result in results)
