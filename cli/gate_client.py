"""Asking a gate that runs elsewhere.

Here: its HTTP, with the standard library alone: a job's step must start at once.
Not here: what is asked and shown (gate).
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

TIMEOUT_SECONDS = 20.0


class UnreachableError(RuntimeError):
    """The gate gave no answer: it cannot be reached, or it has nothing to judge by."""


class RefusedError(RuntimeError):
    """The gate does not accept what was sent."""


class GateClient:
    """One gate. ``address`` is its root, such as ``https://gate.example.com``."""

    def __init__(self, address: str, token: str | None) -> None:
        parts = urlsplit(address if "//" in address else f"https://{address}")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise RefusedError(f"{address!r} is not the address of a gate; write it like https://gate.example.com")
        self._parts = parts
        self._headers = {"Content-Type": "application/json", "User-Agent": "aifinops-gate"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"

    def ask(self, document: Mapping[str, Any], *, dry_run: bool = False) -> dict[str, Any]:
        return self._call("POST", f"/v1/gate/asks{'?dry_run=true' if dry_run else ''}", document)

    def look_up(self, ask_id: str) -> dict[str, Any]:
        return self._call("GET", f"/v1/gate/asks/{quote(ask_id, safe='')}")

    def settle(self, ask_id: str, actual: str, currency: str) -> dict[str, Any]:
        document = {"actual": actual, "currency": currency}
        return self._call("POST", f"/v1/gate/asks/{quote(ask_id, safe='')}/settlement", document)

    def release(self, ask_id: str, why: str | None) -> dict[str, Any]:
        return self._call("POST", f"/v1/gate/asks/{quote(ask_id, safe='')}/release", {"why": why})

    def _call(self, method: str, path: str, document: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Raises: UnreachableError, RefusedError."""
        kind = http.client.HTTPSConnection if self._parts.scheme == "https" else http.client.HTTPConnection
        connection = kind(self._parts.hostname or "", self._parts.port, timeout=TIMEOUT_SECONDS)
        where = f"{self._parts.scheme}://{self._parts.netloc}"
        try:
            body = None if document is None else json.dumps(document)
            connection.request(method, self._parts.path.rstrip("/") + path, body, self._headers)
            response = connection.getresponse()
            status, text = response.status, response.read()
        except (OSError, http.client.HTTPException) as error:
            raise UnreachableError(f"the gate at {where} cannot be reached: {error}") from None
        finally:
            connection.close()
        try:
            answer = json.loads(text)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise UnreachableError(f"the gate at {where} answered {status} without JSON; is this its address?")
        if status >= 500:
            raise UnreachableError(f"the gate at {where} cannot judge: {answer.get('error', status)}")
        if status >= 400:
            raise RefusedError(str(answer.get("error", f"the gate answered {status}")))
        return answer
