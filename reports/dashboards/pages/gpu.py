"""What GPUs are used for, and what is paid for time in which nobody uses them.

Here: use against the band, idle and fragmented money, hours of the week, packing, teams, training, interruptions.
Not here: how machines' cost is split among teams (dbt), what to do about each finding (``savings``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pandas as pd

from finops.periods import BillingPeriod
from reports import formatting as f
from reports.dashboards import cells as c
from reports.dashboards.ask import Ask
from reports.dashboards.model import Cell, Column, Note, Page, Row, Section, Table, Target, Tile, Tiles, Tone
from reports.dashboards.view import View
from reports.figures import gpu as figures
from reports.figures import unit as unit_figures
from reports.frames import ZERO
from reports.measures.gpu import IDLE_GPU_KINDS, GpuPool, GpuUse, daily_pools, gpu_use, pool_of, pool_of_charge
from reports.measures.missing import Missing
from reports.measures.units import (
    GPU_HOUR_WORDS,
    GPU_HOURS,
    SMOOTHING_DAYS,
    UnitCost,
    company_cost,
    period_unit_costs,
    smoothed,
)
from reports.page.chart import Chart

CHART_DAYS = 60
TREND_DAYS = 90
SHOWN = 12
MUCH_IDLE = Decimal("0.15")
"""Share of GPU cost from which idle time is worth a warning: with the usual band a well-packed pool stays below it."""
QUIET_HOURS = (20, 6)
"""From 20:00 to 06:00 UTC is night."""
IDLE_WORDS = {
    "free": "Machines on which nobody held a GPU: scale in",
    "fragmented": "Free GPUs beside used ones: pack pods closer",
    "held_unused": "Held and nothing computed: share them, or use slices",
}
POSITIONS: Mapping[str, tuple[str, Tone]] = {
    "below": ("Below the band", "warn"),
    "within": ("In the band", "good"),
    "above": ("Above the band", "warn"),
}

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class _Band:
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


def build(view: View) -> Page:
    hours = _hours(view)
    use = gpu_use(hours, view.period.last, view.period.first)
    band = _band(view)
    idle = _idle(view)
    economics = _economics(view)
    costs = _unit_costs(view, economics)
    training = _training(view)
    interruptions = _interruptions(view)
    nodes = _nodes(view)
    weekly = _weekly(view)
    whole = company_cost(costs, "gpu_hour_billed")
    sections = [
        Section("short", "In short", ((Tiles(_tiles(view, use, band, idle, costs, training, interruptions, hours)),),))
    ]
    if isinstance(use, GpuUse):
        daily = _recent(view, hours, use)
        pools_chart, packing_chart = _pools_chart(daily, use), _packing_chart(view, nodes)
        sections += [
            Section(
                "use",
                "Use",
                (
                    (_band_chart(daily, use, band, _height(pools_chart, 320)), pools_chart),
                    (_pools_table(view, use, band, idle),),
                ),
                _use_words(view, use, band, idle),
            ),
            Section(
                "idle",
                "Idle and scattered",
                (
                    (_week_chart(view, weekly, _height(packing_chart, 280)), packing_chart),
                    (_idle_table(view, idle), _nodes_table(nodes)),
                ),
                _week_words(weekly),
            ),
        ]
    sections += [
        Section(
            "cost",
            "Cost per GPU-hour",
            ((_hours_chart(view, economics, costs), _hour_costs_table(view, costs)), (_teams_table(view, whole),)),
        ),
        Section(
            "training",
            "Training",
            ((_training_table(view, training),), (_failed_table(view),)),
            "Estimated from GPU hours and the price book; the bill has the same GPUs as machines, so nothing of it is "
            "added to billed cost.",
        ),
        Section(
            "interruptions", "Interruptions", ((_interruptions_table(view, interruptions),), (_machines_table(view),))
        ),
        Section("slices", "Slices and energy", ((_slices_table(view), _energy_table(view)),)),
    ]
    states = (Note(use.reason, "warn"),) if isinstance(use, Missing) else ()
    if isinstance(use, GpuUse) and whole is None and not idle:
        states = (
            Note(
                f"No GPU cost in {view.currency} in {view.period.label}: hours are told, money is in another currency "
                "or not on the bill.",
                "warn",
            ),
        )
    return Page("gpu", "GPUs", "Are the GPUs that we pay for at work?", tuple(sections), states)


# ── what is read ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _hours(view: View) -> pd.DataFrame:
    """Rows of ``fct_gpu_hourly``, summed by GPU and day; days before those that charts show are one row a GPU."""
    rows = Ask(view).rows(
        """with parts as (
               select case when usage_hour >= $recent then date_trunc('day', usage_hour)::timestamp end as day, *
               from fct_gpu_hourly where usage_hour >= $first and usage_hour < $last::date + 1
           )
           select coalesce(day, date_trunc('day', min(usage_hour))::timestamp) as usage_hour, node, gpu_uuid, gpu_model,
                  sum(allocated_seconds)::bigint as allocated_seconds, sum(idle_seconds)::bigint as idle_seconds,
                  sum(busy_gpu_seconds) as busy_gpu_seconds
           from parts group by day, node, gpu_uuid, gpu_model order by all""",
        recent=_chart_start(view),
    )
    columns = ["usage_hour", "node", "gpu_uuid", "gpu_model", "allocated_seconds", "idle_seconds", "busy_gpu_seconds"]
    frame = pd.DataFrame(rows, columns=columns)
    return frame.assign(
        usage_hour=pd.to_datetime(frame["usage_hour"]).astype("datetime64[us]"),
        busy_gpu_seconds=frame["busy_gpu_seconds"].astype("float64"),
    )


def _band(view: View) -> _Band:
    rows = Ask(view).rows(
        """select max_by(utilization_at_least, usage_date) as low, max_by(utilization_at_most, usage_date) as high
           from fct_gpu_utilization_daily where usage_date <= $last""",
    )
    return _Band(rows[0]["low"], rows[0]["high"]) if rows else _Band(None, None)


def _idle(view: View) -> Rows:
    return Ask(view).rows(
        """select idle_kind, team, resource_name, sum(effective_cost) as cost
           from fct_ai_cost_daily
           where is_ai and idle_kind in (select unnest($kinds)) and billing_currency = $currency
               and usage_date between $first and $last
           group by all order by cost desc, idle_kind, resource_name""",
        kinds=list(IDLE_GPU_KINDS),
    )


def _economics(view: View) -> pd.DataFrame:
    """Cost and hours of the company's days: of the period, what it is compared with, and what the trend shows."""
    rows = Ask(view).rows(
        """select usage_date, unit, scope_type, scope_value, cost_basis, cost, quantity
           from fct_unit_economics_daily
           where unit in (select unnest($units)) and scope_type = 'company' and currency = $currency
               and usage_date between $since and $last
           order by usage_date""",
        units=list(GPU_HOURS),
        since=min(view.period.before_first, _trend_start(view)),
    )
    columns = ["usage_date", "unit", "scope_type", "scope_value", "cost_basis", "cost", "quantity"]
    frame = pd.DataFrame(rows, columns=columns)
    return frame.assign(usage_date=pd.to_datetime(frame["usage_date"]).astype("datetime64[us]"))


def _chart_start(view: View) -> date:
    return max(view.period.first, view.period.last - timedelta(days=CHART_DAYS - 1))


def _trend_start(view: View) -> date:
    return view.period.last - timedelta(days=TREND_DAYS - 1)


def _unit_costs(view: View, economics: pd.DataFrame) -> tuple[UnitCost, ...]:
    period = view.period
    return period_unit_costs(economics, period.first, period.last, period.before_first, period.before_last)


def _months(view: View) -> dict[str, Any]:
    """Months that the period touches: training is summed by the month of its start."""
    return {
        "first": BillingPeriod.containing(view.period.first).start,
        "last": BillingPeriod.containing(view.period.last).start,
        "currency": view.currency,
    }


def _training(view: View) -> Rows:
    return Ask(view).rows(
        """select team, app, coalesce(app, project, experiment, 'Not named') as name,
                  string_agg(distinct stage, ', ' order by stage) as stages,
                  sum(run_count)::bigint as runs, sum(retrain_count)::bigint as retrains,
                  sum(failed_run_count)::bigint as failed, sum(retries)::bigint as retries,
                  sum(unpriced_run_count)::bigint as unpriced, sum(gpu_seconds) / 3600 as gpu_hours,
                  sum(estimated_cost) as cost, sum(retrain_estimated_cost) as retrain_cost,
                  sum(failed_estimated_cost) as failed_cost
           from fct_training_cost_monthly
           where month_start between $first and $last and (currency = $currency or currency is null)
           group by 1, 2, 3 order by cost desc nulls last, runs desc, name""",
        **_months(view),
    )


def _interruptions(view: View) -> Rows:
    return Ask(view).rows(
        """select kind, is_spot, team, app, namespace, sum(event_count) as events,
                  sum(repeated_gpu_seconds) / 3600 as gpu_hours, sum(estimated_repeated_cost) as cost
           from fct_interruption_daily
           where event_date between $first and $last and (currency = $currency or currency is null)
           group by all order by cost desc nulls last, events desc""",
    )


def _nodes(view: View) -> Rows:
    """What became of each machine's GPU hours; a free GPU beside one that is held is fragmented."""
    rows = Ask(view).rows(
        """with hours as (
               select node, usage_hour, any_value(gpu_model) as gpu_model, count(distinct gpu_uuid) as gpus,
                      sum(allocated_seconds) as held, sum(idle_seconds) as idle,
                      least(sum(coalesce(busy_gpu_seconds, 0)), sum(allocated_seconds)) as busy
               from fct_gpu_hourly where usage_hour >= $first and usage_hour < $last::date + 1
               group by node, usage_hour
           )
           select node, any_value(gpu_model) as gpu_model, max(gpus) as gpus, sum(busy) / 3600 as busy_hours,
                  (sum(held) - sum(busy)) / 3600 as waiting_hours,
                  coalesce(sum(idle) filter (where held > 0), 0) / 3600 as fragmented_hours,
                  coalesce(sum(idle) filter (where held = 0), 0) / 3600 as free_hours
           from hours group by node order by sum(held) + sum(idle) desc, node""",
    )
    return [{**row, "name": _node_name(row["node"], row["gpu_model"])} for row in rows]


def _node_name(node: str, gpu_model: str) -> str:
    """``gpua100 …0001`` of an AKS node: what tells machines of a pool apart."""
    pool = pool_of(node, gpu_model)
    return f"{pool} …{node[-4:]}" if pool != gpu_model else node


def _weekly(view: View) -> dict[tuple[int, int], tuple[float, float]]:
    """Busy and all seconds by weekday (0 is Monday) and hour of the day."""
    rows = Ask(view).rows(
        """select isodow(usage_hour)::integer - 1 as weekday, hour(usage_hour)::integer as hour,
                  sum(coalesce(busy_gpu_seconds, 0)) as busy, sum(allocated_seconds + idle_seconds)::double as whole
           from fct_gpu_hourly where usage_hour >= $first and usage_hour < $last::date + 1
           group by 1, 2""",
    )
    return {(row["weekday"], row["hour"]): (row["busy"], row["whole"]) for row in rows}


# ── in short ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _tiles(
    view: View,
    use: GpuUse | Missing,
    band: _Band,
    idle: Rows,
    costs: tuple[UnitCost, ...],
    training: Rows,
    interruptions: Rows,
    hours: pd.DataFrame,
) -> list[Tile]:
    tiles = []
    currency, label = view.currency, view.period.label
    if isinstance(use, GpuUse):
        position = band.position(use.whole.duty_cycle)
        held = use.whole.allocated_duty_cycle
        tiles.append(
            Tile(
                "GPUs at work",
                f.percent(use.whole.duty_cycle),
                f"of the time of {f.count(use.whole.gpu_count, 'GPU')}; {band.words}" if band.words else "",
                f"{f.percent(held)} of the time somebody held them" if held is not None else "",
                tone=POSITIONS[position][1] if position else "",
                spark=_daily_ratio(view, hours),
                spark_label="Busy share of each day",
            )
        )
    wasted = c.total(idle, "cost")
    billed = company_cost(costs, "gpu_hour_billed")
    paid = billed.cost if billed is not None else ZERO
    if paid or wasted:
        beside = c.total([row for row in idle if row["idle_kind"] == "fragmented"], "cost")
        tiles.append(
            Tile(
                "Idle GPUs cost",
                f.whole_money(wasted, currency),
                f"{f.percent(wasted / paid)} of {f.whole_money(paid, currency)} for GPUs, {label}" if paid else label,
                f"{f.whole_money(beside, currency)} of it beside GPUs in use",
                tone="warn" if wasted > paid * MUCH_IDLE else "good",
                target=Target("savings") if wasted else None,
            )
        )
    allocated = company_cost(costs, "gpu_hour_allocated") or billed
    if allocated is not None:
        busy = company_cost(costs, "gpu_hour_busy")
        tiles.append(
            Tile(
                "Cost per GPU-hour",
                f.unit_money(allocated.unit_cost, currency),
                f"per {GPU_HOUR_WORDS[allocated.unit].lower()}, {_change_words(view, allocated)}",
                f"{f.unit_money(busy.unit_cost, currency)} per busy hour" if busy is not None else "",
            )
        )
    if interruptions:
        repeated = c.total(interruptions, "cost")
        spot = sum(row["events"] for row in interruptions if row["is_spot"])
        tiles.append(
            Tile(
                "Interruptions",
                f.whole(sum(row["events"] for row in interruptions)),
                f"{f.whole_money(repeated, currency)} of work done again, at most",
                f"{f.whole(spot)} on spot machines",
                target=Target("gpu", anchor="interruptions"),
            )
        )
    if training:
        failed = c.total(training, "failed_cost")
        tiles.append(
            Tile(
                "Training (estimated)",
                f.whole_money(c.total(training, "cost"), currency),
                f"{f.whole(sum(row['runs'] for row in training))} runs, "
                f"{f.whole(sum(row['retrains'] for row in training))} retrains for "
                f"{f.whole_money(c.total(training, 'retrain_cost'), currency)}",
                f"{f.whole_money(failed, currency)} for "
                f"{f.count(sum(row['failed'] for row in training), 'run')} that failed",
                tone="warn" if failed > 0 else "",
                target=Target("gpu", anchor="training"),
            )
        )
    return tiles


def _change_words(view: View, line: UnitCost) -> str:
    if line.change_ratio is None:
        return view.period.label
    return f"{f.signed_percent(line.change_ratio)} against {view.period.before_label}"


def _daily_ratio(view: View, hours: pd.DataFrame) -> tuple[float | None, ...]:
    recent = hours[hours["usage_hour"] >= pd.Timestamp(_chart_start(view))]
    daily = (
        recent.groupby("usage_hour")[["busy_gpu_seconds", "allocated_seconds", "idle_seconds"]].sum().astype("float64")
    )
    whole = daily["allocated_seconds"] + daily["idle_seconds"]
    shares = daily["busy_gpu_seconds"] / whole.where(whole > 0)
    return tuple(None if value != value else round(value, 4) for value in shares)


# ── use ───────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _use_words(view: View, use: GpuUse, band: _Band, idle: Rows) -> str:
    held = use.whole.allocated_duty_cycle
    words = (
        f"From {f.day(use.first_day)} to {f.day(use.last_day)}, {f.count(use.whole.gpu_count, 'GPU')} were busy "
        f"{f.percent(use.whole.duty_cycle)} of the time"
    )
    if held is not None:
        words += f" ({f.percent(held)} of the time a pod held them)"
    words += f" and idle {f.percent(use.whole.idle_share)}"
    words += f"; {band.words}." if band.words else "."
    wasted = c.total(idle, "cost")
    return f"{words} Idle time cost {f.money(wasted, view.currency)}." if wasted else words


def _shown_pools(use: GpuUse) -> list[str]:
    return [pool.pool for pool in use.pools[:6]]


def _recent(view: View, hours: pd.DataFrame, use: GpuUse) -> pd.DataFrame:
    daily = daily_pools(hours[hours["usage_hour"] >= pd.Timestamp(_chart_start(view))])
    return daily[daily["pool"].isin(_shown_pools(use))].sort_values(["day", "pool"])


def _height(beside: Chart, least: int) -> int:
    """Of a chart that stands beside another one: as high."""
    return least if beside.figure is None else max(beside.figure["layout"]["height"], least)


def _band_chart(recent: pd.DataFrame, use: GpuUse, band: _Band, height: int) -> Chart:
    daily = [
        {"day": row["day"], "pool": row["pool"], "ratio": row["busy_hours"] / whole if whole else None}
        for row in recent.to_dict("records")
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
        figures.against_band(
            daily,
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
        figures.pools(daily.assign(waiting_hours=waiting), _shown_pools(use)),
        "",
    )


def _pools_table(view: View, use: GpuUse, band: _Band, idle: Rows) -> Table:
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
                c.text(name, small=pool.gpu_model),
                c.count(pool.gpu_count),
                c.count(pool.hours),
                c.share(pool.allocated_duty_cycle),
                c.bar(pool.duty_cycle),
                c.share(pool.idle_share),
                c.money(cost, view.currency),
                c.badge(words, tone),
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
        f"{view.period.label}. {f.whole_money(rest, view.currency)} of idle cost belongs to no pool by name."
        if rest
        else f"{view.period.label}.",
        total=line(use.whole, "All", c.total(idle, "cost") if idle else None),
        export="fct_gpu_utilization_daily",
    )


# ── idle ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _share_of(weekly: Mapping[tuple[int, int], tuple[float, float]], keep: Any) -> float | None:
    busy = sum(value[0] for key, value in weekly.items() if keep(*key))
    whole = sum(value[1] for key, value in weekly.items() if keep(*key))
    return busy / whole if whole else None


def _is_night(hour: int) -> bool:
    return hour >= QUIET_HOURS[0] or hour < QUIET_HOURS[1]


def _week_words(weekly: Mapping[tuple[int, int], tuple[float, float]]) -> str:
    day = _share_of(weekly, lambda weekday, hour: weekday < 5 and not _is_night(hour))
    night = _share_of(weekly, lambda weekday, hour: weekday < 5 and _is_night(hour))
    weekend = _share_of(weekly, lambda weekday, _: weekday >= 5)
    told = [
        f"{f.percent(share)} {words}"
        for share, words in ((day, "in weekdays' daytime"), (night, "at night"), (weekend, "at weekends"))
        if share is not None
    ]
    if not told:
        return ""
    words = f"GPUs were busy {', '.join(told)}."
    if day and night is not None and weekend is not None and min(night, weekend) < day * 0.6:
        words += " Pools that scale in when it is quiet would not pay for those hours."
    return words


def _week_chart(view: View, weekly: Mapping[tuple[int, int], tuple[float, float]], height: int) -> Chart:
    shares = [
        [busy / whole if whole else None for busy, whole in (weekly.get((day, hour), (0.0, 0.0)) for hour in range(24))]
        for day in range(7)
    ]
    return Chart(
        "gpu-week",
        "Hours of the week",
        f"Busy share of all GPUs by weekday and hour (UTC), {view.period.label}. Faint hours are paid for and empty.",
        f"Heat map of the busy share by weekday and hour. {_week_words(weekly)}",
        figures.week(shares, height=height) if weekly else None,
        "No GPU was measured in this period.",
    )


def _packing_chart(view: View, nodes: Rows) -> Chart:
    shown = nodes[:SHOWN]
    return Chart(
        "gpu-packing",
        "How machines are packed",
        f"Share of each machine's GPU hours, {view.period.label}, largest first. Free beside others: "
        "the machine cannot be "
        "given back, because somebody uses a part of it.",
        "Stacked bars of GPU hours by machine, busy, held, free beside others, and machines without a holder.",
        figures.packing(shown) if shown else None,
        "No machine was measured in this period.",
    )


def _nodes_table(nodes: Rows) -> Table:
    pools: dict[str, dict[str, Decimal | float]] = {}
    for row in nodes:
        pool = pools.setdefault(
            pool_of(row["node"], row["gpu_model"]),
            dict.fromkeys(("busy_hours", "waiting_hours", "fragmented_hours", "free_hours"), 0.0),
        )
        for column in pool:
            pool[column] = float(pool[column]) + float(row[column])
    made = []
    for name, pool in pools.items():
        held = float(pool["busy_hours"]) + float(pool["waiting_hours"])
        whole = held + float(pool["fragmented_hours"]) + float(pool["free_hours"])
        used = whole - float(pool["free_hours"])
        made.append(
            Row(
                (
                    c.text(name),
                    c.count(sum(pool_of(row["node"], row["gpu_model"]) == name for row in nodes)),
                    c.bar(held / used if used else None),
                    c.share(float(pool["busy_hours"]) / held if held else None),
                    c.count(pool["fragmented_hours"]),
                    c.count(pool["free_hours"]),
                )
            )
        )
    return Table(
        "gpu-packing-pools",
        "Packing",
        (
            Column("Pool"),
            Column("Machines", "number"),
            Column("Packed", "bar", "Share of the GPUs that were held, on machines that anybody used"),
            Column("Busy of held", "number"),
            Column("Scattered hours", "number", "GPU-hours free beside used ones"),
            Column("Empty hours", "number", "GPU-hours of machines without a holder"),
        ),
        tuple(made),
        "No machine was measured in this period.",
    )


def _idle_table(view: View, idle: Rows) -> Table:
    return Table(
        "gpu-idle-money",
        "What idle GPUs cost",
        (Column("Kind"), Column("Pool"), Column("Borne by"), Column("Cost", "number")),
        tuple(
            Row(
                (
                    c.text(f.humanise(row["idle_kind"]), small=IDLE_WORDS.get(row["idle_kind"], "")),
                    c.text(pool_of_charge(row["resource_name"])),
                    c.team(row["team"]),
                    c.money(row["cost"], view.currency),
                )
            )
            for row in idle[:SHOWN]
        ),
        "No GPU time was idle, or the bill does not say which machines have GPUs.",
        f"Billed, {view.period.label}.",
        total=Row((Cell("All"), Cell(""), Cell(""), c.money(c.total(idle, "cost"), view.currency))) if idle else None,
        export="fct_ai_cost_daily" if idle else "",
        more=f"and {len(idle) - SHOWN} smaller ones, in the total" if len(idle) > SHOWN else "",
    )


# ── cost ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _hours_chart(view: View, economics: pd.DataFrame, costs: tuple[UnitCost, ...]) -> Chart:
    basis = {unit: line.cost_basis for unit in GPU_HOURS if (line := company_cost(costs, unit)) is not None}
    rows = economics[economics["usage_date"] >= pd.Timestamp(_trend_start(view))]
    rows = rows[rows["cost_basis"] == rows["unit"].map(basis)]
    rows = rows.assign(series=rows["unit"].map(GPU_HOUR_WORDS))
    trend = smoothed(rows, "series")
    names = [words for words in GPU_HOUR_WORDS.values() if words in set(trend["series"])]
    return Chart(
        "gpu-hours",
        "Cost per GPU-hour",
        f"The same cost over hours paid for, hours held by a pod, hours at work; {SMOOTHING_DAYS}-day average.",
        "Lines of cost per GPU-hour: "
        + ", ".join(
            f"{GPU_HOUR_WORDS[unit]} {f.unit_money(line.unit_cost, view.currency)}"
            for unit in basis
            if (line := company_cost(costs, unit)) is not None
        ),
        None if trend.empty else unit_figures.lines(trend, names, view.currency),
        "No GPU cost has been matched with GPU hours yet.",
    )


def _hour_costs_table(view: View, costs: tuple[UnitCost, ...]) -> Table:
    lines = [line for unit in GPU_HOURS if (line := company_cost(costs, unit)) is not None]
    return Table(
        "gpu-hour-costs",
        "Three kinds of hour",
        (
            Column("Hour"),
            Column("Hours", "number"),
            Column("Cost each", "number"),
            Column("Change", "number", f"Against {view.period.before_label}"),
        ),
        tuple(
            Row(
                (
                    c.text(GPU_HOUR_WORDS[line.unit], small=line.cost_basis),
                    c.count(line.quantity),
                    c.unit_money(line.unit_cost, view.currency),
                    c.change(line.unit_cost, line.previous_unit_cost),
                )
            )
            for line in lines
        ),
        "No GPU cost has been matched with GPU hours in this period.",
        f"{f.whole_money(lines[0].cost, view.currency)} of GPU cost, {view.period.label}." if lines else "",
        export="fct_unit_economics_daily" if lines else "",
    )


def _teams_table(view: View, whole: UnitCost | None) -> Table:
    rows = Ask(view).rows(
        """select scope_value as team, max(cost) as cost,
                  max(quantity) filter (where unit = 'gpu_hour_billed') as billed,
                  max(quantity) filter (where unit = 'gpu_hour_allocated') as held,
                  max(quantity) filter (where unit = 'gpu_hour_busy') as busy
           from (
               select scope_value, unit, sum(cost) as cost, sum(quantity) as quantity from fct_unit_economics_daily
               where unit in (select unnest($units)) and scope_type = 'team' and cost_basis = $basis
                   and currency = $currency and usage_date between $first and $last
               group by all
           )
           group by 1 order by cost desc, team""",
        units=list(GPU_HOURS),
        basis="billed" if whole is None else whole.cost_basis,
    )

    def line(name: Cell, row: Mapping[str, Any]) -> Row:
        cost, held, busy = row["cost"], row["held"] or ZERO, row["busy"] or ZERO
        return Row(
            (
                name,
                c.money(cost, view.currency, small="idle hours" if cost and not held else ""),
                c.count(row["billed"]),
                c.count(held),
                c.count(busy),
                c.bar(busy / held if held else None),
                c.unit_money(cost / held if held else None, view.currency),
                c.unit_money(cost / busy if busy else None, view.currency),
            )
        )

    sums = {column: c.total(rows, column) for column in ("cost", "billed", "held", "busy")}
    return Table(
        "gpu-teams",
        "By team",
        (
            Column("Team"),
            Column("GPU cost", "number", "Billed and split by use of the pools"),
            Column("Hours paid for", "number"),
            Column("Held", "number"),
            Column("Busy", "number"),
            Column("Busy of held", "bar"),
            Column("Per held hour", "number"),
            Column("Per busy hour", "number"),
        ),
        tuple(line(c.team(row["team"]), row) for row in rows),
        f"No team's GPU cost has been matched with GPU hours in {view.period.label}.",
        f"{view.period.label}, most money first.",
        total=line(Cell("All teams"), sums) if rows else None,
        export="fct_unit_economics_daily" if rows else "",
    )


# ── training and interruptions ────────────────────────────────────────────────────────────────────────────────────────


def _training_words(view: View) -> str:
    first, last = BillingPeriod.containing(view.period.first), BillingPeriod.containing(view.period.last)
    return f.month(first.start) if first == last else f"{f.month(first.start)} to {f.month(last.start)}"


def _training_table(view: View, training: Rows) -> Table:
    currency = view.currency

    def line(name: Cell, row: Mapping[str, Any]) -> Row:
        return Row(
            (
                name,
                c.money(row["cost"], currency),
                c.count(row["gpu_hours"]),
                c.count(row["runs"]),
                c.count(row["retrains"]),
                c.money(row["retrain_cost"], currency),
                c.count(row["failed"]),
                c.money(row["failed_cost"], currency),
                c.count(row["retries"]),
            )
        )

    def name_of(row: Mapping[str, Any]) -> Cell:
        small = f"{row['team'] or 'No owner'}: {row['stages'] or 'stage not named'}"
        return c.app(row["app"], small=small) if row["app"] else c.text(row["name"], small=small)

    columns = ("cost", "retrain_cost", "failed_cost")
    counts = ("runs", "retrains", "failed", "retries", "gpu_hours")
    sums: dict[str, Any] = {column: c.total(training, column) for column in columns}
    sums |= {column: sum(row[column] or 0 for row in training) for column in counts}
    unpriced = sum(row["unpriced"] or 0 for row in training)
    return Table(
        "training",
        "Training and retraining",
        (
            Column("App"),
            Column("Estimated cost", "number"),
            Column("GPU-hours", "number"),
            Column("Runs", "number"),
            Column("Retrains", "number"),
            Column("For retrains", "number"),
            Column("Failed", "number"),
            Column("For failed runs", "number"),
            Column("Retries", "number"),
        ),
        tuple(line(name_of(row), row) for row in training[:SHOWN]),
        f"No training run began in {_training_words(view)}; connect mlflow or a training_runs source to see them.",
        f"Runs that began in {_training_words(view)}, most money first."
        + (f" {f.count(unpriced, 'run')} on GPUs without a price are in no amount." if unpriced else ""),
        total=line(Cell("All"), sums) if training else None,
        export="fct_training_cost_monthly" if training else "",
        more=f"and {len(training) - SHOWN} smaller ones, in the total" if len(training) > SHOWN else "",
    )


def _failed_table(view: View) -> Table:
    rows = Ask(view).rows(
        """select run_name, experiment, team, app, trigger_kind, started_at, retries, gpu_seconds / 3600 as gpu_hours,
                  estimated_cost, count(*) over () as known, sum(estimated_cost) over () as all_cost
           from fct_training_run
           where status = 'failed' and started_at >= $first and started_at < $last::date + 1
               and (currency = $currency or currency is null)
           order by estimated_cost desc nulls last, started_at desc limit 8""",
    )
    known = rows[0]["known"] if rows else 0
    return Table(
        "failed-runs",
        "Dearest failed runs",
        (
            Column("Run"),
            Column("App"),
            Column("Began"),
            Column("GPU-hours", "number"),
            Column("Retries", "number"),
            Column("Estimated cost", "number"),
        ),
        tuple(
            Row(
                (
                    c.text(
                        row["run_name"] or row["experiment"],
                        small=" · ".join(word for word in (row["experiment"], row["trigger_kind"]) if word),
                    ),
                    c.app(row["app"], small=row["team"] or "No owner"),
                    Cell(f.moment(row["started_at"]), sort=row["started_at"].isoformat()),
                    c.count(row["gpu_hours"]),
                    c.count(row["retries"]),
                    c.money(row["estimated_cost"], view.currency),
                )
            )
            for row in rows
        ),
        f"No training run failed in {view.period.label}.",
        f"{view.period.label}. A checkpoint more often, or a smaller trial first, loses less.",
        export="fct_training_run" if rows else "",
        more=f"and {known - len(rows)} more, {f.whole_money(rows[0]['all_cost'] or ZERO, view.currency)} in all"
        if known > len(rows)
        else "",
    )


def _interruptions_table(view: View, found: Rows) -> Table:
    return Table(
        "interruptions-by-app",
        "Evictions and restarts",
        (
            Column("What"),
            Column("App"),
            Column("Machine"),
            Column("Times", "number"),
            Column("Repeated GPU-hours", "number", "What is done again at most, since the last checkpoint"),
            Column("Estimated cost", "number"),
        ),
        tuple(
            Row(
                (
                    c.text(f.humanise(row["kind"])),
                    c.app(row["app"], small=row["team"] or row["namespace"] or "")
                    if row["app"]
                    else c.text(row["namespace"], small=row["team"] or "No owner"),
                    c.text("not known" if row["is_spot"] is None else "spot" if row["is_spot"] else "on demand"),
                    c.count(row["events"]),
                    c.count(row["gpu_hours"]),
                    c.money(row["cost"], view.currency),
                )
            )
            for row in found[:SHOWN]
        ),
        f"No pod was evicted or restarted in {view.period.label}.",
        f"{view.period.label}. What spot machines save has to be more than the work that is done again.",
        total=Row(
            (
                Cell("All"),
                Cell(""),
                Cell(""),
                c.count(sum(row["events"] for row in found)),
                c.count(sum(row["gpu_hours"] or 0 for row in found)),
                c.money(c.total(found, "cost"), view.currency),
            )
        )
        if found
        else None,
        export="fct_interruption_daily" if found else "",
        more=f"and {len(found) - SHOWN} more, in the total" if len(found) > SHOWN else "",
    )


def _machines_table(view: View) -> Table:
    rows = Ask(view).rows(
        """select node_type, is_spot, count(distinct node) as machines, sum(gpu_count * up_minutes) / 60 as gpu_hours,
                  sum(estimated_cost) as cost
           from fct_cluster_node_daily
           where usage_date between $first and $last and gpu_count > 0 and currency = $currency
           group by all order by cost desc""",
    )
    return Table(
        "gpu-machines",
        "Machines with GPUs",
        (
            Column("Type"),
            Column("Machine"),
            Column("Machines", "number"),
            Column("GPU-hours up", "number"),
            Column(
                "Cluster's estimate", "number", "What the cluster's own price model thinks; the bill says what is paid"
            ),
        ),
        tuple(
            Row(
                (
                    c.text(row["node_type"]),
                    c.text("not known" if row["is_spot"] is None else "spot" if row["is_spot"] else "on demand"),
                    c.count(row["machines"]),
                    c.count(row["gpu_hours"]),
                    c.money(row["cost"], view.currency),
                )
            )
            for row in rows
        ),
        "Finance and administrators see machines."
        if c.hidden(view, "fct_cluster_node_daily")
        else "No cluster tells of its machines in this period; connect an opencost source to see which are spot.",
        view.period.label + ".",
        export="fct_cluster_node_daily" if rows else "",
    )


# ── slices and energy ─────────────────────────────────────────────────────────────────────────────────────────────────


def _slices_table(view: View) -> Table:
    rows = Ask(view).rows(
        """select gpu_model, mig_profile, count(distinct gpu_uuid) as gpus,
                  sum(allocated_seconds + idle_seconds) / 3600 as hours, sum(allocated_seconds) / 3600 as held,
                  sum(busy_gpu_seconds) / nullif(sum(allocated_seconds), 0) as busy
           from fct_gpu_hourly
           where mig_profile is not null and usage_hour >= $first and usage_hour < $last::date + 1
           group by 1, 2 order by hours desc""",
    )
    return Table(
        "gpu-slices",
        "Slices (MIG)",
        (
            Column("Slice"),
            Column("GPUs", "number"),
            Column("GPU-hours", "number", "A slice has its part of the GPU's time"),
            Column("Held", "number"),
            Column("Busy of held", "number"),
        ),
        tuple(
            Row(
                (
                    c.text(row["mig_profile"], small=row["gpu_model"]),
                    c.count(row["gpus"]),
                    c.count(row["hours"]),
                    c.count(row["held"]),
                    c.share(row["busy"]),
                )
            )
            for row in rows
        ),
        "No GPU is sliced. Apps that keep a whole GPU busy for less than half of its time can share one in slices.",
        export="fct_gpu_hourly" if rows else "",
    )


def _energy_table(view: View) -> Table:
    rows = Ask(view).rows(
        """select gpu_model, sum(energy_joules) / 3.6e6 as kwh, sum(busy_gpu_seconds) / 3600 as busy,
                  sum(energy_joules) filter (where allocated_seconds = 0) / 3.6e6 as idle_kwh
           from fct_gpu_hourly
           where energy_joules is not null and usage_hour >= $first and usage_hour < $last::date + 1
           group by 1 order by kwh desc""",
    )
    return Table(
        "gpu-energy",
        "Energy",
        (
            Column("GPU"),
            Column("kWh", "number"),
            Column("kWh per busy hour", "number"),
            Column("kWh while idle", "number"),
        ),
        tuple(
            Row(
                (
                    c.text(row["gpu_model"]),
                    c.count(row["kwh"]),
                    Cell(f"{row['kwh'] / row['busy']:.2f}" if row["busy"] else c.NOTHING, sort=row["kwh"]),
                    c.count(row["idle_kwh"]),
                )
            )
            for row in rows
        ),
        "No energy is measured. DCGM's counter of total energy, or aifinops collect nvml on a host, tells it.",
        export="fct_gpu_hourly" if rows else "",
    )
