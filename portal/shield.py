"""What every request passes first: the host, where it comes from, who sends it, how often, how much.

Here: an ASGI middleware in front of all routes, and the headers of every answer.
Not here: who may ask for what (rules).
"""

from __future__ import annotations

import hmac
import logging
import time
from http.cookies import SimpleCookie
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from portal.office import Office
from portal.people import person_of
from portal.problems import ProblemError, answer
from portal.sessions import SESSION, Session, cookie_name
from portal.sign_on import SignOnError

log = logging.getLogger(__name__)
MAX_BODY_BYTES = 64 * 1024
MAX_GATE_BYTES = 1024 * 1024
MAX_PATH, MAX_QUERY = 2048, 8192
SAFE = ("GET", "HEAD", "OPTIONS")
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=(), interest-cohort=()",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "X-Robots-Tag": "noindex, nofollow",
}
"""Of every answer that does not say otherwise itself."""
HSTS = "max-age=63072000; includeSubDomains"
OWN_TOKEN = ("/v1/gate/", "/l/")
"""Routes that prove themselves by a token of their own, and are limited by how often it is wrong."""


class Shield:
    def __init__(self, app: ASGIApp, office: Office) -> None:
        self._app = app
        self._office = office
        self._cookie = cookie_name(SESSION, is_https=office.is_https)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, told = time.perf_counter(), False
        state = scope.setdefault("state", {})
        connection = HTTPConnection(scope)
        address = connection.client.host if connection.client else "unknown"

        async def guarded_send(message: Message) -> None:
            nonlocal told
            if message["type"] == "http.response.start" and not told:
                told = True
                self._dress(message, state.get("session"))
                status = message["status"]
                if status in (401, 404) and state.get("person") is None:
                    self._office.failures.take(address)
                self._observe(scope, status, time.perf_counter() - started)
            await send(message)

        self._office.traffic.begin()
        try:
            await self._check(Request(scope), address, state)
            await self._app(scope, self._bounded(scope, receive), guarded_send)
        except HTTPException as problem:
            if told:
                raise
            await answer(connection, problem)(scope, receive, guarded_send)
        except Exception:
            # Whoever asked learns nothing of what is inside; whoever runs the portal finds it in the log.
            log.exception("a request to %s failed", getattr(scope.get("route"), "path", "no route"))
            if told:
                raise
            hidden = ProblemError(500, "This did not work; whoever runs the portal finds the reason in its log.")
            await answer(connection, hidden)(scope, receive, guarded_send)
        finally:
            self._office.traffic.end()

    async def _check(self, request: Request, address: str, state: dict[str, object]) -> None:
        office, headers = self._office, request.headers
        if headers.get("host", "").lower() not in office.hosts:
            raise ProblemError(400, "The portal does not answer to this name.")
        if len(request.url.path) > MAX_PATH or len(request.url.query) > MAX_QUERY:
            raise ProblemError(414, "This address is too long.")
        if request.method not in SAFE:
            self._same_origin(headers)
        if wait := office.failures.wait(address):
            raise _slower(wait)
        own_token = request.url.path.startswith(OWN_TOKEN)
        await self._recognise(request, state, own_token=own_token)
        person = state.get("person")
        buckets, key = (office.strangers, address) if person is None else (office.requests, person.id)  # type: ignore[attr-defined]
        if not own_token and (wait := buckets.take(key)):
            raise _slower(wait)

    async def _recognise(self, request: Request, state: dict[str, object], *, own_token: bool) -> None:
        """Who sends it: a session's cookie, or a program's access token."""
        office = self._office
        session = office.local_session or office.sessions.read(request.cookies.get(self._cookie))
        if session is not None:
            state["session"], state["person"] = session, session.person
            return
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        # Power Query asks where to sign in by sending "Bearer" and nothing more.
        is_token = kind.lower() == "bearer" and token.strip()
        if not is_token or own_token or request.url.path == "/metrics" or office.issuer is None:
            return
        try:
            claims = await office.issuer.program(token.strip())
            state["person"] = person_of(claims, office.configuration.portal)
        except (SignOnError, ValueError) as error:
            status = error.status if isinstance(error, SignOnError) else 401
            parts = (office.challenge.removeprefix("Bearer").strip(), 'error="invalid_token"')
            challenge = f"Bearer {', '.join(part for part in parts if part)}"
            raise ProblemError(status, str(error), {"WWW-Authenticate": challenge}) from None

    def _same_origin(self, headers: Headers) -> None:
        """Browsers say where a request comes from; programs that are none say nothing and are let through to the tokens
        that they need (https://cheatsheetseries.owasp.org/cheatsheets/Cross-Site_Request_Forgery_Prevention_Cheat_Sheet.html)."""
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        # Pages without a referrer send "null" as their origin, so Origin counts only where a browser says no more.
        is_ours = (
            site in ("same-origin", "none") if site else urlsplit(origin or "").netloc.lower() in self._office.hosts
        )
        if (site or origin) and not is_ours:
            raise ProblemError(403, "This was sent by another site.")

    def _bounded(self, scope: Scope, receive: Receive) -> Receive:
        limit = MAX_GATE_BYTES if scope["path"].startswith("/v1/gate/") else MAX_BODY_BYTES
        declared = Headers(scope=scope).get("content-length", "")
        if declared.isdigit() and int(declared) > limit:
            raise ProblemError(413, f"The body has more than {limit} bytes.")
        taken = 0

        async def bounded() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > limit:
                raise ProblemError(413, f"The body has more than {limit} bytes.")
            return message

        return bounded

    def _dress(self, message: Message, session: object) -> None:
        headers = MutableHeaders(scope=message)
        for name, value in HEADERS.items():
            if name not in headers:
                headers[name] = value
        if self._office.is_https:
            headers["Strict-Transport-Security"] = HSTS
        if (
            isinstance(session, Session)
            and not self._office.is_local
            and not any(self._cookie in SimpleCookie(value) for value in headers.getlist("set-cookie"))
        ):
            touched = self._office.sessions.touched(session)
            if touched is not None:
                headers.append("Set-Cookie", cookie(self._office, SESSION, self._office.sessions.write(touched)))

    def _observe(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "none")
        self._office.metrics.observe(scope["method"] if route != "none" else "any", route, status, seconds)


def cookie(office: Office, name: str, value: str, *, seconds: int | None = None) -> str:
    """A Set-Cookie header; without ``seconds`` it ends with the browser. ``Lax``: the issuer's answer is a navigation
    from another site, and must find the sign-on that it answers."""
    parts = [f"{cookie_name(name, is_https=office.is_https)}={value}", "Path=/", "HttpOnly", "SameSite=Lax"]
    if office.is_https:
        parts.append("Secure")
    if seconds is not None:
        parts.append(f"Max-Age={seconds}")
    return "; ".join(parts)


def is_same(given: str | None, expected: str | None) -> bool:
    return bool(given and expected) and hmac.compare_digest((given or "").encode(), (expected or "").encode())


def _slower(seconds: int) -> ProblemError:
    return ProblemError(429, f"Too many requests; go on in {seconds} s.", {"Retry-After": str(seconds)})
