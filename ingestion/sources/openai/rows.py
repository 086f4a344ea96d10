"""What OpenAI's usage and costs mean.

Here: results as rows.
Not here: asking (``client``).

``input_tokens`` includes cached tokens. Answers since 2026 also split by text, audio and image, and give
``input_uncached_tokens``: there ``input_tokens`` is the sum of all kinds. In answers without it, ``input_tokens`` is
text alone, and audio stands beside it. Rows keep what was said; dbt tells the two apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from ingestion.model_apis import Answer, Bucket, Row, count, flag, read_buckets, text
from ingestion.privacy import Hasher
from ingestion.windows import Window

_QUANTITIES = {
    "images": ("images", "images"),
    "audio_speeches": ("characters", "characters"),
    "audio_transcriptions": ("seconds", "seconds"),
    "vector_stores": ("usage_bytes", "bytes"),
    "code_interpreter_sessions": ("num_sessions", "sessions"),
}
_TOKENS = (
    "input_tokens",
    "input_cached_tokens",
    "input_cache_write_tokens",
    "input_uncached_tokens",
    "input_audio_tokens",
    "input_cached_audio_tokens",
    "input_image_tokens",
    "output_tokens",
    "output_audio_tokens",
    "output_image_tokens",
)
_USAGE_IDENTITY = ("project_id", "api_key_id", "user_hash", "model", "is_batch", "service_tier")
_COST_IDENTITY = ("organization_id", "project_id", "api_key_id", "line_item", "currency")
_PERSONAL = frozenset(("user_id", "user_email", "user"))


def _times(bucket: Bucket) -> tuple[datetime, datetime]:
    return (
        datetime.fromtimestamp(int(bucket["start_time"]), UTC),
        datetime.fromtimestamp(int(bucket["end_time"]), UTC),
    )


def usage_answer(
    buckets: Iterator[Bucket], window: Window, *, endpoint: str, bucket_width: str, hasher: Hasher
) -> Answer:
    """Rows of ``openai__usage``, without source and time of asking."""
    member, unit = _QUANTITIES.get(endpoint, (None, None))

    def row(result: dict[str, Any]) -> Row:
        user = text(result, "user_id")
        return {
            "endpoint": endpoint,
            "bucket_width": bucket_width,
            "project_id": text(result, "project_id"),
            "api_key_id": text(result, "api_key_id"),
            "user_hash": hasher.hash(user) if user else None,
            "model": text(result, "model"),
            "is_batch": flag(result, "batch"),
            "service_tier": text(result, "service_tier"),
            **{name: count(result, name) for name in _TOKENS},
            "request_count": count(result, "num_model_requests"),
            "quantity": count(result, member) if member else None,
            "quantity_unit": unit,
        }

    return read_buckets(
        buckets,
        window,
        times=_times,
        row=row,
        identity=_USAGE_IDENTITY,
        address=f"organization/usage/{endpoint}",
        personal=_PERSONAL,
    )


def cost_answer(buckets: Iterator[Bucket], window: Window) -> Answer:
    """Rows of ``openai__cost``, without source and time of asking. Amounts are judged by dbt, like every bill's."""

    def row(result: dict[str, Any]) -> Row:
        amount = result.get("amount")
        if not isinstance(amount, dict):
            amount = {"value": amount}
        return {
            "organization_id": text(result, "organization_id"),
            "project_id": text(result, "project_id"),
            "api_key_id": text(result, "api_key_id"),
            "line_item": text(result, "line_item"),
            "amount": text(amount, "value"),
            "currency": text(amount, "currency"),
            "quantity": text(result, "quantity"),
            "quantity_unit": text(result, "quantity_unit"),
        }

    return read_buckets(
        buckets,
        window,
        times=_times,
        row=row,
        identity=_COST_IDENTITY,
        address="organization/costs",
        personal=_PERSONAL,
    )
