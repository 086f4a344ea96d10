"""Forecasts: horizon, winner, intervals, odd series, events, reconciliation, cache."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from prophet import Prophet

from finops.config.events import EventsFile, KnownEvent
from finops.config.values import Scope
from models.forecast import ForecastResult, ForecastSettings, Workers, forecast_costs
from models.forecast.one_series import kind_of
from models.forecast.prophet_model import prophet_candidate
from models.series import HistoryError
from models.tables import build_frame
from tests.support.cost_history import COLUMNS, START, day, history, morning_after, weekly

pytestmark = [pytest.mark.ids("FCST-1"), pytest.mark.xdist_group("forecast")]

NO_EVENTS = EventsFile()
QUICK = ForecastSettings(prophet_minimum_days=10_000)


def run(
    frame: pd.DataFrame, days: int, events: EventsFile = NO_EVENTS, cache: Path | None = None, **more: object
) -> ForecastResult:
    return forecast_costs(frame, as_of=morning_after(days), events=events, workers=Workers(1), cache=cache, **more)  # type: ignore[arg-type]


def future(result: ForecastResult) -> pd.DataFrame:
    rows = result.forecast[result.forecast["is_future"]]
    assert len(rows)
    return rows


@pytest.fixture(scope="module")
def regular() -> ForecastResult:
    return run(history(weekly(200)), 200, EventsFile(holidays=["US", "DE"]))


def test_the_future_reaches_the_end_of_next_month_without_gaps(regular: ForecastResult) -> None:
    days = list(future(regular)["forecast_date"])
    as_of = morning_after(200).date()
    assert as_of == date(2026, 9, 18)
    assert days == [as_of + timedelta(days=step) for step in range((date(2026, 10, 31) - as_of).days + 1)]


def test_the_forecast_follows_level_and_week(regular: ForecastResult) -> None:
    rows = future(regular)
    weekday = np.array([day.weekday() for day in rows["forecast_date"]])
    expected = rows["expected_cost"].astype(float).to_numpy()
    assert expected[weekday < 5].mean() == pytest.approx(460, rel=0.08)
    assert expected[weekday >= 5].mean() == pytest.approx(260, rel=0.08)


def test_money_leaves_as_decimals_inside_ordered_bounds(regular: ForecastResult) -> None:
    for row in regular.forecast.itertuples():
        assert all(type(value) is Decimal for value in (row.expected_cost, row.lower_cost, row.upper_cost))
        assert 0 <= row.lower_cost <= row.expected_cost <= row.upper_cost
        assert row.expected_cost.as_tuple().exponent == -12


def test_every_candidate_is_recorded_and_one_is_chosen(regular: ForecastResult) -> None:
    accuracy = regular.accuracy.set_index("model_name")
    assert {"blend", "seasonal_naive", "level", "theta", "profile_level", "prophet"} <= set(accuracy.index)
    chosen = accuracy[accuracy["is_chosen"]]
    assert list(chosen.index) == list(future(regular)["model_name"].unique()) == ["blend"]
    errors = accuracy["mean_absolute_scaled_error"]
    assert errors["blend"] <= 1.05 * errors[accuracy["folds"] == accuracy["folds"].max()].min()
    assert errors["blend"] < errors["seasonal_naive"]
    assert accuracy.loc["prophet", "folds"] == 2, "fitted for two origins, four weeks apart, and for the forecast"
    assert (accuracy["horizon_days"] == 28).all()
    assert 0.6 <= accuracy.loc["blend", "interval_coverage"] <= 1
    assert accuracy.loc["blend", "interval_coverage"] < accuracy.loc["blend", "interval_coverage_95"] <= 1
    shares = accuracy.drop(index="blend")["weight"]
    assert shares.sum() == pytest.approx(1)
    assert shares.min() >= 0


def test_recent_days_are_expected_without_being_seen() -> None:
    values = weekly(200)
    spiked = values.copy()
    spiked[190] *= 50
    plain, other = run(history(values), 200), run(history(spiked), 200)

    def expectation(result: ForecastResult) -> Decimal:
        rows = result.forecast[~result.forecast["is_future"]]
        assert len(rows) == 45
        return rows[rows["forecast_date"] == day(190)]["expected_cost"].iloc[0]

    assert expectation(other) == pytest.approx(expectation(plain), rel=Decimal("0.1"))
    assert expectation(other) < 700


def test_a_runaway_job_is_not_forecast_to_come_back() -> None:
    values = weekly(200)
    values[195:198] *= 6
    expected = future(run(history(values), 200))["expected_cost"].astype(float)
    assert expected.max() < 650
    assert expected.mean() == pytest.approx(400, rel=0.12)


def test_a_new_level_is_followed() -> None:
    values = weekly(200)
    values[185:] *= 2
    assert future(run(history(values), 200))["expected_cost"].astype(float).mean() == pytest.approx(800, rel=0.15)


def test_a_monthly_charge_is_expected_on_its_day_only() -> None:
    values = weekly(210, noise=0.05)
    for number in range(210):
        if day(number).day == 1:
            values[number] += 3000
    rows = future(run(history(values), 210)).set_index("forecast_date")["expected_cost"].astype(float)
    first = rows[date(2026, 10, 1)]
    assert first == pytest.approx(3460, rel=0.15)
    assert rows.drop([date(2026, 10, 1)]).max() < 650


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (np.zeros(60), "zero"),
        (np.concatenate([weekly(60), np.zeros(8)]), "stopped"),
        (weekly(15), "short"),
        (np.array([500.0]), "short"),
        (np.where(np.random.default_rng(2).random(120) < 0.2, 300.0, 0.0), "intermittent"),
        (np.where(np.arange(120) % 7 < 5, 300.0, 0.0), "regular"),
        (weekly(21), "regular"),
    ],
)
def test_series_are_told_apart(values: NDArray[np.float64], kind: str) -> None:
    assert kind_of(values, ForecastSettings()) == kind


def test_a_stopped_series_is_expected_to_stay_stopped() -> None:
    values = np.concatenate([weekly(60), np.zeros(8)])
    company = history(weekly(68), "company", "all")
    rows = future(run(pd.concat([company, history(values)]), 68))
    stopped = rows[rows["scope_value"] == "robotics"]
    assert (stopped["expected_cost"] == 0).all()
    assert (stopped["upper_cost"] > 0).all(), "a stop of a week may be late data"
    assert set(stopped["model_name"]) == {"stopped"}


def test_a_series_without_recent_rows_has_stopped() -> None:
    """Missing rows are zeros: the history ends where its currency's newest row is."""
    frame = pd.concat([history(weekly(80), "company", "all"), history(weekly(60), "team", "old")])
    rows = future(run(frame, 80))
    old = rows[rows["scope_value"] == "old"]
    assert (old["expected_cost"] == 0).all()
    assert (old["upper_cost"] == 0).all(), "silent for 20 days: it is over"


@pytest.mark.parametrize("days", [1, 2, 6, 13, 20, 21, 27, 34, 55, 56, 60])
def test_series_of_any_length_get_a_forecast(days: int) -> None:
    result = run(history(weekly(days)), days)
    rows = future(result)
    mean = rows["expected_cost"].astype(float).mean()
    assert 200 < mean < 600
    assert (rows["lower_cost"] < rows["upper_cost"]).all()
    assert result.accuracy["is_chosen"].sum() == 1


def test_weekday_only_spending_stays_off_at_weekends() -> None:
    values = np.where(np.arange(140) % 7 < 5, 300.0, 0.0)
    rows = future(run(history(values), 140))
    weekend = rows[[day.weekday() >= 5 for day in rows["forecast_date"]]]["expected_cost"].astype(float)
    weekdays = rows[[day.weekday() < 5 for day in rows["forecast_date"]]]["expected_cost"].astype(float)
    assert weekend.max() < 15
    assert weekdays.mean() == pytest.approx(300, rel=0.05)


def test_a_falling_series_never_goes_below_zero() -> None:
    values = np.linspace(800, 5, 200) * (1 + 0.05 * np.random.default_rng(4).normal(size=200))
    rows = future(run(history(values), 200))
    assert (rows["lower_cost"] >= 0).all()
    assert (rows["expected_cost"] >= 0).all()


def test_credits_may_be_negative() -> None:
    rows = future(run(history(-weekly(100)), 100))
    assert rows["expected_cost"].astype(float).mean() == pytest.approx(-400, rel=0.15)


def relative_width(rows: pd.DataFrame) -> float:
    width = (rows["upper_cost"] - rows["lower_cost"]).astype(float) / rows["expected_cost"].astype(float)
    return float(width.median())


@pytest.mark.parametrize("days", [30, 60])
def test_a_pilot_before_weeks_of_spend_makes_no_day_unsurer(days: int) -> None:
    """A year of subscriptions for a few people, then what the company really spends: what is known are weeks."""
    weeks = weekly(days)
    pilot = np.full(365, 8.0)
    alone = forecast_costs(
        history(weeks), as_of=morning_after(days), events=NO_EVENTS, workers=Workers(1), settings=QUICK
    )
    after = forecast_costs(
        history(np.concatenate([pilot, weeks]), start=START - timedelta(days=365)),
        as_of=morning_after(days), events=NO_EVENTS, workers=Workers(1), settings=QUICK,
    )  # fmt: skip
    pd.testing.assert_frame_equal(future(after).reset_index(drop=True), future(alone).reset_index(drop=True))
    assert relative_width(future(after)) < 0.8


def test_intervals_hold_what_they_promise() -> None:
    """80% on series that go on as they were; a band of 70 to 95% for 30 series × 28 days."""
    inside = total = 0
    for seed in range(30):
        values = weekly(150, level=100 * (seed + 1), noise=0.15, seed=seed)
        rows = forecast_costs(
            history(values[:122]),
            as_of=morning_after(122),
            horizon_end=day(149),
            events=NO_EVENTS,
            workers=Workers(1),
            settings=ForecastSettings(prophet_minimum_days=10_000),
        ).forecast
        rows = rows[rows["is_future"]]
        truth = values[122:]
        assert len(rows) == 28
        inside += int(((rows["lower_cost"].astype(float) <= truth) & (truth <= rows["upper_cost"].astype(float))).sum())
        total += 28
    assert 0.70 <= inside / total <= 0.95


def test_equal_input_gives_equal_output() -> None:
    frame = history(weekly(120))
    first, second = run(frame, 120), run(frame.sample(frac=1, random_state=3), 120)
    pd.testing.assert_frame_equal(first.forecast, second.forecast)
    pd.testing.assert_frame_equal(first.accuracy, second.accuracy)


def test_features_that_series_share_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second series of the same days, one with a gap, two with an event: each as Prophet alone has it."""
    [event] = launch("lasting", 60, 67).events
    days = 7 * 18
    week = 100 + 20 * np.sin(np.arange(days) * 2 * np.pi / 7) + np.arange(days) % 5
    gap = np.where(np.arange(days) == 40, np.nan, week)

    def said() -> list[NDArray[np.float64]]:
        return [
            prophet_candidate(values, START, events=events, countries=("US", "DE"), settings=ForecastSettings())(
                [days - 28, days], 14
            )
            for values, events in ((week, []), (week * 3 - 1, []), (gap, []), (week, [event]), (week**2, [event]))
        ]

    quick = said()
    monkeypatch.setattr("models.forecast.prophet_model._prophet", lambda: Prophet)
    for ours, theirs in zip(quick, said(), strict=True):
        assert np.isfinite(ours).all()
        np.testing.assert_array_equal(ours, theirs)


def test_worker_processes_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.forecast.workers.POOL_FROM_SERIES", 2)
    monkeypatch.setattr("models.forecast.workers.CHUNK", 2)
    frame = pd.concat([history(weekly(90, seed=seed), "team", f"t{seed}") for seed in range(3)])
    alone = forecast_costs(frame, as_of=morning_after(90), events=NO_EVENTS, workers=Workers(1))
    with Workers(2) as workers:
        together = forecast_costs(frame, as_of=morning_after(90), events=NO_EVENTS, workers=workers)
    pd.testing.assert_frame_equal(alone.forecast, together.forecast)


def test_series_are_shared_out_evenly() -> None:
    assert Workers(2).chunks(0) == []
    assert Workers(2).chunks(24) == [range(24)], "too few to be worth two batches"
    assert [len(chunk) for chunk in Workers(2).chunks(54)] == [14, 14, 14, 12]
    assert [len(chunk) for chunk in Workers(1).chunks(54)] == [18, 18, 18]
    assert [place for chunk in Workers(2).chunks(113) for place in chunk] == list(range(113))


def launch(effect: str, starts: int, ends: int, value: str = "robotics", level: str = "team") -> EventsFile:
    event = KnownEvent(
        id="launch",
        name="Launch",
        starts_on=day(starts),
        ends_on=day(ends),
        scope=Scope(level=level, value=value),  # type: ignore[arg-type]
        effect=effect,  # type: ignore[arg-type]
    )
    return EventsFile(events=[event])


def test_a_known_launch_is_learnt_at_once() -> None:
    """Two days after an unannounced step the forecast waits; after an announced one it follows."""
    values = weekly(200)
    values[197:] *= 2
    announced = future(run(history(values), 200, launch("lasting", 197, 199)))["expected_cost"].astype(float).mean()
    unannounced = future(run(history(values), 200))["expected_cost"].astype(float).mean()
    assert unannounced == pytest.approx(400, rel=0.15)
    assert announced > 1.5 * unannounced


def test_a_load_test_does_not_raise_the_forecast() -> None:
    values = weekly(200)
    values[188:200] *= 3
    during = future(run(history(values), 200, launch("temporary", 188, 199)))["expected_cost"].astype(float).mean()
    assert during == pytest.approx(400, rel=0.15)


def test_a_load_test_that_goes_on_is_expected_until_it_ends() -> None:
    values = weekly(200)
    values[190:200] *= 3
    rows = future(run(history(values), 200, launch("temporary", 190, 206))).set_index("forecast_date")
    expected = rows["expected_cost"].astype(float)
    assert expected[day(200) : day(206)].mean() > 2 * expected[day(207) :].mean()


def test_an_apps_event_reaches_its_team() -> None:
    values = weekly(200)
    values[197:] *= 2
    events = launch("lasting", 197, 199, value="arm", level="app")
    known = future(run(history(values), 200, events, team_of_app={"arm": "robotics"}))["expected_cost"].astype(float)
    unknown = future(run(history(values), 200, events))["expected_cost"].astype(float)
    assert known.mean() > 1.5 * unknown.mean()


def test_the_company_is_the_sum_of_its_teams() -> None:
    parts = {"a": weekly(120, seed=1), "b": weekly(120, level=90, seed=2), "c": weekly(120, level=1500, seed=3)}
    frame = pd.concat(
        [history(values, "team", name) for name, values in parts.items()]
        + [history(np.sum([np.round(values, 6) for values in parts.values()], axis=0), "company", "all")]
    )
    rows = future(run(frame, 120))
    teams = rows[rows["scope_type"] == "team"].groupby("forecast_date")["expected_cost"].sum()
    company = rows[rows["scope_type"] == "company"].set_index("forecast_date")["expected_cost"]
    assert len(company)
    assert (teams == company).all()


TREE = {
    "a": {"a1": 400.0, "a2": 90.0},
    "b": {"b1": 700.0},
    "c": {"c1": 30.0, "c2": 300.0, "c3": 5.0},
}


@pytest.fixture(scope="module")
def tree() -> ForecastResult:
    """Apps, teams, two regions across all teams, and the company."""
    apps, teams, regions = {}, {}, {"east": np.zeros(120), "west": np.zeros(120)}
    for team, levels in TREE.items():
        for number, (app, level) in enumerate(levels.items()):
            values = np.round(weekly(120, level=level, noise=0.2, seed=len(apps) + 1), 6)
            values[60:] *= 1.0 + 0.5 * number
            apps[app] = np.round(values, 6)
            regions["east"] += np.round(apps[app] * 0.25, 6)
        teams[team] = np.sum([apps[app] for app in levels], axis=0)
    company = np.sum(list(teams.values()), axis=0)
    regions["west"] = company - regions["east"]
    frame = pd.concat(
        [history(values, "app", name) for name, values in apps.items()]
        + [history(values, "team", name) for name, values in teams.items()]
        + [history(values, "region", name) for name, values in regions.items()]
        + [history(company, "company", "all")]
    )
    team_of_app = {app: team for team, levels in TREE.items() for app in levels}
    return run(frame, 120, team_of_app=team_of_app)


def added(rows: pd.DataFrame, scope_type: str, values: list[str], by: list[str], amount: str) -> dict[object, Decimal]:
    part = rows[(rows["scope_type"] == scope_type) & rows["scope_value"].isin(values)]
    assert len(part)
    sums: dict[object, Decimal] = {}
    for row in part.to_dict("records"):
        key = tuple(row[name] for name in by)
        sums[key] = sums.get(key, Decimal(0)) + row[amount]
    return sums


def test_every_level_adds_up_to_the_last_digit(tree: ForecastResult) -> None:
    rows, by = future(tree), ["forecast_date"]
    company = added(rows, "company", ["all"], by, "expected_cost")
    assert added(rows, "team", list(TREE), by, "expected_cost") == company
    assert added(rows, "region", ["east", "west"], by, "expected_cost") == company
    for team, levels in TREE.items():
        whole = added(rows, "team", [team], by, "expected_cost")
        assert added(rows, "app", list(levels), by, "expected_cost") == whole


def test_every_drawn_future_adds_up_to_the_last_digit(tree: ForecastResult) -> None:
    rows, by = tree.path, ["path", "forecast_date"]
    assert rows["path"].nunique() == 100
    assert rows["cost"].min() >= 0
    company = added(rows, "company", ["all"], by, "cost")
    assert added(rows, "team", list(TREE), by, "cost") == company
    assert added(rows, "region", ["east", "west"], by, "cost") == company
    assert added(rows, "app", list(TREE["c"]), by, "cost") == added(rows, "team", ["c"], by, "cost")


def test_an_interval_holds_as_many_futures_as_it_says(tree: ForecastResult) -> None:
    """Of a whole as of its parts, although futures were made to add up: what is unsure of a company is what is unsure
    of its teams."""
    rows = tree.path.merge(future(tree), on=["scope_type", "scope_value", "currency", "forecast_date"])
    assert len(rows) == len(tree.path)
    for lower, upper, share in (("lower_cost", "upper_cost", 0.8), ("lower_95_cost", "upper_95_cost", 0.95)):
        inside = (rows["cost"] >= rows[lower]) & (rows["cost"] <= rows[upper])
        of_scopes = inside.groupby([rows["scope_type"], rows["scope_value"]]).mean()
        assert of_scopes.between(share - 0.06, share + 0.04).all(), of_scopes
    days = tree.path.groupby(["scope_type", "scope_value"])["forecast_date"].nunique()
    assert set(days) == {future(tree)["forecast_date"].nunique()}


def test_95_percent_bounds_hold_80_percent_bounds(tree: ForecastResult) -> None:
    rows = tree.forecast
    assert (rows["lower_95_cost"] <= rows["lower_cost"]).all()
    assert (rows["upper_cost"] <= rows["upper_95_cost"]).all()
    assert (rows["lower_95_cost"] >= 0).all()


def test_parents_can_be_given(tree: ForecastResult) -> None:
    """Two departments that only the caller knows of."""
    parts = {name: np.round(weekly(90, seed=seed), 6) for seed, name in enumerate(("x", "y", "z"), start=1)}
    left = parts["x"] + parts["y"]
    frame = pd.concat(
        [history(values, "app", name) for name, values in parts.items()] + [history(left, "business_unit", "left")]
    )
    unit = ("business_unit", "left")
    rows = future(run(frame, 90, parents={("app", "x"): [unit], ("app", "y"): [unit]}))
    by = ["forecast_date"]
    assert added(rows, "app", ["x", "y"], by, "expected_cost") == added(
        rows, "business_unit", ["left"], by, "expected_cost"
    )


def test_a_scope_that_is_part_of_itself_is_refused() -> None:
    frame = pd.concat([history(weekly(60), "team", "a"), history(weekly(60), "app", "b")])
    circle = {("team", "a"): [("app", "b")], ("app", "b"): [("team", "a")]}
    with pytest.raises(ValueError, match="part of itself"):
        run(frame, 60, parents=circle)


def test_teams_that_are_not_the_whole_company_are_left_alone() -> None:
    frame = pd.concat([history(weekly(60)), history(weekly(60, level=900, seed=5), "company", "all")])
    alone = run(history(weekly(60)), 60)
    rows = future(run(frame, 60))
    pd.testing.assert_frame_equal(
        rows[rows["scope_type"] == "team"].reset_index(drop=True), future(alone).reset_index(drop=True)
    )


def test_an_unchanged_series_is_not_fitted_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = history(weekly(70))
    first = run(frame, 70, cache=tmp_path)
    told: list[str] = []
    monkeypatch.setattr("models.forecast.workers.forecast_jobs", lambda jobs: pytest.fail("fitted again"))
    again = run(frame, 70, cache=tmp_path, progress=told.append)
    pd.testing.assert_frame_equal(first.forecast, again.forecast)
    pd.testing.assert_frame_equal(first.accuracy, again.accuracy)
    assert told == ["1 of 1 series are unchanged since their last forecast"]


def test_what_changed_is_fitted_again(tmp_path: Path) -> None:
    run(history(weekly(70)), 70, cache=tmp_path)
    changed = weekly(70)
    changed[-1] += 1
    told: list[str] = []
    run(history(changed), 70, cache=tmp_path, progress=told.append)
    run(history(changed), 70, launch("lasting", 60, 61), cache=tmp_path, progress=told.append)
    assert [message.split(":")[0] for message in told] == ["Forecast 1 of 1"] * 2
    assert len(list(tmp_path.iterdir())) == 1, "one file a scope, so the cache cannot grow without end"


def test_a_damaged_cache_is_ignored(tmp_path: Path) -> None:
    first = run(history(weekly(40)), 40, cache=tmp_path)
    for path in tmp_path.iterdir():
        path.write_text("{", encoding="utf-8")
    pd.testing.assert_frame_equal(first.forecast, run(history(weekly(40)), 40, cache=tmp_path).forecast)


def test_no_history_gives_empty_typed_frames() -> None:
    result = run(pd.DataFrame(columns=COLUMNS), 10)
    assert result.forecast.dtypes.to_dict() == build_frame("forecast_daily", []).dtypes.to_dict()
    assert result.accuracy.dtypes.to_dict() == build_frame("forecast_accuracy", []).dtypes.to_dict()
    assert len(result.forecast) == len(result.accuracy) == 0


def test_the_running_day_is_not_counted() -> None:
    frame = pd.concat([history(weekly(40)), history(np.array([1.0]), start=day(40))])
    pd.testing.assert_frame_equal(run(frame, 40).forecast, run(history(weekly(40)), 40).forecast)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"drop": "cost"}, "history lacks the columns cost"),
        ({"cost": None}, r"history.cost is None in row 3"),
        ({"scope_value": None}, r"history.scope_value is empty in row 3: name the scope"),
        ({"usage_date": None}, r"history.usage_date is empty in row 3"),
        ({"usage_date": "soon"}, r"history.usage_date holds something that is not a day"),
    ],
)
def test_unusable_histories_are_refused_with_the_row(change: dict[str, object], message: str) -> None:
    frame = history(weekly(10)).astype(object)
    if name := change.get("drop"):
        frame = frame.drop(columns=[str(name)])
    else:
        for column, value in change.items():
            frame.loc[3, column] = value
    with pytest.raises(HistoryError, match=message):
        run(frame, 10)


def test_a_moment_without_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        forecast_costs(history(weekly(10)), as_of=datetime(2026, 10, 20), events=NO_EVENTS)  # noqa: DTZ001


def test_currencies_are_forecast_apart() -> None:
    frame = pd.concat([history(weekly(30)), history(weekly(30, level=40_000), currency="JPY")])
    means = future(run(frame, 30)).groupby("currency")["expected_cost"].apply(lambda c: c.astype(float).mean())
    assert means["USD"] == pytest.approx(400, rel=0.15)
    assert means["JPY"] == pytest.approx(40_000, rel=0.15)


def test_as_of_is_utc_without_zone() -> None:
    rows = run(history(weekly(10)), 10).forecast
    assert set(rows["as_of"]) == {pd.Timestamp(morning_after(10).astimezone(UTC).replace(tzinfo=None))}
    assert rows["forecast_date"].min() > START
