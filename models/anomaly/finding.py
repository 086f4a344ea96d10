"""What a detector hands on: one anomalous day of one scope, before it is explained.

Here: the record and its severity.
Not here: finding (detectors), grouping (hierarchy), wording (explain).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from models.anomaly.settings import AnomalySettings
from models.series import Scope

RUNNING = "running_away"
"""The detector of what goes on within the day (intraday)."""

FIRST_SPEND = "first_spend"
"""The detector of a scope's first day with any cost, also where nobody knows what was before (detectors)."""

SEVERITIES = ("low", "medium", "high", "critical")


@dataclass(frozen=True)
class Contributor:
    """One value of one dimension, its cost against what is usual for it; ``share`` is of the whole impact."""

    dimension: str
    value: str
    actual: float
    expected: float
    share: float

    @property
    def impact(self) -> float:
        return self.actual - self.expected


@dataclass(frozen=True)
class HourWindow:
    """A part of a day: from ``start`` up to, but not including, ``end``."""

    start: datetime
    end: datetime


@dataclass(frozen=True)
class Finding:
    """An anomalous day: amounts are floats until the table is built."""

    scope: Scope
    day: date
    actual: float
    expected: float
    detectors: list[dict[str, Any]]
    kind: str = "day"
    """``day``, ``drift`` (a slow leak noticed on that day) or ``hours`` (a part of the running day)."""
    day_in_a_row: int = 1
    hours: HourWindow | None = None
    contributors: list[Contributor] = field(default_factory=list)
    is_beside: bool = False
    """The same scope and day have another finding, which goes the other way."""
    stake: float | None = None
    """Money at stake where it is more than the impact: of what runs away, with 24 hours more of it."""
    event_id: str | None = None
    event_name: str | None = None

    @property
    def impact(self) -> float:
        return self.actual - self.expected

    @property
    def is_up(self) -> bool:
        return self.impact > 0

    @property
    def patterns(self) -> list[str]:
        """What the pattern detectors say of it, in sentences."""
        return [str(entry["says"]) for entry in self.detectors if "says" in entry]

    @property
    def pattern_names(self) -> set[str]:
        return {str(entry["name"]) for entry in self.detectors if "says" in entry}

    def with_contributors(self, contributors: list[Contributor]) -> Finding:
        return replace(self, contributors=contributors)

    def as_expected(self, event_id: str, event_name: str) -> Finding:
        return replace(self, event_id=event_id, event_name=event_name)


def severity(finding: Finding, settings: AnomalySettings) -> str:
    """From the money a day at stake, moved one step by its size against the scope's normal day.

    Spending less than expected is worth a look (something may be down) but burns no money: medium at most.
    """
    burning = abs(finding.impact) if finding.stake is None else finding.stake
    stake = Decimal(repr(burning))
    level = sum(stake >= bound for bound in (settings.medium_from, settings.high_from, settings.critical_from))
    normal = abs(finding.expected)
    if finding.stake is None and burning >= settings.raise_severity_ratio * normal:
        level += 1
    elif burning < settings.lower_severity_ratio * normal:
        level -= 1
    highest = 3 if finding.is_up else 1
    return SEVERITIES[min(max(level, 0), highest)]
