"""Which findings have one cause.

Here: putting each finding into one incident, over levels of the hierarchy, days, and bill and usage.
Not here: what an incident says about itself (incident).

Findings are taken in the order of their days, narrowest scope first, and each joins at most one incident: that it is
most closely related to, among those seen in the days just before. So later findings never move earlier ones, and the
incident's id, made from its first finding's scope and day, stays as the incident grows.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import date

from models.anomaly.incident_member import Member
from models.series import Scope

SMALLEST_PART = 0.3
"""A wider finding belongs to a narrower one that brings at least this part of its money."""

SAME_LEADER = 0.9
PARENT_BY_CONFIGURATION = 0.4
"""How close findings are that name the same leading app; and a team and its app where neither has a breakdown."""


def incident_id(scope: Scope, day: date, *, is_up: bool) -> str:
    """The same in every run for an incident that begins in this scope on this day; bill and usage agree on it."""
    identity = json.dumps([scope.type, scope.value, scope.currency, "up" if is_up else "down", day.isoformat()])
    return hashlib.sha256(identity.encode()).hexdigest()[:16]


def grouped(
    members: Iterable[Member],
    known: Mapping[str, str],
    *,
    quiet_days: int,
    team_of_app: Mapping[str, str],
    resolved_on: Mapping[str, date],
) -> dict[str, list[Member]]:
    """Incident id → its members, each finding in exactly one.

    Args:
        known: anomaly id → incident id of the run before; such findings stay where they are.
        quiet_days: an incident that was quiet for more than this many days takes no more findings.
        resolved_on: incident id → day on which a person said it was over; what comes later is another one.
    """
    groups: dict[str, list[Member]] = {}
    waiting: list[Member] = []
    for member in sorted(members, key=lambda one: one.order):
        if member.anomaly_id in known:
            groups.setdefault(known[member.anomaly_id], []).append(member)
        else:
            waiting.append(member)
    for member in waiting:
        name = _closest(member, groups, quiet_days, team_of_app, resolved_on)
        if name is None:
            name = incident_id(member.scope, member.day, is_up=member.is_up)
        groups.setdefault(name, []).append(member)
    return {name: sorted(group, key=lambda one: one.order) for name, group in groups.items()}


def _closest(
    member: Member,
    groups: Mapping[str, list[Member]],
    quiet_days: int,
    team_of_app: Mapping[str, str],
    resolved_on: Mapping[str, date],
) -> str | None:
    best: tuple[float, int, str] | None = None
    for name, group in groups.items():
        if name in resolved_on and member.day > resolved_on[name]:
            continue
        for other in group:
            distance = abs((member.day - other.day).days)
            if distance > quiet_days or other.is_up != member.is_up:
                continue
            closeness = relation(member, other, team_of_app)
            candidate = (closeness, -distance, name)
            if closeness > 0 and (best is None or candidate > best):
                best = candidate
    return None if best is None else best[2]


def relation(one: Member, other: Member, team_of_app: Mapping[str, str]) -> float:
    """How likely two findings of one direction have one cause: 1 for the same scope, 0 for unrelated ones."""
    if one.scope.currency != other.scope.currency:
        return 0.0
    if one.scope == other.scope:
        return 1.0
    if one.leading_app is not None and one.leading_app == other.leading_app:
        return SAME_LEADER
    narrow, wide = (one, other) if one.rank > other.rank else (other, one)
    if narrow.rank == wide.rank:
        return 0.0
    if wide.breaks_down_by(narrow.scope.type):
        share = wide.share_of(narrow.scope)
        return min(share, SAME_LEADER) if share >= SMALLEST_PART else 0.0
    is_parent = wide.scope.type == "company" or (
        wide.scope.type == "team"
        and narrow.scope.type == "app"
        and team_of_app.get(narrow.scope.value) == wide.scope.value
    )
    has_the_money = wide.impact and float(narrow.impact / wide.impact) >= SMALLEST_PART
    return PARENT_BY_CONFIGURATION if is_parent and has_the_money else 0.0
