"""The month of all currencies together, in the reporting currency.

Here: AI spend, the bill, projections and budgets converted with the dated rates of ``fct_exchange_rate_daily``.
Not here: which rate a day has (dbt), amounts in their own currency (``spend``, ``budgets``).

What was spent is converted with the rate of its day, what is expected and budgeted with that of the newest billed day.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pandas as pd

from finops.periods import BillingPeriod
from reports.formatting import whole_money
from reports.frames import ZERO, between, text_or_none
from reports.measures.budgets import BudgetLine, Projection
from reports.measures.missing import Missing
from reports.measures.spend import MonthSpend


@dataclass(frozen=True)
class OwnMonth:
    """A month in one currency, as the bill of that currency tells it."""

    currency: str
    spend: MonthSpend | Missing
    projection: Projection | Missing
    budget: BudgetLine | Missing


@dataclass(frozen=True)
class ConvertedPart:
    """AI spend in ``currency`` and in the reporting currency; ``rate`` is that of the newest billed day."""

    currency: str
    ai_spend: Decimal
    converted: Decimal
    rate: Decimal
    source: str | None


@dataclass(frozen=True)
class AllCurrencies:
    """Money in ``currency``; ``projected`` and ``budget`` are None where a currency has none."""

    currency: str
    month: BillingPeriod
    ai_spend: Decimal
    total_bill: Decimal
    projected: Decimal | None
    budget: Decimal | None
    parts: tuple[ConvertedPart, ...]

    @property
    def rate_words(self) -> str:
        """``USD 54,470 + EUR 1,435 at 1.174 + GBP 948 at 1.334: Group treasury, monthly booking rates``."""
        terms = [
            whole_money(part.ai_spend, part.currency)
            + ("" if part.currency == self.currency else f" at {part.rate.quantize(Decimal('0.0001')):f}")
            for part in self.parts
        ]
        sources = sorted({part.source for part in self.parts if part.source})
        return " + ".join(terms) + (f": {'; '.join(sources)}" if sources else "")


def all_currencies(
    months: Sequence[OwnMonth], cost: pd.DataFrame, rates: pd.DataFrame
) -> AllCurrencies | Missing | None:
    """The sum of several currencies' months, or what it lacks; None where there is nothing to add up.

    ``cost``: rows of ``fct_ai_cost_daily``; ``rates``: ``fct_exchange_rate_daily``.
    """
    billed = [(own, own.spend) for own in months if isinstance(own.spend, MonthSpend)]
    if len(billed) < 2:
        return None
    known = rates[~rates["is_missing"]]
    of_day: dict[tuple[Any, Any], Any] = {
        (row.billing_currency, row.usage_date): row.exchange_rate for row in known.itertuples()
    }
    source_of = {(row.billing_currency, row.usage_date): row.rate_source for row in known.itertuples()}
    parts: list[ConvertedPart] = []
    bill, projected, budget = ZERO, [], []
    for own, spend in billed:
        rows = cost[cost["billing_currency"] == own.currency]
        rows = between(rows, "usage_date", spend.month.start, spend.billed_through)
        if any((own.currency, day) not in of_day for day in rows["usage_date"]):
            return Missing(
                f"{own.currency} has no exchange rate for days of {spend.month.start:%B %Y}, so currencies are not "
                "added up; give one in config/currencies.yml."
            )
        newest = max(day for code, day in of_day if code == own.currency)
        rate = of_day[own.currency, newest]
        converted = {
            is_ai: sum((row.effective_cost * of_day[own.currency, row.usage_date] for row in part.itertuples()), ZERO)
            for is_ai, part in ((True, rows[rows["is_ai"]]), (False, rows[~rows["is_ai"]]))
        }
        bill += sum(converted.values(), ZERO)
        parts.append(
            ConvertedPart(
                own.currency, spend.ai_spend, converted[True], rate, text_or_none(source_of[own.currency, newest])
            )
        )
        if isinstance(own.projection, Projection):
            projected.append(own.projection.expected * rate)
        if isinstance(own.budget, BudgetLine):
            budget.append(own.budget.amount * rate)
    return AllCurrencies(
        currency=str(known["reporting_currency"].iloc[0]),
        month=billed[0][1].month,
        ai_spend=sum((part.converted for part in parts), ZERO),
        total_bill=bill,
        projected=sum(projected, ZERO) if len(projected) == len(billed) else None,
        budget=sum(budget, ZERO) if len(budget) == len(billed) else None,
        parts=tuple(parts),
    )
