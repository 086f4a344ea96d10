"""What Azure Monitor answers.

Here: which metrics are asked together, and answers as rows.
Not here: asking.
Source: "Supported metrics for Microsoft.CognitiveServices/accounts" and "… Microsoft.Compute/virtualMachines" in
Azure's documentation. Metrics in one request share the dimensions of its filter, so they come in groups.
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
ACCOUNTS = "Microsoft.CognitiveServices/accounts"
MACHINES = "Microsoft.Compute/virtualMachines"
GPU_AGENT = "Telegraf/nvidia_smi"
"""Where Telegraf's agent on a machine puts what nvidia-smi says."""
DEPLOYMENT = "ModelDeploymentName"
_MODEL, _REGION, _STATUS, _SPILLOVER = "ModelName", "Region", "StatusCode", "IsSpillover"
_TIER = "ServiceTierResponse"
_EMPTY = "__Empty"


@dataclass(frozen=True)
class MetricGroup:
    """Metrics that are asked for in one request.

    ``dimension_sets``, best first: which dimensions a metric has differs by region and age of the account, and Azure
    refuses a request with one that it lacks. Not every account or region has every group.
    """

    metric_names: tuple[str, ...]
    aggregations: tuple[str, ...]
    dimension_sets: tuple[tuple[str, ...], ...]
    namespace: str = ACCOUNTS


_BY_MODEL = ((DEPLOYMENT, _MODEL, _REGION), (DEPLOYMENT, _MODEL))
_LEVELS = ("Average", "Maximum")
# Two generations of names for the same things: an account has one or both, and both are asked for.
# TokenTransaction and TotalTokens are not asked for: they are the sums of input and output.
OPENAI_GROUPS = (
    MetricGroup(
        ("ProcessedPromptTokens", "GeneratedTokens"),
        ("Total",),
        (
            (DEPLOYMENT, _MODEL, _REGION, _TIER),
            (DEPLOYMENT, _REGION, _TIER),
            (DEPLOYMENT, _MODEL),
            (DEPLOYMENT,),
        ),
    ),
    MetricGroup(
        ("AzureOpenAIRequests",),
        ("Total",),
        ((DEPLOYMENT, _MODEL, _STATUS, _SPILLOVER, _TIER), (DEPLOYMENT, _MODEL, _STATUS)),
    ),
    MetricGroup(("InputTokens", "OutputTokens"), ("Total",), _BY_MODEL),
    MetricGroup(
        ("ModelRequests",),
        ("Total",),
        ((DEPLOYMENT, _MODEL, _STATUS, _SPILLOVER, _TIER), (DEPLOYMENT, _MODEL, _STATUS)),
    ),
    MetricGroup(("cacheReadInputTokens",), ("Total",), _BY_MODEL),
    MetricGroup(("ephemeral5mInputTokens", "ephemeral1hInputTokens"), ("Total",), _BY_MODEL),
    MetricGroup(("ActiveTokens",), ("Total",), _BY_MODEL),
    MetricGroup(("AzureOpenAIContextTokensCacheMatchRate",), ("Average",), _BY_MODEL),
    MetricGroup(("AzureOpenAIProvisionedManagedUtilizationV2",), _LEVELS, _BY_MODEL),
    MetricGroup(("ProvisionedUtilization",), _LEVELS, _BY_MODEL),
    MetricGroup(("AzureOpenAITimeToResponse", "AzureOpenAITTLTInMS"), _LEVELS, ((DEPLOYMENT, _MODEL),)),
    MetricGroup(("TimeToResponse", "TimeToLastByte"), _LEVELS, ((DEPLOYMENT, _MODEL),)),
)
GPU_MACHINE_GROUPS = (
    MetricGroup(("Percentage CPU",), _LEVELS, ((),), namespace=MACHINES),
    MetricGroup(("Available Memory Percentage",), ("Average",), ((),), namespace=MACHINES),
    MetricGroup(
        ("utilization_gpu", "utilization_memory", "memory_used", "power_draw"),
        _LEVELS,
        (("index", "name"), ("index",), ()),
        namespace=GPU_AGENT,
    ),
)
GROUPS: dict[str, tuple[MetricGroup, ...]] = {"openai": OPENAI_GROUPS, "gpu_vm": GPU_MACHINE_GROUPS}
_DIMENSIONS = {
    name.lower(): name
    for groups in GROUPS.values()
    for group in groups
    for names in group.dimension_sets
    for name in names
}


def resource_of(metric_id: str) -> str:
    """The resource that an answer is about, lower case: the client leaves it out, but each metric's own id says it."""
    return metric_id.lower().split("/providers/microsoft.insights/metrics/")[0]


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
            resource_id = resource_of(metric.id)
            for series in metric.timeseries:
                # Azure writes dimension names in lower case in answers, and a word where there is no value.
                dimensions = {
                    _DIMENSIONS.get(name.lower(), name): value
                    for name, value in series.metadata_values.items()
                    if value not in ("", _EMPTY)
                }
                document = json.dumps(dimensions, sort_keys=True)
                for point in series.data:
                    for aggregation in group.aggregations:
                        value = getattr(point, aggregation.lower())
                        if value is None:
                            continue
                        rows.append(
                            {
                                "source_id": source_id,
                                "resource_id": resource_id,
                                "metric_name": metric.name,
                                "aggregation": aggregation,
                                "interval": interval,
                                "point_at": naive_utc(point.timestamp),
                                "deployment_name": dimensions.get(DEPLOYMENT),
                                "model_name": dimensions.get(_MODEL),
                                "dimensions": document,
                                "value": float(value),
                                "requested_at": naive_utc(requested_at),
                            }
                        )
    return rows


def metric_table(rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=arrow_schema(TABLE))
