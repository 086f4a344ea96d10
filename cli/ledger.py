"""What every command about the ledger needs: its options, the home, who is speaking.

Here: options and small helpers.
Not here: any command (approvals, policy, audit).
"""

from __future__ import annotations

import getpass
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn, TypeVar

import typer
from rich.console import Console

from finops.config import ConfigError, Configuration, load_configuration
from finops.paths import Home, config_dir
from finops.periods import as_utc, utc_now

if TYPE_CHECKING:
    from guardrails import Ledger

HomeOption = Annotated[Path | None, typer.Option("--home", help="Folder with this pipeline's data")]
ConfigOption = Annotated[Path | None, typer.Option("--config", help="Folder with the YAML files")]
AsOfOption = Annotated[str | None, typer.Option("--as-of", help="As if it were this moment, for a past home")]
WhoOption = Annotated[str | None, typer.Option("--who", help="Who says it [default: this machine's user]")]
JsonOption = Annotated[bool, typer.Option("--json", help="For machines")]
T = TypeVar("T")


def fail(message: str) -> NoReturn:
    Console(stderr=True).print(f"[red bold]✗[/] {message}", highlight=False, soft_wrap=True)
    raise typer.Exit(1)


def speaker(who: str | None) -> str:
    """Who is named, or this machine's user."""
    return who or getpass.getuser()


def moment(as_of: str | None) -> datetime:
    """The moment that is named (UTC where it has no zone), that of AIFINOPS_AS_OF, or now."""
    text = as_of or os.environ.get("AIFINOPS_AS_OF")
    if not text:
        return utc_now()
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        fail(f"--as-of {text!r} is not a time; write it like 2026-10-20T06:00Z")
    return as_utc(at if at.tzinfo else at.replace(tzinfo=UTC))


def configuration_of(config: Path | None) -> Configuration:
    """The validated configuration; its problems end the command."""
    try:
        return load_configuration((config or config_dir()).resolve())
    except ConfigError as error:
        fail(str(error))


def home_of(home: Path | None) -> Home:
    """The home that is named, or that of the environment."""
    return Home(home.resolve()) if home else Home.from_environment()


@contextmanager
def opened(home: Path | None) -> Iterator[Ledger]:
    """The ledger of a home that has one."""
    from guardrails import LedgerError
    from orchestration.ledger import has_ledger, open_ledger

    found = home_of(home)
    if not has_ledger(found):
        fail(f"{found.path} has no ledger yet; the first run makes it")
    try:
        with open_ledger(found) as ledger:
            yield ledger
    except LedgerError as error:
        fail(str(error))


def day(text: str, option: str) -> datetime:
    """The first moment (UTC) of a day such as 2026-10-20."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError:
        fail(f"{option} {text!r} is not a day; write it like 2026-10-20")
