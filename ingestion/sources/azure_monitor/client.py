"""Asking Azure Monitor: the metrics batch API through Microsoft's client.

Here: sign-on, one request, errors in words.
Not here: which metrics and windows (``source``) and what answers mean (``rows``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from finops.config.usage_sources import AzureMonitorSource
from ingestion.azure_sign_on import sign_on
from ingestion.errors import LandingError
from ingestion.sources.azure_monitor.rows import DEPLOYMENT, MetricGroup
from ingestion.windows import Window

if TYPE_CHECKING:
    from azure.monitor.querymetrics import MetricsClient, MetricsQueryResult

LARGEST_BATCH = 50


class UnknownDimensionError(LandingError):
    """A metric of a group does not have a dimension."""


class UnknownMetricError(LandingError):
    """The service does not have a metric of a group."""


class MonitorClient:
    """A regional metrics endpoint."""

    def __init__(self, source: AzureMonitorSource, environ: Mapping[str, str]) -> None:
        self._endpoint = source.endpoint or f"https://{source.region}.metrics.monitor.azure.com"
        self._client = _open(self._endpoint, source, environ)

    def __enter__(self) -> MonitorClient:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def query(
        self,
        resource_ids: Sequence[str],
        group: MetricGroup,
        window: Window,
        interval: timedelta,
        *,
        dimensions: Sequence[str] = (),
        deployments: Sequence[str] = (),
        most_series: int = 1000,
    ) -> list[MetricsQueryResult]:
        """One batch request: resources of one subscription and region, metrics that share their dimensions.

        Args:
            dimensions: one series per combination of their values; sums over everything where none is named.
            deployments: only these; all where none is named.
            most_series: the API's own default is 10, and it cuts off the rest without a word.

        Raises:
            UnknownDimensionError: a metric lacks one of the dimensions.
            UnknownMetricError: the service has no such metric.
            LandingError: any other refusal, after the client's own retries of throttling and outages.
        """
        from azure.core.exceptions import AzureError, HttpResponseError

        try:
            return self._client.query_resources(
                resource_ids=list(resource_ids),
                metric_namespace=group.namespace,
                metric_names=list(group.metric_names),
                timespan=(window.start, window.end),
                granularity=interval,
                aggregations=list(group.aggregations),
                filter=_filter(dimensions, deployments),
                max_results=most_series,
            )
        except HttpResponseError as error:
            said = str(error.message).splitlines()[0].rstrip(".")
            if error.status_code == 400 and "dimension" in said.lower():
                raise UnknownDimensionError(f"{self._endpoint} does not know a dimension: {said}") from error
            if error.status_code == 400 and "metric" in said.lower():
                raise UnknownMetricError(f"{self._endpoint} does not know a metric: {said}") from error
            raise LandingError(f"{self._endpoint} refused: {error.status_code} {said}. {_remedy(error)}") from error
        except AzureError as error:
            raise LandingError(
                f"{self._endpoint} cannot be asked: {error}. Check the endpoint, the network and this machine's sign-on"
            ) from error


def _filter(dimensions: Sequence[str], deployments: Sequence[str]) -> str | None:
    """``A eq 'x' or A eq 'y' and B eq '*'``: in this language ``or`` stays within one dimension and binds first."""
    clauses = []
    for dimension in dimensions:
        values = deployments if dimension == DEPLOYMENT and deployments else ("*",)
        quoted = (value.replace("'", "''") for value in values)
        clauses.append(" or ".join(f"{dimension} eq '{value}'" for value in quoted))
    return " and ".join(clauses) or None


def _remedy(error: Any) -> str:
    return {
        401: "Sign in again (az login, or the managed identity's settings)",
        403: "Give the identity the role Monitoring Reader on the subscription",
        404: "Correct the resource ids in sources.yml",
    }.get(error.status_code, "Try again later")


def _open(endpoint: str, source: AzureMonitorSource, environ: Mapping[str, str]) -> MetricsClient:
    from azure.monitor.querymetrics import MetricsClient

    credential, options = sign_on(source.credential, endpoint, environ, source.id)
    return MetricsClient(endpoint, credential, **options)
