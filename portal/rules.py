"""Who may ask for what: the only table of it. A route that is not in it answers nobody.

Here: each route with whom it serves, each page with its readers, and what follows for a person.
Not here: which rows a person sees (reports.dashboards.access), what an approval needs (guardrails), proof of who it is.

``who`` of a route: ``anyone``; ``person``, whoever is signed on; ``gate`` and ``link``, which prove themselves by a
token of their own; ``metrics``, for Admin or a token; else the roles. Of what a role may ask for, whoever does not see
everything gets the own part: rows, pages, incidents, approvals, digests.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from portal.people import Person
from reports.dashboards.access import Role

EVERYONE = frozenset(Role)
READERS = frozenset({Role.ADMIN, Role.FINANCE})
ADMIN = frozenset({Role.ADMIN})
ADMIN_ENG = frozenset({Role.ADMIN, Role.ENG})

Token = Literal["anyone", "person", "gate", "link", "metrics"]


@dataclass(frozen=True)
class Rule:
    """``roles`` is empty where ``who`` is a token."""

    roles: frozenset[Role] = frozenset()
    who: Token | None = None


_ANYONE = Rule(who="anyone")
RULES: Mapping[tuple[str, str], Rule] = {
    ("GET", "/healthz"): _ANYONE,
    ("GET", "/sign-on"): _ANYONE,
    ("GET", "/sign-on/back"): _ANYONE,
    ("GET", "/signed-out"): _ANYONE,
    ("GET", "/assets/{name}"): _ANYONE,
    ("GET", "/metrics"): Rule(who="metrics"),
    ("POST", "/v1/gate/asks"): Rule(who="gate"),
    ("GET", "/v1/gate/asks/{ask_id}"): Rule(who="gate"),
    ("POST", "/v1/gate/asks/{ask_id}/settlement"): Rule(who="gate"),
    ("POST", "/v1/gate/asks/{ask_id}/release"): Rule(who="gate"),
    ("POST", "/v1/gate/kubernetes"): Rule(who="gate"),
    ("POST", "/v1/gate/kubernetes/{token}"): Rule(who="gate"),
    ("GET", "/l/{token}"): Rule(who="link"),
    ("POST", "/l/{token}"): Rule(who="link"),
    ("GET", "/"): Rule(EVERYONE),
    ("GET", "/account"): Rule(who="person"),
    ("POST", "/sign-out"): Rule(who="person"),
    ("GET", "/p/{page}"): Rule(EVERYONE),
    ("GET", "/p/{page}/{scope:path}"): Rule(EVERYONE),
    ("GET", "/incidents"): Rule(EVERYONE),
    ("GET", "/incidents/{incident_id}"): Rule(EVERYONE),
    ("POST", "/incidents/{incident_id}"): Rule(ADMIN_ENG),
    ("GET", "/approvals"): Rule(EVERYONE),
    ("POST", "/approvals/{kind}/{name}"): Rule(EVERYONE),
    ("GET", "/statements"): Rule(READERS),
    ("GET", "/statements/{month}/{file}"): Rule(READERS),
    ("GET", "/documents"): Rule(EVERYONE),
    ("GET", "/documents/{period}/{digest}/{edition}/{file}"): Rule(EVERYONE),
    ("GET", "/documents/{period}/{digest}/{team}/{edition}/{file}"): Rule(EVERYONE),
    ("GET", "/policies"): Rule(EVERYONE),
    ("GET", "/policies/{policy_id}"): Rule(EVERYONE),
    ("POST", "/replays"): Rule(ADMIN),
    ("GET", "/replays/{name}/{file}"): Rule(READERS),
    ("GET", "/what-if"): Rule(READERS),
    ("GET", "/what-if/{scenario}"): Rule(READERS),
    ("GET", "/api/v1/openapi.json"): Rule(EVERYONE),
    ("GET", "/api/v1/me"): Rule(EVERYONE),
    ("GET", "/api/v1/marts"): Rule(EVERYONE),
    ("GET", "/api/v1/marts/{mart}"): Rule(EVERYONE),
    ("GET", "/api/v1/pages"): Rule(EVERYONE),
    ("GET", "/api/v1/pages/{page}"): Rule(EVERYONE),
    ("GET", "/api/v1/incidents"): Rule(EVERYONE),
    ("GET", "/api/v1/incidents/{incident_id}"): Rule(EVERYONE),
    ("POST", "/api/v1/incidents/{incident_id}/answers"): Rule(ADMIN_ENG),
    ("GET", "/api/v1/approvals"): Rule(EVERYONE),
    ("POST", "/api/v1/approvals/{kind}/{name}"): Rule(EVERYONE),
    ("GET", "/api/v1/statements"): Rule(READERS),
    ("GET", "/api/v1/statements/{month}"): Rule(READERS),
    ("GET", "/api/v1/documents"): Rule(EVERYONE),
    ("GET", "/api/v1/policies"): Rule(EVERYONE),
    ("GET", "/api/v1/policies/{policy_id}"): Rule(EVERYONE),
    ("GET", "/api/v1/what-if"): Rule(READERS),
    ("GET", "/api/v1/what-if/{scenario}"): Rule(READERS),
}

PAGE_READERS: Mapping[str, frozenset[Role]] = {
    "executive": READERS,
    "finance": READERS,
    "data-health": READERS,
    "on-call": EVERYONE,
    "teams": EVERYONE,
    "models": EVERYONE,
    "gpu": EVERYONE,
    "savings": EVERYONE,
    "team": EVERYONE,
    "app": EVERYONE,
}
"""Pages of which own rows make sense are for everyone; a page that is not here is nobody's but Admin's."""


def may_ask(person: Person, rule: Rule) -> bool:
    return bool(person.roles & rule.roles)


def may_read(person: Person, page: str) -> bool:
    return bool(person.roles & PAGE_READERS.get(page, ADMIN))


def may_read_document(person: Person, team: str) -> bool:
    """A digest or pack about the company is for whoever reads the overview, a team's also for that team."""
    everything, _, teams = person.viewer.key
    return everything or team in teams if team else may_read(person, "executive")


def may_approve(person: Person, approvers: tuple[str, ...] | list[str]) -> bool:
    """Whoever a policy names; where it names nobody, an Admin."""
    return person.named_in(approvers) is not None if approvers else person.is_in(Role.ADMIN)
