"""Anomalies, ranked.

Here: those of the last 30 days, open ones by severity and money, expected ones apart.
Not here: detection and explanation (models).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

import pandas as pd

from reports.frames import ZERO, between, text_or_none

WINDOW_DAYS = 30
SEVERITIES = ("critical", "high", "medium", "low")
BASIS_WORDS = {"effective_cost": "on the bill", "estimated_cost": "estimated from usage"}


@dataclass(frozen=True)
class Contributor:
    """``share`` is of the whole impact."""

    dimension: str
    value: str
    impact: Decimal
    share: Decimal | None


@dataclass(frozen=True)
class Anomaly:
    anomaly_id: str
    day: date
    scope_type: str
    scope_value: str
    metric: str
    currency: str
    severity: str
    status: str
    actual: Decimal
    expected: Decimal
    impact: Decimal
    explanation: str
    contributors: tuple[Contributor, ...]
    event_id: str | None
    team: str | None
    owner: str | None

    @property
    def scope_name(self) -> str:
        return "the whole company" if self.scope_type == "company" else f"{self.scope_type} {self.scope_value}"

    @property
    def basis_words(self) -> str:
        return BASIS_WORDS.get(self.metric, self.metric)


@dataclass(frozen=True)
class Anomalies:
    first_day: date
    open: tuple[Anomaly, ...]
    expected: tuple[Anomaly, ...]

    @property
    def open_impact(self) -> Decimal:
        """The largest: the same money appears at several levels (company, team, app), so impacts are never summed."""
        return max((anomaly.impact for anomaly in self.open), default=ZERO)


def anomalies(frame: pd.DataFrame, as_of: date) -> Anomalies:
    """``frame``: ``fct_anomaly`` of one currency."""
    first = as_of - timedelta(days=WINDOW_DAYS)
    found = [parse_anomaly(row) for row in between(frame, "detected_date", first, as_of).to_dict("records")]
    found.sort(key=lambda a: (_rank(a.severity), -abs(a.impact), -a.day.toordinal(), a.anomaly_id))
    return Anomalies(
        first_day=first,
        open=tuple(a for a in found if a.status == "open"),
        expected=tuple(a for a in found if a.status != "open"),
    )


def parse_anomaly(row: Mapping[Any, Any]) -> Anomaly:
    """One row of ``fct_anomaly``; ``contributors`` as a list or as JSON already parsed.

    Raises:
        KeyError, ValueError: a field is absent or no number.
    """
    day = row["detected_date"]
    return Anomaly(
        anomaly_id=str(row["anomaly_id"]),
        day=day.date() if isinstance(day, pd.Timestamp) else day if isinstance(day, date) else date.fromisoformat(day),
        scope_type=str(row["scope_type"]),
        scope_value=str(row["scope_value"]),
        metric=str(row["metric"]),
        currency=str(row["currency"]),
        severity=str(row["severity"]),
        status=str(row["status"]),
        actual=_amount(row["actual"]),
        expected=_amount(row["expected"]),
        impact=_amount(row["impact"]),
        explanation=text_or_none(row["explanation"]) or "",
        contributors=parse_contributors(row["contributors"]),
        event_id=text_or_none(row.get("event_id")),
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


def _rank(severity: str) -> int:
    return SEVERITIES.index(severity) if severity in SEVERITIES else len(SEVERITIES)


def _amount(value: Any) -> Decimal:
    try:
        return value if isinstance(value, Decimal) else Decimal(str(value))
    except InvalidOperation:
        raise ValueError(f"{value!r} is not an amount of an anomaly") from None
