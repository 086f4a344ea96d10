"""In-cluster cost estimates: one UTC day is one window and one load.

Here: which days to ask, and their loads.
Not here: asking (``client``) and answers (``rows``).

Today is asked as far as it has come; it and the day before are asked for again, since Prometheus behind OpenCost gets
late samples and OpenCost corrects its prices.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pyarrow as pa

from finops import lake as contract
from finops.config.usage_sources import OpencostSource
from finops.periods import utc_now
from ingestion.bearer import bearer_token
from ingestion.lake import LakeWriter, arrow_schema, naive_utc
from ingestion.landing import LandingContext, LandingResult
from ingestion.rejects import Reject, reject_table
from ingestion.sources.opencost.client import OpencostClient
from ingestion.sources.opencost.rows import ALLOCATION_TABLE, NODE_TABLE, allocation_rows, node_rows
from ingestion.windows import (
    Window,
    floor,
    landed_windows,
    window_row,
    window_table,
    windows_of_run,
)

_DAY = timedelta(days=1)
_HOUR = timedelta(hours=1)
_ASK_AGAIN = timedelta(days=1)
_SCOPE = "allocation"
_NODE_SCOPE = "assets"


def land(source: OpencostSource, context: LandingContext, result: LandingResult) -> None:
    """Ask for the days that were never asked, and the newest again.

    Raises:
        LandingError: the server refused; days before that one are landed.
    """
    end = floor(context.as_of, _HOUR)
    start = floor(context.as_of - timedelta(days=source.lookback_days), _DAY)
    with context.lake.writer(source) as writer:
        known = landed_windows(context.lake, source.id).get(_SCOPE, [])
        windows = _whole_days(
            windows_of_run(context.periods, known, start=start, end=end, ask_again=_ASK_AGAIN, longest=_DAY), end
        )
        if not windows:
            return
        with OpencostClient(source.url, bearer_token(source.token_env, context.environ)) as client:
            for window in windows:
                _land_day(source, context, result, writer, client, window)


def _whole_days(windows: Sequence[Window], end: Any) -> list[Window]:
    """Days that windows touch, from midnight on: an answer for part of a day could not replace one for all of it."""
    days = {}
    for window in windows:
        day = floor(window.start, _DAY)
        while day < window.end:
            days[day] = Window(day, min(day + _DAY, end))
            day += _DAY
    return [days[day] for day in sorted(days)]


def _land_day(
    source: OpencostSource,
    context: LandingContext,
    result: LandingResult,
    writer: LakeWriter,
    client: OpencostClient,
    window: Window,
) -> None:
    requested_at = utc_now()
    rejects: list[Reject] = []
    address = f"{source.url.rstrip('/')} {window.start:%Y-%m-%d}"
    allocations = allocation_rows(
        client.allocations(window.start, window.end), address=address, cluster=source.cluster, rejects=rejects
    )
    nodes = node_rows(client.assets(window.start, window.end), address=address, cluster=source.cluster, rejects=rejects)
    common = {
        "source_id": source.id,
        "window_start": naive_utc(window.start),
        "window_end": naive_utc(window.end),
        "currency": source.currency,
        "requested_at": naive_utc(requested_at),
    }
    tables = {
        table.name: pa.Table.from_pylist([{**row, **common} for row in rows], schema=arrow_schema(table))
        for table, rows in ((ALLOCATION_TABLE, allocations), (NODE_TABLE, nodes))
    }
    asked = [
        window_row(
            window,
            source_id=source.id,
            table_name=name,
            scope=scope,
            requested_at=requested_at,
            row_count=tables[name].num_rows,
        )
        for name, scope in ((ALLOCATION_TABLE.name, _SCOPE), (NODE_TABLE.name, _NODE_SCOPE))
    ]
    refused = reject_table(rejects, source_id=source.id, table_name=ALLOCATION_TABLE.name, landed_at=requested_at)
    writer.load(
        {
            **{name: [table] if table.num_rows else [] for name, table in tables.items()},
            contract.REJECTED.name: [refused] if rejects else [],
            contract.WINDOW.name: [window_table(asked)],
        }
    )
    result.windows += 1
    result.rejected += len(rejects)
    for name, table in tables.items():
        result.add_rows(name, table.num_rows)
    context.progress(f"{window.start:%Y-%m-%d}: {len(allocations)} allocations, {len(nodes)} nodes")
