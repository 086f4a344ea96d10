"""What Anthropic's usage and cost reports mean.

Here: results as rows.
Not here: asking (``client``).

The token counts of the usage report never overlap. The cost report's ``amount`` is hundredths of a dollar, as text:
"123.45" is USD 1.2345. The column's name says so, and dbt divides.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from ingestion.model_apis import Answer, Bucket, Row, count, read_buckets, text
from ingestion.privacy import Hasher
from ingestion.windows import Window

_USAGE_IDENTITY = (
    "workspace_id",
    "api_key_id",
    "user_hash",
    "model",
    "service_tier",
    "context_window",
    "inference_geo",
)
_COST_IDENTITY = (
    "workspace_id",
    "description",
    "cost_type",
    "token_type",
    "model",
    "service_tier",
    "context_window",
    "inference_geo",
    "currency",
)
_PERSONAL = frozenset(("account_id", "service_account_id", "email_address", "email"))


def _times(bucket: Bucket) -> tuple[datetime, datetime]:
    start, end = (
        datetime.fromisoformat(bucket[name].replace("Z", "+00:00")).astimezone(UTC)
        for name in ("starting_at", "ending_at")
    )
    return start, end


def _part(result: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = result.get(name)
    return value if isinstance(value, Mapping) else {}


def usage_answer(buckets: Iterator[Bucket], window: Window, *, bucket_width: str, hasher: Hasher) -> Answer:
    """Rows of ``anthropic__usage``, without source and time of asking."""

    def row(result: dict[str, Any]) -> Row:
        account = text(result, "account_id")
        written = _part(result, "cache_creation")
        return {
            "bucket_width": bucket_width,
            "workspace_id": text(result, "workspace_id"),
            "api_key_id": text(result, "api_key_id"),
            "user_hash": hasher.hash(account) if account else None,
            "model": text(result, "model"),
            "service_tier": text(result, "service_tier"),
            "context_window": text(result, "context_window"),
            "inference_geo": text(result, "inference_geo"),
            "uncached_input_tokens": count(result, "uncached_input_tokens"),
            "cache_write_5m_tokens": count(written, "ephemeral_5m_input_tokens"),
            "cache_write_1h_tokens": count(written, "ephemeral_1h_input_tokens"),
            "cache_read_input_tokens": count(result, "cache_read_input_tokens"),
            "output_tokens": count(result, "output_tokens"),
            "web_search_requests": count(_part(result, "server_tool_use"), "web_search_requests"),
        }

    return read_buckets(
        buckets,
        window,
        times=_times,
        row=row,
        identity=_USAGE_IDENTITY,
        address="organizations/usage_report/messages",
        personal=_PERSONAL,
    )


def cost_answer(buckets: Iterator[Bucket], window: Window) -> Answer:
    """Rows of ``anthropic__cost``, without source and time of asking. Amounts are judged by dbt, like every bill's."""

    def row(result: dict[str, Any]) -> Row:
        return {**{name: text(result, name) for name in _COST_IDENTITY}, "amount_cents": text(result, "amount")}

    return read_buckets(
        buckets,
        window,
        times=_times,
        row=row,
        identity=_COST_IDENTITY,
        address="organizations/cost_report",
        personal=_PERSONAL,
    )
