"""GenAI spans out of OTLP/JSON.

Here: values, ids, times; personal data is hashed and prompts are never looked at.
Not here: the names of attributes (``attributes``), files and loading.
Source: OTLP/JSON encoding (64-bit integers as strings, ids as hex).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
import pyarrow as pa

from finops import lake as contract
from ingestion.lake import arrow_schema
from ingestion.privacy import Hasher, mask_emails, mask_secret, redact_json_text
from ingestion.rejects import Reject
from ingestion.sources.otel_spans.attributes import (
    API_KEY,
    CUSTOMER,
    CUSTOMER_HASH,
    HTTP_STATUS,
    INTEGERS,
    SECONDS,
    TEXTS,
    USER,
    USER_HASH,
    first,
    is_model_call,
)

TABLE = contract.OTEL_GENAI_SPAN

_RENAMED_PROVIDERS = {"az.ai.openai": "azure.ai.openai", "az.ai.inference": "azure.ai.inference"}
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
                    if not is_model_call(attributes):
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
    for name, keys in TEXTS.items():
        value = first(attributes, keys)
        if value is None and name == "environment":
            value = first(resource, keys)
        row[name] = mask_emails(str(value)) if value not in (None, "") else None
    row["app"] = row["app"] or row["service_name"]
    row["provider_name"] = _RENAMED_PROVIDERS.get(row["provider_name"] or "", row["provider_name"])
    row["resource_id"] = row["resource_id"].lower() if row["resource_id"] else None
    status = first(attributes, HTTP_STATUS)
    if row["error_type"] is None and re.fullmatch("[45][0-9]{2}", str(status)):
        row["error_type"] = str(status)
    if row["error_type"] is None and (span.get("status") or {}).get("code") in _STATUS_ERRORS:
        row["error_type"] = "_OTHER"  # the conventions' word for an error without a type
    for name, keys in (("customer_hash", CUSTOMER), ("user_hash", USER)):
        value = first(attributes, keys)
        row[name] = hasher.hash(str(value)) if value not in (None, "") else _hashed_already(attributes, name)
    key_name = first(attributes, API_KEY)
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
    for name, keys in INTEGERS.items():
        value = first(attributes, keys)
        row[name] = None if value is None else _integer(name, value)
    for name, keys in SECONDS.items():
        row[name] = _seconds(first(attributes, keys), row)


def _hashed_already(attributes: Mapping[str, Any], name: str) -> str | None:
    """A hash that our own receiver made; whatever else stands there is nobody's."""
    value = attributes.get(CUSTOMER_HASH if name == "customer_hash" else USER_HASH)
    return str(value) if re.fullmatch("[0-9a-f]{32}", str(value)) else None


def _seconds(value: Any, row: Mapping[str, Any]) -> float | None:
    """A part of the call's duration; None where it cannot be, such as milliseconds under a name for seconds."""
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        return None
    longest = (row["end_at"] - row["start_at"]) / 1e6 if row["end_at"] else math.inf
    return seconds if 0 <= seconds <= longest else None


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
