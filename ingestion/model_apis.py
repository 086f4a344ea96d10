"""Usage and cost reports of model vendors: what OpenAI's and Anthropic's administration APIs have in common.

Here: asking them page by page with dlt's REST client, errors in words, which windows to ask, their loads, and probing.
Not here: addresses, parameters and what answers mean (each source's ``client`` and ``rows``).

Both answer in time buckets (``{"data": [bucket, …], "has_more": …, "next_page": …}``), both let figures settle for some
days, and both can be asked for any past day again. A load holds the answers of all reports for one stretch of time.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from finops import lake as contract
from finops.config.usage_sources import AnthropicSource, OpenAiSource
from finops.periods import utc_now
from ingestion.addresses import is_safe
from ingestion.drift import FieldCounts
from ingestion.errors import LandingError
from ingestion.lake import LakeWriter, arrow_schema, naive_utc
from ingestion.landing import LandingContext, LandingResult
from ingestion.privacy import mask_emails
from ingestion.probe import Finding, Status
from ingestion.rejects import Reject, reject_table
from ingestion.windows import (
    Window,
    floor,
    landed_windows,
    window_row,
    window_table,
    windows_of_periods,
    windows_to_ask,
)

if TYPE_CHECKING:
    from dlt.sources.helpers.rest_client.client import RESTClient
    from requests import Response

Row = dict[str, Any]
Bucket = dict[str, Any]

DAY = timedelta(days=1)
BUCKETS = {"1m": timedelta(minutes=1), "1h": timedelta(hours=1), "1d": DAY}
MOST_BUCKETS = {"1m": 1440, "1h": 168, "1d": 31}
"""Buckets that one page of a usage report may hold, at either vendor."""
_CHUNKS = {"1m": timedelta(days=7), "1h": timedelta(days=62), "1d": timedelta(days=186)}
"""Time in one load: a killed landing loses no more than this, and some 100,000 rows are in memory at once."""
_ATTEMPTS = 5
PROBE_ATTEMPTS = 2
_BACKOFF_SECONDS = 0.5
_LONGEST_WAIT_SECONDS = 60
_TIMEOUT_SECONDS = 120


class RefusedError(LandingError):
    """The API answered with an error. ``status`` is its HTTP status."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Api:
    """An API as its documentation describes it. ``key_header`` None means a bearer token."""

    endpoint: str
    key_header: str | None
    headers: Mapping[str, str]
    key_remedy: str
    permission_remedy: str
    cursor_of_list: str


class ApiClient:
    """One vendor's API with one key. Throttled and failed requests are tried again, as ``Retry-After`` says, up to
    ``attempts`` times in all."""

    def __init__(
        self,
        api: Api,
        source: OpenAiSource | AnthropicSource,
        environ: Mapping[str, str],
        attempts: int = _ATTEMPTS,
    ) -> None:
        self._api = api
        self._variable = source.admin_key_env
        self._key = environ.get(self._variable, "")
        self._endpoint = (source.endpoint or api.endpoint).rstrip("/")
        if not self._key:
            raise LandingError(f"{source.id}: the environment variable {self._variable} is not set. {api.key_remedy}")
        if not is_safe(self._endpoint):
            raise LandingError(
                f"{self._endpoint} is not encrypted: a key is only sent over https, or to this machine itself"
            )
        self._client = self._open(attempts)

    def __enter__(self) -> ApiClient:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.session.close()

    def buckets(self, path: str, parameters: Mapping[str, Any]) -> Iterator[Bucket]:
        """Buckets of a report over all its pages. Numbers with a point stay text, digit for digit.

        Raises:
            LandingError: the vendor cannot be reached, refuses, or answers no report.
        """
        from dlt.sources.helpers.rest_client.paginators import JSONResponseCursorPaginator

        paginator = JSONResponseCursorPaginator(cursor_path="next_page", cursor_param="page", has_more_path="has_more")
        yield from self._pages(path, parameters, paginator, "next_page")

    def items(self, path: str, parameters: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """Items of a list over all its pages.

        Raises:
            LandingError: as ``buckets``.
        """
        from dlt.sources.helpers.rest_client.paginators import JSONResponseCursorPaginator

        paginator = JSONResponseCursorPaginator(
            cursor_path="last_id", cursor_param=self._api.cursor_of_list, has_more_path="has_more"
        )
        yield from self._pages(path, parameters, paginator, "last_id")

    def _pages(self, path: str, parameters: Mapping[str, Any], paginator: Any, cursor: str) -> Iterator[dict[str, Any]]:
        from requests import HTTPError, RequestException

        seen: set[str] = set()
        address = f"{self._endpoint}/{path}"
        try:
            for page in self._client.paginate(
                path, params=dict(parameters), paginator=paginator, data_selector="data", allow_redirects=False
            ):
                document = _document(page.response, address)
                if document.get("has_more") and document.get(cursor) in (None, "", *seen):
                    # Asking on would go round in circles, or leave the rest out without a word.
                    raise LandingError(f"{address} says that there is more and not where. Try again later")
                seen.add(str(document.get(cursor)))
                yield from document["data"]
        except HTTPError as error:
            raise self._refusal(address, error) from None
        except (ValueError, LookupError, TypeError, AttributeError):
            # The client's own message would repeat the whole answer.
            raise LandingError(f"{address} answered no page of a report. Check the source's endpoint") from None
        except RequestException as error:
            raise LandingError(
                f"{address} cannot be asked: {self._without_key(str(error)) or type(error).__name__}. Check the "
                "source's endpoint and the network"
            ) from error

    def _refusal(self, address: str, error: Any) -> RefusedError:
        response: Response = error.response
        said = self._without_key(_message(response))
        remedy = {
            401: f"Check the key in {self._variable}. {self._api.key_remedy}",
            403: f"The key in {self._variable} lacks a permission. {self._api.permission_remedy}",
            404: "Check the source's endpoint",
            429: "Try again later; what was asked before is landed",
        }.get(response.status_code)
        if remedy is None:
            is_theirs = response.status_code >= 500
            remedy = "Try again later; what was asked before is landed" if is_theirs else "Check the source's settings"
        return RefusedError(f"{address} refused: {response.status_code} {said}. {remedy}", response.status_code)

    def _without_key(self, text: str) -> str:
        return text.replace(self._key, "…")

    def _open(self, attempts: int) -> RESTClient:
        from dlt.sources.helpers.requests.retry import Client
        from dlt.sources.helpers.rest_client.auth import APIKeyAuth, AuthConfigBase, BearerTokenAuth
        from dlt.sources.helpers.rest_client.client import RESTClient

        auth: AuthConfigBase
        if self._api.key_header is None:
            auth = BearerTokenAuth(self._key)
        else:
            auth = APIKeyAuth(name=self._api.key_header, api_key=self._key, location="header")
        session = Client(
            request_timeout=_TIMEOUT_SECONDS,
            raise_for_status=False,
            request_max_attempts=attempts,
            request_backoff_factor=_BACKOFF_SECONDS,
            request_max_retry_delay=_LONGEST_WAIT_SECONDS,
        ).session
        session.trust_env = False  # a .netrc would replace the key; proxies are named by the session below
        session.proxies.update(_proxies(self._endpoint))
        return RESTClient(f"{self._endpoint}/", headers=dict(self._api.headers), auth=auth, session=session)


def _proxies(endpoint: str) -> dict[str, str]:
    from requests.utils import get_environ_proxies

    return {name: str(address) for name, address in get_environ_proxies(endpoint).items()}


def _document(response: Response, address: str) -> dict[str, Any]:
    """A page, with every number that has a point as its text: a float would change the last digits of money."""
    document = json.loads(response.content, parse_float=str)
    if response.status_code != 200 or not isinstance(document, dict) or not isinstance(document.get("data"), list):
        raise LandingError(f"{address} answered {response.status_code} and no report. Check the source's endpoint")
    return document


def _message(response: Response) -> str:
    try:
        error = json.loads(response.content)["error"]
        return str(error["message"]).splitlines()[0].rstrip(".")
    except (ValueError, LookupError, TypeError):
        return response.reason or "without a reason"


# ── rows ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


class UnreadableError(ValueError):
    """A result that cannot become a row: which member, and why."""

    def __init__(self, column: str, reason: str) -> None:
        super().__init__(reason)
        self.column = column


@dataclass
class Answer:
    """The rows of one report for one window, what could not be one, and which members results had."""

    rows: list[Row] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    members: FieldCounts = field(default_factory=FieldCounts)


def read_buckets(
    buckets: Iterator[Bucket],
    window: Window,
    *,
    times: Callable[[Bucket], tuple[datetime, datetime]],
    row: Callable[[dict[str, Any]], Row],
    identity: Sequence[str],
    address: str,
    personal: frozenset[str],
) -> Answer:
    """Rows of a report's buckets.

    A page may repeat the bucket that the page before ended with: what a bucket says of the same group (``identity``)
    later in an answer replaces what it said before, so that nothing counts twice. Buckets outside the window belong to
    another one.

    Args:
        times: start and end of a bucket.
        row: a result as a row, without its times.
        identity: columns that say which group a row is about.
        address: stands in rejects as the file.
        personal: members that a refused result loses before it is kept.

    Raises:
        LandingError: a bucket without times.
    """
    answer = Answer()
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for bucket in buckets:
        try:
            start, end = times(bucket)
            results = list(bucket["results"])
        except (KeyError, TypeError, ValueError) as error:
            raise LandingError(f"{address} answered a bucket without {error}. Check the source's endpoint") from error
        if not window.start <= start < window.end:
            continue
        said: dict[tuple[Any, ...], list[Row]] = {}
        for number, result in enumerate(results, start=1):
            answer.members.add(result)
            try:
                values = row(result)
            except UnreadableError as error:
                kept = {name: value for name, value in result.items() if name not in personal}
                answer.rejects.append(
                    Reject(
                        x_file=f"{address} {start:%Y-%m-%dT%H:%MZ}",
                        x_row=number,
                        column_name=error.column,
                        reason=str(error),
                        remedy="Ask the vendor's support; the figure is asked for again while the day settles",
                        raw_row=mask_emails(json.dumps(kept, sort_keys=True, ensure_ascii=False)),
                    )
                )
                continue
            values |= {"bucket_start": naive_utc(start), "bucket_end": naive_utc(end)}
            said.setdefault((start, *(values.get(name) for name in identity)), []).append(values)
        groups |= said
    answer.rows = [values for rows in groups.values() for values in rows]
    return answer


def text(result: Mapping[str, Any], name: str) -> str | None:
    """A member as text; null and blank are the same."""
    value = result.get(name)
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    return str(value).strip()


def count(result: Mapping[str, Any], name: str) -> int | None:
    """A member that counts something; absent, null and blank stay null.

    Raises:
        UnreadableError: it is no whole number.
    """
    value = text(result, name)
    if value is None:
        return None
    try:
        return int(value)
    except ValueError:
        raise UnreadableError(name, f"{name} is no whole number: {value}") from None


def flag(result: Mapping[str, Any], name: str) -> bool | None:
    value = result.get(name)
    return value if isinstance(value, bool) else None


# ── landing ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Report:
    """Something that is asked window by window, from ``start`` to ``end``. ``scope`` names it in landing__window."""

    scope: str
    table: contract.LakeTable
    start: datetime
    end: datetime
    ask: Callable[[Window], Answer]


@dataclass(frozen=True)
class Name:
    """A name that a vendor gives to an id."""

    kind: str
    item_id: str
    item_name: str
    parent_id: str | None


def usage_reach(
    source: OpenAiSource | AnthropicSource, as_of: datetime, bucket_width: str
) -> tuple[datetime, datetime]:
    """From where to where usage is asked for: it ends with the last bucket that is over."""
    return floor(as_of - timedelta(days=source.usage_lookback_days), DAY), floor(as_of, BUCKETS[bucket_width])


def cost_reach(source: OpenAiSource | AnthropicSource, as_of: datetime) -> tuple[datetime, datetime]:
    """From where to where costs are asked for: a day's bill not before the day is over."""
    return floor(as_of - timedelta(days=source.lookback_days), DAY), floor(as_of, DAY)


def land_reports(
    source: OpenAiSource | AnthropicSource,
    context: LandingContext,
    result: LandingResult,
    client: Callable[[], ApiClient],
    reports: Callable[[ApiClient], Sequence[Report]],
    names: Callable[[ApiClient], Iterator[Name]],
) -> None:
    """Ask for what was never asked, and for the days that may still change; every load is complete in itself.

    Raises:
        LandingError: the vendor refused; windows before that one are landed.
    """
    with context.lake.writer(source) as writer, client() as opened:
        plan = _plan(source, context, reports(opened))
        if not plan:
            return
        new_names = _new_names(source, context, result, opened, names)
        for _, asked in sorted(plan.items()):
            _land_windows(source, context, result, writer, asked, new_names)
            new_names = []


def _plan(
    source: OpenAiSource | AnthropicSource, context: LandingContext, reports: Sequence[Report]
) -> dict[datetime, list[tuple[Report, Window]]]:
    """Windows by where they start, so that one stretch of time is one load."""
    longest = _CHUNKS[source.bucket_width]
    landed = landed_windows(context.lake, source.id) if context.periods is None else {}
    plan: dict[datetime, list[tuple[Report, Window]]] = {}
    for report in reports:
        if context.periods is not None:
            windows = windows_of_periods(context.periods, start=report.start, end=report.end, longest=longest)
        else:
            known = landed.get(report.scope, [])
            windows = _open_windows(known, report.start, report.end, timedelta(days=source.settle_days), longest)
        for window in windows:
            plan.setdefault(window.start, []).append((report, window))
    return plan


def _open_windows(
    landed: list[Window], start: datetime, end: datetime, settle: timedelta, longest: timedelta
) -> list[Window]:
    """Windows of whole days, but for the last: a day is current as one answer gave it (dbt: stg_model_api__answer)."""
    if not windows_to_ask(landed, start=start, end=end, ask_again=timedelta(0), longest=longest):
        return []
    whole_days = [Window(known.start, floor(known.end, DAY)) for known in landed]
    return windows_to_ask(
        [window for window in whole_days if window.start < window.end],
        start=start,
        end=end,
        ask_again=settle,
        longest=longest,
    )


def _land_windows(
    source: OpenAiSource | AnthropicSource,
    context: LandingContext,
    result: LandingResult,
    writer: LakeWriter,
    asked: list[tuple[Report, Window]],
    names: list[Row],
) -> None:
    requested_at = utc_now()
    tables: dict[str, list[pa.Table]] = {}
    windows: list[Row] = []
    found = 0
    for report, window in asked:
        answer = report.ask(window)
        writer.drift.observe_fields(report.table, f"{source.type}: {report.scope}", answer.members, answer.rejects)
        stamp = {"source_id": source.id, "requested_at": naive_utc(requested_at)}
        windows.append(
            window_row(
                window,
                source_id=source.id,
                table_name=report.table.name,
                scope=report.scope,
                requested_at=requested_at,
                row_count=len(answer.rows),
            )
        )
        if answer.rows:
            rows = [values | stamp for values in answer.rows]
            table = pa.Table.from_pylist(rows, schema=arrow_schema(report.table))
            tables.setdefault(report.table.name, []).append(table)
        if answer.rejects:
            refused = reject_table(
                answer.rejects, source_id=source.id, table_name=report.table.name, landed_at=requested_at
            )
            tables.setdefault(contract.REJECTED.name, []).append(refused)
            result.rejected += len(answer.rejects)
        result.add_rows(report.table.name, len(answer.rows))
        found += len(answer.rows)
    if names:
        stamped = [name | {"requested_at": naive_utc(requested_at)} for name in names]
        table = pa.Table.from_pylist(stamped, schema=arrow_schema(contract.MODEL_API_NAME))
        tables[contract.MODEL_API_NAME.name] = [table]
        result.add_rows(contract.MODEL_API_NAME.name, len(names))
    writer.load({**tables, contract.WINDOW.name: [window_table(windows)]})
    result.windows += len(windows)
    first, last = min(window.start for _, window in asked), max(window.end for _, window in asked)
    context.progress(f"{first:%Y-%m-%d} to {last:%Y-%m-%d %H:%M}: {found} rows")


def _new_names(
    source: OpenAiSource | AnthropicSource,
    context: LandingContext,
    result: LandingResult,
    client: ApiClient,
    names: Callable[[ApiClient], Iterator[Name]],
) -> list[Row]:
    """Names that the lake does not have like this. Without permission to list them, usage and costs land all the
    same."""
    columns = ("source_id", "kind", "item_id", "item_name", "parent_id", "requested_at")
    known: dict[tuple[str, str], tuple[Any, ...]] = {}
    landed = context.lake.read(contract.MODEL_API_NAME, columns, source_id=source.id).to_pylist()
    for row in sorted(landed, key=lambda row: row["requested_at"]):
        known[row["kind"], row["item_id"]] = (row["item_name"], row["parent_id"])
    new = []
    try:
        for name in names(client):
            item_name = mask_emails(name.item_name)
            if known.get((name.kind, name.item_id)) != (item_name, name.parent_id):
                new.append(
                    {
                        "source_id": source.id,
                        "provider": source.type,
                        "kind": name.kind,
                        "item_id": name.item_id,
                        "item_name": item_name,
                        "parent_id": name.parent_id,
                    }
                )
    except RefusedError as error:
        if error.status != 403:
            raise
        result.ignored.append(f"names of projects, workspaces and keys: {error}")
    return new


# ── probing ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def probe_reports(
    client: Callable[[], ApiClient],
    asked: Mapping[str, Callable[[ApiClient], Iterator[Any]]],
    least_privilege: str,
) -> Iterator[Finding]:
    """Ask for the first item of each thing in ``asked``; reading only. Never raises for what it finds.

    Whether a key may also write cannot be asked without writing, so that is said and left to a person:
    ``least_privilege`` is what to do.
    """
    try:
        opened = client()
    except LandingError as error:
        message, _, remedy = str(error).partition(". ")
        yield Finding("reachable", "unknown", message, remedy or None)
        return
    with opened:
        is_reached = False
        for name, ask in asked.items():
            try:
                next(iter(ask(opened)), None)
            except RefusedError as error:
                if not is_reached:
                    yield Finding("reachable", "ok", "it answers")
                is_reached = True
                said, _, remedy = str(error).rpartition(". ")
                status: Status = "warning" if name.startswith("names") else "failed"
                yield Finding("permitted", status, f"{name} cannot be read: {said or remedy}", remedy)
            except LandingError as error:
                message, _, remedy = str(error).rpartition(". ")
                yield Finding("reachable", "failed", message or remedy, remedy)
                return
            else:
                if not is_reached:
                    yield Finding("reachable", "ok", "it answers")
                is_reached = True
                yield Finding("permitted", "ok", f"{name} can be read")
        yield Finding("permitted", "unknown", "whether the key may do more than read cannot be asked", least_privilege)
