"""What replays of policies are made over: the facts of the past, spend and incidents, from the published marts.

Here: queries and the values they become.
Not here: replaying (guardrails.replay), what a replay is made of and where it is kept (replays).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from finops.config.policies import Policy
from finops.paths import Home
from guardrails import FactChange, Incident, SpendDay, changes_from_rows
from guardrails.decide.judgement import FACT_KINDS, STATED_ONLY_WHERE_WRONG
from orchestration.published import query_mart

HISTORY = "fct_guardrail_fact_history"
STOPPABLE = ("inference", "training", "fine_tuning", "gpu_compute")
"""AI spend that ends when its owner is stopped; capacity that is rented, storage and subscriptions do not."""

_SPAN = "select min(known_from), max(coalesce(known_to, known_from)) from read_parquet($mart)"
_FACTS = """
select {
    'kind': kind, 'budget_id': budget_id, 'scope_type': scope_type, 'scope_value': scope_value, 'subject': subject,
    'period': period, 'metric': metric, 'unit': unit, 'value': value, 'reference': reference, 'ratio': ratio,
    'projected_ratio': projected_ratio, 'currency': currency, 'increase_amount': increase_amount,
    'data_through': data_through, 'is_reconciled': is_reconciled, 'known_from': known_from, 'known_to': known_to
}
from read_parquet($mart)
where list_contains($kinds, kind) and known_from <= $last and (known_to is null or known_to > $first)
"""
_BILLED = """
select usage_date, team, app, model, billing_currency, sum(effective_cost),
    case when idle_kind is not null then coalesce(resource_name, resource_id) end
from read_parquet($mart)
where is_ai and list_contains($categories, ai_category) and usage_date between $first and $last
    and (idle_kind is null or resource_id is not null)
group by all having sum(effective_cost) > 0 order by all
"""
_ESTIMATED = """
select cast(usage_hour as date), team, app, model, currency, sum(estimated_cost)
from read_parquet($mart)
where is_attributable and price_status = 'priced' and cast(usage_hour as date) between $first and $last
group by all having sum(estimated_cost) > 0 order by all
"""
_INCIDENTS = """
select incident_id, scope_type, scope_value, team, first_seen, last_seen, verdict from read_parquet($mart)
where direction = 'up' and suppressed_because is null order by first_seen, incident_id
"""


@dataclass(frozen=True)
class Base:
    """Everything that a replay needs but its policies."""

    changes: list[FactChange]
    spend: list[SpendDay]
    incidents: list[Incident]


def span_of(home: Home) -> tuple[datetime, datetime]:
    """The first moment that facts are known of, and the moment that the newest run reported on (UTC).

    Raises:
        NotPublishedError: nothing was published, or by a version that kept no history of facts.
    """
    [(first, last)] = query_mart(home, HISTORY, _SPAN, {})
    now = datetime.now(UTC)
    return (first or now).replace(tzinfo=UTC), (last or now).replace(tzinfo=UTC)


def read_base(home: Home, policies: Sequence[Policy], first: datetime, last: datetime) -> Base:
    """Facts that the policies look at, spend and incidents between two moments.

    Raises:
        NotPublishedError: nothing was published.
        FactError: the facts are not as the mart's contract says.
    """
    kinds = sorted({str(FACT_KINDS[policy.kind]) for policy in policies})
    if any(policy.kind in STATED_ONLY_WHERE_WRONG for policy in policies):
        # Any fact shows that data still comes where such a policy finds nothing wrong any more.
        kinds = sorted({str(kind) for kind in FACT_KINDS.values()})
    moments = {"first": _naive(first), "last": _naive(last)}
    rows = query_mart(home, HISTORY, _FACTS, {"kinds": kinds, **moments})
    changes = changes_from_rows((row for (row,) in rows), set(kinds))
    days = {"first": first.date(), "last": last.date()}
    billed = query_mart(home, "fct_ai_cost_daily", _BILLED, {"categories": list(STOPPABLE), **days})
    spend = [
        SpendDay(day, team, app, model, code, cost, machine) for day, team, app, model, code, cost, machine in billed
    ]
    billed_through = max((row.day for row in spend), default=None)
    estimated = query_mart(home, "fct_usage_cost_hourly", _ESTIMATED, days)
    spend += [SpendDay(*row) for row in estimated if billed_through is None or row[0] > billed_through]
    incidents = [Incident(*row) for row in query_mart(home, "fct_incident", _INCIDENTS, {})]
    return Base(changes, spend, incidents)


def _naive(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)
