"""What the options of commands stand for: a home, a configuration, a moment, a day.

Here: reading them, and ending a command with what is wrong.
Not here: the options themselves (options), the ledger (ledger), any command.
"""

from __future__ import annotations

import os
from datetime import UTC, date, datetime
from pathlib import Path
from typing import NoReturn

import typer
from rich.console import Console

from finops.config import ConfigError, Configuration, load_configuration
from finops.paths import Home, config_dir
from finops.periods import as_utc, utc_now


def fail(message: str) -> NoReturn:
    """Say on stderr what is wrong, and end the command with status 1."""
    Console(stderr=True).print(f"[red bold]✗[/] {message}", highlight=False, soft_wrap=True)
    raise typer.Exit(1)


def home_of(home: Path | None) -> Home:
    """The home that is named, or that of the environment."""
    return Home(home.resolve()) if home else Home.from_environment()


def published_home(home: Path | None) -> Home:
    """The same, where a run has published marts."""
    place = home_of(home)
    if not place.published.exists():
        fail(f"{place.path} has no published marts yet; run `aifinops run` or `aifinops demo` first")
    return place


def folder_of(config: Path | None) -> Path:
    """The configuration's folder that is named, or that of the environment."""
    return (config or config_dir()).resolve()


def configuration_of(config: Path | None) -> Configuration:
    """The validated configuration; its problems end the command."""
    try:
        return load_configuration(folder_of(config))
    except ConfigError as error:
        fail(str(error))


def parse_moment(text: str, option: str = "--as-of") -> datetime:
    """A moment in UTC, which holds where the text has no zone."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        fail(f"{option} {text!r} is not a time; write it like 2026-10-20T06:00Z")
    return as_utc(at if at.tzinfo else at.replace(tzinfo=UTC))


def given_moment(as_of: str | None) -> datetime | None:
    """The moment that is named, or that of AIFINOPS_AS_OF; None where neither is."""
    text = as_of or os.environ.get("AIFINOPS_AS_OF")
    return parse_moment(text) if text else None


def moment(as_of: str | None) -> datetime:
    """The same, or now."""
    return given_moment(as_of) or utc_now()


def day(text: str, option: str) -> date:
    """A day such as 2026-10-20."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        fail(f"{option} {text!r} is not a day; write it like 2026-10-20")


def given_day(text: str | None, option: str) -> date | None:
    """The same for an option that may be left out."""
    return day(text, option) if text else None


def days(text: str, option: str) -> tuple[date, date]:
    """First and last day of ``2026-09-01..2026-09-30``, or one day."""
    first, _, last = text.partition("..")
    span = day(first, option), day(last or first, option)
    if span[0] > span[1]:
        fail(f"{option} {text!r} is no stretch of days; write it like 2026-09-01..2026-09-30")
    return span
