"""How busy GPUs are, against the use that is aimed at.

Here: busy and idle hours by day and pool, the band.
Not here: what idle hours cost (``gpu_idle``), GPUs of one scope (``gpus``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

import pandas as pd

from reports import formatting as f
from reports.dashboards import cells
from reports.dashboards.ask import Ask, Rows
from reports.dashboards.model import Column, Row, Table, Tile, Tone
from reports.figures import gpu as drawn
from reports.frames import ZERO
from reports.marts import from_rows
from reports.measures.gpu import GpuPool, GpuUse, daily_pools, gpu_use, pool_of_charge
from reports.measures.missing import Missing
from reports.page.chart import Chart

CHART_DAYS = 60
LEAST_HEIGHT = 320
POSITIONS: Mapping[str, tuple[str, Tone]] = {
    "below": ("Below the band", "warn"),
    "within": ("In the band", "good"),
    "above": ("Above the band", "warn"),
}


@dataclass(frozen=True)
class Band:
    """Lower and upper end of the use that is aimed at; None where nothing says."""

    low: Decimal | None
    high: Decimal | None

    def position(self, ratio: float) -> str | None:
        if self.low is None or self.high is None:
            return None
        return "below" if ratio < self.low else "above" if ratio > self.high else "within"

    @property
    def words(self) -> str:
        if self.low is None or self.high is None:
            return ""
        return f"{f.percent(self.low)} to {f.percent(self.high)} is aimed at"


def hours_of(ask: Ask) -> pd.DataFrame:
    """Rows of ``fct_gpu_hourly``, summed by GPU and day; days before those that charts show are one row a GPU."""
    rows = ask.rows(
        """with parts as (
               select case when usage_hour >= $recent then date_trunc('day', usage_hour)::timestamp end as day, *
               from fct_gpu_hourly where usage_hour >= $first and usage_hour < $last::date + 1
           )
           select coalesce(day, date_trunc('day', min(usage_hour))::timestamp) as usage_hour, node, gpu_uuid, gpu_model,
                  sum(allocated_seconds)::bigint as allocated_seconds, sum(idle_seconds)::bigint as idle_seconds,
                  sum(busy_gpu_seconds) as busy_gpu_seconds
           from parts group by day, node, gpu_uuid, gpu_model order by all""",
        recent=_chart_start(ask),
    )
    return from_rows("fct_gpu_hourly", rows)


def use_of(ask: Ask, hours: pd.DataFrame) -> GpuUse | Missing:
    return gpu_use(hours, ask.view.period.last, ask.view.period.first)


def band_of(ask: Ask) -> Band:
    row = ask.one(
        """select max_by(utilization_at_least, usage_date) as low, max_by(utilization_at_most, usage_date) as high
           from fct_gpu_utilization_daily where usage_date <= $last""",
    )
    return Band(row.get("low"), row.get("high"))


def _chart_start(ask: Ask) -> date:
    return max(ask.view.period.first, ask.view.period.last - timedelta(days=CHART_DAYS - 1))


def tiles(ask: Ask, use: GpuUse, band: Band, hours: pd.DataFrame) -> list[Tile]:
    position = band.position(use.whole.duty_cycle)
    held = use.whole.allocated_duty_cycle
    return [
        Tile(
            "GPUs at work",
            f.percent(use.whole.duty_cycle),
            f"of the time of {f.count(use.whole.gpu_count, 'GPU')}; {band.words}" if band.words else "",
            f"{f.percent(held)} of the time somebody held them" if held is not None else "",
            tone=POSITIONS[position][1] if position else "",
            spark=_daily_ratio(ask, hours),
            spark_label="Busy share of each day",
        )
    ]


def _daily_ratio(ask: Ask, hours: pd.DataFrame) -> tuple[float | None, ...]:
    recent = hours[hours["usage_hour"] >= pd.Timestamp(_chart_start(ask))]
    daily = (
        recent.groupby("usage_hour")[["busy_gpu_seconds", "allocated_seconds", "idle_seconds"]].sum().astype("float64")
    )
    whole = daily["allocated_seconds"] + daily["idle_seconds"]
    shares = daily["busy_gpu_seconds"] / whole.where(whole > 0)
    return tuple(None if value != value else round(value, 4) for value in shares)


def lead(ask: Ask, use: GpuUse, band: Band, idle: Rows) -> str:
    held = use.whole.allocated_duty_cycle
    text = (
        f"From {f.day(use.first_day)} to {f.day(use.last_day)}, {f.count(use.whole.gpu_count, 'GPU')} were busy "
        f"{f.percent(use.whole.duty_cycle)} of the time"
    )
    if held is not None:
        text += f" ({f.percent(held)} of the time a pod held them)"
    text += f" and idle {f.percent(use.whole.idle_share)}"
    text += f"; {band.words}." if band.words else "."
    wasted = cells.total(idle, "cost")
    return f"{text} Idle time cost {f.money(wasted, ask.currency)}." if wasted else text


def _shown_pools(use: GpuUse) -> list[str]:
    return [pool.pool for pool in use.pools[:6]]


def charts(ask: Ask, hours: pd.DataFrame, use: GpuUse, band: Band) -> tuple[Chart, Chart]:
    """The busy share against the band, and beside it, as high, the hours that it is of."""
    daily = daily_pools(hours[hours["usage_hour"] >= pd.Timestamp(_chart_start(ask))])
    daily = daily[daily["pool"].isin(_shown_pools(use))].sort_values(["day", "pool"])
    pools = _pools_chart(daily, use)
    return _band_chart(daily, use, band, max(pools.height, LEAST_HEIGHT)), pools


def _band_chart(daily: pd.DataFrame, use: GpuUse, band: Band, height: int) -> Chart:
    shares = [
        {"day": row["day"], "pool": row["pool"], "ratio": row["busy_hours"] / whole if whole else None}
        for row in daily.to_dict("records")
        for whole in (row["allocated_hours"] + row["idle_hours"],)
    ]
    return Chart(
        "gpu-band",
        "Busy share per day and pool",
        f"Of all GPU time that is paid for, held or not. {band.words.capitalize()}."
        if band.words
        else "Of all GPU time.",
        "Lines of the busy share per day: "
        + ", ".join(f"{pool.pool} {f.percent(pool.duty_cycle)}" for pool in use.pools),
        drawn.against_band(
            shares,
            _shown_pools(use),
            None if band.low is None else float(band.low),
            None if band.high is None else float(band.high),
            height=height,
        ),
        "",
    )


def _pools_chart(daily: pd.DataFrame, use: GpuUse) -> Chart:
    waiting = (daily["allocated_hours"] - daily["busy_hours"]).clip(lower=0)
    return Chart(
        "gpu-pools",
        "GPU hours per day and pool",
        "Busy: duty cycle of the GPU. Allocated: a pod holds it. Idle: none does. Three different things.",
        "Stacked bars of GPU hours per day and pool: "
        + ", ".join(
            f"{pool.pool} {f.percent(pool.duty_cycle)} busy, {f.percent(pool.idle_share)} idle" for pool in use.pools
        ),
        drawn.pools(daily.assign(waiting_hours=waiting), _shown_pools(use)),
        "",
    )


def pools_table(ask: Ask, use: GpuUse, band: Band, idle: Rows) -> Table:
    money: dict[str, Decimal] = {}
    for row in idle:
        name = pool_of_charge(row["resource_name"])
        money[name] = money.get(name, ZERO) + row["cost"]
    named = {pool.pool for pool in use.pools}
    rest = sum((cost for name, cost in money.items() if name not in named), ZERO)

    def line(pool: GpuPool, name: str, cost: Decimal | None) -> Row:
        position = band.position(pool.duty_cycle)
        words, tone = POSITIONS[position] if position else ("", "")
        if pool.is_idle:
            words, tone = "Mostly idle", "bad"
        return Row(
            (
                cells.text(name, small=pool.gpu_model),
                cells.count(pool.gpu_count),
                cells.count(pool.hours),
                cells.share(pool.allocated_duty_cycle),
                cells.bar(pool.duty_cycle),
                cells.share(pool.idle_share),
                cells.money(cost, ask.currency),
                cells.badge(words, tone),
            )
        )

    return Table(
        "gpu-pool-use",
        "Pools",
        (
            Column("Pool"),
            Column("GPUs", "number"),
            Column("GPU-hours", "number"),
            Column("Busy of held", "number", "Busy share of the time in which a pod held the GPU"),
            Column("Busy", "bar", "Busy share of all time, held or not"),
            Column("Idle", "number", "Share of the time in which nobody held it"),
            Column("Idle cost", "number", "Billed: machines without a holder, and free GPUs beside used ones"),
            Column("State", "badge"),
        ),
        tuple(line(pool, pool.pool, money.get(pool.pool, ZERO) if idle else None) for pool in use.pools),
        "No GPU was measured in this period.",
        f"{ask.view.period.label}. {f.whole_money(rest, ask.currency)} of idle cost belongs to no pool by name."
        if rest
        else f"{ask.view.period.label}.",
        total=line(use.whole, "All", cells.total(idle, "cost") if idle else None),
        export="fct_gpu_utilization_daily",
    )
