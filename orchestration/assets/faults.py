"""How checks of the ``ml`` tables look at them, and how they say what is wrong.

Here: a connection that has the tables of a home, and the result that names each series or finding and what to do.
Not here: what is wrong (forecast_checks, incident_checks).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pyarrow as pa

from orchestration.workspace import Workspace

TOLD = 5
"""Faults in the sentence that people see first; ``faults`` of the metadata has more."""

LISTED = 50


@dataclass(frozen=True)
class Fault:
    """What is wrong with one series, finding or incident."""

    name: str
    text: str


@contextmanager
def tables_of(workspace: Workspace) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with every ``ml`` table as a view of its name, findings of the running day as ``running``, the
    warehouse as ``warehouse``, and ``part_of``: which scope is a part of which, as the configuration says."""
    home = workspace.home
    with duckdb.connect() as connection:
        for file in sorted([*home.ml.glob("*.parquet"), *home.ml_running.glob("*.parquet")]):
            is_running = (file.parent, file.stem) == (home.ml_running, "anomaly")
            connection.read_parquet(str(file)).create_view("running" if is_running else file.stem)
        connection.execute(f"attach '{_quoted(home.warehouse)}' as warehouse (read_only)")
        connection.register("part_of", _part_of(workspace))
        yield connection


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


def _part_of(workspace: Workspace) -> pa.Table:
    tags = workspace.configuration().tags
    rows = [("app", one.app, "team", one.team) for one in tags.apps]
    rows += [("team", one.team, "business_unit", one.business_unit) for one in tags.teams if one.business_unit]
    names = ("scope_type", "scope_value", "whole_type", "whole_value")
    return pa.table(
        {name: pa.array([row[index] for row in rows], pa.string()) for index, name in enumerate(names)}
    )  # fmt: skip


def faults_of(connection: duckdb.DuckDBPyConnection, sql: str, values: dict[str, Any] | None = None) -> list[Fault]:
    """Rows of a query that returns name and text of each fault."""
    return [Fault(str(name), str(text)) for name, text in connection.execute(sql, values or {}).fetchall()]


def verdict(
    faults: Sequence[Fault], *, checked: int, remedy: str, blocks: bool = False, **more: Any
) -> dg.AssetCheckResult:
    """The result of a check.

    Args:
        checked: how many series, findings or incidents were looked at.
        remedy: what somebody who reads of a fault should do.
        blocks: what follows from the asset is not built: numbers that people act on would be wrong.
    """
    told = "; ".join(f"{fault.name}: {fault.text}" for fault in faults[:TOLD])
    rest = f"; and {len(faults) - TOLD} more" if len(faults) > TOLD else ""
    listed = "\n".join(f"- {fault.name}: {fault.text}" for fault in faults[:LISTED])
    return dg.AssetCheckResult(
        passed=not faults,
        severity=dg.AssetCheckSeverity.ERROR if blocks else dg.AssetCheckSeverity.WARN,
        description=f"{told}{rest}. {remedy}" if faults else None,
        metadata={
            "checked": checked,
            "faults": len(faults),
            **({"which": dg.MetadataValue.md(listed)} if faults else {}),
            **more,
        },
    )
