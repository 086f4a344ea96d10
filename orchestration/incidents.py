"""Incidents of a home, as its last run published them, with what people said since.

Here: finding one by the start of its id, saying something of it, how good the alarms were, proposed floors.
Not here: making incidents (models), marts (dbt), the look (cli).
"""

from __future__ import annotations

import difflib
import getpass
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import guardrails
import models
from finops.config import load_configuration
from finops.paths import Home
from orchestration.ledger import has_ledger, open_ledger
from orchestration.published import NotPublishedError, query_mart

_INCIDENTS = """
select incident_id, status, severity, scope_type, scope_value, currency, direction, first_seen, last_seen, opened_at,
       closed_at, day_count, impact, peak_impact, daily_impact, projected_impact, usage_change, volume_effect,
       mix_effect, cache_effect, price_effect, explanation, contributors, similar_incidents, owner, suppressed_because,
       event_id, verdict, verdict_reason
from read_parquet($mart)
order by first_seen desc, incident_id
"""


class IncidentError(LookupError):
    """No such incident, or nothing was published yet; the message says what to do."""


@dataclass(frozen=True)
class PublishedIncident:
    """A row of ``fct_incident``; ``verdict``, its reason and ``status`` with what was said since the run."""

    incident_id: str
    status: str
    severity: str
    scope_type: str
    scope_value: str
    currency: str
    direction: str
    first_seen: date
    last_seen: date
    opened_at: datetime | None
    closed_at: datetime | None
    day_count: int
    impact: Decimal
    peak_impact: Decimal
    daily_impact: Decimal
    projected_impact: Decimal
    usage_change: Decimal | None
    volume_effect: Decimal | None
    mix_effect: Decimal | None
    cache_effect: Decimal | None
    price_effect: Decimal | None
    explanation: str
    contributors: str
    similar_incidents: str
    owner: str | None
    suppressed_because: str | None
    event_id: str | None
    verdict: str | None
    verdict_reason: str | None

    @property
    def scope_name(self) -> str:
        return "company" if self.scope_type == "company" else f"{self.scope_type} {self.scope_value}"

    @property
    def occasion(self) -> guardrails.Occasion:
        """It as it stands now, for what is said of it."""
        return guardrails.Occasion(
            self.incident_id, self.scope_type, self.scope_value, self.currency, self.first_seen, self.last_seen
        )


def incidents(home: Home) -> list[PublishedIncident]:
    """All incidents of the last run, newest first.

    Raises:
        IncidentError: the home has none published.
    """
    rows = _query(home, "fct_incident", _INCIDENTS)
    said = _said(home)
    found = [PublishedIncident(*row) for row in rows]
    return [_with_what_was_said(one, said.get(one.incident_id, [])) for one in found]


def incident(home: Home, start_of_id: str) -> PublishedIncident:
    """The incident whose id starts so.

    Raises:
        IncidentError: none or several do.
    """
    found = [one for one in incidents(home) if one.incident_id.startswith(start_of_id)]
    if len(found) == 1:
        return found[0]
    if found:
        raise IncidentError(f"{start_of_id!r} is the start of {len(found)} incidents; give more of the id")
    raise IncidentError(f"there is no incident {start_of_id!r}; `aifinops incidents list --all` has them all")


def history(home: Home, incident_id: str) -> list[guardrails.Feedback]:
    """All that was said of an incident, oldest first."""
    if not has_ledger(home):
        return []
    with open_ledger(home) as ledger:
        return guardrails.feedback_given(ledger, incident_id=incident_id)


def say(
    home: Home,
    start_of_id: str,
    kind: guardrails.FeedbackKind,
    *,
    at: datetime,
    who: str | None,
    verdict: guardrails.Verdict | None = None,
    why: str | None = None,
) -> tuple[PublishedIncident, guardrails.Feedback]:
    """Record what somebody says of an incident; the next run takes it into account.

    Args:
        who: who says it; None: the user of this machine.

    Raises:
        IncidentError: no such incident.
        ValueError: a verdict without a reason.
    """
    found = incident(home, start_of_id)
    with open_ledger(home) as ledger:
        said = guardrails.record_feedback(
            ledger, found.occasion, kind, who=who or getpass.getuser(), given_at=at, verdict=verdict, why=why
        )
    return found, said


def proposed_floors(home: Home, config: Path) -> tuple[list[models.Proposal], str]:
    """Floors that false alarms suggest, and the change of ``anomalies.yml`` as a patch; nothing is written.

    Raises:
        IncidentError: nothing was published yet.
        ConfigError: the configuration is not valid.
        ValueError: the file cannot be added to.
    """
    judged = [
        models.Judged(
            one.incident_id,
            one.scope_type,
            one.scope_value,
            one.direction,
            one.verdict,
            abs(one.peak_impact),
            one.verdict_reason,
        )
        for one in incidents(home)
    ]
    found = models.proposals(judged, load_configuration(config).anomalies.floors)
    file = config / "anomalies.yml"
    before = file.read_text(encoding="utf-8") if file.exists() else ""
    after = models.with_floors(before, found) if found else before
    name = f"{config.name}/anomalies.yml"
    patch = difflib.unified_diff(
        before.splitlines(keepends=True), after.splitlines(keepends=True), f"a/{name}", f"b/{name}"
    )
    return found, "".join(patch)


def quality(home: Home, team: str, *, by_detector: bool) -> list[tuple[Any, ...]]:
    """Rows of ``fct_alert_quality_monthly`` of a team (or all), newest month first; all detectors, and each.

    Raises:
        IncidentError: nothing was published yet.
    """
    return _query(
        home,
        "fct_alert_quality_monthly",
        """select incident_month, detector, currency, incident_count, incidents_per_week, labelled_count,
                  label_coverage_ratio, real_count, false_count, planned_count, precision_ratio, precision_low,
                  precision_high, median_hours_to_detect, median_hours_to_acknowledge, median_hours_to_resolve,
                  caught_amount, suppressed_count, expected_count
           from read_parquet($mart) where team = $team and ($by_detector or detector = 'all')
           order by incident_month desc, detector <> 'all', detector, currency""",
        {"team": team, "by_detector": by_detector},
    )


def _said(home: Home) -> dict[str, list[guardrails.Feedback]]:
    said: dict[str, list[guardrails.Feedback]] = {}
    if has_ledger(home):
        with open_ledger(home) as ledger:
            for one in guardrails.feedback_given(ledger):
                said.setdefault(one.occasion.incident_id, []).append(one)
    return said


def _with_what_was_said(found: PublishedIncident, said: list[guardrails.Feedback]) -> PublishedIncident:
    """As the next run will have it: what was said since the last one holds at once."""
    for one in said:
        match one.kind:
            case "verdict":
                found = replace(found, verdict=one.verdict, verdict_reason=one.why)
            case "acknowledge" if found.status == "open":
                found = replace(found, status="acknowledged")
            case "resolve" if found.status in ("open", "acknowledged") and found.last_seen <= one.given_at.date():
                found = replace(found, status="resolved")
    if found.verdict in ("false", "planned"):
        found = replace(found, status="dismissed")
    elif found.status == "dismissed":
        found = replace(found, status="open")
    return found


def _query(home: Home, mart: str, sql: str, values: dict[str, Any] | None = None) -> list[tuple[Any, ...]]:
    try:
        return query_mart(home, mart, sql, values or {})
    except NotPublishedError as error:
        raise IncidentError(str(error)) from None
