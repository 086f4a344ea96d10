"""Addresses of pages in the portal, as a person may follow them.

Here: where a target is, and the navigation of a person.
Not here: addresses in a folder of files (reports.dashboards.site).
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

from portal.people import Person
from portal.rules import may_read
from portal.shelf import Version
from reports.dashboards.access import Viewer
from reports.dashboards.catalogue import BY_NAME, PAGES
from reports.dashboards.model import Target
from reports.dashboards.render import Way


def address_for(version: Version, viewer: Viewer, asked: str = "") -> Callable[[Target], str | None]:
    """Where targets are for a viewer; None for a page or scope that is not theirs.

    Args:
        asked: the query of a page, which links keep.
    """
    person = Person("", viewer.name, viewer.roles, viewer.teams)

    def address(target: Target) -> str | None:
        kind = BY_NAME.get(target.page)
        if kind is None or not may_read(person, kind.name):
            return None
        if kind.about != "company" and target.scope not in version.scopes[kind.about]:
            return None
        return page_address(kind.name, target.scope if kind.about != "company" else None, asked, target.anchor)

    return address


def page_address(name: str, scope: str | None = None, asked: str = "", anchor: str = "") -> str:
    path = f"/p/{name}" + (f"/{quote(scope, safe='')}" if scope is not None else "")
    return path + (f"?{asked}" if asked else "") + (f"#{anchor}" if anchor else "")


def navigation(person: Person, here: str | None, asked: str) -> list[Way]:
    """The pages about the company that a person may read; the current one without an address."""
    return [
        Way(kind.title, None if kind.name == here else page_address(kind.name, None, asked))
        for kind in PAGES
        if kind.about == "company" and may_read(person, kind.name)
    ]


def first_page(person: Person) -> str:
    """What somebody sees first: the overview, the own team, or the own teams."""
    if person.sees_everything:
        return page_address("executive")
    return page_address("team", next(iter(person.teams))) if len(person.teams) == 1 else page_address("teams")


def account(person: Person) -> list[Way]:
    """The portal's own pages: what waits and what is open, what was issued, who one is."""
    found = [Way("Incidents", "/incidents"), Way("Approvals", "/approvals"), Way("Policies", "/policies")]
    if person.sees_everything:
        found += [Way("Statements", "/statements"), Way("What-if", "/what-if")]
    return [*found, Way(person.name, "/account")]
