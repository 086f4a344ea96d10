"""Azure Monitor metrics: one window of time over all resources is one load.

Here: which windows to ask, and their loads.
Not here: asking (``asking``, ``client``) and answers (``rows``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from finops import lake as contract
from finops.config.usage_sources import AzureMonitorSource
from finops.periods import utc_now
from ingestion.lake import LakeWriter
from ingestion.landing import LandingContext, LandingResult
from ingestion.sources.azure_monitor.asking import Asker
from ingestion.sources.azure_monitor.client import LARGEST_BATCH, MonitorClient
from ingestion.sources.azure_monitor.rows import GROUPS, TABLE, metric_rows, metric_table
from ingestion.windows import (
    Window,
    floor,
    landed_windows,
    window_row,
    window_table,
    windows_of_run,
)

_INTERVALS = {"PT1M": timedelta(minutes=1), "PT5M": timedelta(minutes=5), "PT1H": timedelta(hours=1)}
_ASK_AGAIN = timedelta(days=1)  # platform metrics settle within minutes, seldom within hours
_ASK_AGAIN_RECENT = timedelta(minutes=30)  # what comes later still is in the hours, which are asked again for a day
_POINTS_PER_SERIES = 1440  # a day of minutes; Azure refuses a week of them
_LONGEST = timedelta(days=30)


@dataclass(frozen=True)
class _Grain:
    """``scope_suffix`` tells the windows of one grain from those of another."""

    interval: str
    lookback: timedelta
    ask_again: timedelta
    scope_suffix: str = ""

    @property
    def step(self) -> timedelta:
        return _INTERVALS[self.interval]

    def scope(self, resource: str) -> str:
        return resource.lower() + self.scope_suffix


def land(source: AzureMonitorSource, context: LandingContext, result: LandingResult) -> None:
    """Ask for what was never asked, and for the last stretch again; the last hours at a grain of one minute as well.

    Raises:
        LandingError: Azure refused, or has none of the metrics; windows before that one are landed.
    """
    with context.lake.writer(source) as writer:
        plans = [(grain, _plan(source, context, grain)) for grain in _grains(source, context)]
        asked = {resource for _, plan in plans for resources in plan.values() for resource in resources}
        result.skipped = len(source.resources) - len(asked)
        if not asked:
            return
        with MonitorClient(source, context.environ) as client:
            asker = Asker(client, source.series_per_answer)
            for grain, plan in plans:
                for window, resources in sorted(plan.items()):
                    _land_window(source, context, result, writer, asker, grain, window, resources)
            result.incomplete += asker.cut_off


def _land_window(
    source: AzureMonitorSource,
    context: LandingContext,
    result: LandingResult,
    writer: LakeWriter,
    asker: Asker,
    grain: _Grain,
    window: Window,
    resources: list[str],
) -> None:
    requested_at = utc_now()
    rows = []
    for batch in _batches(resources):
        for group, answers in asker.ask(batch, GROUPS[source.metrics], window, grain.step):
            rows += metric_rows(answers, group, source_id=source.id, interval=grain.interval, requested_at=requested_at)
    counts = dict.fromkeys((resource.lower() for resource in resources), 0)
    for row in rows:
        counts[row["resource_id"]] += 1
    windows = [
        window_row(
            window,
            source_id=source.id,
            table_name=TABLE.name,
            scope=grain.scope(resource),
            requested_at=requested_at,
            row_count=count,
        )
        for resource, count in counts.items()
    ]
    writer.load({TABLE.name: [metric_table(rows)] if rows else [], contract.WINDOW.name: [window_table(windows)]})
    result.windows += len(windows)
    result.add_rows(TABLE.name, len(rows))
    context.progress(f"{window.start:%Y-%m-%d %H:%M} to {window.end:%Y-%m-%d %H:%M}: {len(rows)} points")


def _grains(source: AzureMonitorSource, context: LandingContext) -> Iterator[_Grain]:
    yield _Grain(source.interval, timedelta(days=source.lookback_days), _ASK_AGAIN)
    if source.recent_hours and source.interval != "PT1M" and context.periods is None:
        yield _Grain("PT1M", timedelta(hours=source.recent_hours), _ASK_AGAIN_RECENT, "@PT1M")


def _plan(source: AzureMonitorSource, context: LandingContext, grain: _Grain) -> dict[Window, list[str]]:
    """Windows with the resources to ask for them; resources that were landed together stay together."""
    end = floor(context.as_of, grain.step)
    start = floor(context.as_of - grain.lookback, grain.step) + grain.step
    longest = min(grain.step * _POINTS_PER_SERIES, _LONGEST)
    plan: dict[Window, list[str]] = {}
    landed = landed_windows(context.lake, source.id) if context.periods is None else {}
    for resource in source.resources:
        known = landed.get(grain.scope(resource), [])
        windows = windows_of_run(
            context.periods, known, start=start, end=end, ask_again=grain.ask_again, longest=longest
        )
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
