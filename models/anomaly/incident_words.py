"""What an engineer would write to a colleague about an incident.

Here: the sentences, and which past incidents it resembles.
Not here: the figures in them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from finops.cost_change import EFFECTS, CostChange
from models.anomaly.explain import CLEAR_SHARE, UNNAMED, WHERE, WHO, day_text, money_text
from models.anomaly.finding import Contributor
from models.series import Scope

SIMILAR_AT_MOST = 3
ALL_FROM = 0.97
TELLING = ("app", "feature", "project", "resource_name")
"""Dimensions whose values say what it was; half of all incidents share a model or a token class."""

OUTCOMES = {"real": "real", "false": "a false alarm", "planned": "planned"}


@dataclass(frozen=True)
class Facts:
    """What is said of an incident. ``change`` is None where no tokens are involved."""

    incident_id: str
    scope: Scope
    is_up: bool
    first: date
    last: date
    day_count: int
    impact: Decimal
    expected: Decimal
    is_billed: bool
    is_going_on: bool
    status: str
    daily_impact: Decimal
    contributors: Sequence[Contributor]
    change: CostChange | None
    similar: Sequence[Mapping[str, Any]]
    patterns: Sequence[str] = ()
    """What pattern detectors say of it, in sentences."""


def explanation(facts: Facts, as_of: date) -> str:
    """What, since when, how much; then what drives it and what it resembles."""
    second = "; it is ".join(part for part in (_driver(facts), _effect(facts), _resembles(facts, as_of)) if part)
    return (
        f"{_what(facts, as_of)}."
        + (f" It is {second}." if second else "")
        + "".join(f" {sentence}" for sentence in facts.patterns)
    )


def _what(facts: Facts, as_of: date) -> str:
    scope, currency = facts.scope, facts.scope.currency
    name = {"company": "The company", "model": f"Model {scope.value}"}.get(scope.type, scope.value)
    amount = money_text(abs(float(facts.impact)), currency)
    direction = "more" if facts.is_up else "less"
    basis = "" if facts.is_billed else " (estimated from usage)"
    if facts.is_going_on:
        when = f"since {day_text(facts.first, as_of)}"
    elif facts.first == facts.last:
        when = f"on {day_text(facts.first, as_of)}"
    else:
        when = f"from {day_text(facts.first, as_of)} to {day_text(facts.last, as_of)}"
    days = f" on {facts.day_count} days" if facts.day_count > 1 else ""
    size = ""
    if facts.expected <= 0:
        size = " where nothing was expected"
    elif facts.is_up and facts.impact >= facts.expected:
        size = f", {float((facts.expected + facts.impact) / facts.expected):.1f}× of what is usual"
    text = f"{name} cost {amount} {direction} than expected{days} {when}{basis}{size}"
    if facts.is_going_on:
        text += f", now about {money_text(abs(float(facts.daily_impact)), currency)} a day"
    elif facts.status == "new_normal":
        text += "; it has stayed on that level"
    elif facts.status in ("closed", "resolved"):
        text += "; it is over"
    return text


def _driver(facts: Facts) -> str:
    own = (facts.scope.type, facts.scope.value)
    named = [part for part in facts.contributors if (part.dimension, part.value) != own and part.value not in UNNAMED]
    who = max((part for part in named if part.dimension in WHO), key=lambda part: part.share, default=None)
    wheres = [part for part in named if part.dimension in WHERE and part.share >= CLEAR_SHARE]
    where = min(wheres, key=lambda part: (WHERE.index(part.dimension), -part.share), default=None)
    resource = next((part for part in wheres if part.dimension == "resource_name"), None)
    if who is not None and who.share >= CLEAR_SHARE:
        place = f" on {where.value}" if where else ""
        return f"{_mostly(who.share)} {who.value}{place}"
    if where is not None:
        on = f"{resource.value} on " if resource is not None and resource != where else ""
        return f"{_mostly((resource or where).share)} {on}{where.value}"
    if named:
        listed = " and ".join(f"{part.value} ({_percent(part.share)})" for part in named[:2])
        return f"of no single cause; the largest parts are {listed}"
    return ""


def _effect(facts: Facts) -> str:
    """The largest of volume, mix, cache and price, where it moves as the cost did."""
    change = facts.change
    if change is None or not change.change or (change.change > 0) != facts.is_up:
        return ""
    effects = {name: getattr(change, name) for name in EFFECTS}
    largest = max(effects, key=lambda name: (abs(effects[name]), name))
    if abs(effects[largest]) < abs(change.change) / 2:
        return "volume, mix, cache and price together"
    others = [name for name in EFFECTS if name != largest and abs(effects[name]) >= abs(change.change) / 5]
    words = {"volume": "more tokens" if effects["volume"] > 0 else "fewer tokens", "mix": "another mix of usage"}
    also = f", then {' and '.join(others)}" if others else ""
    return f"{words.get(largest, largest)} ({money_text(float(effects[largest]), facts.scope.currency)}){also}"


def _resembles(facts: Facts, as_of: date) -> str:
    if not facts.similar:
        return ""
    past = facts.similar[0]
    outcome = f", {OUTCOMES[past['verdict']]}" if past["verdict"] else ""
    amount = money_text(abs(float(past["impact"])), facts.scope.currency)
    return (
        f"like {past['scope_value']} on {day_text(date.fromisoformat(past['first_seen']), as_of)} ({amount}{outcome})"
    )


def _mostly(share: float) -> str:
    return "all" if share >= ALL_FROM else f"{_percent(share)}"


def _percent(share: float) -> str:
    return f"{min(round(share * 100), 100)}%"


def resembling(facts: Facts, past: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Earlier incidents of the same scope, else with the same largest contributor, in the same direction."""
    own = {(part.dimension, part.value) for part in facts.contributors if part.share >= CLEAR_SHARE}
    found = []
    for row in past:
        same_scope = (row["scope_type"], row["scope_value"]) == (facts.scope.type, facts.scope.value)
        same_cause = any(
            (part["dimension"], part["value"]) in own
            for part in row["contributors"]
            if part["share"] >= CLEAR_SHARE and part["dimension"] in TELLING
        )
        is_before = row["first_seen"] < facts.first and row["incident_id"] != facts.incident_id
        fits = row["direction"] == ("up" if facts.is_up else "down") and row["currency"] == facts.scope.currency
        if is_before and fits and (same_scope or same_cause):
            found.append((same_scope, row["first_seen"], row))
    found.sort(key=lambda entry: (not entry[0], -entry[1].toordinal(), entry[2]["incident_id"]))
    return [
        {
            "incident_id": row["incident_id"],
            "scope_type": row["scope_type"],
            "scope_value": row["scope_value"],
            "first_seen": row["first_seen"].isoformat(),
            "day_count": row["day_count"],
            "impact": str(row["impact"]),
            "verdict": row["verdict"],
            "why": "same scope" if same_scope else "same cause",
        }
        for same_scope, _, row in found[:SIMILAR_AT_MOST]
    ]
