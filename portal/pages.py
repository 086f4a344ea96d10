"""Dashboards as pages and as JSON.

Here: the routes, a page's frame for a person, its validators for caches.
Not here: what pages say (reports.dashboards), keeping them (shelf).
"""

from __future__ import annotations

import re
from typing import Annotated, Any

from fastapi import Query, Request
from starlette.responses import FileResponse, RedirectResponse, Response

from finops.addresses import page_path
from portal.asked import AnOffice, APerson, ruled
from portal.office import Office
from portal.people import Person
from portal.problems import ProblemError
from portal.rules import PAGE_READERS, may_read
from portal.shelf import BuiltPage, NothingPublishedError, UnknownPageError, offered_choices
from portal.warm import Wish
from portal.ways import areas, first_page, navigation, own_account
from reports.dashboards.catalogue import BY_NAME, PAGES
from reports.dashboards.model import Target
from reports.dashboards.render import Frame, Way, render_document

router = ruled(include_in_schema=False)
TITLE = "AI spend"
_POLICY = re.compile(r'http-equiv="Content-Security-Policy" content="([^"]+)"')
Period = Annotated[str | None, Query(max_length=40, description="Key of a period, such as 2026-09 or last-30-days")]
Currency = Annotated[str | None, Query(max_length=3, description="ISO 4217 code")]


@router.get("/")
def start(person: APerson) -> Response:
    return RedirectResponse(first_page(person), 303)


@router.get("/p/{page}")
def company_page(
    request: Request, office: AnOffice, person: APerson, page: str, period: Period = None, currency: Currency = None
) -> Response:
    return _html(request, office, person, page, None, period, currency)


@router.get("/p/{page}/{scope:path}")
def scope_page(
    request: Request,
    office: AnOffice,
    person: APerson,
    page: str,
    scope: str,
    period: Period = None,
    currency: Currency = None,
) -> Response:
    return _html(request, office, person, page, scope, period, currency)


@router.get("/assets/{name}")
def asset(office: AnOffice, name: str) -> Response:
    """Plotly's script, whose name has its hash: a browser keeps it for good."""
    if name != office.plotly.name:
        raise ProblemError(404, "There is no such file.")
    headers = {"Cache-Control": "public, max-age=31536000, immutable"}
    return FileResponse(office.plotly, media_type="text/javascript", headers=headers)


def built(
    office: Office, person: Person, page: str, scope: str | None, period: str | None, currency: str | None
) -> BuiltPage:
    """A page for a person.

    Raises:
        ProblemError: it is not there, or not theirs.
    """
    if page in PAGE_READERS and not may_read(person, page):
        raise ProblemError(403, "This page is about the whole company; you see your own teams.")
    try:
        found = office.shelf.page(person.viewer, page, scope, period or None, currency or None)
    except UnknownPageError as error:
        raise ProblemError(404, str(error)) from None
    except NothingPublishedError as error:
        raise ProblemError(503, str(error)) from None
    office.visits.note(Wish(person.viewer, page, scope, period or None, currency or None))
    return found


def not_modified(request: Request, tag: str) -> Response | None:
    """An answer without a body, where the browser still has this one (https://www.rfc-editor.org/rfc/rfc9110#name-if-none-match)."""
    given = [one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")]
    return Response(status_code=304, headers={"ETag": tag}) if tag in given else None


def pages_of(office: Office, person: Person) -> list[dict[str, Any]]:
    """The pages that a person may read, with what can be chosen."""
    version = office.shelf.version(person.viewer)
    return [
        {
            "page": kind.name,
            "title": kind.title,
            "about": kind.about,
            "audience": kind.audience,
            "scopes": [] if kind.about == "company" else list(version.scopes[kind.about]),
            "currencies": [choice.currency for choice in version.choices],
            "periods": [period.key for period in version.choices[0].periods],
        }
        for kind in PAGES
        if may_read(person, kind.name)
    ]


def _html(
    request: Request,
    office: Office,
    person: Person,
    page: str,
    scope: str | None,
    period: str | None,
    currency: str | None,
) -> Response:
    found = built(office, person, page, scope, period, currency)
    frame = _frame(office, person, found, scope, request.url.query)
    text = render_document(found.content, frame)
    # The page's own policy names its scripts by their hash; as a header it also holds for what a page cannot say.
    policy = _POLICY.search(text)
    said = policy[1].replace("&#39;", "'") if policy else "default-src 'none'"
    headers = {
        "Content-Security-Policy": f"{said}; frame-ancestors 'none'",
        "Cache-Control": "private, no-cache",
    }
    return Response(text, media_type="text/html; charset=utf-8", headers=headers)


def _frame(office: Office, person: Person, found: BuiltPage, scope: str | None, asked: str) -> Frame:
    kind = BY_NAME[found.page.name]
    version = office.shelf.version(person.viewer)

    def way(target: Target, text: str) -> Way | None:
        may = may_read(person, target.page) and target.page in BY_NAME
        known = target.scope is None or target.scope in version.scopes[target.page]
        return Way(text, page_path(target.page, target.scope, asked)) if may and known else None

    crumbs = [way(Target("executive"), TITLE) if kind.name != "executive" else Way(TITLE)]
    if kind.about == "company" and kind.name != "executive":
        crumbs.append(Way(kind.title))
    if kind.about != "company":
        crumbs.append(way(Target("teams"), "Teams"))
        team = version.scopes["app"][scope or ""].team if kind.about == "app" else None
        crumbs.append(way(Target("team", team), team) if team is not None else None)
        crumbs.append(Way(scope or ""))
    return Frame(
        title=TITLE,
        page_title=f"{found.page.title} · {TITLE}",
        navigation=navigation(person, kind.name, asked),
        crumbs=[crumb for crumb in crumbs if crumb is not None],
        choices=offered_choices(version, kind, scope),
        period=found.view.period.key,
        currency=found.view.currency,
        plotly=f"/assets/{office.plotly.name}",
        as_of=version.as_of,
        asks_server=True,
        section="" if kind.about == "company" else BY_NAME["teams"].title,
        areas=areas(person),
        area=first_page(person),
        who=own_account(person),
    )
