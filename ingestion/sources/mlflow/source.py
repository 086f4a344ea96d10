"""Runs of an MLflow tracking server: one window of start times is one load.

Here: which windows to ask, and their loads.
Not here: asking (``client``), what a run says (``rows``), its checks (``ingestion.training``).

MLflow does not say when a run was changed last, so runs of the last days are asked for again each time: one that was
still running has ended, tags were added, one was deleted.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import pyarrow as pa

from finops import lake as contract
from finops.config.usage_sources import MlflowSource
from finops.periods import utc_now
from ingestion.bearer import bearer_token
from ingestion.errors import LandingError
from ingestion.lake import LakeWriter, arrow_schema
from ingestion.landing import LandingContext, LandingResult
from ingestion.rejects import Reject, reject_table
from ingestion.sources.mlflow.client import MlflowClient
from ingestion.sources.mlflow.rows import record_of
from ingestion.training import TABLE, parse_runs
from ingestion.windows import (
    Window,
    floor,
    landed_windows,
    window_row,
    window_table,
    windows_of_run,
)

_SCOPE = "runs"
_STEP = timedelta(minutes=1)
_LONGEST = timedelta(days=31)


def land(source: MlflowSource, context: LandingContext, result: LandingResult) -> None:
    """Ask for runs that started in what was never asked, and in the last days again.

    Raises:
        LandingError: the server refused; windows before that one are landed.
    """
    end = floor(context.as_of, _STEP)
    start = floor(context.as_of - timedelta(days=source.lookback_days), timedelta(days=1))
    with context.lake.writer(source) as writer:
        windows = windows_of_run(
            context.periods,
            landed_windows(context.lake, source.id).get(_SCOPE, []),
            start=start,
            end=end,
            ask_again=timedelta(days=source.ask_again_days),
            longest=_LONGEST,
        )
        if not windows:
            return
        with MlflowClient(source.url, bearer_token(source.token_env, context.environ)) as client:
            experiments = _wanted(source, client.experiments())
            for window in windows:
                _land_window(source, context, result, writer, client, experiments, window)


def _wanted(source: MlflowSource, experiments: Mapping[str, str]) -> dict[str, str]:
    missing = set(source.experiments) - set(experiments.values())
    if missing:
        raise LandingError(
            f"{source.url} has no experiment {', '.join(map(repr, sorted(missing)))}. Correct experiments in "
            "sources.yml"
        )
    return {key: name for key, name in experiments.items() if not source.experiments or name in source.experiments}


def _land_window(
    source: MlflowSource,
    context: LandingContext,
    result: LandingResult,
    writer: LakeWriter,
    client: MlflowClient,
    experiments: Mapping[str, str],
    window: Window,
) -> None:
    requested_at = utc_now()
    start_ms, end_ms = (int(moment.timestamp() * 1000) for moment in (window.start, window.end))
    runs = client.runs(sorted(experiments), start_ms=start_ms, end_ms=end_ms) if experiments else iter(())
    # A run that begins while pages are read moves the others: one may be on two pages.
    records = {r.address: r for r in (record_of(run, experiments, source.fields, source.url) for run in runs)}
    rejects: list[Reject] = []
    rows = parse_runs(list(records.values()), rejects, requested_at=requested_at)
    table = pa.Table.from_pylist([{**row, "source_id": source.id} for row in rows], schema=arrow_schema(TABLE))
    refused = reject_table(rejects, source_id=source.id, table_name=TABLE.name, landed_at=requested_at)
    asked = window_row(
        window,
        source_id=source.id,
        table_name=TABLE.name,
        scope=_SCOPE,
        requested_at=requested_at,
        row_count=table.num_rows,
    )
    writer.load(
        {
            TABLE.name: [table] if table.num_rows else [],
            contract.REJECTED.name: [refused] if rejects else [],
            contract.WINDOW.name: [window_table([asked])],
        }
    )
    result.windows += 1
    result.rejected += len(rejects)
    result.add_rows(TABLE.name, table.num_rows)
    context.progress(f"{window.start:%Y-%m-%d} to {window.end:%Y-%m-%d}: {table.num_rows} runs")
