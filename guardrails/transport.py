"""The HTTP client of delivery: one deadline for a whole attempt.

Here: the client's construction.
Not here: what is sent where (delivery, address).
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterable
from typing import Any

import httpcore
import httpx

TIMEOUT_SECONDS = 20.0


def make_client() -> httpx.Client:
    """A client without proxies, redirects or kept connections.

    A kept connection would be reused for any host at the same address, whatever name its certificate was checked for.
    """
    return httpx.Client(
        transport=_DeadlineTransport(), timeout=TIMEOUT_SECONDS, follow_redirects=False, trust_env=False
    )


class _DeadlineTransport(httpx.HTTPTransport):
    """httpx times out each read by itself, so a receiver that drips bytes could hold a worker for ever."""

    def __init__(self) -> None:
        super().__init__(trust_env=False)
        self._backend = _DeadlineBackend()
        # httpx offers no argument for the network backend of its pool.
        self._pool = httpcore.ConnectionPool(
            ssl_context=ssl.create_default_context(),
            max_keepalive_connections=0,
            network_backend=self._backend,
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self._backend.deadline = time.monotonic() + TIMEOUT_SECONDS
        return super().handle_request(request)


class _DeadlineBackend(httpcore.SyncBackend):
    deadline = 0.0

    def left(self, error: type[Exception]) -> float:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise error(f"no complete answer within {TIMEOUT_SECONDS:g} seconds")
        return left

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        left = self.left(httpcore.ConnectTimeout)
        return _DeadlineStream(super().connect_tcp(host, port, left, local_address, socket_options), self)


class _DeadlineStream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream, backend: _DeadlineBackend) -> None:
        self._stream = stream
        self._backend = backend

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._backend.left(httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._backend.left(httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = self._backend.left(httpcore.ConnectTimeout)
        return _DeadlineStream(self._stream.start_tls(ssl_context, server_hostname, left), self._backend)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
