"""Price changes and capacities that are known beforehand: by their money, in every level, and never beyond."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from finops.config.events import EventsFile
from models import ForecastResult, ForecastSettings, Workers, forecast_costs

pytestmark = pytest.mark.ids("FCST-1")

FIRST, DAYS = date(2026, 7, 1), 80
LAST = FIRST + timedelta(days=DAYS - 1)
AS_OF = datetime(2026, 9, 19, 6, tzinfo=UTC)
END = date(2026, 10, 31)
TEAMS = {"ranker": "search", "rewriter": "search", "triage": "support"}
MODELS = {
    "ranker": {"mini": 0.2, "large": 0.5, None: 0.3},
    "rewriter": {"mini": 1.0},
    "triage": {"mini": 0.5, "large": 0.5},
}
"""Shares of models; None: what is no model's, such as machines, and in no breakdown by model."""
LEVELS = {"ranker": 300.0, "rewriter": 80.0, "triage": 150.0}
BOUNDS = ["lower_95_cost", "lower_cost", "expected_cost", "upper_cost", "upper_95_cost"]
QUICK = ForecastSettings(prophet_minimum_days=10_000)
FEW = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def costs(step: date | None = None, factor: float = 1.0, of: str = "large", seed: int = 1) -> pd.DataFrame:
    """Cost by app and model, the same with a price of ``of`` that changed on a day; summed for each level."""
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(DAYS):
        day = FIRST + timedelta(days=number)
        for app, level in LEVELS.items():
            amount = level * (1.0 if day.weekday() < 5 else 0.6) * rng.lognormal(0, 0.08)
            for model, share in MODELS[app].items():
                price = factor if step is not None and day >= step and model == of else 1.0
                cost = Decimal(f"{amount * share * price:.6f}")
                scopes = (("app", app), ("team", TEAMS[app]), ("model", model or "none"), ("company", "all"))
                rows += [(day, kind, value, "USD", cost, app, model) for kind, value in scopes]
    return pd.DataFrame(
        rows, columns=["usage_date", "scope_type", "scope_value", "currency", "cost", "app", "model"]
    )  # fmt: skip


def told(rows: pd.DataFrame, known: dict[str, object] | None = None) -> ForecastResult:
    names = ["usage_date", "scope_type", "scope_value", "currency"]
    breakdown = [
        rows.groupby([*names, dimension], as_index=False)["cost"].sum().rename(columns={dimension: "value"}).assign(
            dimension=dimension
        )
        for dimension in ("app", "model")
    ]  # fmt: skip
    return forecast_costs(
        rows.groupby(names, as_index=False)["cost"].sum(),
        as_of=AS_OF, horizon_end=END, events=EventsFile.model_validate(known or {}), workers=Workers(1), settings=QUICK,
        team_of_app=TEAMS, breakdown=pd.concat(breakdown),
    )  # fmt: skip


def ahead(result: ForecastResult, kind: str, value: str) -> pd.DataFrame:
    rows = result.forecast
    rows = rows[rows["is_future"] & (rows["scope_type"] == kind) & (rows["scope_value"] == value)]
    return rows.set_index("forecast_date")


def adds_up(result: ForecastResult) -> None:
    future = result.forecast[result.forecast["is_future"]]
    by_level = future.groupby(["scope_type", "forecast_date"])["expected_cost"].sum().unstack(0)
    for level in ("team", "model", "app"):
        assert (by_level[level] == by_level["company"]).all(), level
    paths = result.path.groupby(["scope_type", "path", "forecast_date"])["cost"].sum().unstack(0)
    for level in ("team", "model", "app"):
        assert (paths[level] == paths["company"]).all(), level
    for low, high in pairwise(BOUNDS):
        assert (future[low] <= future[high]).all()


@pytest.fixture(scope="module")
def unchanged() -> ForecastResult:
    return told(costs())


@FEW
@given(percent=st.integers(-80, 150).filter(bool), day=st.dates(LAST + timedelta(days=1), END))
def test_a_known_price_changes_totals_by_its_money_from_its_day_on(
    unchanged: ForecastResult, percent: int, day: date
) -> None:
    change = {"id": "c", "name": "c", "scope": {"level": "model", "value": "large"}, "starts_on": day}
    changed = told(costs(), {"price_changes": [{**change, "percent": percent}]})
    adds_up(changed)
    before, after = ahead(unchanged, "model", "large"), ahead(changed, "model", "large")
    factor = 1 + percent / 100
    for when in before.index:
        expected = float(before.loc[when, "expected_cost"]) * (factor if when >= day else 1)
        assert float(after.loc[when, "expected_cost"]) == pytest.approx(expected, abs=1e-3)
    money = float((after["expected_cost"] - before["expected_cost"]).sum())
    whole = ahead(changed, "company", "all")["expected_cost"] - ahead(unchanged, "company", "all")["expected_cost"]
    assert float(whole.sum()) == pytest.approx(money, abs=0.01), "the month's total moves by its money"
    assert all(abs(change) < Decimal("0.001") for change in whole[whole.index < day])
    rewriter = ahead(changed, "app", "rewriter")["expected_cost"] / ahead(unchanged, "app", "rewriter")["expected_cost"]
    assert rewriter.astype(float).between(0.9, 1.1).all(), "an app that does not use the model hardly moves"
    ranker = ahead(changed, "app", "ranker")["expected_cost"] / ahead(unchanged, "app", "ranker")["expected_cost"]
    since = ranker[ranker.index >= day].astype(float)
    assert float(since.mean()) == pytest.approx(1 + 0.5 * (factor - 1), abs=0.05), "one that does, by its share"


@FEW
@given(share=st.floats(0.2, 0.95), level=st.sampled_from([("team", "search"), ("model", "large"), ("app", "ranker")]))
def test_nothing_grows_beyond_a_capacity(unchanged: ForecastResult, share: float, level: tuple[str, str]) -> None:
    kind, value = level
    most = Decimal(f"{float(ahead(unchanged, kind, value)['expected_cost'].max()) * share:.2f}")
    capacity = {"id": "c", "name": "c", "scope": {"level": kind, "value": value}, "starts_on": LAST}
    capped = told(costs(), {"capacities": [{**capacity, "most_per_day": most}]})
    adds_up(capped)
    rows = ahead(capped, kind, value)
    assert (rows[BOUNDS] <= most).all(axis=None)
    paths = capped.path
    own = paths[(paths["scope_type"] == kind) & (paths["scope_value"] == value)]
    assert max(own["cost"]) <= most
    whole = ahead(capped, "company", "all")["expected_cost"].sum()
    assert whole < ahead(unchanged, "company", "all")["expected_cost"].sum()


def test_a_capacity_may_be_units_at_a_price_and_end(unchanged: ForecastResult) -> None:
    capacity = {
        "id": "gpus", "name": "GPUs", "scope": {"level": "model", "value": "large"}, "starts_on": "2026-09-20",
        "ends_on": "2026-09-30", "units_per_day": 10, "unit_price": 5,
    }  # fmt: skip
    rows = ahead(told(costs(), {"capacities": [capacity]}), "model", "large")["expected_cost"]
    free = ahead(unchanged, "model", "large")["expected_cost"]
    held = (rows.index >= date(2026, 9, 20)) & (rows.index <= date(2026, 9, 30))
    assert (rows[held] <= 50).all()
    assert (rows[held] > 49).all(), "there is far more to be used"
    assert [abs(a - b) < Decimal("0.001") for a, b in zip(rows[~held], free[~held], strict=True)] == [True] * sum(~held)


def test_a_past_price_is_not_learnt_as_a_trend(unchanged: ForecastResult) -> None:
    step = LAST - timedelta(days=9)
    known = {"id": "c", "name": "c", "scope": {"level": "model", "value": "large"}, "starts_on": step, "factor": 0.5}
    rows = costs(step, 0.5)
    with_it = ahead(told(rows, {"price_changes": [known]}), "model", "large")["expected_cost"].astype(float)
    should_be = 0.5 * ahead(unchanged, "model", "large")["expected_cost"].astype(float)
    assert float((with_it - should_be).abs().sum() / should_be.sum()) < 0.02
    recent = told(rows, {"price_changes": [known]}).forecast
    past = recent[~recent["is_future"] & (recent["scope_type"] == "model") & (recent["scope_value"] == "large")]
    raw = rows[(rows["scope_type"] == "model") & (rows["scope_value"] == "large")].groupby("usage_date")["cost"].sum()
    off = [abs(float(row.expected_cost) / float(raw[row.forecast_date]) - 1) for row in past.itertuples()]
    assert float(np.median(off)) < 0.15, "days that are over are expected at the prices that they had"


@pytest.mark.parametrize(
    "known",
    [
        {"price_changes": [{"id": "a", "name": "a", "scope": {"level": "company"}, "starts_on": "2026-10-01"}]},
        {"capacities": [{"id": "a", "name": "a", "scope": {"level": "company"}, "starts_on": "2026-10-01"}]},
        {
            "capacities": [
                {"id": "a", "name": "a", "scope": {"level": "company"}, "starts_on": "2026-10-01", "units_per_day": 3}
            ]
        },
    ],
)
def test_half_a_change_is_refused(known: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"is a factor or a percent|money a day, or units"):
        EventsFile.model_validate(known)
