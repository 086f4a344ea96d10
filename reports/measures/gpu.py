"""How GPUs are used.

Here: allocated, busy and idle GPU time per pool, over the newest 30 days or a period.
Not here: cost per GPU-hour (``units``).

Three different things: a GPU is *allocated* while a pod holds it, *idle* while none does, and *busy* for the part of
its time in which its duty cycle says that something ran.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta

import pandas as pd

from reports.frames import between, last_day
from reports.measures.missing import Missing

WINDOW_DAYS = 30
IDLE_POOL_SHARE = 0.5
"""A pool that nobody holds for more than half of its time is called idle."""

IDLE_GPU_KINDS = ("free", "fragmented", "held_unused")
"""Of ``fct_ai_cost_daily.idle_kind``, those that are GPU time."""

_AKS_NODE = re.compile(r"^aks-(?P<pool>[a-z0-9]+)-\d+-vmss[0-9a-z]*$")


@dataclass(frozen=True)
class GpuPool:
    """Hours of GPU time."""

    pool: str
    gpu_model: str
    gpu_count: int
    allocated_hours: float
    busy_hours: float
    idle_hours: float

    @property
    def hours(self) -> float:
        return self.allocated_hours + self.idle_hours

    @property
    def duty_cycle(self) -> float:
        """Busy share of all GPU time, allocated or not."""
        return self.busy_hours / self.hours if self.hours else 0.0

    @property
    def allocated_duty_cycle(self) -> float | None:
        """Busy share of allocated time: what a team makes of the GPUs it holds."""
        return min(self.busy_hours / self.allocated_hours, 1.0) if self.allocated_hours else None

    @property
    def idle_share(self) -> float:
        return self.idle_hours / self.hours if self.hours else 0.0

    @property
    def is_idle(self) -> bool:
        return self.idle_share > IDLE_POOL_SHARE


@dataclass(frozen=True)
class GpuUse:
    first_day: date
    last_day: date
    whole: GpuPool
    pools: tuple[GpuPool, ...]

    @property
    def idle_pools(self) -> tuple[GpuPool, ...]:
        return tuple(pool for pool in self.pools if pool.is_idle)


def pool_of(node: object, gpu_model: object) -> str:
    """Node pool of an AKS node or scale set (``aks-<pool>-<number>-vmss<instance>``), else the GPU model's name."""
    match = _AKS_NODE.match(str(node))
    return match["pool"] if match else str(gpu_model)


def pool_of_charge(resource_name: object) -> str:
    """The pool whose machines a charge is for; charges without a resource are for all of a cluster."""
    return pool_of(resource_name, resource_name) if isinstance(resource_name, str) else "The whole cluster"


def daily_pools(gpus: pd.DataFrame) -> pd.DataFrame:
    """``fct_gpu_hourly`` → day, pool, allocated_hours, busy_hours, idle_hours."""
    if gpus.empty:
        return pd.DataFrame(columns=["day", "pool", "allocated_hours", "busy_hours", "idle_hours"])
    return (
        _hours(gpus)
        .assign(day=gpus["usage_hour"].dt.normalize())
        .groupby(["day", "pool"], as_index=False)[["allocated_hours", "busy_hours", "idle_hours"]]
        .sum()
    )


def gpu_use(gpus: pd.DataFrame, as_of: date, since: date | None = None) -> GpuUse | Missing:
    """``gpus``: rows of ``fct_gpu_hourly``, or their sums by node, GPU and day; ``since``: else the newest 30 days."""
    through = last_day(gpus[gpus["usage_hour"] < pd.Timestamp(as_of) + pd.Timedelta(days=1)]["usage_hour"])
    if through is None:
        return Missing("No GPU metrics have arrived; connect a Prometheus source to see utilisation.")
    first = since or through - timedelta(days=WINDOW_DAYS - 1)
    rows = between(gpus, "usage_hour", first, through)
    hours = _hours(rows)
    pools = [_pool(str(pool), ", ".join(sorted(set(part["gpu_model"]))), part) for pool, part in hours.groupby("pool")]
    return GpuUse(
        first_day=max(first, rows["usage_hour"].min().date()),
        last_day=through,
        whole=_pool("all", "", hours),
        pools=tuple(sorted(pools, key=lambda pool: (-pool.hours, pool.pool))),
    )


def _hours(rows: pd.DataFrame) -> pd.DataFrame:
    nodes = rows[["node", "gpu_model"]].drop_duplicates()
    names = {(node, model): pool_of(node, model) for node, model in nodes.itertuples(index=False)}
    return pd.DataFrame(
        {
            "pool": [names[key] for key in zip(rows["node"], rows["gpu_model"], strict=True)],
            "gpu_model": rows["gpu_model"],
            "gpu_uuid": rows["gpu_uuid"],
            "allocated_hours": rows["allocated_seconds"].astype("float64") / 3600,
            "idle_hours": rows["idle_seconds"].astype("float64") / 3600,
            "busy_hours": rows["busy_gpu_seconds"].fillna(0.0) / 3600,
        },
        index=rows.index,
    )


def _pool(name: str, gpu_model: str, part: pd.DataFrame) -> GpuPool:
    return GpuPool(
        pool=name,
        gpu_model=gpu_model,
        gpu_count=int(part["gpu_uuid"].nunique()),
        allocated_hours=float(part["allocated_hours"].sum()),
        busy_hours=float(part["busy_hours"].sum()),
        idle_hours=float(part["idle_hours"].sum()),
    )
