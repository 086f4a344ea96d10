"""The OTLP/HTTP receiver, asked as OpenTelemetry's exporters ask, and what a source lands of it."""

from __future__ import annotations

import gzip
import json
import os
import queue
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span

import ingestion
from finops.config.usage_sources import OtelSpansSource
from finops.paths import PROJECT_DIR, Home
from ingestion import LandingError
from ingestion.collect.server import CollectorSettings, server_config
from ingestion.collect.spool import FullError, Spool, SpoolLimits
from ingestion.privacy import load_hasher
from tests.support.applications import running
from tests.support.landed import query

SPANS = "otel__genai_span"
PROTOBUF = {"Content-Type": "application/x-protobuf"}
JSON = {"Content-Type": "application/json"}
START = 1_792_400_000_000_000_000
ATTRIBUTES: dict[str, Any] = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "azure.ai.openai",
    "gen_ai.request.model": "gpt-4.1",
    "gen_ai.response.model": "gpt-4.1-2025-04-14",
    "gen_ai.usage.input_tokens": 900,
    "gen_ai.usage.cache_read.input_tokens": 700,
    "gen_ai.usage.output_tokens": 50,
    "gen_ai.response.time_to_first_chunk": 0.4,
    "openai.response.service_tier": "flex",
    "http.request.resend_count": 2,
    "aifinops.feature": "search",
    "aifinops.team": "ann@example.com",
    "aifinops.customer.id": "customer-0042",
    "user.id": "ann@example.com",
    "gen_ai.input.messages": "a prompt that nobody may keep",
}


def attribute(owner: Any, key: str, value: Any) -> None:
    item = owner.attributes.add(key=key)
    match value:
        case bool():
            item.value.bool_value = value
        case int():
            item.value.int_value = value
        case float():
            item.value.double_value = value
        case _:
            item.value.string_value = value


def export(*spans: dict[str, Any], trace: int = 1) -> ExportTraceServiceRequest:
    """A request as the SDKs send it; each span is its attributes."""
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    attribute(group.resource, "service.name", "assistant")
    attribute(group.resource, "host.name", "laptop-of-ann")
    scope = group.scope_spans.add()
    for number, attributes in enumerate(spans, 1):
        span = scope.spans.add(
            trace_id=trace.to_bytes(16, "big"),
            span_id=number.to_bytes(8, "big"),
            name="chat with ann@example.com",
            kind=Span.SPAN_KIND_CLIENT,
            start_time_unix_nano=START,
            end_time_unix_nano=START + 1_500_000_000,
        )
        for key, value in attributes.items():
            attribute(span, key, value)
        event = span.events.add(name="gen_ai.user.message")
        attribute(event, "content", "a prompt that nobody may keep")
    return request


@contextmanager
def collector(home: Home, folder: Path, **settings: Any) -> Iterator[httpx.Client]:
    """A running receiver and a client of it; its last file is closed at the end."""
    config = server_config(CollectorSettings(folder, load_hasher(home, {}), **settings), grace_seconds=1)
    with running(config) as address, httpx.Client(base_url=address, timeout=20) as client:
        yield client


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "spans"


def land(home: Home, folder: Path) -> int:
    source = OtelSpansSource(id="spans", type="otel_spans", url=str(folder))
    result = ingestion.land(source, home, as_of=datetime(2026, 10, 20, tzinfo=UTC), environ={})
    return result.rows.get(SPANS, 0)


@pytest.mark.ids("ING-3", "UNIT-2")
def test_protobuf_and_json_gzip_or_not_land_alike(home: Home, folder: Path) -> None:
    from google.protobuf.json_format import MessageToDict

    with collector(home, folder) as client:
        sent = export(ATTRIBUTES, trace=1).SerializeToString()
        first = client.post("/v1/traces", content=sent, headers=PROTOBUF)
        assert first.status_code == 200
        assert first.headers["content-type"] == "application/x-protobuf"
        assert not ExportTraceServiceResponse.FromString(first.content).HasField("partial_success")
        packed = gzip.compress(export(ATTRIBUTES, trace=2).SerializeToString())
        assert client.post("/v1/traces", content=packed, headers=PROTOBUF | {"Content-Encoding": "gzip"}).is_success
        document = MessageToDict(export(ATTRIBUTES, trace=3))
        [span] = document["resourceSpans"][0]["scopeSpans"][0]["spans"]
        span |= {"traceId": f"{3:032X}", "spanId": f"{1:016x}"}  # OTLP's JSON has hex where protobuf's has base64
        third = client.post("/v1/traces", json=document)
        assert (third.status_code, third.json()) == (200, {})
        assert land(home, folder) == 0, "an open file is nobody's yet"
    assert land(home, folder) == 3
    columns = "input_tokens, cache_read_tokens, output_tokens, service_tier, retry_count, first_token_seconds, feature"
    found = query(home, SPANS, f"select distinct {columns}, app, team, response_model, start_at from rows")
    start = datetime.fromtimestamp(START / 1e9, UTC).replace(tzinfo=None)
    assert found == [(900, 700, 50, "flex", 2, 0.4, "search", "assistant", "[e-mail]", "gpt-4.1-2025-04-14", start)]
    assert query(home, SPANS, "select count(distinct trace_id) from rows") == [(3,)]
    hashes = query(home, SPANS, "select distinct customer_hash, user_hash from rows")
    hasher = load_hasher(home, {})
    assert hashes == [(hasher.hash("customer-0042"), hasher.hash("ann@example.com"))], "as from any other source"


@pytest.mark.ids("SEC-2")
def test_nothing_that_people_wrote_or_are_reaches_the_disk(home: Home, folder: Path) -> None:
    with collector(home, folder) as client:
        forged = ATTRIBUTES | {"aifinops.user.hash": "bob@example.com"}
        del forged["user.id"]
        request = export(ATTRIBUTES, forged).SerializeToString()
        assert client.post("/v1/traces", content=request, headers=PROTOBUF).is_success
    [file] = folder.glob("*.jsonl")
    text = file.read_text()
    assert "gpt-4.1" in text
    for secret in ("prompt", "ann", "bob", "customer-0042", "laptop"):
        assert secret not in text
    assert land(home, folder) == 2


@pytest.mark.ids("ING-3")
def test_names_of_other_instrumentations_are_read(home: Home, folder: Path) -> None:
    openinference = {
        "openinference.span.kind": "LLM",
        "llm.provider": "anthropic",
        "llm.model_name": "claude-sonnet-4-5",
        "llm.token_count.prompt": 900,
        "llm.token_count.prompt_details.cache_read": 700,
        "llm.token_count.prompt_details.cache_write": 100,
        "llm.token_count.completion": 50,
        "llm.token_count.completion_details.reasoning": 20,
    }
    traceloop = {
        "llm.request.type": "chat",
        "gen_ai.system": "openai",
        "gen_ai.request.model": "gpt-4.1",
        "gen_ai.usage.prompt_tokens": 900,
        "gen_ai.usage.completion_tokens": 50,
        "gen_ai.usage.cache_read_input_tokens": 700,
        "http.status_code": 429,
        "gen_ai.server.time_to_first_token": 400.0,  # milliseconds under a name for seconds
    }
    around = [
        {"openinference.span.kind": "CHAIN", "llm.model_name": "claude-sonnet-4-5", "llm.token_count.prompt": 900},
        {"traceloop.span.kind": "workflow", "gen_ai.request.model": "gpt-4.1", "gen_ai.usage.prompt_tokens": 900},
        {"http.request.method": "GET"},
    ]
    with collector(home, folder) as client:
        request = export(openinference, traceloop, *around).SerializeToString()
        response = client.post("/v1/traces", content=request, headers=PROTOBUF)
        assert not ExportTraceServiceResponse.FromString(response.content).partial_success.rejected_spans
        health = client.get("/health").json()
        assert (health["status"], health["kept_spans"], health["other_spans"]) == ("ok", 2, 3)
    land(home, folder)
    found = query(
        home,
        SPANS,
        """select provider_name, request_model, input_tokens, cache_read_tokens, cache_write_tokens, output_tokens,
                  reasoning_tokens, error_type, first_token_seconds from rows order by 1""",
    )
    assert found == [
        ("anthropic", "claude-sonnet-4-5", 900, 700, 100, 50, 20, None, None),
        ("openai", "gpt-4.1", 900, 700, None, 50, None, "429", None),
    ]


@pytest.mark.ids("ING-3", "ING-10")
def test_refusals_follow_the_protocol(home: Home, folder: Path) -> None:
    good = export(ATTRIBUTES).SerializeToString()
    with collector(home, folder, largest_body=20_000, token="hidden") as client:
        signed = {"Authorization": "Bearer hidden"}

        def post(content: bytes, **headers: str) -> httpx.Response:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            return client.post("/v1/traces", content=content, headers=signed | named)

        assert client.post("/v1/traces", content=good, headers=PROTOBUF).status_code == 401
        broken = post(b"\xff\xff\xff", content_type="application/x-protobuf")
        assert broken.status_code == 400
        assert broken.content[:2] == b"\x08\x03", "google.rpc.Status, INVALID_ARGUMENT"
        assert post(b"{", content_type="application/json").json()["code"] == 3
        assert post(b'{"resourceSpans": 7}', content_type="application/json").status_code == 400
        assert post(good, content_type="text/plain").status_code == 415
        assert post(good, content_type="application/x-protobuf", content_encoding="br").status_code == 415
        assert post(b"x" * 20_001, content_type="application/json").status_code == 413
        bomb = gzip.compress(b" " * 5_000_000)
        assert post(bomb, content_type="application/json", content_encoding="gzip").status_code == 413
        cut = gzip.compress(good)[:-9]
        assert post(cut, content_type="application/x-protobuf", content_encoding="gzip").status_code == 400
        assert post(good, content_type="application/x-protobuf", content_encoding="gzip").status_code == 400
        assert client.get("/v1/traces").status_code == 405

        half = export(ATTRIBUTES, ATTRIBUTES)
        half.resource_spans[0].scope_spans[0].spans[1].trace_id = b""
        partial = ExportTraceServiceResponse.FromString(
            post(half.SerializeToString(), content_type="application/x-protobuf").content
        ).partial_success
        assert (partial.rejected_spans, partial.error_message) == (1, "refused: traceId is no 16 bytes")
    assert land(home, folder) == 1


@pytest.mark.ids("ING-10")
def test_a_sender_is_told_to_come_again_when_nothing_can_be_written(home: Home, folder: Path) -> None:
    good = export(ATTRIBUTES).SerializeToString()
    with collector(home, folder, limits=SpoolLimits(waiting_bytes=10)) as client:
        full = client.post("/v1/traces", content=good, headers=PROTOBUF)
        assert (full.status_code, full.headers["retry-after"]) == (429, "5")
    with collector(home, folder) as client:
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()
        failed = client.post("/v1/traces", content=good, headers=PROTOBUF)
        assert (failed.status_code, failed.headers["retry-after"]) == (503, "5")
        folder.mkdir()
        assert client.get("/health").status_code == 503
        assert client.post("/v1/traces", content=good, headers=PROTOBUF).status_code == 200
        assert client.get("/health").status_code == 200
    assert land(home, folder) == 1


@pytest.mark.ids("ING-10")
def test_what_was_acknowledged_survives_a_kill(home: Home, folder: Path) -> None:
    program = "import sys; from cli.main import app; app(['collect', 'otlp', *sys.argv[1:]])"
    environ = {**os.environ, "PYTHONPATH": str(PROJECT_DIR)}
    arguments = ["--port", "0", "--folder", str(folder), "--home", str(home.path)]
    process = subprocess.Popen(
        [sys.executable, "-c", program, *arguments], env=environ, stderr=subprocess.PIPE, text=True
    )
    acknowledged: list[int] = []
    try:
        assert process.stderr is not None
        # The address is printed once somebody listens there; a program that fails ends the lines.
        said = next((line for line in process.stderr if line.startswith("Receiving ")), "")
        address = said.removeprefix("Receiving ").partition("/v1/traces")[0]
        with httpx.Client(base_url=address, timeout=30) as client:

            def send(trace: int) -> None:
                try:
                    content = export(ATTRIBUTES, trace=trace).SerializeToString()
                    if client.post("/v1/traces", content=content, headers=PROTOBUF).status_code == 200:
                        acknowledged.append(trace)
                except httpx.HTTPError:
                    return
                if len(acknowledged) >= 40:
                    process.send_signal(signal.SIGKILL)

            with ThreadPoolExecutor(4) as senders:
                list(senders.map(send, range(1, 200)))
    finally:
        process.kill()
        process.communicate()
    assert 40 <= len(acknowledged) < 199
    [left] = folder.glob("*.open")
    with left.open("ab") as file:
        file.write(b'{"resourceSpans":[{"cut off')
    with collector(home, folder):
        pass
    assert land(home, folder) >= len(acknowledged)
    landed = {int(row[0], 16) for row in query(home, SPANS, "select trace_id from rows")}
    assert landed >= set(acknowledged)


@pytest.mark.ids("ING-10")
def test_files_are_closed_by_size_and_one_folder_has_one_writer(folder: Path) -> None:
    with Spool(folder, SpoolLimits(file_bytes=100)) as spool:
        with pytest.raises(LandingError, match="another collector"), Spool(folder):
            pass
        for number in range(10):
            spool.append(json.dumps({"n": number, "filler": "x" * 60}).encode()).result(timeout=20)
        assert not list(folder.glob("*.open")) or spool.closed_files >= 4
    lines = [line for path in sorted(folder.glob("*.jsonl")) for line in path.read_text().splitlines()]
    assert [json.loads(line)["n"] for line in lines] == list(range(10))
    assert len(list(folder.glob("*.jsonl"))) == 5
    with Spool(folder, SpoolLimits(waiting_bytes=3)) as spool, pytest.raises(FullError):
        spool.append(b"four")


@pytest.mark.ids("ING-10")
def test_an_idle_file_is_closed_after_a_while(folder: Path) -> None:
    closed: queue.SimpleQueue[Path] = queue.SimpleQueue()
    with Spool(folder, SpoolLimits(file_seconds=0.05), on_close=closed.put) as spool:
        spool.append(b"{}").result(timeout=20)
        assert closed.get(timeout=20).read_bytes() == b"{}\n"


@pytest.mark.ids("ING-10")
def test_a_sender_that_stalls_does_not_keep_the_program_from_ending(home: Home, folder: Path) -> None:
    with collector(home, folder) as client:
        content = export(ATTRIBUTES).SerializeToString()
        assert client.post("/v1/traces", content=content, headers=PROTOBUF).status_code == 200
        stalled = socket.create_connection((client.base_url.host, client.base_url.port or 0))
        stalled.sendall(b"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n")
        stalled.sendall(b"Content-Length: 100\r\n\r\n{")
    stalled.close()
    assert land(home, folder) == 1
