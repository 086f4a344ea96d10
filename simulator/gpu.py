"""The GPU cluster, hour by hour: which node is up, which pod holds which GPU, how busy it is.

Here: a small scheduler driven by the fitted allocation of real pools.
Not here: what nodes cost (``simulator.bill``) and how Prometheus serves it (``simulator.server.prometheus``).

The hours run from the first day to ``as_of``; the bill's node hours are counted from the same table.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

import numpy as np

from simulator import organisation as org
from simulator import shapes
from simulator.randomness import stable_int, stable_uuid, stream

DCGM_BLANK = 9223372036854775794
"""What DCGM exporter prints for a value it could not read (an int64 sentinel)."""

_POD_LETTERS = "bcdfghjklmnpqrstvwxz2456789"


class GpuHour(NamedTuple):
    """One GPU in one hour, counted from midnight UTC of the first day; the gauges are what a scrape would show."""

    hour: int
    pool: str
    node: str
    gpu: int
    namespace: str
    pod: str
    duty_cycle_percent: int
    sm_active: float
    memory_used_mib: int
    power_watts: float


@dataclass
class _Job:
    namespace: str
    pod: str
    gpus: list[tuple[int, int]]
    ends: int
    duty: float
    zero_share: float


@dataclass(frozen=True)
class _Service:
    """A deployment that holds its GPU for good; ``hours`` limits it to working hours on weekdays."""

    namespace: str
    pool: str
    node: int
    gpu: int
    profile: str
    duty: float
    hours: range = range(24)


_SERVICES = (
    _Service("fraud--risk-scoring", "a100", 0, 0, "steady", 0.52),
    _Service("fraud--risk-scoring", "a100", 0, 1, "steady", 0.47),
    _Service("search--product-search", "a100", 0, 2, "steady", 0.38),
    _Service("support--voice-summaries", "a10", 2, 0, "office", 0.33, range(8, 11)),
)
# Batch jobs: namespace, weight, GPUs wanted, median hours, duty cycle while working, share of samples at exactly zero.
_A100_JOBS = (
    ("robotics--vision-train", 0.30, 4, 5.0, 0.93, 0.04),
    ("data-science--demand-forecast", 0.28, 2, 3.0, 0.71, 0.10),
    ("data-science--experiment-hub", 0.24, 1, 6.0, 0.55, 0.66),
    ("search--catalog-enricher", 0.18, 2, 2.0, 0.80, 0.06),
)
_H100_JOBS = (
    ("data-science--experiment-hub", 0.8, 8, 3.0, 0.88, 0.05),
    ("robotics--sim-lab", 0.2, 8, 3.5, 0.79, 0.08),
)


def node_name(pool: org.NodePool, index: int) -> str:
    """The Kubernetes node name of a scale set instance."""
    return f"{pool.scale_set}{index:06d}"


def gpu_uuid(node: str, gpu: int) -> str:
    return f"GPU-{stable_uuid('gpu', node, gpu)}"


def hour_count(parameters: org.Parameters) -> int:
    """Hours from midnight UTC of the first day until ``as_of``."""
    start = datetime.combine(parameters.first_day, datetime.min.time(), UTC)
    return int((parameters.as_of - start).total_seconds() // 3600)


def cluster_hours(parameters: org.Parameters) -> list[GpuHour]:
    """Every GPU of every node that is up, in every hour from the first day until ``as_of``, in time order."""
    return sorted(
        (row for pool in org.NODE_POOLS for row in _pool_hours(parameters, pool)),
        key=lambda row: (row.hour, row.node, row.gpu),
    )


def node_hours(rows: list[GpuHour]) -> dict[tuple[int, str, int], int]:
    """Hours up by (day offset, pool, node index)."""
    seen = {(row.hour, row.pool, int(row.node[-6:])) for row in rows}
    hours: dict[tuple[int, str, int], int] = {}
    for hour, pool, node in seen:
        key = (hour // 24, pool, node)
        hours[key] = hours.get(key, 0) + 1
    return hours


def _pool_hours(parameters: org.Parameters, pool: org.NodePool) -> Iterator[GpuHour]:
    rng = stream(parameters.seed, "pool", pool.key, parameters.first_day)
    hours = hour_count(parameters)
    days = hours // 24 + 1
    demand = shapes.pool_allocation(rng, "shared", parameters.first_day, days)
    jobs: list[_Job] = []
    last_used = dict.fromkeys(range(pool.nodes), -99)
    for hour in range(hours):
        day = parameters.first_day + timedelta(days=hour // 24)
        jobs = [job for job in jobs if job.ends > hour]
        holders = _service_holders(pool, day, hour % 24)
        for job in jobs:
            holders.update(dict.fromkeys(job.gpus, job))
        if pool.key == "a100":
            _start_a100_jobs(rng, pool, hour, day, float(demand[hour]), holders, jobs)
        elif pool.key == "h100":
            _start_h100_jobs(rng, hour, day, holders, jobs)
        for node, _ in holders:
            last_used[node] = hour
        for node in range(pool.nodes):
            # The autoscaler keeps an unused node for one more hour.
            if node >= pool.always_on and hour - last_used[node] > 1:
                continue
            for gpu in range(pool.gpus_per_node):
                row = _gauges(rng, pool, hour, node, gpu, holders.get((node, gpu)))
                if row is not None:
                    yield row


def _service_holders(pool: org.NodePool, day: date, hour: int) -> dict[tuple[int, int], _Job]:
    holders = {}
    for service in _SERVICES:
        if service.pool != pool.key or hour not in service.hours or (len(service.hours) < 24 and day.weekday() >= 5):
            continue
        rate = float(shapes.day_rates(service.profile, day)[hour])
        week = day.isocalendar().week
        pod = _pod_name(service.namespace.split("--")[1], "deployment", day.year, week, service.gpu)
        job = _Job(service.namespace, pod, [(service.node, service.gpu)], 0, min(service.duty * rate, 0.97), 0.0)
        holders[(service.node, service.gpu)] = job
    return holders


def _start_a100_jobs(
    rng: np.random.Generator,
    pool: org.NodePool,
    hour: int,
    day: date,
    demand: float,
    holders: dict[tuple[int, int], _Job],
    jobs: list[_Job],
) -> None:
    total = pool.nodes * pool.gpus_per_node
    for _ in range(4):
        if len(holders) >= demand * total:
            return
        namespace, _, gpus, median, duty, zero = _A100_JOBS[
            rng.choice(len(_A100_JOBS), p=[job[1] for job in _A100_JOBS])
        ]
        place = _free_gpus(pool, holders, gpus)
        if place is None:
            return
        length = max(1, round(median * float(np.exp(rng.normal(0, 0.7)))))
        job = _Job(
            namespace, _pod_name(namespace.split("--")[1], "job", day, hour, place), place, hour + length, duty, zero
        )
        jobs.append(job)
        holders.update(dict.fromkeys(place, job))


def _start_h100_jobs(
    rng: np.random.Generator, hour: int, day: date, holders: dict[tuple[int, int], _Job], jobs: list[_Job]
) -> None:
    """The H100 node exists at night only: one or two queued jobs on four weekday evenings in five."""
    if hour % 24 != 20 or day.weekday() >= 5 or holders or rng.random() > 0.84:
        return
    namespace, _, gpus, median, duty, zero = _H100_JOBS[rng.choice(len(_H100_JOBS), p=[job[1] for job in _H100_JOBS])]
    length = min(max(2, round(median * float(np.exp(rng.normal(0, 0.25))))), 7)
    place = [(0, gpu) for gpu in range(gpus)]
    pod = _pod_name(namespace.split("--")[1], "job", day, hour, place)
    job = _Job(namespace, pod, place, hour + length, duty, zero)
    jobs.append(job)
    holders.update(dict.fromkeys(place, job))


def _free_gpus(pool: org.NodePool, holders: dict[tuple[int, int], _Job], wanted: int) -> list[tuple[int, int]] | None:
    """GPUs of one node, the fullest node that has room first."""
    best: list[tuple[int, int]] | None = None
    for node in range(pool.nodes):
        free = [(node, gpu) for gpu in range(pool.gpus_per_node) if (node, gpu) not in holders]
        if len(free) >= wanted and (best is None or len(free) < len(best)):
            best = free
    return best[:wanted] if best else None


def _pod_name(app: str, kind: str, *names: object) -> str:
    letters = "".join(_POD_LETTERS[stable_int(len(_POD_LETTERS), app, kind, i, *names)] for i in range(14))
    return f"{app}-{letters[:9]}-{letters[9:]}" if kind == "deployment" else f"{app}-{letters[:5]}"


def _gauges(
    rng: np.random.Generator, pool: org.NodePool, hour: int, node: int, gpu: int, job: _Job | None
) -> GpuHour | None:
    """One hour's reading, or none where the exporter was not scraped (3 in 1000)."""
    missed, quiet, blank, noise, share = rng.random(5)
    if missed < 0.003:
        return None
    duty = 0.0
    if job is not None and quiet >= job.zero_share:
        duty = min(max(job.duty * (0.92 + 0.16 * noise), 0.01), 1.0)
    memory = (0.55 + 0.4 * share) * pool.memory_mib if job is not None else 3.0
    watts = pool.idle_watts + (pool.max_watts - pool.idle_watts) * duty * (0.8 + 0.1 * share)
    sm_active = round(duty * (0.45 + 0.3 * share), 6)
    return GpuHour(
        hour, pool.key, node_name(pool, node), gpu, job.namespace if job else "", job.pod if job else "",
        round(duty * 100), float(DCGM_BLANK) if blank < 0.002 else sm_active,
        DCGM_BLANK if 0.002 <= blank < 0.004 else int(memory), round(watts, 3),
    )  # fmt: skip
