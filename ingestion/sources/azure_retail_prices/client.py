"""Azure's Retail Prices API, and files with its answers.

Here: paging, retries, reading files, errors in words.
Not here: what items mean (``rows``).

The API needs no sign-in. It answers ``{"Items": […], "NextPageLink": address or null, "Count": n}`` with up to 1,000
items a page: https://learn.microsoft.com/rest/api/cost-management/retail-prices/azure-retail-prices.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import httpx
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from ingestion.errors import LandingError
from ingestion.files import StoredFile, list_files_of_kind

API_VERSION = "2023-01-01-preview"
"""The version that lists savings plans as well; without one the API answers with its first."""
MOST_PAGES = 2_000
_ATTEMPTS = 5
_TIMEOUT_SECONDS = 120
_TRANSIENT = frozenset((429, 500, 502, 503, 504))


class _TransientError(Exception):
    """An answer that another try may better."""


def is_http(url: str) -> bool:
    return url.startswith(("http://", "https://"))


def ask(url: str, filter_text: str, currency: str) -> Iterator[list[dict[str, Any]]]:
    """Pages of items; amounts are ``Decimal`` with every digit of the answer.

    Raises:
        LandingError: the API cannot be reached or refuses, also after five tries, or its pages never end.
    """
    first = httpx.URL(url, params={"api-version": API_VERSION, "currencyCode": f"'{currency}'", "$filter": filter_text})
    address: str | None = str(first)
    seen: set[str] = set()
    with httpx.Client(timeout=_TIMEOUT_SECONDS, follow_redirects=True) as http:
        while address is not None:
            if address in seen or len(seen) >= MOST_PAGES:
                raise LandingError(
                    f"{url} repeats its pages after {len(seen)}: nothing of it is landed. Try again later"
                )
            seen.add(address)
            document = _get(http, address)
            items = document.get("Items")
            if not isinstance(items, list):
                raise LandingError(f"{url} answered without Items. Check the source's url")
            yield items
            address = document.get("NextPageLink") or None
            if address is not None and urlsplit(address).hostname != urlsplit(str(first)).hostname:
                raise LandingError(f"{url} continues on another host, {urlsplit(address).hostname}: not followed")


def _get(http: httpx.Client, address: str) -> dict[str, Any]:
    try:
        for attempt in Retrying(
            stop=stop_after_attempt(_ATTEMPTS),
            wait=wait_exponential(multiplier=0.5, max=15),
            retry=retry_if_exception_type((httpx.TransportError, _TransientError)),
            reraise=True,
        ):
            with attempt:
                response = http.get(address)
                if response.status_code in _TRANSIENT:
                    raise _TransientError(f"{response.status_code} {response.reason_phrase}")
        if response.is_error:
            raise LandingError(
                f"{address} refused: {response.status_code} {response.text[:200].strip()}. Check the source's filter"
            )
        document: dict[str, Any] = json.loads(response.text, parse_float=Decimal)
    except (httpx.HTTPError, _TransientError, json.JSONDecodeError) as error:
        raise LandingError(
            f"{address} cannot be asked: {error or type(error).__name__}. Check the network, or download the list and "
            "name the file as the source's url"
        ) from error
    return document


def list_answers(url: str, environ: Mapping[str, str]) -> list[StoredFile]:
    """JSON files below ``url``, or the one file.

    Raises:
        LandingError: nothing is there, or the one file is of another kind.
    """
    return list_files_of_kind(url, environ, (".json",), "is no JSON. Save the API's answers as they are")


def read_answer(file: StoredFile) -> list[dict[str, Any]]:
    """Items of a saved answer, or of a list of items.

    Raises:
        LandingError: it holds neither.
    """
    with file.location.filesystem.open(file.path, "rb", compression="infer") as stream:
        try:
            document = json.loads(stream.read().decode("utf-8-sig"), parse_float=Decimal)
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise LandingError(f"{file.address} is not JSON: {error}. Download it again") from error
    items = document.get("Items") if isinstance(document, dict) else document
    if not isinstance(items, list):
        raise LandingError(f"{file.address} holds no Items. Save the API's answers as they are")
    return items
