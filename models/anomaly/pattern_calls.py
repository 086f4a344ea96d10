"""Calls in vain: storms of errors and of retries that are paid for.

Here: both patterns from calls and their cost by day.
Not here: whether a service keeps its objectives (the marts of service levels).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial

import pandas as pd

from models.anomaly.explain import day_text, money_text
from models.anomaly.pattern_days import (
    MINIMUM_DAYS,
    USAGE,
    Pattern,
    grids,
    judged_by_currency,
    percent,
    walk,
)
from models.anomaly.settings import AnomalySettings
from models.series import Floats, Scope, require_columns

CALL_COLUMNS = (
    "usage_date", "currency", "app", "request_count", "error_count", "repeated_request_count", "failed_cost",
    "repeated_cost",
)  # fmt: skip
KINDS = (
    ("error_storm", "error_count", "failed_cost", "failed"),
    ("retry_storm", "repeated_request_count", "repeated_cost", "repeated an earlier one"),
)

TIMES_USUAL = 3.0
MORE_SHARE = 0.05
SPREADS = 5.0
"""A storm's rate is three times the usual one and five points above it, by far more than chance makes of so many
calls (standard deviations of a binomial count)."""


@dataclass(frozen=True)
class _Calls:
    all: Floats
    in_vain: Floats
    cost: Floats

    def storm(self, t: int, days: Sequence[int], settings: AnomalySettings) -> tuple[float, float, float] | None:
        """(money above the usual, rate, usual rate)."""
        known = [day for day in days if self.all[day] > 0]
        calls = float(self.all[t])
        if len(known) < MINIMUM_DAYS or calls <= 0:
            return None
        before = float(self.all[known].sum())
        rate, usual = float(self.in_vain[t]) / calls, float(self.in_vain[known].sum()) / before
        # A rate of nothing in so many calls may still be one in as many.
        chance = max(usual, 1 / before)
        expected = calls * chance
        if rate < max(TIMES_USUAL * usual, usual + MORE_SHARE):
            return None
        if float(self.in_vain[t]) - expected < SPREADS * (expected * (1 - min(chance, 1.0))) ** 0.5:
            return None
        money = float(self.cost[t]) - calls * float(self.cost[known].sum()) / before
        return (money, rate, usual) if money >= float(settings.minimum_impact) else None


def storms(calls: pd.DataFrame, before: date, settings: AnomalySettings) -> list[Pattern]:
    """``error_storm`` and ``retry_storm`` of an app. Money is what the failed, or repeated, calls of the day cost
    beyond what as many calls usually spend on such; a repeated call that fails is in both."""
    require_columns(calls, CALL_COLUMNS, "calls")
    found = []
    for currency, rows, calendar in judged_by_currency(calls, "calls", ["app"], before, settings):
        all_calls = grids(rows, ("app",), "request_count", calendar)
        for name, count, cost, what in KINDS:
            counts, costs = grids(rows, ("app",), count, calendar), grids(rows, ("app",), cost, calendar)
            for key, total in all_calls.items():
                own = _Calls(total, counts[key], costs[key])
                scope = Scope("app", str(key[0]), currency)
                for t, run, (money, rate, usual) in walk(calendar, settings, partial(own.storm, settings=settings)):
                    day = calendar.day(t)
                    says = (
                        f"{percent(rate)} of its {total[t]:,.0f} calls {what}, where {percent(usual)} is usual; "
                        f"{money_text(money, currency)} was paid for that on {day_text(day, day)}."
                    )
                    figures = {"rate": round(rate, 4), "usual_rate": round(usual, 4), "money": round(money, 2)}
                    found.append(Pattern(name, scope, USAGE, day, money, says, figures, run))
    return found
