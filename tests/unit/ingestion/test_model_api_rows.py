"""Answers of OpenAI and Anthropic as their documentation has them, and what a row makes of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ingestion import LandingError
from ingestion.model_apis import Answer
from ingestion.privacy import Hasher
from ingestion.sources.anthropic import rows as anthropic
from ingestion.sources.openai import rows as openai
from ingestion.windows import Window

HASHER = Hasher(b"0123456789abcdef0123456789abcdef")
pytestmark = pytest.mark.ids("ING-3", "ING-10")


def day(start: datetime) -> Window:
    return Window(start, start + timedelta(days=1))


OPENAI_DAY = day(datetime.fromtimestamp(1730419200, UTC))
ANTHROPIC_DAY = day(datetime(2025, 8, 1, tzinfo=UTC))


def openai_bucket(*results: dict[str, Any], start: int = 1730419200) -> dict[str, Any]:
    return {"object": "bucket", "start_time": start, "end_time": start + 86400, "results": list(results)}


def anthropic_bucket(*results: dict[str, Any]) -> dict[str, Any]:
    return {"starting_at": "2025-08-01T00:00:00Z", "ending_at": "2025-08-02T00:00:00Z", "results": list(results)}


def openai_usage(*buckets: dict[str, Any], endpoint: str = "completions") -> Answer:
    return openai.usage_answer(iter(buckets), OPENAI_DAY, endpoint=endpoint, bucket_width="1d", hasher=HASHER)


def anthropic_usage(*buckets: dict[str, Any]) -> Answer:
    return anthropic.usage_answer(iter(buckets), ANTHROPIC_DAY, bucket_width="1d", hasher=HASHER)


# Source: OpenAI's API reference, "Completions usage object".
OPENAI_COMPLETIONS = {
    "object": "organization.usage.completions.result",
    "input_tokens": 5000,
    "output_tokens": 1000,
    "input_cached_tokens": 4000,
    "input_audio_tokens": 300,
    "output_audio_tokens": 200,
    "num_model_requests": 5,
    "project_id": "proj_abc",
    "user_id": "user-abc",
    "api_key_id": "key_abc",
    "model": "gpt-4o-mini-2024-07-18",
    "batch": False,
    "service_tier": "default",
}
# Source: Anthropic's API reference, "Get Messages Usage Report".
ANTHROPIC_MESSAGES = {
    "uncached_input_tokens": 1500,
    "cache_creation": {"ephemeral_1h_input_tokens": 1000, "ephemeral_5m_input_tokens": 500},
    "cache_read_input_tokens": 200,
    "output_tokens": 500,
    "server_tool_use": {"web_search_requests": 10},
    "api_key_id": "apikey_01Rj2N8SVvo6BePZj99NhmiT",
    "workspace_id": "wrkspc_01JwQvzr7rXLA5AGx3HKfFUJ",
    "model": "claude-sonnet-4-20250514",
    "service_tier": "standard",
    "context_window": "0-200k",
}
# Source: Anthropic's API reference, "Get Cost Report".
ANTHROPIC_COST = {
    "currency": "USD",
    "amount": "123.78912",
    "workspace_id": "wrkspc_01JwQvzr7rXLA5AGx3HKfFUJ",
    "description": "Claude Sonnet 4 Usage - Input Tokens",
    "cost_type": "tokens",
    "context_window": "0-200k",
    "model": "claude-sonnet-4-20250514",
    "service_tier": "standard",
    "token_type": "uncached_input_tokens",
}


def test_openai_completions_are_kept_as_reported() -> None:
    [row] = openai_usage(openai_bucket(OPENAI_COMPLETIONS)).rows
    assert row["bucket_start"] == datetime(2024, 11, 1)  # noqa: DTZ001 - the lake's times carry no zone
    expected = {
        "input_tokens": 5000, "input_cached_tokens": 4000, "input_uncached_tokens": None, "input_audio_tokens": 300,
        "output_tokens": 1000, "output_audio_tokens": 200, "request_count": 5, "is_batch": False,
        "project_id": "proj_abc", "api_key_id": "key_abc", "model": "gpt-4o-mini-2024-07-18", "service_tier": "default",
    }  # fmt: skip
    assert {name: row[name] for name in expected} == expected
    assert "user-abc" not in json.dumps(row, default=str)
    assert row["user_hash"] == HASHER.hash("user-abc")


@pytest.mark.parametrize(
    ("endpoint", "result", "quantity", "unit"),
    [
        ("embeddings", {"input_tokens": 16, "num_model_requests": 2}, None, None),
        ("moderations", {"input_tokens": 16, "num_model_requests": 2}, None, None),
        ("images", {"images": 2, "size": "1024x1024", "source": "image.generation"}, 2, "images"),
        ("audio_speeches", {"characters": 45, "num_model_requests": 1}, 45, "characters"),
        ("audio_transcriptions", {"seconds": 20, "num_model_requests": 1}, 20, "seconds"),
        ("vector_stores", {"usage_bytes": 1024, "project_id": "proj_abc"}, 1024, "bytes"),
        ("code_interpreter_sessions", {"num_sessions": 1}, 1, "sessions"),
    ],
)
def test_every_openai_endpoint_has_its_quantity(
    endpoint: str, result: dict[str, Any], quantity: int | None, unit: str | None
) -> None:
    [row] = openai_usage(openai_bucket(result), endpoint=endpoint).rows
    assert (row["quantity"], row["quantity_unit"]) == (quantity, unit)
    assert row["input_tokens"] == result.get("input_tokens")


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("0.06", "0.06"),
        ("0.0030000000000000001", "0.0030000000000000001"),
        ("5.5e-05", "5.5e-05"),
        ("12", "12"),
        ('"0.25"', "0.25"),
        ("-3.10", "-3.10"),
    ],
)
def test_openai_amounts_are_kept_digit_for_digit(written: str, kept: str) -> None:
    text = f'{{"amount": {{"value": {written}, "currency": "usd"}}, "line_item": "gpt-4o, input", "project_id": "p"}}'
    result = json.loads(text, parse_float=str)
    [row] = openai.cost_answer(iter([openai_bucket(result)]), OPENAI_DAY).rows
    assert (row["amount"], row["currency"], row["line_item"]) == (kept, "usd", "gpt-4o, input")


def test_anthropic_usage_is_kept_by_class() -> None:
    [row] = anthropic_usage(anthropic_bucket(ANTHROPIC_MESSAGES | {"account_id": "user_0123"})).rows
    expected = {
        "uncached_input_tokens": 1500, "cache_write_1h_tokens": 1000, "cache_write_5m_tokens": 500,
        "cache_read_input_tokens": 200, "output_tokens": 500, "web_search_requests": 10,
        "user_hash": HASHER.hash("user_0123"),
    }  # fmt: skip
    assert {name: row[name] for name in expected} == expected


def test_anthropic_amounts_say_that_they_are_cents() -> None:
    [row] = anthropic.cost_answer(iter([anthropic_bucket(ANTHROPIC_COST)]), ANTHROPIC_DAY).rows
    assert row["amount_cents"] == "123.78912"
    assert not {"amount", "amount_usd"} & set(row)


@pytest.mark.parametrize("ask", [openai_usage, lambda *b: openai.cost_answer(iter(b), OPENAI_DAY)])
def test_an_empty_day_and_a_day_of_blanks(ask: Callable[..., Answer]) -> None:
    assert ask(openai_bucket()).rows == []
    [row] = ask(openai_bucket({"amount": {"value": None, "currency": ""}, "line_item": "", "project_id": None})).rows
    assert {row.get("amount"), row.get("line_item"), row["project_id"], row.get("input_tokens")} == {None}


def test_a_bucket_that_two_pages_repeat_counts_once() -> None:
    other = OPENAI_COMPLETIONS | {"model": "gpt-4o"}
    later = OPENAI_COMPLETIONS | {"num_model_requests": 6}
    answer = openai_usage(openai_bucket(OPENAI_COMPLETIONS, other), openai_bucket(later))
    assert sorted((row["model"], row["request_count"]) for row in answer.rows) == [
        ("gpt-4o", 5),
        ("gpt-4o-mini-2024-07-18", 6),
    ]


def test_two_equal_lines_of_one_bucket_are_two() -> None:
    line = {"amount": {"value": "1", "currency": "usd"}, "line_item": "gpt-4o, input", "project_id": "p"}
    assert len(openai.cost_answer(iter([openai_bucket(line, line)]), OPENAI_DAY).rows) == 2


def test_buckets_outside_the_window_belong_to_another() -> None:
    answer = openai_usage(openai_bucket(OPENAI_COMPLETIONS, start=1730419200 + 86400))
    assert answer.rows == []


def test_a_result_that_cannot_be_read_is_kept_without_its_user() -> None:
    broken = OPENAI_COMPLETIONS | {"input_tokens": "many", "model": "for kim@contoso.example"}
    answer = openai_usage(openai_bucket(broken, OPENAI_COMPLETIONS))
    assert len(answer.rows) == 1
    [reject] = answer.rejects
    assert (reject.column_name, reject.x_row) == ("input_tokens", 1)
    assert "no whole number: many" in reject.reason
    assert reject.x_file == "organization/usage/completions 2024-11-01T00:00Z"
    assert "user-abc" not in reject.raw_row
    assert "kim@" not in reject.raw_row


def test_a_bucket_without_times_is_no_report() -> None:
    with pytest.raises(LandingError, match="answered a bucket without 'start_time'"):
        openai_usage({"results": []})
