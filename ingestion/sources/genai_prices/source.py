"""genai-prices: each installed version is one snapshot.

Here: whether the installed version is in the lake, and its load.
Not here: the package (``client``) and its prices (``rows``).
"""

from __future__ import annotations

import pyarrow as pa

from finops import lake as contract
from finops.config.bill_sources import GenaiPricesSource
from finops.periods import utc_now
from ingestion.lake import arrow_schema, naive_utc
from ingestion.landing import LandingContext, LandingResult
from ingestion.snapshots import snapshot_ids, snapshot_row, snapshot_table
from ingestion.sources.genai_prices.client import list_version, providers
from ingestion.sources.genai_prices.rows import model_rows

TABLE = contract.MODEL_PRICE
_SCOPE = "genai-prices"


def land(source: GenaiPricesSource, context: LandingContext, result: LandingResult) -> None:
    """Land the installed version's prices where they are not in the lake."""
    version = list_version()
    with context.lake.writer(source) as writer:
        if version in snapshot_ids(context.lake, source.id):
            result.skipped = 1
            return
        listed = model_rows(providers())
        landed_at = naive_utc(utc_now())
        own = {"source_id": source.id, "snapshot_id": version, "list_name": f"genai-prices {version}"}
        rows = [{**own, **row} for row in listed.rows]
        described = snapshot_row(
            source_id=source.id,
            table_name=TABLE.name,
            scope=_SCOPE,
            snapshot_id=version,
            submitted_at=landed_at,
            format_version=version,
            row_count=len(rows),
            file_count=0,
            byte_count=0,
            manifest={"package": _SCOPE, "version": version},
            landed_at=landed_at,
        )
        writer.load(
            {
                TABLE.name: [pa.Table.from_pylist(rows, schema=arrow_schema(TABLE))],
                contract.SNAPSHOT.name: [snapshot_table([described])],
            }
        )
        result.snapshots = 1
        result.add_rows(TABLE.name, len(rows))
        result.ignored += listed.left_out
        context.progress(f"genai-prices {version}: {len(rows)} prices")
