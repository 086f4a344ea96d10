"""Getting everything that a group of metrics has, whatever the service refuses or cuts off.

Here: dimensions that an account lacks, metrics that it does not have, answers that reach the service's limit.
Not here: one request (``client``) and which times to ask (``source``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from ingestion.sources.azure_monitor.client import MonitorClient, UnknownDimensionError, UnknownMetricError
from ingestion.sources.azure_monitor.rows import DEPLOYMENT, MetricGroup, resource_of
from ingestion.windows import Window

if TYPE_CHECKING:
    from azure.monitor.querymetrics import MetricsQueryResult


class Asker:
    """Asks, and remembers for the time of a landing what the service does not have.

    ``cut_off`` says in words what could not be had whole.
    """

    def __init__(self, client: MonitorClient, most_series: int) -> None:
        self._client = client
        self._most_series = most_series
        # By group and the resources that were asked together: others may have what these lack.
        self._dimensions: dict[tuple[MetricGroup, tuple[str, ...]], int] = {}
        self._unknown: set[tuple[MetricGroup, tuple[str, ...]]] = set()
        self.cut_off: list[str] = []

    def ask(
        self, resources: Sequence[str], groups: Sequence[MetricGroup], window: Window, interval: timedelta
    ) -> Iterator[tuple[MetricGroup, list[MetricsQueryResult]]]:
        """All series of each group that the service has.

        Raises:
            LandingError: the service refuses, or has none of the groups' metrics.
        """
        refusal: UnknownMetricError | None = None
        has_answer = False
        waiting = list(reversed(groups))
        while waiting:
            group = waiting.pop()
            key = (group, tuple(resources))
            if key not in self._unknown:
                try:
                    answers = self._whole(resources, group, window, interval)
                except UnknownMetricError as error:
                    refusal = error
                    self._unknown.add(key)
                else:
                    has_answer = True
                    yield group, answers
                    continue
            if len(group.metric_names) > 1:  # it may have some of them
                waiting += [replace(group, metric_names=(name,)) for name in reversed(group.metric_names)]
        if refusal is not None and not has_answer:
            raise refusal

    def _whole(
        self, resources: Sequence[str], group: MetricGroup, window: Window, interval: timedelta
    ) -> list[MetricsQueryResult]:
        key = (group, tuple(resources))
        while True:
            index = self._dimensions.get(key, 0)
            try:
                return list(self._parts(resources, group, group.dimension_sets[index], window, interval, ()))
            except UnknownDimensionError:
                if index + 1 == len(group.dimension_sets):
                    raise
                self._dimensions[key] = index + 1

    def _parts(
        self,
        resources: Sequence[str],
        group: MetricGroup,
        dimensions: Sequence[str],
        window: Window,
        interval: timedelta,
        deployments: Sequence[str],
    ) -> Iterator[MetricsQueryResult]:
        """Answers; what was cut off is asked for again, deployment by deployment, and not used itself."""
        results = self._client.query(
            resources,
            group,
            window,
            interval,
            dimensions=dimensions,
            deployments=deployments,
            most_series=self._most_series,
        )
        for result in results:
            full = [metric for metric in result.metrics if len(metric.timeseries) >= self._most_series]
            if not full:
                yield result
                continue
            resource = resource_of(full[0].id)
            among = deployments or self._deployments(resource, group, window, interval, dimensions)
            if len(among) < 2:
                yield result
                self.cut_off.append(
                    f"{resource}: {full[0].name} has more than {self._most_series} series from {window.start} on; "
                    "raise series_per_answer"
                )
                continue
            middle = len(among) // 2
            for half in (among[:middle], among[middle:]):
                yield from self._parts([resource], group, dimensions, window, interval, half)

    def _deployments(
        self, resource: str, group: MetricGroup, window: Window, interval: timedelta, dimensions: Sequence[str]
    ) -> Sequence[str]:
        """Deployments of an account in a window, by one series each."""
        if DEPLOYMENT not in dimensions:
            return ()
        results = self._client.query(
            [resource],
            group,
            window,
            interval,
            dimensions=[DEPLOYMENT],
            most_series=max(self._most_series, 1000),
        )
        return sorted(
            {
                str(value)
                for result in results
                for metric in result.metrics
                for series in metric.timeseries
                for value in series.metadata_values.values()
            }
        )
