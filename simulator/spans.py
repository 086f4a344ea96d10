"""The gateway's calls as OpenTelemetry GenAI spans: OTLP/JSON lines, gzip, one file per day.

Here: ``ExportTraceServiceRequest`` documents as the OTLP specification writes them in JSON (64-bit integers as strings,
ids as hex), with attributes of the GenAI semantic conventions and the gateway's own ``aifinops.*`` ones; duplicates and
damage, planted.
Not here: the calls themselves (``simulator.usage``).

Sources: OTLP/JSON encoding; GenAI conventions ``gen_ai.usage.cache_read.input_tokens`` (part of input_tokens) and
``gen_ai.usage.reasoning.output_tokens`` (part of output_tokens). ``user.id`` is personal data on purpose: whoever lands
it must hash it.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

import numpy as np

from simulator import organisation as org
from simulator.meters import TOKEN_MODELS
from simulator.mishaps import THROTTLED, TIMED_OUT
from simulator.randomness import stable_int, stream
from simulator.usage import Calls

DUPLICATE_SHARE = 0.006
_CUT_LINE_CHANCE = 0.02
_BAD_COUNT_CHANCE = 0.02
_ERROR_TYPES = {THROTTLED: "429", TIMED_OUT: "timeout"}
_SPAN_KIND_CLIENT = 3
_STATUS_ERROR = 2


@dataclass
class SpanFile:
    """One day's file and what was planted in it."""

    day: date
    content: bytes
    spans: int = 0
    duplicates: int = 0
    cut_lines: int = 0
    bad_counts: int = 0
    lines: int = field(default=0)


def file_name(day: date) -> str:
    return f"spans-{day.isoformat()}.jsonl.gz"


def span_file(parameters: org.Parameters, day: date, calls: list[Calls]) -> SpanFile:
    """A day's spans: one line per app and hour, duplicates and damaged lines among them."""
    rng = stream(parameters.seed, "delivery", day)
    file = SpanFile(day, b"")
    lines: list[str] = []
    resent: list[tuple[Calls, str]] = []
    for second, group, spans in _batches(parameters, day, calls):
        line = _request(group.app, day, spans)
        again = [span for span in spans if rng.random() < DUPLICATE_SHARE]
        file.spans += len(spans)
        file.duplicates += len(again)
        if again:
            resent.append((group, ",".join(again)))
        if rng.random() < _CUT_LINE_CHANCE / 24:
            # A connection broke while sending: the damaged line stays, the sender sends the whole again.
            lines.append(line[: len(line) * (3 + int(rng.integers(0, 5))) // 10])
            file.cut_lines += 1
        lines.append(line)
        if rng.random() < _BAD_COUNT_CHANCE / 24:
            lines.append(_request(group.app, day, [_broken_span(rng, group.app, day, second)]))
            file.bad_counts += 1
    lines += [_request(group.app, day, [span]) for group, span in resent]
    file.lines = len(lines)
    file.content = gzip.compress(("\n".join(lines) + "\n").encode(), compresslevel=5, mtime=0) if lines else b""
    return file


def _batches(parameters: org.Parameters, day: date, calls: list[Calls]) -> Iterator[tuple[int, Calls, list[str]]]:
    """Spans by app and hour, in time order."""
    batches = []
    for index, group in enumerate(calls):
        spans = _spans(parameters, day, group)
        for hour in range(24):
            picked = np.flatnonzero(group.start_second // 3600 == hour)
            if picked.size:
                batches.append((hour * 3600, index, group, [spans[i] for i in picked]))
    batches.sort(key=lambda batch: batch[:2])
    for second, _, group, spans in batches:
        yield second, group, spans


def _request(app: org.GatewayApp, day: date, spans: list[str]) -> str:
    attributes = [
        _text("service.name", app.app),
        _text("service.namespace", app.team),
        _text("deployment.environment.name", "production"),
        _text("cloud.provider", "azure"),
        _text("cloud.region", org.REGION),
        _text("telemetry.sdk.language", "python"),
    ]
    version = "0.9.2" if day < org.OLD_ATTRIBUTES_UNTIL else "1.4.0"
    return (
        f'{{"resourceSpans":[{{"resource":{{"attributes":[{",".join(attributes)}]}},"scopeSpans":[{{"scope":'
        f'{{"name":"gateway.genai","version":"{version}"}},"spans":[{",".join(spans)}]}}]}}]}}'
    )


def _text(key: str, value: str) -> str:
    return f'{{"key":"{key}","value":{{"stringValue":"{value}"}}}}'


def _int(key: str, value: int) -> str:
    return f'{{"key":"{key}","value":{{"intValue":"{value}"}}}}'


def _spans(parameters: org.Parameters, day: date, calls: Calls) -> list[str]:
    app = calls.app
    model = TOKEN_MODELS[app.model]
    midnight = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
    rng = stream(parameters.seed, "span-ids", app.stream_name, day)
    ids = rng.bytes(24 * len(calls)).hex()
    uses_old_name = day < org.OLD_ATTRIBUTES_UNTIL and stable_int(2, "old-attributes", app.app) == 0
    fixed = ",".join(
        [
            _text("gen_ai.operation.name", app.operation),
            _text("gen_ai.system", "az.ai.openai")
            if uses_old_name
            else _text("gen_ai.provider.name", "azure.ai.openai"),
            _text("gen_ai.request.model", app.model),
            _text("server.address", "aoai-gateway.openai.azure.com"),
            _text("aifinops.team", app.team),
            _text("aifinops.app", app.app),
            _text("aifinops.resource_id", org.GATEWAY_ACCOUNT),
            _text("aifinops.deployment", app.model),
        ]
    )
    out = []
    columns = zip(
        calls.start_second.tolist(), calls.start_nanos.tolist(), calls.duration_millis.tolist(),
        calls.input_tokens.tolist(), calls.cached_tokens.tolist(), calls.output_tokens.tolist(),
        calls.reasoning_tokens.tolist(), calls.status.tolist(),
        calls.customer.tolist(), calls.user.tolist(), calls.feature.tolist(), calls.leaked.tolist(),
        calls.is_retry.tolist(), strict=True,
    )  # fmt: skip
    for i, column in enumerate(columns):
        second, nanos, millis, inputs, cached, outputs, reasoning, status, customer, user, feature, leaked, is_retry = (
            column
        )
        start = (midnight + second) * 1_000_000_000 + nanos
        attributes = [fixed]
        if status != THROTTLED:
            attributes += [
                _text("gen_ai.response.model", model.response_model),
                _int("gen_ai.usage.input_tokens", inputs),
                _int("gen_ai.usage.cache_read.input_tokens", cached),
            ]
            if app.operation == "chat":
                attributes.append(_int("gen_ai.usage.output_tokens", outputs))
            if app.reasoning:
                attributes.append(_int("gen_ai.usage.reasoning.output_tokens", reasoning))
        if status in _ERROR_TYPES:
            attributes.append(_text("error.type", _ERROR_TYPES[status]))
        if is_retry:
            attributes.append(_int("http.request.resend_count", 1))
        attributes.append(_text("aifinops.feature", app.features[feature]))
        attributes.append(_text("aifinops.api_key.name", f"{app.app}-prod"))
        if not leaked:
            attributes.append(_text("aifinops.customer.id", f"customer-{customer + 1:04d}"))
            attributes.append(_text("user.id", f"user{user:03d}@customer.example"))
        trace = ids[48 * i : 48 * i + 32]
        span = ids[48 * i + 32 : 48 * i + 48]
        outcome = f'{{"code":{_STATUS_ERROR}}}' if status in _ERROR_TYPES else "{}"
        out.append(
            f'{{"traceId":"{trace}","spanId":"{span}","name":"{app.operation} {app.model}","kind":{_SPAN_KIND_CLIENT},'
            f'"startTimeUnixNano":"{start}","endTimeUnixNano":"{start + millis * 1_000_000}",'
            f'"attributes":[{",".join(attributes)}],"status":{outcome}}}'
        )
    return out


def _broken_span(rng: np.random.Generator, app: org.GatewayApp, day: date, second: int) -> str:
    """A span no one can price: its token count is not a number. The call failed and is on no bill."""
    start = (int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) + second) * 1_000_000_000
    attributes = [
        {"key": "gen_ai.operation.name", "value": {"stringValue": app.operation}},
        {"key": "gen_ai.provider.name", "value": {"stringValue": "azure.ai.openai"}},
        {"key": "gen_ai.request.model", "value": {"stringValue": app.model}},
        {"key": "gen_ai.usage.input_tokens", "value": {"intValue": "n/a"}},
        {"key": "error.type", "value": {"stringValue": "500"}},
        {"key": "aifinops.team", "value": {"stringValue": app.team}},
        {"key": "aifinops.app", "value": {"stringValue": app.app}},
    ]
    document = {
        "traceId": rng.bytes(16).hex(),
        "spanId": rng.bytes(8).hex(),
        "name": f"{app.operation} {app.model}",
        "kind": _SPAN_KIND_CLIENT,
        "startTimeUnixNano": str(start),
        "endTimeUnixNano": str(start + 40_000_000),
        "attributes": attributes,
        "status": {"code": _STATUS_ERROR},
    }
    return json.dumps(document, separators=(",", ":"))
