"""Training that could cost less: runs that fail, machines on demand, work done again.

Here: finders on training runs and interruptions.
Not here: idle GPUs (``gpus``).
"""

from __future__ import annotations

from decimal import Decimal

from reports import formatting as f
from reports.dashboards import cells
from reports.dashboards.ask import Ask
from reports.dashboards.opportunities.model import Certainty, Opportunity
from reports.dashboards.opportunities.pace import days_of_months, monthly, used_days

SPOT_SAVES = (Decimal("0.5"), Decimal("0.9"))
"""What spot machines save of on-demand ones, by the field's rule of thumb; nobody measured it here."""


def failed_runs(ask: Ask) -> list[Opportunity]:
    days = days_of_months(ask)
    return [
        Opportunity(
            "failed_runs",
            row["name"],
            monthly(row["cost"], days),
            Certainty.ESTIMATED,
            ("training", row["name"]),
            (f"{f.count(row['runs'], 'run')} failed after GPU time worth {f.money(row['cost'], ask.currency)}.",),
            team=row["team"],
            app=row["app"],
        )
        for row in ask.rows(
            """select team, app, coalesce(app, project, experiment, 'not named') as name,
                      sum(failed_run_count)::bigint as runs, sum(failed_estimated_cost) as cost
               from fct_training_cost_monthly where currency = $currency and month_start between $first and $last
               group by 1, 2, 3""",
            first=ask.first_month.start,
            last=ask.shown_month.start,
        )
        if row["cost"]
    ]


def spot(ask: Ask) -> list[Opportunity]:
    """Training on GPUs whose machines are on demand, as the cluster tells it."""
    days = days_of_months(ask)
    found = []
    for row in ask.rows(
        """with on_demand as (
               select distinct g.gpu_model
               from (select distinct node, gpu_model from fct_gpu_hourly) g
               join (select node, bool_or(is_spot) as is_spot from fct_cluster_node_daily group by 1) n using (node)
               where not n.is_spot
           )
           select team, app, coalesce(app, project, experiment, 'not named') as name, sum(estimated_cost) as cost
           from fct_training_cost_monthly
           where currency = $currency and month_start between $first and $last
               and gpu_model in (select gpu_model from on_demand)
           group by 1, 2, 3""",
        first=ask.first_month.start,
        last=ask.shown_month.start,
    ):
        if not row["cost"]:
            continue
        low, high = (monthly(row["cost"] * part, days) for part in SPOT_SAVES)
        found.append(
            Opportunity(
                "spot",
                row["name"],
                low,
                Certainty.POSSIBLE,
                ("training", row["name"]),
                (
                    f"{f.money(row['cost'], ask.currency)} of training on machines on demand (estimated). Spot "
                    f"machines usually save {f.percent(SPOT_SAVES[0])} to {f.percent(SPOT_SAVES[1])}, less the work "
                    "that evictions repeat; the lower end is told.",
                ),
                team=row["team"],
                app=row["app"],
                low=low,
                high=high,
            )
        )
    return found


def repeated_work(ask: Ask) -> list[Opportunity]:
    return [
        Opportunity(
            "repeated_work",
            row["name"],
            monthly(row["cost"], used_days(ask)),
            Certainty.ESTIMATED,
            ("training", row["name"]),
            (
                f"{f.whole(row['events'])} evictions and restarts repeated GPU time worth "
                f"{f.money(row['cost'], ask.currency)} at most.",
            ),
            team=row["team"],
            app=row["app"],
        )
        for row in ask.rows(
            """select team, app, coalesce(app, namespace, 'not named') as name, sum(event_count) as events,
                      sum(estimated_repeated_cost) as cost
               from fct_interruption_daily where currency = $currency and event_date between $first and $last
               group by 1, 2, 3""",
            last=cells.usage_through(ask.view),
        )
        if row["cost"]
    ]
