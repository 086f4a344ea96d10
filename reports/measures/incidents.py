"""Incidents, ranked.

Here: those that are open or were seen in the last 30 days, or since a day; open ones by severity and money, others
apart.
Not here: detection, grouping and explanation (models).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

import pandas as pd

from reports import formatting as f
from reports.frames import ZERO, text_or_none
from reports.measures.tokens import CLASS_WORDS

WINDOW_DAYS = 30
SEVERITIES = ("critical", "high", "medium", "low")
OPEN = ("open", "acknowledged")
SILENT = ("expected", "suppressed")
EFFECTS = ("volume", "mix", "cache", "price")
STATUS_WORDS = {
    "open": "open",
    "acknowledged": "acknowledged",
    "resolved": "resolved",
    "closed": "back to normal",
    "new_normal": "new normal",
    "dismissed": "dismissed",
    "expected": "expected",
    "suppressed": "suppressed",
    "retracted": "retracted",
}


DIMENSION_WORDS = {
    "service_name": "Service",
    "sub_account_name": "Subscription",
    "region_id": "Region",
    "resource_name": "Resource",
    "token_class": "Kind of token",
}
_CLASS_WORDS = {kind.value: words for kind, words in CLASS_WORDS.items()}


@dataclass(frozen=True)
class Contributor:
    """``share`` is of the whole impact."""

    dimension: str
    value: str
    impact: Decimal
    share: Decimal | None

    @property
    def dimension_words(self) -> str:
        return DIMENSION_WORDS.get(self.dimension, f.humanise(self.dimension))

    @property
    def value_words(self) -> str:
        return _CLASS_WORDS.get(self.value, self.value) if self.dimension == "token_class" else self.value


@dataclass(frozen=True)
class Incident:
    """One row of ``fct_incident``. ``effects``: what moved token cost, by name; empty where tokens do not tell."""

    incident_id: str
    first_seen: date
    last_seen: date
    day_count: int
    scope_type: str
    scope_value: str
    currency: str
    severity: str
    status: str
    is_billed: bool
    impact: Decimal
    daily_impact: Decimal
    projected_impact: Decimal
    effects: Mapping[str, Decimal]
    explanation: str
    contributors: tuple[Contributor, ...]
    days: tuple[Mapping[str, Any], ...]
    """Four weeks: day, actual, and the low and high of what is usual."""
    event_id: str | None
    suppressed_because: str | None
    verdict: str | None
    team: str | None
    owner: str | None

    @property
    def scope_name(self) -> str:
        return "the whole company" if self.scope_type == "company" else f"{self.scope_type} {self.scope_value}"

    @property
    def basis_words(self) -> str:
        return "on the bill" if self.is_billed else "estimated from usage"

    @property
    def status_words(self) -> str:
        words = STATUS_WORDS.get(self.status, self.status)
        return f"{words}, judged {self.verdict}" if self.verdict else words


@dataclass(frozen=True)
class Incidents:
    """``silent``: explained by a known event, below a floor, in a window; ``past``: over or dismissed."""

    first_day: date
    open: tuple[Incident, ...]
    past: tuple[Incident, ...]
    silent: tuple[Incident, ...]

    @property
    def open_impact(self) -> Decimal:
        """The largest: money of a team and of its app can be in two incidents, so impacts are never summed."""
        return max((incident.impact for incident in self.open), default=ZERO)


def incidents(frame: pd.DataFrame, as_of: date) -> Incidents:
    """``frame``: ``fct_incident`` of one currency."""
    return incidents_since(frame.to_dict("records"), as_of - timedelta(days=WINDOW_DAYS))


def incidents_since(rows: Iterable[Mapping[Any, Any]], first: date) -> Incidents:
    """Those that are open or were seen on ``first`` or later. ``rows``: ``fct_incident`` with its JSON parsed."""
    found = [parse_incident(row) for row in rows]
    found = [incident for incident in found if incident.status in OPEN or incident.last_seen >= first]
    found.sort(key=lambda a: (_rank(a.severity), -abs(a.impact), -a.first_seen.toordinal(), a.incident_id))
    return Incidents(
        first_day=first,
        open=tuple(a for a in found if a.status in OPEN),
        past=tuple(a for a in found if a.status not in (*OPEN, *SILENT, "retracted")),
        silent=tuple(a for a in found if a.status in SILENT),
    )


def parse_incident(row: Mapping[Any, Any]) -> Incident:
    """One row of ``fct_incident``, its JSON already parsed.

    Raises:
        KeyError, ValueError: a field is absent or no number.
    """
    return Incident(
        incident_id=str(row["incident_id"]),
        first_seen=_day(row["first_seen"]),
        last_seen=_day(row["last_seen"]),
        day_count=int(row["day_count"]),
        scope_type=str(row["scope_type"]),
        scope_value=str(row["scope_value"]),
        currency=str(row["currency"]),
        severity=str(row["severity"]),
        status=str(row["status"]),
        is_billed="effective_cost" in (row["metrics"] or ()),
        impact=_amount(row["impact"]),
        daily_impact=_amount(row["daily_impact"]),
        projected_impact=_amount(row["projected_impact"]),
        effects={name: _amount(row[f"{name}_effect"]) for name in EFFECTS if not pd.isna(row[f"{name}_effect"])},
        explanation=text_or_none(row["explanation"]) or "",
        contributors=parse_contributors(row["contributors"]),
        days=tuple(row["daily_costs"] or ()),
        event_id=text_or_none(row.get("event_id")),
        suppressed_because=text_or_none(row.get("suppressed_because")),
        verdict=text_or_none(row.get("verdict")),
        team=text_or_none(row.get("team")),
        owner=text_or_none(row.get("owner")),
    )


def parse_contributors(entries: Any) -> tuple[Contributor, ...]:
    """``[{dimension, value, impact, share, …}]`` → contributors, most money first."""
    found = [
        Contributor(
            dimension=str(entry["dimension"]),
            value="(none)" if entry.get("value") is None else str(entry["value"]),
            impact=_amount(entry["impact"]),
            share=None if entry.get("share") is None else _amount(entry["share"]),
        )
        for entry in entries or ()
    ]
    return tuple(sorted(found, key=lambda c: -abs(c.impact)))


def _day(value: Any) -> date:
    if isinstance(value, pd.Timestamp):
        return value.date()
    return value if isinstance(value, date) else date.fromisoformat(value)


def _rank(severity: str) -> int:
    return SEVERITIES.index(severity) if severity in SEVERITIES else len(SEVERITIES)


def _amount(value: Any) -> Decimal:
    try:
        return value if isinstance(value, Decimal) else Decimal(str(value))
    except InvalidOperation:
        raise ValueError(f"{value!r} is not an amount of an incident") from None
