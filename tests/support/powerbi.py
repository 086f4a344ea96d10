"""What the Power BI measures have to say, taken from our own summary; and small marts for the whole star.

Here: expected values by measure, an organisation with two currencies published with the columns of the contracts.
Not here: the measures themselves.
"""

from __future__ import annotations

import itertools
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from reports.dictionary import Dictionary
from reports.powerbi.star import marts
from reports.summary import CurrencySummary, Missing, TeamLine
from tests.support import mart_factory

RATE = Decimal("1.174122343548")


def expected_of_currency(line: CurrencySummary) -> dict[str, Any]:
    """Measure → value where one currency is chosen and nothing else. None: blank."""
    found: dict[str, Any] = {
        "Open incidents": len(line.incidents.open),
        "Idle GPU cost month to date": line.idle_gpu_cost or None,
    }
    if line.incidents.open:
        found["Largest open impact"] = line.incidents.open_impact
    if not isinstance(line.month, Missing):
        found |= {
            "AI spend month to date": line.month.ai_spend,
            "AI billed month to date": line.month.ai_billed,
            "Whole bill month to date": line.month.total_bill,
            "AI share of bill": line.month.ai_share,
            "AI spend month before": line.month.previous_month,
            "AI spend same days before": line.month.previous_same_days,
            "AI spend change": line.month.change_ratio,
        }
    if not isinstance(line.budget, Missing):
        found |= {
            "Company budget": line.budget.amount,
            "Company spent": line.budget.billed_to_date,
            "Company remaining": line.budget.remaining,
            "Company used": line.budget.used_ratio,
            "Company projected use": line.budget.projected_ratio,
            "Chance over budget": line.budget.exceed_probability,
        }
        if line.budget.projection is not None:
            found |= {
                "Company projected": line.budget.projection.expected,
                "Company projected low": line.budget.projection.lower,
                "Company projected high": line.budget.projection.upper,
                "Company variance": line.budget.projection.expected - line.budget.amount,
            }
    if not isinstance(line.coverage, Missing):
        found |= {
            "Allocation coverage": line.coverage.company.coverage_ratio,
            "Tag coverage": line.coverage.company.tagged_ratio,
            "Coverage target": line.coverage.target_ratio,
            "Coverage against target": (line.coverage.company.coverage_ratio or 0) - line.coverage.target_ratio,
        }
    per_tokens = line.cost_per_1m_tokens
    if not isinstance(per_tokens, Missing) and per_tokens.cost_basis == "billed":
        found |= {
            "Cost per 1M tokens": per_tokens.unit_cost,
            "Cost per 1M tokens 30 days before": per_tokens.previous_unit_cost,
            "Cost per 1M tokens change": per_tokens.change_ratio,
        }
    if not isinstance(line.estimated, Missing):
        found["Estimated since billed"] = line.estimated.cost or None
    names = {"month": "Expected this month", "next_month": "Expected next month", "quarter": "Expected this quarter"}
    for scope in line.forecasts.totals:
        if scope.scope_type == "company":
            for period, total in scope.totals.items():
                name = names[period]
                found |= {name: total.expected, f"{name} low": total.lower, f"{name} high": total.upper}
    return found


def expected_of_team(line: TeamLine) -> dict[str, Any]:
    """Measure → value where a currency and this team are chosen."""
    found: dict[str, Any] = {"AI spend month to date": line.spend.ai_spend}
    if line.spend.previous_same_days is not None:
        found["AI spend same days before"] = line.spend.previous_same_days or None
    if line.budget is not None:
        found |= {
            "Team budget": line.budget.amount,
            "Team spent": line.budget.billed_to_date,
            "Team remaining": line.budget.remaining,
        }
        if line.budget.projection is not None:
            found["Team projected"] = line.budget.projection.expected
    return found


def two_currencies() -> dict[str, pd.DataFrame]:
    """The made-up organisation twice, billed in USD and, with other figures and longer history, in EUR."""
    dollars = mart_factory.build_marts()
    euros = mart_factory.build_marts(mart_factory.Organisation(days=150, currency="EUR", seed=11))
    found = {name: pd.concat([frame, euros[name]], ignore_index=True) for name, frame in dollars.items()}
    cost = found["fct_ai_cost_daily"]
    rate = [Decimal(1) if code == "USD" else RATE for code in cost["billing_currency"]]
    cost["reporting_currency"] = "USD"
    cost["reporting_effective_cost"] = _converted(cost["effective_cost"], rate)
    cost["reporting_billed_cost"] = _converted(cost["billed_cost"], rate)
    found["fct_exchange_rate_daily"] = pd.DataFrame(
        [
            {
                "usage_date": day,
                "billing_currency": code,
                "reporting_currency": "USD",
                "exchange_rate": Decimal(1) if code == "USD" else RATE,
                "rate_source": "test",
                "is_missing": False,
                "reporting_billed_cost": Decimal(1),
            }
            for code, day in sorted(set(zip(cost["billing_currency"], cost["usage_date"], strict=True)))
        ]
    )
    found["dim_team"] = pd.DataFrame([{"team": team} for team in mart_factory.TEAMS])
    found["dim_app"] = pd.DataFrame(
        [{"app": app, "team": team} for team, apps in mart_factory.TEAMS.items() for app in apps]
    )
    models = [*mart_factory.MODELS, *cost["model"].dropna().unique()]
    found["dim_model"] = pd.DataFrame(
        [
            {"provider_name": provider, "model": model}
            for model, provider in itertools.product(dict.fromkeys(models), ("a", "b"))
        ]
    )
    found["fct_unit_cost_daily"] = pd.DataFrame(
        [_own_unit(code, number) for code in ("USD", "EUR") for number in range(60)]
    )
    found["fct_guardrail_fact_history"] = pd.DataFrame(
        [
            _budget_fact(code, scope, value, month, amount, day)
            for code in ("USD", "EUR")
            for scope, value in (("company", "all"), ("team", "search"))
            for month, amount, day in (("2026-09", 7, 2), ("2026-09", 9, 30), ("2026-10", 8, 1), ("2026-Q4", 99, 1))
        ]
    )
    days = [date(2026, 1, 1) + timedelta(days=number) for number in range(730)]
    found["dim_date"] = pd.DataFrame(
        [{"date_day": day, "year_month": f"{day:%Y-%m}", "month_start": day.replace(day=1)} for day in days]
    )
    found["fct_statement_line_monthly"] = pd.DataFrame(
        [{"billing_period_start": date(2026, 9, 1), "billing_currency": "USD", "billed_cost": Decimal(5)}]
    )
    return found


def publish_star(frames: dict[str, pd.DataFrame], dictionary: Dictionary, folder: Path) -> Path:
    """The marts of the star with exactly the columns and types of their contracts; what a frame lacks is null."""
    loose = mart_factory.publish(frames, folder / "loose")
    out = folder / "published"
    out.mkdir()
    with duckdb.connect() as connection:
        for name in marts():
            mart = dictionary.mart(name)
            assert mart is not None, name
            present = set(frames[name].columns)
            fields = ", ".join(_field(c.name, c.data_type, c.name in present) for c in mart.columns)
            connection.execute(
                f"COPY (SELECT {fields} FROM read_parquet('{loose / name}.parquet')) TO '{out / name}.parquet' "
                "(FORMAT parquet)"
            )
    return out


def _own_unit(currency: str, age: int) -> dict[str, Any]:
    """A day of the unit "ticket", the newest two days without a bill."""
    cost = Decimal(120 + age)
    return {
        "usage_date": mart_factory.AS_OF.date() - timedelta(days=age),
        "unit_id": "ticket",
        "unit_name": "Ticket resolved",
        "cost_basis": "bill",
        "measure": "ticket_resolved",
        "team": "support",
        "app": "support-copilot",
        "currency": currency,
        "total_cost": cost,
        "quantity": Decimal(40),
        "target_amount": Decimal("3.5"),
        "is_complete": age > 1,
        "trailing_28d_unit_cost": Decimal("3.25") + age,
    }


def _budget_fact(
    currency: str, scope_type: str, scope_value: str, period: str, amount: int, day: int
) -> dict[str, Any]:
    return {
        "kind": "budget",
        "budget_id": f"{scope_value}-{currency}".lower(),
        "scope_type": scope_type,
        "scope_value": scope_value,
        "period": period,
        "unit": "currency",
        "reference": Decimal(amount * 1000),
        "currency": currency,
        "known_from": pd.Timestamp(2026, 9, day, 6),
    }


def _converted(amounts: pd.Series, rates: list[Decimal]) -> list[Decimal | None]:
    return [None if a is None else (a * r).quantize(mart_factory.QUANTUM) for a, r in zip(amounts, rates, strict=True)]


def _field(name: str, data_type: str, is_present: bool) -> str:
    quoted = f'"{name}"'
    return f"CAST({quoted if is_present else 'NULL'} AS {data_type}) AS {quoted}"
