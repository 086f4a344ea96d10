"""The page of one incident: what happened, why, since when, who did what, which policies rule it, what can be done now.

Here: putting it together for a person, and the line of its days.
Not here: sentences of the timeline (timeline), doing anything (desk), the route (actions, api).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import guardrails
from finops.config.policies import AnomalyPolicy, Policy
from orchestration.incidents import PublishedIncident
from portal.desk import Waiting
from portal.knowledge import may_know
from portal.office import Office
from portal.people import Person
from portal.timeline import Moment, timeline
from portal.ways import address_for
from reports import formatting as f
from reports.dashboards.model import Target
from reports.dashboards.render import Way
from reports.measures.incidents import Incident, parse_incident

WIDTH, HEIGHT = 640, 150
"""Of the drawing of the days, in its own units."""
_PARSED = ("metrics", "contributors", "daily_costs")


@dataclass(frozen=True)
class Ruling:
    """A policy that rules the incident. ``meaning`` is empty for whoever is not to know its limits."""

    policy: Policy
    meaning: str
    is_known: bool


@dataclass(frozen=True)
class Similar:
    incident_id: str
    scope: str
    words: str


@dataclass(frozen=True)
class Days:
    """Points of the days' cost and of the range of what is usual; where the incident is; the ends of the axes."""

    cost: str
    usual: str
    left: float
    width: float
    first_day: str
    last_day: str
    top: str


@dataclass(frozen=True)
class IncidentPage:
    incident: PublishedIncident
    facts: Incident
    moments: tuple[Moment, ...]
    rulings: tuple[Ruling, ...]
    waiting: tuple[Waiting, ...]
    ways: tuple[Way, ...]
    similar: tuple[Similar, ...]
    days: Days | None
    was_told: bool
    """Whether people were told of it: only then is there anything to hear less of."""


def incident_page(office: Office, person: Person, incident_id: str) -> IncidentPage:
    """
    Raises:
        UnknownError: there is no such incident among the person's own.
    """
    found = office.desk.incident(person, incident_id)
    version = office.shelf.version(person.viewer)
    [row] = version.published.rows("select * from fct_incident where incident_id = $id", id=incident_id)
    facts = parse_incident({**row, **{name: json.loads(row[name] or "[]") for name in _PARSED}})
    matter = office.desk.matter(found)
    configuration = office.configuration
    decided = {one.document["policy_id"] for one in matter.decisions}
    named = {one.decision_id for one in matter.decisions}
    return IncidentPage(
        incident=found,
        facts=facts,
        moments=tuple(
            timeline(found, facts, matter, configuration.routing.routes, names_people=person.sees_everything)
        ),
        rulings=tuple(
            _ruling(policy, person)
            for policy in configuration.guardrails.policies
            if policy.id in decided or _judges(policy, found)
        ),
        waiting=tuple(one for one in office.desk.waiting(person) if one.kind == "decision" and one.name in named),
        ways=tuple(_ways(office, person, found, facts)),
        similar=tuple(_similar(found)),
        days=_days(facts),
        was_told=any(one.kind == "incident" for one in matter.tellings),
    )


def _ruling(policy: Policy, person: Person) -> Ruling:
    is_known = may_know(person, policy)
    return Ruling(policy, guardrails.meaning(policy) if is_known else "", is_known)


def _judges(policy: Policy, found: PublishedIncident) -> bool:
    return isinstance(policy, AnomalyPolicy) and policy.mode != "off" and policy.scope_type in (None, found.scope_type)


def _ways(office: Office, person: Person, found: PublishedIncident, facts: Incident) -> list[Way]:
    version = office.shelf.version(person.viewer)
    address = address_for(version, person.viewer)
    scopes = [(found.scope_type, found.scope_value)]
    if found.scope_type == "app" and facts.team:
        scopes.append(("team", facts.team))
    ways = []
    for kind, name in scopes:
        page, why = address(Target(kind, name)), address(Target(kind, name, "why"))
        ways += [Way(f.humanise(f"{kind} {name}"), page)] if page else []
        ways += [Way(f"Why is it {name}'s?", why)] if why else []
    return ways


def _similar(found: PublishedIncident) -> list[Similar]:
    similar = []
    for one in json.loads(found.similar_incidents or "[]"):
        is_company = one["scope_type"] == "company"
        scope = "company" if is_company else f"{one['scope_type']} {one['scope_value']}"
        words = f.signed_money(Decimal(one["impact"]), found.currency)
        words += f", {f.day(date.fromisoformat(one['first_seen'][:10]))}"
        words += f", judged {one['verdict']}" if one.get("verdict") else ""
        similar.append(Similar(one["incident_id"], f.humanise(scope), words))
    return similar


def _days(facts: Incident) -> Days | None:
    """Four weeks as points of an SVG; None where less than two days are known."""
    days: Sequence[Mapping[str, Any]] = [day for day in facts.days if day.get("actual") is not None]
    if len(days) < 2:
        return None
    names = [str(day["day"])[:10] for day in days]
    top = max(float(day[name] or 0) for day in days for name in ("actual", "high") if day.get(name) is not None) or 1.0
    step = WIDTH / (len(days) - 1)

    def point(number: int, value: Any) -> str:
        return f"{number * step:.1f},{HEIGHT - max(float(value), 0.0) / top * (HEIGHT - 4):.1f}"

    usual = [(n, day) for n, day in enumerate(days) if None not in (day.get("low"), day.get("high"))]
    around = [point(number, day["high"]) for number, day in usual]
    around += [point(number, day["low"]) for number, day in reversed(usual)]
    begins, ends = facts.first_seen.isoformat(), facts.last_seen.isoformat()
    within = [number for number, name in enumerate(names) if begins <= name <= ends]
    first, last = (min(within), max(within)) if within else (0, 0)
    shown = [f.day(date.fromisoformat(name)) for name in (names[0], names[-1])]
    return Days(
        cost=" ".join(point(number, day["actual"]) for number, day in enumerate(days)),
        usual=" ".join(around),
        left=max((first - 0.5) * step, 0.0),
        width=min((last + 0.5) * step, WIDTH) - max((first - 0.5) * step, 0.0),
        first_day=shown[0],
        last_day=shown[1],
        top=f.money(Decimal(str(top)), facts.currency),
    )
