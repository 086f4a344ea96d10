"""Azure Monitor metrics: one window of time over all accounts is one load.

Here: which windows to ask, and their loads.
Not here: asking (``client``) and answers (``rows``).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from finops import lake as contract
from finops.config.models import AzureMonitorSource
from finops.periods import utc_now
from ingestion.landing import LandingContext, LandingResult
from ingestion.sources.azure_monitor.client import LARGEST_BATCH, MOST_SERIES, MonitorClient, UnknownMetricError
from ingestion.sources.azure_monitor.rows import GROUPS, TABLE, metric_rows, metric_table
from ingestion.windows import (
    Window,
    floor,
    landed_windows,
    window_row,
    window_table,
    windows_of_periods,
    windows_to_ask,
)

_INTERVALS = {"PT1M": timedelta(minutes=1), "PT5M": timedelta(minutes=5), "PT1H": timedelta(hours=1)}
_ASK_AGAIN = timedelta(days=1)  # platform metrics settle within minutes, seldom within hours
_POINTS_PER_SERIES = 1440
_LONGEST = timedelta(days=30)


def land(source: AzureMonitorSource, context: LandingContext, result: LandingResult) -> None:
    """Ask for what was never asked, and for the last day again.

    Raises:
        LandingError: Azure refused; windows before that one are landed.
    """
    interval = _INTERVALS[source.interval]
    end = floor(context.as_of, interval)
    start = floor(context.as_of - timedelta(days=source.lookback_days), interval) + interval
    longest = min(interval * _POINTS_PER_SERIES, _LONGEST)
    with context.lake.writer(source) as writer:
        to_ask = _plan(source, context, start, end, longest)
        result.skipped = len(source.resources) - len(
            {resource for resources in to_ask.values() for resource in resources}
        )
        if not to_ask:
            return
        unknown: set[tuple[str, ...]] = set()
        with MonitorClient(source, context.environ) as client:
            for window, resources in sorted(to_ask.items()):
                requested_at = utc_now()
                rows = []
                for batch in _batches(resources):
                    for group in GROUPS:
                        if group.metric_names in unknown:
                            continue
                        try:
                            answers = client.query(batch, group, window, interval)
                        except UnknownMetricError:
                            if not group.is_optional:
                                raise
                            unknown.add(group.metric_names)
                            continue
                        for answer in answers:
                            for metric in answer.metrics:
                                if len(metric.timeseries) >= MOST_SERIES:
                                    result.incomplete.append(
                                        f"{metric.id}: more than {MOST_SERIES} series at {window.start}"
                                    )
                        rows += metric_rows(
                            answers, group, source_id=source.id, interval=source.interval, requested_at=requested_at
                        )
                counts = dict.fromkeys((resource.lower() for resource in resources), 0)
                for row in rows:
                    counts[row["resource_id"]] += 1
                windows = [
                    window_row(
                        window,
                        source_id=source.id,
                        table_name=TABLE.name,
                        scope=resource,
                        requested_at=requested_at,
                        row_count=count,
                    )
                    for resource, count in counts.items()
                ]
                writer.load(
                    {
                        TABLE.name: [metric_table(rows)] if rows else [],
                        contract.WINDOW.name: [window_table(windows)],
                    }
                )
                result.windows += len(windows)
                result.add_rows(TABLE.name, len(rows))
                context.progress(f"{window.start:%Y-%m-%d %H:%M} to {window.end:%Y-%m-%d %H:%M}: {len(rows)} points")


def _plan(
    source: AzureMonitorSource, context: LandingContext, start: datetime, end: datetime, longest: timedelta
) -> dict[Window, list[str]]:
    """Windows with the accounts to ask for them; accounts that were landed together stay together."""
    plan: dict[Window, list[str]] = {}
    landed = landed_windows(context.lake, source.id) if context.periods is None else {}
    for resource in source.resources:
        if context.periods is not None:
            windows = windows_of_periods(context.periods, start=start, end=end, longest=longest)
        else:
            known = landed.get(resource.lower(), [])
            windows = windows_to_ask(known, start=start, end=end, ask_again=_ASK_AGAIN, longest=longest)
        for window in windows:
            plan.setdefault(window, []).append(resource)
    return plan


def _batches(resources: list[str]) -> Iterator[list[str]]:
    """Resource ids that may be asked together: one subscription, at most 50."""
    by_subscription: dict[str, list[str]] = {}
    for resource in resources:
        by_subscription.setdefault(resource.lower().split("/resourcegroups/")[0], []).append(resource)
    for group in by_subscription.values():
        for first in range(0, len(group), LARGEST_BATCH):
            yield group[first : first + LARGEST_BATCH]
