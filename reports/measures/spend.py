"""What the bill says about AI spend.

Here: the month so far, the month before, teams, the share of the whole bill.
Not here: budgets and projections (``budgets``).

Spend is effective (amortised) cost, so that a commitment bought once is spread over the days it covers; what was
invoiced for the same days (billed cost) is told beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

import pandas as pd

from finops.periods import BillingPeriod
from reports.frames import between, change, last_day, ratio, sum_by, text_or_none, total
from reports.measures.missing import Missing


@dataclass(frozen=True)
class MonthSpend:
    """AI spend of ``month`` from its first day through ``billed_through``; money in the currency of the bill."""

    month: BillingPeriod
    billed_through: date
    ai_spend: Decimal
    ai_billed: Decimal
    previous_month: Decimal | None
    previous_same_days: Decimal | None
    total_bill: Decimal
    ai_share: Decimal | None

    @property
    def change_ratio(self) -> Decimal | None:
        """Against the same number of days of the month before."""
        return None if self.previous_same_days is None else change(self.ai_spend, self.previous_same_days)

    @property
    def is_complete(self) -> bool:
        return self.billed_through >= self.month.last_day


@dataclass(frozen=True)
class ScopeSpend:
    """Spend of one team (None: nobody's) in the month so far."""

    team: str | None
    ai_spend: Decimal
    previous_same_days: Decimal | None

    @property
    def change_ratio(self) -> Decimal | None:
        return None if self.previous_same_days is None else change(self.ai_spend, self.previous_same_days)


def billed_through(cost: pd.DataFrame, budgets: pd.DataFrame, as_of: date) -> date | None:
    """The last day the bill covers: as the warehouse judged it for the budgets, else the newest day with AI cost."""
    judged = last_day(budgets["billed_through"])
    if judged is not None:
        return min(judged, as_of)
    return last_day(between(cost[cost["is_ai"]], "usage_date", date.min.replace(year=1900), as_of)["usage_date"])


def month_spend(cost: pd.DataFrame, through: date) -> MonthSpend | Missing:
    """``cost``: rows of ``fct_ai_cost_daily`` in one currency."""
    month = BillingPeriod.containing(through)
    rows = between(cost, "usage_date", month.start, through)
    if rows.empty:
        return Missing(f"No cost of {month.start:%B %Y} has been billed yet.")
    ai = rows[rows["is_ai"]]
    before = _previous(cost, month)
    same_days = _same_days(before, month, through)
    whole = total(rows["effective_cost"])
    spend = total(ai["effective_cost"])
    return MonthSpend(
        month=month,
        billed_through=through,
        ai_spend=spend,
        ai_billed=total(ai["billed_cost"]),
        previous_month=None if before.empty else total(before["effective_cost"]),
        previous_same_days=None if before.empty else total(same_days["effective_cost"]),
        total_bill=whole,
        ai_share=ratio(spend, whole),
    )


def spend_by_team(cost: pd.DataFrame, through: date) -> tuple[ScopeSpend, ...]:
    """Teams by spend, greatest first; what belongs to nobody last. Teams that spent last month only are kept."""
    month = BillingPeriod.containing(through)
    ai = cost[cost["is_ai"]]
    before = _previous(cost, month)
    now = _by_team(between(ai, "usage_date", month.start, through))
    then = _by_team(_same_days(before, month, through))
    lines = [
        ScopeSpend(team, now.get(team, Decimal(0)), None if before.empty else then.get(team, Decimal(0)))
        for team in now.keys() | then.keys()
    ]
    return tuple(sorted(lines, key=lambda line: (line.team is None, -line.ai_spend, line.team or "")))


def _previous(cost: pd.DataFrame, month: BillingPeriod) -> pd.DataFrame:
    """AI rows of the month before; empty unless the data reaches back to its first day."""
    before = month.previous()
    first = cost["usage_date"].min()
    if pd.isna(first) or first.date() > before.start:
        return cost.iloc[:0]
    return between(cost[cost["is_ai"]], "usage_date", before.start, before.last_day)


def _same_days(before: pd.DataFrame, month: BillingPeriod, through: date) -> pd.DataFrame:
    previous = month.previous()
    last = previous.last_day if through >= month.last_day else previous.start + timedelta(days=through.day - 1)
    return between(before, "usage_date", previous.start, min(last, previous.last_day))


def _by_team(rows: pd.DataFrame) -> dict[str | None, Decimal]:
    return {
        text_or_none(team): amount
        for team, amount in sum_by(rows, ["team"], ["effective_cost"]).itertuples(index=False)
    }
