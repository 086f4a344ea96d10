"""Asset checks of findings and incidents: what may go wrong with them, said by name and with what to do.

Here: floors, known events and windows of silence; each finding in one incident; incidents of the run before.
Not here: forecasts (forecast_checks), how a fault is told (faults).

Floors and windows are asked for anew from the configuration, and only of a scope itself and of a team's apps: findings
that are mostly a silenced scope's are the grouping's business.
"""

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import dagster as dg
import duckdb

import models
from finops.config import Configuration
from finops.config.values import Scope
from orchestration.assets.faults import Fault, faults_of, tables_of, verdict
from orchestration.assets.warehouse import WAREHOUSE_POOL
from orchestration.workspace import Workspace

ANOMALY, RUNNING = dg.AssetKey(["ml", "anomaly"]), dg.AssetKey(["ml", "anomaly_intraday"])
INCIDENT, MEMBER = dg.AssetKey(["ml", "incident"]), dg.AssetKey(["ml", "incident_anomaly"])
DETECTOR = dg.AssetKey(["ml", "incident_detector"])
NAME = "scope_type || ' ' || scope_value || ' (' || currency || ') on ' || detected_date"
OVER = ("closed", "new_normal", "resolved", "dismissed")


def _check(asset: dg.AssetKey, name: str, description: str, *, blocks: bool = False) -> Any:
    return dg.asset_check(asset=asset, name=name, description=description, blocking=blocks, pool=WAREHOUSE_POOL)


@_check(
    ANOMALY, "open_anomalies_reach_the_floor",
    "Every open anomaly is about as much money as minimum_impact of config/anomalies.yml.",
)  # fmt: skip
def open_anomalies_reach_the_floor(workspace: Workspace) -> dg.AssetCheckResult:
    floors = workspace.configuration().anomalies
    with tables_of(workspace) as tables:
        faults = _below_the_floor(tables, floors.minimum_impact)
        checked = _count(tables, "select count(*) from anomaly where status = 'open'")
    return verdict(faults, checked=checked, remedy=_FLOOR_REMEDY)


_FLOOR_REMEDY = "Nobody should be disturbed by these. Run again: they were found under other floors; else report them"


def _below_the_floor(tables: duckdb.DuckDBPyConnection, floor: Decimal) -> list[Fault]:
    # What runs away is judged by the money of a day to come, not by what it has cost so far.
    return faults_of(
        tables,
        f"""select {NAME}, metric || ' ' || impact::double || ' is below {floor}' from anomaly
            where status = 'open' and round(abs(impact), 6) < $floor and detectors not like '%"{models.RUNNING}"%'
            order by detected_date desc, 1""",
        {"floor": floor},
    )


@_check(
    ANOMALY, "known_events_are_no_anomalies",
    "No anomaly that lies in a known event of config/events.yml, in the event's own scope, is open.",
)  # fmt: skip
def known_events_are_no_anomalies(workspace: Workspace) -> dg.AssetCheckResult:
    events = workspace.configuration().events.events
    with tables_of(workspace) as tables:
        rows = tables.execute(
            f"select {NAME}, scope_type, scope_value, detected_date from anomaly where status = 'open' order by 1"
        ).fetchall()
    faults = [
        Fault(name, f"open in the event {event.id}")
        for name, kind, value, day in rows
        for event in events
        if event.starts_on <= day <= event.ends_on and _is_scope(event.scope, kind, value, {})
    ]
    return verdict(
        faults, checked=len(rows), remedy="Run again: the event was added after these were found; else report them"
    )


@_check(
    RUNNING, "what_runs_away_costs_more",
    "What runs away costs more than usual, is there once a scope and day, and is not ahead of the report.",
)  # fmt: skip
def what_runs_away_costs_more(workspace: Workspace) -> dg.AssetCheckResult:
    with tables_of(workspace) as tables:
        faults = faults_of(
            tables,
            f"""select {NAME}, case
                    when count(*) over (partition by scope_type, scope_value, currency, detected_date) > 1
                        then 'is there twice'
                    when impact <= 0 then 'costs less than usual'
                    when detected_date > as_of::date then 'is ahead of the report'
                end as text
                from running qualify text is not null order by 1""",
        )
        checked = _count(tables, "select count(*) from running")
    return verdict(faults, checked=checked, remedy="Run `aifinops refresh` again; if it stays so, report the scope")


@_check(
    MEMBER, "each_finding_is_in_one_incident",
    "Every anomaly is in exactly one incident; an amount would be shown twice, or nobody would hear of it.",
    blocks=True,
)  # fmt: skip
def each_finding_is_in_one_incident(workspace: Workspace) -> dg.AssetCheckResult:
    with tables_of(workspace) as tables:
        faults = faults_of(
            tables,
            f"""select {NAME}, 'in ' || count(member.incident_id) || ' incidents'
                from anomaly left join (select anomaly_id, incident_id from incident_anomaly) as member
                     using (anomaly_id)
                group by anomaly_id, scope_type, scope_value, currency, detected_date
                having count(member.incident_id) <> 1 order by 1""",
        )
        checked = _count(tables, "select count(*) from anomaly")
    return verdict(faults, checked=checked, blocks=True, remedy=_GROUPING_REMEDY)


_GROUPING_REMEDY = "Materialize incidents again; if it stays so, restore ml/incident*.parquet of the run before"


@_check(
    MEMBER, "no_member_is_orphaned",
    "Every finding in ml.incident_anomaly belongs to an incident that is there, and every incident has one.",
    blocks=True,
)  # fmt: skip
def no_member_is_orphaned(workspace: Workspace) -> dg.AssetCheckResult:
    return _both_ways(workspace, "incident_anomaly", "finding")


@_check(
    DETECTOR, "every_incident_has_a_detector",
    "Every row of ml.incident_detector is of an incident that is there, and every incident has one.", blocks=True,
)  # fmt: skip
def every_incident_has_a_detector(workspace: Workspace) -> dg.AssetCheckResult:
    return _both_ways(workspace, "incident_detector", "detector")


def _both_ways(workspace: Workspace, table: str, what: str) -> dg.AssetCheckResult:
    with tables_of(workspace) as tables:
        faults = faults_of(
            tables,
            f"""select 'incident ' || incident_id,
                       if(incident.incident_id is null, 'has a {what} and is not there', 'has no {what}')
                from incident full join (select distinct incident_id from {table}) as related using (incident_id)
                where incident.incident_id is null or related.incident_id is null order by 1""",
        )
        checked = _count(tables, "select count(*) from incident")
    return verdict(faults, checked=checked, blocks=True, remedy=_GROUPING_REMEDY)


@_check(
    MEMBER, "silence_is_kept",
    "No finding in a window of silence (config/events.yml) or below its scope's floor (config/anomalies.yml) alarms.",
)  # fmt: skip
def silence_is_kept(workspace: Workspace) -> dg.AssetCheckResult:
    configuration = workspace.configuration()
    with tables_of(workspace) as tables:
        rows = tables.execute(
            f"""select {NAME}, scope_type, scope_value, detected_date, detectors, abs(actual - expected), expected
                from incident_anomaly
                where is_current and suppressed_because is null and event_id is null
                      and incident_id in (select incident_id from incident where status in ('open', 'acknowledged'))
                order by detected_date desc, 1"""
        ).fetchall()
    faults = [Fault(row[0], why) for row in rows if (why := _silenced(configuration, *row[1:]))]
    return verdict(
        faults,
        checked=len(rows),
        remedy="Run again: the window or floor was added after these were found; else report it",
    )


def _silenced(
    configuration: Configuration, kind: str, value: str, day: Any, detectors: str, impact: Decimal, expected: Decimal
) -> str | None:
    team_of_app = {owner.app: owner.team for owner in configuration.tags.apps}
    for window in configuration.events.suppressions:
        alone = window.detector is None or set(json.loads(detectors)) <= {window.detector}
        if alone and window.starts_on <= day <= window.ends_on and _is_scope(window.scope, kind, value, team_of_app):
            return f"in the window {window.id}"
    for floor in configuration.anomalies.floors:
        if _is_scope(floor.scope, kind, value, team_of_app):
            least = max(
                floor.minimum_impact or Decimal(0), (floor.minimum_ratio or Decimal(0)) * max(expected, Decimal(0))
            )
            if impact < least:
                return f"{impact:.2f} is below the floor of {least:.2f}"
    return None


def _is_scope(scope: Scope, kind: str, value: str, team_of_app: dict[str, str]) -> bool:
    if scope.level == "company" or (scope.level, scope.value) == (kind, value):
        return True
    return scope.level == "team" and kind == "app" and team_of_app.get(value) == scope.value


@_check(
    INCIDENT, "incidents_stay",
    "Every incident that was published is still there under its id, and one that was over is not open again.",
)  # fmt: skip
def incidents_stay(workspace: Workspace) -> dg.AssetCheckResult:
    published = workspace.home.published / "fct_incident.parquet"
    if not published.exists():
        return verdict([], checked=0, remedy="")
    with tables_of(workspace) as tables:
        tables.read_parquet(str(published)).create_view("before")
        over = "', '".join(OVER)
        faults = faults_of(
            tables,
            f"""select 'incident ' || before.incident_id || ' of ' || before.scope_type || ' ' || before.scope_value,
                       if(now.incident_id is null, 'is lost', 'was ' || before.status || ' and is open')
                from before left join incident as now using (incident_id)
                where now.incident_id is null
                      or (before.status in ('{over}') and now.status in ('open', 'acknowledged')
                          and now.last_seen <= before.last_seen and before.verdict is null)
                order by 1""",
        )
        checked = _count(tables, "select count(*) from before")
    return verdict(
        faults, checked=checked,
        remedy="What people said of a lost incident has nothing to hold on to. Restore ml/incident*.parquet of the run "
        "before and run again",
    )  # fmt: skip


def _count(tables: duckdb.DuckDBPyConnection, sql: str) -> int:
    found = tables.execute(sql).fetchone()
    return 0 if found is None else int(found[0])


def incident_checks() -> Sequence[dg.AssetChecksDefinition]:
    return [
        open_anomalies_reach_the_floor, known_events_are_no_anomalies, what_runs_away_costs_more,
        each_finding_is_in_one_incident, no_member_is_orphaned, every_incident_has_a_detector, silence_is_kept,
        incidents_stay,
    ]  # fmt: skip
