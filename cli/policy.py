"""``aifinops policy``: what policies mean, and breaking the glass over them.

Here: options, words, exit codes.
Not here: validation (finops.config), meaning (guardrails.explain), releasing (guardrails.overrides).
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cli.inputs import configuration_of, fail, folder_of, home_of, moment
from cli.ledger import opened
from cli.options import AsOfOption, ConfigOption, HomeOption, JsonOption, WhoOption, speaker
from finops.config import ConfigError, load_configuration

policy_app = typer.Typer(no_args_is_help=True, help="Work with guardrails' policies.")

POLICIES_FILE = "guardrails.yml"


@policy_app.command("check")
def check(
    path: Annotated[
        Path | None,
        typer.Argument(help="A folder of YAML files, or one guardrails.yml to be tried with the folder's others"),
    ] = None,
    config: ConfigOption = None,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings fail too")] = False,
    as_of: AsOfOption = None,
    as_json: JsonOption = False,
) -> None:
    """Validate policies, say what each means, and warn of those that can never act. Exit status 1 on errors."""
    from guardrails import meaning, never_acts

    today = moment(as_of).date()
    try:
        with _folder(path, config) as folder:
            configuration = load_configuration(folder)
    except ConfigError as error:
        shown = [str(problem) for problem in error.problems]
        if path is not None and path.is_file():
            shown = [f"{path}{line[line.index(POLICIES_FILE) + len(POLICIES_FILE):]}" if POLICIES_FILE in line else line
                     for line in shown]  # fmt: skip
        if as_json:
            typer.echo(json.dumps({"errors": shown, "policies": []}, indent=2))
        else:
            for line in shown:
                Console(stderr=True).print(f"[red]✗[/] {line}", highlight=False, soft_wrap=True)
        raise typer.Exit(1) from None
    found = [
        {
            "id": policy.id,
            "mode": policy.mode,
            "meaning": meaning(policy),
            "warnings": never_acts(policy, configuration, today),
        }
        for policy in configuration.guardrails.policies
    ]
    if as_json:
        typer.echo(json.dumps({"errors": [], "policies": found}, indent=2))
    else:
        console = Console(soft_wrap=True, highlight=False)
        for one in found:
            console.print(f"[green]✓[/] [bold]{one['id']}[/] ({one['mode']})  {one['meaning']}")
            for warning in one["warnings"]:
                console.print(f"  [yellow]![/] {warning}")
        console.print(f"{len(found)} policies, {sum(len(one['warnings']) for one in found)} warnings")
    if strict and any(one["warnings"] for one in found):
        raise typer.Exit(1)


@contextmanager
def _folder(path: Path | None, config: Path | None) -> Iterator[Path]:
    """The folder to load: the one named, or a copy of the configuration with the file that is named in its place."""
    base = folder_of(config)
    if path is None or path.is_dir():
        yield path.resolve() if path else base
        return
    if not path.is_file():
        fail(f"{path} does not exist; name a folder of YAML files, or one guardrails.yml")
    with tempfile.TemporaryDirectory(prefix="aifinops-policies-") as place:
        folder = Path(place) / "config"
        shutil.copytree(base, folder)
        shutil.copyfile(path, folder / POLICIES_FILE)
        yield folder


@policy_app.command("override")
def override(
    decision: Annotated[
        str | None, typer.Argument(metavar="[DECISION]", help="Release what this decision's policy holds")
    ] = None,
    target: Annotated[
        str | None, typer.Option("--target", help="Release whatever stands on this target, such as team:search")
    ] = None,
    hours: Annotated[int, typer.Option("--hours", help="How long nothing may act on it")] = 24,
    why: Annotated[str, typer.Option("--why", help="In a few words; it stays on the record")] = "",
    who: WhoOption = None,
    home: HomeOption = None,
    config: ConfigOption = None,
    as_of: AsOfOption = None,
) -> None:
    """Break the glass: release what stands on a target, and hold further orders about it for some hours."""
    from guardrails import override as break_glass
    from orchestration.messaging import Messages

    if (decision is None) == (target is None):
        fail("name a decision, or a target with --target team:search")
    if target is not None and ":" not in target:
        fail(f"--target {target!r} is no target; write it like team:search")
    configuration, now = configuration_of(config), moment(as_of)
    messages = Messages(home_of(home), configuration, os.environ, now)
    with opened(home) as ledger:
        broken = break_glass(
            ledger, decision or target or "", configuration, messages.decision_body,
            hours=hours, who=speaker(who), why=why, now=now,
        )  # fmt: skip
    console = Console(soft_wrap=True, highlight=False)
    held = f"orders of {broken.policy_id}" if broken.policy_id else "all orders"
    console.print(
        f"{broken.scope_type}:{broken.scope_value}: {held} are held until {broken.until:%Y-%m-%d %H:%M} UTC "
        f"({len(broken.released)} released or withdrawn)"
    )
    for made in broken.released:
        console.print(f"  {made.decision_id}  {made.reason}")
