"""Routes of Cost Management's API.

Here: translating HTTP to ``cost_management`` and back.
Not here: what is answered.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulator.server.cost_management import CostError, CostStore

_API = "/providers/Microsoft.CostManagement"
_BLOBS = "/cost-details-files"
_QPU = {"x-ms-ratelimit-microsoft.costmanagement-qpu-consumed": "1"}

Answer = Callable[[Request], Awaitable[Response]]


def cost_routes(store: Callable[[], CostStore]) -> list[Route]:
    """``store`` is read when it is first asked for."""

    def guarded(answer: Callable[[Request, CostStore, Any], Awaitable[Response]]) -> Answer:
        async def endpoint(request: Request) -> Response:
            try:
                costs = await run_in_threadpool(store)
                if not request.headers.get("authorization", "").lower().startswith("bearer "):
                    raise CostError(401, "AuthenticationFailed", "Authentication failed: send a bearer token.")
                if "api-version" not in request.query_params:
                    raise CostError(400, "MissingApiVersionParameter", "The api-version query parameter is required.")
                costs.admit()
                body = json.loads(await request.body()) if request.method == "POST" else None
                return await answer(request, costs, body)
            except CostError as error:
                return JSONResponse(error.document(), error.status, error.headers)
            except json.JSONDecodeError:
                return JSONResponse(CostError(400, "BadRequest", "The body is not JSON.").document(), 400)

        return endpoint

    async def query(request: Request, costs: CostStore, body: Any) -> Response:
        scope = f"/{request.path_params['scope']}"
        link = f"{_base(request)}{request.url.path}?api-version={request.query_params['api-version']}"
        skip = request.query_params.get("$skiptoken")
        text = await run_in_threadpool(lambda: costs.query(scope, body, skip, link))
        if text is None:
            return Response(status_code=204, headers=_QPU)
        return Response(text, media_type="application/json", headers=_QPU)

    async def start(request: Request, costs: CostStore, body: Any) -> Response:
        scope = f"/{request.path_params['scope']}"
        operation = await run_in_threadpool(lambda: costs.start_report(scope, body))
        if operation is None:
            return Response(status_code=204)
        location = f"{_base(request)}{scope}{_API}/costDetailsOperationResults/{operation}"
        headers = {"Location": f"{location}?api-version={request.query_params['api-version']}", "Retry-After": "0"}
        return Response(status_code=202, headers=headers)

    async def poll(request: Request, costs: CostStore, _: Any) -> Response:
        document = costs.poll_report(request.path_params["operation"], f"{_base(request)}{_BLOBS}")
        if document is None:
            return Response(status_code=202, headers={"Location": str(request.url), "Retry-After": "0"})
        return JSONResponse(document)

    async def blob(request: Request) -> Response:
        if "authorization" in request.headers:  # Azure Storage refuses two ways of signing in at once
            return Response("InvalidAuthenticationInfo", 400)
        try:
            costs = await run_in_threadpool(store)
            content = costs.blob(request.path_params["operation"], request.query_params.get("sig"))
        except CostError as error:
            return Response(str(error), error.status)
        return Response(content, media_type="text/csv")

    async def throttle(request: Request) -> Response:
        """``[{"retry-after": "7"}, {}]``: the next two requests are refused with these headers."""
        costs = await run_in_threadpool(store)
        costs.plan_refusals([dict(headers) for headers in json.loads(await request.body())])
        return Response(status_code=204)

    return [
        Route(f"/{{scope:path}}{_API}/query", guarded(query), methods=["POST"]),
        Route(f"/{{scope:path}}{_API}/generateCostDetailsReport", guarded(start), methods=["POST"]),
        Route(f"/{{scope:path}}{_API}/costDetailsOperationResults/{{operation}}", guarded(poll)),
        Route(f"{_BLOBS}/{{operation}}.csv", blob),
        Route("/control/throttle-costs", throttle, methods=["POST"]),
    ]


def _base(request: Request) -> str:
    return f"{request.url.scheme}://{request.url.netloc}"
