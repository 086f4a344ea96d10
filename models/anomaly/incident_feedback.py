"""What people said of incidents, as the models use it.

Here: the verdict that holds, who took notice and when; planned days as known events.
Not here: keeping what was said (guardrails) and what it means for alert quality (dbt).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import pandas as pd

from finops.config.events import EventsFile, KnownEvent
from finops.config.values import Scope
from models.anomaly.incident_member import text

DISMISSED = ("false", "planned")


@dataclass
class Said:
    """What holds of one incident: of verdicts the newest, of notice the first, of the end the newest."""

    verdict: str | None = None
    why: str | None = None
    acknowledged_at: datetime | None = None
    resolved_at: datetime | None = None
    scope_type: str = ""
    scope_value: str = ""
    first_seen: date = date.max
    last_seen: date = date.min


def what_was_said(feedback: pd.DataFrame | None) -> dict[str, Said]:
    """Incident id → what holds, from the rows of ``ml.incident_feedback``."""
    said: dict[str, Said] = {}
    if feedback is None:
        return said
    rows = feedback.sort_values(["given_at", "feedback_id"]).to_dict("records")
    for row in rows:
        found = said.setdefault(str(row["incident_id"]), Said())
        moment = pd.Timestamp(row["given_at"]).to_pydatetime()
        found.scope_type, found.scope_value = str(row["scope_type"]), str(row["scope_value"])
        found.first_seen = min(found.first_seen, row["first_seen"])
        found.last_seen = max(found.last_seen, row["last_seen"])
        match row["kind"]:
            case "verdict":
                found.verdict, found.why = text(row["verdict"]), text(row["why"])
            case "acknowledge":
                found.acknowledged_at = found.acknowledged_at or moment
            case "resolve":
                found.resolved_at = moment
    return said


def with_planned(events: EventsFile, feedback: pd.DataFrame | None) -> EventsFile:
    """The known events, and the days of every incident that people called planned: no model learns from them."""
    planned = [
        KnownEvent(
            id=f"planned-{name}",
            name=said.why or "planned",
            starts_on=said.first_seen,
            ends_on=said.last_seen,
            scope=Scope.model_validate(
                {"level": said.scope_type, "value": None if said.scope_type == "company" else said.scope_value}
            ),
            effect="temporary",
        )
        for name, said in sorted(what_was_said(feedback).items())
        if said.verdict == "planned"
    ]
    return events.model_copy(update={"events": [*events.events, *planned]})
