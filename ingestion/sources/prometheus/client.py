"""Asking Prometheus: ``/api/v1/query_range``.

Here: one request with retries, errors in words.
Not here: which queries and windows (``source``) and what answers mean (``rows``).
"""

from __future__ import annotations

import json
from typing import Any

import httpx
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exponential

from ingestion.errors import LandingError

MOST_POINTS = 11_000
"""Prometheus refuses a query_range with more points per series."""
_TIMEOUT_SECONDS = 120
_ATTEMPTS = 4
_TRANSIENT = frozenset((429, 502, 503, 504))


class PrometheusClient:
    """A Prometheus server, or anything that speaks its API (Thanos, Mimir, Azure Managed Prometheus' query
    endpoint)."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._http = httpx.Client(timeout=_TIMEOUT_SECONDS, follow_redirects=True)

    def __enter__(self) -> PrometheusClient:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def query_range(self, query: str, *, start: int, end: int, step_seconds: int) -> list[dict[str, Any]]:
        """Series of a query, ``{"metric": labels, "values": [[seconds, text], …]}``; both ends are inside.

        Raises:
            LandingError: the server cannot be reached or refuses, also after four tries.
        """
        parameters = {"query": query, "start": str(start), "end": str(end), "step": str(step_seconds)}
        address = f"{self._url}/api/v1/query_range"
        try:
            for attempt in Retrying(
                stop=stop_after_attempt(_ATTEMPTS),
                wait=wait_exponential(multiplier=0.5, max=10),
                retry=retry_if_exception(_is_transient),
                reraise=True,
            ):
                with attempt:
                    response = self._http.post(address, data=parameters)
                    if response.status_code in _TRANSIENT:
                        response.raise_for_status()
            document = response.json()
        except (httpx.HTTPError, json.JSONDecodeError) as error:
            raise LandingError(
                f"{address} cannot be asked: {error or type(error).__name__}. Check the source's url and that the "
                "server runs"
            ) from error
        if document.get("status") != "success":
            raise LandingError(
                f"{address} refused {query!r}: {document.get('error')}. Check step_seconds and lookback_days"
            )
        result: list[dict[str, Any]] = document["data"]["result"]
        return result


def _is_transient(error: BaseException) -> bool:
    return isinstance(error, httpx.TransportError | httpx.HTTPStatusError)
