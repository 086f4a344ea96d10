"""What NVML collectors on the A10 nodes wrote: closed spool files of the last two days.

Here: one file per node and hour, a sample every five minutes, from the same GPU hours as DCGM's metrics.
Not here: collecting (a real host does), DCGM (``simulator.server.prometheus``).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

from simulator import organisation as org
from simulator.gpu import GpuHour, gpu_uuid, hour_count
from simulator.randomness import stable_int, stable_uuid

POOL = "a10"
KEPT_HOURS = 48
_STEP_SECONDS = 300
_DRIVER = "590.48.01"


def spool_files(parameters: org.Parameters, rows: Iterable[GpuHour]) -> Iterator[tuple[str, str]]:
    """Name and content of every closed file."""
    pool = next(pool for pool in org.NODE_POOLS if pool.key == POOL)
    first = hour_count(parameters) - KEPT_HOURS
    origin = datetime.combine(parameters.first_day, datetime.min.time(), UTC)
    for row in rows:
        if row.pool == POOL and row.hour >= first:
            start = origin + timedelta(hours=row.hour)
            yield f"nvml-{row.node}-{start:%Y%m%dT%H%M%S}000000-1.jsonl", _lines(pool, row, start)


def _lines(pool: org.NodePool, row: GpuHour, start: datetime) -> str:
    uuid = gpu_uuid(row.node, row.gpu)
    joules = stable_int(10**9, "energy", uuid) + row.hour * 3600 * pool.idle_watts
    used = 0.55 * pool.memory_mib if row.pod else 3.0
    lines = []
    for number in range(1, 3600 // _STEP_SECONDS + 1):
        moment = (start + timedelta(seconds=number * _STEP_SECONDS)).isoformat()
        energy = joules + round(row.power_watts * number * _STEP_SECONDS)
        common = {"sampled_at": moment, "node": row.node, "gpu_uuid": uuid}
        owner = {"namespace": row.namespace, "pod": row.pod} if row.pod else {}
        lines.append(
            {
                "kind": "gpu", **common, "step_seconds": _STEP_SECONDS, "gpu_index": row.gpu,
                "gpu_model": pool.gpu_model, "driver_version": _DRIVER, "mig_enabled": False, "slice_share": 1.0,
                "duty_cycle_ratio": row.duty_cycle_percent / 100, "memory_utilization_ratio": None,
                "memory_used_mib": used, "memory_total_mib": pool.memory_mib, "power_watts": row.power_watts,
                "energy_joules": energy, "energy_used_joules": round(row.power_watts * _STEP_SECONDS),
                "temperature_celsius": 41, "sm_clock_mhz": 1695, "memory_clock_mhz": 6251, "throttle_reasons": "",
                "ecc_uncorrected_errors": 0, "process_count": 1 if row.pod else 0, **owner,
            }
        )  # fmt: skip
        if row.pod:
            uid = stable_uuid("pod", row.pod)
            lines.append(
                {
                    "kind": "process", **common, "mig_uuid": None, "pid": 2000 + stable_int(30000, "pid", row.pod),
                    "process_name": "python3", "sm_utilization_ratio": row.duty_cycle_percent / 100,
                    "memory_used_mib": used, "container_id": None, "pod_uid": uid, **owner,
                }
            )  # fmt: skip
    return "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
