"""A closed month against its budgets and its forecast.

Here: budgets as they stood when the month ended, cumulative spend under them, the forecast of its first days.
Not here: budgets of the running month (``reports.dashboards.parts.budgets``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import pandas as pd

from reports import formatting as f
from reports.dashboards import cells
from reports.dashboards.ask import Ask
from reports.dashboards.model import Cell, Column, Gauge, Row, Table, Tile, Tone
from reports.dashboards.parts import budgets
from reports.figures import budget as drawn
from reports.frames import ZERO
from reports.page.chart import Chart

_BUDGETS = """
select budget_id, scope_type, scope_value, arg_max(reference, known_from) as amount
from fct_guardrail_fact_history
where kind = 'budget' and unit = 'currency' and currency = $currency and period = $month
group by all
"""
_SPENT = """
select 'company' as scope_type, 'all' as scope_value, coalesce(sum(effective_cost), 0) as spent
from fct_ai_cost_daily where is_ai and billing_currency = $currency and usage_date between $first and $last
union all
select 'team', team, sum(effective_cost) from fct_ai_cost_daily
where is_ai and billing_currency = $currency and usage_date between $first and $last and team is not null group by all
union all
select 'app', app, sum(effective_cost) from fct_ai_cost_daily
where is_ai and billing_currency = $currency and usage_date between $first and $last and app is not null group by all
"""
_CUMULATIVE = """
select usage_date as day, sum(sum(effective_cost)) over (order by usage_date) as cost
from fct_ai_cost_daily
where is_ai and billing_currency = $currency and usage_date between $since and $until
group by 1
order by 1
"""
_VARIANCE = """
select forecast_cost as forecast, actual_cost as actual, variance_ratio as ratio, is_backcast, maturity, last_day
from fct_forecast_variance_monthly
where scope_type = 'company' and currency = $currency and usage_month = $first
"""


@dataclass(frozen=True)
class MonthBudget:
    """One budget as it stood at the end of the month, and what its scope spent."""

    budget_id: str
    scope_type: str
    scope_value: str
    amount: Decimal
    spent: Decimal

    @property
    def name(self) -> str:
        return "Company" if self.scope_type == "company" else self.scope_value

    @property
    def tone(self) -> Tone:
        return "bad" if self.spent > self.amount else "good"


def budgets_of(ask: Ask) -> list[MonthBudget]:
    """Budgets of the month, the company's first, then by how much of them was used."""
    if not ask.has("fct_guardrail_fact_history"):
        return []
    spent = {(row["scope_type"], row["scope_value"]): row["spent"] for row in ask.rows(_SPENT)}
    found = [
        MonthBudget(
            row["budget_id"],
            row["scope_type"],
            row["scope_value"],
            row["amount"],
            spent.get((row["scope_type"], row["scope_value"]), ZERO),
        )
        for row in ask.rows(_BUDGETS, month=f"{ask.view.period.first:%Y-%m}")
    ]
    return sorted(found, key=lambda one: (one.scope_type != "company", -_used(one), one.budget_id))


def _used(one: MonthBudget) -> Decimal:
    return one.spent / one.amount if one.amount else ZERO


def budget_tile(ask: Ask, found: Sequence[MonthBudget]) -> Tile:
    own = next((one for one in found if one.scope_type == "company"), None)
    if own is None:
        return Tile("Against the budget", "No budget", sub="The company had none this month; see config/budgets.yml.")
    left = own.amount - own.spent
    over = [one.name for one in found if one.spent > one.amount and one.scope_type != "company"]
    return Tile(
        "Against the budget",
        f.percent(_used(own)),
        sub=f"{f.whole_money(abs(left), ask.currency)} {'under' if left >= 0 else 'over'} "
        f"{f.whole_money(own.amount, ask.currency)}",
        foot=f"Over budget: {', '.join(over)}." if over else "No team or app went over its budget.",
        tone=own.tone,
        gauge=Gauge(float(_used(own)), None, own.tone),
    )


def budgets_table(ask: Ask, found: Sequence[MonthBudget]) -> Table:
    return Table(
        "budgets",
        "Budgets of the month",
        (
            Column("Budget"),
            Column("Used", "bar"),
            Column("Budget", "number"),
            Column("Spent", "number"),
            Column("Left", "number"),
            Column("Result", "badge"),
        ),
        tuple(
            Row(
                (
                    cells.scope(one.scope_type, one.scope_value),
                    Cell(f.percent(_used(one)), sort=_used(one), gauge=Gauge(float(_used(one)), None, one.tone)),
                    cells.money(one.amount, ask.currency),
                    cells.money(one.spent, ask.currency),
                    cells.money(one.amount - one.spent, ask.currency),
                    cells.badge("Over" if one.spent > one.amount else "Within", one.tone),
                )
            )
            for one in found
        ),
        "No budgets are known of this month. They are kept from the first run of the pipeline on.",
        caption="As they stood when the month ended. A team's budget is part of the company's, so there is no total.",
        export="fct_guardrail_fact_history",
    )


def burn_up(ask: Ask, found: Sequence[MonthBudget]) -> Chart:
    """Cumulative spend of the month under its budget, with the month before on the same days."""
    period = ask.view.period
    own = next((one for one in found if one.scope_type == "company"), None)
    spent = _cumulative(ask, period.first, period.last)
    before = _cumulative(ask, period.before_first, period.before_last)
    before = budgets.on_days_of(before, period.before_first, period.first, period.end)
    text = f"Cumulative AI spend of {period.label}; dotted: {period.before_label}."
    if own is not None:
        text += f" The line is the budget of {f.money(own.amount, ask.currency)}."
    figure = None
    if not spent.empty:
        nothing = pd.DataFrame(columns=["day", "expected"])
        figure = drawn.burn_up(spent, nothing, before, None if own is None else own.amount, ask.currency)
    return Chart("burn-up", "The month day by day", text, text, figure, f"Nothing of {period.label} is billed yet.")


def _cumulative(ask: Ask, since: date, until: date) -> pd.DataFrame:
    return pd.DataFrame(ask.rows(_CUMULATIVE, since=since, until=until), columns=["day", "cost"])


def variance_tile(ask: Ask) -> Tile:
    """What the forecast of the month's first days said."""
    row = ask.one(_VARIANCE) if ask.has("fct_forecast_variance_monthly") else {}
    if row.get("ratio") is None:
        return Tile("Against the forecast", "Not known", sub="No forecast was made in the month's first days.")
    ratio = row["ratio"]
    sub = f"{f.whole_money(row['forecast'], ask.currency)} was forecast in its first days"
    return Tile(
        "Against the forecast",
        f.signed_percent(-ratio / (1 + ratio) if ratio > -1 else ratio, 1),
        sub=f"{sub}{' (made afterwards from what was known then)' if row['is_backcast'] else ''}",
        foot=f"The forecast was {f.signed_percent(ratio, 1)} off what was billed.",
        tone={"run": "good", "walk": "neutral", "crawl": "warn"}.get(row["maturity"] or "", "bad"),  # type: ignore[arg-type]
    )
