"""A user's own table of model usage: one file is one snapshot and one load.

Here: which files are new, and their loads.
Not here: what the columns mean (``rows``) and reading files (``client``).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import duckdb

from finops import lake as contract
from finops.config.load import load_mapping
from finops.config.usage_mapping import UsageMapping
from finops.config.usage_sources import UsageFilesSource
from finops.periods import utc_now
from ingestion.errors import LandingError, MissingColumnsError
from ingestion.lake import LakeWriter, ParquetPart, naive_utc
from ingestion.landing import LandingContext, LandingResult
from ingestion.privacy import Hasher, load_hasher, redact_delimited_text, redact_json_text
from ingestion.rejects import Reject, reject_table
from ingestion.snapshots import NewFile, current_files, file_snapshot_row, plan_files, snapshot_table
from ingestion.sources.usage_files import payloads
from ingestion.sources.usage_files.client import list_usage_files, text_rows
from ingestion.sources.usage_files.rows import TABLE, keeps_numbers, usage_sql, wanted_columns
from ingestion.tabular import apply_checks, connect, copy_to_parquet, refused_lines, renumbered, run


def land(source: UsageFilesSource, context: LandingContext, result: LandingResult) -> None:
    """Land every new file. A file that cannot be read stops none of the others.

    Raises:
        LandingError: the mapping names an unknown time zone; or, after landing the rest, files could not be landed.
        ConfigError: the mapping file has problems.
    """
    problems: list[str] = []
    mapping = load_mapping(Path(source.mapping))
    with context.lake.writer(source) as writer, connect(writer.work) as connection:
        files = list_usage_files(source.url, context.environ)
        new, result.skipped = plan_files(files, current_files(context.lake, source.id))
        hasher = load_hasher(context.lake.home, context.environ)
        hasher.register(connection)
        payloads.register(connection, hasher)
        for item in new:
            try:
                part, refused = _convert(connection, writer, item, source, mapping, hasher)
            except LandingError as error:
                problems.append(str(error))
                continue
            landed_at = utc_now()
            rejects = reject_table(refused, source_id=source.id, table_name=TABLE.name, landed_at=landed_at)
            row = file_snapshot_row(
                item,
                source_id=source.id,
                table_name=TABLE.name,
                row_count=part.row_count,
                landed_at=naive_utc(landed_at),
            )
            writer.load(
                {
                    TABLE.name: [part] if part.row_count else [],
                    contract.REJECTED.name: [rejects] if rejects.num_rows else [],
                    contract.SNAPSHOT.name: [snapshot_table([row])],
                }
            )
            result.snapshots += 1
            result.rejected += rejects.num_rows
            result.add_rows(TABLE.name, part.row_count)
            context.progress(f"{item.file.address}: {part.row_count} rows, {rejects.num_rows} refused")
    if problems:
        raise LandingError("\n".join(problems))


def _convert(
    connection: duckdb.DuckDBPyConnection,
    writer: LakeWriter,
    item: NewFile,
    source: UsageFilesSource,
    mapping: UsageMapping,
    hasher: Hasher,
) -> tuple[ParquetPart, list[Reject]]:
    file = item.file
    try:
        rows = text_rows(connection, file, wanted_columns(mapping))
    except MissingColumnsError as error:
        writer.drift.refuse(TABLE, file.address, error.columns)
        raise
    sql = usage_sql(mapping, rows.columns, file=file.address, source_id=source.id, snapshot_id=item.snapshot_id)
    query = f"select {rows.row_number} as x_row, {sql.staged} from {rows.relation}"
    run(connection, f"create or replace temp table read_rows as {query}", file)
    keep_numbers = keeps_numbers(mapping)
    rejects = refused_lines(
        connection,
        file,
        header_lines=rows.header_lines,
        redact=lambda text: redact_delimited_text(text, rows.delimiter, hasher, keep_numbers=keep_numbers),
    )
    connection.execute(f"create or replace temp table staged as {renumbered(connection, 'read_rows', rejects)}")
    connection.execute("drop table read_rows")
    if rows.broken_lines:
        rejects += [
            Reject(
                file.address,
                x_row,
                None,
                "the line is no JSON object",
                "Write one JSON object per line",
                redact_json_text(line, hasher, keep_numbers=keep_numbers),
            )
            for x_row, line in connection.execute(rows.broken_lines).fetchall()
        ]
    rejects += apply_checks(connection, "staged", sql.checks, sql.raw_row, file.address)
    part = copy_to_parquet(connection, f"select {sql.final} from {sql.relation} order by x_row", writer.new_path())
    connection.execute("drop table staged")
    own_names: dict[str, str] = {str(role): column for role, column in mapping.columns.items()}
    told = [replace(reject, column_name=own_names.get(reject.column_name or "")) for reject in rejects]
    delivered = part.row_count + len(rejects)
    if delivered:
        writer.drift.observe(TABLE, file.address, dict.fromkeys(rows.present), refused=told, row_count=delivered)
    return part, rejects
