"""Signing on and off, and who one is here.

Here: the routes of the way to the issuer and back.
Not here: OpenID Connect (sign_on), cookies' content (sessions).
"""

from __future__ import annotations

from urllib.parse import urlsplit

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from finops.periods import utc_now
from portal.asked import AnOffice, APerson, ruled, token_of
from portal.html import page
from portal.office import SIGNED_OUT
from portal.people import Person, person_of
from portal.problems import ProblemError
from portal.sessions import SESSION, SIGN_ON, SIGN_ON_TIME, Session, cookie_name, mark
from portal.shield import cookie
from portal.sign_on import SignOnError
from reports.dashboards.access import Role

router = ruled(include_in_schema=False)


@router.get("/sign-on")
async def sign_on(request: Request, office: AnOffice, next: str = "/") -> Response:
    """Send the browser to the issuer."""
    if office.issuer is None:
        return RedirectResponse("/", 303)
    try:
        started = await office.issuer.begin(_inside(next))
    except SignOnError as error:
        raise ProblemError(error.status, str(error)) from None
    answer = RedirectResponse(started.address, 303)
    sealed = office.sessions.seal.seal(SIGN_ON, {**started.remembered, "until": _until()})
    answer.headers.append("Set-Cookie", cookie(office, SIGN_ON, sealed, seconds=int(SIGN_ON_TIME.total_seconds())))
    return answer


@router.get("/sign-on/back")
async def back(request: Request, office: AnOffice) -> Response:
    """Where the issuer sends the browser: prove who it is, and begin a session."""
    if office.issuer is None:
        return RedirectResponse("/", 303)
    sealed = request.cookies.get(cookie_name(SIGN_ON, is_https=office.is_https), "")
    remembered = office.sessions.seal.open(SIGN_ON, sealed)
    if remembered is not None and remembered["until"] < utc_now().timestamp():
        remembered = None
    try:
        if remembered is None:
            raise SignOnError("This sign-on was not begun in this browser, or longer than ten minutes ago. Try again.")
        claims = await office.issuer.finish(dict(request.query_params), remembered)
        person = person_of(claims, office.configuration.portal)
    except (SignOnError, ValueError) as error:
        raise ProblemError(error.status if isinstance(error, SignOnError) else 403, str(error)) from None
    session = Session.of(person, utc_now())
    await run_in_threadpool(office.desk.record, person, f"session/{mark(session.session_id)}", "signed on")
    answer = RedirectResponse(remembered["next"], 303)
    answer.headers.append("Set-Cookie", cookie(office, SESSION, office.sessions.write(session)))
    answer.headers.append("Set-Cookie", cookie(office, SIGN_ON, "", seconds=0))
    return answer


@router.post("/sign-out")
async def sign_out(request: Request, office: AnOffice, person: APerson) -> Response:
    """End the session here, then at the issuer."""
    session: Session | None = getattr(request.state, "session", None)
    if session is None or office.issuer is None:
        return RedirectResponse("/", 303)
    office.sessions.end(session)
    await run_in_threadpool(
        office.gate.ledger.note, utc_now(), SIGNED_OUT, mark(session.session_id), person.as_record()
    )
    target = await office.issuer.sign_out_address(f"{office.address}/signed-out")
    answer = RedirectResponse(target or "/signed-out", 303)
    answer.headers.append("Set-Cookie", cookie(office, SESSION, "", seconds=0))
    return answer


@router.get("/signed-out")
def signed_out() -> Response:
    return page(
        "problem.html",
        heading="You are signed out",
        text="Close the browser if others use it.",
        way=("/", "Sign on again"),
    )


@router.get("/account")
def account(request: Request, office: AnOffice, person: APerson) -> Response:
    """Who one is here, what that allows, and the way out."""
    return page(
        "account.html",
        person=person,
        token=token_of(request),
        is_local=office.is_local,
        may=_may(person),
        posts_to=office.issuer.origin if office.issuer else "",
    )


def _may(person: Person) -> list[str]:
    """What the roles allow, in words; ``rules`` decides it."""
    if not person.roles:
        return []
    found = ["Read the pages above, and download their figures with the API."]
    if person.is_in(Role.ADMIN, Role.ENG):
        found.append("Answer incidents: look into them, snooze them, judge them.")
    if person.is_in(Role.ADMIN):
        found.append("Have policies replayed over the past, as they are or changed.")
    found.append(
        "Approve or deny what waits, where a policy names you" + (" or nobody." if person.is_in(Role.ADMIN) else ".")
    )
    return found


def _inside(path: str) -> str:
    """A path of this portal: never another site, however it is written."""
    parts = urlsplit(path)
    is_ours = path.startswith("/") and not path.startswith(("//", "/\\")) and not parts.scheme and not parts.netloc
    return path if is_ours and path.isprintable() and "\\" not in path and len(path) < 2000 else "/"


def _until() -> float:
    return (utc_now() + SIGN_ON_TIME).timestamp()
