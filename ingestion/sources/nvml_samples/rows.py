"""What a line of a collector's file is.

Here: rows of ``nvml__gpu_sample`` and ``nvml__process_sample``, and their checks.
Not here: sampling (``ingestion.nvml``), loading.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from finops import lake as contract
from ingestion.lake import arrow_schema, naive_utc
from ingestion.rejects import Reject

GPU_TABLE = contract.NVML_GPU_SAMPLE
PROCESS_TABLE = contract.NVML_PROCESS_SAMPLE
_TABLES = {"gpu": GPU_TABLE, "process": PROCESS_TABLE}
_RATIOS = frozenset(("duty_cycle_ratio", "memory_utilization_ratio", "sm_utilization_ratio", "slice_share"))


class _LineError(Exception):
    def __init__(self, column: str | None, reason: str) -> None:
        super().__init__(reason)
        self.column = column
        self.reason = reason


def parse_lines(
    lines: Iterator[str], address: str, rejects: list[Reject]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """GPU rows and process rows of a file, without source and snapshot. A killed collector's last line may be cut."""
    found: dict[str, list[dict[str, Any]]] = {"gpu": [], "process": []}
    for row, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            kind, values = _row(line)
        except _LineError as error:
            remedy = "Nothing is lost but this sample where the collector was killed; else update the collector"
            # Nothing of a line that does not parse is known to be harmless.
            rejects.append(Reject(address, row, error.column, error.reason, remedy, f"({len(line)} characters)"))
            continue
        found[kind].append({**values, "x_file": address, "x_row": row})
    return found["gpu"], found["process"]


def _row(line: str) -> tuple[str, dict[str, Any]]:
    try:
        document = json.loads(line)
    except json.JSONDecodeError:
        raise _LineError(None, "the line is no JSON: it was cut off") from None
    kind = document.get("kind") if isinstance(document, dict) else None
    if kind not in _TABLES:
        raise _LineError("kind", f"{kind!r} is no kind of sample")
    values = {column.name: _value(document, column) for column in _TABLES[kind].columns}
    if values["sampled_at"] is None or values["gpu_uuid"] is None:
        raise _LineError(
            "sampled_at" if values["sampled_at"] is None else "gpu_uuid", "it does not say which GPU and when"
        )
    if kind == "gpu" and not 0 < (values["step_seconds"] or 0) <= 86_400:
        raise _LineError("step_seconds", f"{values['step_seconds']} seconds is no length of a sample")
    return kind, values


def _value(document: Mapping[str, Any], column: contract.Column) -> Any:
    value = document.get(column.name)
    if value is None:
        return None
    try:
        match column.type:
            case "timestamp":
                moment = datetime.fromisoformat(value)
                return naive_utc(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
            case "double":
                number = float(value)
                if not math.isfinite(number) or number < 0 or (column.name in _RATIOS and number > 1.0001):
                    raise ValueError
                return number
            case "bigint":
                return int(value)
            case "boolean":
                return bool(value)
            case _:
                return str(value)
    except (TypeError, ValueError):
        raise _LineError(column.name, f"{column.name} has no value of its kind") from None


def table_of(table: contract.LakeTable, rows: list[dict[str, Any]], *, source_id: str, snapshot_id: str) -> pa.Table:
    """Rows in the shape of a table."""
    lineage = {"source_id": source_id, "snapshot_id": snapshot_id}
    return pa.Table.from_pylist([{**row, **lineage} for row in rows], schema=arrow_schema(table))
