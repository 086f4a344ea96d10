"""What an MLflow run says: records for ``ingestion.training``.

Here: which tag, parameter or metric is which field.
Not here: checks of a run (``ingestion.training``), asking (``client``).

Tags win over parameters, and those over metrics. Nothing else of a run is kept: tags hold user names, notes, sources.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from ingestion.records import Record, as_text

# What MLflow records about itself, where the run says nothing of its own.
_DEFAULT_KEYS = {"stage": "mlflow.runType", "gpu_count": "num_gpus"}
_SYSTEM_GPU = re.compile(r"system/gpu_(\d+)_")
_FIELDS = (
    *("project", "team", "app", "stage", "trigger", "retries"),
    *("gpu_count", "gpu_model", "node", "duration_seconds"),
)


def record_of(
    run: Mapping[str, Any], experiments: Mapping[str, str], fields: Mapping[Any, str], address: str
) -> Record:
    """One run of ``runs/search``; ``fields`` is meaning → key, as the source's setting. Its place is its own id: a run
    that is asked for again and refused again is one refused row."""
    info, data = run.get("info") or {}, run.get("data") or {}
    said = {**_pairs(data.get("metrics")), **_pairs(data.get("params")), **_pairs(data.get("tags"))}
    values: dict[str, Any] = {
        "run_id": info.get("run_id") or info.get("run_uuid"),
        "run_name": info.get("run_name") or said.get("mlflow.runName"),
        "experiment": experiments.get(str(info.get("experiment_id"))),
        "status": info.get("status"),
        "started_at": info.get("start_time"),
        "ended_at": info.get("end_time") or None,  # 0 while it runs, on some servers
        "is_deleted": info.get("lifecycle_stage"),
    }
    for name in _FIELDS:
        values[name] = said.get(fields.get(name, name), said.get(_DEFAULT_KEYS.get(name, name)))
    if values["gpu_count"] is None:
        values["gpu_count"] = _measured_gpus(said)
    texts = {name: as_text(value) for name, value in values.items()}
    return Record(
        f"{address} run {values['run_id']}",
        1,
        {name: text.strip() for name, text in texts.items() if text and text.strip()},
    )


def _pairs(entries: Iterable[Mapping[str, Any]] | None) -> dict[str, Any]:
    return {str(entry.get("key")): entry.get("value") for entry in entries or []}


def _measured_gpus(said: Mapping[str, Any]) -> int | None:
    """GPUs that MLflow's system metrics saw (``system/gpu_0_utilization_percentage``)."""
    seen = {match[1] for key in said if (match := _SYSTEM_GPU.match(key))}
    return len(seen) or None
