"""GPUs of a scope: how busy what it holds is, what idle capacity cost it, what training cost.

Here: tables of a team's and an app's GPUs and training, the company's use in one value.
Not here: pools, nodes and hours (the page on GPUs).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from reports import formatting as f
from reports.dashboards import cells
from reports.dashboards.ask import Ask
from reports.dashboards.model import Cell, Column, Link, Note, Row, Table, Target, Tone
from reports.dashboards.parts import words
from reports.frames import ZERO
from reports.marts import from_rows
from reports.measures.gpu import IDLE_GPU_KINDS, WINDOW_DAYS, GpuUse, gpu_use
from reports.measures.missing import Missing

_USE = """
select max(usage_hour) as usage_hour, node, gpu_uuid, gpu_model, sum(allocated_seconds) as allocated_seconds,
       sum(idle_seconds) as idle_seconds, sum(busy_gpu_seconds) as busy_gpu_seconds
from fct_gpu_hourly
where usage_hour < $until + interval 1 day
      and usage_hour >= (select max(usage_hour)::date from fct_gpu_hourly where usage_hour < $until + interval 1 day)
                        - (interval 1 day) * ($window - 1)
group by node, gpu_uuid, gpu_model
"""
_HELD = """
select gpu_model, app, sum(gpu_seconds) / 3600 as hours, sum(busy_gpu_seconds) / 3600 as busy,
       sum(measured_gpu_seconds) / 3600 as measured, any_value(utilization_at_least) as at_least,
       any_value(utilization_at_most) as at_most
from fct_gpu_utilization_daily
where is_held and {scope} and usage_date between $first and $until
group by all
order by hours desc, gpu_model, app
"""
_TRAINING = """
select app, stage, sum(run_count) as runs, sum(retrain_count) as retrains, sum(failed_run_count) as failed,
       sum(retries) as retries, sum(gpu_seconds) / 3600 as hours, coalesce(sum(estimated_cost), 0) as cost,
       coalesce(sum(failed_estimated_cost), 0) as failed_cost
from fct_training_cost_monthly
where (currency = $currency or currency is null) and {scope} and month_start between $since and $last
group by all
order by cost desc, app, stage
"""


def company_use(ask: Ask) -> GpuUse | Missing:
    """The newest 30 days up to the period's end, all GPUs."""
    until = ask.view.as_of.date() if ask.is_current else ask.view.period.last
    return gpu_use(from_rows("fct_gpu_hourly", ask.rows(_USE, until=until, window=WINDOW_DAYS)), until)


def idle_cost(ask: Ask) -> Decimal:
    """What GPU time that nobody used cost in the period."""
    row = ask.one(
        """select coalesce(sum(effective_cost), 0) as cost from fct_ai_cost_daily
           where is_ai and billing_currency = $currency and {scope} and usage_date between $first and $last
                 and idle_kind in (select unnest($kinds))""",
        kinds=list(IDLE_GPU_KINDS),
    )
    return Decimal(row.get("cost", ZERO))


def idle_note(ask: Ask) -> Note:
    cost = idle_cost(ask)
    period = words.period_words(ask.view.period)
    if cost <= 0:
        return Note(f"No idle GPU time was charged to {ask.name}, {period}.", "good")
    return Note(
        f"Idle GPU time cost {ask.name} {f.money(cost, ask.currency)}, {period}. It is part of the spend above.",
        "warn",
        Link("GPUs", Target("gpu")),
    )


def held_table(ask: Ask) -> Table:
    """GPU time that the scope held, and how much of it was busy."""
    until = ask.view.as_of.date() if ask.is_current else ask.view.period.last
    rows = ask.rows(_HELD, until=until)
    return Table(
        "gpus",
        "GPUs held",
        (
            Column("GPU"),
            Column("App"),
            Column("Hours held", "number"),
            Column("Busy", "number", "Share of the measured time in which something ran"),
            Column("Against the target", "badge"),
        ),
        tuple(_held_row(row) for row in rows),
        f"No GPU was held by {ask.name} in the period.",
        caption=f"{f.short_day(ask.view.period.first)} to {f.day(until)}. Held: a pod had the GPU, busy or not.",
        export="fct_gpu_utilization_daily",
    )


def _held_row(row: dict[str, Any]) -> Row:
    measured = float(row["measured"] or 0)
    busy = float(row["busy"] or 0) / measured if measured else None
    tone: Tone = "neutral"
    state = "not measured"
    if busy is not None:
        low, high = float(row["at_least"] or 0), float(row["at_most"] or 1)
        band = f"{f.percent(low)} to {f.percent(high)}"
        tone, state = ("warn", f"below {band}") if busy < low else ("good", f"within {band}")
        if busy > high:
            tone, state = "warn", f"above {band}"
    return Row(
        (
            Cell(row["gpu_model"] or words.NOT_NAMED),
            cells.app(row["app"]),
            cells.count(row["hours"]),
            cells.bar(busy),
            Cell(state, tone=tone),
        )
    )


def training_table(ask: Ask) -> Table:
    """Training runs of the months that the period touches, at list price of their GPU time."""
    rows = ask.rows(_TRAINING, since=ask.view.period.first.replace(day=1))
    whole, failed = (cells.total(rows, name) for name in ("cost", "failed_cost"))
    return Table(
        "training",
        "Training",
        (
            Column("App"),
            Column("Stage"),
            Column("Runs", "number"),
            Column("Retrained", "number"),
            Column("Failed", "number"),
            Column("GPU hours", "number"),
            Column("Cost", "number", "GPU time at list price: an estimate, part of the GPU cost above"),
            Column("Of it failed", "number"),
        ),
        tuple(
            Row(
                (
                    cells.app(row["app"]),
                    Cell(f.humanise(row["stage"] or "not named")),
                    cells.count(row["runs"]),
                    cells.count(row["retrains"]),
                    cells.count(row["failed"]),
                    cells.count(row["hours"]),
                    cells.money(row["cost"], ask.currency),
                    cells.money(row["failed_cost"], ask.currency),
                )
            )
            for row in rows
        ),
        f"No training run of {ask.name} is known in the period.",
        caption="Runs of the months that the period touches; estimates, never added to what is billed.",
        total=Row(
            (
                Cell("All runs"),
                Cell(),
                *(cells.count(sum(row[name] for row in rows)) for name in ("runs", "retrains", "failed", "hours")),
                cells.money(whole, ask.currency),
                cells.money(failed, ask.currency),
            )
        ),
        export="fct_training_cost_monthly",
    )
