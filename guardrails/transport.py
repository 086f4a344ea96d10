"""The HTTP client of delivery: one deadline for a whole attempt.

Here: the client's construction, one request to an address that was judged before.
Not here: what is sent where (delivery, actuators), and where it may go (address).
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httpcore
import httpx

from finops.periods import as_utc
from guardrails.address import Receiver

TIMEOUT_SECONDS = 20.0
LONGEST_RETRY_AFTER = timedelta(hours=24)
TOLERATED_SKEW = timedelta(minutes=5)
"""Standard Webhooks: what was signed longer ago, or is of the future, is refused."""


def exchange(
    client: httpx.Client,
    method: str,
    receiver: Receiver,
    *,
    headers: Mapping[str, str],
    content: bytes | None = None,
) -> httpx.Response:
    """One request, at the first of the receiver's addresses that takes the connection; the answer is not read yet.

    Raises:
        httpx.TransportError: no connection, no answer in time, or one that broke off.
    """
    sent = {**headers, "host": receiver.url.netloc.decode("ascii"), "connection": "close"}
    refused: httpx.ConnectError | None = None
    for address in receiver.addresses:
        # Connecting to the address that was judged, not to the name, which may resolve differently a moment later.
        request = client.build_request(
            method,
            receiver.url.copy_with(host=address),
            content=content,
            headers=sent,
            timeout=TIMEOUT_SECONDS,
            extensions={"sni_hostname": receiver.url.host},
        )
        try:
            return client.send(request, stream=True, follow_redirects=False)
        except httpx.ConnectError as error:
            refused = error
    raise refused or httpx.ConnectError("no address")


def in_words(error: httpx.TransportError) -> str:
    """What went wrong; httpx keeps addresses out of the texts of transport errors, so no secret URL gets recorded."""
    if isinstance(error, httpx.ConnectError):
        return f"no connection: {error}"
    if isinstance(error, httpx.TimeoutException):
        return f"no answer within {TIMEOUT_SECONDS:g} seconds"
    return f"the connection broke: {str(error) or type(error).__name__}"


def retry_after(text: str | None, now: datetime) -> timedelta | None:
    """Seconds or an HTTP date (RFC 9110, 10.2.3); nonsense is ignored, and a day is the most that is honoured."""
    if text is None:
        return None
    longest = int(LONGEST_RETRY_AFTER.total_seconds())
    try:
        if text.strip().isdigit():
            return timedelta(seconds=min(int(text), longest))
        wait = as_utc(parsedate_to_datetime(text)) - now
    except (ValueError, OverflowError):
        return None
    return min(max(wait, timedelta(0)), LONGEST_RETRY_AFTER)


def clock_difference(date: str | None, now: datetime) -> str:
    """What to add to a refusal where the receiver's Date is so far off that it refuses signatures; or nothing."""
    try:
        ahead = now - as_utc(parsedate_to_datetime(date or ""))
    except (ValueError, OverflowError):
        return ""
    if abs(ahead) < TOLERATED_SKEW:
        return ""
    minutes, side = round(abs(ahead) / timedelta(minutes=1)), "ahead of" if ahead > timedelta(0) else "behind"
    return f"; this machine's clock is {minutes} minutes {side} the receiver's: set both by NTP"


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
