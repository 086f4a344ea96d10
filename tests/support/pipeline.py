"""Running the real pipeline in tests: simulated organisation, real dlt, dbt, Dagster, Prophet, SQLite."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb
from rich.console import Console

from cli.simulated import SimulatedOrganisation, simulated_organisation
from finops.paths import PROJECT_DIR, Home
from orchestration.run import Listener, run_everything

SMALL = {"seed": 7, "scale": 0.3, "days": 150}


@dataclass
class Recorder:
    """A listener that remembers which steps ran."""

    steps: list[str]

    @property
    def listener(self) -> Listener:
        return Listener(
            started=lambda _: None, progress=lambda _: None, finished=lambda done: self.steps.append(done.name)
        )


def quiet_console() -> Console:
    return Console(file=io.StringIO(), force_terminal=False)


def organisation_in(home: Home, **parameters: float):  # type: ignore[no-untyped-def]
    """A served organisation of test size, as a context manager."""
    return simulated_organisation(home, quiet_console(), **{**SMALL, **parameters})


def run_once(home: Home, organisation: SimulatedOrganisation, config: Path = PROJECT_DIR / "config") -> list[str]:
    """Run everything once and return the names of the steps that finished."""
    recorder = Recorder([])
    run_everything(home, config, organisation.as_of, organisation.environ, recorder.listener)
    return recorder.steps


_WHEN_ASKED = frozenset({"last_landed_at"})
_OF_ONE_LAKE = frozenset(
    [
        "load_id",
        "load_file",
        "load_row",
        "charge_id",
        "x_charge_id",
        "x_file",
        "x_last_delivered_at",
        "billing_period_created",
        "billing_period_last_updated",
    ]
)
"""What leads back to the files of one lake: two that hold the same facts have other file names."""


def mart_digests(home: Home, *, across_lakes: bool = False) -> dict[str, str]:
    """A digest of every published mart that does not depend on the order of rows, nor on when a source was asked.

    Args:
        across_lakes: whether marts of two lakes are compared, which have their own file names and moments of landing.
    """
    left_out = _WHEN_ASKED | (_OF_ONE_LAKE if across_lakes else frozenset())
    digests = {}
    for file in sorted(home.published.glob("*.parquet")):
        relation = duckdb.read_parquet(str(file))
        columns = ", ".join(f'"{name}"' for name in relation.columns if name not in left_out)
        rows = duckdb.sql(
            f"select t::varchar from (select {columns} from read_parquet('{file}')) as t order by 1"
        ).fetchall()
        digests[file.stem] = hashlib.sha256(repr(rows).encode()).hexdigest()
    return digests


def query(home: Home, sql: str) -> list[tuple]:  # type: ignore[type-arg]
    """Run SQL over the published marts; ``{fct_x}`` in the text becomes the mart's file."""
    files: Mapping[str, str] = {f.stem: f"read_parquet('{f}')" for f in home.published.glob("*.parquet")}
    return duckdb.sql(sql.format(**files)).fetchall()
