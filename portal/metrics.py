"""What the portal tells a monitoring system: requests, latency, queues, freshness, what it uses; nothing about people.

Here: the metrics and their text (https://prometheus.io/docs/instrumenting/exposition_formats/).
Not here: who may read them (rules, app).
"""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric

from finops.config import ConfigError
from guardrails import LedgerError
from portal.shelf import NothingPublishedError, Shelf
from portal.warm import Warmer
from reports.dashboards.access import ORGANISATION
from reports.marts import MartError

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """Metrics of one portal; routes are named as in the table of rules: no team's or person's name is a label."""

    def __init__(self, shelf: Shelf, warmer: Warmer) -> None:
        self._shelf, self._warmer = shelf, warmer
        self._registry = CollectorRegistry(auto_describe=False)
        self._requests = Counter(
            "aifinops_portal_requests", "Requests answered", ("method", "route", "status"), registry=self._registry
        )
        self._seconds = Histogram(
            "aifinops_portal_request_seconds",
            "Seconds until an answer began",
            ("route",),
            registry=self._registry,
            buckets=BUCKETS,
        )
        ProcessCollector(registry=self._registry)
        self._registry.register(self)

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def text(self) -> bytes:
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """What is read when it is asked for: the marts' age, what waits."""
        published = GaugeMetricFamily("aifinops_marts_published_timestamp_seconds", "When the marts were published")
        reported = GaugeMetricFamily("aifinops_marts_reported_timestamp_seconds", "The moment that the marts report on")
        warm = GaugeMetricFamily("aifinops_warm_pages", "Pages of the newest marts that were made beforehand")
        warm.add_metric((), self._warmer.made)
        done = GaugeMetricFamily("aifinops_warmed", "1: all pages that are made beforehand are there")
        try:
            folder = self._shelf.folder()
            done.add_metric((), float(self._warmer.warmed == folder))
            published.add_metric((), folder.stat().st_mtime)
            reported.add_metric((), self._shelf.version(ORGANISATION).as_of.timestamp())
        except (NothingPublishedError, MartError):
            pass
        yield published
        yield reported
        yield warm
        yield done
        try:
            known, _ = self._shelf.operations(ORGANISATION)
        except (ConfigError, LedgerError):
            return
        approvals = GaugeMetricFamily("aifinops_approvals_waiting", "Orders that wait for people")
        approvals.add_metric((), len(known.approvals))
        yield approvals
        deliveries = GaugeMetricFamily("aifinops_deliveries", "Messages that have not arrived", labels=("status",))
        statuses = [str(one["status"]) for one in known.deliveries]
        for status in sorted(set(statuses)):
            deliveries.add_metric((status,), statuses.count(status))
        yield deliveries
