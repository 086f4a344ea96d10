"""What a route gets of a request: the office, the person, proof that a form or a body was meant.

Here: dependencies of routes.
Not here: what is allowed (rules) and how a person was recognised (shield).
"""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import parse_qs

from fastapi import APIRouter, Depends, Query, Request

from portal.office import Office
from portal.people import Person
from portal.problems import ProblemError, SignedOutError
from portal.rules import RULES, Rule, may_ask
from portal.sessions import Session
from portal.shield import is_same
from reports.dashboards.access import Role

MAX_FIELDS = 20


def office_of(request: Request) -> Office:
    office: Office = request.app.state.office
    return office


async def authorise(request: Request) -> None:
    """Ask the table of rules; every route of the application depends on it."""
    rule = RULES.get((request.method if request.method != "HEAD" else "GET", request.scope["route"].path))
    if rule is None:
        raise ProblemError(403, "Nobody may ask for this.")
    if rule.who == "anyone":
        return
    if rule.who == "metrics":
        _may_measure(request)
        return
    person: Person | None = getattr(request.state, "person", None)
    if person is None:
        raise SignedOutError(office_of(request).challenge)
    if rule.who != "person":
        _allow(person, rule)
    session: Session | None = getattr(request.state, "session", None)
    # A program's token is sent on purpose; a browser sends its cookie with whatever it is made to send.
    if session is not None and request.method not in ("GET", "HEAD", "OPTIONS"):
        await _meant(request, session)


def person_of_request(request: Request) -> Person:
    person: Person | None = getattr(request.state, "person", None)
    if person is None:
        raise SignedOutError(office_of(request).challenge)
    return person


def token_of(request: Request) -> str:
    """What forms must send back."""
    session: Session | None = getattr(request.state, "session", None)
    return session.token if session else ""


async def form_of(request: Request) -> dict[str, str]:
    """The fields of a form, each once."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/x-www-form-urlencoded":
        raise ProblemError(415, "Send a form.")
    try:
        fields = parse_qs((await request.body()).decode(), max_num_fields=MAX_FIELDS, keep_blank_values=True)
    except ValueError:
        raise ProblemError(400, "This form cannot be read.") from None
    return {name: values[0] for name, values in fields.items()}


def ruled(prefix: str = "", **settings: Any) -> APIRouter:
    """A router whose routes ask the table of rules."""
    return APIRouter(prefix=prefix, dependencies=[Depends(authorise)], **settings)


AnOffice = Annotated[Office, Depends(office_of)]
APerson = Annotated[Person, Depends(person_of_request)]
Form = Annotated[dict[str, str], Depends(form_of)]
Done = Annotated[str, Query(max_length=200, description="What was done a moment ago, as ``html.told`` knows it")]


def _allow(person: Person, rule: Rule) -> None:
    if not person.roles:
        raise ProblemError(
            403,
            f"You are signed on as {person.name}, and nothing was granted to you here. Ask whoever runs the portal for "
            "a role: Admin, Finance or Eng.",
        )
    if not may_ask(person, rule):
        need, have = (" or ".join(sorted(roles)) for roles in (rule.roles, person.roles))
        raise ProblemError(
            403,
            f"This is for the role {need}; you are {have}. If you need it, ask whoever runs the portal for that role.",
        )


async def _meant(request: Request, session: Session) -> None:
    given = request.headers.get("x-csrf-token")
    if given is None and not request.url.path.startswith("/api/"):
        given = (await form_of(request)).get("token")
    if not is_same(given, session.token):
        how = "send the header X-CSRF-Token" if request.url.path.startswith("/api/") else "open the page again"
        raise ProblemError(403, f"It cannot be told whether you meant this: {how}.")


def _may_measure(request: Request) -> None:
    office = office_of(request)
    kind, _, given = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer" and is_same(given.strip(), office.metrics_token):
        return
    person: Person | None = getattr(request.state, "person", None)
    if person is None:
        raise ProblemError(401, "Send the token of AIFINOPS_METRICS_TOKEN.", {"WWW-Authenticate": "Bearer"})
    if not person.is_in(Role.ADMIN):
        raise ProblemError(403, "Metrics are for Admin.")
