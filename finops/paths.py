"""Where things are.

Here: the folders of a project checkout and of one home (the place a pipeline keeps its data).
Not here: what is in the files.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

PROJECT_DIR = Path(__file__).resolve().parent.parent
HOME_VARIABLE = "AIFINOPS_HOME"
CONFIG_VARIABLE = "AIFINOPS_CONFIG"


@dataclass(frozen=True)
class Home:
    """One self-contained set of data: lake, warehouse, ledger, reports. Two homes never share a fact."""

    path: Path

    @classmethod
    def from_environment(cls) -> Home:
        """The home that ``AIFINOPS_HOME`` names, or ``.aifinops/main`` in the checkout."""
        return cls(_from_environment(HOME_VARIABLE, PROJECT_DIR / ".aifinops" / "main"))

    @property
    def lake(self) -> Path:
        """The raw, append-only facts, written by dlt only; may be a bucket URL in ``config/sources.yml`` instead."""
        return self.path / "lake"

    @property
    def pipelines(self) -> Path:
        """dlt's working state: what is extracted and not yet loaded survives a crash here."""
        return self.path / "dlt"

    @property
    def warehouse(self) -> Path:
        return self.path / "warehouse.duckdb"

    @property
    def dbt(self) -> Path:
        """What dbt has parsed and compiled, and its logs: a folder for each step, used again by its next run."""
        return self.path / "dbt"

    @property
    def config_tables(self) -> Path:
        """Validated configuration as JSON lines, read by dbt as the source ``config``."""
        return self.path / "config"

    @property
    def config_history(self) -> Path:
        """The configuration of every run, kept by content: what a rebuild of a past day reads."""
        return self.path / "config-history"

    @property
    def ml(self) -> Path:
        """Parquet written by models, read by dbt as the source ``ml``."""
        return self.path / "ml"

    @property
    def ml_running(self) -> Path:
        """What a refresh rewrites: findings of the running day, which the next run takes into ``ml``, and the next
        hours, read by dbt as the source ``ml_running``."""
        return self.ml / "running"

    @property
    def published(self) -> Path:
        """The public marts as Parquet, swapped as a whole after each run: what every outside reader reads."""
        return self.path / "published"

    @property
    def ledger(self) -> Path:
        return self.path / "ledger.sqlite"

    @property
    def reports(self) -> Path:
        return self.path / "reports"

    @property
    def exports(self) -> Path:
        return self.path / "exports"

    @property
    def statements(self) -> Path:
        """Issued statements, a folder a month, never changed."""
        return self.path / "statements"

    @property
    def digests(self) -> Path:
        """Weekly digests and monthly packs as they were sent, a folder a period, never changed."""
        return self.path / "digests"

    @property
    def replays(self) -> Path:
        """Replays of policies that were asked for in the portal, a folder each."""
        return self.path / "replays"

    @property
    def whatif(self) -> Path:
        """Answers to what-ifs, one file for each scenario and day."""
        return self.path / "whatif"

    @property
    def messages(self) -> Path:
        """Every rendered message, as sent or as it would have been sent in dry run."""
        return self.path / "messages"

    @property
    def simulator(self) -> Path:
        return self.path / "simulator"

    @property
    def dagster(self) -> Path:
        return self.path / "dagster"


def config_dir() -> Path:
    """The folder with the user's YAML files: what ``AIFINOPS_CONFIG`` names, or ``config`` in the checkout."""
    return _from_environment(CONFIG_VARIABLE, PROJECT_DIR / "config")


def _from_environment(variable: str, default: Path) -> Path:
    return Path(os.environ.get(variable) or default).expanduser().resolve()
