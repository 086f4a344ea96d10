"""The HTTP application and the thread that serves it.

Here: routes, and translating refusals into answers.
Not here: what is answered (``monitor``, ``arm``, ``prometheus``, ``cost_management``, ``receivers``).
"""

from __future__ import annotations

import json
import socket
import threading
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import parse_qsl

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from simulator import telemetry
from simulator.generate import EXPORTS_FOLDER, ORGANISATION_FILE, TELEMETRY_FOLDER
from simulator.organisation import Parameters
from simulator.server.arm import ArmRefusal, ArmRequest, ArmStore
from simulator.server.cluster import cluster_routes
from simulator.server.cost_management import CostStore
from simulator.server.cost_routes import cost_routes
from simulator.server.model_apis import ModelApiError, ModelApiStore
from simulator.server.monitor import MonitorError, MonitorStore, machine_hours
from simulator.server.prometheus import PrometheusError, PrometheusStore
from simulator.server.receivers import Receivers, RefusedError
from simulator.server.roles import caller_of

HOST = "127.0.0.1"
START_SECONDS = 30
PREFIX = "/prometheus"
"""Prometheus answers under this route prefix, and without it."""


class _Stores:
    """The data of one generated folder, read when first asked for."""

    def __init__(self, directory: Path) -> None:
        try:
            document = json.loads((directory / ORGANISATION_FILE).read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise ValueError(
                f"{directory} is no generated organisation; run: python -m simulator generate --out {directory}"
            ) from None
        self._folder = directory / TELEMETRY_FOLDER
        self._exports = directory / EXPORTS_FOLDER
        self._as_of = datetime.fromisoformat(document["as_of"].replace("Z", "+00:00"))
        first_day = self._as_of.date() - timedelta(days=document["days"])
        self._first_midnight = datetime(first_day.year, first_day.month, first_day.day, tzinfo=UTC)
        self._lock = threading.Lock()
        self.model_apis = ModelApiStore(Parameters(document["seed"], document["scale"], document["days"], self._as_of))
        self.arm = ArmStore(directory, self._as_of)

    @cached_property
    def _monitor(self) -> MonitorStore:
        machines = machine_hours(telemetry.read_gpu_hours(self._folder), self._first_midnight)
        return MonitorStore([*telemetry.read_account_hours(self._folder), *machines], self._as_of)

    @cached_property
    def _prometheus(self) -> PrometheusStore:
        return PrometheusStore(telemetry.read_gpu_hours(self._folder), self._first_midnight, self._as_of)

    @cached_property
    def _costs(self) -> CostStore:
        return CostStore(self._exports, self._as_of)

    def costs(self) -> CostStore:
        with self._lock:
            return self._costs

    def monitor(self) -> MonitorStore:
        with self._lock:
            return self._monitor

    def prometheus(self) -> PrometheusStore:
        with self._lock:
            return self._prometheus


def application(directory: Path, webhook_secret: str | None = None) -> Starlette:
    """The ASGI application over a generated folder.

    Raises:
        ValueError: the folder holds no generated organisation.
    """
    stores = _Stores(directory)
    receivers = Receivers(directory, webhook_secret)

    async def metrics(request: Request) -> Response:
        if not request.headers.get("authorization", "").lower().startswith("bearer "):
            error = MonitorError(401, "AuthenticationFailed", "Authentication failed: send a bearer token.")
            return JSONResponse(error.document(), error.status, {"WWW-Authenticate": "Bearer"})
        query = {key.lower(): value for key, value in request.query_params.items()}
        try:
            _require_metrics_role(stores.arm, request)
            body = await _body(request)
            return JSONResponse(
                await run_in_threadpool(
                    lambda: stores.monitor().batch(request.path_params["subscription"], query, body)
                )
            )
        except MonitorError as error:
            return JSONResponse(error.document(), error.status)
        except RefusedError as error:
            return JSONResponse(MonitorError(error.status, "BadRequest", error.reason).document(), error.status)

    async def arm(request: Request) -> Response:
        content = await request.body()
        try:
            asked = ArmRequest(
                request.method,
                request.url.path,
                dict(request.query_params),
                request.headers.get("authorization", ""),
                await _body(request) if content else None,
            )
            status, document = await run_in_threadpool(stores.arm.answer, asked)
        except ArmRefusal as refusal:
            return JSONResponse(refusal.document(), refusal.status, refusal.headers)
        except RefusedError as error:
            return JSONResponse(
                ArmRefusal(error.status, "InvalidRequestContent", error.reason).document(), error.status
            )
        return Response(status_code=status) if document is None else JSONResponse(document, status)

    async def flags(_: Request) -> Response:
        return JSONResponse(
            {"status": "success", "data": {"web.enable-admin-api": "false", "web.enable-lifecycle": "false"}}
        )

    async def prometheus(request: Request) -> Response:
        parameters = dict(request.query_params)
        if request.method == "POST":
            parameters |= dict(parse_qsl((await request.body()).decode()))
        kind = request.path_params["kind"]
        if kind not in ("query", "query_range", "labels"):
            return PlainTextResponse("404 page not found\n", 404)

        def answer() -> dict[str, Any]:
            store = stores.prometheus()
            if kind == "labels":
                return store.labels()
            return store.query_range(parameters) if kind == "query_range" else store.query(parameters)

        try:
            return JSONResponse(await run_in_threadpool(answer))
        except PrometheusError as error:
            return JSONResponse(error.document(), 400)

    async def model_api(request: Request) -> Response:
        is_openai = request.url.path.startswith("/v1/organization/")
        answer = stores.model_apis.openai if is_openai else stores.model_apis.anthropic
        query: dict[str, list[str]] = {}
        for name, value in request.query_params.multi_items():
            query.setdefault(name, []).append(value)
        try:
            return JSONResponse(
                await run_in_threadpool(answer, request.path_params["path"], query, dict(request.headers))
            )
        except ModelApiError as error:
            headers = {"Retry-After": str(error.retry_after)} if error.retry_after is not None else None
            return JSONResponse(error.document(), error.status, headers)

    async def teams(request: Request) -> Response:
        content = await request.body()
        try:
            await run_in_threadpool(receivers.teams, request.path_params["channel"], content)
        except RefusedError as error:
            return _refusal(error)
        return Response(status_code=202)

    async def webhook(request: Request) -> Response:
        content = await request.body()
        try:
            await run_in_threadpool(receivers.webhook, request.path_params["name"], dict(request.headers), content)
        except RefusedError as error:
            return _refusal(error)
        return JSONResponse({"status": "received"})

    async def fail(request: Request) -> Response:
        try:
            planned = await _body(request)
            if isinstance(planned, dict) and planned.get("target") in ("openai", "anthropic"):
                stores.model_apis.plan_failure(
                    planned["target"], int(planned["status"]), int(planned["times"]), planned.get("retry_after_seconds")
                )
            else:
                receivers.plan_failure(planned)
        except RefusedError as error:
            return _refusal(error)
        return Response(status_code=204)

    async def let_monitor_be(request: Request) -> Response:
        try:
            wish = await _body(request)
        except RefusedError as error:
            return _refusal(error)
        now = datetime.fromisoformat(wish["now"].replace("Z", "+00:00")) if "now" in wish else None
        stores.monitor().let_it_be(now, wish.get("lacking", ()))
        return Response(status_code=204)

    async def ready(_: Request) -> Response:
        return PlainTextResponse("The simulator is ready.\n")

    return Starlette(
        routes=[
            Route("/subscriptions/{subscription}/metrics:getBatch", metrics, methods=["POST"]),
            *cost_routes(stores.costs),
            Route("/subscriptions", arm),
            Route("/subscriptions/{rest:path}", arm, methods=["GET", "PUT", "POST", "DELETE"]),
            *(Route(f"{prefix}/api/v1/status/flags", flags) for prefix in ("", PREFIX)),
            *(Route(f"{prefix}/api/v1/{{kind:str}}", prometheus, methods=["GET", "POST"]) for prefix in ("", PREFIX)),
            Route("/v1/organization/{path:path}", model_api),
            Route("/v1/organizations/{path:path}", model_api),
            *cluster_routes(directory),
            Route("/teams/{channel}", teams, methods=["POST"]),
            Route("/webhooks/{name}", webhook, methods=["POST"]),
            Route("/control/fail", fail, methods=["POST"]),
            Route("/control/monitor", let_monitor_be, methods=["POST"]),
            Route("/-/ready", ready),
        ]
    )


def _require_metrics_role(arm: ArmStore, request: Request) -> None:
    """Holders of a named token need a role that reads metrics; other tokens are nobody's, and are let through."""
    authorization = request.headers["authorization"]
    if caller_of(authorization) is None:
        return
    subscription = request.path_params["subscription"]
    try:
        arm.require(authorization, "Microsoft.Insights/metrics/read", f"/subscriptions/{subscription}")
    except ArmRefusal as refusal:
        raise MonitorError(refusal.status, refusal.code, refusal.message) from None


async def _body(request: Request) -> Any:
    try:
        return json.loads(await request.body())
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise RefusedError(400, f"the body is not JSON: {error}") from None


def _refusal(error: RefusedError) -> Response:
    headers = {"Retry-After": str(error.retry_after_seconds)} if error.retry_after_seconds is not None else None
    return JSONResponse({"error": error.reason}, error.status, headers)


class _Server(uvicorn.Server):
    """Tells when it listens, so that nobody has to poll."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.is_listening = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.is_listening.set()


def _server(directory: Path, webhook_secret: str | None) -> _Server:
    config = uvicorn.Config(
        application(directory, webhook_secret), log_level="warning", ws="none", lifespan="off", access_log=False
    )
    return _Server(config)


def _listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError as error:
        listener.close()
        raise ValueError(
            f"port {port} is not free on {HOST} ({error.strerror}); choose another, or 0 for any"
        ) from None
    return listener


class SimulatorServer:
    """Serves a generated folder on this machine's loopback address, in a thread, as a context manager.

    ``url`` is its address while it runs, without a trailing slash. ``port`` 0 takes any free port. Webhooks are
    verified with ``webhook_secret`` (``whsec_…``); without one they are all refused.
    """

    def __init__(self, directory: Path, port: int = 0, *, webhook_secret: str | None = None) -> None:
        self._server = _server(directory, webhook_secret)
        self._port = port
        self._thread: threading.Thread | None = None
        self.url = ""

    def __enter__(self) -> SimulatorServer:
        listener = _listen(self._port)
        self.url = f"http://{HOST}:{listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._server.run, args=([listener],), name="simulator", daemon=True)
        self._thread.start()
        if not self._server.is_listening.wait(START_SECONDS):
            raise RuntimeError(f"the simulator's server did not start within {START_SECONDS} s")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        if self._thread is not None:
            self._thread.join()


def serve(directory: Path, port: int, webhook_secret: str | None = None) -> None:
    """Serve until interrupted.

    Raises:
        ValueError: the port is taken, or the folder holds no generated organisation.
    """
    server = _server(directory, webhook_secret)
    server.run([_listen(port)])
