"""Usage from delivery to the lake: spans, usage tables, outcomes; and no person among it."""

from __future__ import annotations

import gzip
import json
import re
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import ingestion
from finops.config import ConfigError
from finops.config.load import load_mapping
from finops.config.usage_sources import OtelSpansSource, OutcomesSource, UsageFilesSource
from finops.paths import Home
from ingestion import LandingError, LandingResult
from tests.support.landed import AS_OF, query, readable

SPANS, USAGE, OUTCOMES = "otel__genai_span", "usage__record", "outcomes__record"
PEOPLE = ("jane", "example.com", "ACME", "diagnosis", "person4711", "doctor", "paul")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "delivered"
    path.mkdir()
    return path


def land_spans(home: Home, url: Path) -> LandingResult:
    return ingestion.land(OtelSpansSource(id="spans", type="otel_spans", url=str(url)), home, as_of=AS_OF, environ={})


def land_outcomes(home: Home, url: Path) -> LandingResult:
    source = OutcomesSource(id="outcomes", type="outcomes", url=str(url))
    return ingestion.land(source, home, as_of=AS_OF, environ={})


def land_usage(home: Home, url: Path, mapping: Path) -> LandingResult:
    source = UsageFilesSource(id="usage", type="usage_files", url=str(url), mapping=str(mapping))
    return ingestion.land(source, home, as_of=AS_OF, environ={})


def span_line(number: int, **attributes: str) -> str:
    values = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "azure.ai.openai",
        "gen_ai.request.model": "gpt-4.1",
        "gen_ai.usage.input_tokens": str(number),
        "user.id": "jane@example.com",
        "aifinops.customer.id": "ACME",
        "gen_ai.prompt": "Dear doctor, my diagnosis",
        **attributes,
    }
    span = {
        "traceId": f"{number:032x}",
        "spanId": f"{number:016x}",
        "startTimeUnixNano": "1760940000000000000",
        "endTimeUnixNano": "1760940001000000000",
        "attributes": [{"key": key, "value": {"stringValue": value}} for key, value in values.items()],
        "events": [{"name": "gen_ai.content", "attributes": [{"key": "p", "value": {"stringValue": "paul"}}]}],
    }
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]})


def everything_written(home: Home) -> str:
    """All text in the home: bytes of every file, and the values of Parquet columns, which are compressed."""
    found = []
    for path in home.path.rglob("*"):
        if path.is_file():
            found.append(path.read_bytes().decode("utf-8", errors="replace"))
            if path.suffix == ".parquet":
                rows = pq.read_table(path).drop_columns(
                    [c for c in ("x_file", "scope", "manifest") if c in pq.read_schema(path).names]
                )
                found.append(json.dumps(rows.to_pylist(), default=str))
    return "\n".join(found)


def assert_no_person(home: Home, folder: Path) -> None:
    text = everything_written(home).replace(str(folder), "")
    assert "gpt-4" in text, "the search must have something to search"
    assert [name for name in PEOPLE if re.search(name, text)] == []


@pytest.mark.ids("ING-3", "ING-10", "SEC-2")
def test_spans_land_once_without_people_and_bad_lines_are_kept(home: Home, folder: Path) -> None:
    (folder / "a.jsonl").write_text(
        "\n".join(
            [span_line(1), span_line(2)[:330], "", span_line(3, **{"gen_ai.usage.output_tokens": "jane@example.com"})]
        )
    )
    (folder / "b.jsonl.gz").write_bytes(gzip.compress((span_line(4) + "\n").encode()))
    result = land_spans(home, folder)
    assert (result.snapshots, result.rows, result.rejected) == (2, {SPANS: 2}, 2)
    assert query(
        home, SPANS, "select sum(input_tokens), count(distinct user_hash), count(customer_hash) from rows"
    ) == [(5, 1, 2)]
    rejects = query(home, "landing__rejected", "select x_row, column_name from rows order by x_row")
    assert rejects == [(2, None), (4, "output_tokens")]
    before = readable(home)
    assert land_spans(home, folder).skipped == 2
    assert readable(home) == before
    assert_no_person(home, folder)


@pytest.mark.ids("ING-3", "ING-10")
def test_a_file_that_grew_replaces_itself(home: Home, folder: Path) -> None:
    path = folder / "today.jsonl"
    path.write_text(span_line(1) + "\n")
    land_spans(home, folder)
    path.write_text(span_line(1) + "\n" + span_line(2) + "\n")
    assert land_spans(home, folder).rows == {SPANS: 2}
    current = query(home, "landing__snapshot", "select snapshot_id from rows order by submitted_at desc limit 1")[0][0]
    assert query(home, SPANS, f"select count(*) from rows where snapshot_id = '{current}'") == [(2,)]


@pytest.mark.ids("ING-3", "ING-10")
def test_a_file_still_being_written_waits(home: Home, folder: Path) -> None:
    whole = gzip.compress("\n".join(span_line(n) for n in range(50)).encode())
    (folder / "a.jsonl.gz").write_bytes(whole[:-40])
    (folder / "b.jsonl").write_text(span_line(1))
    result = land_spans(home, folder)
    assert result.rows == {SPANS: 1}
    assert "a.jsonl.gz" in result.incomplete[0]
    (folder / "a.jsonl.gz").write_bytes(whole)
    assert land_spans(home, folder).rows == {SPANS: 50}


MAPPING = """
columns: {usage_at: When, input_tokens: In, output_tokens: Out, customer_id: Customer, user_id: Who, model: Model}
constants: {provider_name: azure.ai.openai}
time_zone: Europe/Berlin
"""


@pytest.fixture
def mapping(tmp_path: Path) -> Path:
    path = tmp_path / "mapping.yml"
    path.write_text(MAPPING)
    return path


@pytest.mark.ids("ING-3", "ING-10", "SEC-2")
def test_a_table_is_mapped_and_its_bad_rows_are_kept(home: Home, folder: Path, mapping: Path) -> None:
    lines = [
        "When,In,Out,Customer,Who,Model,Prompt",
        "2026-07-01 12:00:00.9799600,10,1.0,ACME,jane@example.com,gpt-4.1,Dear doctor",  # 1: summer time
        "2026-12-01T12:00:00Z,20,,ACME,person4711,gpt-4.1,my diagnosis",  # 2: an offset wins over the zone
        "yesterday,1,1,ACME,paul,gpt-4.1,x",  # 3
        "2026-07-01,x,1,ACME,paul,gpt-4.1,x",  # 4
        "2026-07-01,-1,1,ACME,paul,gpt-4.1,x",  # 5
        "2026-07-01,1.5,1,ACME,paul,gpt-4.1,x",  # 6
        "2026-07-01,1,1,ACME,paul,,x",  # 7
        "2026-07-01,,,ACME,paul,gpt-4.1,x",  # 8
        "2026-07-01,1,1,ACME,paul,gpt-4.1",  # 9: too few fields
        "2026-07-01,jane@example.com,1,ACME,paul,gpt-4.1,x",  # 10
        "2026-07-01 00:30:00,40,2,,,gpt-4.1,x",  # 11
    ]
    (folder / "log.csv").write_text("\n".join(lines) + "\n")
    result = land_usage(home, folder / "log.csv", mapping)
    assert (result.rows, result.rejected) == ({USAGE: 3}, 8)
    rows = query(
        home, USAGE, "select x_row, usage_at, input_tokens, output_tokens, request_count from rows order by x_row"
    )
    assert rows == [
        (1, datetime(2026, 7, 1, 10, 0, 0, 979960), 10, 1, 1),  # noqa: DTZ001
        (2, datetime(2026, 12, 1, 12), 20, None, 1),  # noqa: DTZ001
        (11, datetime(2026, 6, 30, 22, 30), 40, 2, 1),  # noqa: DTZ001
    ]
    assert query(home, USAGE, "select count(distinct customer_hash), count(distinct user_hash) from rows") == [(1, 2)]
    rejects = query(home, "landing__rejected", "select x_row, column_name, reason from rows order by x_row")
    assert rejects == [
        (3, "usage_at", "'yesterday' is not a time"),
        (4, "input_tokens", "'x' is not a whole number"),
        (5, "input_tokens", "-1 is negative"),
        (6, "input_tokens", "'1.5' is not a whole number"),
        (7, "model", "model is missing"),
        (8, "input_tokens", "the row has no token count"),
        (9, rejects[6][1], "the line has fewer fields than the header"),
        (10, "input_tokens", "'[e-mail]' is not a whole number"),
    ]
    before = readable(home)
    assert land_usage(home, folder / "log.csv", mapping).skipped == 1
    assert readable(home) == before
    assert_no_person(home, folder)


@pytest.mark.ids("ING-3", "ING-10", "SEC-2")
def test_json_lines_and_parquet_land_like_csv(home: Home, folder: Path, tmp_path: Path) -> None:
    nested = tmp_path / "nested.yml"
    nested.write_text(
        "columns: {usage_at: at, input_tokens: usage.prompt_tokens, output_tokens: usage.completion, user_id: user}\n"
        "constants: {provider_name: azure.ai.openai, model: gpt-4.1}\ninput_includes_cache: false\n"
    )
    lines = [
        '{"at": "2026-10-01T00:00:00Z", "usage": {"prompt_tokens": 7, "completion": 3}, "user": "jane", "x": "paul"}',
        "",
        '{"at": "2026-10-01T00:00:00Z", "usage.prompt_tokens": 5, "user": "paul"}',
        '{"at": "2026-10-01T00:00:00Z", "usage": {"prompt_tokens": 9}, "user": "jane", "te',
        '["jane"]',
    ]
    (folder / "a.jsonl").write_text("\n".join(lines))
    result = land_usage(home, folder, nested)
    assert (result.rows, result.rejected) == ({USAGE: 2}, 2)
    assert query(
        home, USAGE, "select x_row, input_tokens, output_tokens, input_includes_cache from rows order by 1"
    ) == [
        (1, 7, 3, False),
        (3, 5, None, False),
    ]
    assert [row[0] for row in query(home, "landing__rejected", "select x_row from rows order by 1")] == [4, 5]
    (folder / "a.jsonl").unlink()
    table = pa.table({"at": ["2026-10-01"] * 2, "usage.prompt_tokens": [1.0, 2.5], "user": ["jane"] * 2})
    pq.write_table(table.append_column("usage.completion", pa.array([1, 2], pa.int32())), folder / "b.parquet")
    result = land_usage(home, folder, nested)
    assert (result.rows, result.rejected) == ({USAGE: 1}, 1)
    (folder / "b.parquet").unlink()
    assert_no_person(home, folder)


@pytest.mark.ids("ING-3")
def test_real_trace_keeps_every_token(home: Home, real_data: Path, project_dir: Path) -> None:
    path = real_data / "llm" / "azure2023" / "AzureLLMInferenceTrace_code.csv"
    mapping = project_dir / "config" / "examples" / "azure-llm-trace-mapping.yml"
    assert load_mapping(mapping).constants["app"] == "code-completion"
    result = land_usage(home, path, mapping)
    assert (result.rows, result.rejected) == ({USAGE: 8819}, 0)
    assert query(home, USAGE, "select sum(input_tokens), sum(output_tokens), min(usage_at) from rows") == [
        (18059974, 245896, datetime(2023, 11, 16, 18, 17, 3, 979960))  # noqa: DTZ001
    ]


@pytest.mark.ids("ING-3")
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("Model}", "Modell}"), "has no column 'Modell'; it has 'When', 'In'"),
        (("Europe/Berlin", "Middle/Earth"), "time zone 'Middle/Earth' is unknown"),
    ],
)
def test_a_wrong_mapping_says_what_the_file_has(
    home: Home, folder: Path, mapping: Path, change: tuple[str, str], said: str
) -> None:
    mapping.write_text(MAPPING.replace(*change))
    (folder / "log.csv").write_text("When,In,Out,Customer,Who,Model\n2026-07-01,1,1,a,b,c\n")
    with pytest.raises((LandingError, ConfigError), match=re.escape(said)):
        land_usage(home, folder, mapping)


@pytest.mark.ids("ING-3")
def test_times_in_a_users_own_format(home: Home, folder: Path, mapping: Path) -> None:
    mapping.write_text(MAPPING + "time_format: '%d.%m.%Y %H:%M'\n")
    (folder / "log.csv").write_text(
        "When;In;Out;Customer;Who;Model\n01.07.2026 02:30;1;1;a;b;c\n2026-07-01;1;1;a;b;c\n"
    )
    assert land_usage(home, folder, mapping).rejected == 1
    assert query(home, USAGE, "select usage_at from rows") == [(datetime(2026, 7, 1, 0, 30),)]  # noqa: DTZ001


@pytest.mark.ids("ING-8", "ING-10")
def test_outcomes_are_checked_and_a_corrected_file_replaces_the_first(home: Home, folder: Path) -> None:
    path = folder / "2026-10.csv"
    path.write_text(
        "Outcome_Date,outcome,team,quantity,comment\n"
        "2026-10-01,ticket_resolved,support,12.5,by jane@example.com\n"
        "October,ticket_resolved,support,1,\n"
        "2026-10-02,,support,1,\n"
        "2026-10-02,ticket_resolved,support,many,\n"
        "2026-10-02,ticket_resolved,support,-3,\n"
        "2026-10-02,ticket_resolved\n"
    )
    result = land_outcomes(home, folder)
    assert (result.rows, result.rejected) == ({OUTCOMES: 1}, 5)
    rows = query(home, OUTCOMES, "select outcome_date, outcome, team, app, quantity, x_row from rows")
    assert rows == [(date(2026, 10, 1), "ticket_resolved", "support", None, Decimal("12.5"), 1)]
    rejected = query(home, "landing__rejected", "select x_row, column_name from rows order by 1")
    assert [row[0] for row in rejected] == [2, 3, 4, 5, 6]
    assert [row[1] for row in rejected][:4] == ["outcome_date", "outcome", "quantity", "quantity"]
    before = readable(home)
    assert land_outcomes(home, folder).skipped == 1
    assert readable(home) == before
    path.write_text("outcome_date,outcome,quantity\n2026-10-01,ticket_resolved,13\n")
    assert land_outcomes(home, folder).rows == {OUTCOMES: 1}
    path.write_text("outcome_date,outcome\n2026-10-01,ticket_resolved\n")
    with pytest.raises(LandingError, match="has no column 'quantity'"):
        land_outcomes(home, folder)
