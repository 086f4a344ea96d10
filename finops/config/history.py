"""What the configuration was at every run: kept by content, found by moment, brought back.

Here: an archive in a home, ``config-history/``: every distinct file once under its SHA-256, one document per distinct
configuration, and ``runs.jsonl`` with one line per run.
Not here: what the tables hold (tables) and rebuilding marts from them (orchestration).

Both sides are kept. The tables are what dbt read; a price book that grew with a package was that then. The YAML files
are what everything else read: events, policies, owners.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from finops.config.load import FILES
from finops.config.tables import COLUMNS, MOMENT_SETTINGS, Basis, KnownAt, moment_rows
from finops.periods import as_utc

RUNS_FILE = "runs.jsonl"
_TABLES, _FILES = "tables", "files"


class HistoryError(ValueError):
    """The archive has nothing to bring back, or lost a part of it."""


@dataclass(frozen=True)
class RecordedRun:
    """One run: when it ran, which moment it reported on, and the digest of its configuration."""

    recorded_at: datetime
    as_of: datetime
    digest: str


@dataclass(frozen=True)
class Found:
    """``is_older`` is false where no run is as old as what was asked for, and the first one stands in."""

    run: RecordedRun
    is_older: bool


def record(history: Path, config: Path, tables: Path, *, as_of: datetime, recorded_at: datetime) -> RecordedRun:
    """Archive the configuration folder and its tables as a run used them.

    Killed anywhere, the archive is as it was: blobs and documents are swapped in whole, and the run's line comes last.

    Args:
        config: the folder with the YAML files.
        tables: the folder with the tables that dbt reads, as ``write_tables`` wrote them.
    """
    contents: dict[str, dict[str, bytes]] = {
        _TABLES: {f"{name}.jsonl": _without_moment(name, tables / f"{name}.jsonl") for name in COLUMNS},
        _FILES: {f"{name}.yml": path.read_bytes() for name in FILES if (path := config / f"{name}.yml").exists()},
    }
    document = {
        kind: {name: _keep(history, content) for name, content in sorted(files.items())}
        for kind, files in contents.items()
    }
    text = json.dumps(document, indent=1, sort_keys=True).encode()
    run = RecordedRun(as_utc(recorded_at), as_utc(as_of), _digest(text))
    _write(history / f"{run.digest}.json", text)
    line = {"recorded_at": run.recorded_at.isoformat(), "as_of": run.as_of.isoformat(), "digest": run.digest}
    runs = history / RUNS_FILE
    torn = runs.exists() and not runs.read_bytes().endswith(b"\n")
    with runs.open("a", encoding="utf-8") as file:
        file.write(("\n" if torn else "") + json.dumps(line) + "\n")
    return run


def runs(history: Path) -> list[RecordedRun]:
    """Every recorded run, in the order of recording. A line that a crash cut short is no run."""
    return list(_runs(history))


def find(history: Path, moment: datetime, basis: Basis) -> Found:
    """The newest run at or before a moment; the first one where none is that old.

    ``delivered`` goes by the moment that a run reported on, ``landed`` by when it ran.

    Raises:
        HistoryError: no run was ever recorded.
    """

    def key(run: RecordedRun) -> tuple[datetime, datetime]:
        return (run.as_of, run.recorded_at) if basis == "delivered" else (run.recorded_at, run.recorded_at)

    known = sorted(_runs(history), key=key)
    if not known:
        raise HistoryError(f"{history} has no recorded configuration; run the pipeline once")
    older = [run for run in known if key(run)[0] <= as_utc(moment)]
    return Found(older[-1], True) if older else Found(known[0], False)


def restore(history: Path, run: RecordedRun, config: Path) -> None:
    """Write the YAML files of a run into an empty folder.

    Raises:
        HistoryError: a part of the archive is missing or changed.
    """
    config.mkdir(parents=True, exist_ok=True)
    for name, content in _contents(history, run, _FILES):
        (config / name).write_bytes(content)


def restore_tables(
    history: Path, run: RecordedRun, tables: Path, as_of: datetime, known: KnownAt | None = None
) -> list[str]:
    """Put a run's tables into the place of those written from its YAML files, and return the names of those kept.

    A table that this version knows and the archive does not, is kept as it is. ``setting`` gets the rows of the moment.

    Raises:
        HistoryError: a part of the archive is missing or changed.
    """
    restored = set()
    for name, content in _contents(history, run, _TABLES):
        if name.removesuffix(".jsonl") not in COLUMNS:
            continue
        if name == "setting.jsonl":
            content += _lines(moment_rows(as_of, known))
        (tables / name).write_bytes(content)
        restored.add(name.removesuffix(".jsonl"))
    return sorted(set(COLUMNS) - restored)


def _runs(history: Path) -> Iterator[RecordedRun]:
    path = history / RUNS_FILE
    if not path.exists():
        return
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            row = json.loads(line)
        except json.JSONDecodeError:
            continue
        yield RecordedRun(
            datetime.fromisoformat(row["recorded_at"]), datetime.fromisoformat(row["as_of"]), row["digest"]
        )


def _contents(history: Path, run: RecordedRun, kind: str) -> Iterator[tuple[str, bytes]]:
    document = json.loads(_read(history / f"{run.digest}.json", run.digest))
    for name, digest in document[kind].items():
        yield name, _read(history / "blobs" / digest, digest)


def _without_moment(table: str, path: Path) -> bytes:
    content = path.read_bytes()
    if table != "setting":
        return content
    rows = [json.loads(line) for line in content.splitlines()]
    return _lines(row for row in rows if row["name"] not in MOMENT_SETTINGS)


def _lines(rows: Iterable[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def _keep(history: Path, content: bytes) -> str:
    digest = _digest(content)
    path = history / "blobs" / digest
    if not path.exists():
        _write(path, content)
    return digest


def _read(path: Path, digest: str) -> bytes:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise HistoryError(f"{path} is gone; bring it back from a backup of the home") from None
    if _digest(content) != digest:
        raise HistoryError(f"{path} was changed since it was recorded; bring it back from a backup of the home")
    return content


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.write_bytes(content)
    part.replace(path)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
