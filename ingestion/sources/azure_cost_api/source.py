"""Azure's bill through the API: one month of one dataset is one snapshot and one load.

Here: which months are due, and their loads.
Not here: asking (``client``), answers (``rows``), one bill of both datasets (dbt).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pyarrow as pa

from finops import lake as contract
from finops.azure_cost import DATASETS, Dataset
from finops.config.bill_sources import AzureCostApiSource
from finops.periods import BillingPeriod, utc_now
from ingestion import azure_cost_rows
from ingestion.azure_cost_rows import TABLE
from ingestion.errors import LandingError
from ingestion.files import list_files, open_location
from ingestion.focus_rows import FocusPart
from ingestion.lake import Lake, LakeWriter, Part, naive_utc
from ingestion.landing import LandingContext, LandingResult
from ingestion.overlaps import API, overlaps
from ingestion.rejects import reject_table
from ingestion.snapshots import snapshot_row, snapshot_table
from ingestion.sources.azure_cost_api.client import CostClient, NotYetError
from ingestion.sources.azure_cost_api.rows import due_months, fingerprint, last_day, newest, query_table
from ingestion.tabular import connect
from ingestion.windows import Window, window_row, window_table

_METHODS = {"report": "generatecostdetailsreport", "query": "query"}


class _Answer:
    """One month of one dataset as it was answered. ``parts`` are what is landed, ``digest`` whether it is new."""

    def __init__(self, digest: str, parts: list[pa.Table | FocusPart], byte_count: int, manifest: object) -> None:
        self.digest = digest
        self.parts = parts
        self.byte_count = byte_count
        self.manifest = manifest

    @property
    def row_count(self) -> int:
        return sum(part.row_count if isinstance(part, FocusPart) else part.num_rows for part in self.parts)


def land(source: AzureCostApiSource, context: LandingContext, result: LandingResult) -> None:
    """Ask for the months that were never asked or may have changed since. A scope that is refused stops no other.

    Raises:
        LandingError: after landing the rest, with every scope that could not be asked.
    """
    with CostClient(source, context.environ) as client:
        land_through(client, source, context, result)


def land_through(
    client: CostClient, source: AzureCostApiSource, context: LandingContext, result: LandingResult
) -> None:
    """As ``land``, through a client that is open."""
    problems: list[str] = []
    with context.lake.writer(source) as writer, connect(writer.work) as connection:
        asked = _asked(context.lake, source.id)
        current = _current(context.lake, source.id)
        for scope in dict.fromkeys(scope.rstrip("/") for scope in source.scopes):
            try:
                for dataset in DATASETS:
                    name = f"{scope.lower()}{API}{_METHODS[source.method]}/{dataset.lower()}"
                    for period in _months(source, context, result, asked.get(name, {})):
                        landing = _Landing(source, context, result, writer, connection, client)
                        landing.month(scope, name, dataset, period, current.get((name, period.start)))
            except LandingError as error:
                problems.append(str(error))
            except NotYetError as reason:
                result.incomplete.append(str(reason))
                context.progress(f"waiting for {reason}")
        if result.snapshots:
            result.notes += overlaps(context.lake, source.id)
    if problems:
        raise LandingError("\n".join(problems))


def _months(
    source: AzureCostApiSource, context: LandingContext, result: LandingResult, asked: dict[date, datetime]
) -> list[BillingPeriod]:
    wanted = due_months(asked, as_of=context.as_of, months=source.months)
    if context.periods is not None:
        wanted = [
            period for period in due_months({}, as_of=context.as_of, months=source.months) if period in context.periods
        ]
    result.skipped += source.months - len(wanted)
    return wanted


def _asked(lake: Lake, source_id: str) -> dict[str, dict[date, datetime]]:
    """Scope → month → when it was asked last."""
    found: dict[str, list[tuple[date, datetime]]] = {}
    columns = ("source_id", "scope", "window_start", "requested_at")
    for row in lake.read(contract.WINDOW, columns, source_id=source_id).to_pylist():
        moment = row["requested_at"].replace(tzinfo=UTC)
        found.setdefault(row["scope"], []).append((row["window_start"].date(), moment))
    return {scope: newest(moments) for scope, moments in found.items()}


def _current(lake: Lake, source_id: str) -> dict[tuple[str, date], tuple[datetime, str]]:
    """(scope, month) → when its current snapshot was made, and its id."""
    found: dict[tuple[str, date], tuple[datetime, str]] = {}
    columns = ("source_id", "scope", "period_start", "submitted_at", "snapshot_id")
    for row in lake.read(contract.SNAPSHOT, columns, source_id=source_id).to_pylist():
        key = (row["scope"], row["period_start"])
        found[key] = max(found.get(key, (datetime.min, "")), (row["submitted_at"], row["snapshot_id"]))  # noqa: DTZ901
    return found


class _Landing:
    """What one month's load needs."""

    def __init__(
        self,
        source: AzureCostApiSource,
        context: LandingContext,
        result: LandingResult,
        writer: LakeWriter,
        connection: duckdb.DuckDBPyConnection,
        client: CostClient,
    ) -> None:
        self._source = source
        self._context = context
        self._result = result
        self._writer = writer
        self._connection = connection
        self._client = client

    def month(
        self, scope: str, name: str, dataset: Dataset, period: BillingPeriod, current: tuple[datetime, str] | None
    ) -> None:
        """Ask for one month and land it with its window; an answer that says nothing new is a window alone."""
        end = last_day(period, self._context.as_of)
        ask = self._report if self._source.method == "report" else self._query
        answer = ask(scope, name, dataset, period.start, end)
        landed_at = utc_now()
        start = datetime.combine(period.start, datetime.min.time(), UTC)
        window = window_row(
            Window(start, min(datetime.combine(period.end, datetime.min.time(), UTC), self._context.as_of)),
            source_id=self._source.id,
            table_name=TABLE,
            scope=name,
            requested_at=self._context.as_of,
            row_count=answer.row_count,
        )
        tables: dict[str, list[Part]] = {contract.WINDOW.name: [window_table([window])]}
        is_new = current is None or current[1] != answer.digest
        if is_new:
            tables |= self._snapshot(name, dataset, period, answer, landed_at)
        self._writer.load(tables)
        self._result.windows += 1
        if is_new:
            self._result.snapshots += 1
            self._result.add_rows(TABLE, answer.row_count)
        self._context.progress(
            f"{period} {dataset} of {scope}: {answer.row_count} rows{'' if is_new else ', as before'}"
        )

    def _snapshot(
        self, name: str, dataset: Dataset, period: BillingPeriod, answer: _Answer, landed_at: datetime
    ) -> dict[str, list[Part]]:
        files = [part for part in answer.parts if isinstance(part, FocusPart)]
        rejects = reject_table(
            [reject for part in files for reject in part.rejects],
            source_id=self._source.id,
            table_name=TABLE,
            landed_at=landed_at,
        )
        self._result.rejected += rejects.num_rows
        row = snapshot_row(
            source_id=self._source.id,
            table_name=TABLE,
            scope=name,
            snapshot_id=answer.digest,
            submitted_at=naive_utc(self._context.as_of),
            period_start=period.start,
            period_end=period.end,
            format_version=f"{dataset} {self._source.method}",
            row_count=answer.row_count,
            file_count=len(answer.parts),
            byte_count=answer.byte_count,
            manifest=answer.manifest,
            landed_at=naive_utc(landed_at),
        )
        rows = [part.part if isinstance(part, FocusPart) else part for part in answer.parts]
        return {
            TABLE: [part for part in rows if part is not None],
            contract.REJECTED.name: [rejects] if rejects.num_rows else [],
            contract.SNAPSHOT.name: [snapshot_table([row])],
        }

    def _query(self, scope: str, name: str, dataset: Dataset, start: date, end: date) -> _Answer:
        pages = list(self._client.query(scope, dataset, start, end))
        table = query_table(pages, dataset, name, self._writer.hasher)
        manifest = {"method": "query", "scope": scope, "from": str(start), "to": str(end), "pages": len(pages)}
        return _Answer(fingerprint(table), [table] if table.num_rows else [], 0, manifest)

    def _report(self, scope: str, name: str, dataset: Dataset, start: date, end: date) -> _Answer:
        report = self._client.report(scope, dataset, start, end)
        digest, parts, size = hashlib.sha256(), [], 0
        for number, blob in enumerate(report.blobs):
            path = self._writer.new_path(".csv.gz" if report.manifest.get("compressData") else ".csv")
            self._client.download(blob, path)
            for chunk in _chunks(path):
                digest.update(chunk)
            size += path.stat().st_size
            [file] = list_files(open_location(path.as_posix(), {}))
            shown = f"{name}/{start:%Y-%m}/part-{number}"
            parts.append(azure_cost_rows.convert_cost(self._connection, self._writer, file, dataset, shown_as=shown))
        manifest = {"method": "report", "scope": scope, "from": str(start), "to": str(end), "report": report.manifest}
        return _Answer(digest.hexdigest(), list(parts), size, manifest)


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            yield chunk
