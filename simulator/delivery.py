"""Runs of exports that are made while the simulator serves: the organisation's bill, cut to one subscription.

Here: the rows of a month, and the parts and manifest of one run, as the export's settings want them.
Not here: the organisation's own export (``simulator.exports``) and the API that starts runs (``server.arm``).
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import shutil
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from finops.periods import BillingPeriod
from simulator.exports import ROWS_PER_PART, parquet_table
from simulator.focus_header import HEADER

_SUFFIXES = {"Csv": {"gzip": "csv.gz", "none": "csv"}, "Parquet": {"snappy": "snappy.parquet", "none": "parquet"}}


@dataclass(frozen=True)
class RunRequest:
    """One run of an export. ``export`` is its ARM document; ``last_day`` is the last one that the run covers."""

    export: dict[str, Any]
    period: BillingPeriod
    last_day: date
    run_id: str
    submitted_at: datetime
    is_on_demand: bool


def deliver(bill: Path, container: Path, request: RunRequest) -> str | None:
    """Write one run into a container's folder.

    Returns:
        The manifest's blob name, or None where the bill has no rows of that month.
    """
    rows = _rows(bill, request)
    if rows is None:
        return None
    properties = request.export["properties"]
    destination = properties["deliveryInfo"]["destination"]
    span = f"{request.period.start:%Y%m%d}-{request.period.last_day:%Y%m%d}"
    month = "/".join(part for part in (destination.get("rootFolderPath", ""), request.export["name"], span) if part)
    overwrites = properties.get("dataOverwriteBehavior") == "OverwritePreviousReport"
    if overwrites and (container / month).exists():
        shutil.rmtree(container / month)
    folder = (
        f"{month}/{request.run_id}" if overwrites else f"{month}/{request.submitted_at:%Y%m%d%H%M}/{request.run_id}"
    )
    (container / folder).mkdir(parents=True)
    file_format, compression = properties.get("format", "Csv"), str(properties.get("compressionMode", "none")).lower()
    blobs = []
    for number, start in enumerate(range(0, max(len(rows), 1), ROWS_PER_PART)):
        part = rows[start : start + ROWS_PER_PART]
        name = f"{folder}/part_{number}_0001.{_SUFFIXES[file_format][compression]}"
        content = _content(part, file_format, compression)
        (container / name).write_bytes(content)
        blobs.append({"blobName": name, "byteCount": len(content), "dataRowCount": len(part)})
    manifest = _manifest(request, blobs, file_format, compression)
    path = f"{folder}/manifest.json"
    (container / path).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    return path


def _rows(bill: Path, request: RunRequest) -> list[list[str]] | None:
    """The newest run of the month, cut to the export's subscription and to the days it covers."""
    newest: dict[str, Any] | None = None
    for path in bill.rglob("manifest.json"):
        manifest = json.loads(path.read_text(encoding="utf-8"))
        run = manifest["runInfo"]
        if not run["startDate"].startswith(request.period.start.isoformat()):
            continue
        if newest is None or run["submittedTime"] > newest["runInfo"]["submittedTime"]:
            newest = manifest
    if newest is None:
        return None
    scope = request.export["id"].lower().partition("/providers/")[0]
    account, charged = HEADER.index("SubAccountId"), HEADER.index("ChargePeriodStart")
    last = request.last_day.isoformat()
    return [
        row
        for blob in newest["blobs"]
        for row in _read(bill / blob["blobName"])
        if row[account].lower() == scope and row[charged][:10] <= last
    ]


def _read(path: Path) -> list[list[str]]:
    if path.suffix == ".parquet":
        return [[_text(row[name]) for name in HEADER] for row in pq.read_table(path).to_pylist()]
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        return list(csv.reader(file))[1:]


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    return format(value.normalize(), "f") if isinstance(value, Decimal) else str(value)


def _content(rows: list[list[str]], file_format: str, compression: str) -> bytes:
    if file_format == "Parquet":
        sink = io.BytesIO()
        pq.write_table(parquet_table(rows, ""), sink, compression=compression)
        return sink.getvalue()
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerows([list(HEADER), *rows])
    content = buffer.getvalue().encode()
    return gzip.compress(content, compresslevel=3, mtime=0) if compression == "gzip" else content


def _manifest(request: RunRequest, blobs: list[dict[str, Any]], file_format: str, compression: str) -> dict[str, Any]:
    properties = request.export["properties"]
    definition, destination = properties["definition"], properties["deliveryInfo"]["destination"]
    return {
        "manifestVersion": "2024-04-01",
        "byteCount": sum(blob["byteCount"] for blob in blobs),
        "blobCount": len(blobs),
        "dataRowCount": sum(blob["dataRowCount"] for blob in blobs),
        "exportConfig": {
            "exportName": request.export["name"],
            "resourceId": request.export["id"],
            "dataVersion": definition["dataSet"]["configuration"]["dataVersion"],
            "apiVersion": "2025-03-01",
            "type": definition["type"],
            "timeFrame": "Custom" if request.is_on_demand else definition["timeframe"],
            "granularity": definition["dataSet"]["granularity"],
        },
        "deliveryConfig": {
            "partitionData": properties["partitionData"],
            "dataOverwriteBehavior": properties.get("dataOverwriteBehavior", "CreateNewReport"),
            "fileFormat": file_format,
            "compressionMode": compression.capitalize(),
            "containerUri": f"{destination['resourceId']}/blobServices/default/containers/{destination['container']}",
            "rootFolderPath": destination.get("rootFolderPath", ""),
        },
        "runInfo": {
            "executionType": "OnDemand" if request.is_on_demand else "Scheduled",
            "submittedTime": f"{request.submitted_at:%Y-%m-%dT%H:%M:%S}.0000000Z",
            "runId": request.run_id,
            "startDate": f"{request.period.start}T00:00:00",
            "endDate": f"{request.last_day}T00:00:00",
        },
        "blobs": blobs,
    }
