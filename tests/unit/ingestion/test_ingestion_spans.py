"""GenAI spans out of OTLP/JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ingestion.privacy import Hasher
from ingestion.rejects import Reject
from ingestion.sources.otel_spans.rows import SpanColumns, parse_line

HASHER = Hasher(b"k" * 32)


def _span(attributes: dict[str, Any], **changes: Any) -> dict[str, Any]:
    kinds = {str: "stringValue", int: "intValue", float: "doubleValue", bool: "boolValue"}
    values = [
        {"key": key, "value": {kinds[type(value)]: str(value) if type(value) is int else value}}
        for key, value in attributes.items()
    ]
    return {
        "traceId": "0AF7651916CD43DD8448EB211C80319C",
        "spanId": "b7ad6b7169203331",
        "startTimeUnixNano": "1760940000123456789",
        "endTimeUnixNano": "1760940001123456789",
        "attributes": values,
        **changes,
    }


def _parse(*spans: dict[str, Any], resource: dict[str, str] | None = None) -> tuple[list[dict[str, Any]], list[Reject]]:
    described = [{"key": key, "value": {"stringValue": value}} for key, value in (resource or {}).items()]
    document = {"resourceSpans": [{"resource": {"attributes": described}, "scopeSpans": [{"spans": list(spans)}]}]}
    return _parse_text(json.dumps(document))


def _parse_text(text: str) -> tuple[list[dict[str, Any]], list[Reject]]:
    into = SpanColumns()
    rejects = parse_line(
        text.encode(), x_file="f.jsonl", x_row=3, source_id="s", snapshot_id="n", hasher=HASHER, into=into
    )
    return into.table().to_pylist(), rejects


NEW = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "azure.ai.openai",
    "gen_ai.request.model": "gpt-4.1",
    "gen_ai.usage.input_tokens": 900,
    "gen_ai.usage.cache_read.input_tokens": 700,
    "gen_ai.usage.output_tokens": 50,
    "gen_ai.usage.reasoning.output_tokens": 20,
}
OLD = {
    "gen_ai.operation.name": "chat",
    "gen_ai.system": "az.ai.openai",
    "gen_ai.request.model": "gpt-4.1",
    "gen_ai.usage.prompt_tokens": 900,
    "gen_ai.usage.prompt_tokens_details.cached_tokens": 700,
    "gen_ai.usage.completion_tokens": 50,
    "gen_ai.usage.completion_tokens_details.reasoning_tokens": 20,
}


@pytest.mark.ids("ING-3")
def test_old_and_new_attribute_names_land_alike() -> None:
    new, old = (_parse(_span(attributes))[0] for attributes in (NEW, OLD))
    assert new == old
    assert new[0] | {"x_row": 3, "input_tokens": 900, "cache_read_tokens": 700, "output_tokens": 50} == new[0]
    assert new[0]["reasoning_tokens"] == 20
    assert new[0]["provider_name"] == "azure.ai.openai"
    assert new[0]["trace_id"] == "0af7651916cd43dd8448eb211c80319c"
    assert new[0]["start_at"].isoformat() == "2025-10-20T06:00:00.123456"


@pytest.mark.ids("ING-3")
def test_owner_comes_from_own_attributes_then_from_the_service() -> None:
    resource = {"service.name": "search-api", "deployment.environment": "staging"}
    rows, _ = _parse(_span(NEW | {"aifinops.team": "search"}), _span(NEW | {"aifinops.app": "q"}), resource=resource)
    assert [(row["team"], row["app"], row["environment"]) for row in rows] == [
        ("search", "search-api", "staging"),
        (None, "q", "staging"),
    ]


@pytest.mark.ids("ING-3", "SEC-2")
def test_people_are_hashed_and_prompts_dropped() -> None:
    attributes = NEW | {
        "user.id": "jane@example.com",
        "aifinops.customer.id": "ACME",
        "gen_ai.prompt": "my secret diagnosis",
        "aifinops.feature": "mail to jane@example.com",
        "aifinops.api_key.name": "sk-proj-abcdefghij0123456789",
    }
    rows, rejects = _parse(_span(attributes))
    text = json.dumps(rows, default=str)
    assert not rejects
    assert not any(secret in text for secret in ("jane", "ACME", "diagnosis", "abcdefghij"))
    assert rows[0]["user_hash"] == HASHER.hash("jane@example.com")
    assert rows[0]["customer_hash"] == HASHER.hash("ACME")
    assert rows[0]["feature"] == "mail to [e-mail]"


@pytest.mark.ids("ING-3")
@pytest.mark.parametrize("operation", ["invoke_agent", "execute_tool"])
def test_spans_that_repeat_their_childrens_tokens_are_no_usage(operation: str) -> None:
    rows, rejects = _parse(_span(NEW | {"gen_ai.operation.name": operation}), _span({"http.method": "GET"}), _span(NEW))
    assert len(rows) == 1
    assert rejects == []


@pytest.mark.ids("ING-10")
@pytest.mark.parametrize(
    ("span", "column"),
    [
        (_span(NEW | {"gen_ai.usage.input_tokens": "n/a"}), "input_tokens"),
        (_span(NEW | {"gen_ai.usage.output_tokens": -5}), "output_tokens"),
        (_span(NEW | {"gen_ai.usage.output_tokens": 1.5}), "output_tokens"),
        (_span(NEW | {"gen_ai.usage.input_tokens": 2**63}), "input_tokens"),
        (_span(NEW, spanId=""), "span_id"),
        (_span(NEW, startTimeUnixNano=None), "start_at"),
    ],
)
def test_a_bad_span_is_kept_with_its_reason_and_harms_no_other(span: dict[str, Any], column: str) -> None:
    rows, rejects = _parse(_span(NEW), span, _span(NEW))
    assert len(rows) == 2
    assert [(reject.column_name, reject.x_row) for reject in rejects] == [(column, 3)]
    assert rejects[0].reason
    assert rejects[0].remedy
    assert '"request_model": "gpt-4.1"' in rejects[0].raw_row


@pytest.mark.ids("ING-10", "SEC-2")
@pytest.mark.parametrize(
    "text",
    [
        '{"resourceSpans":[{"resource":{"attributes":[{"key":"user.id","value":{"stringValue":"jane@exam',
        "[1]",
        "{}",
        "7",
        '{"resourceSpans": [{"scopeSpans": [{"spans": ["jane@example.com"]}]}]}',
        '{"resourceSpans": [5]}',
    ],
)
def test_a_line_that_is_no_trace_is_kept_without_people(text: str) -> None:
    rows, rejects = _parse_text(text)
    assert rows == []
    assert len(rejects) == 1
    assert "jane" not in rejects[0].raw_row


@pytest.mark.ids("ING-3")
def test_an_error_without_a_type_is_still_an_error() -> None:
    rows, _ = _parse(_span(NEW, status={"code": 2}), _span(NEW | {"error.type": "429"}), _span(NEW, status={}))
    assert [row["error_type"] for row in rows] == ["_OTHER", "429", None]
