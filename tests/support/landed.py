"""What readers of a lake see, and deliveries for tests to land.

Here: rows of complete loads as a multiset, runs of a billing export written as Azure writes them.
Not here: the simulated organisation (simulator) and hand-made lakes (lake_builder).
"""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from finops import lake
from finops.paths import Home

AS_OF = datetime(2026, 10, 20, 6, tzinfo=UTC)
EXPORT_RESOURCE = "/subscriptions/1111/providers/Microsoft.CostManagement/exports/Daily-FOCUS"
HEADER = ("BilledCost", "BillingCurrency", "BillingPeriodStart", "ChargePeriodStart", "ProviderName", "Id")
# When a load happened differs between two landings of the same thing; nothing else may.
_VOLATILE = ("landed_at", "requested_at")


def complete_loads(home: Home) -> list[str]:
    """Load ids whose entry is there: the rule that dbt's ``lake()`` reads by."""
    names = [path.name for path in (home.lake / lake.DATASET / lake.LOADS_TABLE).glob("*.jsonl")]
    return [name.removesuffix(".jsonl").rsplit("__", 1)[-1] for name in names]


def query(home: Home, table: str, sql: str) -> list[tuple[Any, ...]]:
    """Rows of a query over ``rows``: the rows of a table's complete loads, with ``load_id``."""
    folder = home.lake / lake.DATASET
    with duckdb.connect() as connection:
        connection.execute("create table complete as select unnest(?) as load_id", [complete_loads(home)])
        connection.execute(
            f"""create view rows as select * exclude (filename) from (
                select *, regexp_extract(filename, '([^/]+)\\.[^./]+\\.parquet$', 1) as load_id
                from read_parquet('{folder}/{table}/*.parquet', union_by_name = true, filename = true)
            ) where load_id in (select load_id from complete)"""
        )
        return connection.execute(sql).fetchall()


def readable_by_load(home: Home) -> dict[str, dict[str, Counter[str]]]:
    """Table → load → its rows as text with their number, times of landing left out; tables without files are left
    out."""
    found: dict[str, dict[str, Counter[str]]] = {}
    for table in lake.TABLES:
        files = [path.name for path in (home.lake / lake.DATASET / table.name).glob("*.parquet")]
        if files in ([], [lake.SCHEMA_FILE]):
            continue
        dropped = ", ".join(["load_id", *(c.name for c in table.columns if c.name in _VOLATILE)])
        packed = f"struct_pack(*columns(* exclude ({dropped})))"
        # What has no date of its own was made when it was landed.
        made = " replace (nullif(submitted_at, landed_at) as submitted_at)" if table is lake.SNAPSHOT else ""
        sql = f"select load_id, to_json({packed})::varchar from (select *{made} from rows)"
        rows = query(home, table.name, sql)
        loads = found.setdefault(table.name, {})
        for load_id, text in rows:
            loads.setdefault(load_id, Counter())[text] += 1
    return found


def readable(home: Home) -> dict[str, Counter[str]]:
    """Table → its rows as text with their number, loads and times of landing left out."""
    loads = readable_by_load(home)
    return {table.name: sum(loads.get(table.name, {}).values(), Counter()) for table in lake.TABLES}


def csv_bytes(header: Sequence[str], rows: Sequence[Sequence[str]]) -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows([header, *rows])
    return buffer.getvalue().encode()


def charges(day: str, costs: Sequence[str]) -> list[tuple[str, ...]]:
    """Rows for ``HEADER``."""
    month = f"{day[:7]}-01T00:00:00Z"
    return [(cost, "USD", month, f"{day}T00:00:00Z", "Microsoft", str(n)) for n, cost in enumerate(costs)]


def write_run(
    root: Path,
    run_id: str,
    rows: Sequence[Sequence[str]],
    *,
    submitted: str,
    period: tuple[str, str] = ("2026-10-01", "2026-10-31"),
    parts: int = 1,
    blob_prefix: str = "",
    manifest: Mapping[str, Any] | None = None,
    config: Mapping[str, Any] | None = None,
    header: Sequence[str] = HEADER,
) -> Path:
    """Write one run of an export below ``root`` and return its folder; ``blob_prefix`` stands before each blob name."""
    relative = f"focus/daily/{period[0].replace('-', '')}-{period[1].replace('-', '')}/{run_id}"
    folder = root / relative
    folder.mkdir(parents=True)
    blobs = []
    for number in range(parts):
        share = rows[number::parts]
        content = gzip.compress(csv_bytes(header, share), mtime=0)
        name = f"part_{number}_0001.csv.gz"
        (folder / name).write_bytes(content)
        blobs.append(
            {"blobName": f"{blob_prefix}{relative}/{name}", "byteCount": len(content), "dataRowCount": len(share)}
        )
    document = {
        "manifestVersion": "2024-04-01",
        "blobCount": len(blobs),
        "exportConfig": {
            "exportName": "Daily-FOCUS",
            "resourceId": EXPORT_RESOURCE,
            "dataVersion": "1.2",
            "type": "FocusCost",
            **(config or {}),
        },
        "runInfo": {
            "executionType": "Scheduled",
            "submittedTime": submitted,
            "runId": run_id,
            "startDate": f"{period[0]}T00:00:00",
            "endDate": f"{period[1]}T00:00:00",
        },
        "blobs": blobs,
        **(manifest or {}),
    }
    (folder / "manifest.json").write_text(json.dumps(document), encoding="utf-8")
    return folder
