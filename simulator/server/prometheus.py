"""The Prometheus HTTP API over the cluster's GPUs: DCGM exporter metrics, kube-state-metrics labels and changes.

Here: selectors (``name{label="value"}`` with =, !=, =~, !~), ``query``, ``query_range``, ``labels`` and Prometheus' own
errors.
Not here: functions and operators of PromQL but ``> number``; they are answered with a parse error.

Resolution is one hour: at time t a gauge shows the hour that ends at t or that t is in. Values are printed as
Prometheus prints 64-bit floats, so DCGM's int64 sentinel appears as 9223372036854776000.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from simulator import organisation as org
from simulator.gpu import GpuHour, gpu_uuid
from simulator.server.kube import kube_series

MOST_POINTS = 11_000
_HOUR = 3600
_SELECTOR = re.compile(r"^\s*([a-zA-Z_:][a-zA-Z0-9_:]*)?\s*(?:\{(.*)\})?\s*$", re.DOTALL)
_MATCHER = re.compile(r'\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*(=~|!~|!=|=)\s*("(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\')\s*(,|$)')
_COMPARISON = re.compile(r"^(.*\S)\s*>\s*(\d+)\s*$", re.DOTALL)
_DURATION = re.compile(r"(\d+)(ms|[smhdwy])")
_UNIT_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800, "y": 31_536_000}

Labels = tuple[tuple[str, str], ...]
Series = dict[Labels, Collection[int]]


class PrometheusError(Exception):
    """An answer with ``status: error``; ``error_type`` is bad_data, and the HTTP status 400."""

    def __init__(self, message: str, error_type: str = "bad_data") -> None:
        super().__init__(message)
        self.error_type = error_type

    def document(self) -> dict[str, Any]:
        return {"status": "error", "errorType": self.error_type, "error": str(self)}


@dataclass(frozen=True)
class Matcher:
    label: str
    operator: str
    value: str

    def accepts(self, labels: dict[str, str]) -> bool:
        """Whether labels match; an absent label is the empty text, and regular expressions are anchored."""
        actual = labels.get(self.label, "")
        if self.operator in ("=", "!="):
            return (actual == self.value) == (self.operator == "=")
        return (re.fullmatch(self.value, actual) is not None) == (self.operator == "=~")


def parse_selector(query: str) -> list[Matcher]:
    """Matchers of an instant vector selector, the metric name as ``__name__``.

    Raises:
        PrometheusError: the query is no selector that this server understands.
    """
    match = _SELECTOR.match(query)
    if match is None or (not match[1] and match[2] is None):
        raise PrometheusError(f'invalid parameter "query": 1:1: parse error: unexpected "{query.strip()[:40]}"')
    matchers = [Matcher("__name__", "=", match[1])] if match[1] else []
    rest = match[2] or ""
    while rest.strip():
        part = _MATCHER.match(rest)
        if part is None:
            raise PrometheusError(
                f'invalid parameter "query": parse error: unexpected "{rest.strip()[:40]}" in label matching'
            )
        text = re.sub(r"\\(.)", r"\1", part[3][1:-1]) if "\\" in part[3] and "~" not in part[2] else part[3][1:-1]
        text = text.replace("\\\\", "\\") if "~" in part[2] else text
        if "~" in part[2]:
            try:
                re.compile(text)
            except re.error as error:
                raise PrometheusError(f'invalid parameter "query": error parsing regexp: {error}') from None
        matchers.append(Matcher(part[1], part[2], text))
        rest = rest[part.end() :]
    if all(matcher.accepts({}) for matcher in matchers):
        raise PrometheusError(
            'invalid parameter "query": parse error: vector selector must contain at least one non-empty matcher'
        )
    return matchers


_GAUGES: dict[str, Callable[[GpuHour], float]] = {
    "DCGM_FI_DEV_GPU_UTIL": lambda row: row.duty_cycle_percent,
    "DCGM_FI_PROF_SM_ACTIVE": lambda row: row.sm_active,
    "DCGM_FI_DEV_FB_USED": lambda row: row.memory_used_mib,
    "DCGM_FI_DEV_POWER_USAGE": lambda row: row.power_watts,
}


class PrometheusStore:
    """Answers queries from GPU hours. ``first_midnight`` is the moment that hour 0 starts."""

    def __init__(self, rows: Iterable[GpuHour], first_midnight: datetime, as_of: datetime) -> None:
        self._as_of = as_of.timestamp()
        self._origin = int(first_midnight.timestamp())
        self._last_hour = int((self._as_of - self._origin) // _HOUR) - 1
        self._gpu_series: dict[Labels, dict[int, GpuHour]] = {}
        pods: dict[tuple[str, str, str], set[int]] = {}
        models = {pool.key: pool.gpu_model for pool in org.NODE_POOLS}
        by_holder: dict[tuple[str, int, str, str], dict[int, GpuHour]] = {}
        for row in rows:
            holder = (row.node, row.gpu, row.namespace, row.pod)
            series = by_holder.get(holder)
            if series is None:
                series = by_holder[holder] = self._gpu_series[_gpu_labels(row, models[row.pool])] = {}
            series[row.hour] = row
            if row.pod:
                pods.setdefault((row.namespace, row.pod, row.node), set()).add(row.hour)
        self._objects = {**_pod_series(pods), **self._namespace_series()}
        self._changes = kube_series(self._all_rows(), first_midnight)

    def _all_rows(self) -> Iterable[GpuHour]:
        found = (row for series in self._gpu_series.values() for row in series.values())
        return sorted(found, key=lambda row: (row.hour, row.node, row.gpu))

    def query_range(self, parameters: dict[str, str]) -> dict[str, Any]:
        """``/api/v1/query_range``.

        Raises:
            PrometheusError: in Prometheus' words.
        """
        start = _timestamp("start", parameters.get("start", ""))
        end = _timestamp("end", parameters.get("end", ""))
        if end < start:
            raise PrometheusError('invalid parameter "end": end timestamp must not be before start time')
        step = _duration("step", parameters.get("step", ""))
        if step <= 0:
            raise PrometheusError(
                'invalid parameter "step": zero or negative query resolution step widths are not accepted. '
                "Try a positive integer"
            )
        if (end - start) / step > MOST_POINTS:
            raise PrometheusError(
                "exceeded maximum resolution of 11,000 points per timeseries. "
                "Try decreasing the query resolution (?step=XX)"
            )
        asked: dict[int, list[float | int]] = {}
        for i in range(int((end - start) / step + 1e-9) + 1):
            asked.setdefault(self._hour(start + i * step), []).append(_number_of(start + i * step))
        result = []
        for labels, hours, value_at in self._select(parameters.get("query", "")):
            points = [[moment, value_at(hour)] for hour in hours if hour in asked for moment in asked[hour]]
            if points:
                result.append({"metric": dict(labels), "values": points})
        return _success({"resultType": "matrix", "result": result})

    def query(self, parameters: dict[str, str]) -> dict[str, Any]:
        """``/api/v1/query``; without ``time``, the moment the data is as of.

        Raises:
            PrometheusError: in Prometheus' words.
        """
        moment = _timestamp("time", parameters["time"]) if "time" in parameters else self._as_of
        hour = self._hour(moment)
        result = [
            {"metric": dict(labels), "value": [_number_of(moment), value_at(hour)]}
            for labels, hours, value_at in self._select(parameters.get("query", ""))
            if hour in hours
        ]
        return _success({"resultType": "vector", "result": result})

    def labels(self) -> dict[str, Any]:
        """``/api/v1/labels``."""
        return _success(
            sorted(
                {name for labels in (*self._gpu_series, *self._objects, *self._changes) for name, _ in labels}
                | {"__name__"}
            )
        )

    def _hour(self, moment: float) -> int:
        """The hour that ends at ``moment`` or that it is in; none (−1) before and after the data."""
        hour = -(-(moment - self._origin) // _HOUR) - 1
        return int(hour) if 0 <= hour <= self._last_hour else -1

    def _select(self, query: str) -> list[tuple[Labels, Collection[int], Callable[[int], str]]]:
        """Series that a query selects: labels, the hours they exist in (ascending), and their value in an hour."""
        compared = _COMPARISON.match(query)
        if compared:
            bound = float(compared[2])
            return [
                (labels, [hour for hour in hours if float(value_at(hour)) > bound], value_at)
                for labels, hours, value_at in self._select(compared[1])
            ]
        matchers = parse_selector(query)
        found: list[tuple[Labels, Collection[int], Callable[[int], str]]] = []
        for name, gauge in _GAUGES.items():
            if not all(m.accepts({"__name__": name}) for m in matchers if m.label == "__name__"):
                continue
            for labels, rows in self._gpu_series.items():
                named = (("__name__", name), *labels)
                if all(matcher.accepts(dict(named)) for matcher in matchers):
                    found.append((named, rows, partial(_gauge_at, rows, gauge)))
        for labels, hours in self._objects.items():
            if all(matcher.accepts(dict(labels)) for matcher in matchers):
                found.append((labels, hours, _one))
        for labels, values in self._changes.items():
            if all(matcher.accepts(dict(labels)) for matcher in matchers):
                found.append((labels, values, partial(_value_at, values)))
        return sorted(found, key=lambda item: item[0])

    def _namespace_series(self) -> Series:
        hours = range(self._last_hour + 1)
        series: Series = {}
        for namespace, (team, app) in org.CLUSTER_NAMESPACES.items():
            labels = {"label_app": app, "label_kubernetes_io_metadata_name": namespace, "namespace": namespace}
            if team != "search":  # the search team never labelled its namespaces: their names say whose they are
                labels["label_team"] = team
            series[_kube("kube_namespace_labels", labels)] = hours
        return series


def _gauge_at(rows: dict[int, GpuHour], gauge: Callable[[GpuHour], float], hour: int) -> str:
    return _number(gauge(rows[hour]))


def _value_at(values: dict[int, float], hour: int) -> str:
    return _number(values[hour])


def _one(_: int) -> str:
    return "1"


def _gpu_labels(row: GpuHour, model: str) -> Labels:
    labels = {
        "DCGM_FI_DRIVER_VERSION": "590.48.01",
        "Hostname": row.node,
        "UUID": gpu_uuid(row.node, row.gpu),
        "device": f"nvidia{row.gpu}",
        "gpu": str(row.gpu),
        "instance": f"{row.node}:9400",
        "job": "dcgm-exporter",
        "modelName": model,
    }
    if row.pod:
        labels |= {"container": row.namespace.split("--")[1], "namespace": row.namespace, "pod": row.pod}
    return tuple(sorted(labels.items()))


def _pod_series(pods: dict[tuple[str, str, str], set[int]]) -> Series:
    series: Series = {}
    for (namespace, pod, node), hours in pods.items():
        team, app = org.CLUSTER_NAMESPACES[namespace]
        values = dict.fromkeys(sorted(hours))
        own = {"namespace": namespace, "pod": pod}
        series[
            _kube(
                "kube_pod_info", {**own, "node": node, "created_by_kind": "Job" if pod.count("-") < 3 else "ReplicaSet"}
            )
        ] = values
        series[_kube("kube_pod_labels", {**own, "label_app": app, "label_team": team})] = values
    return series


def _kube(name: str, labels: dict[str, str]) -> Labels:
    scraped = {"instance": "kube-state-metrics:8080", "job": "kube-state-metrics"}
    return (("__name__", name), *sorted((labels | scraped).items()))


def _success(data: object) -> dict[str, Any]:
    return {"status": "success", "data": data}


def _number(value: float) -> str:
    """As Go's ``FormatFloat(v, 'f', -1, 64)`` prints it."""
    text = repr(float(value))
    if "e" in text:
        return f"{float(value):.0f}" if abs(value) < 1e16 else _plain_exponent(text)
    return text.removesuffix(".0")


def _plain_exponent(text: str) -> str:
    digits, _, exponent = text.partition("e")
    whole, _, fraction = digits.partition(".")
    return whole + fraction.ljust(int(exponent), "0")


def _number_of(moment: float) -> float | int:
    return int(moment) if moment == int(moment) else round(moment, 3)


def _timestamp(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise PrometheusError(f'invalid parameter "{name}": cannot parse "{text}" to a valid timestamp') from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _duration(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        pass
    parts = _DURATION.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise PrometheusError(f'invalid parameter "{name}": cannot parse "{text}" to a valid duration')
    return float(sum(int(number) * _UNIT_SECONDS[unit] for number, unit in parts))
