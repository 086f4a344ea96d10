"""The portal as one ASGI application.

Here: putting routes, rules, the shield and the answers to errors together.
Not here: what any of them does.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from finops.config import ConfigError
from guardrails import LedgerError
from portal import account, actions, api, document_routes, pages, policy_routes
from portal.asked import AnOffice, authorise, ruled
from portal.gate import GateDesk, gate_routes
from portal.links import link_routes
from portal.office import Office
from portal.problems import ProblemError, answer
from portal.rules import RULES, Rule
from portal.shelf import NothingPublishedError
from portal.shield import Shield
from reports.marts import MartError
from reports.statements.store import StatementError

DESCRIPTION = """What AI costs, as each person may see it.

Sign on in a browser, or send an access token of the issuer as `Authorization: Bearer`. Errors are problem documents
(RFC 9457). A POST of a browser's session needs the header `X-CSRF-Token`, which `/api/v1/me` tells."""
infrastructure = ruled(include_in_schema=False)


def create_app(office: Office) -> FastAPI:
    """The application. Every route of it stands in ``rules.RULES``; one that does not serves nobody."""
    gate_desk = GateDesk(office.gate)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        warming = asyncio.create_task(office.warmer.work()) if office.keeps_warm else None
        async with gate_desk.working():
            yield
        if warming is not None:
            warming.cancel()
        await run_in_threadpool(office.replays.close)

    app = FastAPI(
        title="aifinops",
        version="1",
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        lifespan=lifespan,
        redirect_slashes=False,
    )
    app.state.office = office
    app.router.routes.extend(infrastructure.routes)
    for part in (account, actions, document_routes, policy_routes, api, pages):
        app.router.routes.extend(part.router.routes)
    # Without a token of its own the gate serves this machine only, as `aifinops gate serve` does.
    if office.gate_token or office.is_local:
        app.router.routes.extend(gate_routes(gate_desk, office.gate_token))
    app.router.routes.extend(link_routes(office.links, signed_on=_who))
    _answer_errors(app)
    _require_rules(app)
    app.add_middleware(Shield, office=office)
    return app


@infrastructure.get("/healthz")
async def health(office: AnOffice) -> Response:
    """Whether the portal can answer; nothing of what it knows."""
    try:
        await run_in_threadpool(office.shelf.folder)
        await run_in_threadpool(lambda: office.configuration)
    except (NothingPublishedError, ConfigError):
        return JSONResponse({"status": "nothing to show"}, 503)
    return JSONResponse({"status": "ok"})


@infrastructure.get("/metrics")
def metrics(office: AnOffice) -> Response:
    return Response(office.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")


def routes_of(app: FastAPI) -> set[tuple[str, str]]:
    """Method and path of every route."""
    found = set()
    for route in app.routes:
        methods: Any = getattr(route, "methods", None) or {"?"}
        found |= {(method, getattr(route, "path", "?")) for method in methods - {"HEAD"}}
    return found


def _require_rules(app: FastAPI) -> None:
    """Raises AssertionError where a route would answer without asking the table of rules."""
    unruled = routes_of(app) - set(RULES)
    for route in app.routes:
        own = isinstance(route, Route) and _is_proven_by_token(route)
        asks = isinstance(route, APIRoute) and any(one.dependency is authorise for one in route.dependencies)
        if not asks and not own:
            unruled |= {("", getattr(route, "path", "?"))}
    if unruled:
        raise AssertionError(f"no rule says who may ask for {sorted(unruled)}")


def _who(request: Request) -> str | None:
    """Whoever is signed on answers in their own name; on one's own machine the link says whose name."""
    office: Office = request.app.state.office
    person = getattr(request.state, "person", None)
    return None if person is None or office.is_local else str(person.name)


def _answer_errors(app: FastAPI) -> None:
    async def problem(request: Request, error: Any) -> Response:
        return answer(request, error)

    async def invalid(request: Request, error: Any) -> Response:
        said = "; ".join(
            f"{'.'.join(str(part) for part in one['loc'][1:]) or one['loc'][0]}: {one['msg']}"
            for one in error.errors()[:5]
        )
        return answer(request, ProblemError(422, said))

    async def unavailable(request: Request, error: Exception) -> Response:
        return answer(request, ProblemError(503, str(error)))

    async def inside(request: Request, error: Exception) -> Response:
        # Messages of these name folders and files, which are nobody's business out there.
        said = (
            "The figures cannot be read right now. Try again in a minute; if it stays so, tell whoever runs the "
            "portal: aifinops doctor says why."
        )
        return answer(request, ProblemError(503, said))

    app.add_exception_handler(HTTPException, problem)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(NothingPublishedError, unavailable)
    for kind in (ConfigError, LedgerError, MartError, StatementError):
        app.add_exception_handler(kind, inside)


def _is_proven_by_token(route: Route) -> bool:
    methods = (route.methods or set()) - {"HEAD"}
    return all(RULES.get((method, route.path), Rule()).who in ("gate", "link") for method in methods)
