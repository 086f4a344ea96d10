"""Asset checks of forecasts, findings and incidents: all pass on what a run makes, and each fails on what is wrong."""

from __future__ import annotations

import random
import shutil
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from finops.config.events import EventsFile
from finops.paths import Home
from models import with_price_lists
from orchestration.assets.forecast_checks import forecast_checks
from orchestration.assets.incident_checks import incident_checks
from orchestration.assets.signals import (
    anomaly,
    anomaly_intraday,
    forecast_hourly,
    forecasts,
    incident_feedback,
    incidents,
)
from orchestration.run import instance_of
from orchestration.workspace import Workspace
from tests.support.lake_builder import LakeBuilder, charge, run_dbt, span, write_config

pytestmark = [pytest.mark.ids("FCST-1", "ANOM-3", "OPS-1"), pytest.mark.xdist_group("signal-checks")]

AS_OF = datetime(2026, 10, 20, 6, tzinfo=UTC)
FIRST, BILLED_THROUGH = date(2026, 7, 1), date(2026, 10, 18)
RUNAWAY = date(2026, 10, 16)
TEAMS = {"search": ("query-rewriter", 400), "support": ("ticket-triage", 150), "robotics": ("vision-train", 90)}
AHEAD = """
  - {provider: azure.ai.openai, model: gpt-4.1, valid_from: 2026-11-01, source: test,
     per_1m_tokens: {input_uncached: 0.5, cache_read: 0.25, output: 4}}
  - {provider: azure.ai.openai, model: gpt-4.1, valid_from: 2026-12-01, source: test,
     per_1m_tokens: {input_uncached: 0.5, cache_read: 0.25, output: 2}}
"""
CHECKS = [*forecast_checks(), *incident_checks()]
NAMES = [key.name for check in CHECKS for key in check.check_keys]


def bill() -> list[dict[str, str | None]]:
    """Weekdays cost more, a day differs by 6%, some by much more, and on one day an app of search runs away."""
    noise = random.Random(4)
    rows = []
    for number in range((BILLED_THROUGH - FIRST).days + 1):
        day = FIRST + timedelta(days=number)
        for team, (app, level) in TEAMS.items():
            cost = (
                level * (1 if day.weekday() < 5 else 0.5) * noise.gauss(1, 0.06) * noise.choices((1, 1.35), (14, 1))[0]
            )
            cost += 2000 if (team, day) == ("search", RUNAWAY) else 0
            rows.append(
                charge(
                    day, f"{cost:.2f}", Tags=f'{{"team": "{team}", "app": "{app}"}}',
                    ResourceId=f"/subscriptions/s/providers/microsoft.cognitiveservices/accounts/{team}",
                )
            )  # fmt: skip
    return rows


def materialise(home: Home) -> dg.ExecuteInProcessResult:
    """What a run does between the marts and the signals, in a Dagster instance that is the home's own."""
    with instance_of(home) as instance:
        return dg.materialize(
            [incident_feedback, forecasts, anomaly_intraday, forecast_hourly, anomaly, incidents, *CHECKS],
            instance=instance,
            resources={"workspace": workspace_of(home)},
            raise_on_error=False,
        )


def workspace_of(home: Home) -> Workspace:
    settings = home.path / "settings"
    return Workspace(home_path=str(home.path), config_path=str(settings), as_of_text=AS_OF.isoformat())


@dataclass(frozen=True)
class Checked:
    home: Home
    result: dg.ExecuteInProcessResult


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> Checked:
    home = Home(tmp_path_factory.mktemp("checks") / "home")
    lake = LakeBuilder(home)
    write_config(home.path / "settings")
    with (home.path / "settings" / "prices.yml").open("a", encoding="utf-8") as prices:
        prices.write(AHEAD)
    lake.configure(AS_OF, home.path / "settings")
    lake.snapshot("focus__cost_and_usage", bill(), scope="bill.csv")
    hours = [AS_OF - timedelta(hours=number) for number in range(1, 24 * 30)]
    apps = [(team, app) for team, (app, _) in TEAMS.items()]
    calls = [
        span(at, number * len(apps) + place, app=app, team=team)
        for number, at in enumerate(hours)
        for place, (team, app) in enumerate(apps)
    ]
    lake.snapshot("otel__genai_span", calls, scope="spans.jsonl")
    shutil.rmtree(home.ml)
    built = run_dbt(
        home, "run", "--quiet", "--select", "+int_signals__cost_history", "+int_signals__priced_cost",
        "+int_signals__contributors",
        "+int_signals__usage", "+int_signals__price_ahead", "+int_signals__hourly_cost", "+int_signals__hourly_usage",
        "+int_signals__minutes_cost", "+int_signals__gpu_hourly",
        "+int_signals__use_daily", "+int_signals__first_use", "+int_signals__calls_daily", "+int_signals__use_hourly",
    )  # fmt: skip
    assert built.returncode == 0, built.output
    return Checked(home, materialise(home))


def test_every_check_passes_on_what_a_run_makes(checked: Checked) -> None:
    assert checked.result.success
    done = checked.result.get_asset_check_evaluations()
    assert {evaluation.check_name for evaluation in done} == set(NAMES)
    assert {one.check_name: one.description for one in done if not one.passed} == {}
    looked_at = {one.check_name: one.metadata["checked"].value for one in done}
    idle = {"incidents_stay", "what_runs_away_costs_more", "hours_came_as_expected"}
    assert [name for name, count in looked_at.items() if not count and name not in idle] == [], "nothing to look at"


@pytest.fixture
def home(checked: Checked, tmp_path: Path) -> Home:
    """A copy to spoil."""
    place = Home(tmp_path / "home")
    shutil.copytree(checked.home.path, place.path, ignore=shutil.ignore_patterns("lake", "dbt", "warehouse.duckdb"))
    place.warehouse.symlink_to(checked.home.warehouse)  # only read
    return place


def spoil(home: Home, table: str, sql: str) -> None:
    """Write a table as a query of it, named ``told``, returns it."""
    file = (home.ml_running if table == "forecast_hourly" else home.ml) / f"{table}.parquet"
    with duckdb.connect() as connection:
        connection.read_parquet(str(file)).create_view("told")
        connection.execute(f"create table spoilt as {sql}")
        connection.table("spoilt").write_parquet(str(file))


def evaluate(home: Home, name: str) -> dg.AssetCheckEvaluation:
    """One check alone, as somebody runs it in the UI."""
    check = next(one for one in CHECKS if name in {key.name for key in one.check_keys})
    with instance_of(home) as instance:
        job = dg.Definitions(
            assets=[incident_feedback, forecasts, anomaly_intraday, forecast_hourly, anomaly, incidents],
            asset_checks=[check],
            jobs=[dg.define_asset_job("one", selection=dg.AssetSelection.checks(*check.check_keys))],
            resources={"workspace": workspace_of(home)},
        ).resolve_job_def("one")
        result = job.execute_in_process(instance=instance, raise_on_error=False)
    (evaluation,) = result.get_asset_check_evaluations()
    return evaluation


TEAM = "scope_type = 'team' and scope_value = 'support'"
NEXT = f"forecast_date = date '{BILLED_THROUGH + timedelta(days=1)}'"
FAULTS = {
    "bounds_are_ordered": (
        "forecast_daily",
        f"select * replace (if({TEAM} and {NEXT}, lower_cost, upper_95_cost) as upper_95_cost) from told",
        "team support (USD): 1 days, first 2026-10-19",
    ),
    "no_day_is_missing": (
        "forecast_daily",
        f"select * from told where not ({TEAM} and forecast_date = date '2026-11-03')",
        "team support (USD): 42 days in 42 rows where 43 should be",
    ),
    "every_series_is_forecast": (
        "forecast_daily",
        f"select * from told where not ({TEAM})",
        "team support (USD): billed on 110 days, newest 2026-10-18, and not forecast",
    ),
    "parts_add_up": (
        "forecast_daily",
        f"select * replace ((expected_cost + if({TEAM} and {NEXT}, 0.000001, 0))::decimal(38,12) as expected_cost)"
        " from told",
        "company all (USD) by team: 1 days, first 2026-10-19",
    ),
    "parts_add_up_in_each_future": (
        "forecast_path",
        f"select * replace ((cost + if({TEAM} and {NEXT} and path = 7, 1, 0))::decimal(38,12) as cost) from told",
        "company all (USD) by team: 1 days, first 2026-10-19",
    ),
    "futures_are_whole": (
        "forecast_path",
        f"select * from told where not ({TEAM} and {NEXT} and path = 7)",
        "team support (USD): 1 days, first 2026-10-19: 99 futures in 99 rows",
    ),
    "hours_are_whole": (
        "forecast_hourly",
        f"select * from told where not ({TEAM} and usage_hour = timestamp '2026-10-21 05:00')",
        "team support (USD): 47 hours in 47 rows",
    ),
    "parts_add_up_by_the_hour": (
        "forecast_hourly",
        f"select * replace ((expected_cost + if({TEAM} and usage_hour = timestamp '2026-10-21 05:00', 1, 0))"
        "::decimal(38,12) as expected_cost) from told",
        "company all (USD) by team: 1 hours, first 2026-10-21 05:00:00",
    ),
    "hours_came_as_expected": (
        "forecast_hourly",
        "select * replace (usage_hour - interval 2 days as usage_hour, 0::decimal(38,12) as upper_95_cost) from told "
        "union all select * from told",
        "company: 0.0% of 48 hours",
    ),
    "intervals_hold": (
        "forecast_accuracy",
        f"select * replace (if(is_chosen and {TEAM}, 0.5, interval_coverage_95) as interval_coverage_95) from told",
        "team support (USD): 50.0%",
    ),
    "no_worse_than_last_week": (
        "forecast_accuracy",
        "select * replace (if(is_chosen, 9999, mean_absolute_error)::decimal(38,12) as mean_absolute_error) from told",
        "times the error of repeating last week, most of all ",
    ),
    "nothing_made_was_changed": (
        "forecast_made",
        f"select * replace ((expected_cost + if({TEAM} and {NEXT}, 1, 0))::decimal(38,12) as expected_cost) from told",
        "made in 2026-10: ",
    ),
    "open_anomalies_reach_the_floor": (
        "anomaly",
        "select * replace (24.99::decimal(38,12) as impact) from told",
        "is below 25",
    ),
    "each_finding_is_in_one_incident": (
        "incident_anomaly",
        "select * from told union all select * replace ('another' as incident_id) from told",
        "in 2 incidents",
    ),
    "no_member_is_orphaned": ("incident", "select * from told limit 0", "has a finding and is not there"),
    "every_incident_has_a_detector": ("incident_detector", "select * from told limit 0", "has no detector"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_check_names_what_was_tampered_with(home: Home, name: str) -> None:
    table, sql, told = FAULTS[name]
    spoil(home, table, sql)
    found = evaluate(home, name)
    assert not found.passed
    assert told in (found.description or ""), found.description
    assert found.metadata["faults"].value >= 1
    assert (found.description or "").count(". ") >= 1, "and what to do"


def test_events_windows_and_floors_are_asked_for_anew(home: Home) -> None:
    settings = home.path / "settings"
    day = RUNAWAY.isoformat()
    (settings / "events.yml").write_text(
        f"events:\n- {{id: retrain, name: Retraining, starts_on: {day}, ends_on: {day}, scope: {{level: app, "
        "value: query-rewriter}}\n"
        f"suppressions:\n- {{id: quiet, scope: {{level: team, value: search}}, starts_on: {day}, ends_on: {day}, "
        "reason: agreed}\n"
    )
    assert "open in the event retrain" in (evaluate(home, "known_events_are_no_anomalies").description or "")
    assert "in the window quiet" in (evaluate(home, "silence_is_kept").description or "")
    (settings / "events.yml").write_text("events: []\n")
    (settings / "anomalies.yml").write_text(
        "floors:\n- {scope: {level: team, value: search}, minimum_impact: 5000, reason: agreed}\n"
    )
    assert "is below the floor of 5000.00" in (evaluate(home, "silence_is_kept").description or "")


def test_prices_that_a_list_dates_ahead_are_known(checked: Checked) -> None:
    """A call has 1,000 input tokens at 1 and 100 output tokens at 4 a million."""
    with duckdb.connect(str(checked.home.warehouse), read_only=True) as connection:
        ahead = connection.table("intermediate.int_signals__price_ahead").df()
    found = {day.date(): ratio for day, ratio in zip(ahead["starts_on"], ahead["price_ratio"], strict=True)}
    assert set(ahead["model"]) == {"gpt-4.1"}
    assert found == {date(2026, 11, 1): pytest.approx(900 / 1400), date(2026, 12, 1): pytest.approx(700 / 1400)}
    known = with_price_lists(EventsFile(), ahead).price_changes
    assert [one.ratio for one in known] == [pytest.approx(900 / 1400), pytest.approx(700 / 900)], (
        "each to the one before"
    )
    scope = {"level": "model", "value": "gpt-4.1"}
    said = {"id": "own", "name": "own", "scope": scope, "starts_on": "2026-11-01", "percent": -30}
    own = with_price_lists(EventsFile.model_validate({"price_changes": [said]}), ahead).price_changes
    assert [one.ratio for one in own] == [pytest.approx(0.7), pytest.approx(700 / 900)], "what is said itself holds"


def test_what_runs_away_costs_more_than_usual(home: Home) -> None:
    with duckdb.connect() as connection:
        connection.read_parquet(str(home.ml / "anomaly.parquet")).create_view("found")
        less = "select * replace (-abs(impact)::decimal(38, 12) as impact) from found"
        connection.sql(less).write_parquet(str(home.ml_running / "anomaly.parquet"))
    found = evaluate(home, "what_runs_away_costs_more")
    assert "costs less than usual" in (found.description or "")


def test_a_published_incident_may_not_be_lost_or_begin_again(home: Home) -> None:
    home.published.mkdir()
    with duckdb.connect() as connection:
        connection.read_parquet(str(home.ml / "incident.parquet")).create_view("told")
        connection.sql("select * from told").write_parquet(str(home.published / "fct_incident.parquet"))
        assert evaluate(home, "incidents_stay").passed
        connection.sql("select * replace ('closed' as status) from told").write_parquet(
            str(home.published / "fct_incident.parquet")
        )
    assert "was closed and is open" in (evaluate(home, "incidents_stay").description or "")
    spoil(home, "incident", "select * from told limit 0")
    assert "is lost" in (evaluate(home, "incidents_stay").description or "")


@pytest.mark.long
def test_a_run_may_add_to_the_record_and_change_nothing_else(home: Home) -> None:
    again = materialise(home)
    assert again.success, "the same moment is forecast again, and replaces its own"
    dearer = "select * replace ((expected_cost + 1)::decimal(38,12) as expected_cost) from told"
    spoil(home, "forecast_made", f"{dearer} where {TEAM} union all select * from told where not ({TEAM})")
    later = materialise(home)
    made = {one.check_name: one for one in later.get_asset_check_evaluations()}["nothing_made_was_changed"]
    assert not made.passed
    assert "made in 2026-10" in (made.description or "")
    assert not later.success, "what follows from the record is not built"
