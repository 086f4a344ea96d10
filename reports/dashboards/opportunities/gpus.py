"""GPUs that are paid for and not needed: idle, scattered, held without work, larger than the work.

Here: finders on the bill's idle rows and on busy hours.
Not here: what training could save (``training``).
"""

from __future__ import annotations

from decimal import Decimal

from reports import formatting as f
from reports.dashboards.ask import Ask
from reports.dashboards.opportunities.model import Certainty, Opportunity
from reports.dashboards.opportunities.pace import monthly
from reports.frames import ZERO
from reports.measures.gpu import IDLE_GPU_KINDS, pool_of_charge

WELL_USED = Decimal("0.6")
"""Lower end of the usual band of GPU use, where units.yml names no other."""


def idle_gpus(ask: Ask) -> list[Opportunity]:
    kinds = {"free": "idle_gpus", "fragmented": "fragmented_gpus", "held_unused": "held_unused_gpus"}
    sums: dict[tuple[str, str, str | None], Decimal] = {}
    for row in ask.rows(
        """select idle_kind, resource_name, team, sum(effective_cost) as cost from fct_ai_cost_daily
           where is_ai and idle_kind in (select unnest($kinds)) and billing_currency = $currency
               and usage_date between $first and $last
           group by all""",
        kinds=list(IDLE_GPU_KINDS),
    ):
        key = (row["idle_kind"], pool_of_charge(row["resource_name"]), row["team"])
        sums[key] = sums.get(key, ZERO) + row["cost"]
    return [
        Opportunity(
            kinds[idle_kind],
            pool,
            monthly(cost, ask.view.period.days),
            Certainty.BILLED,
            ("gpu", pool, idle_kind),
            (
                f"{f.money(cost, ask.currency)} of {ask.view.period.label} was billed for this; the page "
                "on GPUs has the hours.",
            ),
            team=team,
        )
        for (idle_kind, pool, team), cost in sums.items()
    ]


def oversized_gpus(ask: Ask) -> list[Opportunity]:
    """Apps that keep what they hold busy for less than the band asks: fewer GPUs would do the same work."""
    band = ask.rows(
        "select max_by(utilization_at_least, usage_date) as low from fct_gpu_utilization_daily where "
        "usage_date <= $last",
    )
    low = (band[0]["low"] if band else None) or WELL_USED
    rows = ask.rows(
        """select u.scope_value as app, any_value(a.team) as team,
                  sum(u.cost) filter (where u.unit = 'gpu_hour_allocated') as cost,
                  sum(u.quantity) filter (where u.unit = 'gpu_hour_allocated') as held,
                  sum(u.quantity) filter (where u.unit = 'gpu_hour_busy') as busy
           from fct_unit_economics_daily u left join dim_app a on a.app = u.scope_value
           where u.unit in ('gpu_hour_allocated', 'gpu_hour_busy') and u.scope_type = 'app' and u.cost_basis = 'billed'
               and u.currency = $currency and u.usage_date between $first and $last
           group by 1""",
    )
    found = []
    for row in rows:
        if not row["held"] or row["busy"] is None or not row["cost"]:
            continue
        ratio = row["busy"] / row["held"]
        if ratio >= low:
            continue
        saved = monthly(row["cost"] * (1 - ratio / low), ask.view.period.days)
        found.append(
            Opportunity(
                "oversized_gpus",
                row["app"],
                saved,
                Certainty.POSSIBLE,
                ("gpu-held", row["app"]),
                (
                    f"It kept its GPUs busy {f.percent(ratio)} of {f.whole(row['held'])} held hours, which cost "
                    f"{f.money(row['cost'], ask.currency)}; at {f.percent(low)} the same work takes fewer hours.",
                ),
                team=row["team"],
                app=row["app"],
            )
        )
    return found
