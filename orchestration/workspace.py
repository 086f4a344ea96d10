"""The one resource that every asset uses: which home, which configuration, as of when.

Here: finding and loading them.
Not here: what is done with them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg

import guardrails
from finops.config import Configuration, load_configuration
from finops.paths import CONFIG_VARIABLE, Home, config_dir
from finops.periods import as_utc, utc_now
from orchestration.ledger import open_ledger
from orchestration.messaging import Messages

if TYPE_CHECKING:
    from orchestration.digests import Digests

AS_OF_VARIABLE = "AIFINOPS_AS_OF"
LAKE_VARIABLE = "AIFINOPS_LAKE"
MEMORY_VARIABLE = "AIFINOPS_WAREHOUSE_MEMORY"
MOST_MEMORY_BYTES = 6 * 1000**3

_progress: ContextVar[Callable[[str], None] | None] = ContextVar("progress", default=None)


@contextmanager
def progress_shown_by(show: Callable[[str], None]):  # type: ignore[no-untyped-def]
    """Show the progress of assets that run inside this block in this process."""
    token = _progress.set(show)
    try:
        yield
    finally:
        _progress.reset(token)


class Workspace(dg.ConfigurableResource):
    """Empty fields are read from the environment when an asset runs, so that one code location serves any home."""

    home_path: str = ""
    config_path: str = ""
    as_of_text: str = ""

    @property
    def home(self) -> Home:
        return Home(Path(self.home_path).resolve()) if self.home_path else Home.from_environment()

    @property
    def environ(self) -> Mapping[str, str]:
        return os.environ

    @property
    def config_directory(self) -> Path:
        return Path(self.config_path).resolve() if self.config_path else config_dir()

    def configuration(self) -> Configuration:
        """The validated configuration.

        Raises:
            ConfigError: with file, line and remedy of every problem.
        """
        return load_configuration(self.config_directory)

    def as_of(self) -> datetime:
        """The moment the run reports on: AIFINOPS_AS_OF for simulations and rebuilt past days, else now."""
        text = self.as_of_text or os.environ.get(AS_OF_VARIABLE)
        return as_utc(datetime.fromisoformat(text)) if text else utc_now()

    @property
    def lake_url(self) -> str:
        return os.environ.get(LAKE_VARIABLE) or str(self.home.lake)

    def ledger(self) -> guardrails.Ledger:
        """The home's ledger, opened; use it as a context manager."""
        return open_ledger(self.home)

    def messages(self) -> Messages:
        """What the home has to tell, as of now.

        Raises:
            ConfigError, guardrails.LinkKeyError: the configuration or the key of links cannot be used.
        """
        return Messages(self.home, self.configuration(), self.environ, self.as_of())

    def digests(self) -> Digests:
        """The home's weekly digests and monthly packs, as of now.

        Raises:
            ConfigError: the configuration cannot be used.
        """
        # Pages and paper take half a second to import, and most assets need neither.
        from orchestration.digests import Digests

        return Digests(self.home, self.configuration(), self.environ, self.as_of())

    def dbt_environment(self) -> dict[str, str]:
        return {
            "AIFINOPS_HOME": str(self.home.path),
            LAKE_VARIABLE: self.lake_url,
            CONFIG_VARIABLE: str(self.config_directory),
            MEMORY_VARIABLE: os.environ.get(MEMORY_VARIABLE) or warehouse_memory(memory_bytes()),
        }

    def reporter(self, context: dg.AssetExecutionContext) -> Callable[[str], None]:
        """Where an asset sends its progress: the run's log, and the terminal when someone watches."""
        show = _progress.get()

        def report(message: str) -> None:
            context.log.info(message)
            if show:
                show(message)

        return report


def memory_bytes() -> int | None:
    """The memory that this machine or container has; None where the system does not say."""
    found = []
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        found.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    with suppress(OSError, ValueError):  # "max" where a container has no limit
        found.append(int(Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii")))
    return min(found, default=None)


def warehouse_memory(machine_bytes: int | None) -> str:
    """What the warehouse may take of a machine: half of it and 6 GB at most, as DuckDB's ``memory_limit``."""
    if machine_bytes is None:
        return f"{MOST_MEMORY_BYTES // 1000**2}MB"
    return f"{min(machine_bytes // 2, MOST_MEMORY_BYTES) // 1000**2}MB"
