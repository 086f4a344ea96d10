"""Asking Cost Management through Microsoft's client.

Here: sign-on, queries page by page, reports from the request to their files, waiting, errors in words.
Not here: what is asked and what answers mean (``rows``), quotas (``throttle``), loads (``source``).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from finops.azure_cost import Dataset
from finops.config.bill_sources import AzureCostApiSource
from ingestion.addresses import is_safe
from ingestion.azure_sign_on import sign_on
from ingestion.errors import LandingError
from ingestion.sources.azure_cost_api.rows import (
    Page,
    Report,
    ReportBlob,
    parse_page,
    parse_report,
    query_body,
    report_body,
)
from ingestion.sources.azure_cost_api.throttle import MOST_TRIES, QueryBudget, wait_seconds

_POLL_SECONDS = 20.0
_MOST_POLLS = 180


class NotYetError(Exception):
    """Cost Management has no answer yet; it may have one later."""


class CostClient:
    """Cost Management at one endpoint. ``sleep`` and ``clock`` are the machine's unless a test says otherwise."""

    def __init__(
        self,
        source: AzureCostApiSource,
        environ: Mapping[str, str],
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        from azure.mgmt.costmanagement import CostManagementClient

        self._endpoint = source.endpoint.rstrip("/")
        self._sleep = sleep
        self._budget = QueryBudget(sleep, clock)
        credential, options = sign_on(source.credential, self._endpoint, environ, source.id)
        # The client's own retries know neither Cost Management's headers nor its quota.
        self._client = CostManagementClient(credential, self._endpoint, retry_total=0, **options)

    def __enter__(self) -> CostClient:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def query(self, scope: str, dataset: Dataset, first_day: date, last_day: date) -> Iterator[Page]:
        """Pages of one query, none where there is nothing; the client does not follow ``nextLink``, so it is done here:
        the same body goes to the link.

        Raises:
            NotYetError: still throttled after all tries.
            LandingError: any other refusal.
        """
        from azure.core.rest import HttpRequest

        body = query_body(dataset, scope, first_day, last_day)
        usage: Any = self._client.query.usage
        response = self._ask(scope, lambda: usage(_path(scope), body, cls=_http_response), is_query=True)
        seen: set[str] = set()
        while response.status_code != 204:
            page = _parsed(parse_page, response, scope)
            yield page
            if page.next_link is None:
                return
            if page.next_link in seen:
                raise LandingError(f"{scope}: Cost Management sends the same page again and again. Try again later")
            seen.add(page.next_link)
            request = HttpRequest("POST", self._own(page.next_link, scope), json=body)
            response = self._ask(scope, partial(self._send, request), is_query=True)

    def report(self, scope: str, dataset: Dataset, first_day: date, last_day: date) -> Report:
        """A finished report of one month.

        Raises:
            NotYetError: it takes longer than an hour, or Cost Management is still throttling.
            LandingError: any other refusal.
        """
        from azure.core.rest import HttpRequest

        body: Any = report_body(dataset, first_day, last_day)
        begin: Any = self._client.generate_cost_details_report.begin_create_operation
        response = self._ask(scope, lambda: begin(_path(scope), body, polling=_first_answer()).result())
        for _ in range(_MOST_POLLS):
            if response.status_code == 204:
                return Report((), {})
            if response.status_code == 200:
                return _parsed(parse_report, response, scope)
            location = response.headers.get("Location")
            if not location:
                raise LandingError(f"{scope}: Cost Management does not say where its report will be. Try again later")
            self._sleep(wait_seconds(response.headers, 1) if "Retry-After" in response.headers else _POLL_SECONDS)
            request = HttpRequest("GET", self._own(location, scope))
            response = self._ask(scope, partial(self._send, request))
        raise NotYetError(f"{scope}: the report of {first_day:%Y-%m} is still being made")

    def download(self, blob: ReportBlob, path: Path) -> None:
        """A report's file. Its link grants access by itself, so no token is sent.

        Raises:
            NotYetError: the file is not as long as the report says.
            LandingError: it cannot be read.
        """
        from azure.core import PipelineClient
        from azure.core.exceptions import AzureError
        from azure.core.rest import HttpRequest

        if not is_safe(blob.link):
            raise LandingError("a report's file would be sent unencrypted. Report this to Microsoft")
        client: Any = PipelineClient("")
        try:
            with client, path.open("wb") as file:
                response = client.send_request(HttpRequest("GET", blob.link), stream=True)
                response.raise_for_status()
                for chunk in response.iter_raw():
                    file.write(chunk)
        except AzureError as error:
            raise LandingError(
                f"a report's file at {urlsplit(blob.link).netloc} cannot be read: {_first_line(error)}. Allow this "
                "machine to reach *.blob.core.windows.net"
            ) from None  # the cause holds the link, which grants access
        size = path.stat().st_size
        if blob.byte_count is not None and size != blob.byte_count:
            raise NotYetError(f"a report's file has {size} of {blob.byte_count} bytes")

    def _send(self, request: Any) -> Any:
        response = self._client.send_request(request)
        response.raise_for_status()
        return response

    def _own(self, link: str, scope: str) -> str:
        """A link that the answer names; the token must not go anywhere else."""
        if urlsplit(link).netloc != urlsplit(self._endpoint).netloc:
            raise LandingError(
                f"{scope}: Cost Management answers with a link to {urlsplit(link).netloc}, which gets no token. "
                "Correct the source's endpoint"
            )
        return link

    def _ask(self, scope: str, request: Callable[[], Any], *, is_query: bool = False) -> Any:
        from azure.core.exceptions import AzureError, HttpResponseError

        for attempt in range(1, MOST_TRIES + 1):
            if is_query:
                self._budget.spend()
            try:
                response = request()
                if is_query:
                    self._budget.settle(response.headers)
                return response
            except HttpResponseError as error:
                if error.status_code not in (429, 500, 502, 503, 504) or error.response is None:
                    raise LandingError(f"{scope}: {_refusal(error)}") from error
                if attempt < MOST_TRIES:
                    answer: Any = error.response
                    self._sleep(wait_seconds(answer.headers, attempt))
            except AzureError as error:
                raise LandingError(
                    f"{self._endpoint} cannot be asked: {_first_line(error)}. Check the endpoint, the network and this "
                    "machine's sign-on"
                ) from error
        raise NotYetError(f"{scope}: Cost Management was too busy {MOST_TRIES} times")


def _path(scope: str) -> str:
    return scope.strip("/")


def _http_response(pipeline_response: Any, *_: Any) -> Any:
    return pipeline_response.http_response


def _parsed(parse: Callable[[str], Any], response: Any, scope: str) -> Any:
    try:
        return parse(response.text())
    except ValueError as error:
        raise LandingError(f"{scope}: Cost Management's answer cannot be used: {error}. Try again later") from error


def _first_answer() -> Any:
    """A polling method of azure-core that returns the first response: waiting is done here, where it can be tested."""
    from azure.core.polling import PollingMethod

    class FirstAnswer(PollingMethod):
        def initialize(self, client: Any, initial_response: Any, deserialization_callback: Any) -> None:
            self._response = initial_response.http_response

        def run(self) -> None:
            return None

        def status(self) -> str:
            return "first answer"

        def finished(self) -> bool:
            return True

        def resource(self) -> Any:
            return self._response

    return FirstAnswer()


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0].rstrip(".") if str(error) else type(error).__name__


def _refusal(error: Any) -> str:
    said = str(error.message).splitlines()[0].rstrip(".")
    if error.status_code < 400:
        return f"Cost Management's answer cannot be used: {said}. Try again later"
    remedy = {
        400: "If the agreement has no cost details report, set method: query; else correct the scope in sources.yml",
        401: "Sign in again (az login, or the managed identity's settings)",
        403: "Give the identity the role Cost Management Reader on the scope (EA: and let its users view charges)",
        404: "Correct the scope in sources.yml",
        422: "This agreement has no cost details report: set method: query",
    }.get(error.status_code, "Try again later")
    return f"Cost Management refused: {error.status_code} {said}. {remedy}"
