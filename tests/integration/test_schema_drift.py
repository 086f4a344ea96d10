"""Deliveries whose columns change: told once, with what happened to the data; nothing crashes and nothing is lost."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import ingestion
from finops import lake
from finops.config.bill_sources import FocusFilesSource, SaasSubscriptionsSource
from finops.config.usage_sources import OpenAiSource, OutcomesSource, UsageFilesSource
from finops.lake import SchemaContract
from finops.paths import Home
from ingestion import LandingError, LandingResult
from ingestion.health import source_health
from tests.support.answering import Answer, Request, answering
from tests.support.lake_builder import run_dbt
from tests.support.landed import AS_OF, HEADER, charges, csv_bytes, query
from tests.support.model_apis import KEYS
from tests.support.record_homes import landing_home, write_csv

pytestmark = pytest.mark.ids("ING-10")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def land(source: Any, home: Home, environ: dict[str, str] | None = None, as_of: datetime = AS_OF) -> LandingResult:
    return ingestion.land(source, home, as_of=as_of, environ=environ or {})


def drift(home: Home) -> list[tuple[Any, ...]]:
    """What changed: column, change, contract, expected, found, file name."""
    return query(
        home,
        "landing__schema_drift",
        """select column_name, change, contract, expected_type, found_type, regexp_extract(x_file, '[^/]*$')
           from rows where change <> 'baseline' order by all""",
    )


def bill(folder: Path) -> FocusFilesSource:
    return FocusFilesSource(id="bill", type="focus_files", url=str(folder))


def test_every_table_of_a_source_has_a_contract() -> None:
    for table in lake.TABLES:
        assert (table.contract is SchemaContract.FREEZE) == table.name.startswith("landing__"), table.name


def test_a_csv_bill_with_a_new_a_missing_and_a_retyped_column(home: Home, tmp_path: Path) -> None:
    folder = tmp_path / "bills"
    folder.mkdir()
    rows = charges("2026-10-01", ["1", "2"])
    (folder / "bill-01.csv").write_bytes(csv_bytes(HEADER, rows))
    land(bill(folder), home)
    assert drift(home) == []
    (folder / "bill-02.csv").write_bytes(csv_bytes((*HEADER, "x_Colour"), [(*row, "red") for row in rows]))
    (folder / "bill-03.csv").write_bytes(csv_bytes(HEADER[:-1], [("n/a", *row[1:-1]) for row in rows]))

    assert land(bill(folder), home).snapshots == 2

    assert drift(home) == [
        ("BilledCost", "retyped_column", "evolve", "number", "text", "bill-03.csv"),
        ("Id", "missing_column", "evolve", None, None, "bill-03.csv"),
        ("x_Colour", "missing_column", "evolve", None, None, "bill-03.csv"),
        ("x_Colour", "new_column", "evolve", None, None, "bill-02.csv"),
    ]
    assert query(home, "focus__cost_and_usage", "select x_Colour, count(*) from rows group by 1 order by 1") == [
        ("red", 2),
        (None, 4),
    ]
    told = query(home, "landing__schema_drift", "select outcome, remedy from rows where change <> 'baseline'")
    assert all(outcome and remedy for outcome, remedy in told)
    # The same change again is no news.
    (folder / "bill-04.csv").write_bytes(csv_bytes((*HEADER, "x_Colour"), [(*row, "blue") for row in rows]))
    land(bill(folder), home)
    assert len(drift(home)) == 4


def test_a_column_that_a_bill_cannot_do_without_refuses_the_file_and_says_so(home: Home, tmp_path: Path) -> None:
    folder = tmp_path / "bills"
    folder.mkdir()
    rows = charges("2026-10-01", ["1"])
    (folder / "bill-01.csv").write_bytes(csv_bytes(HEADER, rows))
    land(bill(folder), home)
    (folder / "bill-02.csv").write_bytes(csv_bytes(HEADER[1:], [row[1:] for row in rows]))
    for _ in range(2):
        with pytest.raises(LandingError, match="BilledCost"):
            land(bill(folder), home)
    assert [row[:2] for row in drift(home)] == [("BilledCost", "missing_column")]
    assert query(home, "landing__schema_drift", "select outcome from rows where change = 'missing_column'") == [
        ("nothing of such deliveries was landed",)
    ]


def test_a_parquet_bill_whose_amounts_become_text(home: Home, tmp_path: Path) -> None:
    folder = tmp_path / "bills"
    folder.mkdir()
    columns = {name: [row[i] for row in charges("2026-10-01", ["1", "2"])] for i, name in enumerate(HEADER)}
    amounts = pa.array([1, 2], pa.decimal128(38, 12))
    pq.write_table(pa.table({**columns, "BilledCost": amounts}), folder / "part_0_0001.parquet")
    land(bill(folder), home)
    pq.write_table(pa.table({**columns, "x_New": ["a", "b"]}), folder / "part_1_0001.parquet")
    land(bill(folder), home)
    assert drift(home) == [
        ("BilledCost", "retyped_column", "evolve", "number", "text", "part_1_0001.parquet"),
        ("x_New", "new_column", "evolve", None, "text", "part_1_0001.parquet"),
    ]
    assert query(home, "focus__cost_and_usage", "select count(*) from rows") == [(4,)]


def test_a_usage_file_whose_counts_become_words(home: Home, tmp_path: Path) -> None:
    mapping = tmp_path / "mapping.yml"
    mapping.write_text(
        "columns: {usage_at: at, input_tokens: tokens}\nconstants: {provider_name: openai, model: gpt-4.1}\n"
        "input_includes_cache: true\n",
        encoding="utf-8",
    )
    source = UsageFilesSource(id="usage", type="usage_files", url=str(tmp_path / "usage"), mapping=str(mapping))
    day: dict[str, object] = {"at": "2026-10-10T00:00:00Z", "tokens": 5, "note": "x"}
    write_csv(tmp_path / "usage" / "1.csv", [day, {**day, "tokens": 6}])
    land(source, home)
    write_csv(tmp_path / "usage" / "2.csv", [{**day, "tokens": "many", "prompt": "secret"}, {**day, "tokens": "few"}])
    assert land(source, home).rejected == 2
    assert drift(home) == [
        ("prompt", "new_column", "discard", None, None, "2.csv"),
        ("tokens", "retyped_column", "discard", None, "unreadable", "2.csv"),
    ]
    assert query(home, "landing__rejected", "select distinct column_name, reason like '%whole number' from rows") == [
        ("input_tokens", True)
    ]
    write_csv(tmp_path / "usage" / "3.csv", [{"at": "2026-10-10T00:00:00Z", "note": "x"}])
    with pytest.raises(LandingError, match="has no column 'tokens'"):
        land(source, home)
    assert ("tokens", "missing_column", "discard", None, None, "3.csv") in drift(home)


def test_doctor_and_the_marts_say_what_changed(home: Home, tmp_path: Path) -> None:
    home = landing_home(home.path, AS_OF)
    source = bill(tmp_path / "bills")
    (tmp_path / "bills").mkdir()
    rows = charges("2026-10-01", ["1"])
    (tmp_path / "bills" / "bill-01.csv").write_bytes(csv_bytes(HEADER, rows))
    (tmp_path / "bills" / "bill-02.csv").write_bytes(csv_bytes((*HEADER, "x_Colour"), [(*rows[0], "red")]))
    land(source, home)
    found = {finding.check: finding for finding in source_health(source, home, as_of=AS_OF, environ={})}
    assert found["schema"].status == "warning"
    assert "new column x_Colour (kept as text under its own name)" in found["schema"].message

    result = run_dbt(home, "run", "--quiet", "--select", "+fct_schema_drift")
    assert result.returncode == 0, result.output
    tested = run_dbt(home, "test", "--select", "columns_are_what_they_were")
    assert tested.returncode == 0, tested.output
    assert "WARN 1 columns_are_what_they_were" in tested.output
    assert result.query("select column_name, change, contract from marts.fct_schema_drift") == [
        ("x_Colour", "new_column", "evolve")
    ]


def test_an_outcome_file_without_an_optional_column(home: Home, tmp_path: Path) -> None:
    source = OutcomesSource(id="outcomes", type="outcomes", url=str(tmp_path / "outcomes"))
    row: dict[str, object] = {"outcome_date": "2026-10-01", "outcome": "done", "quantity": 1, "team": "search"}
    write_csv(tmp_path / "outcomes" / "2026-09.csv", [row])
    write_csv(tmp_path / "outcomes" / "2026-10.csv", [{k: v for k, v in row.items() if k != "team"} | {"quantity": 2}])
    assert land(source, home).snapshots == 2
    assert drift(home) == [("team", "missing_column", "discard", None, None, "2026-10.csv")]


def test_an_answer_of_an_api_with_members_that_come_and_go(home: Home) -> None:
    results: list[dict[str, Any]] = [
        {"input_tokens": 5, "output_tokens": 1, "model": "gpt-4.1", "num_model_requests": 1}
    ]

    def answer(request: Request, _: str) -> Answer:
        buckets = []
        if "/usage/completions" in request.path:
            start = int(request.path.partition("start_time=")[2].partition("&")[0])
            buckets = [{"start_time": start, "end_time": start + 86400, "results": results}]
        return Answer(body=json.dumps({"data": buckets, "has_more": False, "next_page": None}))

    with answering(answer) as server:
        settings = {"lookback_days": 2, "usage_lookback_days": 2, "usage": ["completions"], "bucket_width": "1d"}
        source = OpenAiSource.model_validate({"id": "openai", "type": "openai", "endpoint": server.url, **settings})
        land(source, home, KEYS)
        assert drift(home) == []
        results[:] = [
            {"input_tokens": "a few", "model": "gpt-4.1", "num_model_requests": 1, "user_email": "a@b.example"}
        ]
        again = land(source, home, KEYS, datetime(2026, 10, 21, 6, tzinfo=UTC))
    assert again.rejected
    assert [row[:5] for row in drift(home)] == [
        ("input_tokens", "retyped_column", "discard", None, "unreadable"),
        ("output_tokens", "missing_column", "discard", None, None),
        ("user_email", "new_column", "discard", None, None),
    ]


def test_a_table_of_a_database_whose_columns_change(home: Home, tmp_path: Path) -> None:
    database = tmp_path / "finance.db"
    address = {"AIFINOPS_FINANCE": f"sqlite:///{database}"}
    source = SaasSubscriptionsSource(
        id="saas", type="saas_subscriptions", connection_env="AIFINOPS_FINANCE", table="subscriptions"
    )
    columns = "vendor, product, unit_price, currency, billing_cadence, start_date"
    values = "'V', 'P', '10', 'USD', 'monthly', '2026-01-01'"
    with sqlite3.connect(database) as connection:
        connection.execute(f"create table subscriptions ({columns}, seats integer, team text)")
        connection.execute(f"insert into subscriptions values ({values}, 3, 'search')")
    assert land(source, home, address).rejected == 0
    with sqlite3.connect(database) as connection:
        connection.execute("drop table subscriptions")
        connection.execute(f"create table subscriptions ({columns}, seats text, contact text)")
        connection.execute(f"insert into subscriptions values ({values}, 'three', 'someone')")
    assert land(source, home, address).rejected == 1
    assert [row[:3] for row in drift(home)] == [
        ("contact", "new_column", "discard"),
        ("seats", "retyped_column", "discard"),
        ("team", "missing_column", "discard"),
    ]
