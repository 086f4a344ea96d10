"""Work that GPUs do again: evictions, restarts, and the machines that are taken away.

Here: interruptions by app, machines by type.
Not here: training runs (``training``).
"""

from __future__ import annotations

from reports import formatting as f
from reports.dashboards import cells
from reports.dashboards.ask import Ask, Rows
from reports.dashboards.model import Cell, Column, Row, Table, Target, Tile

SHOWN = 12


def interruptions_of(ask: Ask) -> Rows:
    return ask.rows(
        """select kind, is_spot, team, app, namespace, sum(event_count) as events,
                  sum(repeated_gpu_seconds) / 3600 as gpu_hours, sum(estimated_repeated_cost) as cost
           from fct_interruption_daily
           where event_date between $first and $last and (currency = $currency or currency is null)
           group by all order by cost desc nulls last, events desc""",
    )


def tiles(ask: Ask, found: Rows) -> list[Tile]:
    if not found:
        return []
    return [
        Tile(
            "Interruptions",
            f.whole(sum(row["events"] for row in found)),
            f"{f.whole_money(cells.total(found, 'cost'), ask.currency)} of work done again, at most",
            f"{f.whole(sum(row['events'] for row in found if row['is_spot']))} on spot machines",
            target=Target("gpu", anchor="interruptions"),
        )
    ]


def table(ask: Ask, found: Rows) -> Table:
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
                    cells.text(f.humanise(row["kind"])),
                    cells.app(row["app"], small=row["team"] or row["namespace"] or "")
                    if row["app"]
                    else cells.text(row["namespace"], small=row["team"] or "No owner"),
                    cells.text(_machine_words(row["is_spot"])),
                    cells.count(row["events"]),
                    cells.count(row["gpu_hours"]),
                    cells.money(row["cost"], ask.currency),
                )
            )
            for row in found[:SHOWN]
        ),
        f"No pod was evicted or restarted in {ask.view.period.label}.",
        f"{ask.view.period.label}. What spot machines save has to be more than the work that is done again.",
        total=Row(
            (
                Cell("All"),
                Cell(""),
                Cell(""),
                cells.count(sum(row["events"] for row in found)),
                cells.count(sum(row["gpu_hours"] or 0 for row in found)),
                cells.money(cells.total(found, "cost"), ask.currency),
            )
        ),
        export="fct_interruption_daily",
        more=cells.more(len(found), SHOWN, "more, in the total"),
    )


def machines_table(ask: Ask) -> Table:
    rows = ask.rows(
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
                    cells.text(row["node_type"]),
                    cells.text(_machine_words(row["is_spot"])),
                    cells.count(row["machines"]),
                    cells.count(row["gpu_hours"]),
                    cells.money(row["cost"], ask.currency),
                )
            )
            for row in rows
        ),
        ask.empty(
            "fct_cluster_node_daily",
            "No cluster tells of its machines in this period; connect an opencost source to see which are spot.",
        ),
        ask.view.period.label + ".",
        export="fct_cluster_node_daily",
    )


def _machine_words(is_spot: bool | None) -> str:
    return "not known" if is_spot is None else "spot" if is_spot else "on demand"
