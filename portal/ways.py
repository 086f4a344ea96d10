"""Addresses of pages in the portal, as a person may follow them.

Here: where a target is, and the navigation of a person.
Not here: addresses in a folder of files (reports.dashboards.site).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from finops.addresses import asset_address, incident_path, page_path, policy_path
from portal.people import Person
from portal.rules import may_read
from portal.shelf import Version
from reports.dashboards.access import Viewer
from reports.dashboards.catalogue import BY_NAME, PAGES
from reports.dashboards.model import Target
from reports.dashboards.render import Way


def address_for(version: Version, viewer: Viewer, asked: str = "", dagster: str = "") -> Callable[[Target], str | None]:
    """Where targets are for a viewer; None for a page or scope that is not theirs.

    Args:
        asked: the query of a page, which links keep.
        dagster: where Dagster's UI is; empty: nowhere.
    """
    person = Person("", viewer.name, viewer.roles, viewer.teams)

    def address(target: Target) -> str | None:
        if target.page in _OWN_PAGES and target.scope is not None:
            return _OWN_PAGES[target.page](target.scope, viewer, dagster)
        kind = BY_NAME.get(target.page)
        if kind is None or not may_read(person, kind.name):
            return None
        if kind.about != "company" and target.scope not in version.scopes[kind.about]:
            return None
        return page_path(kind.name, target.scope if kind.about != "company" else None, asked, target.anchor)

    return address


_OWN_PAGES: Mapping[str, Callable[[str, Viewer, str], str | None]] = {
    # Pages tell of own incidents only, and of policies that may be about other teams.
    "incident": lambda name, viewer, dagster: incident_path(name),
    "policy": lambda name, viewer, dagster: policy_path(name) if viewer.sees_everything else None,
    "asset": lambda name, viewer, dagster: asset_address(dagster, name.split("/")) if dagster else None,
}
"""What a target names that is no dashboard."""


def navigation(person: Person, here: str | None, asked: str) -> list[Way]:
    """The pages about the company that a person may read; the current one without an address."""
    return [
        Way(kind.title, None if kind.name == here else page_path(kind.name, None, asked))
        for kind in PAGES
        if kind.about == "company" and may_read(person, kind.name)
    ]


def first_page(person: Person) -> str:
    """What somebody sees first: the overview, the own team, or the own teams."""
    if person.sees_everything:
        return page_path("executive")
    return page_path("team", next(iter(person.teams))) if len(person.teams) == 1 else page_path("teams")


def areas(person: Person) -> list[Way]:
    """The dashboards, and the portal's own pages: what is open and what waits, what was sent and issued."""
    if not person.roles:
        return []
    found = [
        Way("Dashboards", first_page(person)),
        Way("Incidents", "/incidents"),
        Way("Approvals", "/approvals"),
        Way("Policies", "/policies"),
        Way("Digests", "/documents"),
    ]
    return [*found, Way("Statements", "/statements"), Way("What-if", "/what-if")] if person.sees_everything else found


def own_account(person: Person) -> Way:
    """Who one is, and the way out."""
    return Way(person.name, "/account")
