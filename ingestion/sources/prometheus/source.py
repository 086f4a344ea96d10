"""GPU samples, Kubernetes objects and events from Prometheus: one window of time is one load.

Here: which windows to ask, and their loads.
Not here: asking (``client``) and answers (``rows``).

A sample at time t stands for the step that ends at t, so the window from 00:00 to 24:00 asks for 01:00 … 24:00 (hourly
steps).
"""

from __future__ import annotations

from datetime import timedelta

from finops import lake as contract
from finops.config.usage_sources import PrometheusSource
from finops.periods import utc_now
from ingestion.lake import LakeWriter
from ingestion.landing import LandingContext, LandingResult
from ingestion.sources.prometheus.client import PrometheusClient
from ingestion.sources.prometheus.events import EVENT_QUERIES, event_rows
from ingestion.sources.prometheus.rows import (
    EVENT_TABLE,
    GPU_QUERIES,
    GPU_TABLE,
    OBJECT_QUERIES,
    OBJECT_TABLE,
    event_table,
    gpu_rows,
    gpu_table,
    object_rows,
    object_table,
)
from ingestion.windows import (
    Window,
    floor,
    landed_windows,
    window_row,
    window_table,
    windows_of_run,
)

_ASK_AGAIN = timedelta(hours=3)  # remote writes arrive late by minutes, after an outage by hours
_POINTS_PER_QUERY = 1440  # far below Prometheus' limit of 11,000, so that a thousand GPUs still fit into one answer
_GPU_SCOPE = "DCGM_FI_*"
_OBJECT_SCOPE = "kube_*"
_EVENT_SCOPE = "kube_* events"


def land(source: PrometheusSource, context: LandingContext, result: LandingResult) -> None:
    """Ask for what was never asked, and for the last three hours again.

    Raises:
        LandingError: Prometheus refused; windows before that one are landed.
    """
    step = timedelta(seconds=source.step_seconds)
    end = floor(context.as_of, step)
    start = floor(context.as_of - timedelta(days=source.lookback_days), step)
    longest = step * _POINTS_PER_QUERY
    with context.lake.writer(source) as writer:
        known = landed_windows(context.lake, source.id).get(_GPU_SCOPE, [])
        windows = windows_of_run(context.periods, known, start=start, end=end, ask_again=_ASK_AGAIN, longest=longest)
        if not windows:
            return
        with PrometheusClient(source.url) as client:
            for window in windows:
                _land_window(source, context, result, writer, client, window)


def _land_window(
    source: PrometheusSource,
    context: LandingContext,
    result: LandingResult,
    writer: LakeWriter,
    client: PrometheusClient,
    window: Window,
) -> None:
    requested_at = utc_now()
    micros = int(requested_at.timestamp() * 1_000_000)
    first = int(window.start.timestamp()) + source.step_seconds
    last = int(window.end.timestamp())

    def ask(query: str, start: int = first) -> list[dict[str, object]]:
        return client.query_range(query, start=start, end=last, step_seconds=source.step_seconds)

    samples = gpu_table(
        gpu_rows({column: ask(query) for column, query in GPU_QUERIES.items()}),
        source_id=source.id,
        step_seconds=source.step_seconds,
        requested_at_micros=micros,
    )
    seen = object_rows({query: ask(query) for query in OBJECT_QUERIES})
    objects = object_table(seen, source_id=source.id, requested_at_micros=micros)
    before = first - source.step_seconds  # what changed needs what was
    happened = event_rows(
        {query: ask(query, before) for query in EVENT_QUERIES}, seen, step_seconds=source.step_seconds
    )
    events = event_table(happened, (before, last), source_id=source.id, requested_at_micros=micros)
    windows = [
        window_row(
            window,
            source_id=source.id,
            table_name=table.name,
            scope=scope,
            requested_at=requested_at,
            row_count=rows.num_rows,
        )
        for table, scope, rows in (
            (GPU_TABLE, _GPU_SCOPE, samples),
            (OBJECT_TABLE, _OBJECT_SCOPE, objects),
            (EVENT_TABLE, _EVENT_SCOPE, events),
        )
    ]
    writer.load(
        {
            GPU_TABLE.name: [samples] if samples.num_rows else [],
            OBJECT_TABLE.name: [objects] if objects.num_rows else [],
            EVENT_TABLE.name: [events] if events.num_rows else [],
            contract.WINDOW.name: [window_table(windows)],
        }
    )
    result.windows += 1
    result.add_rows(GPU_TABLE.name, samples.num_rows)
    result.add_rows(OBJECT_TABLE.name, objects.num_rows)
    result.add_rows(EVENT_TABLE.name, events.num_rows)
    context.progress(f"{window.start:%Y-%m-%d %H:%M} to {window.end:%Y-%m-%d %H:%M}: {samples.num_rows} GPU samples")
