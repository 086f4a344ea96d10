"""What is answered where something does not work: in words for people, as a problem document for programs.

Here: the form of both (https://www.rfc-editor.org/rfc/rfc9457).
Not here: what went wrong. Nothing of it tells how the portal works inside.
"""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, RedirectResponse, Response

from guardrails import LedgerError
from portal.desk import NotYoursError, UnknownError
from portal.html import page
from portal.replays import BusyError
from portal.words import sentence

T = TypeVar("T")
API = ("/api/", "/v1/", "/metrics", "/healthz")


class Problem(BaseModel):
    """RFC 9457."""

    type: str = Field("about:blank", description="Always about:blank: the status says which problem it is")
    title: str = Field(description="The status in words")
    status: int = Field(description="HTTP status")
    detail: str = Field(description="What went wrong with this request, and what to do")


class ProblemError(HTTPException):
    """A request that is answered with a problem."""

    def __init__(self, status: int, detail: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(status, detail, headers)


class SignedOutError(ProblemError):
    """Nobody is signed on: a browser is sent to sign on, a program is told. ``challenge``: Office.challenge."""

    def __init__(self, challenge: str) -> None:
        super().__init__(401, "Sign on first, or send an access token.", {"WWW-Authenticate": challenge})


def doing(act: Callable[[], T]) -> T:
    """What was done, or what was asked for.

    Raises:
        ProblemError: it was not; the status and the words say why.
    """
    try:
        return act()
    except NotYoursError as error:
        raise ProblemError(403, sentence(str(error))) from None
    except UnknownError as error:
        raise ProblemError(404, sentence(str(error))) from None
    except (LedgerError, BusyError) as error:
        raise ProblemError(409, sentence(str(error))) from None
    except ValueError as error:
        raise ProblemError(422, sentence(str(error))) from None


def answer(connection: HTTPConnection, problem: HTTPException) -> Response:
    """The problem in the form that whoever asked can read."""
    path, status, headers = connection.url.path, problem.status_code, dict(problem.headers or {})
    title = HTTPStatus(status).phrase
    # Where no route answers, nobody has said more than the status.
    detail = _DETAILS.get(status, problem.detail) if problem.detail == title else problem.detail
    if path.startswith(API):
        body = Problem(type="about:blank", title=title, status=status, detail=detail).model_dump()
        return JSONResponse(body, status, headers, media_type="application/problem+json")
    if isinstance(problem, SignedOutError):
        return RedirectResponse(f"/sign-on?next={quote(_page_of(connection), safe='')}", 303)
    person: Any = connection.scope.get("state", {}).get("person")
    heading, way = _HEADINGS.get(status, title), _way(connection, status, person)
    return page("problem.html", status, heading=heading, text=detail, person=person, headers=headers, way=way)


def _way(connection: HTTPConnection, status: int, person: Any) -> tuple[str, str]:
    """Where whoever asked can go on: an address and its words."""
    path = connection.url.path
    if path.startswith("/sign-on"):
        return "/", "Sign on again"
    if person is None:
        return "/", "Start page"
    if status in (429, 503) and connection.scope.get("method") == "GET":
        return _page_of(connection), "Try again"
    if status == 403:
        return "/account", "What you may see here" if person.roles else "Your account, and signing out"
    if status != 404 and (form := _page_of(connection)) != "/":
        return form, "Back to the form"
    place = path.split("/")[1]
    return _LISTS.get(place, ("/", "Start page"))


def _page_of(connection: HTTPConnection) -> str:
    """The page that was asked for; of something sent, the page whose form sends it."""
    path, query = connection.url.path, connection.url.query
    if connection.scope.get("method") == "GET":
        return f"{path}?{query}" if query else path
    if path.startswith("/incidents/"):
        return path
    return _FORMS.get(path.split("/")[1], "/")


_DETAILS = {
    404: "No page has this address.",
    405: "Only a form on another page sends something here.",
}
_FORMS = {"approvals": "/approvals", "replays": "/policies", "sign-out": "/account"}
_LISTS = {
    "incidents": ("/incidents", "All incidents"),
    "approvals": ("/approvals", "What waits for approval"),
    "policies": ("/policies", "All policies"),
    "replays": ("/policies", "All policies"),
    "statements": ("/statements", "All statements"),
    "what-if": ("/what-if", "All scenarios"),
}
_HEADINGS = {
    400: "This does not work",
    403: "This is not yours to see",
    404: "There is nothing here",
    405: "This cannot be done here",
    409: "It is not as it was",
    413: "That is too much",
    422: "This cannot be done so",
    429: "Slower, please",
    500: "Something went wrong",
    502: "Signing on does not work right now",
    503: "Nothing to show yet",
}
