"""What Prometheus answers about GPUs and Kubernetes objects.

Here: DCGM series joined to one row per GPU and time, kube-state-metrics labels as objects.
Not here: asking.
Sources: DCGM exporter's metric and label names; ``dcgm_structs.h`` for the values that stand for "no value";
kube-state-metrics' ``kube_*_labels``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa

from finops import lake as contract
from ingestion.lake import arrow_schema

GPU_TABLE = contract.GPU_SAMPLE
OBJECT_TABLE = contract.KUBERNETES_OBJECT

Series = Mapping[str, Any]

GPU_QUERIES: dict[str, str] = {
    "duty_cycle_ratio": "DCGM_FI_DEV_GPU_UTIL",
    "sm_active_ratio": "DCGM_FI_PROF_SM_ACTIVE",
    "memory_used_mib": "DCGM_FI_DEV_FB_USED",
    "power_watts": "DCGM_FI_DEV_POWER_USAGE",
}
OBJECT_QUERIES = ("kube_namespace_labels", "kube_pod_labels", "kube_pod_info")

_MICROS = 1_000_000
_PERCENT = 100.0
# "No value" of DCGM for 32-bit, floating and 64-bit fields; the next few numbers above each say why. Prometheus'
# 64-bit floats round the largest up.
_BLANKS = ((2147483632.0, 2147483647.0), (140737488355328.0, 140737488355343.0), (9.2e18, math.inf))
_LARGEST = {"duty_cycle_ratio": 100.0, "sm_active_ratio": 1.0}
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
            pod = labels.get("exported_pod") or labels.get("pod") or None
            identity = {
                "gpu_uuid": gpu,
                "node": labels.get("Hostname") or labels.get("node") or labels.get("instance"),
                "gpu_model": labels.get("modelName"),
                "namespace": (labels.get("exported_namespace") or labels.get("namespace") or None) if pod else None,
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
    return rows


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
    return value / _PERCENT if column == "duty_cycle_ratio" else value


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
    """One row per namespace and pod with labels, node, and when it was seen (microseconds since 1970)."""
    objects: dict[tuple[str, str, str], dict[str, Any]] = {}
    for query, series_list in answers.items():
        kind = "namespace" if query == "kube_namespace_labels" else "pod"
        for series in series_list:
            labels = series["metric"]
            # Prometheus renames the labels where the scraped target has its own of that name.
            namespace = labels.get("exported_namespace") or labels.get("namespace")
            name = namespace if kind == "namespace" else labels.get("exported_pod") or labels.get("pod")
            if not namespace or not name or not series["values"]:
                continue
            seen = [int(seconds) * _MICROS for seconds, _ in series["values"]]
            row = objects.setdefault(
                (kind, namespace, name),
                {
                    "kind": kind,
                    "namespace": namespace,
                    "name": name,
                    "node": None,
                    "labels": {},
                    "first_seen_at": seen[0],
                    "last_seen_at": seen[-1],
                },
            )
            row["first_seen_at"] = min(row["first_seen_at"], seen[0])
            if seen[-1] >= row["last_seen_at"]:
                row["last_seen_at"] = seen[-1]
                row["node"] = labels.get("exported_node") or labels.get("node") or row["node"]
            row["labels"].update(
                {
                    key.removeprefix(_LABEL_PREFIX): value
                    for key, value in labels.items()
                    if key.startswith(_LABEL_PREFIX)
                }
            )
    return [row | {"labels": json.dumps(row["labels"], sort_keys=True)} for _, row in sorted(objects.items())]


def object_table(rows: list[dict[str, Any]], *, source_id: str, requested_at_micros: int) -> pa.Table:
    """Rows in the shape of ``kubernetes__object``."""
    columns: dict[str, Any] = {"source_id": [source_id] * len(rows), "requested_at": [requested_at_micros] * len(rows)}
    return _table(OBJECT_TABLE, columns, rows)


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
