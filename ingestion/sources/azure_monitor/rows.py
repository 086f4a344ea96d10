"""What Azure Monitor answers.

Here: which metrics are asked together, and answers as rows.
Not here: asking.
Source: "Supported metrics for Microsoft.CognitiveServices/accounts" in Azure's documentation. Metrics in one request
share the dimensions of its filter, so they come in groups.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from finops import lake as contract
from ingestion.lake import arrow_schema, naive_utc

if TYPE_CHECKING:
    from azure.monitor.querymetrics import MetricsQueryResult

TABLE = contract.AZURE_MONITOR_METRIC
NAMESPACE = "Microsoft.CognitiveServices/accounts"
_DEPLOYMENT = "ModelDeploymentName"
_MODEL = "ModelName"


@dataclass(frozen=True)
class MetricGroup:
    """Metrics that are asked in one request. ``is_optional``: not every account or region has them."""

    metric_names: tuple[str, ...]
    aggregation: str
    dimensions: tuple[str, ...]
    is_optional: bool


GROUPS = (
    MetricGroup(("ProcessedPromptTokens", "GeneratedTokens"), "Total", (_DEPLOYMENT, _MODEL), is_optional=False),
    MetricGroup(("AzureOpenAIRequests",), "Total", (_DEPLOYMENT, _MODEL, "StatusCode"), is_optional=False),
    MetricGroup(
        ("InputTokens", "OutputTokens", "cacheReadInputTokens"), "Total", (_DEPLOYMENT, _MODEL), is_optional=True
    ),
    MetricGroup(("ephemeral5mInputTokens", "ephemeral1hInputTokens"), "Total", (_DEPLOYMENT, _MODEL), is_optional=True),
    MetricGroup(
        ("AzureOpenAIContextTokensCacheMatchRate", "AzureOpenAIProvisionedManagedUtilizationV2"),
        "Average",
        (_DEPLOYMENT, _MODEL),
        is_optional=True,
    ),
)
_DIMENSIONS = {name.lower(): name for group in GROUPS for name in group.dimensions}


def metric_rows(
    results: Iterable[MetricsQueryResult],
    group: MetricGroup,
    *,
    source_id: str,
    interval: str,
    requested_at: datetime,
) -> list[dict[str, Any]]:
    """Points that have a value; an absent point stays absent."""
    rows = []
    for result in results:
        for metric in result.metrics:
            # The client leaves out which resource a result is about; the metric's own id says it.
            resource_id = metric.id.lower().split("/providers/microsoft.insights/metrics/")[0]
            for series in metric.timeseries:
                # Azure writes dimension names in lower case in answers.
                dimensions = {
                    _DIMENSIONS.get(name.lower(), name): value for name, value in series.metadata_values.items()
                }
                for point in series.data:
                    value = getattr(point, group.aggregation.lower())
                    if value is None:
                        continue
                    rows.append(
                        {
                            "source_id": source_id,
                            "resource_id": resource_id,
                            "metric_name": metric.name,
                            "aggregation": group.aggregation,
                            "interval": interval,
                            "point_at": naive_utc(point.timestamp),
                            "deployment_name": dimensions.get(_DEPLOYMENT),
                            "model_name": dimensions.get(_MODEL),
                            "dimensions": json.dumps(dimensions, sort_keys=True),
                            "value": float(value),
                            "requested_at": naive_utc(requested_at),
                        }
                    )
    return rows


def metric_table(rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=arrow_schema(TABLE))
