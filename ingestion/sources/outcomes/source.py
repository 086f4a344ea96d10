"""Business outcomes: one file, or one state of a table, is one snapshot; files of one landing share a load.

Here: which files are new, and their load.
Not here: what the columns mean (``rows``).
"""

from __future__ import annotations

from dataclasses import replace

import duckdb

from finops import lake as contract
from finops.config.usage_sources import OutcomesSource
from finops.periods import utc_now
from ingestion.errors import LandingError, MissingColumnsError
from ingestion.lake import LakeWriter, ParquetPart, Part, naive_utc
from ingestion.landing import LandingContext, LandingResult
from ingestion.record_landing import land_records
from ingestion.rejects import Reject, reject_table
from ingestion.snapshots import NewFile, current_files, file_snapshot_row, plan_files, snapshot_table
from ingestion.sources.outcomes.client import list_outcome_files
from ingestion.sources.outcomes.rows import CHECKS, RAW_ROW, TABLE, final_sql, map_headers, parse, staged_sql
from ingestion.tabular import (
    apply_checks,
    connect,
    copy_to_parquet,
    csv_scan,
    read_csv_shape,
    refused_lines,
    renumbered,
    require_distinct,
    run,
)


def land(source: OutcomesSource, context: LandingContext, result: LandingResult) -> None:
    """Land every new file, or the table where it changed. A file that cannot be read stops none of the others.

    Raises:
        LandingError: after landing the rest, with everything that could not be landed.
    """
    if source.connection_env is not None:
        land_records(source, context, result, table=TABLE, parse=parse, suffixes=())
        return
    problems: list[str] = []
    parts: list[Part] = []
    refused: list[Reject] = []
    snapshots = []
    landed_at = utc_now()
    with context.lake.writer(source) as writer, connect(writer.work) as connection:
        files = list_outcome_files(source.url or "", context.environ)
        new, result.skipped = plan_files(files, current_files(context.lake, source.id))
        for item in new:
            try:
                part, rejects = _convert(connection, writer, item, source)
            except LandingError as error:
                problems.append(str(error))
                continue
            if part.row_count:
                parts.append(part)
            refused += rejects
            result.add_rows(TABLE.name, part.row_count)
            snapshots.append(
                file_snapshot_row(
                    item,
                    source_id=source.id,
                    table_name=TABLE.name,
                    row_count=part.row_count,
                    landed_at=naive_utc(landed_at),
                )
            )
        if snapshots:
            reject_rows = reject_table(refused, source_id=source.id, table_name=TABLE.name, landed_at=landed_at)
            writer.load(
                {
                    TABLE.name: parts,
                    contract.REJECTED.name: [reject_rows] if refused else [],
                    contract.SNAPSHOT.name: [snapshot_table(snapshots)],
                }
            )
            context.progress(f"{len(snapshots)} outcome files, {len(refused)} rows refused")
    result.snapshots, result.rejected = len(snapshots), len(refused)
    if problems:
        raise LandingError("\n".join(problems))


def _convert(
    connection: duckdb.DuckDBPyConnection, writer: LakeWriter, item: NewFile, source: OutcomesSource
) -> tuple[ParquetPart, list[Reject]]:
    file = item.file
    shape = read_csv_shape(file)
    require_distinct(shape.headers, file.address)
    try:
        columns = map_headers(shape.headers, file.address, source.columns)
    except MissingColumnsError as error:
        writer.drift.refuse(TABLE, file.address, error.columns)
        raise
    names = [name or f"column_{number}" for number, name in enumerate(shape.headers, 1)]
    scan = csv_scan(connection, file, shape, names)
    query = f"select row_number() over () as x_row, {staged_sql(columns)} from {scan}"
    run(connection, f"create or replace temp table read_rows as {query}", file)
    rejects = refused_lines(connection, file, header_lines=1)
    connection.execute(f"create or replace temp table staged as {renumbered(connection, 'read_rows', rejects)}")
    rejects += apply_checks(connection, "staged", CHECKS, RAW_ROW, file.address)
    final = final_sql(file=file.address, source_id=source.id, snapshot_id=item.snapshot_id)
    part = copy_to_parquet(connection, f"select {final} from staged order by x_row", writer.new_path())
    delivered = part.row_count + len(rejects)
    if delivered:
        told = [replace(reject, column_name=columns.get(reject.column_name or "")) for reject in rejects]
        writer.drift.observe(TABLE, file.address, dict.fromkeys(names), refused=told, row_count=delivered)
    return part, rejects
