"""Budgets and where spend is heading.

Here: the current status of every budget, the projected end of the month for the company and for teams.
Not here: computing statuses (dbt) and forecasts (models).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import pandas as pd

from finops.periods import BillingPeriod
from reports.formatting import month as name_of_month
from reports.formatting import percent, short_day
from reports.frames import float_or_none
from reports.measures.missing import Missing

STATUS_ORDER = {"over": 0, "at_risk": 1, "on_track": 2}


@dataclass(frozen=True)
class Projection:
    """Expected spend of a whole period with the lower and upper end of its 80% interval."""

    expected: Decimal
    lower: Decimal | None
    upper: Decimal | None


@dataclass(frozen=True)
class BudgetLine:
    """One budget in its current period. Ratios are of the budget amount; ``projection`` is None when there is none.

    ``exceed_probability``: share of the forecast's paths on which the period ends above the budget.
    """

    budget_id: str
    scope_type: str
    scope_value: str
    period: str
    period_start: date
    period_end: date
    amount: Decimal
    billed_to_date: Decimal
    billed_through: date | None
    estimated_since_billed: Decimal | None
    remaining: Decimal
    projection: Projection | None
    used_ratio: Decimal
    projected_ratio: Decimal | None
    burn_rate_ratio: float | None
    exceed_probability: float | None
    status: str

    @property
    def name(self) -> str:
        return "Company" if self.scope_type == "company" else self.scope_value

    @property
    def status_words(self) -> str:
        """Over budget already, or on the way there: a reader must be able to tell the two apart."""
        if self.status == "over":
            return "Over budget" if self.used_ratio >= 1 else "Heading over"
        return {"at_risk": "At risk", "on_track": "On track"}.get(self.status, self.status)

    @property
    def chance_words(self) -> str | None:
        """How likely the budget is overrun, as a sentence; None where no forecast says."""
        if self.exceed_probability is None:
            return None
        if self.exceed_probability >= 1:
            return "Every path of the forecast ends above the budget."
        if self.exceed_probability <= 0:
            return "No path of the forecast ends above the budget."
        return f"{percent(self.exceed_probability)} of the forecast's paths end above the budget."


def budget_lines(budgets: pd.DataFrame) -> tuple[BudgetLine, ...]:
    """The newest row of each budget, the ones in trouble first. ``budgets``: ``fct_budget_status`` of one currency."""
    if budgets.empty:
        return ()
    newest = budgets.sort_values(["as_of_date", "period_start"]).drop_duplicates("budget_id", keep="last")
    lines = [_line(row) for row in newest.to_dict("records")]
    return tuple(
        sorted(
            lines,
            key=lambda line: (
                line.scope_type != "company",
                STATUS_ORDER.get(line.status, 3),
                -(line.projected_ratio or line.used_ratio),
                line.budget_id,
            ),
        )
    )


def monthly_budget(
    lines: tuple[BudgetLine, ...], month: BillingPeriod, scope_type: str, scope_value: str
) -> BudgetLine | None:
    """The budget of exactly this scope and month."""
    for line in lines:
        if (line.scope_type, line.period, line.period_start) != (scope_type, "month", month.start):
            continue
        if scope_type == "company" or line.scope_value == scope_value:
            return line
    return None


def project_month(
    totals: pd.DataFrame, *, scope_type: str, scope_value: str, spent: Decimal, through: date
) -> Projection | Missing:
    """What the month that was billed last will have cost when it ends.

    Args:
        totals: ``fct_forecast_total`` of one currency; its intervals are of the whole month, not sums of daily bounds.
        spent: billed from the first of the month through ``through``; the answer once the month is billed.
    """
    month = BillingPeriod.containing(through)
    if through >= month.last_day:
        return Projection(spent, None, None)
    rows = totals[
        (totals["scope_type"] == scope_type) & (totals["scope_value"] == scope_value) & (totals["period"] == "month")
    ]
    if rows.empty:
        return Missing("There is no forecast yet; it is made once enough days have been billed.")
    row = rows.iloc[0]
    if row["period_start"] != pd.Timestamp(month.start):
        return Missing(f"{name_of_month(month.start)} is over, and its last days are not billed yet.")
    if row["is_extended"]:
        newest = row["forecast_through"].date()
        return Missing(f"The forecast reaches only {short_day(newest)}, not the end of the month.")
    return Projection(row["expected_cost"], row["lower_cost"], row["upper_cost"])


def _line(row: Mapping[Any, Any]) -> BudgetLine:
    amount = _money(row["budget_amount"]) or Decimal(0)
    billed = _money(row["billed_to_date"]) or Decimal(0)
    expected = _money(row["projected_cost"])
    remaining = _money(row["remaining_amount"])
    return BudgetLine(
        budget_id=str(row["budget_id"]),
        scope_type=str(row["scope_type"]),
        scope_value=str(row["scope_value"]),
        period=str(row["period"]),
        period_start=_date(row["period_start"]) or date.min,
        period_end=_date(row["period_end"]) or date.max,
        amount=amount,
        billed_to_date=billed,
        billed_through=_date(row["billed_through"]),
        estimated_since_billed=_money(row["estimated_since_billed"]),
        remaining=amount - billed if remaining is None else remaining,
        projection=None
        if expected is None
        else Projection(expected, _money(row["projected_lower"]), _money(row["projected_upper"])),
        used_ratio=billed / amount if amount else Decimal(0),
        projected_ratio=expected / amount if expected is not None and amount else None,
        burn_rate_ratio=float_or_none(row["burn_rate_ratio"]),
        exceed_probability=float_or_none(row["exceed_probability"]),
        status=str(row["status"]),
    )


def _money(value: object) -> Decimal | None:
    return value if isinstance(value, Decimal) else None


def _date(value: object) -> date | None:
    return None if not isinstance(value, pd.Timestamp) or pd.isna(value) else value.date()
