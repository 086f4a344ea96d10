"""JSON over HTTPS for the actuators that call plain APIs.

Here: one request to an address that was judged, what its answer means for an order.
Not here: paths and documents (openai, litellm, ticket).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import httpx

from finops.periods import utc_now
from guardrails.actuators.base import ConflictError, FailedError, RefusedError
from guardrails.address import RefusedAddressError, Resolve, locate, system_resolve
from guardrails.transport import exchange, in_words, make_client, retry_after

USER_AGENT = "aifinops-guardrails"


class JsonApi:
    """An API at one address, with the headers that sign its requests."""

    def __init__(
        self,
        name: str,
        base: str,
        headers: Mapping[str, str],
        *,
        allow_private: bool,
        rights: str,
        resolve: Resolve = system_resolve,
    ) -> None:
        """``name``: what people call it; ``rights``: what to do where it refuses the request for want of rights."""
        self._name = name
        self._base = base.rstrip("/")
        self._headers = {"accept": "application/json", "user-agent": USER_AGENT, **headers}
        self._allow_private = allow_private
        self._rights = rights
        self._resolve = resolve
        self._client = make_client()

    def call(self, method: str, path: str, *, query: Mapping[str, str] | None = None, body: Any = None) -> Any:
        """The answer's document; None: 404, or an answer without one.

        Raises:
            RefusedError: the API will not do it, however often it is asked.
            FailedError: it may, later. ConflictError where the object has changed meanwhile.
        """
        headers = dict(self._headers)
        content = None
        if body is not None:
            content = json.dumps(body).encode()
            headers["content-type"] = "application/json"
        try:
            url = self._base + path + (f"?{urlencode(query)}" if query else "")
            receiver = locate(url, allow_private=self._allow_private, resolve=self._resolve)
            response = exchange(self._client, method, receiver, headers=headers, content=content)
            response.read()
        except RefusedAddressError as refusal:
            raise RefusedError(f"{self._name} cannot be called: {refusal.reason}", refusal.remedy) from None
        except httpx.TransportError as error:
            raise FailedError(f"{self._name}: {in_words(error)}") from None
        except OSError as error:
            raise FailedError(f"{self._name}: its name could not be resolved: {error.strerror or error}") from None
        return self._judged(response)

    def close(self) -> None:
        self._client.close()

    def _judged(self, response: httpx.Response) -> Any:
        status = response.status_code
        if status == 404 or (response.is_success and not response.content):
            return None
        try:
            document = response.json()
        except ValueError:
            document = None
        if response.is_success:
            if document is None:
                raise FailedError(f"{self._name}: the answer is no JSON")
            return document
        said = f"{self._name} answered {status}{_message(document)}"
        if status in (409, 412):
            raise ConflictError(said)
        if status == 403:
            raise RefusedError(said, f"{self._rights}, then replay the dead letter")
        if status in (400, 405, 410, 422) or 300 <= status < 400:
            raise RefusedError(said, "Correct the route's targets in routing.yml, then replay the dead letter")
        raise FailedError(said, retry_after(response.headers.get("retry-after"), utc_now()))


def _message(document: Any) -> str:
    """What an API says about its refusal, in any of the shapes that are about."""
    if not isinstance(document, Mapping):
        return ""
    said = document.get("error", document.get("detail", document.get("message")))
    if isinstance(said, Mapping):
        said = said.get("message", said.get("error"))
    return f": {str(said)[:300]}" if said else ""
