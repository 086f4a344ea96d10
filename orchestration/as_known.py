"""The marts of a past day, rebuilt as they were reported then.

Here: finding the configuration of that day, a home of its own for the rebuild, comparing its marts with today's.
Not here: what may be known by a moment (dbt: stg_lake__load, stg_lake__snapshot_version) and how configurations are
kept (finops.config.history).
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

import reports
from finops.config import history, load_configuration
from finops.config.tables import Basis, KnownAt, write_tables
from finops.paths import CONFIG_VARIABLE, HOME_VARIABLE, Home
from orchestration.assets.warehouse import project
from orchestration.run import Listener, PipelineError, run_job
from orchestration.schedules import REBUILD
from orchestration.workspace import AS_OF_VARIABLE, LAKE_VARIABLE

MARKER = "as-known.json"
_CURRENCIES = ("billing_currency", "currency")
_MONEY = ("effective_cost", "billed_cost", "mart_billed_cost", "billed_to_date", "estimated_cost", "ai_cost", "cost")


@dataclass(frozen=True)
class Compared:
    """A mart then and now, per currency where it has one; ``column`` is the money that the totals are of."""

    mart: str
    currency: str | None
    rows_then: int
    rows_now: int
    column: str | None
    total_then: str | None
    total_now: str | None

    @property
    def is_same(self) -> bool:
        return (self.rows_then, self.total_then) == (self.rows_now, self.total_now)


@dataclass(frozen=True)
class AsKnown:
    """What was rebuilt. ``notes`` say in words what could not be as it was then."""

    as_of: datetime
    configuration: history.RecordedRun
    notes: list[str]
    compared: list[Compared]
    seconds: float


def rebuild_as_known(
    home: Home, at: datetime, basis: Basis, out: Path, environ: Mapping[str, str], listener: Listener
) -> AsKnown:
    """Rebuild every public mart as known at a moment and write it into ``out``; the home is only read.

    Args:
        basis: ``delivered`` knows what producers had published by then, and reports on ``at``; ``landed`` knows what
            this lake held by then, and reports on what the newest run before it reported on.
        out: a folder that does not exist, is empty, or holds an earlier rebuild, which is replaced.

    Raises:
        PipelineError: ``out`` holds something else, or a step failed; the files that it names stay.
        HistoryError: the home has no record of any configuration.
    """
    if out.exists() and any(out.iterdir()) and not (out / MARKER).exists():
        raise PipelineError(f"{out} holds something else; name another folder or empty this one")
    found = history.find(home.config_history, at, basis)
    as_of = reported_moment(found, at, basis)
    notes = []
    if not found.is_older:
        notes.append(
            f"No configuration is recorded from before {at:%Y-%m-%d %H:%M} UTC; the first one, of "
            f"{found.run.recorded_at:%Y-%m-%d %H:%M} UTC, was used"
        )
    with tempfile.TemporaryDirectory(prefix="aifinops-as-known-") as folder:
        place = Home(Path(folder) / "home")
        config = Path(folder) / "config"
        known = KnownAt(at, basis)
        history.restore(home.config_history, found.run, config)
        write_tables(load_configuration(config), place.config_tables, as_of, known)
        newer = history.restore_tables(home.config_history, found.run, place.config_tables, as_of, known)
        if newer:
            notes.append(f"Not recorded then, so made from its files by this version: {', '.join(newer)}")
        if (home.ml / "cache").exists():
            # Forecasts are kept by what they were made from, so equal series need not be fitted again.
            shutil.copytree(home.ml / "cache", place.ml / "cache")
        variables = {
            **environ,
            HOME_VARIABLE: str(place.path),
            CONFIG_VARIABLE: str(config),
            AS_OF_VARIABLE: as_of.isoformat(),
            LAKE_VARIABLE: environ.get(LAKE_VARIABLE) or str(home.lake),
        }
        try:
            seconds = run_job(REBUILD, place, variables, listener)
        except PipelineError as error:
            raise _with_dbt_files(error, place) from error
        compared = compare(place.published, home.published)
        dictionary = reports.read_dictionary(Path(project().manifest_path))
        reports.export_marts(place.published, out, dictionary, known_at=at)
    result = AsKnown(as_of, found.run, notes, compared, seconds)
    _describe(result, at, basis, out)
    return result


def _with_dbt_files(error: PipelineError, place: Home) -> PipelineError:
    """The error of a rebuild that stopped, with dbt's files, which it names, where they outlive the rebuild's home."""
    if not place.dbt.exists():
        return error
    named = str(place.dbt.resolve())
    kept = Path(tempfile.mkdtemp(prefix="aifinops-as-known-")) / place.dbt.name
    shutil.move(place.dbt, kept)
    return PipelineError(str(error).replace(named, str(kept)))


def reported_moment(found: history.Found, at: datetime, basis: Basis) -> datetime:
    """What the rebuild reports on. What this lake held was reported by the newest run, on that run's moment."""
    return found.run.as_of if basis == "landed" and found.is_older else at


def compare(then: Path, now: Path) -> list[Compared]:
    """Rows and money of every mart in either folder of published marts, per currency."""
    names = sorted({path.stem for folder in (then, now) if folder.exists() for path in folder.glob("*.parquet")})
    compared = []
    with duckdb.connect() as connection:
        for name in names:
            column, before = _totals(connection, then / f"{name}.parquet")
            column_now, after = _totals(connection, now / f"{name}.parquet")
            for currency in sorted(before.keys() | after.keys(), key=lambda code: code or ""):
                rows_then, total_then = before.get(currency, (0, None))
                rows_now, total_now = after.get(currency, (0, None))
                compared.append(
                    Compared(name, currency, rows_then, rows_now, column or column_now, total_then, total_now)
                )
    return compared


def _totals(
    connection: duckdb.DuckDBPyConnection, file: Path
) -> tuple[str | None, dict[str | None, tuple[int, str | None]]]:
    """The money column of a mart, and currency → rows and exact total as text."""
    if not file.exists():
        return None, {}
    relation = connection.read_parquet(str(file))
    money = [name for name, kind in zip(relation.columns, relation.types, strict=True) if str(kind) == "DECIMAL(38,12)"]
    column = next((name for name in (*_MONEY, *money) if name in money), None)
    currency = next((name for name in _CURRENCIES if name in relation.columns), None)
    total = f"cast(sum({column}) as varchar)" if column else "cast(null as varchar)"
    rows = relation.aggregate(f"{currency or 'cast(null as varchar)'} as code, count(*) as n, {total} as total", "1")
    found = {code: (n, total) for code, n, total in rows.fetchall()}
    return column, found or {None: (0, None)}


def _describe(result: AsKnown, at: datetime, basis: Basis, out: Path) -> None:
    """What this folder is, beside the marts: for whoever finds it in a year."""
    run = result.configuration
    document = {
        "at": at.isoformat(),
        "basis": basis,
        "as_of": result.as_of.isoformat(),
        "configuration": {"recorded_at": run.recorded_at.isoformat(), "digest": run.digest},
        "notes": result.notes,
        "compared_with_today": [{**vars(row), "is_same": row.is_same} for row in result.compared],
    }
    (out / MARKER).write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
