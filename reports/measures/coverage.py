"""How much of AI spend has an owner.

Here: coverage of the current month against its target, how each team's cost was attributed, the largest leftovers.
Not here: the attribution itself (dbt).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import pandas as pd

from finops.periods import BillingPeriod
from reports.frames import ZERO, between, ratio, sum_by, text_or_none
from reports.measures.missing import Missing

TOP_RESOURCES = 10
UNOWNED = ("unallocated", "unmatched")


@dataclass(frozen=True)
class ScopeCoverage:
    scope_type: str
    scope_value: str
    ai_cost: Decimal
    attributed_cost: Decimal
    unallocated_cost: Decimal
    tagged_cost: Decimal | None

    @property
    def coverage_ratio(self) -> Decimal | None:
        return ratio(self.attributed_cost, self.ai_cost)

    @property
    def tagged_ratio(self) -> Decimal | None:
        return None if self.tagged_cost is None else ratio(self.tagged_cost, self.ai_cost)


@dataclass(frozen=True)
class UnallocatedResource:
    """``method``: unallocated (no rule knows it) or unmatched (a pool without data to split it by)."""

    resource_id: str | None
    name: str
    service_name: str
    sub_account_name: str
    method: str
    cost: Decimal


@dataclass(frozen=True)
class Coverage:
    month: date
    company: ScopeCoverage
    target_ratio: Decimal
    scopes: tuple[ScopeCoverage, ...]
    resources: tuple[UnallocatedResource, ...]
    resource_count: int

    @property
    def meets_target(self) -> bool:
        reached = self.company.coverage_ratio
        return reached is not None and reached >= self.target_ratio


def coverage(monthly: pd.DataFrame, cost: pd.DataFrame, month: BillingPeriod) -> Coverage | Missing:
    """``monthly``: ``fct_allocation_coverage_monthly``, ``cost``: ``fct_ai_cost_daily``, both in one currency."""
    rows = monthly[monthly["billing_period_start"] == pd.Timestamp(month.start)]
    scopes = [_scope(row) for row in rows.to_dict("records")]
    company = next((scope for scope in scopes if scope.scope_type == "company"), None)
    if company is None or company.coverage_ratio is None:
        return Missing(f"Nothing of {month.start:%B %Y} has been allocated yet.")
    resources = _unallocated(between(cost, "usage_date", month.start, month.last_day))
    return Coverage(
        month=month.start,
        company=company,
        target_ratio=Decimal(str(rows["target_ratio"].dropna().iloc[0])),
        scopes=tuple(sorted(scopes, key=lambda scope: (scope.scope_type, -scope.ai_cost, scope.scope_value))),
        resources=resources[:TOP_RESOURCES],
        resource_count=len(resources),
    )


def _scope(row: Mapping[Any, Any]) -> ScopeCoverage:
    def money(name: str) -> Decimal:
        value = row[name]
        return value if isinstance(value, Decimal) else ZERO

    tagged = row["tagged_cost"]
    return ScopeCoverage(
        scope_type=str(row["scope_type"]),
        scope_value=str(row["scope_value"]),
        ai_cost=money("ai_cost"),
        attributed_cost=money("attributed_cost"),
        unallocated_cost=money("unallocated_cost"),
        tagged_cost=tagged if isinstance(tagged, Decimal) else None,
    )


def _unallocated(cost: pd.DataFrame) -> tuple[UnallocatedResource, ...]:
    rows = cost[cost["is_ai"] & cost["attribution_method"].isin(UNOWNED)]
    keys = ["resource_id", "resource_name", "service_name", "sub_account_name", "attribution_method"]
    found = []
    for resource_id, name, service, account, method, amount in sum_by(rows, keys, ["effective_cost"]).itertuples(
        index=False
    ):
        identity = text_or_none(resource_id)
        label = text_or_none(name) or (identity.rsplit("/", 1)[-1] if identity else "Charges without a resource")
        found.append(
            UnallocatedResource(
                identity, label, text_or_none(service) or "", text_or_none(account) or "", str(method), amount
            )
        )
    return tuple(sorted(found, key=lambda line: (-line.cost, line.name)))
