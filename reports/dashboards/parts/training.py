"""Training and retraining: what runs cost, and what failed ones cost.

Here: the company's runs by app, estimated from GPU hours and the price book.
Not here: training of one scope (``gpus``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reports import formatting as f
from reports.dashboards import cells
from reports.dashboards.ask import Ask, Rows
from reports.dashboards.model import Cell, Column, Row, Table, Target, Tile
from reports.frames import ZERO

SHOWN = 12


def training_of(ask: Ask) -> Rows:
    """Runs that began in the months that the period touches, by app."""
    return ask.rows(
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
        first=ask.first_month.start,
        last=ask.shown_month.start,
    )


def _month_words(ask: Ask) -> str:
    first, last = ask.first_month, ask.shown_month
    return f.month(first.start) if first == last else f"{f.month(first.start)} to {f.month(last.start)}"


def tiles(ask: Ask, training: Rows) -> list[Tile]:
    if not training:
        return []
    failed = cells.total(training, "failed_cost")
    return [
        Tile(
            "Training (estimated)",
            f.whole_money(cells.total(training, "cost"), ask.currency),
            f"{f.whole(sum(row['runs'] for row in training))} runs, "
            f"{f.whole(sum(row['retrains'] for row in training))} retrains for "
            f"{f.whole_money(cells.total(training, 'retrain_cost'), ask.currency)}",
            f"{f.whole_money(failed, ask.currency)} for "
            f"{f.count(sum(row['failed'] for row in training), 'run')} that failed",
            tone="warn" if failed > 0 else "",
            target=Target("gpu", anchor="training"),
        )
    ]


def table(ask: Ask, training: Rows) -> Table:
    currency = ask.currency

    def line(name: Cell, row: Mapping[str, Any]) -> Row:
        return Row(
            (
                name,
                cells.money(row["cost"], currency),
                cells.count(row["gpu_hours"]),
                cells.count(row["runs"]),
                cells.count(row["retrains"]),
                cells.money(row["retrain_cost"], currency),
                cells.count(row["failed"]),
                cells.money(row["failed_cost"], currency),
                cells.count(row["retries"]),
            )
        )

    def name_of(row: Mapping[str, Any]) -> Cell:
        small = f"{row['team'] or 'No owner'}: {(row['stages'] or 'stage not named').replace('_', '-')}"
        return cells.app(row["app"], small=small) if row["app"] else cells.text(row["name"], small=small)

    columns = ("cost", "retrain_cost", "failed_cost")
    counts = ("runs", "retrains", "failed", "retries", "gpu_hours")
    sums: dict[str, Any] = {column: cells.total(training, column) for column in columns}
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
        f"No training run began in {_month_words(ask)}; connect mlflow or a training_runs source to see them.",
        f"Runs that began in {_month_words(ask)}, most money first."
        + (f" {f.count(unpriced, 'run')} on GPUs without a price are in no amount." if unpriced else ""),
        total=line(Cell("All"), sums),
        export="fct_training_cost_monthly",
        more=cells.more(len(training), SHOWN, "smaller ones, in the total"),
    )


def failed_table(ask: Ask) -> Table:
    rows = ask.rows(
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
                    cells.text(
                        row["run_name"] or row["experiment"],
                        small=" · ".join(word for word in (row["experiment"], row["trigger_kind"]) if word),
                    ),
                    cells.app(row["app"], small=row["team"] or "No owner"),
                    Cell(f.moment(row["started_at"]), sort=row["started_at"].isoformat()),
                    cells.count(row["gpu_hours"]),
                    cells.count(row["retries"]),
                    cells.money(row["estimated_cost"], ask.currency),
                )
            )
            for row in rows
        ),
        f"No training run failed in {ask.view.period.label}.",
        f"{ask.view.period.label}. A checkpoint more often, or a smaller trial first, loses less.",
        export="fct_training_run",
        more=f"and {known - len(rows)} more, {f.whole_money(rows[0]['all_cost'] or ZERO, ask.currency)} in all"
        if known > len(rows)
        else "",
    )
