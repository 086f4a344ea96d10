"""Findings and histories of a made-up organisation, for tests of incidents."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pandas as pd

from finops.config.anomalies import AnomaliesFile
from finops.config.events import EventsFile
from guardrails import Occasion, record_feedback
from models.anomaly.detect import anomaly_id
from models.anomaly.incident import Incidents, find_incidents
from models.series import Scope
from models.tables import build_frame
from orchestration.ledger import feedback_rows, open_ledger
from tests.support.lake_builder import LakeBuilder

START = date(2026, 8, 1)
TEAM_OF_APP = {"trainer": "robotics", "planner": "robotics", "chat": "support", "triage": "support"}
BILL, USAGE = "effective_cost", "estimated_cost"


def on(day_of_october: int) -> date:
    return date(2026, 9, 30) + timedelta(days=day_of_october)


def morning(day_of_october: int) -> datetime:
    """Six o'clock on a day: the days before it are complete."""
    return datetime.combine(on(day_of_october), datetime.min.time(), UTC) + timedelta(hours=6)


def finding(
    day: date,
    scope: str,
    actual: float,
    expected: float = 100,
    *,
    metric: str = BILL,
    parts: Mapping[tuple[str, str], float] | None = None,
    detectors: Sequence[str] = ("week_over_week", "forecast_residual"),
    event_id: str | None = None,
) -> dict[str, Any]:
    """A row of ``ml.anomaly``; ``scope`` is ``type:value``."""
    kind, _, value = scope.partition(":")
    one, two = Decimal(str(actual)), Decimal(str(expected))
    return {
        "anomaly_id": anomaly_id(Scope(kind, value, "USD"), metric, day),
        "detected_date": day,
        "scope_type": kind,
        "scope_value": value,
        "metric": metric,
        "currency": "USD",
        "detectors": json.dumps([{"name": name} for name in detectors]),
        "actual": one,
        "expected": two,
        "impact": one - two,
        "impact_ratio": float(one / two) - 1 if two else None,
        "severity": "medium",
        "contributors": json.dumps(
            [
                {"dimension": name, "value": part, "impact": impact, "share": impact / float(one - two)}
                for (name, part), impact in (parts or {}).items()
            ]
        ),
        "explanation": "",
        "event_id": event_id,
        "status": "expected" if event_id else "open",
        "as_of": morning(31).replace(tzinfo=None),
    }


def history(
    through: date, changed: Mapping[tuple[str, str], Mapping[date, float]] | None = None, usual: float = 100
) -> pd.DataFrame:
    """Every scope costs ``usual`` a day in both metrics, but for the days in ``changed`` (scope, metric)."""
    scopes = [
        "company:all",
        *(f"app:{app}" for app in TEAM_OF_APP),
        *(f"team:{team}" for team in set(TEAM_OF_APP.values())),
    ]
    rows = []
    for metric in (BILL, USAGE):
        for scope in scopes:
            kind, _, value = scope.partition(":")
            special = (changed or {}).get((scope, metric), {})
            for step in range((through - START).days + 1):
                day = START + timedelta(days=step)
                cost = Decimal(str(special.get(day, usual)))
                rows.append((metric, day, kind, value, "USD", cost))
    return pd.DataFrame(rows, columns=["metric", "usage_date", "scope_type", "scope_value", "currency", "cost"])


def grouped(
    findings: Sequence[Mapping[str, Any]],
    as_of: datetime,
    *,
    costs: pd.DataFrame | None = None,
    events: EventsFile | None = None,
    floors: AnomaliesFile | None = None,
    **more: Any,
) -> Incidents:
    """``find_incidents`` with the organisation's history through the day before."""
    return find_incidents(
        build_frame("anomaly", findings),
        history=history(as_of.date() - timedelta(days=1)) if costs is None else costs,
        contributors=more.pop("contributors", None),
        usage=more.pop("usage", None),
        as_of=as_of,
        events=events or EventsFile(),
        floors=floors or AnomaliesFile.model_validate({}),
        team_of_app=TEAM_OF_APP,
        **more,
    )


def rows(found: Incidents) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in found.incident.to_dict("records")]


def said(incident: Mapping[str, Any], kind: str, at: datetime, verdict: str | None = None, why: str = "because") -> Any:
    """A row of ``ml.incident_feedback`` about a row of ``ml.incident``."""
    return {
        "feedback_id": f"{kind}-{at.isoformat()}",
        "incident_id": incident["incident_id"],
        "kind": kind,
        "verdict": verdict,
        "why": why,
        "who": "ann",
        "given_at": at.replace(tzinfo=None),
        **{name: incident[name] for name in ("scope_type", "scope_value", "currency", "first_seen", "last_seen")},
    }


def land_judged_incidents(lake: LakeBuilder) -> None:
    """Six incidents of October, found day by day and judged in the home's own ledger, as ``ml`` tables.

    ``query-rewriter`` was right twice and wrong once, ``ticket-triage`` was planned, ``vision-train`` is open and
    acknowledged, and one of ``ticket-triage`` is silent.
    """
    findings = [
        finding(on(1), "app:query-rewriter", 300),
        finding(on(5), "app:query-rewriter", 500),
        finding(on(9), "app:query-rewriter", 200),
        finding(on(2), "app:ticket-triage", 200, metric=USAGE, detectors=("slow_drift",)),
        finding(on(12), "app:ticket-triage", 250),
        finding(on(12), "team:support", 350, 200, parts={("app", "ticket-triage"): 150}),
        finding(on(18), "app:vision-train", 900),
    ]
    silence = {
        "id": "quiet", "scope": {"level": "app", "value": "ticket-triage"}, "starts_on": on(12), "ends_on": on(12),
        "reason": "test",
    }  # fmt: skip
    events = EventsFile.model_validate({"suppressions": [silence]})
    state = grouped([], morning(1), events=events)
    for day in range(1, 20):
        state = grouped(
            [row for row in findings if row["detected_date"] <= on(day)], morning(day + 1), state=state, events=events
        )
    by_day = {(row["scope_value"], row["first_seen"].day): row for row in rows(state)}
    verdicts = [
        ("query-rewriter", 1, "false", "first thought"), ("query-rewriter", 1, "real", "loop"),
        ("query-rewriter", 5, "real", "leak"), ("query-rewriter", 9, "false", "month end"),
        ("ticket-triage", 2, "planned", "load test"),
    ]  # fmt: skip
    with open_ledger(lake.home) as ledger:
        for number, (scope, day, verdict, why) in enumerate(verdicts):
            at = morning(19) + timedelta(minutes=number)
            occasion = _occasion(by_day[scope, day])
            record_feedback(ledger, occasion, "verdict", who="ann", given_at=at, verdict=verdict, why=why)  # type: ignore[arg-type]
        for kind, hour in (("acknowledge", 8), ("acknowledge", 20)):
            at = morning(19) + timedelta(hours=hour - 6)
            record_feedback(ledger, _occasion(by_day["vision-train", 18]), kind, who="bo", given_at=at)  # type: ignore[arg-type]
        for day, hours in ((1, 10), (5, 4)):
            at = morning(day + 1) + timedelta(hours=hours)
            record_feedback(ledger, _occasion(by_day["query-rewriter", day]), "resolve", who="bo", given_at=at)
    feedback = feedback_rows(lake.home)
    lake.ml("incident_feedback", feedback)
    final = grouped(
        findings, morning(20), state=state, events=events, feedback=build_frame("incident_feedback", feedback)
    )
    for name, table in vars(final).items():
        lake.ml(name, [{str(key): _plain(value) for key, value in row.items()} for row in table.to_dict("records")])
    lake.ml("anomaly", findings)


def _occasion(row: Mapping[str, Any]) -> Occasion:
    names = ("incident_id", "scope_type", "scope_value", "currency", "first_seen", "last_seen")
    return Occasion(*(row[name] for name in names))


def _plain(value: Any) -> Any:
    return None if value is pd.NaT or (not isinstance(value, str) and pd.isna(value)) else value
