"""Azure Monitor's metrics batch API: ``POST /subscriptions/{id}/metrics:getBatch``.

Here: parameters, filters and answers as ``azure-monitor-querymetrics`` 1.0 sends and reads them (api-version
2024-02-01).
Not here: the hours themselves.

As in the real API, dimension names come back in lower case, a filter returns at most ``top`` series (10 where not
given), a metric refuses dimensions that it lacks, a point without data is absent, and a minute's point shows up three
minutes later. Totals finer than an hour are the hour's total in equal whole parts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from simulator import organisation as org
from simulator.gpu import DCGM_BLANK, GpuHour
from simulator.telemetry import KEPT_DAYS, AccountHour

NAMESPACE = "Microsoft.CognitiveServices/accounts"
MACHINES = "Microsoft.Compute/virtualMachines"
GPU_AGENT = "Telegraf/nvidia_smi"
"""Where Telegraf's agent on a machine puts what nvidia-smi says."""
LATE_SECONDS = 180
LONGEST_OF_MINUTES = 3 * 86_400
"""Azure refuses longer timespans at a grain of one minute."""
LARGEST_BATCH = 50
DEFAULT_TOP = 10
TOKENS_PER_UNIT_HOUR = 3_000 * 60
"""Input tokens that one provisioned unit of gpt-4.1 processes in an hour; an output token counts as four, a cached one
as none (Azure's table of throughput per provisioned unit)."""

INTERVALS = {
    "PT1M": 60, "PT5M": 300, "PT15M": 900, "PT30M": 1800, "PT1H": 3600, "PT6H": 21_600, "PT12H": 43_200, "P1D": 86_400,
}  # fmt: skip
_AGGREGATIONS = {"total", "average", "minimum", "maximum", "count"}
_CLAUSE = re.compile(r"^\s*(\w+)\s+eq\s+'([^']*)'\s*$", re.IGNORECASE)


class MonitorError(Exception):
    """A request that Azure Monitor would refuse: HTTP status, code and message."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message

    def document(self) -> dict[str, Any]:
        return {"error": {"code": self.code, "message": self.message}}


@dataclass(frozen=True)
class _Metric:
    """How a metric is made from an hour: a total that adds up, or a ratio of two totals times ``scale``, whose largest
    value is ``peak`` times its average."""

    unit: str
    value: Callable[[Any, str], int]
    per: Callable[[Any], int] | None = None
    has_status: bool = False
    dimensions: frozenset[str] = frozenset(("modeldeploymentname", "modelname", "modelversion", "region"))
    scale: float = 100.0
    peak: float = 1.0


def _requests(hour: AccountHour, status: str) -> int:
    return {"": hour.requests, "200": hour.requests - hour.failed_requests, "429": hour.failed_requests}[status]


def _utilised_tokens(hour: AccountHour) -> int:
    """What counts against a provisioned deployment; beyond its capacity it refuses, so utilisation ends at 100%."""
    tokens = hour.input_tokens - hour.cached_tokens + 4 * hour.output_tokens
    return min(tokens, hour.provisioned_units * TOKENS_PER_UNIT_HOUR)


def _first_millis(hour: AccountHour) -> int:
    """Milliseconds until the first token, summed over the hour's requests: longer for prompts that no cache had."""
    return hour.requests * 350 + (hour.input_tokens - hour.cached_tokens) // 25


def _last_millis(hour: AccountHour) -> int:
    return _first_millis(hour) + hour.output_tokens * 9


_TOKENS = frozenset(
    ("apiname", "modeldeploymentname", "usagechannel", "region", "modelversion", "servicetierrequest",
     "servicetierresponse")
)  # fmt: skip
"""Dimensions of the older token metrics: the model's name is not among them."""
_REQUESTS = _TOKENS | {"modelname", "statuscode", "isspillover"}
_LATENCY = _TOKENS - {"usagechannel"} | {"modelname"}

METRICS: dict[str, _Metric] = {
    "ProcessedPromptTokens": _Metric("Count", lambda h, _: h.input_tokens, dimensions=_TOKENS),
    "GeneratedTokens": _Metric("Count", lambda h, _: h.output_tokens, dimensions=_TOKENS),
    "TokenTransaction": _Metric("Count", lambda h, _: h.input_tokens + h.output_tokens, dimensions=_TOKENS),
    "ActiveTokens": _Metric(
        "Count", lambda h, _: (h.input_tokens - h.cached_tokens + h.output_tokens) * bool(h.provisioned_units)
    ),
    "InputTokens": _Metric("Count", lambda h, _: h.input_tokens),
    "OutputTokens": _Metric("Count", lambda h, _: h.output_tokens),
    "TotalTokens": _Metric("Count", lambda h, _: h.input_tokens + h.output_tokens),
    "cacheReadInputTokens": _Metric("Count", lambda h, _: h.cached_tokens),
    "AzureOpenAIRequests": _Metric("Count", _requests, has_status=True, dimensions=_REQUESTS),
    "ModelRequests": _Metric("Count", _requests, has_status=True, dimensions=_REQUESTS),
    "AzureOpenAIContextTokensCacheMatchRate": _Metric(
        "Percent", lambda h, _: h.cached_tokens, lambda h: h.input_tokens
    ),
    "AzureOpenAIProvisionedManagedUtilizationV2": _Metric(
        "Percent", lambda h, _: _utilised_tokens(h), lambda h: h.provisioned_units * TOKENS_PER_UNIT_HOUR, peak=1.2
    ),
    "ProvisionedUtilization": _Metric(
        "Percent", lambda h, _: _utilised_tokens(h), lambda h: h.provisioned_units * TOKENS_PER_UNIT_HOUR, peak=1.2
    ),
    "AzureOpenAITimeToResponse": _Metric(
        "MilliSeconds", lambda h, _: _first_millis(h), lambda h: h.requests, dimensions=_LATENCY, scale=1, peak=2.5
    ),
    "AzureOpenAITTLTInMS": _Metric(
        "MilliSeconds", lambda h, _: _last_millis(h), lambda h: h.requests, dimensions=_LATENCY, scale=1, peak=2.5
    ),
}

_DIMENSIONS: dict[str, Callable[[Any, str], str]] = {
    "modeldeploymentname": lambda h, _: h.deployment,
    "modelname": lambda h, _: h.model,
    "modelversion": lambda h, _: h.version,
    "region": lambda h, _: org.REGION_NAME,
    "apiname": lambda h, _: "Embeddings_Create" if "embedding" in h.model else "ChatCompletions_Create",
    "usagechannel": lambda h, _: "batch" if h.deployment.endswith("-batch") else "standard",
    "statuscode": lambda h, status: status,
    "isspillover": lambda h, _: str(h.deployment.endswith("-spillover")),
    "servicetierrequest": lambda h, _: "auto",
    "servicetierresponse": lambda h, _: "default",
}


class MachineHour(NamedTuple):
    """One GPU of a machine in one hour; ``hour`` is its start in seconds since 1970."""

    resource_id: str
    hour: int
    gpu: int
    gpu_model: str
    duty_cycle_percent: int
    memory_used_mib: int
    milliwatts: int


_OF_GPU = frozenset(("index", "name"))
_NONE: frozenset[str] = frozenset()
MACHINE_METRICS: dict[str, _Metric] = {
    "Percentage CPU": _Metric(
        "Percent", lambda h, _: 8 + h.duty_cycle_percent // 2, lambda h: 1, dimensions=_NONE, scale=1, peak=1.5
    ),
    "Available Memory Percentage": _Metric(
        "Percent", lambda h, _: 90 - h.duty_cycle_percent // 3, lambda h: 1, dimensions=_NONE, scale=1
    ),
}
GPU_METRICS: dict[str, _Metric] = {
    "utilization_gpu": _Metric(
        "Percent", lambda h, _: h.duty_cycle_percent, lambda h: 1, dimensions=_OF_GPU, scale=1, peak=1.1
    ),
    "memory_used": _Metric("Unspecified", lambda h, _: h.memory_used_mib, lambda h: 1, dimensions=_OF_GPU, scale=1),
    "power_draw": _Metric(
        "Unspecified", lambda h, _: h.milliwatts, lambda h: 1, dimensions=_OF_GPU, scale=0.001, peak=1.2
    ),
}
_GPU_DIMENSIONS: dict[str, Callable[[Any, str], str]] = {
    "index": lambda h, _: str(h.gpu),
    "name": lambda h, _: h.gpu_model,
}


@dataclass(frozen=True)
class _Namespace:
    name: str
    metrics: dict[str, _Metric]
    dimensions: dict[str, Callable[[Any, str], str]]


_NAMESPACES = {
    namespace.name.lower(): namespace
    for namespace in (
        _Namespace(NAMESPACE, METRICS, _DIMENSIONS),
        _Namespace(MACHINES, MACHINE_METRICS, {}),
        _Namespace(GPU_AGENT, GPU_METRICS, _GPU_DIMENSIONS),
    )
}


def machine_id(node: str) -> str:
    """Resource id of a node of the cluster."""
    return org.resource_id(org.PRODUCTION, org.CLUSTER_GROUP, MACHINES, node)


def machine_hours(rows: Iterable[GpuHour], first_midnight: datetime) -> Iterator[MachineHour]:
    """The cluster's nodes as machines; readings that the exporter could not make are absent."""
    models = {pool.key: pool.gpu_model for pool in org.NODE_POOLS}
    start = int(first_midnight.timestamp())
    for row in rows:
        if row.memory_used_mib != DCGM_BLANK:
            yield MachineHour(
                machine_id(row.node), start + 3600 * row.hour, row.gpu, models[row.pool], row.duty_cycle_percent,
                row.memory_used_mib, round(row.power_watts * 1000),
            )  # fmt: skip


@dataclass(frozen=True)
class BatchRequest:
    """The query part of a batch request, checked."""

    namespace: _Namespace
    metric_names: list[str]
    start: int
    end: int
    interval: str
    aggregations: list[str]
    wanted: dict[str, set[str]]
    split_by: list[str]
    top: int

    @classmethod
    def parse(cls, query: dict[str, str], as_of: datetime, lacking: frozenset[str] = frozenset()) -> BatchRequest:
        """Check a request's query parameters; metrics named in ``lacking``, lower case, do not exist.

        Raises:
            MonitorError: a parameter is missing or wrong.
        """
        for name in ("api-version", "metricnamespace", "metricnames"):
            if not query.get(name):
                raise MonitorError(400, "BadRequest", f"The query parameter '{name}' is required.")
        namespace = _NAMESPACES.get(query["metricnamespace"].lower())
        if namespace is None:
            raise MonitorError(400, "BadRequest", f"Unknown metric namespace '{query['metricnamespace']}'.")
        known = {name.lower(): name for name in namespace.metrics if name.lower() not in lacking}
        names = query["metricnames"].split(",")
        unknown = [name for name in names if name.lower() not in known]
        if unknown:
            valid = ",".join(sorted(known.values()))
            raise MonitorError(
                400,
                "BadRequest",
                f"Failed to find metric configuration for metric: {unknown[0]}. Valid metrics: {valid}",
            )
        if len(names) > 20:
            raise MonitorError(400, "BadRequest", "At most 20 metrics can be asked for at once.")
        interval = query.get("interval", "PT1M")
        if interval not in INTERVALS:
            raise MonitorError(400, "BadRequest", f"Invalid interval '{interval}'. Valid: {','.join(INTERVALS)}")
        end = _moment(query["endtime"]) if "endtime" in query else int(as_of.timestamp())
        start = _moment(query["starttime"]) if "starttime" in query else end - 3600
        if start > end:
            raise MonitorError(400, "BadRequest", "The start time is after the end time.")
        aggregations = [a.strip().lower() for a in query.get("aggregation", "average").split(",")]
        if not set(aggregations) <= _AGGREGATIONS:
            raise MonitorError(400, "BadRequest", f"Invalid aggregation '{query['aggregation']}'.")
        if interval == "PT1M" and end - start > LONGEST_OF_MINUTES:
            raise MonitorError(400, "BadRequest", "The timespan is too long for the interval PT1M.")
        wanted = _filter(query.get("filter", ""), namespace.dimensions)
        for name in names:
            missing = sorted(set(wanted) - namespace.metrics[known[name.lower()]].dimensions)
            if missing:
                raise MonitorError(
                    400,
                    "BadRequest",
                    f"Metric: {known[name.lower()]} does not support requested dimension combination: {missing[0]}",
                )
        rolled_up = {name.strip().lower() for name in query.get("rollupby", "").split(",")}
        return cls(
            namespace, [known[name.lower()] for name in names], start, end, interval, aggregations, wanted,
            [name for name in wanted if name not in rolled_up], int(query.get("top", DEFAULT_TOP)),
        )  # fmt: skip


class MonitorStore:
    """Answers batch requests from the hours of accounts and machines."""

    def __init__(self, hours: Iterable[AccountHour | MachineHour], as_of: datetime) -> None:
        self._as_of = as_of
        self.let_it_be(as_of)
        self._hours: dict[str, list[AccountHour | MachineHour]] = {}
        for hour in hours:
            self._hours.setdefault(hour.resource_id.lower(), []).append(hour)

    def let_it_be(self, now: datetime | None = None, lacking: Iterable[str] = ()) -> None:
        """Let it be this moment, ``as_of`` where not given: what happened later is not known yet, and the last minutes'
        points are not there. Metrics named in ``lacking`` do not exist."""
        self._now = int((now or self._as_of).timestamp())
        self._oldest = int(((now or self._as_of) - timedelta(days=KEPT_DAYS)).timestamp())
        self._lacking = frozenset(name.lower() for name in lacking)

    def batch(self, subscription: str, query: dict[str, str], body: Any) -> dict[str, Any]:
        """The answer to one batch request.

        Raises:
            MonitorError: what Azure Monitor would refuse.
        """
        request = BatchRequest.parse(query, self._as_of, self._lacking)
        resources = body.get("resourceids") if isinstance(body, dict) else None
        if not isinstance(resources, list) or not resources:
            raise MonitorError(400, "BadRequest", "The body must be an object with a list 'resourceids'.")
        if len(resources) > LARGEST_BATCH:
            raise MonitorError(400, "BadRequest", f"At most {LARGEST_BATCH} resource ids can be in one batch.")
        for resource in resources:
            if not str(resource).lower().startswith(f"/subscriptions/{subscription.lower()}/"):
                raise MonitorError(400, "BadRequest", f"{resource} is not in the subscription {subscription}.")
            if str(resource).lower() not in self._hours:
                raise MonitorError(404, "ResourceNotFound", f"The resource {resource} was not found.")
        return {"values": [self._resource(str(resource), request) for resource in resources]}

    def _resource(self, resource: str, request: BatchRequest) -> dict[str, Any]:
        hours = [
            hour
            for hour in self._hours[resource.lower()]
            if max(request.start, self._oldest) < hour.hour + 3600 and hour.hour < request.end
        ]
        return {
            "cost": 0,
            "starttime": _text(request.start),
            "endtime": _text(request.end),
            "interval": request.interval,
            "namespace": request.namespace.name,
            "resourceregion": org.REGION,
            "resourceid": resource,
            "value": [_metric(resource, name, hours, request, self._now) for name in request.metric_names],
        }


def _metric(
    resource: str, name: str, hours: list[AccountHour | MachineHour], request: BatchRequest, now: int
) -> dict[str, Any]:
    metric, dimensions = request.namespace.metrics[name], request.namespace.dimensions
    step = INTERVALS[request.interval]
    end = min(request.end, now - LATE_SECONDS if step == 60 else now)
    series: dict[tuple[str, ...], dict[int, list[int]]] = {}
    for hour in hours:
        for status in ("200", "429") if metric.has_status else ("",):
            values = {dimension: read(hour, status) for dimension, read in dimensions.items()}
            if any(wanted and values[dimension].lower() not in wanted for dimension, wanted in request.wanted.items()):
                continue
            value, per = metric.value(hour, status), metric.per(hour) if metric.per else 0
            if (metric.per and not per) or (metric.has_status and not value):
                continue
            points = series.setdefault(tuple(values[dimension] for dimension in request.split_by), {})
            for at, part_value, part_per in _parts(hour.hour, value, per, step, is_ratio=metric.per is not None):
                if request.start <= at < end and (part_value or metric.per):
                    point = points.setdefault(at, [0, 0, 0])
                    point[0] += part_value
                    point[1] += part_per
                    point[2] += 1
    ranked = sorted(series.items(), key=lambda item: (-sum(p[0] for p in item[1].values()), item[0]))
    kept = sorted(ranked[: request.top] if request.split_by else ranked)
    return {
        "id": f"{resource}/providers/Microsoft.Insights/metrics/{name}",
        "type": "Microsoft.Insights/metrics",
        "name": {"value": name, "localizedValue": name},
        "displayDescription": name,
        "unit": metric.unit,
        "timeseries": [
            {
                "metadatavalues": [
                    {"name": {"value": dimension, "localizedValue": dimension}, "value": value}
                    for dimension, value in zip(request.split_by, key, strict=True)
                ],
                "data": [_point(at, point, metric, request.aggregations) for at, point in sorted(points.items())],
            }
            for key, points in kept
            if points
        ],
        "errorCode": "Success",
    }


def _parts(hour: int, value: int, per: int, step: int, *, is_ratio: bool) -> list[tuple[int, int, int]]:
    """(start, value, divisor) of the intervals that an hour falls into; a ratio is the same in all of them."""
    if step >= 3600:
        return [(hour // step * step, value, per)]
    count = 3600 // step
    if is_ratio:
        return [(hour + i * step, value, per) for i in range(count)]
    whole, rest = divmod(value, count)
    return [(hour + i * step, whole + (i < rest), 0) for i in range(count)]


def _point(at: int, sums: list[int], metric: _Metric, aggregations: list[str]) -> dict[str, Any]:
    value, per, count = sums
    point: dict[str, Any] = {"timeStamp": _text(at)}
    is_ratio = metric.per is not None
    average = round(metric.scale * value / per, 4) if is_ratio else value / count
    highest = average * metric.peak
    levels = {
        "total": average * count if is_ratio else float(value),
        "count": float(count),
        "maximum": min(highest, 100.0) if metric.unit == "Percent" else highest,
    }
    for aggregation in aggregations:
        point[aggregation] = levels.get(aggregation, average)
    return point


def _filter(text: str, dimensions: Collection[str]) -> dict[str, set[str]]:
    """``A eq 'x' or A eq 'y' and B eq '*'`` → {"a": {"x", "y"}, "b": set()}; an empty set stands for any value."""
    wanted: dict[str, set[str]] = {}
    for group in re.split(r"\s+and\s+", text.strip(), flags=re.IGNORECASE) if text.strip() else []:
        names = set()
        for clause in re.split(r"\s+or\s+", group, flags=re.IGNORECASE):
            match = _CLAUSE.match(clause.strip("() "))
            if match is None:
                raise MonitorError(400, "BadRequest", f"Cannot read the filter near '{clause}'.")
            name = match[1].lower()
            if name not in dimensions:
                raise MonitorError(400, "BadRequest", f"Metric does not support the dimension '{match[1]}'.")
            names.add(name)
            values = wanted.setdefault(name, set())
            if match[2] != "*":
                values.add(match[2].lower())
        if len(names) > 1:
            raise MonitorError(400, "BadRequest", f"'or' cannot separate two different dimensions: {group}")
    return wanted


def _moment(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise MonitorError(400, "BadRequest", f"'{text}' is not a valid time.") from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def _text(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
