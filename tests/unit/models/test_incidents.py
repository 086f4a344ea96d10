"""Incidents: one a cause, with its money, its drivers and what people said."""

from __future__ import annotations

import json
from decimal import Decimal

import pandas as pd
import pytest
import yaml

from finops.config.anomalies import AnomaliesFile, AnomalyFloor
from finops.config.events import EventsFile
from models import Judged, build_frame, proposals, with_floors, with_planned
from models.anomaly.incident_change import COLUMNS
from models.forecast import ForecastSettings, Workers, forecast_costs
from tests.support.cost_history import day, morning_after, weekly
from tests.support.cost_history import history as daily
from tests.support.findings import BILL, USAGE, finding, grouped, history, morning, on, rows, said

FEEDBACK = "incident_feedback"


@pytest.mark.ids("ANOM-3")
def test_levels_days_bill_and_usage_of_one_cause_are_one_incident_at_the_narrowest_scope() -> None:
    findings = [
        finding(on(14), "app:trainer", 800, metric=USAGE, detectors=("day_over_day",)),
        *(finding(on(day), "app:trainer", 900) for day in (14, 15, 16)),
        finding(on(14), "team:robotics", 1300, 200, parts={("app", "trainer"): 800, ("app", "planner"): 300}),
        finding(on(15), "company:all", 2000, 800, parts={("app", "trainer"): 800, ("team", "robotics"): 800}),
    ]
    found = grouped(findings, morning(17))
    [incident] = rows(found)
    assert (incident["scope_type"], incident["scope_value"], incident["status"]) == ("app", "trainer", "open")
    assert (incident["first_seen"], incident["last_seen"], incident["day_count"]) == (on(14), on(16), 3)
    assert incident["impact"] == 2400, "the bill's 800 on three days, and no level or metric twice"
    assert incident["daily_impact"] == 800
    assert incident["projected_impact"] == 2400 + 15 * 800
    assert set(found.incident_detector["detector"]) == {"day_over_day", "week_over_week", "forecast_residual"}
    assert len(found.incident_anomaly) == 6
    assert incident["explanation"] == (
        "trainer cost USD 2,400 more than expected on 3 days since 14 Oct, 9.0× of what is usual, "
        "now about USD 800 a day."
    )


@pytest.mark.ids("ANOM-3")
def test_other_apps_other_directions_and_later_days_are_other_incidents() -> None:
    findings = [
        finding(on(3), "app:trainer", 900),
        finding(on(3), "app:planner", 900),
        finding(on(4), "app:chat", 10),
        finding(on(4), "team:robotics", 2000, 300, parts={("app", "trainer"): 850, ("app", "planner"): 850}),
        finding(on(5), "app:chat", 900),
        finding(on(12), "app:trainer", 900),
    ]
    found = grouped(findings, morning(17))
    assert sorted((row["scope_value"], row["first_seen"].day, row["direction"]) for row in rows(found)) == [
        ("chat", 4, "down"), ("chat", 5, "up"), ("planner", 3, "up"), ("trainer", 3, "up"), ("trainer", 12, "up"),
    ]  # fmt: skip
    [team] = found.incident_anomaly[found.incident_anomaly["scope_type"] == "team"]["incident_id"]
    assert team in {row["incident_id"] for row in rows(found) if row["day_count"] == 2}, "it joins one of its apps"


@pytest.mark.ids("ANOM-3")
def test_wider_findings_that_name_one_app_are_about_that_app() -> None:
    findings = [
        finding(on(day), scope, 180, metric=USAGE, parts={("app", "chat"): 76})
        for day in (6, 7)
        for scope in ("team:support", "model:gpt-5")
    ]
    [incident] = rows(grouped(findings, morning(8)))
    assert (incident["scope_value"], incident["impact"]) == ("chat", 152)


@pytest.mark.ids("ANOM-3")
def test_quiet_days_close_an_incident_as_over_or_as_the_new_normal() -> None:
    findings = [finding(on(day), app, 500) for day in (5, 6) for app in ("app:trainer", "app:chat")]
    high = {on(day): 480.0 for day in range(5, 12)}
    costs = history(on(11), {("app:trainer", BILL): high, ("app:chat", BILL): {on(5): 500.0, on(6): 500.0}})
    first = grouped(findings, morning(8), costs=costs[costs["usage_date"] <= on(7)])
    assert {row["status"] for row in rows(first)} == {"open"}
    later = {row["scope_value"]: row for row in rows(grouped(findings, morning(12), costs=costs, state=first))}
    assert {name: row["status"] for name, row in later.items()} == {"trainer": "new_normal", "chat": "closed"}
    assert all(row["closed_at"] == morning(12).replace(tzinfo=None) for row in later.values())
    assert all(row["opened_at"] == morning(8).replace(tzinfo=None) for row in later.values())
    assert all(row["daily_impact"] == 0 and row["projected_impact"] == row["impact"] for row in later.values())
    assert later["trainer"]["explanation"].endswith("; it has stayed on that level.")
    assert later["chat"]["explanation"].endswith("; it is over.")


@pytest.mark.ids("ANOM-3")
def test_a_restated_bill_alarms_nobody_twice() -> None:
    first = grouped([finding(on(day), "app:chat", 500) for day in (5, 6)], morning(7))
    closed = grouped([finding(on(day), "app:chat", 500) for day in (5, 6)], morning(12), state=first)
    restated = [finding(on(day), "app:chat", 512.5, 101) for day in (4, 5, 6, 7)]
    [before], [after] = rows(closed), rows(grouped(restated, morning(13), state=closed))
    assert (before["status"], after["status"]) == ("closed", "closed")
    for name in ("incident_id", "opened_at", "closed_at", "opened_severity"):
        assert after[name] == before[name], name
    assert after["impact"] == 4 * Decimal("411.5")


@pytest.mark.ids("ANOM-3")
def test_what_restated_data_no_longer_show_is_retracted_and_comes_back_as_itself() -> None:
    first = grouped([finding(on(6), "app:chat", 500)], morning(7))
    gone = grouped([], morning(8), state=first)
    back = grouped([finding(on(6), "app:chat", 400)], morning(9), state=gone)
    assert [row["status"] for found in (first, gone, back) for row in rows(found)] == ["open", "retracted", "open"]
    assert len({row["incident_id"] for found in (first, gone, back) for row in rows(found)}) == 1
    assert rows(gone)[0]["impact"] == 0
    assert rows(back)[0]["opened_at"] == rows(first)[0]["opened_at"]


@pytest.mark.ids("ANOM-3")
def test_incidents_outlive_the_month_that_findings_look_back() -> None:
    old = grouped([finding(on(2), "app:chat", 500)], morning(3))
    much_later = grouped([], morning(60), state=old)
    [incident] = rows(much_later)
    assert (incident["status"], incident["impact"]) == ("closed", 400)


@pytest.mark.ids("ANOM-3")
def test_running_again_changes_nothing_and_without_state_only_the_moment_of_opening_is_lost() -> None:
    findings = [finding(on(day), "app:chat", 500) for day in (5, 6)] + [finding(on(6), "app:trainer", 900)]
    first = grouped(findings[:1], morning(6))
    second = grouped(findings, morning(7), state=first)
    again = grouped(findings, morning(7), state=second)
    for name in ("incident", "incident_anomaly", "incident_detector"):
        pd.testing.assert_frame_equal(getattr(second, name), getattr(again, name))
    nothing = grouped(findings, morning(7))
    assert set(nothing.incident["incident_id"]) == set(second.incident["incident_id"])
    assert {row["opened_at"] for row in rows(nothing)} == {morning(7).replace(tzinfo=None)}


@pytest.mark.ids("ANOM-4")
def test_a_first_run_does_not_pretend_to_have_detected_what_is_long_past() -> None:
    first = grouped([finding(on(2), "app:chat", 500), finding(on(19), "app:trainer", 500)], morning(20))
    assert {row["scope_value"]: row["is_backfilled"] for row in rows(first)} == {"chat": True, "trainer": False}


@pytest.mark.ids("ANOM-3")
def test_floors_and_windows_silence_their_scope_and_are_counted() -> None:
    floors = AnomaliesFile.model_validate(
        {
            "floors": [
                {"scope": {"level": "app", "value": "chat"}, "minimum_impact": 500, "reason": "noisy"},
                {"scope": {"level": "app", "value": "triage"}, "minimum_duration_days": 2, "reason": "bursts"},
            ]
        }
    )
    window = {
        "id": "load-test", "scope": {"level": "team", "value": "robotics"}, "starts_on": on(5), "ends_on": on(5),
        "reason": "load test", "detector": "week_over_week",
    }  # fmt: skip
    events = EventsFile.model_validate({"suppressions": [window]})
    by_week = ("week_over_week",)
    findings = [
        finding(on(5), "app:chat", 500),
        finding(on(5), "team:support", 600, 200, parts={("app", "chat"): 400}),
        finding(on(5), "app:triage", 500),
        finding(on(5), "app:trainer", 900, detectors=by_week),
        finding(on(5), "app:planner", 900, detectors=("week_over_week", "slow_drift")),
    ]
    found = {row["scope_value"]: row for row in rows(grouped(findings, morning(6), floors=floors, events=events))}
    assert {name: row["status"] for name, row in found.items()} == {
        "chat": "suppressed", "triage": "suppressed", "trainer": "suppressed", "planner": "open",
    }  # fmt: skip
    assert found["chat"]["suppressed_because"] == "below the floor of app chat"
    assert found["trainer"]["suppressed_because"] == "load-test: load test"
    assert found["chat"]["anomaly_count"] == 2, "the team's finding is nothing but the app's"
    assert all(pd.isna(found[name]["opened_at"]) for name in ("chat", "triage", "trainer"))
    longer = [*findings, finding(on(6), "app:triage", 500)]
    after = {row["scope_value"]: row for row in rows(grouped(longer, morning(7), floors=floors, events=events))}
    assert (after["triage"]["status"], after["triage"]["opened_at"]) == ("open", morning(7).replace(tzinfo=None))


@pytest.mark.ids("ANOM-3")
def test_a_known_event_explains_an_incident_and_something_more_opens_it() -> None:
    launched = [finding(on(day), "app:chat", 300, event_id="launch") for day in (5, 6)]
    [quiet] = rows(grouped(launched, morning(7)))
    assert (quiet["status"], quiet["event_id"]) == ("expected", "launch")
    [loud] = rows(grouped([*launched, finding(on(7), "app:chat", 900)], morning(8)))
    assert (loud["status"], loud["impact"], loud["incident_id"]) == ("open", 800, quiet["incident_id"])


@pytest.mark.ids("ANOM-2")
@pytest.mark.parametrize(
    ("criticality", "severity"), [("low", "low"), ("normal", "medium"), ("high", "high"), ("critical", "high")]
)
def test_what_depends_on_an_app_moves_its_severity(criticality: str, severity: str) -> None:
    found = grouped([finding(on(5), "app:chat", 220)], morning(6), criticality_of_app={"chat": criticality})
    assert [row["severity"] for row in rows(found)] == [severity]


@pytest.mark.ids("ANOM-2")
def test_an_incident_that_goes_on_gets_worse_and_remembers_how_it_opened() -> None:
    findings = [finding(on(day), "app:chat", 290) for day in range(1, 15)]
    first = grouped(findings[:1], morning(2))
    [second] = rows(grouped(findings[:2], morning(3), state=first))
    assert (second["opened_severity"], second["severity"]) == ("medium", "medium")
    [later] = rows(grouped(findings, morning(15), state=first))
    assert (later["opened_severity"], later["severity"]) == ("medium", "high"), "two weeks of it are worse than a day"
    [worse] = rows(grouped([*findings, finding(on(15), "app:chat", 3500)], morning(16), state=first))
    assert (worse["opened_severity"], worse["severity"]) == ("medium", "critical")


@pytest.mark.ids("ANOM-2")
def test_price_volume_mix_and_cache_sum_to_the_change_and_name_what_moved() -> None:
    def usage(day: int, token_class: str, tokens: int, cost: str, app: str = "chat") -> tuple[object, ...]:
        kind = ("support", app, "gpt-5", "openai", None, None, None, None)
        return (on(day), "USD", *kind, token_class, tokens, Decimal(cost))

    lines = [
        usage(-1, "input_uncached", 10_000_000, "20"), usage(-1, "cache_read", 30_000_000, "15"),
        usage(-1, "output", 1_000_000, "8"), usage(6, "input_uncached", 70_000_000, "140"),
        usage(6, "cache_read", 1_000_000, "0.5"), usage(6, "output", 1_500_000, "12.123456789012"),
        usage(6, "output", 9_000_000, "99", app="triage"), usage(5, "output", 5, "1"),
    ]  # fmt: skip
    found = grouped(
        [finding(on(6), "app:chat", 152, 43, metric=USAGE)], morning(7), usage=pd.DataFrame(lines, columns=COLUMNS)
    )
    [row] = rows(found)
    effects = [row[f"{name}_effect"] for name in ("volume", "mix", "cache", "price")]
    assert row["usage_change"] == Decimal("152.623456789012") - 43
    assert sum(effects) == row["usage_change"]
    assert row["cache_effect"] == max(effects), "reads from the cache became full-price input"
    assert "cache (USD" in row["explanation"]


@pytest.mark.ids("ANOM-2")
def test_contributors_are_ranked_over_all_days_of_an_incident() -> None:
    parts = []
    for step in range(70):
        day = on(-50 + step)
        for name, usual in (("retrain", 60), ("other", 40)):
            cost = 500 if name == "retrain" and on(14) <= day <= on(16) else usual
            parts.append((BILL, day, "app", "trainer", "USD", "resource_name", name, Decimal(cost)))
    frame = pd.DataFrame(
        parts, columns=["metric", "usage_date", "scope_type", "scope_value", "currency", "dimension", "value", "cost"]
    )
    findings = [finding(on(day), "app:trainer", 540) for day in (14, 15, 16)]
    [row] = rows(grouped(findings, morning(17), contributors=frame))
    [part] = json.loads(row["contributors"])
    assert (part["value"], part["impact"], part["share"]) == ("retrain", 1320.0, 1.0)
    assert row["explanation"].endswith("It is all retrain.")


@pytest.mark.ids("ANOM-3")
def test_a_past_incident_that_it_resembles_is_named_with_its_outcome() -> None:
    findings = [finding(on(3), "app:chat", 500), finding(on(20), "app:chat", 450)]
    first = grouped(findings[:1], morning(4))
    judged = build_frame(FEEDBACK, [said(rows(first)[0], "verdict", morning(5), "false")])
    newest = rows(grouped(findings, morning(21), state=first, feedback=judged))[-1]
    [past] = json.loads(newest["similar_incidents"])
    assert (past["incident_id"], past["verdict"], past["why"]) == (rows(first)[0]["incident_id"], "false", "same scope")
    assert newest["explanation"].endswith("It is like chat on 3 Oct (USD 400, a false alarm).")


@pytest.mark.ids("ANOM-3")
def test_what_people_say_moves_an_incident_on() -> None:
    findings = [finding(on(5), "app:chat", 500)]
    first = grouped(findings, morning(6))
    [incident] = rows(first)

    def after(*feedback: object, more: tuple[object, ...] = (), at: int = 7) -> list[dict[str, object]]:
        table = build_frame(FEEDBACK, list(feedback))  # type: ignore[arg-type]
        return rows(grouped([*findings, *more], morning(at), state=first, feedback=table))  # type: ignore[list-item]

    assert [row["status"] for row in after(said(incident, "acknowledge", morning(6)))] == ["acknowledged"]
    false = said(incident, "verdict", morning(6), "false")
    assert [(row["status"], row["verdict"]) for row in after(false)] == [("dismissed", "false")]
    real = said(incident, "verdict", morning(7), "real")
    assert [(row["status"], row["verdict"]) for row in after(false, real)] == [("open", "real")], "the later one holds"
    goes_on = finding(on(7), "app:chat", 500)
    assert [row["status"] for row in after(false, more=(goes_on,), at=8)] == ["dismissed"], "it alarms nobody again"
    resolved = said(incident, "resolve", morning(6))
    assert [row["status"] for row in after(resolved)] == ["resolved"]
    assert [row["status"] for row in after(resolved, more=(goes_on,), at=8)] == ["resolved", "open"]


@pytest.mark.ids("ANOM-3")
def test_planned_days_become_known_events_and_a_later_verdict_takes_that_back() -> None:
    [incident] = rows(grouped([finding(on(day), "app:chat", 500) for day in (5, 6)], morning(7)))
    planned = said(incident, "verdict", morning(7), "planned", "load test")
    events = with_planned(EventsFile(), build_frame(FEEDBACK, [planned]))
    [event] = events.events
    assert (event.name, event.scope.value, event.starts_on, event.ends_on) == ("load test", "chat", on(5), on(6))
    real = said(incident, "verdict", morning(8), "real")
    assert with_planned(EventsFile(), build_frame(FEEDBACK, [planned, real])).events == []


@pytest.mark.ids("ANOM-3")
def test_a_false_alarm_proposes_a_floor_that_is_valid_and_says_what_it_would_hide() -> None:
    judged = [
        Judged("f1", "app", "chat", "up", "false", Decimal("61.2"), "pauses: on weekends"),
        Judged("f2", "app", "chat", "up", "false", Decimal("48"), None),
        Judged("r1", "app", "chat", "up", "real", Decimal("50"), "loop"),
        Judged("r2", "app", "chat", "up", "real", Decimal("900"), "leak"),
        Judged("r3", "app", "trainer", "up", "real", Decimal("30"), "loop"),
        Judged("f3", "company", "all", "down", "false", Decimal("100"), "holiday"),
    ]
    found = proposals(judged, [])
    assert [(p.floor.scope.value, p.floor.minimum_impact, p.because, p.hides) for p in found] == [
        ("chat", 70, ("f1", "f2"), ("r1",)), (None, 105, ("f3",), ()),
    ]  # fmt: skip
    before = "minimum_impact: 25 # money\nfloors: []\n"
    after = with_floors(before, found)
    assert after.startswith("minimum_impact: 25 # money\nfloors:\n")
    assert AnomaliesFile.model_validate(yaml.safe_load(after)).floors == [p.floor for p in found]
    assert AnomaliesFile.model_validate(yaml.safe_load(with_floors("", found))).floors == [p.floor for p in found]
    assert (
        AnomaliesFile.model_validate(yaml.safe_load(with_floors(after, found))).floors == [p.floor for p in found] * 2
    )
    assert proposals(judged, [p.floor for p in found]) == []
    with pytest.raises(ValueError, match="at the end"):
        with_floors("floors: []\nquiet_days: 3\n", found)


@pytest.mark.ids("ANOM-3")
def test_a_floor_of_one_scope_is_not_below_that_of_all() -> None:
    low = AnomalyFloor.model_validate({"scope": {"level": "company"}, "minimum_impact": 5, "reason": "x"})
    with pytest.raises(ValueError, match="below the minimum_impact of all scopes"):
        AnomaliesFile(floors=[low])


@pytest.mark.ids("ANOM-3", "FCST-1")
def test_no_forecast_learns_from_planned_days() -> None:
    values = weekly(90)
    values[84:] += 2000
    incident = {
        "incident_id": "i", "scope_type": "team", "scope_value": "robotics", "currency": "USD",
        "first_seen": day(84), "last_seen": day(89),
    }  # fmt: skip
    verdict = said(incident, "verdict", morning_after(90), "planned", "migration")

    def next_month(feedback: list[dict[str, object]]) -> float:
        result = forecast_costs(
            daily(values), as_of=morning_after(90), horizon_end=day(118),
            events=with_planned(EventsFile(), build_frame(FEEDBACK, feedback)), workers=Workers(1),
            settings=ForecastSettings(prophet_minimum_days=10_000),
        ).forecast  # fmt: skip
        return float(sum(result[result["is_future"]]["expected_cost"]) / result["is_future"].sum())

    assert next_month([]) > 1000, "most of a rise of six days is believed"
    assert next_month([verdict]) == pytest.approx(400, rel=0.15)
