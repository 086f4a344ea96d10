"""Digests and packs that were sent, as pages and files.

Here: routes, what their page is given, the files' headers.
Not here: which documents are whose (documents, rules), JSON (api).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Query
from starlette.responses import HTMLResponse, Response

from finops.periods import BillingPeriod
from portal.asked import AnOffice, APerson, ruled
from portal.documents import COMPANY, TEAM, ExchangedError, Shown, about_team
from portal.html import ALONE, page
from portal.office import Office
from portal.people import Person
from portal.problems import ProblemError, doing
from reports.documents.kept import HTML, parse_period
from reports.documents.periods import label

router = ruled(include_in_schema=False)
About = Annotated[
    str,
    Query(max_length=310, description="company; or team: and a team's name, such as team:search; all if left out"),
]
_PAPER = f"{ALONE}; object-src 'self'"
"""Of PDFs: a browser may show one as an object in a page that it makes, with styles, and hold that page to the policy:
older Chromium leaves it empty otherwise (https://crbug.com/271452), 156 shows it either way."""


@router.get("/documents")
def documents(
    office: AnOffice,
    person: APerson,
    about: About = "",
    year: Annotated[int | None, Query(ge=2000, le=2099)] = None,
    period: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    known = office.documents
    if period:
        shown = [known.period(person, found)] if (found := parse_period(period)) is not None else []
        if not any(one.found for one in shown):
            raise ProblemError(404, "Nothing was sent of this period, or it is not yours to read.")
        return page("documents.html", person=person, groups=[("", shown)], heading=shown[0].label, choices=None)
    require_about(about)
    years = known.years(person, about)
    year = year or (years[0] if years else None)
    return page(
        "documents.html",
        person=person,
        groups=_by_month(known.year(person, year, about) if year else []),
        heading="",
        choices=_choices(person, known.teams(person)),
        about=about,
        year=year,
        years=[(one, f"/documents?{urlencode({**({'about': about} if about else {}), 'year': one})}") for one in years],
    )


@router.get("/documents/{period}/{digest}/{edition}/{file}")
def company_file(office: AnOffice, person: APerson, period: str, digest: str, edition: str, file: str) -> Response:
    return _file(office, person, (period, digest, edition), file)


@router.get("/documents/{period}/{digest}/{team}/{edition}/{file}")
def team_file(
    office: AnOffice, person: APerson, period: str, digest: str, team: str, edition: str, file: str
) -> Response:
    return _file(office, person, (period, digest, team, edition), file)


def require_about(about: str) -> None:
    """
    Raises:
        ProblemError: it says nothing that documents could be about.
    """
    if about not in ("", COMPANY) and not about.startswith(TEAM):
        raise ProblemError(422, "Documents are about company, or about a team, such as team:search.")


def _file(office: Office, person: Person, parts: Sequence[str], file: str) -> Response:
    try:
        sent, content = doing(lambda: office.documents.file(person, parts, file))
    except ExchangedError as error:
        raise ProblemError(409, str(error)) from None
    scope = f"team {sent.team}" if sent.team else "company"
    office.desk.record(person, f"document/{sent.place.path}", "read a digest or pack", file=file, scope=scope)
    headers = {"Content-Disposition": f'inline; filename="{sent.name_of(file)}"'}
    if file == HTML:
        return HTMLResponse(content, headers={**headers, "Content-Security-Policy": ALONE})
    return Response(content, media_type="application/pdf", headers={**headers, "Content-Security-Policy": _PAPER})


def _choices(person: Person, teams: Sequence[str]) -> Mapping[str, str]:
    """What can be chosen to read about, and its words; nothing where there is only one thing."""
    if person.sees_everything:
        return {"": "The company and its teams", COMPANY: "The company"} | {about_team(one): one for one in teams}
    return {"": "Your teams"} | {about_team(one): one for one in teams} if len(teams) > 1 else {}


def _by_month(shown: Sequence[Shown]) -> list[tuple[str, list[Shown]]]:
    """Periods under the month that they end in."""
    months = groupby(shown, key=lambda one: BillingPeriod.containing(one.period.last_day))
    return [(label(month), list(of_month)) for month, of_month in months]
