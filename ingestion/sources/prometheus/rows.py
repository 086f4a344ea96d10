"""What Prometheus answers about GPUs and Kubernetes objects.

Here: DCGM series joined to one row per GPU and time, kube-state-metrics labels as objects.
Not here: asking.
Sources: DCGM exporter's metric and label names; ``dcgm_structs.h`` for the values that stand for "no value";
kube-state-metrics' ``kube_*_labels``.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa

from finops import lake as contract
from ingestion.lake import arrow_schema

GPU_TABLE = contract.GPU_SAMPLE
OBJECT_TABLE = contract.KUBERNETES_OBJECT
EVENT_TABLE = contract.KUBERNETES_EVENT

Series = Mapping[str, Any]

GPU_QUERIES: dict[str, str] = {
    "duty_cycle_ratio": "DCGM_FI_DEV_GPU_UTIL",
    "engine_active_ratio": "DCGM_FI_PROF_GR_ENGINE_ACTIVE",
    "sm_active_ratio": "DCGM_FI_PROF_SM_ACTIVE",
    "memory_used_mib": "DCGM_FI_DEV_FB_USED",
    "power_watts": "DCGM_FI_DEV_POWER_USAGE",
    "energy_joules": "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION",
}
OBJECT_QUERIES = ("kube_namespace_labels", "kube_pod_labels", "kube_pod_info")

_MICROS = 1_000_000
_PERCENT = 100.0
# "No value" of DCGM for 32-bit, floating and 64-bit fields; the next few numbers above each say why. Prometheus'
# 64-bit floats round the largest up.
_BLANKS = ((2147483632.0, 2147483647.0), (140737488355328.0, 140737488355343.0), (9.2e18, math.inf))
_LARGEST = {"duty_cycle_ratio": 100.0, "sm_active_ratio": 1.0, "engine_active_ratio": 1.0}
_DIVISORS = {"duty_cycle_ratio": _PERCENT, "energy_joules": 1000.0}  # percent; millijoules
_PROFILE = re.compile(r"(?:(\d+)c\.)?(\d+)g\.")
_SLICES = {"A30": 4}
_MOST_SLICES = 7
_LABEL_PREFIX = "label_"


def gpu_rows(answers: Mapping[str, Iterable[Series]]) -> dict[tuple[str, int], dict[str, Any]]:
    """Join the series of all metrics by GPU and time.

    Args:
        answers: column → series of its metric.

    Returns:
        (GPU, seconds since 1970) → columns. Where two series name the same GPU and time, as happens when a pod comes
        or goes, the one with a pod counts.
    """
    rows: dict[tuple[str, int], dict[str, Any]] = {}
    for column, series_list in answers.items():
        for series in series_list:
            labels = series["metric"]
            gpu = _gpu_id(labels)
            if gpu is None:
                continue
            pod = label(labels, "pod")
            identity = {
                **_slice(labels),
                "gpu_uuid": gpu,
                "node": labels.get("Hostname") or labels.get("node") or labels.get("instance"),
                "gpu_model": labels.get("modelName"),
                "namespace": label(labels, "namespace") if pod else None,
                "pod": pod,
            }
            for seconds, text in series["values"]:
                key = (gpu, int(seconds))
                row = rows.get(key)
                if row is None:
                    row = rows[key] = dict(identity)
                elif pod and row["pod"] is None:
                    row.update(identity)
                elif not pod and row["pod"] is not None and column in row:
                    continue
                row[column] = gauge(column, text)
    for row in rows.values():
        engine = row.pop("engine_active_ratio", None)
        if row.get("duty_cycle_ratio") is not None:
            row["duty_source"] = "gpu_util"
        elif engine is not None:
            # Profiling counters only, as on MIG instances: the engine's activity is what the duty cycle samples.
            row["duty_cycle_ratio"], row["duty_source"] = engine, "engine_active"
    return rows


def label(labels: Mapping[str, str], name: str) -> str | None:
    """A label of the object itself: Prometheus renames it where the scraped target has its own of that name."""
    return labels.get(f"exported_{name}") or labels.get(name) or None


def _slice(labels: Mapping[str, str]) -> dict[str, Any]:
    """What part of the GPU a series is about: ``1g.10gb`` is one slice of seven, ``1c.3g.40gb`` too."""
    profile = labels.get("GPU_I_PROFILE") or None
    if not labels.get("GPU_I_ID"):
        return {"mig_profile": None, "slice_share": 1.0}
    match = _PROFILE.match(profile or "")
    total = next((n for name, n in _SLICES.items() if name in labels.get("modelName", "").split()), _MOST_SLICES)
    return {"mig_profile": profile, "slice_share": int(match[1] or match[2]) / total if match else 1 / total}


def _gpu_id(labels: Mapping[str, str]) -> str | None:
    """NVML UUID; a MIG slice adds its instance, because slices are held by different pods."""
    uuid = labels.get("UUID") or labels.get("uuid")
    slice_id = labels.get("GPU_I_ID")
    return f"{uuid}/{slice_id}" if uuid and slice_id else uuid


def gauge(column: str, text: str) -> float | None:
    """A sample's value in the column's unit; None for DCGM's "no value", NaN, infinities and impossible values."""
    value = float(text)
    if not math.isfinite(value) or value < 0 or any(low <= value <= high for low, high in _BLANKS):
        return None
    if value > _LARGEST.get(column, math.inf):
        return None
    return value / _DIVISORS.get(column, 1.0)


def gpu_table(
    rows: Mapping[tuple[str, int], Mapping[str, Any]], *, source_id: str, step_seconds: int, requested_at_micros: int
) -> pa.Table:
    """Rows in the shape of ``prometheus__gpu_sample``, in time order."""
    ordered = sorted(rows.items(), key=lambda item: (item[0][1], item[0][0]))
    count = len(ordered)
    columns: dict[str, Any] = {
        "source_id": [source_id] * count,
        "sampled_at": [seconds * _MICROS for (_, seconds), _ in ordered],
        "step_seconds": [step_seconds] * count,
        "requested_at": [requested_at_micros] * count,
    }
    return _table(GPU_TABLE, columns, [row for _, row in ordered])


def object_rows(answers: Mapping[str, Iterable[Series]]) -> list[dict[str, Any]]:
    """One row per namespace and pod and set of labels that it had, with node, and when it was seen (microseconds since
    1970). Labels that changed make a second row, so that each day keeps its own owner."""
    versions: dict[tuple[str, str, str], dict[str, dict[str, Any]]] = {}
    for query, series_list in answers.items():
        kind = "namespace" if query == "kube_namespace_labels" else "pod"
        for series in series_list:
            labels = series["metric"]
            namespace = label(labels, "namespace")
            name = namespace if kind == "namespace" else label(labels, "pod")
            if not namespace or not name or not series["values"]:
                continue
            seen = [int(seconds) * _MICROS for seconds, _ in series["values"]]
            own = versions.setdefault((kind, namespace, name), {})
            if query == "kube_pod_info":
                _place(own, label(labels, "node"), seen)
                continue
            said = {k.removeprefix(_LABEL_PREFIX): v for k, v in labels.items() if k.startswith(_LABEL_PREFIX)}
            _extend(own, json.dumps(said, sort_keys=True), seen)
    return [
        {"kind": kind, "namespace": namespace, "name": name, **version}
        for (kind, namespace, name), own in sorted(versions.items())
        for version in sorted(own.values(), key=lambda row: (row["first_seen_at"], row["labels"]))
    ]


def _extend(own: dict[str, dict[str, Any]], labels: str, seen: list[int]) -> None:
    """An object was seen with a set of labels."""
    new = {"labels": labels, "node": None, "first_seen_at": seen[0], "last_seen_at": seen[-1]}
    version = own.setdefault(labels, new)
    version["first_seen_at"] = min(version["first_seen_at"], seen[0])
    version["last_seen_at"] = max(version["last_seen_at"], seen[-1])


def _place(own: dict[str, dict[str, Any]], node: str | None, seen: list[int]) -> None:
    """A pod was seen on a node: so were all its labels, the newest of them until then."""
    if not own:
        _extend(own, "{}", seen)
    for version in own.values():
        version["node"] = node or version["node"]
    oldest = min(own.values(), key=lambda row: row["first_seen_at"])
    newest = max(own.values(), key=lambda row: row["last_seen_at"])
    oldest["first_seen_at"] = min(oldest["first_seen_at"], seen[0])
    newest["last_seen_at"] = max(newest["last_seen_at"], seen[-1])


def object_table(rows: list[dict[str, Any]], *, source_id: str, requested_at_micros: int) -> pa.Table:
    """Rows in the shape of ``kubernetes__object``."""
    columns: dict[str, Any] = {"source_id": [source_id] * len(rows), "requested_at": [requested_at_micros] * len(rows)}
    return _table(OBJECT_TABLE, columns, rows)


def event_table(
    rows: list[dict[str, Any]], window: tuple[int, int], *, source_id: str, requested_at_micros: int
) -> pa.Table:
    """Rows in the shape of ``kubernetes__event``; ``window`` in seconds since 1970."""
    count = len(rows)
    columns: dict[str, Any] = {
        "source_id": [source_id] * count,
        "window_start": [window[0] * _MICROS] * count,
        "window_end": [window[1] * _MICROS] * count,
        "requested_at": [requested_at_micros] * count,
        "event_at": [row["event_at"] * _MICROS for row in rows],
    }
    return _table(EVENT_TABLE, columns, rows)


def _table(
    table: contract.LakeTable, columns: Mapping[str, list[Any]], rows: list[Mapping[str, Any]] | list[dict[str, Any]]
) -> pa.Table:
    schema = arrow_schema(table)
    arrays = []
    for field in schema:
        values = columns[field.name] if field.name in columns else [row.get(field.name) for row in rows]
        is_time = pa.types.is_timestamp(field.type)
        arrays.append(pa.array(values, pa.int64()).cast(field.type) if is_time else pa.array(values, field.type))
    return pa.Table.from_arrays(arrays, schema=schema)
