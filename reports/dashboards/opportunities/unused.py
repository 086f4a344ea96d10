"""What is paid for and not used, or not asked for: commitments, resources without calls, spend without an owner.

Here: finders on the bill.
Not here: idle GPUs (``gpus``), provisioned throughput (``calls``).
"""

from __future__ import annotations

from datetime import timedelta

from reports import formatting as f
from reports.dashboards.ask import Ask
from reports.dashboards.opportunities.model import Certainty, Opportunity
from reports.dashboards.opportunities.pace import monthly
from reports.measures.coverage import UNOWNED

STALE_DAYS = 14


def commitments(ask: Ask) -> list[Opportunity]:
    return [
        Opportunity(
            "unused_commitment",
            row["service_name"] or "commitments",
            monthly(row["cost"], ask.view.period.days),
            Certainty.BILLED,
            ("commitment", row["service_name"] or "", row["team"] or ""),
            (f"{f.money(row['cost'], ask.currency)} of reservations and savings plans covered nothing.",),
            team=row["team"],
        )
        for row in ask.rows(
            """select service_name, team, sum(effective_cost) as cost from fct_ai_cost_daily
               where is_ai and idle_kind = 'unused_commitment' and billing_currency = $currency
                   and usage_date between $first and $last
               group by 1, 2""",
        )
    ]


def stale(ask: Ask) -> list[Opportunity]:
    """Resources that were called once, cost money now, and were not called in the newest 14 billed days."""
    last = ask.view.period.last
    return [
        Opportunity(
            "stale_resource",
            row["name"],
            monthly(row["cost"], STALE_DAYS),
            Certainty.BILLED,
            ("resource", row["resource_id"]),
            (
                f"Last called on {f.day(row['last_used'])}; {f.money(row['cost'], ask.currency)} in the {STALE_DAYS} "
                f"days to {f.day(last)}.",
            ),
            team=row["team"],
            app=row["app"],
        )
        for row in ask.rows(
            """with used as (
                   select resource_id, max(usage_hour) as last_used from fct_usage_cost_hourly
                   where tokens > 0 and resource_id is not null and usage_hour < $last::date + 1 group by 1
               )
               select resource_id, coalesce(any_value(c.resource_name), regexp_extract(resource_id, '[^/]+$')) as name,
                      any_value(c.team) as team, any_value(c.app) as app, any_value(used.last_used) as last_used,
                      sum(c.effective_cost) as cost
               from fct_ai_cost_daily c join used using (resource_id)
               where c.is_ai and c.billing_currency = $currency and c.usage_date between $since and $last
                   and used.last_used < $since
               group by 1 having sum(c.effective_cost) > 0""",
            since=last - timedelta(days=STALE_DAYS - 1),
            last=last,
        )
    ]


def unowned(ask: Ask) -> list[Opportunity]:
    rows = ask.rows(
        """select count(distinct resource_id) as resources, sum(effective_cost) as cost from fct_ai_cost_daily
           where is_ai and attribution_method in (select unnest($methods)) and billing_currency = $currency
               and usage_date between $first and $last""",
        methods=list(UNOWNED),
    )
    return [
        Opportunity(
            "unowned",
            f.count(row["resources"], "resource"),
            monthly(row["cost"], ask.view.period.days),
            Certainty.POSSIBLE,
            ("unowned",),
            ("Nobody asks whether it is needed until somebody pays for it.",),
            overlaps="not counted: no saving by itself",
        )
        for row in rows
        if row["cost"]
    ]
