"""Budgets and asks for the gate's tests: valid by default, one aspect changed at a time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import duckdb

from finops.config.policies import Gate
from finops.paths import Home
from guardrails import gate

NOW = datetime(2026, 10, 20, 6, tzinfo=UTC)


def line(budget_id: str = "search", used: str = "0", amount: str = "1000", **changes: Any) -> gate.BudgetLine:
    """A team's budget of October, billed to the day before yesterday."""
    made = gate.BudgetLine(
        budget_id=budget_id,
        scope_type="team",
        scope_value=budget_id,
        parent=None,
        period_starts_at=datetime(2026, 10, 1, tzinfo=UTC),
        period_ends_at=datetime(2026, 11, 1, tzinfo=UTC),
        currency="USD",
        amount=Decimal(amount),
        used=Decimal(used),
        data_through=datetime(2026, 10, 19, tzinfo=UTC),
        is_reconciled=True,
    )
    return replace(made, **changes)


def facts(*lines: gate.BudgetLine, **changes: Any) -> gate.GateFacts:
    return replace(gate.GateFacts({one.budget_id: one for one in lines or [line()]}), **changes)


def ask(estimate: str = "100", **changes: Any) -> gate.Ask:
    """Team search asks for USD 100."""
    return replace(gate.Ask(Decimal(estimate), "USD", "ci", {"team": "search"}), **changes)


def settings(**changes: Any) -> Gate:
    return Gate.model_validate(changes)


def publish_budgets(home: Home, version: str, budgets: Iterable[tuple[str, str, str, str, str]]) -> None:
    """The marts that the gate reads, swapped in as a run does.

    ``budgets``: id, scope type, scope value, amount and use, of October in USD, billed to the day before yesterday.
    """
    folder = home.path / ".published" / version
    folder.mkdir(parents=True)
    rows = ", ".join(f"('{name}', '{kind}', '{of}', {amount}, {used})" for name, kind, of, amount, used in budgets)
    money = "decimal(38, 12)"
    marts = {
        "fct_budget_status": f"""
            select budget_id, scope_type, scope_value,
                date '2026-10-01' as period_start, date '2026-10-31' as period_end,
                timestamp '2026-10-01' as period_starts_at, timestamp '2026-11-01' as period_ends_at, 'USD' as currency,
                amount::{money} as budget_amount, used::{money} as billed_to_date,
                null::{money} as calibrated_estimated_since_billed, 0::{money} as estimated_since_billed,
                0::{money} as committed_cost, date '2026-10-18' as billed_through
            from (values {rows}) as budgets(budget_id, scope_type, scope_value, amount, used)
        """,
        "fct_reconciliation_daily": """
            select 'USD' as billing_currency, date '2026-10-05' as usage_date, true as is_reconciled
        """,
        "fct_exchange_rate_daily": f"""
            select 'USD' as billing_currency, date '2026-10-05' as usage_date, 1::{money} as exchange_rate
        """,
    }
    with duckdb.connect() as connection:
        for name, sql in marts.items():
            connection.sql(sql).write_parquet(str(folder / f"{name}.parquet"))
    link = home.path / "link"
    link.symlink_to(folder, target_is_directory=True)
    link.replace(home.published)
