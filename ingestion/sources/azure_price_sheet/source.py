"""Azure price sheets: one file is one snapshot and one load.

Here: which files are new, and their loads.
Not here: files (``client``) and columns (``rows``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from finops import lake as contract
from finops.config.bill_sources import AzurePriceSheetSource
from finops.periods import utc_now
from ingestion.drift import FieldCounts
from ingestion.errors import LandingError
from ingestion.lake import naive_utc
from ingestion.landing import LandingContext, LandingResult
from ingestion.meter_prices import TABLE, PriceRowError, Row, price_table
from ingestion.rejects import Reject, reject_table
from ingestion.snapshots import NewFile, current_files, file_snapshot_row, plan_files, snapshot_table
from ingestion.sources.azure_price_sheet.client import list_price_sheets, records
from ingestion.sources.azure_price_sheet.rows import price_row


def land(source: AzurePriceSheetSource, context: LandingContext, result: LandingResult) -> None:
    """Land every new sheet. A file that cannot be read stops none of the others.

    Raises:
        LandingError: after landing the rest, with every file that could not be landed.
    """
    problems: list[str] = []
    with context.lake.writer(source) as writer:
        files = list_price_sheets(source.url, context.environ)
        new, result.skipped = plan_files(files, current_files(context.lake, source.id))
        for item in new:
            try:
                rows, refused, fields = _read(item, source.id)
            except LandingError as error:
                problems.append(str(error))
                continue
            writer.drift.observe_fields(TABLE, item.file.address, fields, refused)
            landed_at = utc_now()
            snapshot = file_snapshot_row(
                item, source_id=source.id, table_name=TABLE.name, row_count=len(rows), landed_at=naive_utc(landed_at)
            )
            rejects = reject_table(refused, source_id=source.id, table_name=TABLE.name, landed_at=landed_at)
            writer.load(
                {
                    TABLE.name: [price_table(rows)] if rows else [],
                    contract.REJECTED.name: [rejects] if refused else [],
                    contract.SNAPSHOT.name: [snapshot_table([snapshot])],
                }
            )
            result.snapshots += 1
            result.rejected += len(refused)
            result.add_rows(TABLE.name, len(rows))
            context.progress(f"{item.file.address}: {len(rows)} prices, {len(refused)} refused")
    if problems:
        raise LandingError("\n".join(problems))


def _read(item: NewFile, source_id: str) -> tuple[list[Row], list[Reject], FieldCounts]:
    rows: list[Row] = []
    refused: list[Reject] = []
    fields = FieldCounts()
    address = item.file.address
    for number, record in records(item.file):
        fields.add(record)
        try:
            rows.append(price_row(record, source_id=source_id, snapshot_id=item.snapshot_id, file=address, row=number))
        except PriceRowError as error:
            refused.append(Reject(address, number, error.column, str(error), error.remedy, _raw(record)))
    return rows, refused, fields


def _raw(record: Mapping[str, Any]) -> str:
    return json.dumps(record, default=str, ensure_ascii=False)
