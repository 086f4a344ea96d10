"""What holds for every cost history."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finops.config.events import EventsFile
from models.anomaly import detect
from models.baseline import scan
from models.events import DayMarks
from models.forecast import ForecastSettings, Workers, forecast_costs
from tests.support.cost_history import START, day, history, morning_after

COSTS = st.lists(
    st.one_of(st.just(0.0), st.floats(0, 5000), st.floats(0, 1e9)).map(lambda value: round(value, 6)),
    min_size=1,
    max_size=90,
)
WITHOUT_PROPHET = ForecastSettings(prophet_minimum_days=10_000)


@pytest.mark.ids("FCST-1")
@given(COSTS)
def test_forecasts_are_ordered_complete_and_never_negative(costs: list[float]) -> None:
    result = forecast_costs(
        history(np.array(costs)),
        as_of=morning_after(len(costs)),
        horizon_end=day(len(costs) + 40),
        events=EventsFile(),
        workers=Workers(1),
        settings=WITHOUT_PROPHET,
    )
    future = result.forecast[result.forecast["is_future"]]
    assert list(future["forecast_date"]) == [day(len(costs) + step) for step in range(41)]
    assert (future["lower_cost"] >= 0).all()
    assert (future["lower_cost"] <= future["expected_cost"]).all()
    assert (future["expected_cost"] <= future["upper_cost"]).all()
    assert (future["lower_95_cost"] <= future["lower_cost"]).all()
    assert (future["upper_cost"] <= future["upper_95_cost"]).all()
    assert len(result.path) == 100 * 41
    assert result.path["cost"].min() >= 0
    assert result.accuracy["is_chosen"].sum() == 1
    assert not result.forecast.duplicated(["forecast_date", "scope_type", "scope_value", "currency"]).any()


@pytest.mark.ids("FCST-1", "ANOM-1")
@given(COSTS, st.integers(1, 89), st.floats(0, 1e6))
def test_an_expectation_never_depends_on_its_own_day_or_later(costs: list[float], at: int, other: float) -> None:
    values = np.array(costs)
    at = min(at, values.size - 1)
    changed = values.copy()
    changed[at:] = other
    marks = DayMarks.of((), START, values.size)
    before = scan(START, values, marks, ()).expected[: at + 1]
    after = scan(START, changed, marks, ()).expected[: at + 1]
    np.testing.assert_array_equal(before, after)


@pytest.mark.ids("ANOM-1", "ANOM-3")
@settings(max_examples=40)
@given(COSTS)
def test_findings_are_unique_recent_and_add_up(costs: list[float]) -> None:
    frame = history(np.array(costs))
    found = detect(frame, None, None, as_of=morning_after(len(costs)), metric="effective_cost", events=EventsFile())
    assert found["anomaly_id"].is_unique
    for row in found.itertuples():
        assert row.impact == row.actual - row.expected
        assert abs(row.impact) >= Decimal(25)
        assert day(len(costs)) - timedelta(days=30) <= row.detected_date < day(len(costs))
        assert row.explanation.endswith(".")
        assert row.severity in ("low", "medium", "high", "critical")
