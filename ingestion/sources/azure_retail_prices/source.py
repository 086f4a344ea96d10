"""Azure's public list prices: an answer of the API is one snapshot, and so is a file.

Here: when to ask, which files are new, their loads.
Not here: HTTP and files (``client``), items (``rows``).

The API lists only today's prices. Every answer is kept, so that a price which is no longer listed still prices the days
on which it was.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from finops import lake as contract
from finops.config.bill_sources import AzureRetailPricesSource
from finops.periods import utc_now
from ingestion.errors import LandingError
from ingestion.lake import LakeWriter, naive_utc
from ingestion.landing import LandingContext, LandingResult
from ingestion.meter_prices import TABLE, PriceRowError, Row, price_table
from ingestion.rejects import Reject, reject_table
from ingestion.snapshots import current_files, file_snapshot_row, plan_files, snapshot_row, snapshot_table
from ingestion.sources.azure_retail_prices.client import ask, is_http, list_answers, read_answer
from ingestion.sources.azure_retail_prices.rows import price_row


def land(source: AzureRetailPricesSource, context: LandingContext, result: LandingResult) -> None:
    """Ask the API where its newest answer is old, or land every new file.

    Raises:
        LandingError: the API cannot be asked, or files could not be read; everything else was landed.
    """
    with context.lake.writer(source) as writer:
        if is_http(source.url):
            _land_answer(source, context, result, writer)
        else:
            _land_files(source, context, result, writer)


def _land_answer(
    source: AzureRetailPricesSource, context: LandingContext, result: LandingResult, writer: LakeWriter
) -> None:
    # The moment is the report's, so that a run repeated for the same moment asks once.
    now = naive_utc(context.as_of)
    scope = f"{source.filter} | {source.currency}"
    asked = [
        row
        for row in context.lake.read(
            contract.SNAPSHOT, ("source_id", "scope", "snapshot_id", "submitted_at"), source_id=source.id
        ).to_pylist()
        if row["scope"] == scope
    ]
    newest = max(asked, key=lambda row: row["submitted_at"], default=None)
    if newest is not None and now - newest["submitted_at"] < timedelta(hours=source.refresh_hours):
        result.skipped = 1
        return
    items: list[dict[str, Any]] = []
    for page in ask(source.url, source.filter, source.currency):
        items += page
        context.progress(f"{len(items)} prices")
    if not items:
        raise LandingError(
            f"{source.url} lists nothing for {source.filter!r}; the API answers so when a name in it is wrong. "
            "Correct the source's filter"
        )
    snapshot_id = hashlib.sha256(json.dumps(items, sort_keys=True, default=str).encode()).hexdigest()
    if newest is not None and newest["snapshot_id"] == snapshot_id:
        result.skipped = 1
        return
    rows, refused = _rows(items, source.id, snapshot_id, None, source.url)
    writer.drift.observe_records(TABLE, source.url, items, refused)
    described = snapshot_row(
        source_id=source.id,
        table_name=TABLE.name,
        scope=scope,
        snapshot_id=snapshot_id,
        submitted_at=now,
        row_count=len(rows),
        file_count=0,
        byte_count=0,
        manifest={"url": source.url, "filter": source.filter, "items": len(items)},
        landed_at=naive_utc(utc_now()),
    )
    _load(source.id, writer, result, rows, refused, described)


def _land_files(
    source: AzureRetailPricesSource, context: LandingContext, result: LandingResult, writer: LakeWriter
) -> None:
    problems: list[str] = []
    files = list_answers(source.url, context.environ)
    new, result.skipped = plan_files(files, current_files(context.lake, source.id))
    for item in new:
        try:
            items = read_answer(item.file)
        except LandingError as error:
            problems.append(str(error))
            continue
        address = item.file.address
        rows, refused = _rows(items, source.id, item.snapshot_id, address, address)
        writer.drift.observe_records(TABLE, address, items, refused)
        described = file_snapshot_row(
            item, source_id=source.id, table_name=TABLE.name, row_count=len(rows), landed_at=naive_utc(utc_now())
        )
        _load(source.id, writer, result, rows, refused, described)
        context.progress(f"{address}: {len(rows)} prices, {len(refused)} refused")
    if problems:
        raise LandingError("\n".join(problems))


def _rows(
    items: Sequence[dict[str, Any]], source_id: str, snapshot_id: str, file: str | None, address: str
) -> tuple[list[Row], list[Reject]]:
    rows: list[Row] = []
    refused: list[Reject] = []
    for number, item in enumerate(items, start=1):
        try:
            rows.append(price_row(item, source_id=source_id, snapshot_id=snapshot_id, file=file, row=number))
        except PriceRowError as error:
            raw = json.dumps(item, default=str, ensure_ascii=False)
            refused.append(Reject(address, number, error.column, str(error), error.remedy, raw))
    return rows, refused


def _load(
    source_id: str,
    writer: LakeWriter,
    result: LandingResult,
    rows: Sequence[Row],
    refused: Sequence[Reject],
    described: dict[str, Any],
) -> None:
    rejects = reject_table(refused, source_id=source_id, table_name=TABLE.name, landed_at=utc_now())
    writer.load(
        {
            TABLE.name: [price_table(rows)] if rows else [],
            contract.REJECTED.name: [rejects] if refused else [],
            contract.SNAPSHOT.name: [snapshot_table([described])],
        }
    )
    result.snapshots += 1
    result.rejected += len(refused)
    result.add_rows(TABLE.name, len(rows))
