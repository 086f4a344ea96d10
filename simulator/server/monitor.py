"""Azure Monitor's metrics batch API: ``POST /subscriptions/{id}/metrics:getBatch``.

Here: parameters, filters and answers as ``azure-monitor-querymetrics`` 1.0 sends and reads them (api-version
2024-02-01).
Not here: the hours themselves.

As in the real API, dimension names come back in lower case, a filter returns at most ``top`` series (10 where not
given), and a point without data is absent. Totals finer than an hour are the hour's total in equal whole parts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from simulator import organisation as org
from simulator.telemetry import KEPT_DAYS, AccountHour

NAMESPACE = "Microsoft.CognitiveServices/accounts"
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
    """How a metric is made from an hour: a total that adds up, or a ratio of two totals in percent."""

    unit: str
    value: Callable[[AccountHour, str], int]
    per: Callable[[AccountHour], int] | None = None
    has_status: bool = False


def _requests(hour: AccountHour, status: str) -> int:
    return {"": hour.requests, "200": hour.requests - hour.failed_requests, "429": hour.failed_requests}[status]


def _utilised_tokens(hour: AccountHour) -> int:
    """What counts against a provisioned deployment; beyond its capacity it refuses, so utilisation ends at 100%."""
    tokens = hour.input_tokens - hour.cached_tokens + 4 * hour.output_tokens
    return min(tokens, hour.provisioned_units * TOKENS_PER_UNIT_HOUR)


METRICS: dict[str, _Metric] = {
    "ProcessedPromptTokens": _Metric("Count", lambda h, _: h.input_tokens),
    "GeneratedTokens": _Metric("Count", lambda h, _: h.output_tokens),
    "TokenTransaction": _Metric("Count", lambda h, _: h.input_tokens + h.output_tokens),
    "ActiveTokens": _Metric("Count", lambda h, _: h.input_tokens - h.cached_tokens + h.output_tokens),
    "InputTokens": _Metric("Count", lambda h, _: h.input_tokens),
    "OutputTokens": _Metric("Count", lambda h, _: h.output_tokens),
    "TotalTokens": _Metric("Count", lambda h, _: h.input_tokens + h.output_tokens),
    "cacheReadInputTokens": _Metric("Count", lambda h, _: h.cached_tokens),
    "AzureOpenAIRequests": _Metric("Count", _requests, has_status=True),
    "ModelRequests": _Metric("Count", _requests, has_status=True),
    "AzureOpenAIContextTokensCacheMatchRate": _Metric(
        "Percent", lambda h, _: h.cached_tokens, lambda h: h.input_tokens
    ),
    "AzureOpenAIProvisionedManagedUtilizationV2": _Metric(
        "Percent", lambda h, _: _utilised_tokens(h), lambda h: h.provisioned_units * TOKENS_PER_UNIT_HOUR
    ),
}

_DIMENSIONS: dict[str, Callable[[AccountHour, str], str]] = {
    "modeldeploymentname": lambda h, _: h.deployment,
    "modelname": lambda h, _: h.model,
    "modelversion": lambda h, _: h.version,
    "region": lambda h, _: org.REGION_NAME,
    "apiname": lambda h, _: "Embeddings_Create" if "embedding" in h.model else "ChatCompletions_Create",
    "usagechannel": lambda h, _: "batch" if h.deployment.endswith("-batch") else "standard",
    "statuscode": lambda h, status: status,
}


@dataclass(frozen=True)
class BatchRequest:
    """The query part of a batch request, checked."""

    namespace: str
    metric_names: list[str]
    start: int
    end: int
    interval: str
    aggregations: list[str]
    wanted: dict[str, set[str]]
    split_by: list[str]
    top: int

    @classmethod
    def parse(cls, query: dict[str, str], as_of: datetime) -> BatchRequest:
        """Check a request's query parameters.

        Raises:
            MonitorError: a parameter is missing or wrong.
        """
        for name in ("api-version", "metricnamespace", "metricnames"):
            if not query.get(name):
                raise MonitorError(400, "BadRequest", f"The query parameter '{name}' is required.")
        if query["metricnamespace"].lower() != NAMESPACE.lower():
            raise MonitorError(400, "BadRequest", f"Unknown metric namespace '{query['metricnamespace']}'.")
        known = {name.lower(): name for name in METRICS}
        names = query["metricnames"].split(",")
        unknown = [name for name in names if name.lower() not in known]
        if unknown:
            valid = ",".join(sorted(METRICS))
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
        wanted = _filter(query.get("filter", ""))
        rolled_up = {name.strip().lower() for name in query.get("rollupby", "").split(",")}
        return cls(
            NAMESPACE, [known[name.lower()] for name in names], start, end, interval, aggregations, wanted,
            [name for name in wanted if name not in rolled_up], int(query.get("top", DEFAULT_TOP)),
        )  # fmt: skip


class MonitorStore:
    """Answers batch requests from account hours."""

    def __init__(self, hours: Iterable[AccountHour], as_of: datetime) -> None:
        self._as_of = as_of
        self._oldest = int((as_of - timedelta(days=KEPT_DAYS)).timestamp())
        self._hours: dict[str, list[AccountHour]] = {}
        for hour in hours:
            self._hours.setdefault(hour.resource_id.lower(), []).append(hour)

    def batch(self, subscription: str, query: dict[str, str], body: Any) -> dict[str, Any]:
        """The answer to one batch request.

        Raises:
            MonitorError: what Azure Monitor would refuse.
        """
        request = BatchRequest.parse(query, self._as_of)
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
            "namespace": request.namespace,
            "resourceregion": org.REGION,
            "resourceid": resource,
            "value": [_metric(resource, name, hours, request) for name in request.metric_names],
        }


def _metric(resource: str, name: str, hours: list[AccountHour], request: BatchRequest) -> dict[str, Any]:
    metric = METRICS[name]
    step = INTERVALS[request.interval]
    series: dict[tuple[str, ...], dict[int, list[int]]] = {}
    for hour in hours:
        for status in ("200", "429") if metric.has_status else ("",):
            values = {dimension: read(hour, status) for dimension, read in _DIMENSIONS.items()}
            if any(wanted and values[dimension].lower() not in wanted for dimension, wanted in request.wanted.items()):
                continue
            value, per = metric.value(hour, status), metric.per(hour) if metric.per else 0
            if (metric.per and not per) or (metric.has_status and not value):
                continue
            points = series.setdefault(tuple(values[dimension] for dimension in request.split_by), {})
            for at, part_value, part_per in _parts(hour.hour, value, per, step, is_ratio=metric.per is not None):
                if request.start <= at < request.end:
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
                "data": [
                    _point(at, point, metric.per is not None, request.aggregations)
                    for at, point in sorted(points.items())
                ],
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


def _point(at: int, sums: list[int], is_ratio: bool, aggregations: list[str]) -> dict[str, Any]:
    value, per, count = sums
    point: dict[str, Any] = {"timeStamp": _text(at)}
    average = round(100 * value / per, 4) if is_ratio else value / count
    for aggregation in aggregations:
        point[aggregation] = {"total": average * count if is_ratio else float(value), "count": float(count)}.get(
            aggregation, average
        )
    return point


def _filter(text: str) -> dict[str, set[str]]:
    """``A eq 'x' or A eq 'y' and B eq '*'`` → {"a": {"x", "y"}, "b": set()}; an empty set stands for any value."""
    wanted: dict[str, set[str]] = {}
    for group in re.split(r"\s+and\s+", text.strip(), flags=re.IGNORECASE) if text.strip() else []:
        names = set()
        for clause in re.split(r"\s+or\s+", group, flags=re.IGNORECASE):
            match = _CLAUSE.match(clause.strip("() "))
            if match is None:
                raise MonitorError(400, "BadRequest", f"Cannot read the filter near '{clause}'.")
            name = match[1].lower()
            if name not in _DIMENSIONS:
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
