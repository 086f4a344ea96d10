"""Azure Cost Management exports: runs of manifests and parts, cumulative, restated, one folder per run.

Here: which run shows which rows, and the files. One managed export at billing-profile scope covers all its
subscriptions; a back-fill gives one closed run per month, then there is a month-to-date run every day, and until day 5
one for the month before.
Not here: the rows (``simulator.bill``).

Layout: ``<root>/<folder>/<export>/<yyyymmdd-yyyymmdd>/<yyyymmddhhmm>/<run id>/manifest.json`` and
``part_<n>_0001.csv.gz``; blob names in a manifest are relative to ``<root>``, which stands for the storage container.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq

from finops.periods import BillingPeriod, days
from simulator import organisation as org
from simulator.bill import INVOICE_PLACEHOLDER, Charge, focus_row, restate
from simulator.billing_accounts import GROUP, BillingAccount
from simulator.focus_header import DECIMALS, HEADER, TIMES
from simulator.randomness import stable_int, stable_uuid

ROOT_FOLDER = "finops"
CONTAINER = "exports"
ROWS_PER_PART = 2_500
RUN_TIME = time(4, 30)
CLOSED_ON_DAY = 5
"""A month can change until this day of the next one; the run of this day is its last."""
RESTATED_BY = Decimal("1.04")

FileFormat = Literal["csv", "parquet"]


@dataclass(frozen=True)
class Run:
    """One execution of a billing profile's export for one month."""

    account: BillingAccount
    period: BillingPeriod
    submitted_at: datetime
    is_closed: bool
    is_backfill: bool

    @property
    def run_id(self) -> str:
        return stable_uuid(*self.names("run"), self.submitted_at.isoformat())

    def names(self, kind: str) -> tuple[object, ...]:
        """What tells ids of a month apart."""
        return (kind, self.period.start) if self.account is GROUP else (kind, self.account.key, self.period.start)

    @property
    def folder(self) -> str:
        span = f"{self.period.start:%Y%m%d}-{self.period.last_day:%Y%m%d}"
        return f"{ROOT_FOLDER}/{self.account.export_name}/{span}/{self.submitted_at:%Y%m%d%H%M}/{self.run_id}"


def planned_runs(parameters: org.Parameters, account: BillingAccount = GROUP) -> list[Run]:
    """Every run of a profile's export, oldest first: closed months as one run each, the newest days as daily runs."""
    runs = []
    first_daily = max(parameters.today - timedelta(days=account.daily_runs - 1), parameters.first_day)
    period = BillingPeriod.containing(parameters.first_day)
    while period.end + timedelta(days=CLOSED_ON_DAY - 1) < first_daily:
        runs.append(
            Run(
                account, period, datetime.combine(period.end + timedelta(days=CLOSED_ON_DAY), RUN_TIME, UTC), True, True
            )
        )
        period = period.next()
    for day in days(first_daily, parameters.today + timedelta(days=1)):
        submitted = datetime.combine(day, RUN_TIME, UTC)
        if submitted > parameters.as_of:
            continue
        current = BillingPeriod.containing(day)
        if day.day <= CLOSED_ON_DAY and current.previous().end > parameters.first_day:
            runs.append(Run(account, current.previous(), submitted, day.day == CLOSED_ON_DAY, False))
        if day.day > org.BILL_LAG_DAYS:
            runs.append(Run(account, current, submitted, False, False))
    return runs


def visible_days(run: Run, parameters: org.Parameters) -> list[date]:
    """Days whose charges a run knows: those at least two days old; the late day five."""
    last = min(run.period.end - timedelta(days=1), run.submitted_at.date() - timedelta(days=org.BILL_LAG_DAYS))
    known = days(max(run.period.start, parameters.first_day), last + timedelta(days=1))
    late_from = org.LATE_DAY + timedelta(days=org.BILL_LAG_DAYS + org.LATE_BY_DAYS)
    return [day for day in known if day != org.LATE_DAY or run.submitted_at.date() >= late_from]


def shows_first_estimate(run: Run) -> bool:
    """Whether a run still carries the lower figures of the day that was restated later."""
    return run.submitted_at.date() < org.RESTATED_DAY + timedelta(days=org.RESTATED_VISIBLE_AFTER_DAYS)


class ExportWriter:
    """Writes runs of one profile; rows of a day are rendered once and reused by every run that shows them."""

    def __init__(
        self,
        root: Path,
        parameters: org.Parameters,
        charges_of: Callable[[date], list[Charge]],
        file_format: FileFormat = "csv",
        account: BillingAccount = GROUP,
    ) -> None:
        self._root = root
        self._parameters = parameters
        self._charges_of = charges_of
        self._format = file_format
        self._account = account
        self._rows: dict[tuple[date, bool], list[list[str]]] = {}
        self._lines: dict[tuple[date, bool], list[str]] = {}

    def write(self, run: Run) -> int:
        """Write one run and return its number of rows. The manifest comes last, as Azure writes it."""
        folder = self._root / run.folder
        folder.mkdir(parents=True)
        keys = [
            (day, day == org.RESTATED_DAY and shows_first_estimate(run)) for day in visible_days(run, self._parameters)
        ]
        blobs = []
        parts = self._csv_parts(run, keys) if self._format == "csv" else self._parquet_parts(run, keys)
        for number, (content, rows) in enumerate(parts):
            name = f"part_{number}_0001.{'csv.gz' if self._format == 'csv' else 'snappy.parquet'}"
            (folder / name).write_bytes(content)
            blobs.append({"blobName": f"{run.folder}/{name}", "byteCount": len(content), "dataRowCount": rows})
        manifest = self._manifest(run, blobs)
        (folder / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
        for key in [key for key in self._rows if key[0] < run.period.start - timedelta(days=62)]:
            self._rows.pop(key)
            self._lines.pop(key, None)
        return sum(int(str(blob["dataRowCount"])) for blob in blobs)

    def _day_rows(self, key: tuple[date, bool]) -> list[list[str]]:
        if key not in self._rows:
            day, is_first_estimate = key
            charges = self._charges_of(day)
            if is_first_estimate:
                charges = [restate(c, RESTATED_BY) if is_restated(c) else c for c in charges]
            self._rows[key] = [focus_row(charge, self._account) for charge in charges]
        return self._rows[key]

    def _day_lines(self, key: tuple[date, bool]) -> list[str]:
        if key not in self._lines:
            self._lines[key] = [_csv_line(row) for row in self._day_rows(key)]
        return self._lines[key]

    def _csv_parts(self, run: Run, keys: list[tuple[date, bool]]) -> Iterator[tuple[bytes, int]]:
        lines = [line for key in keys for line in self._day_lines(key)]
        invoice = _invoice_id(run)
        for start in range(0, max(len(lines), 1), ROWS_PER_PART):
            part = lines[start : start + ROWS_PER_PART]
            text = _csv_line(list(HEADER)) + "".join(part).replace(INVOICE_PLACEHOLDER, invoice)
            yield gzip.compress(text.encode(), compresslevel=3, mtime=0), len(part)

    def _parquet_parts(self, run: Run, keys: list[tuple[date, bool]]) -> Iterator[tuple[bytes, int]]:
        rows = [row for key in keys for row in self._day_rows(key)]
        for start in range(0, max(len(rows), 1), ROWS_PER_PART):
            part = rows[start : start + ROWS_PER_PART]
            sink = io.BytesIO()
            pq.write_table(parquet_table(part, _invoice_id(run)), sink, compression="snappy")
            yield sink.getvalue(), len(part)

    def _manifest(self, run: Run, blobs: list[dict[str, object]]) -> dict[str, object]:
        return {
            "manifestVersion": "2024-04-01",
            "byteCount": sum(int(str(blob["byteCount"])) for blob in blobs),
            "blobCount": len(blobs),
            "dataRowCount": sum(int(str(blob["dataRowCount"])) for blob in blobs),
            "exportConfig": {
                "exportName": run.account.export_name,
                "resourceId": run.account.export_id,
                "dataVersion": "1.2",
                "apiVersion": "2025-03-01",
                "type": "FocusCost",
                "timeFrame": "Custom" if run.is_backfill else "MonthToDate",
                "granularity": "Daily",
            },
            "deliveryConfig": {
                "partitionData": True,
                "dataOverwriteBehavior": "CreateNewReport",
                "fileFormat": "Csv" if self._format == "csv" else "Parquet",
                "compressionMode": "Gzip" if self._format == "csv" else "Snappy",
                "containerUri": f"/subscriptions/{org.SHARED}/resourceGroups/rg-platform/providers/Microsoft.Storage"
                f"/storageAccounts/stfinopsexports/blobServices/default/containers/{CONTAINER}",
                "rootFolderPath": ROOT_FOLDER,
            },
            "runInfo": {
                "executionType": "OnDemand" if run.is_backfill else "Scheduled",
                "submittedTime": f"{run.submitted_at:%Y-%m-%dT%H:%M:%S}.{stable_int(10**7, run.run_id):07d}Z",
                "runId": run.run_id,
                "startDate": f"{run.period.start}T00:00:00",
                "endDate": f"{run.period.last_day}T00:00:00",
            },
            "blobs": blobs,
        }


def is_restated(charge: Charge) -> bool:
    """Restatements change metered usage only: not fees, and not what a commitment covers."""
    return charge.category == "Usage" and charge.commitment is None and not charge.charge_class


def _invoice_id(run: Run) -> str:
    return f"G{stable_int(10**9, *run.names('invoice')):09d}" if run.is_closed else ""


def _csv_line(row: list[str]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerow(row)
    return buffer.getvalue()


def parquet_table(rows: list[list[str]], invoice: str) -> pa.Table:
    """Typed as Azure's Parquet exports: decimals, UTC timestamps, text; empty is null."""
    columns = {}
    for index, name in enumerate(HEADER):
        values = [row[index].replace(INVOICE_PLACEHOLDER, invoice) or None for row in rows]
        if name in DECIMALS:
            columns[name] = pa.array([Decimal(v) if v is not None else None for v in values], pa.decimal128(38, 18))
        elif name in TIMES:
            moments = [datetime.fromisoformat(v.replace("Z", "+00:00")) if v is not None else None for v in values]
            columns[name] = pa.array(moments, pa.timestamp("ms", "UTC"))
        else:
            columns[name] = pa.array(values, pa.string())
    return pa.table(columns)
