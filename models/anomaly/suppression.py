"""Findings that nobody wants to hear of: below a scope's floor, or in a window of silence.

Here: what ``anomalies.yml`` and the suppressions of ``events.yml`` say of a finding, in words.
Not here: known events, which explain a finding (known), and the defaults of the detectors (settings).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from finops.config.anomalies import AnomaliesFile, AnomalyFloor
from finops.config.events import EventsFile
from finops.config.values import Scope as ConfiguredScope
from models.anomaly.incident_member import Member
from models.series import Scope

MOSTLY = 0.7
"""A wider finding that is mostly a suppressed scope's is suppressed with it."""


class Suppressions:
    """The floors and windows of a configuration."""

    def __init__(self, floors: AnomaliesFile, events: EventsFile, team_of_app: Mapping[str, str]) -> None:
        self._floors = floors
        self._windows = events.suppressions
        self._team_of_app = team_of_app

    def marked(self, member: Member) -> Member:
        """The finding, with why it is suppressed where it is."""
        return replace(member, suppressed_because=self._window(member) or self._floor(member))

    def minimum_days(self, scope: Scope) -> int:
        """How many days an incident of the scope must have before anyone hears of it."""
        own = [floor.minimum_duration_days for floor in self._floors.floors if self._covers(floor.scope, scope)]
        return max([self._floors.minimum_duration_days, *own])

    def _window(self, member: Member) -> str | None:
        for window in self._windows:
            is_its_detector = window.detector is None or set(member.detectors) <= {window.detector}
            is_in_it = window.starts_on <= member.day <= window.ends_on
            if is_its_detector and is_in_it and self._part(window.scope, member) is not None:
                return f"{window.id}: {window.reason}"
        return None

    def _floor(self, member: Member) -> str | None:
        for floor in self._floors.floors:
            impact = self._part(floor.scope, member)
            if impact is not None and _is_below(abs(impact), abs(member.expected), floor):
                return f"below the floor of {floor.scope.level} {floor.scope.value or 'all'}"
        return None

    def _part(self, configured: ConfiguredScope, member: Member) -> Decimal | None:
        """The money of a finding that is the scope's: all of it, or the part of it that a wider finding names."""
        if self._covers(configured, member.scope):
            return member.impact
        part = Scope(configured.level, configured.value or "all", member.scope.currency)
        return member.impact * Decimal(str(share)) if (share := member.share_of(part)) >= MOSTLY else None

    def _covers(self, configured: ConfiguredScope, scope: Scope) -> bool:
        if configured.level == "company" or (configured.level, configured.value) == (scope.type, scope.value):
            return True
        return (
            configured.level == "team"
            and scope.type == "app"
            and self._team_of_app.get(scope.value) == configured.value
        )


def _is_below(impact: Decimal, expected: Decimal, floor: AnomalyFloor) -> bool:
    if floor.minimum_impact is not None and impact < floor.minimum_impact:
        return True
    return floor.minimum_ratio is not None and expected > 0 and impact < floor.minimum_ratio * expected
