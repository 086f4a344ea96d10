"""The OTLP/HTTP endpoint: ``POST /v1/traces``, ``GET /health``.

Here: what HTTP asks of a receiver: media types, compression, sizes, which refusals a sender should repeat.
Not here: what is kept (``ingestion.collect.otlp``) and how it is kept safe (``ingestion.collect.spool``).
Source: OTLP/HTTP specification. 200 with an ExportTraceServiceResponse in the request's own encoding; errors as
google.rpc.Status in that encoding; 429, 502, 503 and 504 are for repeating, any other 4xx is not.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import shutil
import socket
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ingestion.collect.otlp import JSON, PROTOBUF, MalformedError, Reduced, reduce_request
from ingestion.collect.spool import FullError, Spool, SpoolLimits
from ingestion.errors import LandingError
from ingestion.privacy import Hasher

if TYPE_CHECKING:
    import uvicorn

_CHUNK_BYTES = 64 * 1024
_RETRY_SECONDS = 5
_GRACE_SECONDS = 10
# google.rpc.Code
_INVALID, _EXHAUSTED, _UNAVAILABLE, _UNAUTHENTICATED = 3, 8, 14, 16


@dataclass(frozen=True)
class CollectorSettings:
    """``largest_body`` holds for a body as sent and as unpacked. ``token`` None: everybody may send."""

    folder: Path
    hasher: Hasher
    token: str | None = None
    largest_body: int = 16 * 1024 * 1024
    limits: SpoolLimits = field(default_factory=SpoolLimits)


class _RefusedError(Exception):
    def __init__(self, status: int, code: int, message: str) -> None:
        self.status, self.code, self.message = status, code, message


@dataclass
class _Counts:
    requests: int = 0
    kept_spans: int = 0
    other_spans: int = 0
    refused_spans: int = 0


def application(settings: CollectorSettings) -> Starlette:
    """The ASGI application. Its folder is opened when it starts and closed, with its last file, when it stops."""
    spool = Spool(settings.folder, settings.limits)
    counts = _Counts()

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        with spool:
            yield

    async def traces(request: Request) -> Response:
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        answer_kind = kind if kind in (PROTOBUF, JSON) else JSON
        try:
            if settings.token and not _is_token(request, settings.token):
                raise _RefusedError(401, _UNAUTHENTICATED, "send Authorization: Bearer and the collector's token")
            if kind != answer_kind:
                raise _RefusedError(415, _INVALID, f"send {PROTOBUF} or {JSON}")
            body = await _body(request, settings.largest_body)
            try:
                reduced = await run_in_threadpool(reduce_request, body, kind, settings.hasher)
            except MalformedError as error:
                raise _RefusedError(400, _INVALID, str(error)) from None
            if reduced.line is not None:
                await _keep(spool, reduced.line)
        except _RefusedError as refused:
            return _refusal(refused, answer_kind)
        except ClientDisconnect:
            return Response(status_code=400)
        counts.requests += 1
        counts.kept_spans += reduced.kept
        counts.other_spans += reduced.other
        counts.refused_spans += reduced.refused
        return Response(_success(reduced, answer_kind), media_type=answer_kind)

    async def health(_: Request) -> Response:
        is_well = spool.last_error is None
        document = {
            "status": "ok" if is_well else "failing",
            "error": spool.last_error,
            "requests": counts.requests,
            "kept_spans": counts.kept_spans,
            "other_spans": counts.other_spans,
            "refused_spans": counts.refused_spans,
            "closed_files": spool.closed_files,
            "free_bytes": shutil.disk_usage(settings.folder).free,
        }
        return JSONResponse(document, 200 if is_well else 503)

    return Starlette(
        routes=[Route("/v1/traces", traces, methods=["POST"]), Route("/health", health)], lifespan=lifespan
    )


def server_config(settings: CollectorSettings, grace_seconds: int = _GRACE_SECONDS) -> uvicorn.Config:
    """How uvicorn runs the application: a sender that stops in the middle of a request keeps the last file open no
    longer than ``grace_seconds``."""
    import uvicorn

    return uvicorn.Config(
        application(settings),
        log_level="warning",
        access_log=False,
        ws="none",
        timeout_graceful_shutdown=grace_seconds,
    )


def serve(
    settings: CollectorSettings, host: str, port: int, *, on_listening: Callable[[str], None] | None = None
) -> None:
    """Receive until interrupted; the last file is closed then. ``port`` 0 stands for any free one.

    Args:
        on_listening: receives the address, such as ``http://127.0.0.1:4318``, once senders can connect.

    Raises:
        LandingError: nobody can listen at that address.
    """
    import uvicorn

    config = server_config(settings)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise LandingError(
            f"{host}:{port} cannot be listened to: {error.strerror}. Choose another --port or --host"
        ) from None
    with listener:
        if on_listening is not None:
            name = f"[{host}]" if ":" in host else host
            on_listening(f"http://{name}:{listener.getsockname()[1]}")
        uvicorn.Server(config).run(sockets=[listener])


def _is_token(request: Request, token: str) -> bool:
    kind, _, sent = request.headers.get("authorization", "").partition(" ")
    return kind.lower() == "bearer" and hmac.compare_digest(sent.strip().encode(), token.encode())


async def _keep(spool: Spool, line: bytes) -> None:
    try:
        await asyncio.wrap_future(spool.append(line))
    except FullError:
        raise _RefusedError(429, _EXHAUSTED, "too much is waiting to be written") from None
    except OSError as error:
        raise _RefusedError(503, _UNAVAILABLE, f"the spans could not be written: {error.strerror}") from None


async def _body(request: Request, largest: int) -> bytes:
    """The body, unpacked; never more than ``largest`` bytes of it are held."""
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip"):
        raise _RefusedError(415, _INVALID, "send the body as it is, or with gzip")
    too_large = _RefusedError(413, _INVALID, f"the body is larger than {largest} bytes; send smaller batches")
    unpacker = zlib.decompressobj(wbits=31) if encoding == "gzip" else None
    received, parts, size = 0, [], 0
    async for chunk in request.stream():
        received += len(chunk)
        if received > largest:
            raise too_large
        try:
            for start in range(0, len(chunk), _CHUNK_BYTES):
                piece = chunk[start : start + _CHUNK_BYTES]
                part = unpacker.decompress(piece, largest - size + 1) if unpacker else piece
                parts.append(part)
                size += len(part)
                if size > largest:
                    raise too_large
        except zlib.error:
            raise _RefusedError(400, _INVALID, "the body is not gzip, as its header says") from None
    if unpacker and not unpacker.eof:
        raise _RefusedError(400, _INVALID, "the gzip body was cut off")
    return b"".join(parts)


def _success(reduced: Reduced, kind: str) -> bytes:
    message = f"refused: {', '.join(sorted(reduced.reasons))}" if reduced.refused else ""
    if kind == JSON:
        partial = {"rejectedSpans": str(reduced.refused), "errorMessage": message}
        return json.dumps({"partialSuccess": partial} if reduced.refused else {}).encode()
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
        ExportTracePartialSuccess,
        ExportTraceServiceResponse,
    )

    response = ExportTraceServiceResponse()
    if reduced.refused:
        response.partial_success.CopyFrom(
            ExportTracePartialSuccess(rejected_spans=reduced.refused, error_message=message)
        )
    return bytes(response.SerializeToString())


def _refusal(refused: _RefusedError, kind: str) -> Response:
    headers = {"Retry-After": str(_RETRY_SECONDS)} if refused.status in (429, 503) else {}
    if refused.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if kind == JSON:
        return JSONResponse({"code": refused.code, "message": refused.message}, refused.status, headers)
    return Response(_status(refused.code, refused.message), refused.status, headers, PROTOBUF)


def _status(code: int, message: str) -> bytes:
    """google.rpc.Status: field 1 is the code, field 2 the message, here shorter than 128 bytes."""
    text = message.encode()[:127]
    return bytes((0x08, code, 0x12, len(text))) + text
