"""The budget gate over HTTP: ``/v1/gate/…``, ``/healthz``; and the pages of messages' links, ``/l/…``.

Here: what HTTP asks of it: bodies, status codes, the token; and answering many asks in one transaction.
Not here: the judgement and what is held (guardrails.gate), what links do (links).

Asks that arrive while a transaction is being written are answered together in the next one: a disk that syncs two
hundred times a second answers a thousand asks.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from finops.config import ConfigError
from finops.money import CURRENCIES
from guardrails import LedgerError, gate
from orchestration.gate import HomeGate, NothingPublishedError
from orchestration.links import LinkDesk
from portal.links import link_routes

MAX_BODY_BYTES = 1024 * 1024
"""A Kubernetes object has at most 1.5 MiB; one with an estimate is far smaller."""
MAX_BATCH = 256
CHECKPOINT_SECONDS = 1.0
"""How far the checkpoint of the audit trail may lag behind while asks follow each other."""


class _HttpError(Exception):
    def __init__(self, status: int, message: str) -> None:
        self.status = status
        super().__init__(message)


_Waiting = tuple[gate.Ask, asyncio.Future[gate.Reply | gate.GateError]]


class Batches:
    """Asks that wait for the next transaction."""

    def __init__(self, home_gate: HomeGate) -> None:
        self._gate = home_gate
        self._waiting: asyncio.Queue[_Waiting] = asyncio.Queue()

    async def answer(self, ask: gate.Ask) -> gate.Reply:
        """Raises: GateError, and what answering a whole batch raises."""
        answered: asyncio.Future[gate.Reply | gate.GateError] = asyncio.get_running_loop().create_future()
        await self._waiting.put((ask, answered))
        reply = await answered
        if isinstance(reply, gate.GateError):
            raise reply
        return reply

    async def work(self) -> None:
        """Answer batches, one after the other, until cancelled."""
        first = asyncio.create_task(self._waiting.get())
        advanced_at, is_behind = time.monotonic(), False
        while True:
            await asyncio.wait({first}, timeout=CHECKPOINT_SECONDS if is_behind else None)
            if is_behind and (not first.done() or time.monotonic() - advanced_at > CHECKPOINT_SECONDS):
                await run_in_threadpool(self._gate.ledger.advance_checkpoint)
                advanced_at, is_behind = time.monotonic(), False
            if not first.done():
                continue
            batch = [first.result()]
            while len(batch) < MAX_BATCH and not self._waiting.empty():
                batch.append(self._waiting.get_nowait())
            first = asyncio.create_task(self._waiting.get())
            await self._answer(batch)
            is_behind = True

    async def _answer(self, batch: Sequence[_Waiting]) -> None:
        try:
            asks = [ask for ask, _ in batch]
            replies = await run_in_threadpool(self._gate.ask, asks, advances_checkpoint=False)
        except Exception as error:  # every one who waits must hear of it, whatever it is
            for _, answered in batch:
                if not answered.done():
                    answered.set_exception(error)
            return
        for (_, answered), reply in zip(batch, replies, strict=True):
            if not answered.done():
                answered.set_result(reply)


class GateDesk:
    """A gate with the worker that answers its asks; ``working`` must be open while it serves."""

    def __init__(self, home_gate: HomeGate) -> None:
        self.gate = home_gate
        self.batches = Batches(home_gate)
        self._telling: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        worker = asyncio.create_task(self.batches.work())
        yield
        worker.cancel()
        await run_in_threadpool(self.gate.ledger.advance_checkpoint)
        await asyncio.gather(*self._telling, return_exceptions=True)

    def tell(self, reply: gate.Reply) -> None:
        """Nobody who asks waits for a message to be delivered."""
        if reply.status == gate.AskStatus.WAITING or reply.document["ask"]["break_glass"]:
            task = asyncio.create_task(run_in_threadpool(self.gate.tell, [reply]))
            self._telling.add(task)
            task.add_done_callback(self._telling.discard)


def application(home_gate: HomeGate, token: str | None = None) -> Starlette:
    """The ASGI application, with the pages of messages' links. ``token`` None: everybody who reaches it may ask.

    Raises:
        guardrails.LinkKeyError: ``AIFINOPS_LINK_KEY`` holds no usable key.
    """
    links = LinkDesk(home_gate)
    desk = GateDesk(home_gate)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with desk.working():
            yield

    async def health(_: Request) -> Response:
        facts, _configuration = await run_in_threadpool(home_gate.known)
        through = facts.data_through
        return JSONResponse(
            {"status": "ok", "budgets": len(facts.lines), "data_through": through and f"{through:%FT%TZ}"}
        )

    return Starlette(
        routes=[*gate_routes(desk, token), Route("/healthz", _answered(health)), *link_routes(links)], lifespan=lifespan
    )


def gate_routes(desk: GateDesk, token: str | None) -> list[Route]:
    """The routes of the gate; errors are answered as its clients read them, in whichever application they are."""
    home_gate, batches = desk.gate, desk.batches

    async def ask(request: Request) -> Response:
        wanted = gate.parse_ask(await _document(request))
        if request.query_params.get("dry_run") == "true":
            answer = await run_in_threadpool(home_gate.peek, wanted)
            return JSONResponse(answer.as_dict() | {"exit_code": answer.outcome.exit_code})
        reply = await batches.answer(wanted)
        desk.tell(reply)
        return JSONResponse(reply.as_dict())

    async def show(request: Request) -> Response:
        reply = await run_in_threadpool(home_gate.look_up, request.path_params["ask_id"])
        return JSONResponse(reply.as_dict())

    async def settle(request: Request) -> Response:
        document = await _document(request)
        if not isinstance(document, Mapping) or not isinstance(document.get("actual"), str):
            raise _HttpError(422, 'actual is missing or no text; write it like {"actual": "98.20", "currency": "USD"}')
        currency = document.get("currency", "USD")
        if currency not in CURRENCIES:
            raise _HttpError(422, "currency is not an ISO 4217 code such as USD")
        amount, code = gate.parse_price(document["actual"], currency)
        reply = await run_in_threadpool(home_gate.settle, request.path_params["ask_id"], amount, code)
        return JSONResponse(reply.as_dict())

    async def release(request: Request) -> Response:
        document = await _document(request)
        why = document.get("why") if isinstance(document, Mapping) else None
        reply = await run_in_threadpool(
            home_gate.release, request.path_params["ask_id"], why if isinstance(why, str) else None
        )
        return JSONResponse(reply.as_dict())

    async def review(request: Request) -> Response:
        document = await _document(request)
        wanted = gate.ask_of_review(document)
        if wanted is None:
            text = "This object says no aifinops/estimate; nothing was asked of its budget."
            return JSONResponse(gate.reviewed(document, allowed=True, reason=text, warns=True))
        if document["request"].get("dryRun"):
            answer = await run_in_threadpool(home_gate.peek, wanted)
            allowed, reason, outcome = answer.proceeds, answer.reason, answer.outcome
        else:
            reply = await batches.answer(wanted)
            desk.tell(reply)
            allowed, reason, outcome = reply.proceeds, reply.reason, reply.outcome
        warns = outcome != gate.Outcome.ALLOW
        return JSONResponse(gate.reviewed(document, allowed=allowed, reason=reason, warns=warns))

    guard = _guarded(token)
    found = (
        ("/v1/gate/asks", ask, "POST"),
        ("/v1/gate/asks/{ask_id}", show, "GET"),
        ("/v1/gate/asks/{ask_id}/settlement", settle, "POST"),
        ("/v1/gate/asks/{ask_id}/release", release, "POST"),
        ("/v1/gate/kubernetes", review, "POST"),
        ("/v1/gate/kubernetes/{token}", review, "POST"),
    )
    return [Route(path, _answered(guard(endpoint)), methods=[method]) for path, endpoint, method in found]


def _answered(endpoint: Any) -> Any:
    async def answered(request: Request) -> Response:
        try:
            response: Response = await endpoint(request)
        except (_HttpError, gate.GateError) as error:
            return JSONResponse({"error": str(error)}, error.status if isinstance(error, _HttpError) else 422)
        except (ConfigError, NothingPublishedError, LedgerError) as error:
            # Nothing to judge by: a client that gets this decides by itself whether it fails open or closed.
            return JSONResponse({"error": str(error)}, 503)
        return response

    return answered


def _guarded(token: str | None) -> Callable[[Any], Any]:
    def guard(endpoint: Any) -> Any:
        async def guarded(request: Request) -> Response:
            if token is not None:
                kind, _, given = request.headers.get("authorization", "").partition(" ")
                # Kubernetes sends no header of its own; its path carries the token.
                given = request.path_params.get("token", given if kind.lower() == "bearer" else "")
                if not hmac.compare_digest(given.encode(), token.encode()):
                    raise _HttpError(401, "send Authorization: Bearer and the gate's token")
            response: Response = await endpoint(request)
            return response

        return guarded

    return guard


async def _document(request: Request) -> Any:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise _HttpError(413, f"the body has more than {MAX_BODY_BYTES} bytes")
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise _HttpError(400, "the body is not JSON") from None
