"""The page that a message's link opens: ``/l/{token}``.

Here: what is shown and which headers go with it.
Not here: tokens (guardrails.links) and what a link does (orchestration.links).

A GET shows and changes nothing: scanners of mail and chat open links before people do. The page's button posts to the
same address. Whoever has the token may use it, so it needs no other guard against forged requests; a post that a
browser says comes from another site is refused all the same. Nothing of the page loads anything from elsewhere, and
the token leaves it neither in a Referer nor in a log.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import jinja2
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from guardrails import LedgerError, LinkError
from orchestration.links import NEEDS_REASON, LinkDesk, Seen
from portal.words import SNOOZES, sentence
from reports import formatting
from reports.messages import Message

MAX_FORM_BYTES = 16 * 1024
MAX_WHY = 500
_HERE = Path(__file__).parent
_STYLE = (_HERE / "links.css").read_text(encoding="utf-8")
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode("ascii")
HEADERS = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'; img-src data:",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex, nofollow",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_ASKS = {
    "acknowledge": ("Are you looking into it?", "Yes, I look into it"),
    "snooze": ("Hear no more of it for a while?", "Snooze"),
    "approve": ("Let it go ahead?", "Approve"),
    "deny": ("Refuse it?", "Deny"),
    "false_alarm": ("Was it a false alarm?", "Yes, a false alarm"),
    "planned": ("Was it planned?", "Yes, it was planned"),
}


def link_routes(desk: LinkDesk, signed_on: Callable[[Request], str | None] = lambda _: None) -> list[Route]:
    """The routes of links.

    Args:
        signed_on: who is signed on, where anybody is: they act in their own name, not in that of the message's reader.
    """

    async def show(request: Request) -> Response:
        try:
            seen = await run_in_threadpool(desk.look, request.path_params["token"], signed_on(request))
        except LinkError as error:
            return _refused(error)
        return _page(seen)

    async def use(request: Request) -> Response:
        if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return _response(403, heading="Not from here", text="This was sent by another site. Open the link itself.")
        token = request.path_params["token"]
        form = await _form(request)
        if form is None:
            return _response(413, heading="Too long", text="Write it in fewer words.")
        try:
            who = signed_on(request)
            seen = await run_in_threadpool(desk.look, token, who)
            done = await run_in_threadpool(
                lambda: desk.use(token, why=form.get("why", "")[:MAX_WHY], snooze=form.get("for", "1d"), who=who)
            )
        except LinkError as error:
            if error.reason != "forged":
                return _page(await run_in_threadpool(desk.look, token, who))
            return _refused(error)
        except (ValueError, LookupError, LedgerError) as error:
            return _page(seen, problem=sentence(str(error)), form=form)
        return _response(
            200,
            heading=done.outcome,
            text=f"Recorded in the name of {done.who} on {formatting.moment(done.at)}.",
            tone="good",
            message=_message(seen),
        )

    return [
        Route("/l/{token}", show, methods=["GET"]),
        Route("/l/{token}", use, methods=["POST"]),
    ]


def _page(seen: Seen, problem: str = "", form: Mapping[str, str] | None = None) -> Response:
    if seen.use is not None:
        return _response(
            200,
            heading="This was done already",
            text=f"{seen.use.outcome}, in the name of {seen.use.who}, on {formatting.moment(seen.use.at)}.",
            tone="good",
            message=_message(seen),
        )
    if seen.is_expired:
        message = _message(seen)
        commands = [one.command for one in message.offers if one.action == seen.link.action] if message else []
        return _response(
            410,
            heading="This link has expired",
            text=f"It worked until {formatting.moment(seen.link.expires_at)}. A newer message has a new one."
            + (" Or act with the command line:" if commands else ""),
            tone="warning",
            message=message,
            commands=commands,
        )
    question, button = _ASKS[seen.link.action]
    return _response(
        422 if problem else 200,
        heading=question,
        text="",
        tone="",
        message=_message(seen),
        who=seen.link.who,
        button=button,
        problem=problem,
        needs_reason=seen.link.action in NEEDS_REASON,
        takes_reason=True,
        snoozes=SNOOZES if seen.link.action == "snooze" else (),
        form=dict(form or {}),
        until=formatting.moment(seen.link.expires_at),
        is_grave=seen.link.action == "deny",
    )


def _refused(error: LinkError) -> Response:
    text = f"{sentence(str(error))} Copy it whole from the message."
    return _response(404, heading="This link does not work", text=text)


def _response(status: int, **values: Any) -> Response:
    defaults: dict[str, Any] = {
        "tone": "bad",
        "text": "",
        "message": None,
        "commands": [],
        "who": "",
        "button": "",
        "problem": "",
        "needs_reason": False,
        "takes_reason": False,
        "snoozes": (),
        "form": {},
        "until": "",
        "is_grave": False,
    }
    page = _TEMPLATE.render({**defaults, **values, "style": _STYLE, "max_why": MAX_WHY})
    return HTMLResponse(page, status, HEADERS)


def _message(seen: Seen) -> Message | None:
    return None if seen.document is None else Message.of_document(seen.document)


async def _form(request: Request) -> dict[str, str] | None:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_FORM_BYTES:
            return None
    fields = parse_qs(body.decode("utf-8", "replace"), max_num_fields=10)
    return {name: values[0] for name, values in fields.items()}


_TEMPLATE = jinja2.Environment(
    loader=jinja2.FileSystemLoader(_HERE),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
).get_template("links.html")
