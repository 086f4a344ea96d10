"""GenAI spans out of OTLP/JSON.

Here: attribute names new and old, values, ids, times; personal data is hashed and prompts are never looked at.
Not here: files and loading.
Source: OTLP/JSON encoding (64-bit integers as strings, ids as hex) and the OpenTelemetry GenAI semantic conventions up
to 1.4x, with the names that earlier versions and common instrumentations used for the same thing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
import pyarrow as pa

from finops import lake as contract
from ingestion.lake import arrow_schema
from ingestion.privacy import Hasher, mask_emails, mask_secret, redact_json_text
from ingestion.rejects import Reject

TABLE = contract.OTEL_GENAI_SPAN

_INTEGERS: dict[str, tuple[str, ...]] = {
    "input_tokens": ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"),
    "cache_read_tokens": (
        "gen_ai.usage.cache_read.input_tokens",
        "gen_ai.usage.cache_read_input_tokens",
        "gen_ai.usage.input_cached_tokens",
        "gen_ai.usage.cached_tokens",
        "gen_ai.usage.input_tokens.cached",
        "gen_ai.usage.prompt_tokens_details.cached_tokens",
        "gen_ai.usage.details.cache_read_tokens",
    ),
    "cache_write_tokens": (
        "gen_ai.usage.cache_creation.input_tokens",
        "gen_ai.usage.cache_creation_input_tokens",
        "gen_ai.usage.cache_write_input_tokens",
        "gen_ai.usage.details.cache_write_tokens",
    ),
    "output_tokens": ("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens"),
    "reasoning_tokens": (
        "gen_ai.usage.reasoning.output_tokens",
        "gen_ai.usage.reasoning_tokens",
        "gen_ai.usage.output_tokens.reasoning",
        "gen_ai.usage.completion_tokens_details.reasoning_tokens",
        "gen_ai.usage.details.reasoning_tokens",
    ),
}
_TEXTS: dict[str, tuple[str, ...]] = {
    "operation_name": ("gen_ai.operation.name",),
    "provider_name": ("gen_ai.provider.name", "gen_ai.system"),
    "request_model": ("gen_ai.request.model",),
    "response_model": ("gen_ai.response.model",),
    "deployment_name": ("aifinops.deployment", "aifinops.deployment.name", "azure.openai.deployment"),
    "resource_id": ("aifinops.resource_id",),
    "error_type": ("error.type",),
    "team": ("aifinops.team",),
    "app": ("aifinops.app",),
    "feature": ("aifinops.feature",),
    "environment": ("deployment.environment.name", "deployment.environment"),
}
_CUSTOMER = ("aifinops.customer.id",)
_USER = ("user.id", "enduser.id")
_API_KEY = ("aifinops.api_key.name",)
_RENAMED_PROVIDERS = {"az.ai.openai": "azure.ai.openai", "az.ai.inference": "azure.ai.inference"}
# Agent and tool spans repeat the tokens of the model calls below them: only model calls are usage.
_NO_MODEL_CALL = frozenset(("create_agent", "invoke_agent", "invoke_workflow", "execute_tool"))
_STATUS_ERRORS = (2, "STATUS_CODE_ERROR")
_NANOS_PER_MICRO = 1000
_MAX_BIGINT = 2**63 - 1


class _BadSpan(Exception):  # noqa: N818 - control flow within this module
    def __init__(self, column_name: str, reason: str, remedy: str) -> None:
        self.column_name, self.reason, self.remedy = column_name, reason, remedy


@dataclass
class SpanColumns:
    """Parsed spans by column, ready for Arrow; times are microseconds since 1970 in UTC."""

    columns: dict[str, list[Any]] = field(default_factory=lambda: {column.name: [] for column in TABLE.columns})

    def append(self, row: Mapping[str, Any]) -> None:
        for name, values in self.columns.items():
            values.append(row.get(name))

    def __len__(self) -> int:
        return len(self.columns["span_id"])

    def table(self) -> pa.Table:
        schema = arrow_schema(TABLE)
        arrays = [
            pa.array(self.columns[name], pa.int64()).cast(kind)
            if pa.types.is_timestamp(kind)
            else pa.array(self.columns[name], kind)
            for name, kind in zip(schema.names, schema.types, strict=True)
        ]
        return pa.Table.from_arrays(arrays, schema=schema)


def parse_line(
    line: bytes, *, x_file: str, x_row: int, source_id: str, snapshot_id: str, hasher: Hasher, into: SpanColumns
) -> list[Reject]:
    """Append the model calls of one line to ``into`` and return what had to be refused."""
    try:
        document = orjson.loads(line)
        resources = document["resourceSpans"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        text = line.decode("utf-8", errors="replace")
        reason = "the line is no OTLP/JSON trace document"
        remedy = "Check whether the sender was cut off; the OTLP file exporter writes one document per line"
        return [Reject(x_file, x_row, None, reason, remedy, redact_json_text(text, hasher))]
    rejects: list[Reject] = []
    lineage = {"source_id": source_id, "snapshot_id": snapshot_id, "x_file": x_file, "x_row": x_row}
    try:
        for resource_spans in resources:
            resource = _attributes(resource_spans.get("resource") or {})
            for scope_spans in resource_spans.get("scopeSpans") or ():
                for span in scope_spans.get("spans") or ():
                    attributes = _attributes(span)
                    if not _is_model_call(attributes):
                        continue
                    row: dict[str, Any] = dict(lineage)
                    try:
                        _fill(row, span, attributes, resource, hasher)
                    except _BadSpan as bad:
                        kept = {k: v for k, v in row.items() if k not in lineage}
                        raw = json.dumps(kept, ensure_ascii=False)
                        rejects.append(Reject(x_file, x_row, bad.column_name, bad.reason, bad.remedy, raw))
                        continue
                    into.append(row)
    except (AttributeError, TypeError, KeyError) as error:
        text = redact_json_text(line.decode("utf-8", errors="replace"), hasher)
        reason = f"the document is not built like an OTLP trace ({type(error).__name__})"
        rejects.append(Reject(x_file, x_row, None, reason, "Use the OTLP/JSON file exporter", text))
    return rejects


def _attributes(owner: Mapping[str, Any]) -> dict[str, Any]:
    """``[{key, value: {stringValue: …}}]`` as a dictionary of plain values."""
    return {
        item["key"]: next(iter(item["value"].values()), None)
        for item in owner.get("attributes") or ()
        if item.get("value")
    }


def _is_model_call(attributes: Mapping[str, Any]) -> bool:
    operation = attributes.get("gen_ai.operation.name")
    if operation is not None:
        return operation not in _NO_MODEL_CALL
    return "gen_ai.request.model" in attributes or "gen_ai.response.model" in attributes


def _fill(
    row: dict[str, Any],
    span: Mapping[str, Any],
    attributes: Mapping[str, Any],
    resource: Mapping[str, Any],
    hasher: Hasher,
) -> None:
    """Fill a row; on a bad value the row holds what was good before it.

    Raises:
        _BadSpan: a value cannot be used.
    """
    service = resource.get("service.name")
    row["service_name"] = mask_emails(str(service)) if service else None
    for name, keys in _TEXTS.items():
        value = _first(attributes, keys)
        if value is None and name == "environment":
            value = _first(resource, keys)
        row[name] = mask_emails(str(value)) if value not in (None, "") else None
    row["app"] = row["app"] or row["service_name"]
    row["provider_name"] = _RENAMED_PROVIDERS.get(row["provider_name"] or "", row["provider_name"])
    row["resource_id"] = row["resource_id"].lower() if row["resource_id"] else None
    if row["error_type"] is None and (span.get("status") or {}).get("code") in _STATUS_ERRORS:
        row["error_type"] = "_OTHER"  # the conventions' word for an error without a type
    for name, keys in (("customer_hash", _CUSTOMER), ("user_hash", _USER)):
        value = _first(attributes, keys)
        row[name] = hasher.hash(str(value)) if value not in (None, "") else None
    key_name = _first(attributes, _API_KEY)
    row["api_key_name"] = mask_secret(mask_emails(str(key_name)), hasher) if key_name else None
    for name, key in (("trace_id", "traceId"), ("span_id", "spanId")):
        value = span.get(key)
        if not value:
            raise _BadSpan(
                name, f"{key} is missing, so a repeated delivery could not be told", "Let the sender write it"
            )
        row[name] = str(value).lower()
    for name, key in (("start_at", "startTimeUnixNano"), ("end_at", "endTimeUnixNano")):
        value = span.get(key)
        if value is None and name == "end_at":
            row[name] = None
            continue
        nanos = _integer(name, value)
        if not nanos:
            raise _BadSpan(name, f"{key} is missing", "Let the sender write it in nanoseconds since 1970")
        row[name] = nanos // _NANOS_PER_MICRO
    for name, keys in _INTEGERS.items():
        value = _first(attributes, keys)
        row[name] = None if value is None else _integer(name, value)


def _first(attributes: Mapping[str, Any], keys: tuple[str, ...]) -> Any:
    for key in keys:
        if (value := attributes.get(key)) is not None:
            return value
    return None


def _integer(name: str, value: Any) -> int:
    try:
        number = int(value)
        if isinstance(value, float) and number != value:
            raise ValueError
    except (TypeError, ValueError, OverflowError):
        shown = mask_emails(str(value))[:40]
        raise _BadSpan(name, f"{shown!r} is not a whole number", "Let the sender write a count") from None
    if not 0 <= number <= _MAX_BIGINT:
        raise _BadSpan(name, f"{number} is not a possible value", "Let the sender write a count of zero or more")
    return number
