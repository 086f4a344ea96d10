"""Bills as files: one file is one snapshot and one load, in the table that its header belongs to.

Here: which files are new, of which kind and dataset they are, and their loads.
Not here: reading rows (``ingestion.focus_rows``, ``ingestion.azure_cost_rows``).
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from finops import focus
from finops import lake as contract
from finops.azure_cost import Dataset, dataset_of_name
from finops.config.bill_sources import BillFilesSource
from finops.periods import utc_now
from ingestion import azure_cost_rows, focus_rows
from ingestion.errors import LandingError
from ingestion.files import StoredFile
from ingestion.focus_rows import FocusPart
from ingestion.lake import LakeWriter, ParquetPart, naive_utc
from ingestion.landing import LandingContext, LandingResult
from ingestion.rejects import reject_table
from ingestion.snapshots import current_files, file_snapshot_row, plan_files, snapshot_table
from ingestion.sources.bill_files.client import list_bills, read_header
from ingestion.tabular import connect

_UNSAID: Dataset = "ActualCost"


@dataclass(frozen=True)
class _Bill:
    table: str
    format_version: str
    content: FocusPart


def land(source: BillFilesSource, context: LandingContext, result: LandingResult) -> None:
    """Land every new file. A file that cannot be read stops none of the others.

    Raises:
        LandingError: after landing the rest, with every file that could not be landed.
    """
    problems: list[str] = []
    with context.lake.writer(source) as writer, connect(writer.work) as connection:
        files = list_bills(source.url, context.environ)
        new, result.skipped = plan_files(files, current_files(context.lake, source.id))
        for item in new:
            landed_at = utc_now()
            try:
                bill = _read(source, connection, writer, item.file)
            except LandingError as error:
                problems.append(str(error))
                continue
            content = bill.content
            row = file_snapshot_row(
                item,
                source_id=source.id,
                table_name=bill.table,
                row_count=content.row_count,
                landed_at=naive_utc(landed_at),
                format_version=bill.format_version,
            )
            rejects = reject_table(content.rejects, source_id=source.id, table_name=bill.table, landed_at=landed_at)
            writer.load(
                {
                    bill.table: [content.part] if content.part else [],
                    contract.REJECTED.name: [rejects] if rejects.num_rows else [],
                    contract.SNAPSHOT.name: [snapshot_table([row])],
                }
            )
            result.snapshots += 1
            result.rejected += rejects.num_rows
            result.add_rows(bill.table, content.row_count)
            context.progress(f"{item.file.address}: {content.row_count} rows of {bill.format_version}")
    if problems:
        raise LandingError("\n".join(problems))


def _read(
    source: BillFilesSource,
    connection: duckdb.DuckDBPyConnection,
    writer: LakeWriter,
    file: StoredFile,
) -> _Bill:
    headers = read_header(file)
    declared = ("BillingCurrency",) if source.billing_currency else ()
    if focus.guess_version(headers, declared=declared) is not None:
        content = focus_rows.convert(connection, writer, file, declared=declared)
        return _Bill(focus_rows.TABLE, f"FOCUS {content.version}", content)
    if not azure_cost_rows.is_azure_cost(headers):
        raise LandingError(
            f"{file.address} is no bill that is known here: neither FOCUS (BilledCost, BillingCurrency, "
            "ChargePeriodStart) nor Azure cost details (Date, ChargeType, MeterCategory, BillingCurrency, "
            "CostInBillingCurrency or Cost). Export it as one of them"
        )
    given = None if source.dataset == "auto" else source.dataset
    assumed = given or dataset_of_name(file.name) or _UNSAID
    content = azure_cost_rows.convert_cost(connection, writer, file, assumed)
    dataset = given or azure_cost_rows.dataset_of_rows(connection, content, file.address) or assumed
    if dataset != assumed and content.part is not None:
        content = dataclasses.replace(content, part=_relabel(content.part, dataset, writer))
    return _Bill(azure_cost_rows.TABLE, f"{dataset} {content.version}", content)


def _relabel(part: ParquetPart, dataset: Dataset, writer: LakeWriter) -> ParquetPart:
    """The rows of a file whose name says one dataset and whose rows are of the other."""
    table = pq.read_table(part.path)
    column = table.schema.get_field_index("x_dataset")
    path = writer.new_path()
    pq.write_table(table.set_column(column, "x_dataset", pa.array([dataset] * len(table), pa.string())), path)
    return ParquetPart(path, len(table))
