"""The summary: everything the terminal, the page and the messages say, computed once.

Here: assembling the measures per currency, and the sentences about what needs attention.
Not here: layout. A field that cannot be known is ``Missing`` with the reason in words, never zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

import pandas as pd

from finops.periods import BillingPeriod, as_utc
from reports import formatting as f
from reports.frames import ZERO, between, total
from reports.marts import as_marts
from reports.measures.budgets import BudgetLine, Projection, budget_lines, monthly_budget, project_month
from reports.measures.conversion import AllCurrencies, OwnMonth, all_currencies
from reports.measures.coverage import Coverage, coverage
from reports.measures.forecasts import NO_TEAM, Forecasts, forecasts
from reports.measures.gpu import IDLE_GPU_KINDS, GpuUse, gpu_use
from reports.measures.health import (
    EstimatedUsage,
    Freshness,
    Reconciliation,
    RejectedRows,
    estimated_usage,
    freshness,
    reconciliation,
    rejected_rows,
)
from reports.measures.incidents import Incidents, incidents
from reports.measures.missing import Missing
from reports.measures.spend import MonthSpend, ScopeSpend, billed_through, month_spend, spend_by_team
from reports.measures.units import GPU_HOURS, TOKENS, UnitCost, company_cost, model_costs, outcome_costs, unit_costs

__all__ = ["CurrencySummary", "Headline", "Missing", "Summary", "TeamLine", "headlines", "summarise"]


@dataclass(frozen=True)
class TeamLine:
    spend: ScopeSpend
    projection: Projection | Missing
    budget: BudgetLine | None


@dataclass(frozen=True)
class Headline:
    """One sentence on what needs attention (``tone``: bad, warn) or is fine (good); ``anchor`` on the page."""

    tone: str
    text: str
    anchor: str


@dataclass(frozen=True)
class CurrencySummary:
    """Everything in one currency; amounts of different currencies are never added."""

    currency: str
    billed_through: date | None
    month: MonthSpend | Missing
    projection: Projection | Missing
    budget: BudgetLine | Missing
    budgets: tuple[BudgetLine, ...]
    teams: tuple[TeamLine, ...]
    cost_per_1m_tokens: UnitCost | Missing
    model_costs: tuple[UnitCost, ...]
    gpu_hour_costs: Mapping[str, UnitCost]
    idle_gpu_cost: Decimal
    outcomes: tuple[UnitCost, ...]
    coverage: Coverage | Missing
    incidents: Incidents
    estimated: EstimatedUsage | Missing
    reconciliation: Reconciliation | Missing
    forecasts: Forecasts
    headlines: tuple[Headline, ...]


@dataclass(frozen=True)
class Summary:
    """``as_of`` is UTC. The currency with the most AI spend comes first. ``together``: None where there is one only."""

    as_of: datetime
    currencies: tuple[CurrencySummary, ...]
    together: AllCurrencies | Missing | None
    gpu: GpuUse | Missing
    freshness: tuple[Freshness, ...]
    rejected: RejectedRows

    @property
    def is_empty(self) -> bool:
        return not self.currencies


def summarise(marts: Mapping[str, pd.DataFrame], *, as_of: datetime, currency: str | None = None) -> Summary:
    """What the marts say at ``as_of``.

    Args:
        marts: frames by public mart name; a mart that is absent counts as empty.
        as_of: the moment reported on, with time zone; later rows are not looked at.
        currency: only this ISO 4217 currency; all of them if absent.

    Raises:
        MartError: a mart lacks a column.
    """
    known = as_marts(marts)
    at = as_utc(as_of)
    naive = at.replace(tzinfo=None)
    cost = known["fct_ai_cost_daily"]
    cost = cost[cost["usage_date"] <= pd.Timestamp(naive)]
    usage = known["fct_usage_cost_hourly"]
    usage = usage[usage["usage_hour"] <= pd.Timestamp(naive)]
    gpu = gpu_use(known["fct_gpu_hourly"], at.date())
    currencies = [currency] if currency else _currencies(cost, usage)
    summaries = tuple(_currency(known, cost, usage, code, naive, gpu) for code in currencies)
    months = [OwnMonth(item.currency, item.month, item.projection, item.budget) for item in summaries]
    return Summary(
        as_of=at,
        currencies=summaries,
        together=all_currencies(months, cost, known["fct_exchange_rate_daily"]),
        gpu=gpu,
        freshness=freshness(cost, usage, known["fct_gpu_hourly"], known["fct_forecast_daily"], naive),
        rejected=rejected_rows(known["fct_rejected_row"]),
    )


def _currencies(cost: pd.DataFrame, usage: pd.DataFrame) -> list[str]:
    """Currencies of AI spend, most spend first; without a bill, those of usage."""
    ai = cost[cost["is_ai"]]
    spend = {str(code): total(part["effective_cost"]) for code, part in ai.groupby("billing_currency")}
    for code in usage["currency"].dropna().unique():
        spend.setdefault(str(code), ZERO)
    return sorted(spend, key=lambda code: (-spend[code], code))


def _currency(
    marts: Mapping[str, pd.DataFrame],
    all_cost: pd.DataFrame,
    all_usage: pd.DataFrame,
    currency: str,
    as_of: datetime,
    gpu: GpuUse | Missing,
) -> CurrencySummary:
    def of(name: str) -> pd.DataFrame:
        frame = marts[name]
        return frame[frame["currency"] == currency]

    cost = all_cost[all_cost["billing_currency"] == currency]
    # Unpriced usage has no currency: every currency tells of it rather than none.
    usage = all_usage[(all_usage["currency"] == currency) | all_usage["currency"].isna()]
    budgets = of("fct_budget_status")
    budgets = budgets[budgets["as_of_date"] <= pd.Timestamp(as_of)]
    totals = of("fct_forecast_total")
    lines = budget_lines(budgets)
    through = billed_through(cost, budgets, as_of.date())
    no_bill = Missing(f"No AI cost in {currency} has been billed yet.")

    month: MonthSpend | Missing = no_bill
    projection: Projection | Missing = no_bill
    budget: BudgetLine | Missing = Missing("No company budget is set; add one to config/budgets.yml.")
    covered: Coverage | Missing = no_bill
    teams: tuple[TeamLine, ...] = ()
    idle_cost = ZERO
    if through is not None:
        period = BillingPeriod.containing(through)
        month = month_spend(cost, through)
        company = monthly_budget(lines, period, "company", "all")
        if company is not None:
            budget = company
        if company is not None and company.projection is not None:
            projection = company.projection
        elif isinstance(month, MonthSpend):
            projection = project_month(
                totals, scope_type="company", scope_value="all", spent=month.ai_spend, through=through
            )
        covered = coverage(of("fct_allocation_coverage_monthly"), cost, period)
        teams = tuple(_team(spend, totals, lines, period, through) for spend in spend_by_team(cost, through))
        so_far = between(cost, "usage_date", period.start, through)
        idle_cost = total(so_far[so_far["is_ai"] & so_far["idle_kind"].isin(IDLE_GPU_KINDS)]["effective_cost"])

    costs = unit_costs(of("fct_unit_economics_daily"), as_of.date())
    found = incidents(of("fct_incident"), as_of.date())
    checked = marts["fct_reconciliation_daily"]
    reconciled = reconciliation(checked[(checked["billing_currency"] == currency) | checked["billing_currency"].isna()])
    per_tokens = company_cost(costs, TOKENS)
    return CurrencySummary(
        currency=currency,
        billed_through=through,
        month=month,
        projection=projection,
        budget=budget,
        budgets=lines,
        teams=teams,
        cost_per_1m_tokens=per_tokens or Missing("No tokens have been matched with cost yet."),
        model_costs=model_costs(costs),
        gpu_hour_costs={unit: line for unit in GPU_HOURS if (line := company_cost(costs, unit)) is not None},
        idle_gpu_cost=idle_cost,
        outcomes=outcome_costs(costs),
        coverage=covered,
        incidents=found,
        estimated=estimated_usage(usage, through, as_of),
        reconciliation=reconciled,
        forecasts=forecasts(totals, of("fct_forecast_variance_monthly"), of("fct_forecast_quality")),
        headlines=headlines(
            currency,
            month=month.month if isinstance(month, MonthSpend) else None,
            projection=projection,
            budget=budget,
            budgets=lines,
            covered=covered,
            found=found,
            reconciled=reconciled,
            idle_pools=[pool.pool for pool in gpu.idle_pools] if isinstance(gpu, GpuUse) else (),
            idle_cost=idle_cost,
        ),
    )


def _team(
    spend: ScopeSpend, totals: pd.DataFrame, lines: tuple[BudgetLine, ...], period: BillingPeriod, through: date
) -> TeamLine:
    budget = None if spend.team is None else monthly_budget(lines, period, "team", spend.team)
    if budget is not None and budget.projection is not None:
        return TeamLine(spend, budget.projection, budget)
    scope_value = NO_TEAM if spend.team is None else spend.team
    projection = project_month(
        totals, scope_type="team", scope_value=scope_value, spent=spend.ai_spend, through=through
    )
    return TeamLine(spend, projection, budget)


def headlines(
    currency: str,
    *,
    month: BillingPeriod | None,
    projection: Projection | Missing,
    budget: BudgetLine | Missing,
    budgets: tuple[BudgetLine, ...],
    covered: Coverage | Missing,
    found: Incidents,
    reconciled: Reconciliation | Missing,
    idle_pools: Sequence[str],
    idle_cost: Decimal,
    idle_when: str = "this month",
) -> tuple[Headline, ...]:
    """What needs attention, worst first, then what is fine.

    ``month`` is the one that ``projection`` and ``budget`` are of; ``idle_pools`` are GPUs that are mostly idle,
    ``idle_cost`` is what idle ones cost ``idle_when``.
    """
    lines: list[Headline] = []
    if isinstance(reconciled, Reconciliation):
        if reconciled.is_reconciled:
            text = f"The figures equal the delivered bill on all {reconciled.day_count:,} days checked, to the cent"
            if reconciled.rejected_rows:
                rows = f.count(reconciled.rejected_rows, "rejected row")
                text += f", apart from {rows} ({f.money(reconciled.rejected_cost, currency)})"
            lines.append(Headline("warn" if reconciled.rejected_rows else "good", f"{text}.", "health"))
        else:
            lines.append(
                Headline(
                    "bad",
                    f"{f.count(len(reconciled.unreconciled), 'day')} of the bill "
                    f"{'does' if len(reconciled.unreconciled) == 1 else 'do'} not add up "
                    f"(difference {f.signed_money(reconciled.difference, currency)}): check before acting on them.",
                    "health",
                )
            )
    if isinstance(budget, BudgetLine) and isinstance(projection, Projection) and month is not None:
        gap = projection.expected - budget.amount
        if gap > 0:
            text = (
                f"{f.month(month.start)} is heading for {f.money(projection.expected, currency)}, "
                f"{f.money(gap, currency)} over the budget of {f.money(budget.amount, currency)}."
            )
            if budget.chance_words:
                text += f" {budget.chance_words}"
            lines.append(Headline("bad" if budget.status == "over" else "warn", text, "budgets"))
        else:
            text = (
                f"{f.month(month.start)} is heading for {f.money(projection.expected, currency)}, "
                f"{f.money(-gap, currency)} under the budget of {f.money(budget.amount, currency)}."
            )
            lines.append(Headline("good", text, "budgets"))
    lines += _budget_headlines(budgets)
    if found.open:
        worst = found.open[0]
        others = f" {f.count(len(found.open) - 1, 'more incident is', 'more incidents are')} open." * (
            len(found.open) > 1
        )
        text = worst.explanation or _incident_text(worst.scope_name, worst.impact, worst.first_seen, currency)
        lines.append(
            Headline(
                "bad" if worst.severity in ("critical", "high") else "warn",
                f"{text}{others}",
                "incidents",
            )
        )
    if isinstance(covered, Coverage) and covered.company.coverage_ratio is not None:
        share = f.percent(covered.company.coverage_ratio, 1)
        if covered.meets_target:
            lines.append(
                Headline(
                    "good",
                    f"{share} of AI spend has an owner (target {f.percent(covered.target_ratio)}).",
                    "allocation",
                )
            )
        else:
            lines.append(
                Headline(
                    "warn",
                    f"Only {share} of AI spend has an owner (target {f.percent(covered.target_ratio)}): "
                    f"{f.money(covered.company.unallocated_cost, currency)} is nobody's.",
                    "allocation",
                )
            )
    if idle_pools and idle_cost > 0:
        names = ("pool " if len(idle_pools) == 1 else "pools ") + ", ".join(idle_pools)
        lines.append(
            Headline(
                "warn",
                f"Idle GPU time has cost {f.money(idle_cost, currency)} {idle_when}; mostly unused: {names}.",
                "gpu",
            )
        )
    order = {"bad": 0, "warn": 1, "good": 2}
    return tuple(sorted(lines, key=lambda line: order[line.tone]))


def _budget_headlines(budgets: tuple[BudgetLine, ...]) -> list[Headline]:
    lines = []
    for words, tone in (("Over budget", "bad"), ("Heading over", "bad"), ("At risk", "warn")):
        names = [line.name for line in budgets if line.status_words == words and line.scope_type != "company"]
        if names:
            label = {"Heading over": "Heading over budget", "At risk": "Budget at risk"}.get(words, words)
            lines.append(Headline(tone, f"{label}: {', '.join(names)}.", "budgets"))
    return lines


def _incident_text(scope: str, impact: Decimal, day: date, currency: str) -> str:
    return f"Cost of {scope} was {f.signed_money(impact, currency)} off what was expected since {f.day(day)}."
