"""Incidents: one per cause, from findings of many levels, days and metrics.

Here: the order of things — mark, group, count, compare, say — and the tables that come out.
Not here: the steps themselves (incident_*), and finding anomalies (detect).

The state of the run before goes in and the new one comes out. Without it, all that the findings still show is told
again under the same ids; only what lies further back than they do, and when each was opened, is lost.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pandas as pd

from finops.config.anomalies import AnomaliesFile
from finops.config.events import EventsFile
from finops.cost_change import EFFECTS, CostChange
from finops.money import quantise
from finops.periods import BillingPeriod, as_utc
from models.anomaly.contributors import ContributorIndex, as_json
from models.anomaly.finding import SEVERITIES, Finding, severity
from models.anomaly.incident_change import UsageIndex
from models.anomaly.incident_feedback import DISMISSED, Said, what_was_said
from models.anomaly.incident_grouping import grouped
from models.anomaly.incident_member import BILLED, Member, members_found, members_remembered, text
from models.anomaly.incident_money import (
    EXPLAINS_FROM,
    ZERO,
    Costs,
    CountedDay,
    cause_scope,
    contributors,
    counted_days,
    daily_impact,
    shown_days,
    stays_high,
)
from models.anomaly.incident_words import Facts, explanation, resembling
from models.anomaly.settings import AnomalySettings
from models.anomaly.suppression import Suppressions
from models.series import Scope, naive_utc
from models.tables import build_frame

ALARMING = ("open", "acknowledged", "resolved", "closed", "new_normal")
"""Statuses of incidents that somebody was to hear of."""

BACKFILL_DAYS = 3
"""A first run looks back: what began earlier than this was not watched as it happened, and tells no time to detect."""

WEEK_DAYS = 7


@dataclass(frozen=True)
class Incidents:
    """The tables ``ml.incident``, ``ml.incident_anomaly`` and ``ml.incident_detector``."""

    incident: pd.DataFrame
    incident_anomaly: pd.DataFrame
    incident_detector: pd.DataFrame


@dataclass(frozen=True)
class _Context:
    moment: datetime
    costs: Costs
    indexes: Mapping[str, ContributorIndex]
    usage: UsageIndex
    said: Mapping[str, Said]
    before: Mapping[str, Mapping[str, Any]]
    is_first_run: bool
    suppressions: Suppressions
    settings: AnomalySettings
    criticality: Mapping[str, str]
    quiet_days: int


def find_incidents(
    anomalies: pd.DataFrame,
    *,
    history: pd.DataFrame,
    contributors: pd.DataFrame | None,
    usage: pd.DataFrame | None,
    as_of: datetime,
    events: EventsFile,
    floors: AnomaliesFile,
    state: Incidents | None = None,
    feedback: pd.DataFrame | None = None,
    team_of_app: Mapping[str, str] | None = None,
    criticality_of_app: Mapping[str, str] | None = None,
) -> Incidents:
    """Group findings into incidents.

    Args:
        anomalies: the table ``ml.anomaly``.
        history: columns metric, usage_date, scope_type, scope_value, currency, cost, as for ``find_anomalies``.
        contributors: as for ``find_anomalies``.
        usage: priced tokens a day (``incident_change.COLUMNS``), for price, volume, mix and cache; None: not told.
        events, floors: suppression windows and floors; known events are marked in ``anomalies`` already.
        state: what this function returned in the run before; None: nothing is known.
        feedback: the table ``ml.incident_feedback``.

    Returns:
        Every finding in exactly one incident; incidents that are older than the findings are kept from ``state``.

    Raises:
        ValueError: ``as_of`` has no time zone.
    """
    moment = as_utc(as_of)
    parents = team_of_app or {}
    suppressions = Suppressions(floors, events, parents)
    settings = AnomalySettings.configured(floors)
    said = what_was_said(feedback)
    before = _by_id(state)
    known = {} if state is None else _memberships(state)
    members = _members(anomalies, state, moment.date() - timedelta(days=settings.lookback_days))
    groups = grouped(
        [suppressions.marked(member) for member in members],
        known,
        quiet_days=floors.quiet_days,
        team_of_app=parents,
        resolved_on={name: one.resolved_at.date() for name, one in said.items() if one.resolved_at is not None},
    )
    context = _Context(
        moment=moment,
        costs=Costs(history, moment.date()),
        indexes=_indexes(contributors),
        usage=UsageIndex(usage),
        said=said,
        before=before,
        is_first_run=state is None,
        suppressions=suppressions,
        settings=settings,
        criticality=criticality_of_app or {},
        quiet_days=floors.quiet_days,
    )
    rows: list[dict[str, Any]] = []
    ordered = sorted(groups.items(), key=lambda item: (item[1][0].day, item[0]))
    for name, group in ordered:
        rows.append(_incident(name, group, context, rows))
    return Incidents(
        build_frame("incident", [_as_text(row) for row in rows]),
        build_frame("incident_anomaly", _membership_rows(ordered, moment)),
        build_frame(
            "incident_detector",
            [{"incident_id": row["incident_id"], "detector": name} for row in rows for name in row["detectors"]],
        ),
    )


def _incident(
    name: str, group: Sequence[Member], context: _Context, earlier: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    current = [member for member in group if member.is_current]
    alarming = [member for member in current if not member.is_marked]
    counted = alarming or current or list(group)
    cause = cause_scope(counted)
    days = counted_days(counted, cause, context.costs)
    first, last = days[0].day, days[-1].day
    before, said = context.before.get(name), context.said.get(name, Said())
    impact = sum((day.impact for day in days), ZERO)
    metric = days[-1].metric
    newest = max(
        (context.costs.last_day.get((member.metric, cause.currency), last) for member in counted), default=last
    )
    quiet = (newest - last).days
    too_short = len(days) < context.suppressions.minimum_days(cause)
    suppressed = _suppressed_because(alarming, current, too_short)
    event = None if alarming else next((member.event_id for member in current if member.event_id), None)
    running = [member for member in counted if member.is_running and member.day == last]
    # What goes on is not over: one more day of it is what its rate says.
    a_day = max([daily_impact(days), *(member.at_stake for member in running if member.at_stake is not None)])
    stays = stays_high(context.costs, cause, metric, first, last, newest, float(a_day))
    status = _status(current, said, suppressed, event, quiet, context.quiet_days, stays=stays, last=last)
    is_going_on = status in ("open", "acknowledged") and quiet <= 0
    is_told = status in (*ALARMING, "dismissed")
    level = max([_severity(cause, days, impact, context), *(one.severity for one in running)], key=SEVERITIES.index)
    was_opened = None if before is None else before["opened_at"]
    parts = contributors(cause, days, context.indexes)
    change = _told_change(context.usage.change(cause, [day.day for day in days], first), impact)
    facts = Facts(
        incident_id=name,
        scope=cause,
        is_up=impact > 0 if impact else group[0].is_up,
        first=first,
        last=last,
        day_count=len(days),
        impact=impact,
        expected=sum((day.expected for day in days), ZERO),
        is_billed=any(day.metric == BILLED for day in days),
        is_going_on=is_going_on,
        status=status,
        daily_impact=a_day,
        contributors=parts,
        change=change,
        similar=(),
        patterns=_patterns(counted),
    )
    similar = resembling(facts, [row for row in earlier if row["status"] in (*ALARMING, "dismissed")])
    return {
        "incident_id": name,
        "scope_type": cause.type,
        "scope_value": cause.value,
        "currency": cause.currency,
        "direction": "up" if facts.is_up else "down",
        "status": status,
        "verdict": said.verdict,
        "event_id": event,
        "suppressed_because": suppressed,
        "first_seen": first,
        "last_seen": last,
        "opened_at": was_opened or (naive_utc(context.moment) if is_told else None),
        "closed_at": _closed_at(status, before, said, context.moment),
        "is_backfilled": before["is_backfilled"]
        if before is not None
        else context.is_first_run and first < context.moment.date() - timedelta(days=BACKFILL_DAYS),
        "metrics": sorted({member.metric for member in counted}),
        "detectors": sorted({detector for member in counted for detector in member.detectors}),
        "day_count": len(days),
        "anomaly_count": len(group),
        "impact": quantise(impact) if current else ZERO,
        "peak_impact": max((day.impact for day in days), key=abs),
        "daily_impact": quantise(a_day) if is_going_on else ZERO,
        "projected_impact": quantise(impact + (a_day * _days_left(last) if is_going_on else ZERO)) if current else ZERO,
        "severity": level,
        "opened_severity": (None if before is None else before["opened_severity"]) or (level if is_told else None),
        "criticality": context.criticality.get(cause.value, "normal") if cause.type == "app" else "normal",
        "usage_change": None if change is None else change.change,
        **{f"{effect}_effect": None if change is None else getattr(change, effect) for effect in EFFECTS},
        "contributors": as_json(parts),
        "similar_incidents": similar,
        "daily_costs": shown_days(context.costs, cause, metric, first, last),
        "explanation": explanation(replace(facts, similar=similar), context.moment.date()),
        "as_of": naive_utc(context.moment),
    }


def _patterns(members: Sequence[Member]) -> tuple[str, ...]:
    """What each pattern detector says of the newest of the days on which an incident cost most; largest money
    first."""
    said: dict[str, tuple[tuple[Decimal, date], str]] = {}
    for member in members:
        for name, sentences in member.says:
            size = (abs(member.impact), member.day)
            if name not in said or size > said[name][0]:
                said[name] = (size, sentences)
    return tuple(sentences for _, sentences in sorted(said.values(), reverse=True))


def _told_change(change: CostChange | None, impact: Decimal) -> CostChange | None:
    """Tokens that moved another way, or far less, are not what it is about."""
    if change is None or change.change * impact <= 0 or abs(change.change) < EXPLAINS_FROM * abs(impact):
        return None
    return change


def _suppressed_because(alarming: Sequence[Member], current: Sequence[Member], too_short: bool) -> str | None:
    if alarming:
        return "shorter than the floor's days" if too_short else None
    return next((member.suppressed_because for member in current if member.suppressed_because), None)


def _status(
    current: Sequence[Member],
    said: Said,
    suppressed: str | None,
    event: str | None,
    quiet: int,
    quiet_days: int,
    *,
    stays: bool,
    last: date,
) -> str:
    if said.verdict in DISMISSED:
        return "dismissed"
    if not current:
        return "retracted"
    if suppressed:
        return "suppressed"
    if event:
        return "expected"
    if said.resolved_at is not None and last <= said.resolved_at.date():
        return "resolved"
    if quiet >= quiet_days:
        return "new_normal" if stays else "closed"
    return "acknowledged" if said.acknowledged_at is not None else "open"


def _closed_at(status: str, before: Mapping[str, Any] | None, said: Said, moment: datetime) -> datetime | None:
    if status == "resolved" and said.resolved_at is not None:
        return said.resolved_at
    if status not in ("closed", "new_normal", "dismissed", "retracted"):
        return None
    return (None if before is None else before["closed_at"]) or naive_utc(moment)


def _severity(cause: Scope, days: Sequence[CountedDay], impact: Decimal, context: _Context) -> str:
    """From the worst day, or a seventh of all money where that is more; moved by what depends on the app."""
    worst = max(days, key=lambda day: abs(day.impact))
    stake = max(abs(worst.impact), abs(impact) / WEEK_DAYS) * (1 if impact >= 0 else -1)
    level = SEVERITIES.index(
        severity(Finding(cause, worst.day, float(worst.expected + stake), float(worst.expected), []), context.settings)
    )
    criticality = context.criticality.get(cause.value, "normal") if cause.type == "app" else "normal"
    moved = level + {"low": -1, "normal": 0, "high": 1, "critical": 1}[criticality]
    lowest = SEVERITIES.index("medium") if criticality == "critical" else 0
    highest = len(SEVERITIES) - 1 if impact >= 0 else SEVERITIES.index("medium")
    return SEVERITIES[min(max(moved, lowest), highest)]


def _days_left(last: date) -> int:
    return (BillingPeriod.containing(last).end - last).days - 1


def _members(anomalies: pd.DataFrame, state: Incidents | None, judged_from: date) -> list[Member]:
    """What was found now; what was found before and is not any more; what lies too far back to be found again."""
    found = members_found(anomalies)
    if state is None:
        return found
    names = {member.anomaly_id for member in found}
    # A bill ends days before the run: its newest 30 days reach further back than those of the calendar.
    oldest = min([judged_from, *(member.day for member in found)])
    remembered = [
        replace(member, is_current=member.is_current and member.day < oldest)
        for member in members_remembered(state.incident_anomaly)
        if member.anomaly_id not in names
    ]
    return [*found, *remembered]


def _memberships(state: Incidents) -> dict[str, str]:
    return dict(zip(state.incident_anomaly["anomaly_id"], state.incident_anomaly["incident_id"], strict=True))


def _by_id(state: Incidents | None) -> dict[str, dict[str, Any]]:
    if state is None:
        return {}
    return {
        str(row["incident_id"]): {
            "opened_at": _moment(row["opened_at"]),
            "closed_at": _moment(row["closed_at"]),
            "opened_severity": text(row["opened_severity"]),
            "is_backfilled": bool(row["is_backfilled"]),
        }
        for row in state.incident.to_dict("records")
    }


def _moment(value: Any) -> datetime | None:
    return None if pd.isna(value) else pd.Timestamp(value).to_pydatetime()


def _indexes(contributors: pd.DataFrame | None) -> dict[str, ContributorIndex]:
    if contributors is None or contributors.empty:
        return {}
    return {str(metric): ContributorIndex(rows) for metric, rows in contributors.groupby("metric", sort=True)}


def _membership_rows(groups: Sequence[tuple[str, Sequence[Member]]], moment: datetime) -> list[dict[str, Any]]:
    return [
        {
            "incident_id": name,
            "anomaly_id": member.anomaly_id,
            "detected_date": member.day,
            "scope_type": member.scope.type,
            "scope_value": member.scope.value,
            "metric": member.metric,
            "currency": member.scope.currency,
            "actual": member.actual,
            "expected": member.expected,
            "detectors": json.dumps(member.detectors),
            "severity": member.severity,
            "event_id": member.event_id,
            "suppressed_because": member.suppressed_because,
            "is_current": member.is_current,
            "as_of": naive_utc(moment),
        }
        for name, group in groups
        for member in group
    ]


def _as_text(row: Mapping[str, Any]) -> dict[str, Any]:
    """Lists as JSON, as the table keeps them."""
    return {
        name: json.dumps(value, ensure_ascii=False) if isinstance(value, list) else value for name, value in row.items()
    }
