"""Landing sources of records: files, or a table of a database, into one lake table.

Here: what is new, and its load; shared by the sources whose settings are a ``FilesOrTableSource``.
Not here: what a record means (each source's ``rows``).

A file is a snapshot under its path. A table is a snapshot under the name of its variable and its own: it is read as a
whole, and landed where its content is another than the newest landed one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeAlias

import pyarrow as pa

from finops import lake as contract
from finops.config.source_base import FilesOrTableSource
from finops.periods import utc_now
from ingestion.errors import LandingError
from ingestion.files import StoredFile, list_files_of_kind
from ingestion.lake import LakeWriter, Part, arrow_schema, naive_utc
from ingestion.landing import LandingContext, LandingResult
from ingestion.records import Record, fold, read_records
from ingestion.rejects import Reject, reject_table
from ingestion.snapshots import current_files, file_snapshot_row, plan_files, snapshot_row, snapshot_table
from ingestion.sql_tables import content_id, read_table

Row: TypeAlias = dict[str, Any]
Parser: TypeAlias = Callable[[Sequence[Record], list[Reject]], list[Row]]
"""Records → rows of the lake table without their lineage but ``x_row``; what cannot be used goes to the rejects."""


def list_record_files(url: str, environ: Mapping[str, str], suffixes: Sequence[str]) -> list[StoredFile]:
    """Files with one of the suffixes (also with .gz after it) below ``url``, or the one file.

    Raises:
        LandingError: nothing is there, or the one file is of another kind.
    """
    return list_files_of_kind(url, environ, suffixes, f"is of another kind. Save it as {' or '.join(suffixes)}")


def land_records(
    source: Any,
    context: LandingContext,
    result: LandingResult,
    *,
    table: contract.LakeTable,
    parse: Parser,
    suffixes: Sequence[str],
) -> None:
    """Land what is new of a ``FilesOrTableSource``.

    Raises:
        LandingError: after landing the rest, with everything that could not be landed.
    """
    with context.lake.writer(source) as writer:
        if source.connection_env is not None:
            _land_table(source, context, result, writer, table, parse)
        else:
            _land_files(source, context, result, writer, table, parse, suffixes)


def _land_files(
    source: FilesOrTableSource,
    context: LandingContext,
    result: LandingResult,
    writer: LakeWriter,
    table: contract.LakeTable,
    parse: Parser,
    suffixes: Sequence[str],
) -> None:
    problems: list[str] = []
    parts: list[Part] = []
    snapshots: list[Row] = []
    refused: list[Reject] = []
    landed_at = utc_now()
    files = list_record_files(source.url or "", context.environ, suffixes)
    new, result.skipped = plan_files(files, current_files(context.lake, source.id))
    for item in new:
        rejects: list[Reject] = []
        try:
            records = [renamed(record, source.columns) for record in read_records(item.file, rejects)]
            rows = parse(records, rejects)
        except LandingError as error:
            problems.append(str(error))
            continue
        writer.drift.observe_records(table, item.file.address, (record.fields for record in records), rejects)
        refused += rejects
        parts.append(_table(table, rows, source.id, item.snapshot_id, item.file.address))
        snapshots.append(
            file_snapshot_row(
                item,
                source_id=source.id,
                table_name=table.name,
                row_count=len(rows),
                landed_at=naive_utc(landed_at),
            )
        )
    _load(writer, context, result, source.id, table, parts, snapshots, refused, landed_at)
    if problems:
        raise LandingError("\n".join(problems))


def _land_table(
    source: FilesOrTableSource,
    context: LandingContext,
    result: LandingResult,
    writer: LakeWriter,
    table: contract.LakeTable,
    parse: Parser,
) -> None:
    variable, name = source.connection_env or "", source.table or ""
    records = read_table(variable, context.environ, name, source.columns)
    snapshot_id, address = content_id(records), f"{variable}/{name}"
    landed_at = utc_now()
    submitted_at = naive_utc(landed_at)
    known = current_files(context.lake, source.id).get(address)
    if known is not None:
        if known.snapshot_id == snapshot_id:
            result.skipped += 1
            return
        submitted_at = max(submitted_at, known.submitted_at + timedelta(microseconds=1))
    rejects: list[Reject] = []
    rows = parse(records, rejects)
    writer.drift.observe_records(table, address, (record.fields for record in records), rejects)
    snapshot = snapshot_row(
        source_id=source.id,
        table_name=table.name,
        scope=address,
        snapshot_id=snapshot_id,
        submitted_at=submitted_at,
        row_count=len(rows),
        file_count=1,
        byte_count=0,
        manifest={"files": [{"path": address, "dataRowCount": len(rows), "fingerprint": snapshot_id}]},
        landed_at=naive_utc(landed_at),
    )
    parts = [_table(table, rows, source.id, snapshot_id, address)]
    _load(writer, context, result, source.id, table, parts, [snapshot], rejects, landed_at)


def renamed(record: Record, columns: Mapping[str, str]) -> Record:
    """A record whose fields have the names of what they mean."""
    if not columns:
        return record
    meaning = {fold(column): name for name, column in columns.items()}
    own = {name: value for name, value in record.fields.items() if name not in columns or name in meaning}
    return replace(record, fields={meaning.get(name, name): value for name, value in own.items()})


def _table(table: contract.LakeTable, rows: Sequence[Row], source_id: str, snapshot_id: str, address: str) -> pa.Table:
    lineage = {"source_id": source_id, "snapshot_id": snapshot_id, "x_file": address}
    return pa.Table.from_pylist([{**row, **lineage} for row in rows], schema=arrow_schema(table))


def _load(
    writer: LakeWriter,
    context: LandingContext,
    result: LandingResult,
    source_id: str,
    table: contract.LakeTable,
    parts: Sequence[Part],
    snapshots: Sequence[Row],
    refused: Sequence[Reject],
    landed_at: datetime,
) -> None:
    if not snapshots:
        return
    rows = [part for part in parts if isinstance(part, pa.Table) and part.num_rows]
    reject_rows = reject_table(refused, source_id=source_id, table_name=table.name, landed_at=landed_at)
    writer.load(
        {
            table.name: rows,
            contract.REJECTED.name: [reject_rows] if refused else [],
            contract.SNAPSHOT.name: [snapshot_table(snapshots)],
        }
    )
    result.snapshots, result.rejected = len(snapshots), len(refused)
    result.add_rows(table.name, sum(part.num_rows for part in rows))
    context.progress(f"{source_id}: {len(snapshots)} snapshots, {len(refused)} rows refused")
