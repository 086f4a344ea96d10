"""OpenAI's and Anthropic's administration APIs: usage and cost reports, and names.

Here: keys, parameters, limits, paging and answers in the vendors' wire formats, as their documentation describes them.
Not here: the figures (``simulator.model_apis``).

Every 200th report answers 429 with ``Retry-After``, as a throttled organisation sees now and then.
"""

from __future__ import annotations

import base64
import binascii
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from simulator import model_apis as data
from simulator import organisation as org
from simulator.model_apis import Vendor, Workload, item_id

THROTTLED_EVERY = 200
MOST_BUCKETS = {"1m": 1440, "1h": 168, "1d": 31}
_DEFAULT_BUCKETS = {"1m": 60, "1h": 24, "1d": 7}
_SECONDS = {"1m": 60, "1h": 3600, "1d": 86_400}
_OPENAI_COST_LIMIT = 180
_PERSON = {"name": "Kim Larsen", "email": "kim.larsen@contoso.example"}
_USERS = tuple(item_id("user-", f"person {number}") for number in range(3))

OPENAI_GROUPS: dict[str, tuple[str, ...]] = {
    "completions": ("project_id", "user_id", "api_key_id", "model", "batch", "service_tier"),
    "embeddings": ("project_id", "user_id", "api_key_id", "model"),
    "moderations": ("project_id", "user_id", "api_key_id", "model"),
    "images": ("project_id", "user_id", "api_key_id", "model", "size", "source"),
    "audio_speeches": ("project_id", "user_id", "api_key_id", "model"),
    "audio_transcriptions": ("project_id", "user_id", "api_key_id", "model"),
    "vector_stores": ("project_id",),
    "code_interpreter_sessions": ("project_id",),
}
_OPENAI_COST_GROUPS = ("project_id", "line_item", "api_key_id")
_ANTHROPIC_GROUPS = (
    "api_key_id", "workspace_id", "model", "service_tier", "context_window", "inference_geo", "account_id",
    "service_account_id",
)  # fmt: skip
_ANTHROPIC_COST_GROUPS = ("workspace_id", "description")

Query = Mapping[str, Sequence[str]]
Row = dict[str, Any]


class ModelApiError(Exception):
    """A request that the vendor would refuse."""

    def __init__(self, vendor: Vendor, status: int, kind: str, message: str, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.vendor, self.status, self.kind, self.message, self.retry_after = vendor, status, kind, message, retry_after

    def document(self) -> Row:
        if self.vendor == "openai":
            return {"error": {"message": self.message, "type": self.kind, "param": None, "code": self.kind}}
        return {"type": "error", "error": {"type": self.kind, "message": self.message}, "request_id": "req_simulated"}


@dataclass(frozen=True)
class _Period:
    """What a report is asked for: buckets of ``width`` seconds from ``start`` to ``end``, ``limit`` a page."""

    start: int
    end: int
    width: int
    limit: int
    page: str | None


class ModelApiStore:
    """Both vendors' reports over one organisation."""

    def __init__(self, parameters: org.Parameters) -> None:
        self._parameters = parameters
        self._lock = threading.Lock()
        self._asked = 0
        self._failures: dict[str, list[tuple[int, int | None]]] = {}
        self._usage = lru_cache(maxsize=4096)(self._bucket_of_usage)

    def plan_failure(self, vendor: str, status: int, times: int, retry_after: int | None) -> None:
        """Let the next ``times`` reports of a vendor fail."""
        with self._lock:
            self._failures.setdefault(vendor, []).extend([(status, retry_after)] * times)

    # ── OpenAI ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def openai(self, path: str, query: Query, headers: Mapping[str, str]) -> Row:
        """``GET /v1/organization/{path}``.

        Raises:
            ModelApiError: OpenAI would refuse.
        """
        _check_openai_key(headers.get("authorization", ""))
        if path == "projects" or path.startswith("projects/"):
            return self._openai_names(path)
        self._fail_now_and_then("openai")
        if path == "costs":
            groups = _openai_groups(query, _OPENAI_COST_GROUPS)
            period = _openai_period(query, {"1d": _OPENAI_COST_LIMIT})
            return _openai_page(period, lambda start: self._openai_costs(start, groups))
        endpoint = path.removeprefix("usage/")
        if path == endpoint or endpoint not in OPENAI_GROUPS:
            raise ModelApiError("openai", 404, "invalid_request_error", f"Invalid URL (GET /v1/organization/{path})")
        groups = _openai_groups(query, OPENAI_GROUPS[endpoint])
        period = _openai_period(query, MOST_BUCKETS)
        return _openai_page(period, lambda start: self._openai_usage(endpoint, start, period.width, groups))

    def _openai_usage(self, endpoint: str, start: int, width: int, groups: Sequence[str]) -> list[Row]:
        day = datetime.fromtimestamp(start, UTC).date()
        kind = f"organization.usage.{endpoint}.result"
        if endpoint == "vector_stores":
            stored = data.VECTOR_STORAGE_BYTES if data.bill(self._parameters, "openai", day) else 0
            rows = [{"project_id": item_id("proj_", data.SETTLING_PROJECT), "usage_bytes": stored}] if stored else []
            return [{"object": kind, **row} for row in _grouped(rows, ("project_id",), groups)]
        if endpoint in _OPENAI_COUNTS:
            rows = self._usage("openai", endpoint, start, width, "user_id" in groups)
            if day == data.BLANK_DAY and width == _SECONDS["1d"]:
                rows = [dict.fromkeys(OPENAI_GROUPS[endpoint]) | dict.fromkeys(_OPENAI_COUNTS[endpoint], 0)]
        else:
            rows = []
        return [{"object": kind, **row} for row in _grouped(rows, OPENAI_GROUPS[endpoint], groups)]

    def _openai_costs(self, start: int, groups: Sequence[str]) -> list[Row]:
        day = datetime.fromtimestamp(start, UTC).date()
        kind = "organization.costs.result"
        if day == data.BLANK_DAY and self._parameters.first_day <= day:
            amount = {"value": 0, "currency": "usd"}
            return [{"object": kind, "amount": amount, "line_item": None, "project_id": None, "api_key_id": None}]
        rows = []
        for line in data.bill(self._parameters, "openai", day):
            workload = line.workload
            rows.append(
                {
                    "line_item": _line_item(workload, line.token_class, line.what),
                    "project_id": item_id("proj_", line.project or ""),
                    "api_key_id": item_id("key_", workload.key or "") if workload else None,
                    "amount": line.amount,
                    "quantity": line.quantity if workload else None,
                    "quantity_unit": "tokens" if workload else None,
                }
            )
        return [
            {"object": kind, **row, "amount": {"value": float(row["amount"]), "currency": "usd"}}
            for row in _grouped(rows, (*_OPENAI_COST_GROUPS, "quantity_unit"), (*groups, "quantity_unit"))
        ]

    def _openai_names(self, path: str) -> Row:
        projects = sorted({w.project for w in data.WORKLOADS if w.vendor == "openai" and w.project})
        if path == "projects":
            return _list(
                {"id": item_id("proj_", name), "object": "organization.project", "name": name, "status": "active"}
                for name in projects
            )
        parts = path.split("/")
        project = next((name for name in projects if item_id("proj_", name) == parts[1]), None)
        if project is None or parts[2:] != ["api_keys"]:
            raise ModelApiError("openai", 404, "invalid_request_error", f"No such project: {parts[1]}")
        keys = sorted({w.key for w in data.WORKLOADS if w.vendor == "openai" and w.project == project and w.key})
        found = [
            {
                "object": "organization.project.api_key",
                "redacted_value": "sk-proj-…x9Qa",
                "name": name,
                "id": item_id("key_", name),
                "owner": {"type": "user", "user": {"object": "organization.project.user", "id": _USERS[0], **_PERSON}},
            }
            for name in keys
        ]
        if project == data.FREE_PROJECT:
            old = {**found[0], "id": item_id("key_", "trial"), "name": f"trial of {_PERSON['email']}"}
            found.append(old)
        return _list(found)

    # ── Anthropic ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def anthropic(self, path: str, query: Query, headers: Mapping[str, str]) -> Row:
        """``GET /v1/organizations/{path}``.

        Raises:
            ModelApiError: Anthropic would refuse.
        """
        _check_anthropic_key(headers)
        if path == "workspaces":
            names = sorted({w.project for w in data.WORKLOADS if w.vendor == "anthropic" and w.project})
            return _list({"id": item_id("wrkspc_", name), "type": "workspace", "name": name} for name in names)
        if path == "api_keys":
            keyed = sorted({(w.key, w.project) for w in data.WORKLOADS if w.vendor == "anthropic" and w.key})
            return _list(
                {
                    "id": item_id("apikey_", key),
                    "type": "api_key",
                    "name": key,
                    "workspace_id": item_id("wrkspc_", project or ""),
                    "partial_key_hint": "sk-ant-api03-R2D...igAA",
                    "created_by": {"id": _USERS[0], "type": "user"},
                    "status": "active",
                }
                for key, project in keyed
                if key
            )
        self._fail_now_and_then("anthropic")
        if path == "cost_report":
            groups = _anthropic_groups(query, _ANTHROPIC_COST_GROUPS)
            period = _anthropic_period(query, {"1d": MOST_BUCKETS["1d"]})
            return _anthropic_page(period, lambda start: self._anthropic_costs(start, groups))
        if path != "usage_report/messages":
            raise ModelApiError("anthropic", 404, "not_found_error", f"Not found: {path}")
        groups = _anthropic_groups(query, _ANTHROPIC_GROUPS)
        period = _anthropic_period(query, MOST_BUCKETS)
        return _anthropic_page(period, lambda start: self._anthropic_usage(start, period.width, groups))

    def _anthropic_usage(self, start: int, width: int, groups: Sequence[str]) -> list[Row]:
        rows = _grouped(self._usage("anthropic", "completions", start, width, False), _ANTHROPIC_GROUPS, groups)
        return [
            {
                **{name: row[name] for name in _ANTHROPIC_GROUPS},
                "uncached_input_tokens": row["input_uncached"],
                "cache_creation": {
                    "ephemeral_1h_input_tokens": row["cache_write_1h"],
                    "ephemeral_5m_input_tokens": row["cache_write_5m"],
                },
                "cache_read_input_tokens": row["cache_read"],
                "output_tokens": row["output"],
                "server_tool_use": {"web_search_requests": row["web_searches"]},
            }
            for row in rows
        ]

    def _anthropic_costs(self, start: int, groups: Sequence[str]) -> list[Row]:
        day = datetime.fromtimestamp(start, UTC).date()
        rows = []
        for line in data.bill(self._parameters, "anthropic", day):
            workload = line.workload
            details = _anthropic_cost_details(workload, line.token_class)
            rows.append(
                {
                    "workspace_id": item_id("wrkspc_", line.project) if line.project else None,
                    **details,
                    "amount": line.amount * 100,
                }
            )
        described = "description" in groups
        dimensions = ("workspace_id", *_ANTHROPIC_DESCRIBED)
        kept = [name for name in dimensions if name in groups or (described and name != "workspace_id")]
        return [
            {**row, "amount": format(row["amount"].normalize(), "f"), "currency": "USD"}
            for row in _grouped(rows, dimensions, kept)
        ]

    # ── both ──────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _fail_now_and_then(self, vendor: Vendor) -> None:
        with self._lock:
            if self._failures.get(vendor):
                status, retry_after = self._failures[vendor].pop(0)
                raise ModelApiError(vendor, status, "api_error", "The simulator was told to fail", retry_after)
            self._asked += 1
            if self._asked % THROTTLED_EVERY == 0:
                raise ModelApiError(vendor, 429, "rate_limit_error", "Rate limit reached, please try again", 1)

    def _bucket_of_usage(self, vendor: Vendor, endpoint: str, start: int, width: int, by_user: bool) -> list[Row]:
        """Usage of one bucket with all dimensions, one row per workload (and user)."""
        at = datetime.fromtimestamp(start, UTC)
        if not self._parameters.first_day <= at.date() <= self._parameters.today:
            return []
        rows = []
        for workload in data.WORKLOADS:
            if workload.vendor != vendor or not data.is_reported(workload, at.date()):
                continue
            if endpoint == "moderations":
                if workload.project == "fraud-experiments":
                    rows += self._bucket_rows(workload, at, width, endpoint, by_user)
            elif workload.endpoint == endpoint:
                rows += self._bucket_rows(workload, at, width, endpoint, by_user)
        return rows

    def _bucket_rows(self, workload: Workload, at: datetime, width: int, endpoint: str, by_user: bool) -> list[Row]:
        counts = {
            name: _part(values, at, width)
            for name, values in data.hourly_tokens(self._parameters, workload, at.date()).items()
        }
        if not any(counts.values()):
            return []
        if workload.vendor == "openai":
            return _openai_rows(workload, counts, endpoint, _USERS if by_user else (None,))
        searches = 0
        if workload.project == data.WEB_SEARCHING:
            searches = _part(data.web_searches(self._parameters, at.date()), at, width)
        return [
            {
                "api_key_id": item_id("apikey_", workload.key) if workload.key else None,
                "workspace_id": item_id("wrkspc_", workload.project) if workload.project else None,
                "model": workload.reported_model,
                "service_tier": workload.tier,
                "context_window": "0-200k",
                "inference_geo": "not_available",
                "account_id": None,
                "service_account_id": None,
                **{name: counts.get(name, 0) for name in _ANTHROPIC_CLASSES},
                "web_searches": searches,
            }
        ]


_OPENAI_COUNTS = {
    "completions": (
        "input_tokens", "input_cached_tokens", "input_cache_write_tokens", "input_uncached_tokens", "output_tokens",
        "input_text_tokens", "output_text_tokens", "input_cached_text_tokens", "input_audio_tokens",
        "input_cached_audio_tokens", "output_audio_tokens", "input_image_tokens", "input_cached_image_tokens",
        "output_image_tokens", "num_model_requests",
    ),
    "embeddings": ("input_tokens", "num_model_requests"),
    "moderations": ("input_tokens", "num_model_requests"),
}  # fmt: skip
_ANTHROPIC_CLASSES = ("input_uncached", "cache_read", "cache_write_5m", "cache_write_1h", "output")
_ANTHROPIC_DESCRIBED = (
    "description", "cost_type", "context_window", "model", "service_tier", "token_type", "inference_geo",
)  # fmt: skip
_ANTHROPIC_TOKEN_TYPES = {
    "input_uncached": ("uncached_input_tokens", "Input Tokens"),
    "cache_read": ("cache_read_input_tokens", "Input Tokens, Cache Read"),
    "cache_write_5m": ("cache_creation.ephemeral_5m_input_tokens", "Input Tokens, Cache Write (5m)"),
    "cache_write_1h": ("cache_creation.ephemeral_1h_input_tokens", "Input Tokens, Cache Write (1h)"),
    "output": ("output_tokens", "Output Tokens"),
}


def _openai_rows(
    workload: Workload, counts: Mapping[str, int], endpoint: str, users: Sequence[str | None]
) -> list[Row]:
    """A workload's counts, shared out to its users."""
    rows = []
    for number, user in enumerate(users):
        own = {name: _share(count, number, len(users)) for name, count in counts.items()}
        row: Row = {
            "project_id": item_id("proj_", workload.project or ""),
            "user_id": user,
            "api_key_id": item_id("key_", workload.key or ""),
            "model": "omni-moderation-latest" if endpoint == "moderations" else workload.reported_model,
        }
        text, cached, audio = own.get("input_uncached", 0), own.get("cache_read", 0), own.get("input_audio", 0)
        row |= {"input_tokens": text + cached + audio, "num_model_requests": own["requests"]}
        if endpoint == "moderations":
            row["input_tokens"] //= 10
        if endpoint == "completions":
            row |= dict.fromkeys(_OPENAI_COUNTS["completions"], 0) | {
                "batch": workload.tier == "batch",
                "service_tier": "default",
                **row,
                "input_cached_tokens": cached,
                "input_uncached_tokens": text + audio,
                "output_tokens": own.get("output", 0) + own.get("output_audio", 0),
                "input_text_tokens": text,
                "output_text_tokens": own.get("output", 0),
                "input_cached_text_tokens": cached,
                "input_audio_tokens": audio,
                "output_audio_tokens": own.get("output_audio", 0),
            }
        if any(row.get(name) for name in _OPENAI_COUNTS[endpoint]):
            rows.append(row)
    return rows


def _line_item(workload: Workload | None, token_class: str | None, what: str) -> str:
    if workload is None or token_class is None:
        return what
    is_audio = token_class.endswith("_audio")
    kind = " audio" if is_audio else " text" if workload.audio_output_per_input else ""
    direction = {"input_uncached": "input", "cache_read": "cached input", "input_audio": "input"}.get(
        token_class, "output"
    )
    tier = "batch | " if workload.tier == "batch" else ""
    return f"{tier}{workload.reported_model}{kind}, {direction}"


def _anthropic_cost_details(workload: Workload | None, token_class: str | None) -> Row:
    if workload is None or token_class is None:
        return dict.fromkeys(_ANTHROPIC_DESCRIBED) | {"description": "Web Search Usage", "cost_type": "web_search"}
    token_type, label = _ANTHROPIC_TOKEN_TYPES[token_class]
    family, major, minor = workload.model.removeprefix("claude-").split("-")
    batch = " (Batch)" if workload.tier == "batch" else ""
    return {
        "description": f"Claude {family.title()} {major}.{minor} Usage{batch} - {label}",
        "cost_type": "tokens",
        "context_window": "0-200k",
        "model": workload.reported_model,
        "service_tier": workload.tier,
        "token_type": token_type,
        "inference_geo": "not_available",
    }


def _part(values: Any, at: datetime, width: int) -> int:
    """What a bucket has of 24 hours; minutes are equal whole parts of their hour."""
    if width == _SECONDS["1d"]:
        return int(values.sum())
    if width == _SECONDS["1h"]:
        return int(values[at.hour])
    return _share(int(values[at.hour]), at.minute, 60)


def _share(count: int, number: int, parts: int) -> int:
    """Whole parts that sum to the count."""
    return count * (number + 1) // parts - count * number // parts


def _grouped(rows: Iterable[Row], dimensions: Sequence[str], groups: Sequence[str]) -> list[Row]:
    """Sums per group; dimensions that are not asked for are null."""
    sums: dict[tuple[Any, ...], Row] = {}
    for row in rows:
        key = tuple(row.get(name) if name in groups else None for name in dimensions)
        known = sums.get(key)
        counted = {name: value for name, value in row.items() if name not in dimensions}
        if known is None:
            sums[key] = dict(zip(dimensions, key, strict=True)) | counted
            continue
        for name, value in counted.items():
            known[name] = value if known[name] is None else known[name] if value is None else known[name] + value
    return list(sums.values())


def _list(items: Iterable[Row]) -> Row:
    found = list(items)
    first, last = (found[0]["id"], found[-1]["id"]) if found else (None, None)
    return {"object": "list", "data": found, "first_id": first, "last_id": last, "has_more": False}


def _check_openai_key(authorization: str) -> None:
    key = authorization.removeprefix("Bearer ").strip()
    if not authorization.startswith("Bearer ") or not key:
        raise ModelApiError("openai", 401, "invalid_request_error", "You didn't provide an API key.")
    if key.startswith("sk-proj-"):
        raise ModelApiError(
            "openai", 403, "insufficient_permissions",
            "You have insufficient permissions for this operation. Missing scopes: api.usage.read.",
        )  # fmt: skip
    if not key.startswith("sk-admin-"):
        raise ModelApiError("openai", 401, "invalid_api_key", f"Incorrect API key provided: {key[:4]}****.")


def _check_anthropic_key(headers: Mapping[str, str]) -> None:
    if not headers.get("anthropic-version"):
        raise ModelApiError("anthropic", 400, "invalid_request_error", "anthropic-version: header is required")
    key = headers.get("x-api-key", "")
    if key.startswith("sk-ant-admin01-limited"):
        raise ModelApiError("anthropic", 403, "permission_error", "This key may not read usage reports")
    if not key.startswith("sk-ant-admin"):
        raise ModelApiError("anthropic", 401, "authentication_error", "invalid x-api-key")


def _openai_groups(query: Query, allowed: Sequence[str]) -> list[str]:
    groups = [*query.get("group_by", ()), *query.get("group_by[]", ())]
    return _checked_groups("openai", groups, allowed)


def _anthropic_groups(query: Query, allowed: Sequence[str]) -> list[str]:
    if "group_by" in query:
        raise ModelApiError("anthropic", 400, "invalid_request_error", "group_by: write lists as group_by[]")
    return _checked_groups("anthropic", list(query.get("group_by[]", ())), allowed)


def _checked_groups(vendor: Vendor, groups: list[str], allowed: Sequence[str]) -> list[str]:
    for group in groups:
        if group not in allowed:
            raise ModelApiError(
                vendor, 400, "invalid_request_error", f"group_by: {group} is not one of {', '.join(allowed)}"
            )
    return groups


def _one(query: Query, name: str) -> str | None:
    return query[name][0] if query.get(name) else None


def _limit(vendor: Vendor, query: Query, width: str, most: Mapping[str, int]) -> int:
    text = _one(query, "limit")
    limit = int(text) if text and text.isdigit() else 0 if text else _DEFAULT_BUCKETS[width]
    if not 1 <= limit <= most[width]:
        raise ModelApiError(
            vendor, 400, "invalid_request_error",
            f"limit: {text} is not between 1 and {most[width]} for bucket_width {width}",
        )  # fmt: skip
    return limit


def _width(vendor: Vendor, query: Query, most: Mapping[str, int]) -> str:
    width = _one(query, "bucket_width") or "1d"
    if width not in most:
        raise ModelApiError(
            vendor, 400, "invalid_request_error", f"bucket_width: {width} is not one of {', '.join(most)}"
        )
    return width


def _openai_period(query: Query, most: Mapping[str, int]) -> _Period:
    width = _width("openai", query, most)
    start, end = _one(query, "start_time"), _one(query, "end_time")
    if not start or not start.isdigit() or (end and not end.isdigit()):
        raise ModelApiError("openai", 400, "invalid_request_error", "start_time: Unix seconds are required")
    last = int(end) if end else int(datetime.now(UTC).timestamp())
    limit = _limit("openai", query, width, most)
    return _Period(int(start), last, _SECONDS[width], limit, _one(query, "page"))


def _anthropic_period(query: Query, most: Mapping[str, int]) -> _Period:
    width = _width("anthropic", query, most)
    try:
        start = datetime.fromisoformat((_one(query, "starting_at") or "").replace("Z", "+00:00"))
        end = datetime.fromisoformat((_one(query, "ending_at") or "").replace("Z", "+00:00"))
    except ValueError:
        raise ModelApiError(
            "anthropic", 400, "invalid_request_error", "starting_at, ending_at: RFC 3339 is required"
        ) from None
    limit = _limit("anthropic", query, width, most)
    return _Period(int(start.timestamp()), int(end.timestamp()), _SECONDS[width], limit, _one(query, "page"))


def _page_of(vendor: Vendor, period: _Period) -> tuple[list[int], str | None]:
    """Starts of the buckets on a page, and the cursor of the next."""
    first = period.start // period.width * period.width
    if period.page:
        try:
            first = int(base64.urlsafe_b64decode(period.page.removeprefix("page_")))
        except (ValueError, binascii.Error):
            raise ModelApiError(vendor, 400, "invalid_request_error", "page: not a cursor of this report") from None
    starts = list(range(first, period.end, period.width))
    shown, rest = starts[: period.limit], starts[period.limit :]
    cursor = f"page_{base64.urlsafe_b64encode(str(rest[0]).encode()).decode()}" if rest else None
    return shown, cursor


def _openai_page(period: _Period, results: Callable[[int], list[Row]]) -> Row:
    starts, cursor = _page_of("openai", period)
    buckets = [
        {"object": "bucket", "start_time": start, "end_time": start + period.width, "results": results(start)}
        for start in starts
    ]
    return {"object": "page", "data": buckets, "has_more": cursor is not None, "next_page": cursor}


def _anthropic_page(period: _Period, results: Callable[[int], list[Row]]) -> Row:
    starts, cursor = _page_of("anthropic", period)
    buckets = [
        {"starting_at": _moment(start), "ending_at": _moment(start + period.width), "results": results(start)}
        for start in starts
    ]
    return {"data": buckets, "has_more": cursor is not None, "next_page": cursor}


def _moment(seconds: int) -> str:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
