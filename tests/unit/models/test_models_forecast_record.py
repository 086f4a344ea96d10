"""Forecasts are kept for ever, and past months without one are judged by what would have been said."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pandas as pd
import pytest

from models import ForecastResult, add_to_record, with_backcasts
from models.tables import build_frame
from tests.support.cost_history import COLUMNS

pytestmark = pytest.mark.ids("FCST-1")

AS_OF = datetime(2026, 10, 20, 6, tzinfo=UTC)


def forecast(as_of: datetime, cost: str = "10") -> pd.DataFrame:
    """One recent day, two future ones."""
    amounts = {f"{name}_cost": Decimal(cost) for name in ("expected", "lower", "upper", "lower_95", "upper_95")}
    rows = [
        {
            "forecast_date": as_of.date() + timedelta(days=ahead), "scope_type": "company", "scope_value": "all",
            "currency": "USD", **amounts, "model_name": "naive", "as_of": as_of.replace(tzinfo=None),
            "is_future": ahead >= 0,
        }
        for ahead in (-1, 0, 1)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def history(first: date, last: date) -> pd.DataFrame:
    days = [first + timedelta(days=i) for i in range((last - first).days + 1)]
    return pd.DataFrame([(day, "company", "all", "USD", Decimal(5)) for day in days], columns=list(COLUMNS))


class Forecaster:
    """Remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[datetime, date]] = []

    def __call__(self, seen: pd.DataFrame, as_of: datetime) -> ForecastResult:
        self.asked.append((as_of, max(seen["usage_date"])))
        nothing = (build_frame(name, []) for name in ("forecast_accuracy", "forecast_path", "forecast_rate"))
        return ForecastResult(forecast(as_of), *nothing)


def test_a_forecast_is_kept_with_its_future_and_made_again_takes_its_own_place() -> None:
    first = add_to_record(None, forecast(AS_OF))
    assert list(first["forecast_date"]) == [date(2026, 10, 20), date(2026, 10, 21)]
    both = add_to_record(first, forecast(AS_OF + timedelta(days=1), "20"))
    assert list(both["expected_cost"]) == [10, 10, 20, 20]
    again = add_to_record(both, forecast(AS_OF, "30"))
    assert sorted(again["expected_cost"]) == [20, 20, 30, 30], "the same moment is there once"
    assert not again["is_backcast"].any()


def test_the_last_months_are_judged_from_what_was_billed_then() -> None:
    asked = Forecaster()
    # The bill is a day late: of the morning of the 20th it knows the 18th.
    record = with_backcasts(None, history(date(2026, 4, 1), date(2026, 10, 18)), as_of=AS_OF, forecaster=asked)
    assert asked.asked == [
        (datetime(2026, month, 1, tzinfo=UTC), date(2026, month, 1) - timedelta(days=2)) for month in (8, 9, 10)
    ]
    assert record["is_backcast"].all()
    assert len(record) == 6
    asked.asked.clear()
    assert with_backcasts(record, history(date(2026, 4, 1), date(2026, 10, 18)), as_of=AS_OF, forecaster=asked).equals(
        record
    )
    assert not asked.asked, "what was said once stays"


def test_a_real_forecast_of_a_months_first_days_needs_no_backcast_and_short_histories_have_none() -> None:
    asked = Forecaster()
    real = add_to_record(None, forecast(datetime(2026, 10, 3, 6, tzinfo=UTC)))
    record = with_backcasts(real, history(date(2026, 6, 1), date(2026, 10, 18)), as_of=AS_OF, forecaster=asked)
    assert [moment.month for moment, _ in asked.asked] == [9], "July and August have too little before them"
    assert len(record) == 4
    empty = with_backcasts(None, history(date(2026, 10, 1), date(2026, 10, 18)), as_of=AS_OF, forecaster=asked)
    assert empty.empty
    assert list(empty.columns) == list(record.columns)
