"""JSON over HTTP with retries and errors in words, for APIs without a client of their own.

Here: one request.
Not here: pages and what answers mean (each source's ``client`` and ``rows``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import httpx
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exponential

from ingestion.errors import LandingError

_TIMEOUT_SECONDS = 120
ATTEMPTS = 4
_TRANSIENT = frozenset((429, 502, 503, 504))
_DENIED = frozenset((401, 403))


class DeniedError(LandingError):
    """The server knows us and will not answer."""


class JsonClient:
    """A server with a base address. The token goes into a header and into no message."""

    def __init__(self, url: str, *, token: str | None = None, attempts: int = ATTEMPTS) -> None:
        self._url = url.rstrip("/")
        self._attempts = attempts
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._http = httpx.Client(timeout=_TIMEOUT_SECONDS, follow_redirects=True, headers=headers)

    def close(self) -> None:
        self._http.close()

    def get(self, path: str, parameters: Mapping[str, str]) -> dict[str, Any]:
        """Raises:
        LandingError: see :meth:`post`.
        """
        return self._ask("GET", path, params=dict(parameters))

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Raises:
        DeniedError: the server wants another token.
        LandingError: it cannot be reached or refuses, also when tried again.
        """
        return self._ask("POST", path, json=dict(body))

    def _ask(self, method: str, path: str, **arguments: Any) -> dict[str, Any]:
        address = f"{self._url}{path}"
        try:
            for attempt in Retrying(
                stop=stop_after_attempt(self._attempts),
                wait=wait_exponential(multiplier=0.5, max=10),
                retry=retry_if_exception(_is_transient),
                reraise=True,
            ):
                with attempt:
                    response = self._http.request(method, address, **arguments)
                    if response.status_code in _TRANSIENT:
                        response.raise_for_status()
        except httpx.HTTPError as error:
            raise LandingError(
                f"{address} cannot be asked: {error or type(error).__name__}. Check the source's url and that the "
                "server runs"
            ) from error
        if response.status_code in _DENIED:
            raise DeniedError(f"{address} refuses ({response.status_code}). Check the token that token_env names")
        # Digits are kept as they are written: amounts must not become floats.
        try:
            document = json.loads(response.content, parse_float=str) if response.content else {}
        except ValueError as error:
            raise LandingError(f"{address} answers no JSON ({response.status_code}). Check the source's url") from error
        if response.is_error or not isinstance(document, dict):
            said = document.get("message") or document.get("error_code") if isinstance(document, dict) else None
            raise LandingError(f"{address} refused ({response.status_code}): {said}. Check the source's settings")
        return document


def _is_transient(error: BaseException) -> bool:
    return isinstance(error, httpx.TransportError | httpx.HTTPStatusError)
