"""Budgets and asks for the gate's tests: valid by default, one aspect changed at a time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from finops.config.models import Gate
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
