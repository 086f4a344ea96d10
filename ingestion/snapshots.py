"""File-like deliveries: what was landed, what is new, and the row that says so.

Here: comparing a listing with the lake, rows of ``landing__snapshot``.
Not here: reading the files' rows.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import pyarrow as pa

from finops import lake as contract
from ingestion.files import StoredFile, sha256
from ingestion.lake import Lake, arrow_schema, naive_utc
from ingestion.privacy import mask_emails

_COLUMNS = ("source_id", "scope", "snapshot_id", "submitted_at", "manifest")


@dataclass(frozen=True)
class LandedFile:
    """The current snapshot of a path, as the lake knows it."""

    snapshot_id: str
    submitted_at: datetime  # naive UTC
    fingerprint: str


@dataclass(frozen=True)
class NewFile:
    """A file whose content is not in the lake. ``submitted_at`` is naive UTC."""

    file: StoredFile
    snapshot_id: str
    submitted_at: datetime


def snapshot_ids(lake: Lake, source_id: str) -> set[str]:
    """Snapshots of a source in complete loads."""
    found = lake.read(contract.SNAPSHOT, ("source_id", "snapshot_id"), source_id=source_id)
    return set(found.column("snapshot_id").to_pylist())


def current_files(lake: Lake, source_id: str) -> dict[str, LandedFile]:
    """Path → its current snapshot, for sources of plain files."""
    current: dict[str, LandedFile] = {}
    for row in lake.read(contract.SNAPSHOT, _COLUMNS, source_id=source_id).to_pylist():
        known = current.get(row["scope"])
        if known is None or row["submitted_at"] > known.submitted_at:
            fingerprint = json.loads(row["manifest"])["files"][0].get("fingerprint", "")
            current[row["scope"]] = LandedFile(row["snapshot_id"], row["submitted_at"], fingerprint)
    return current


def plan_files(files: Sequence[StoredFile], current: dict[str, LandedFile]) -> tuple[list[NewFile], int]:
    """Which files to land.

    The same content is current once per source: a copy or a renamed file is skipped. Content that came, was replaced
    and came back is landed again, because its first landing is no longer current.

    Returns:
        New files in path order, and how many were skipped.
    """
    unchanged = {
        file.address for file in files if (known := current.get(file.address)) and known.fingerprint == file.fingerprint
    }
    hashes = {file.address: sha256(file) for file in files if file.address not in unchanged}
    for path in unchanged:
        hashes[path] = current[path].snapshot_id
    kept = {
        known.snapshot_id for path, known in current.items() if hashes.get(path, known.snapshot_id) == known.snapshot_id
    }
    new = []
    for file in files:
        content = hashes[file.address]
        if content in kept:
            continue
        kept.add(content)
        submitted_at = naive_utc(file.modified_at)
        if file.address in current:
            submitted_at = max(submitted_at, current[file.address].submitted_at + timedelta(microseconds=1))
        new.append(NewFile(file, content, submitted_at))
    return new, len(files) - len(new)


def snapshot_row(
    *,
    source_id: str,
    table_name: str,
    scope: str,
    snapshot_id: str,
    submitted_at: datetime,
    row_count: int,
    file_count: int,
    byte_count: int,
    manifest: Any,
    landed_at: datetime,
    period_start: date | None = None,
    period_end: date | None = None,
    format_version: str | None = None,
) -> dict[str, Any]:
    """One row of ``landing__snapshot``; times are naive UTC."""
    return {
        "source_id": source_id,
        "table_name": table_name,
        "scope": scope,
        "period_start": period_start,
        "period_end": period_end,
        "snapshot_id": snapshot_id,
        "submitted_at": submitted_at,
        "format_version": format_version,
        "row_count": row_count,
        "file_count": file_count,
        "byte_count": byte_count,
        "manifest": mask_emails(json.dumps(manifest, separators=(",", ":"), ensure_ascii=False)),
        "landed_at": landed_at,
    }


def file_snapshot_row(
    new: NewFile,
    *,
    source_id: str,
    table_name: str,
    row_count: int,
    landed_at: datetime,
    format_version: str | None = None,
) -> dict[str, Any]:
    """The row of a plain file."""
    described = {
        "path": new.file.address,
        "byteCount": new.file.size,
        "dataRowCount": row_count,
        "fingerprint": new.file.fingerprint,
    }
    return snapshot_row(
        source_id=source_id,
        table_name=table_name,
        scope=new.file.address,
        snapshot_id=new.snapshot_id,
        submitted_at=new.submitted_at,
        format_version=format_version,
        row_count=row_count,
        file_count=1,
        byte_count=new.file.size,
        manifest={"files": [described]},
        landed_at=landed_at,
    )


def snapshot_table(rows: Sequence[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=arrow_schema(contract.SNAPSHOT))
