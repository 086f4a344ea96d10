"""The simulator's own files behind its HTTP server: hourly account metrics and GPU readings, as Parquet.

Here: writing and reading ``<out>/telemetry/``. These two files are the simulator's memory, not a wire format.
Not here: the protocols that serve them (``simulator.server``).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, NamedTuple, get_type_hints

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from simulator import organisation as org
from simulator.gpu import GpuHour
from simulator.meters import TOKEN_MODELS
from simulator.usage import Calls, DeploymentHours

ACCOUNTS_FILE = "account_hours.parquet"
GPUS_FILE = "gpu_hours.parquet"
KEPT_DAYS = 93
"""Azure Monitor keeps platform metrics for 93 days."""


class AccountHour(NamedTuple):
    """One deployment in one hour; ``hour`` is its start in seconds since 1970. Input includes cached tokens."""

    resource_id: str
    deployment: str
    model: str
    version: str
    provisioned_units: int
    hour: int
    requests: int
    failed_requests: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int


def dedicated_account_hours(day: date, all_hours: Iterable[DeploymentHours]) -> list[AccountHour]:
    """A day of the accounts that Azure Monitor is asked about; hours without requests are absent."""
    midnight = _epoch(day)
    rows: list[AccountHour] = []
    for hours in all_hours:
        if not hours.account.has_monitor:
            continue
        deployment = hours.deployment
        version = TOKEN_MODELS[deployment.model].version
        rows.extend(
            AccountHour(
                hours.account.id, deployment.name, deployment.model, version, deployment.provisioned_units,
                midnight + 3600 * hour, int(hours.requests[hour]), 0, int(hours.input_tokens[hour]),
                int(hours.cached_tokens[hour]), int(hours.output_tokens[hour]),
            )
            for hour in np.flatnonzero(hours.requests).tolist()
        )  # fmt: skip
    return rows


def gateway_account_hours(day: date, calls: list[Calls]) -> list[AccountHour]:
    """The gateway account's day, by deployment and hour, from the same calls that the spans report."""
    midnight = _epoch(day)
    sums: dict[tuple[str, int], list[int]] = {}
    for group in calls:
        hours = group.start_second // 3600
        for hour in np.unique(hours).tolist():
            at = hours == hour
            row = sums.setdefault((group.app.model, hour), [0] * 5)
            for index, amount in enumerate(
                (at, at & (group.status != 0), group.input_tokens[at], group.cached_tokens[at], group.output_tokens[at])
            ):
                row[index] += int(amount.sum())
    return [
        AccountHour(org.GATEWAY_ACCOUNT, model, model, TOKEN_MODELS[model].version, 0, midnight + 3600 * hour, *row)
        for (model, hour), row in sorted(sums.items())
    ]


def write_account_hours(folder: Path, rows: list[AccountHour]) -> None:
    _write(folder / ACCOUNTS_FILE, rows, AccountHour)


def write_gpu_hours(folder: Path, rows: list[GpuHour]) -> None:
    _write(folder / GPUS_FILE, rows, GpuHour)


def read_account_hours(folder: Path) -> list[AccountHour]:
    columns = pq.read_table(folder / ACCOUNTS_FILE).to_pydict()
    return list(map(AccountHour, *columns.values()))


def read_gpu_hours(folder: Path) -> list[GpuHour]:
    columns = pq.read_table(folder / GPUS_FILE).to_pydict()
    return list(map(GpuHour, *columns.values()))


def _write(path: Path, rows: list[Any], kind: type) -> None:
    types = {int: pa.int64(), str: pa.string(), float: pa.float64()}
    schema = pa.schema([(name, types[hint]) for name, hint in get_type_hints(kind).items()])
    columns = zip(*rows, strict=True) if rows else ([] for _ in schema)
    table = pa.table([pa.array(values, field.type) for values, field in zip(columns, schema, strict=True)], schema)
    pq.write_table(table, path, compression="zstd")


def _epoch(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
