"""GPU time that is paid for and not used: when, on which machines, at whose cost.

Here: hours of the week, packing of machines, idle money by kind.
Not here: how machines' cost is split among teams (dbt), what to do about it (``opportunities``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal

from reports import formatting as f
from reports.dashboards import cells
from reports.dashboards.ask import Ask, Rows
from reports.dashboards.model import Cell, Column, Row, Table, Target, Tile
from reports.figures import gpu as drawn
from reports.frames import ZERO
from reports.measures.gpu import IDLE_GPU_KINDS, pool_of, pool_of_charge
from reports.measures.units import UnitCost
from reports.page.chart import Chart

SHOWN = 12
MUCH_IDLE = Decimal("0.15")
"""Share of GPU cost from which idle time is worth a warning: with the usual band a well-packed pool stays below it."""
QUIET_HOURS = (20, 6)
"""From 20:00 to 06:00 UTC is night."""
LEAST_HEIGHT = 280
Weekly = Mapping[tuple[int, int], tuple[float, float]]
"""Busy and all seconds by weekday (0 is Monday) and hour of the day."""
IDLE_WORDS = {
    "free": "Machines on which nobody held a GPU: scale in",
    "fragmented": "Free GPUs beside used ones: pack pods closer",
    "held_unused": "Held and nothing computed: share them, or use slices",
}


def idle_of(ask: Ask) -> Rows:
    return ask.rows(
        """select idle_kind, team, resource_name, sum(effective_cost) as cost
           from fct_ai_cost_daily
           where is_ai and idle_kind in (select unnest($kinds)) and billing_currency = $currency
               and usage_date between $first and $last
           group by all order by cost desc, idle_kind, resource_name""",
        kinds=list(IDLE_GPU_KINDS),
    )


def tiles(ask: Ask, idle: Rows, billed: UnitCost | None) -> list[Tile]:
    """What idle time cost of what GPUs cost (``billed``); nothing where neither is known."""
    wasted = cells.total(idle, "cost")
    paid = billed.cost if billed is not None else ZERO
    if not paid and not wasted:
        return []
    beside = cells.total([row for row in idle if row["idle_kind"] == "fragmented"], "cost")
    when = ask.view.period.label
    return [
        Tile(
            "Idle GPUs cost",
            f.whole_money(wasted, ask.currency),
            f"{f.percent(wasted / paid)} of {f.whole_money(paid, ask.currency)} for GPUs, {when}" if paid else when,
            f"{f.whole_money(beside, ask.currency)} of it beside GPUs in use",
            tone="warn" if wasted > paid * MUCH_IDLE else "good",
            target=Target("savings") if wasted else None,
        )
    ]


def charts(ask: Ask, weekly: Weekly, nodes: Rows) -> tuple[Chart, Chart]:
    """Hours of the week, and beside them, as high, how machines are packed."""
    packing = _packing_chart(ask, nodes)
    return _week_chart(ask, weekly, max(packing.height, LEAST_HEIGHT)), packing


def nodes_of(ask: Ask) -> Rows:
    """What became of each machine's GPU hours; a free GPU beside one that is held is fragmented."""
    rows = ask.rows(
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


def weekly_of(ask: Ask) -> Weekly:
    rows = ask.rows(
        """select isodow(usage_hour)::integer - 1 as weekday, hour(usage_hour)::integer as hour,
                  sum(coalesce(busy_gpu_seconds, 0)) as busy, sum(allocated_seconds + idle_seconds)::double as whole
           from fct_gpu_hourly where usage_hour >= $first and usage_hour < $last::date + 1
           group by 1, 2""",
    )
    return {(row["weekday"], row["hour"]): (row["busy"], row["whole"]) for row in rows}


def _share_of(weekly: Weekly, keep: Callable[[int, int], bool]) -> float | None:
    busy = sum(value[0] for key, value in weekly.items() if keep(*key))
    whole = sum(value[1] for key, value in weekly.items() if keep(*key))
    return busy / whole if whole else None


def _is_night(hour: int) -> bool:
    return hour >= QUIET_HOURS[0] or hour < QUIET_HOURS[1]


def lead(weekly: Weekly) -> str:
    day = _share_of(weekly, lambda weekday, hour: weekday < 5 and not _is_night(hour))
    night = _share_of(weekly, lambda weekday, hour: weekday < 5 and _is_night(hour))
    weekend = _share_of(weekly, lambda weekday, _: weekday >= 5)
    told = [
        f"{f.percent(share)} {when}"
        for share, when in ((day, "in weekdays' daytime"), (night, "at night"), (weekend, "at weekends"))
        if share is not None
    ]
    if not told:
        return ""
    text = f"GPUs were busy {', '.join(told)}."
    if day and night is not None and weekend is not None and min(night, weekend) < day * 0.6:
        text += " Pools that scale in when it is quiet would not pay for those hours."
    return text


def _week_chart(ask: Ask, weekly: Weekly, height: int) -> Chart:
    shares = [
        [busy / whole if whole else None for busy, whole in (weekly.get((day, hour), (0.0, 0.0)) for hour in range(24))]
        for day in range(7)
    ]
    return Chart(
        "gpu-week",
        "Hours of the week",
        f"Busy share of all GPUs by weekday and hour (UTC), {ask.view.period.label}. "
        "Faint hours are paid for and empty.",
        f"Heat map of the busy share by weekday and hour. {lead(weekly)}",
        drawn.week(shares, height=height) if weekly else None,
        "No GPU was measured in this period.",
    )


def _packing_chart(ask: Ask, nodes: Rows) -> Chart:
    shown = nodes[:SHOWN]
    return Chart(
        "gpu-packing",
        "How machines are packed",
        f"Share of each machine's GPU hours, {ask.view.period.label}, largest first. Free beside others: the machine "
        "cannot be given back, because somebody uses a part of it.",
        "Stacked bars of GPU hours by machine, busy, held, free beside others, and machines without a holder.",
        drawn.packing(shown) if shown else None,
        "No machine was measured in this period.",
    )


def packing_table(nodes: Rows) -> Table:
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
                    cells.text(name),
                    cells.count(sum(pool_of(row["node"], row["gpu_model"]) == name for row in nodes)),
                    cells.bar(held / used if used else None),
                    cells.share(float(pool["busy_hours"]) / held if held else None),
                    cells.count(pool["fragmented_hours"]),
                    cells.count(pool["free_hours"]),
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


def money_table(ask: Ask, idle: Rows) -> Table:
    return Table(
        "gpu-idle-money",
        "What idle GPUs cost",
        (Column("Kind"), Column("Pool"), Column("Borne by"), Column("Cost", "number")),
        tuple(
            Row(
                (
                    cells.text(f.humanise(row["idle_kind"]), small=IDLE_WORDS.get(row["idle_kind"], "")),
                    cells.text(pool_of_charge(row["resource_name"])),
                    cells.team(row["team"]),
                    cells.money(row["cost"], ask.currency),
                )
            )
            for row in idle[:SHOWN]
        ),
        "No GPU time was idle, or the bill does not say which machines have GPUs.",
        f"Billed, {ask.view.period.label}.",
        total=Row((Cell("All"), Cell(""), Cell(""), cells.money(cells.total(idle, "cost"), ask.currency))),
        export="fct_ai_cost_daily",
        more=cells.more(len(idle), SHOWN, "smaller ones, in the total"),
    )
