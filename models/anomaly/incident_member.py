"""A finding as a member of an incident.

Here: reading rows of ``ml.anomaly`` and of the state of the run before as one kind of record; what may be part of what.
Not here: which members belong together (incident_grouping).
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

import pandas as pd

from models.anomaly.finding import RUNNING
from models.anomaly.hierarchy import SPECIFICITY
from models.series import Scope

BILLED = "effective_cost"
LEADING_SHARE = 0.5


@dataclass(frozen=True)
class Member:
    """One finding: a scope's anomalous day, on the bill or in estimated usage. Amounts are in the scope's currency."""

    anomaly_id: str
    day: date
    scope: Scope
    metric: str
    actual: Decimal
    expected: Decimal
    detectors: tuple[str, ...]
    severity: str
    parts: Mapping[tuple[str, str], Decimal]
    """Contributor (dimension, value) → its part of the impact; empty where nothing is known."""
    event_id: str | None = None
    suppressed_because: str | None = None
    at_stake: Decimal | None = None
    """Of what is running away: the money so far and of 24 hours more. Told while it is found anew."""
    says: tuple[tuple[str, str], ...] = ()
    """What pattern detectors say of it: (detector, sentences). Told while it is found anew."""
    is_current: bool = True
    """False: an earlier run found it, and the restated data no longer shows it."""

    @property
    def impact(self) -> Decimal:
        return self.actual - self.expected

    @property
    def is_running(self) -> bool:
        """Found within its day, which is not over."""
        return set(self.detectors) == {RUNNING}

    @property
    def is_up(self) -> bool:
        return self.impact > 0

    @property
    def is_marked(self) -> bool:
        """Explained or suppressed: it alarms nobody."""
        return self.event_id is not None or self.suppressed_because is not None

    @property
    def rank(self) -> int:
        return SPECIFICITY.get(self.scope.type, 1)

    @property
    def order(self) -> tuple[Any, ...]:
        """Time first, so that what comes later never changes where an earlier one went; then the narrowest scope."""
        return (self.day, -self.rank, self.scope, self.metric != "estimated_cost", self.anomaly_id)

    def share_of(self, scope: Scope) -> float:
        """How much of the impact is ``scope``'s, by the finding's own breakdown; 0 where it does not name it."""
        part = self.parts.get((scope.type, scope.value))
        return float(part / self.impact) if part is not None and self.impact else 0.0

    def breaks_down_by(self, dimension: str) -> bool:
        return any(name == dimension for name, _ in self.parts)

    @property
    def leading_app(self) -> str | None:
        """The app that is it, or that most of it is due to."""
        if self.scope.type == "app":
            return self.scope.value
        apps = [(self.share_of(Scope("app", value, "")), value) for name, value in self.parts if name == "app"]
        share, app = max(apps, default=(0.0, None))
        return app if share >= LEADING_SHARE else None


def members_found(anomalies: pd.DataFrame) -> list[Member]:
    """Rows of ``ml.anomaly``."""
    found = []
    for row in anomalies.to_dict("records"):
        told = json.loads(row["detectors"])
        stakes = [Decimal(str(entry["at_stake"])) for entry in told if "at_stake" in entry]
        parts = {
            (str(part["dimension"]), str(part["value"])): Decimal(str(part["impact"]))
            for part in json.loads(row["contributors"])
        }
        found.append(
            replace(
                _member(row, tuple(str(entry["name"]) for entry in told)),
                at_stake=max(stakes, default=None),
                says=tuple((str(entry["name"]), str(entry["says"])) for entry in told if "says" in entry),
                parts=parts,
            )
        )
    return found


def members_remembered(state: pd.DataFrame) -> list[Member]:
    """Rows of ``ml.incident_anomaly``; their breakdown is not kept."""
    return [
        replace(
            _member(row, tuple(json.loads(row["detectors"]))),
            suppressed_because=text(row["suppressed_because"]),
            is_current=bool(row["is_current"]),
        )
        for row in state.to_dict("records")
    ]


def _member(row: Mapping[Hashable, Any], detectors: tuple[str, ...]) -> Member:
    return Member(
        anomaly_id=str(row["anomaly_id"]),
        day=row["detected_date"],
        scope=Scope(str(row["scope_type"]), str(row["scope_value"]), str(row["currency"])),
        metric=str(row["metric"]),
        actual=row["actual"],
        expected=row["expected"],
        detectors=detectors,
        severity=str(row["severity"]),
        parts={},
        event_id=text(row["event_id"]),
    )


def text(value: Any) -> str | None:
    """A text of a frame, in which null may be None or NaN."""
    return None if pd.isna(value) else str(value)
