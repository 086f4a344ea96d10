"""Reading the mart's rows: exact, and refused with row, column and remedy."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest

from guardrails import FactError, facts_from_rows

pytestmark = pytest.mark.ids("GUARD-1")

ROW: dict[str, Any] = {
    "fact_id": "f1", "kind": "budget", "budget_id": "search", "scope_type": "team", "scope_value": "search",
    "subject": None, "period": "2026-10", "metric": "billed_cost", "unit": "currency",
    "value": Decimal("12504.100000000001"), "reference": Decimal(12000),
    "ratio": Decimal("1.042008"), "projected_ratio": None, "currency": "USD", "increase_amount": None,
    "data_through": datetime.fromisoformat("2026-10-19"), "is_reconciled": True, "as_of": "2026-10-20 06:00:00",
    "a_column_of_tomorrow": 1,
}  # fmt: skip


def test_a_row_is_read_exactly_and_its_times_are_utc() -> None:
    (fact,) = facts_from_rows([ROW])
    assert fact.value == Decimal("12504.100000000001")
    assert fact.data_through == datetime(2026, 10, 19, tzinfo=UTC)
    assert fact.as_dict()["value"] == "12504.100000000001"
    assert fact.as_dict()["as_of"] == "2026-10-20T06:00:00Z"
    assert fact.as_dict()["projected_ratio"] is None


def test_a_data_frames_nulls_and_times_are_understood() -> None:
    usage = {
        "fact_id": "f2", "kind": "usage_doubled", "budget_id": math.nan, "ratio": math.nan, "reference": None,
        "data_through": pd.NaT, "as_of": pd.Timestamp("2026-10-20T08:00:00+02:00"),
    }  # fmt: skip
    records = pd.DataFrame([ROW, ROW | usage]).to_dict("records")
    _, fact = facts_from_rows({str(name): value for name, value in record.items()} for record in records)
    assert (fact.budget_id, fact.ratio, fact.data_through) == (None, None, None)
    assert fact.as_of == datetime(2026, 10, 20, 6, tzinfo=UTC)
    assert fact.amount_at_stake == Decimal("12504.100000000001")


def test_moments_of_other_zones_become_utc() -> None:
    zone = timezone(timedelta(hours=5, minutes=30))
    (fact,) = facts_from_rows([ROW | {"data_through": datetime(2026, 10, 19, 5, 30, tzinfo=zone)}])
    assert fact.as_dict()["data_through"] == "2026-10-19T00:00:00Z"


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("fact_id", None, "is null"),
        ("kind", "idle_gpus", "'idle_gpus' is unknown. Use one of budget, burn_rate, "),
        ("unit", "USD", "'USD' is unknown. Use one of currency, tokens, "),
        ("subject", 7, "7 is not a name"),
        ("budget_id", None, "is null"),
        ("scope_value", "", "'' is not a name"),
        ("value", 12504.1, "12504.1 is not exact. Keep it a decimal"),
        ("value", Decimal("NaN"), "is null"),
        ("value", "12.5 USD", "'12.5 USD' is not a number"),
        ("value", Decimal("Infinity"), "is not finite"),
        ("ratio", None, "is null"),
        ("ratio", True, "True is not exact"),
        ("data_through", "yesterday", "'yesterday' is not a moment"),
        ("is_reconciled", None, "is null"),
        ("is_reconciled", "false", "'false' is neither true nor false"),
        ("as_of", None, "is null"),
    ],
)
def test_a_bad_value_names_row_fact_column_and_remedy(column: str, value: object, message: str) -> None:
    with pytest.raises(FactError) as caught:
        facts_from_rows([ROW, ROW | {"fact_id": "f2", column: value}])
    (problem,) = caught.value.problems
    assert problem.startswith("fct_guardrail_facts row 2")
    assert f"column {column}: " in problem
    assert message in problem


def test_every_problem_is_named_at_once() -> None:
    incomplete = {name: value for name, value in ROW.items() if name != "currency"}
    with pytest.raises(FactError) as caught:
        facts_from_rows([incomplete | {"ratio": "x"}, ROW, ROW])
    assert len(caught.value.problems) == 3
    assert "column currency: the column is missing" in str(caught.value)
    assert "row 3, column fact_id: 'f1' is also row 2" in str(caught.value)
