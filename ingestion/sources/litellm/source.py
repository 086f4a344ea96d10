"""LiteLLM spend logs: a stretch of time with a bounded number of calls is one load.

Here: which times to read, chunks and their loads.
Not here: the database (``client``) and its rows (``rows``).

The cursor is ``startTime``, the column that LiteLLM indexes. Calls are logged when they end, so some appear late: the
last hours are looked through again each time, and what the lake has in the same state is not landed twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pyarrow as pa
import pyarrow.parquet as pq

from finops import lake as contract
from finops.config.usage_sources import LitellmSource
from finops.periods import utc_now
from ingestion.lake import LakeWriter, ParquetPart, arrow_schema, naive_utc
from ingestion.landing import LandingContext, LandingResult
from ingestion.privacy import load_hasher
from ingestion.sources.litellm.client import LOGS, SpendLogs, database_address
from ingestion.sources.litellm.rows import TABLE, SpendLogRows
from ingestion.tabular import connect
from ingestion.windows import (
    Window,
    floor,
    landed_windows,
    window_row,
    window_table,
    windows_of_run,
)

_ROWS_PER_GROUP = 100_000
_LONGEST = timedelta(days=366)


def land(source: LitellmSource, context: LandingContext, result: LandingResult) -> None:
    """Land the calls that started since the last landing, and those that were logged late.

    Raises:
        LandingError: the database cannot be read; chunks before that one are landed.
    """
    address = database_address(source, context.environ)
    if address is None:
        result.ignored.append(f"{source.id}: {source.database_env} is not set, so nothing was landed")
        return
    with context.lake.writer(source) as writer, connect(writer.work) as connection, SpendLogs(address) as logs:
        known = landed_windows(context.lake, source.id).get(LOGS, [])
        windows = _plan(source, context, known)
        if not windows:
            return
        requested_at = utc_now()
        rows = SpendLogRows(
            connection,
            source_id=source.id,
            tag_prefixes={str(name): prefix for name, prefix in source.tag_prefixes.items()},
            hasher=load_hasher(context.lake.home, context.environ),
            requested_at=naive_utc(requested_at),
        )
        newest = max((window.end for window in known), default=None)
        if newest is not None and windows[0].start < newest:
            rows.remember(context.lake.scan(TABLE, source_id=source.id, time_column="start_at", since=windows[0].start))
        for window in (chunk for whole in windows for chunk in _chunks(logs, whole, source.rows_per_load)):
            part = _read(logs, window, rows, writer)
            count = part.row_count if part else 0
            asked = window_row(
                window,
                source_id=source.id,
                table_name=TABLE.name,
                scope=LOGS,
                requested_at=requested_at,
                row_count=count,
            )
            writer.load({TABLE.name: [part] if part else [], contract.WINDOW.name: [window_table([asked])]})
            if part:
                part.path.unlink(missing_ok=True)
            result.windows += 1
            result.add_rows(TABLE.name, count)
            context.progress(f"{window.start:%Y-%m-%d %H:%M} to {window.end:%Y-%m-%d %H:%M}: {count} calls")


def _plan(source: LitellmSource, context: LandingContext, known: list[Window]) -> list[Window]:
    start = floor(context.as_of - timedelta(days=source.lookback_days), timedelta(days=1))
    late = timedelta(hours=source.late_hours)
    return windows_of_run(context.periods, known, start=start, end=context.as_of, ask_again=late, longest=_LONGEST)


def _chunks(logs: SpendLogs, window: Window, rows: int) -> Iterator[Window]:
    """A window in parts with about ``rows`` calls each."""
    start = window.start
    while start < window.end:
        found = logs.chunk_end(naive_utc(start), naive_utc(window.end), rows)
        end = min(found.replace(tzinfo=window.end.tzinfo), window.end)
        yield Window(start, end)
        start = end


def _read(logs: SpendLogs, window: Window, rows: SpendLogRows, writer: LakeWriter) -> ParquetPart | None:
    """A chunk's new rows as a file; None where there are none. Only a row group is in memory at a time."""
    path = writer.new_path()
    count = 0
    waiting: list[pa.Table] = []
    with pq.ParquetWriter(path, arrow_schema(TABLE), compression="zstd") as file:

        def flush() -> None:
            if waiting:
                file.write_table(pa.concat_tables(waiting))
                waiting.clear()

        for answered in logs.read(Window(naive_utc(window.start), naive_utc(window.end))):
            found = rows.convert(answered)
            count += found.num_rows
            waiting.append(found)
            if sum(table.num_rows for table in waiting) >= _ROWS_PER_GROUP:
                flush()
        flush()
    return ParquetPart(path, count) if count else None
