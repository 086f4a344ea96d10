"""What is kept of an OTLP trace request.

Here: protobuf and JSON requests read alike; model calls reduced to the attributes that tell of usage; ids of people
replaced by keyed hashes, everything else that people wrote left out.
Not here: HTTP (``ingestion.collect.server``) and files (``ingestion.collect.spool``).
Source: OTLP 1.x (``opentelemetry/proto/collector/trace/v1``), and its JSON encoding: lowerCamelCase names, ids as hex,
64-bit integers as text or numbers, unknown members ignored.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

from ingestion.privacy import Hasher, mask_emails, mask_secret
from ingestion.sources.otel_spans.attributes import (
    API_KEY,
    CUSTOMER,
    CUSTOMER_HASH,
    INTEGERS,
    KEPT,
    RESOURCE,
    SECONDS,
    USER,
    USER_HASH,
    first,
    is_model_call,
)

if TYPE_CHECKING:
    from opentelemetry.proto.common.v1.common_pb2 import AnyValue

PROTOBUF, JSON = "application/x-protobuf", "application/json"
_LONGEST_TEXT = 256
_HASHED = frozenset((*CUSTOMER, *USER, CUSTOMER_HASH, USER_HASH))
_NUMBERS = frozenset(key for names in (INTEGERS, SECONDS) for keys in names.values() for key in keys)
_HASH = re.compile("[0-9a-f]{32}")
_TRACE_ID, _SPAN_ID = re.compile("[0-9a-fA-F]{32}"), re.compile("[0-9a-fA-F]{16}")


class MalformedError(ValueError):
    """The request is no OTLP trace request; the message says why, without what is in it."""


@dataclass
class Reduced:
    """One request's model calls as a line of OTLP/JSON (None where there are none), and what had to be refused."""

    line: bytes | None = None
    kept: int = 0
    other: int = 0
    refused: int = 0
    reasons: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class _Span:
    trace_id: str
    span_id: str
    start: int
    end: int
    status: int
    attributes: Mapping[str, Any]


def reduce_request(body: bytes, content_type: str, hasher: Hasher) -> Reduced:
    """Read a request and keep what tells of usage.

    Raises:
        MalformedError: it cannot be read.
    """
    groups = _from_protobuf(body) if content_type == PROTOBUF else _from_json(body)
    result = Reduced()
    documents = []
    for resource, spans in groups:
        kept = []
        for span in spans:
            if not is_model_call(span.attributes):
                result.other += 1
                continue
            problem = _problem(span)
            if problem:
                result.refused += 1
                result.reasons.add(problem)
                continue
            kept.append(_span_document(span, hasher))
        if kept:
            described = {key: mask_emails(str(resource[key]))[:_LONGEST_TEXT] for key in RESOURCE if key in resource}
            documents.append(
                {"resource": {"attributes": _attributes_document(described)}, "scopeSpans": [{"spans": kept}]}
            )
            result.kept += len(kept)
    if documents:
        result.line = orjson.dumps({"resourceSpans": documents})
    return result


def _problem(span: _Span) -> str | None:
    if not _TRACE_ID.fullmatch(span.trace_id) or not int(span.trace_id, 16):
        return "traceId is no 16 bytes"
    if not _SPAN_ID.fullmatch(span.span_id) or not int(span.span_id, 16):
        return "spanId is no 8 bytes"
    if span.start <= 0:
        return "startTimeUnixNano is missing"
    return None


def _span_document(span: _Span, hasher: Hasher) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for key, value in span.attributes.items():
        if key not in KEPT or key in _HASHED or value is None:
            continue
        if isinstance(value, bool | int | float):
            kept[key] = value
        elif key in _NUMBERS and re.fullmatch(r"\s*-?[0-9.]+\s*", str(value)):
            kept[key] = str(value).strip()[:_LONGEST_TEXT]
        else:
            text = mask_emails(str(value))[:_LONGEST_TEXT]
            kept[key] = mask_secret(text, hasher) if key in API_KEY else text
    for keys, name in ((CUSTOMER, CUSTOMER_HASH), (USER, USER_HASH)):
        value = first(span.attributes, keys)
        already = span.attributes.get(name)
        if value not in (None, ""):
            kept[name] = hasher.hash(str(value))
        elif already not in (None, ""):
            # A chain of collectors hashes once; whatever else stands there could be anybody.
            kept[name] = str(already) if _HASH.fullmatch(str(already)) else hasher.hash(str(already))
    document = {
        "traceId": span.trace_id.lower(),
        "spanId": span.span_id.lower(),
        "startTimeUnixNano": str(span.start),
        "attributes": _attributes_document(kept),
        "status": {"code": span.status} if span.status else {},
    }
    return document | ({"endTimeUnixNano": str(span.end)} if span.end > 0 else {})


def _attributes_document(attributes: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value_document(value)} for key, value in sorted(attributes.items())]


def _value_document(value: Any) -> dict[str, Any]:
    match value:
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value}
        case _:
            return {"stringValue": str(value)}


# ── protobuf ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _from_protobuf(body: bytes) -> Iterator[tuple[Mapping[str, Any], list[_Span]]]:
    from google.protobuf.message import DecodeError
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    request = ExportTraceServiceRequest()
    try:
        request.ParseFromString(body)
    except DecodeError:
        raise MalformedError("the body is no protobuf ExportTraceServiceRequest") from None
    for group in request.resource_spans:
        spans = [
            _Span(
                span.trace_id.hex(),
                span.span_id.hex(),
                span.start_time_unix_nano,
                span.end_time_unix_nano,
                span.status.code,
                {item.key: _plain(item.value) for item in span.attributes},
            )
            for scope in group.scope_spans
            for span in scope.spans
        ]
        yield {item.key: _plain(item.value) for item in group.resource.attributes}, spans


def _plain(value: AnyValue) -> Any:
    """A scalar; None for lists, maps and bytes, none of which is ever kept."""
    kind = value.WhichOneof("value")
    return getattr(value, kind) if kind in ("string_value", "bool_value", "int_value", "double_value") else None


# ── JSON ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _from_json(body: bytes) -> Iterator[tuple[Mapping[str, Any], list[_Span]]]:
    try:
        request = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise MalformedError("the body is no JSON") from None
    try:
        for group in request.get("resourceSpans") or ():
            spans = [
                _Span(
                    str(span.get("traceId") or ""),
                    str(span.get("spanId") or ""),
                    int(span.get("startTimeUnixNano") or 0),
                    int(span.get("endTimeUnixNano") or 0),
                    _status(span.get("status") or {}),
                    _json_attributes(span),
                )
                for scope in group.get("scopeSpans") or ()
                for span in scope.get("spans") or ()
            ]
            yield _json_attributes(group.get("resource") or {}), spans
    except (AttributeError, TypeError, ValueError, KeyError):
        raise MalformedError("the JSON is not built like an ExportTraceServiceRequest") from None


def _status(status: Mapping[str, Any]) -> int:
    code = status.get("code") or 0
    return {"STATUS_CODE_UNSET": 0, "STATUS_CODE_OK": 1, "STATUS_CODE_ERROR": 2}.get(str(code), 0) or int(
        code if isinstance(code, int) else 0
    )


def _json_attributes(owner: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for item in owner.get("attributes") or ():
        value = item.get("value") or {}
        if "intValue" in value:
            # Kept as it is where it is no number, so that landing refuses the span and shows it.
            text = str(value["intValue"])
            found[item["key"]] = int(text) if re.fullmatch(r"-?[0-9]+", text) else text
        else:
            kinds = ("stringValue", "boolValue", "doubleValue")
            found[item["key"]] = next((value[kind] for kind in kinds if kind in value), None)
    return found
