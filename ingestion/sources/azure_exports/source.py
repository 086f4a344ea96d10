"""Azure Cost Management exports: one run is one snapshot and one load.

Here: which runs are new, wanted and all there, and their loads.
Not here: manifests (``rows``), storage (``client``), reading rows (``ingestion.focus_rows``,
``ingestion.azure_cost_rows``).
"""

from __future__ import annotations

import duckdb

from finops import lake as contract
from finops.config.bill_sources import AzureExportsSource
from finops.periods import utc_now
from ingestion import azure_cost_rows, focus_rows
from ingestion.errors import LandingError
from ingestion.files import StoredFile
from ingestion.focus_rows import FocusPart
from ingestion.lake import LakeWriter, naive_utc
from ingestion.landing import LandingContext, LandingResult
from ingestion.overlaps import overlaps
from ingestion.rejects import reject_table
from ingestion.snapshots import snapshot_ids, snapshot_row, snapshot_table
from ingestion.sources.azure_exports.client import Delivery, list_delivery, locate_blobs, read_runs
from ingestion.sources.azure_exports.rows import FOCUS, Blob, ExportRun
from ingestion.tabular import connect


class _Incomplete(Exception):  # noqa: N818 - a state that passes, not an error
    """A run that is not all there."""


class _Unwanted(Exception):  # noqa: N818 - other exports may share the folder
    """A run that this source never lands."""


def land(source: AzureExportsSource, context: LandingContext, result: LandingResult) -> None:
    """Land every run that the lake does not have, oldest first. A run that is not all there waits for the next time; a
    run of another kind of export is left out and reported.

    Raises:
        LandingError: after landing the rest, with every run that can never be landed as it is.
    """
    problems: list[str] = []
    with context.lake.writer(source) as writer:
        known = snapshot_ids(context.lake, source.id)
        delivery = list_delivery(source.url, context.environ)
        runs, unread = read_runs(delivery)
        result.incomplete += unread
        wanted = []
        for run in runs:
            if _is_wanted(run, context, known):
                known.add(run.run_id)
                wanted.append(run)
            else:
                result.skipped += 1
        if not wanted:
            return
        with connect(writer.work) as connection:
            for run in wanted:
                try:
                    _land_run(source, context, result, writer, connection, delivery, run)
                except _Incomplete as reason:
                    result.incomplete.append(f"run {run.run_id} of {run.scope}, {run.start:%Y-%m}: {reason}")
                    context.progress(f"waiting for {result.incomplete[-1]}")
                except _Unwanted as reason:
                    result.skipped += 1
                    result.ignored.append(str(reason))
                    context.progress(f"left out {reason}")
                except LandingError as error:
                    problems.append(str(error))
        if result.snapshots:
            result.notes += overlaps(context.lake, source.id)
    if problems:
        raise LandingError("\n".join(problems))


def _is_wanted(run: ExportRun, context: LandingContext, known: set[str]) -> bool:
    if run.run_id in known or run.submitted_at > naive_utc(context.as_of):
        return False
    return context.periods is None or run.period in context.periods


def _land_run(
    source: AzureExportsSource,
    context: LandingContext,
    result: LandingResult,
    writer: LakeWriter,
    connection: duckdb.DuckDBPyConnection,
    delivery: Delivery,
    run: ExportRun,
) -> None:
    address = delivery.location.address(run.manifest_path)
    if run.dataset is None:
        raise _Unwanted(
            f"{address}: an export of type {run.export_type}; only cost exports (FocusCost, ActualCost, AmortizedCost) "
            "are landed"
        )
    if run.period is None:
        raise _Unwanted(
            f"{address}: covers {run.start} to {run.end}, which is no single billing month and so cannot replace one; "
            "set the export's time frame to month to date or last month"
        )
    files, missing = locate_blobs(delivery, run)
    if missing:
        raise _Incomplete("; ".join(missing))
    table = focus_rows.TABLE if run.dataset == FOCUS else azure_cost_rows.TABLE
    parts = _read_parts(context, writer, connection, run, files)
    landed_at = utc_now()
    rejects = reject_table(
        [reject for part in parts for reject in part.rejects],
        source_id=source.id,
        table_name=table,
        landed_at=landed_at,
    )
    row_count = sum(part.row_count for part in parts)
    row = snapshot_row(
        source_id=source.id,
        table_name=table,
        scope=run.scope,
        snapshot_id=run.run_id,
        submitted_at=run.submitted_at,
        period_start=run.period.start,
        period_end=run.period.end,
        format_version=_format_version(run, parts),
        row_count=row_count,
        file_count=len(files),
        byte_count=sum(file.size for _, file in files),
        manifest=run.manifest,
        landed_at=naive_utc(landed_at),
    )
    writer.load(
        {
            table: [part.part for part in parts if part.part],
            contract.REJECTED.name: [rejects] if rejects.num_rows else [],
            contract.SNAPSHOT.name: [snapshot_table([row])],
        }
    )
    result.snapshots += 1
    result.rejected += rejects.num_rows
    result.add_rows(table, row_count)
    context.progress(f"{run.period} {run.dataset} run {run.run_id}: {row_count} rows")


def _read_parts(
    context: LandingContext,
    writer: LakeWriter,
    connection: duckdb.DuckDBPyConnection,
    run: ExportRun,
    files: list[tuple[Blob, StoredFile]],
) -> list[FocusPart]:
    """The run's files in the lake's form; each must have the rows that the manifest says, and so must all together."""
    parts: list[FocusPart] = []
    for blob, file in files:
        match run.dataset:
            case "ActualCost" | "AmortizedCost" as dataset:
                part = azure_cost_rows.convert_cost(connection, writer, file, dataset)
            case _:
                part = focus_rows.convert(connection, writer, file)
        if blob.row_count is not None and part.delivered_count != blob.row_count:
            raise _Incomplete(f"{blob.name} has {part.delivered_count} of {blob.row_count} rows")
        parts.append(part)
    delivered = sum(part.delivered_count for part in parts)
    if run.announced_rows is not None and delivered != run.announced_rows:
        raise _Incomplete(f"its files have {delivered} of {run.announced_rows} rows")
    return parts


def _format_version(run: ExportRun, parts: list[FocusPart]) -> str:
    """``FOCUS 1.2``, ``ActualCost 2024-08-01``: the dataset and the version that the manifest says."""
    version = run.data_version or (parts[0].version if parts else "")
    return f"{'FOCUS' if run.dataset == FOCUS else run.dataset} {version}".strip()
