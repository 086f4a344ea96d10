"""The next two days by the hour: complete, adding up, calibrated, and honest about what it cannot say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from finops.config.events import EventsFile
from models import forecast_hours, with_earlier

pytestmark = [pytest.mark.ids("FCST-1"), pytest.mark.xdist_group("forecast-hours")]

START = datetime(2026, 9, 14)  # noqa: DTZ001 - as the warehouse keeps UTC
AS_OF = datetime(2026, 10, 12, 9, 20, tzinfo=UTC)
HOURS = int((AS_OF.replace(tzinfo=None) - START) / timedelta(hours=1))
TEAMS = {"query-rewriter": "search", "ranker": "search", "triage": "support"}
LEVELS = {"query-rewriter": 12.0, "ranker": 3.0, "triage": 7.0}


def usage(hours: int, *, seed: int = 3, noise: float = 0.1) -> pd.DataFrame:
    """Three apps with a day and a week of their own; whole levels above are their sums.

    ``noise`` is an average hour's; busier hours are of more calls and steadier, as sums are.
    """
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(hours):
        at = START + timedelta(hours=number)
        shape = (1 + 0.6 * np.sin(2 * np.pi * (at.hour - 9) / 24)) * (1.0 if at.weekday() < 5 else 0.4)
        for app, level in LEVELS.items():
            cost = Decimal(f"{level * rng.gamma(shape / noise**2, noise**2):.6f}")
            tokens, requests = int(cost * 10_000), int(cost * 40)
            for kind, value in (("app", app), ("team", TEAMS[app]), ("business_unit", "shop"), ("company", "all")):
                rows.append((at, kind, value, "USD", cost, tokens, requests))
    names = ["usage_hour", "scope_type", "scope_value", "currency", "cost", "tokens", "request_count"]
    frame = pd.DataFrame(rows, columns=names)
    return frame.groupby(names[:4], as_index=False)[names[4:]].sum()


def told(history: pd.DataFrame, as_of: datetime = AS_OF, **more: object) -> pd.DataFrame:
    return forecast_hours(
        history, as_of=as_of, events=EventsFile(), team_of_app=TEAMS,
        business_unit_of_team={"search": "shop", "support": "shop"}, **more,
    )  # fmt: skip


@pytest.fixture(scope="module")
def found() -> pd.DataFrame:
    return told(usage(HOURS))


def test_every_hour_of_the_next_two_days_is_there_for_every_scope(found: pd.DataFrame) -> None:
    hours = pd.date_range("2026-10-12 09:00", periods=48, freq="h")
    for _, rows in found.groupby(["scope_type", "scope_value"]):
        assert list(rows["usage_hour"]) == list(hours), "the running hour is not over, so it is expected"
    assert len(found) == 48 * 7
    for measure in ("cost", "tokens", "requests"):
        ends = [found[f"{bound}_{measure}"] for bound in ("lower_95", "lower", "expected", "upper", "upper_95")]
        for low, high in pairwise(ends):
            assert (low <= high).all()
        assert (ends[0] >= 0).all()


def test_parts_add_up_in_every_hour_to_the_last_digit(found: pd.DataFrame) -> None:
    by_level = found.groupby(["scope_type", "usage_hour"])["expected_cost"].sum().unstack(0)
    for level in ("team", "business_unit", "app"):
        assert (by_level[level] == by_level["company"]).all()
    search = found[found["scope_value"] == "search"].set_index("usage_hour")["expected_cost"]
    apps = found[found["scope_value"].isin(["query-rewriter", "ranker"])]
    assert (apps.groupby("usage_hour")["expected_cost"].sum() == search).all()


def test_intervals_hold_what_they_promise_on_hours_not_seen() -> None:
    inside = {"80": [], "95": []}  # type: ignore[var-annotated]
    errors, sizes = [], []
    for seed in range(6):
        whole = usage(HOURS + 48, seed=seed, noise=0.2)
        said = told(whole[whole["usage_hour"] < pd.Timestamp("2026-10-12 09:00")])
        both = said.merge(whole, on=["usage_hour", "scope_type", "scope_value", "currency"])
        both = both[both["scope_type"] == "app"]
        inside["80"] += list(both["cost"].between(both["lower_cost"], both["upper_cost"]))
        inside["95"] += list(both["cost"].between(both["lower_95_cost"], both["upper_95_cost"]))
        errors += list((both["cost"] - both["expected_cost"]).abs())
        sizes += list(both["cost"])
    assert 0.72 <= np.mean(inside["80"]) <= 0.92
    assert 0.92 <= np.mean(inside["95"]) <= 1.0
    assert float(sum(errors) / sum(sizes)) < 0.2, "noise of 20% is 16% of error"


def test_the_day_and_the_week_are_in_it(found: pd.DataFrame) -> None:
    company = found[found["scope_type"] == "company"].set_index("usage_hour")["expected_cost"].astype(float)
    assert company["2026-10-12 15:00"] > 2 * company["2026-10-13 03:00"], "busy afternoons, quiet nights"


@pytest.mark.parametrize(
    ("first", "last", "why"),
    [
        (0, HOURS - 60, "usage that ended days ago says nothing of tomorrow"),
        (HOURS - 40, HOURS, "two days say nothing of a day's shape"),
    ],
)
def test_nothing_is_said_without_a_base(first: int, last: int, why: str) -> None:
    history = usage(HOURS)
    hours = (history["usage_hour"] - pd.Timestamp(START)) / pd.Timedelta(hours=1)
    assert told(history[(hours >= first) & (hours < last)]).empty, why
    assert told(history.iloc[:0]).empty


def test_late_usage_is_bridged(found: pd.DataFrame) -> None:
    history = usage(HOURS)
    late = told(history[history["usage_hour"] < pd.Timestamp("2026-10-12 05:00")])
    assert late["usage_hour"].min() == pd.Timestamp("2026-10-12 05:00")
    assert late["usage_hour"].max() == found["usage_hour"].max()


def test_what_stopped_a_week_ago_is_not_expected_back() -> None:
    history = usage(HOURS)
    is_old = history["usage_hour"] < pd.Timestamp("2026-10-05 00:00")
    history = history[is_old | ~history["scope_value"].isin(["triage", "support"])]
    said = told(history)
    assert (said.loc[said["scope_value"] == "triage", "upper_95_cost"] == 0).all()


def test_hours_that_are_over_keep_what_was_expected_of_them(found: pd.DataFrame) -> None:
    earlier = told(usage(HOURS), AS_OF - timedelta(hours=5))
    kept = with_earlier(found, earlier, as_of=AS_OF)
    assert not kept.duplicated(["usage_hour", "scope_type", "scope_value", "currency"]).any()
    over = kept[kept["usage_hour"] < pd.Timestamp("2026-10-12 09:00")]
    assert set(over["usage_hour"].dt.hour) == {4, 5, 6, 7, 8}
    assert (over["as_of"] == pd.Timestamp("2026-10-12 04:20")).all()
    assert with_earlier(found, kept, as_of=AS_OF).equals(kept), "again is the same"
    assert with_earlier(found, kept, as_of=AS_OF + timedelta(days=9)).equals(found), "for a week"


def test_a_price_that_changes_tomorrow_is_in_the_cost_of_tomorrow_only(found: pd.DataFrame) -> None:
    change = {"id": "c", "name": "c", "scope": {"level": "team", "value": "search"}, "starts_on": "2026-10-13"}
    events = EventsFile.model_validate({"price_changes": [{**change, "percent": -50}]})
    said = forecast_hours(
        usage(HOURS), as_of=AS_OF, events=events, team_of_app=TEAMS,
        business_unit_of_team={"search": "shop", "support": "shop"},
    )  # fmt: skip
    keys = ["scope_type", "scope_value", "usage_hour"]
    both = said.merge(found, on=keys, suffixes=("", "_before"))
    ratio = both["expected_cost"].astype(float) / both["expected_cost_before"].astype(float)
    tomorrow = both["usage_hour"] >= pd.Timestamp("2026-10-13")
    of_search = both["scope_value"].isin(["search", "query-rewriter", "ranker"])
    assert ratio[tomorrow & of_search].to_numpy() == pytest.approx(0.5, abs=1e-4)
    assert ratio[~tomorrow].to_numpy() == pytest.approx(1, abs=1e-4)
    assert ratio[both["scope_value"].isin(["support", "triage"])].to_numpy() == pytest.approx(1, abs=1e-4)
    assert (both["expected_tokens"] == both["expected_tokens_before"]).all()
    by_level = said.groupby(["scope_type", "usage_hour"])["expected_cost"].sum().unstack(0)
    assert (by_level["app"] == by_level["company"]).all()
