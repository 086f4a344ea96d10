"""Collectors' files: one closed file is one snapshot; files of one landing share a load.

Here: which files are new, and their load.
Not here: what a line is (``rows``), sampling (``ingestion.nvml``).
"""

from __future__ import annotations

import pyarrow as pa

from finops import lake as contract
from finops.config.usage_sources import NvmlSamplesSource
from finops.periods import utc_now
from ingestion.errors import LandingError
from ingestion.lake import naive_utc
from ingestion.landing import LandingContext, LandingResult
from ingestion.record_landing import list_record_files
from ingestion.records import text_of
from ingestion.rejects import Reject, reject_table
from ingestion.snapshots import NewFile, current_files, file_snapshot_row, plan_files, snapshot_table
from ingestion.sources.nvml_samples.client import SUFFIXES
from ingestion.sources.nvml_samples.rows import GPU_TABLE, PROCESS_TABLE, parse_lines, table_of

_FILES_OF_A_LOAD = 2_000  # a week of one host; a hundred hosts make many loads rather than one that fills the memory


def land(source: NvmlSamplesSource, context: LandingContext, result: LandingResult) -> None:
    """Land every closed file that is new.

    Raises:
        LandingError: after landing the rest, with every file that could not be landed.
    """
    problems: list[str] = []
    with context.lake.writer(source) as writer:
        files = list_record_files(source.url, context.environ, SUFFIXES)
        new, result.skipped = plan_files(files, current_files(context.lake, source.id))
        for start in range(0, len(new), _FILES_OF_A_LOAD):
            tables = _read(source, context, result, new[start : start + _FILES_OF_A_LOAD], problems)
            if tables:
                writer.load(tables)
    if problems:
        raise LandingError("\n".join(problems))


def _read(
    source: NvmlSamplesSource,
    context: LandingContext,
    result: LandingResult,
    items: list[NewFile],
    problems: list[str],
) -> dict[str, list[pa.Table]]:
    landed_at = utc_now()
    tables: dict[str, list[pa.Table]] = {GPU_TABLE.name: [], PROCESS_TABLE.name: []}
    snapshots = []
    rejects: list[Reject] = []
    for item in items:
        try:
            gpus, processes = parse_lines(iter(text_of(item.file).splitlines()), item.file.address, rejects)
        except LandingError as error:
            problems.append(str(error))
            continue
        for table, rows in ((GPU_TABLE, gpus), (PROCESS_TABLE, processes)):
            if rows:
                tables[table.name].append(table_of(table, rows, source_id=source.id, snapshot_id=item.snapshot_id))
            result.add_rows(table.name, len(rows))
            snapshots.append(
                file_snapshot_row(
                    item,
                    source_id=source.id,
                    table_name=table.name,
                    row_count=len(rows),
                    landed_at=naive_utc(landed_at),
                )
            )
        result.snapshots += 1
    if not snapshots:
        return {}
    refused = reject_table(rejects, source_id=source.id, table_name=GPU_TABLE.name, landed_at=landed_at)
    result.rejected += len(rejects)
    context.progress(f"{source.id}: {result.snapshots} files, {len(rejects)} lines refused")
    return {
        **tables,
        contract.REJECTED.name: [refused] if rejects else [],
        contract.SNAPSHOT.name: [snapshot_table(snapshots)],
    }
