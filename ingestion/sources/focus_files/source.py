"""FOCUS files of any producer: one file is one snapshot and one load.

Here: which files are new, and their loads.
Not here: reading FOCUS rows (``ingestion.focus_rows``).
"""

from __future__ import annotations

from finops import lake as contract
from finops.config.bill_sources import FocusFilesSource
from finops.periods import utc_now
from ingestion.errors import LandingError
from ingestion.focus_rows import TABLE, convert
from ingestion.lake import naive_utc
from ingestion.landing import LandingContext, LandingResult
from ingestion.rejects import reject_table
from ingestion.snapshots import current_files, file_snapshot_row, plan_files, snapshot_table
from ingestion.sources.focus_files.client import list_focus_files
from ingestion.tabular import connect


def land(source: FocusFilesSource, context: LandingContext, result: LandingResult) -> None:
    """Land every new file. A file that cannot be read stops none of the others.

    Raises:
        LandingError: after landing the rest, with every file that could not be landed.
    """
    problems: list[str] = []
    declared = ("BillingCurrency",) if source.billing_currency else ()
    with context.lake.writer(source) as writer, connect(writer.work) as connection:
        files = list_focus_files(source.url, context.environ)
        new, result.skipped = plan_files(files, current_files(context.lake, source.id))
        for item in new:
            landed_at = utc_now()
            try:
                converted = convert(connection, writer, item.file, declared=declared)
            except LandingError as error:
                problems.append(str(error))
                continue
            row = file_snapshot_row(
                item,
                source_id=source.id,
                table_name=TABLE,
                row_count=converted.row_count,
                landed_at=naive_utc(landed_at),
                format_version=f"FOCUS {converted.version}",
            )
            rejects = reject_table(converted.rejects, source_id=source.id, table_name=TABLE, landed_at=landed_at)
            writer.load(
                {
                    TABLE: [converted.part] if converted.part else [],
                    contract.REJECTED.name: [rejects] if rejects.num_rows else [],
                    contract.SNAPSHOT.name: [snapshot_table([row])],
                }
            )
            result.snapshots += 1
            result.rejected += rejects.num_rows
            result.add_rows(TABLE, converted.row_count)
            context.progress(f"{item.file.address}: {converted.row_count} rows")
    if problems:
        raise LandingError("\n".join(problems))
