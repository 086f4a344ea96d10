"""OpenTelemetry GenAI spans: one file is one snapshot; files of one landing share loads.

Here: which files are new, and their loads.
Not here: what a line means (``rows``) and reading files (``client``).
"""

from __future__ import annotations

from typing import Any

from finops import lake as contract
from finops.config.usage_sources import OtelSpansSource
from finops.periods import utc_now
from ingestion.errors import LandingError
from ingestion.lake import LakeWriter, Part, naive_utc
from ingestion.landing import LandingContext, LandingResult
from ingestion.privacy import load_hasher
from ingestion.rejects import Reject, reject_table
from ingestion.snapshots import current_files, file_snapshot_row, plan_files, snapshot_table
from ingestion.sources.otel_spans.client import list_span_files, read_lines
from ingestion.sources.otel_spans.rows import TABLE, SpanColumns, parse_line

_SPANS_PER_LOAD = 200_000  # about 400 MB while a load is put together


def land(source: OtelSpansSource, context: LandingContext, result: LandingResult) -> None:
    """Land every new file. A file that cannot be read to its end waits for the next time."""
    with context.lake.writer(source) as writer:
        files = list_span_files(source.url, context.environ)
        new, result.skipped = plan_files(files, current_files(context.lake, source.id))
        if not new:
            return
        hasher = load_hasher(context.lake.home, context.environ)
        batch = _Batch(source.id, writer, context, result)
        for item in new:
            spans, rejects = SpanColumns(), []
            try:
                for number, line in read_lines(item.file):
                    rejects += parse_line(
                        line,
                        x_file=item.file.address,
                        x_row=number,
                        source_id=source.id,
                        snapshot_id=item.snapshot_id,
                        hasher=hasher,
                        into=spans,
                    )
            except LandingError as error:
                # A collector may still be writing it.
                result.incomplete.append(str(error))
                context.progress(f"waiting for {error}")
                continue
            row = file_snapshot_row(
                item, source_id=source.id, table_name=TABLE.name, row_count=len(spans), landed_at=naive_utc(utc_now())
            )
            batch.add(spans, rejects, row)
            if batch.span_count >= _SPANS_PER_LOAD:
                batch.load()
        batch.load()


class _Batch:
    """Files that become one load."""

    def __init__(self, source_id: str, writer: LakeWriter, context: LandingContext, result: LandingResult) -> None:
        self._source_id, self._writer, self._context, self._result = source_id, writer, context, result
        self._clear()

    def _clear(self) -> None:
        self.span_count = 0
        self._parts: list[Part] = []
        self._rejects: list[Reject] = []
        self._snapshots: list[dict[str, Any]] = []

    def add(self, spans: SpanColumns, rejects: list[Reject], snapshot: dict[str, Any]) -> None:
        if len(spans):
            self._parts.append(spans.table())
        self.span_count += len(spans)
        self._rejects += rejects
        self._snapshots.append(snapshot)

    def load(self) -> None:
        if not self._snapshots:
            return
        rejects = reject_table(self._rejects, source_id=self._source_id, table_name=TABLE.name, landed_at=utc_now())
        self._writer.load(
            {
                TABLE.name: self._parts,
                contract.REJECTED.name: [rejects] if rejects.num_rows else [],
                contract.SNAPSHOT.name: [snapshot_table(self._snapshots)],
            }
        )
        self._result.snapshots += len(self._snapshots)
        self._result.rejected += rejects.num_rows
        self._result.add_rows(TABLE.name, self.span_count)
        self._context.progress(f"{len(self._snapshots)} span files: {self.span_count} model calls")
        self._clear()
