"""A slice of usage tells of its days what the whole would, and leaves every other day as it is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from finops.paths import Home
from orchestration import staged_usage
from orchestration.workspace import warehouse_memory
from tests.support.lake_builder import DbtResult, LakeBuilder, Row, run_dbt, span

pytestmark = [pytest.mark.ids("ING-4", "COST-3"), pytest.mark.xdist_group("usage-slice")]

AS_OF = datetime(2026, 10, 20, 6, tzinfo=UTC)
MONDAY = datetime(2026, 10, 12, 10, tzinfo=UTC)
PRICED = "select * from intermediate.int_usage__priced order by all"
# What is told from single calls: exact percentiles, and the busiest minute.
OF_CALLS = ("int_usage__call_size", "int_service__latency_daily", "int_service__peak_daily")
BY_DAY = """
select usage_date, sum(request_count), sum(tokens), sum(estimated_cost)
from intermediate.int_usage__priced
group by 1
order by 1
"""


def spans(start: datetime, count: int, first: int, **columns: Any) -> list[Row]:
    return [
        span(
            start + timedelta(minutes=n), first + n,
            **{
                "app": "query-rewriter", "input_tokens": 1000 + n, "first_token_seconds": 0.1 * (n + 1),
                "end_at": start + timedelta(minutes=n, seconds=n + 1), **columns,
            },
        )
        for n in range(count)
    ]  # fmt: skip


def of_calls(result: DbtResult) -> dict[str, list[tuple[Any, ...]]]:
    return {model: result.query(f"select * from intermediate.{model} order by all") for model in OF_CALLS}


def litellm_call(at: datetime, number: int, tokens: int, requested_at: datetime = AS_OF) -> Row:
    return {
        "source_id": "proxy", "request_id": f"call-{number}", "start_at": at, "end_at": at, "status": "success",
        "custom_llm_provider": "azure", "model": "gpt-4.1", "prompt_tokens": tokens, "completion_tokens": 10,
        "spend": "0.1", "requested_at": requested_at,
    }  # fmt: skip


def points(hour: datetime, tokens: float, *, interval: str, requested_at: datetime) -> list[Row]:
    common = {
        "source_id": "metrics", "resource_id": "/accounts/dedicated", "aggregation": "Total", "interval": interval,
        "point_at": hour, "deployment_name": "chat", "model_name": "gpt-4.1", "dimensions": "{}",
        "requested_at": requested_at,
    }  # fmt: skip
    return [
        {**common, "metric_name": "InputTokens", "value": tokens},
        {**common, "metric_name": "OutputTokens", "value": 7.0},
    ]


def whole(home: Home) -> DbtResult:
    result = run_dbt(home, "run", "--quiet", "--select", "+int_usage__built_load", target=home.path / "whole")
    assert result.returncode == 0, result.output
    return result


def newest(home: Home, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> DbtResult:
    with monkeypatch.context() as patched:
        patched.setenv("AIFINOPS_USAGE_SLICE", "true")
        result = run_dbt(home, "run", "--quiet", "--select", "tag:usage_slice", *arguments, target=home.path / "slice")
    assert result.returncode == 0, result.output
    return result


@pytest.mark.long
def test_slices_end_with_what_the_whole_would_tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = Home(tmp_path)
    lake = LakeBuilder(home, first_load_at=AS_OF)
    lake.configure(AS_OF)
    lake.snapshot("otel__genai_span", spans(MONDAY, 30, 1), scope="monday.json")
    lake.snapshot("otel__genai_span", spans(MONDAY + timedelta(days=1), 20, 100), scope="tuesday.json")
    lake.load({"litellm__spend_log": [litellm_call(MONDAY, 1, 500)]})
    lake.load({"azure_monitor__metric": points(MONDAY, 900.0, interval="PT1M", requested_at=AS_OF)})
    before = whole(home)
    assert [row[1] for row in before.query(BY_DAY)] == [31, 20], "metrics without request counts, one call of the proxy"
    untouched = before.query(
        "select * from intermediate.int_usage__priced where usage_date = '2026-10-12' order by all"
    )
    assert untouched

    # New spans and one that was sent again; a load without its entry, which was interrupted.
    wednesday = spans(MONDAY + timedelta(days=2), 5, 200, response_model="gpt-9", request_model="gpt-9")
    lake.snapshot("otel__genai_span", [*wednesday, *spans(MONDAY + timedelta(days=1), 2, 100)], scope="wednesday.json")
    lake.snapshot("otel__genai_span", spans(MONDAY, 9, 900), scope="cut.json", complete=False)
    found = newest(home, monkeypatch)
    assert [row[0].day for row in found.query("select usage_date from intermediate.int_usage__new_day order by 1")] == [
        13,
        14,
    ]
    assert [(row[0].day, row[1]) for row in found.query(BY_DAY)] == [(12, 31), (13, 20), (14, 5)]
    kept = found.query("select * from intermediate.int_usage__priced where usage_date = '2026-10-12' order by all")
    assert kept == untouched
    longest = found.query(
        "select usage_date, max(longest_milliseconds) from intermediate.int_service__latency_daily "
        "group by 1 order by 1"
    )
    assert [(day.day, most) for day, most in longest] == [(12, 30_000), (13, 20_000), (14, 5_000)]

    # A file that no longer has what it told, a call that was logged again, minutes that became an hour.
    lake.snapshot(
        "otel__genai_span", spans(MONDAY, 10, 1), scope="monday.json", submitted_at=datetime(2026, 10, 20, tzinfo=UTC)
    )
    later = AS_OF + timedelta(hours=1)
    lake.load({"litellm__spend_log": [litellm_call(MONDAY, 1, 700, requested_at=later)]})
    lake.load({"azure_monitor__metric": points(MONDAY, 1000.0, interval="PT1H", requested_at=later)})
    found = newest(home, monkeypatch)
    assert [(row[0].day, row[1]) for row in found.query(BY_DAY)] == [(12, 11), (13, 20), (14, 5)]
    assert newest(home, monkeypatch).query("select * from intermediate.int_usage__new_day") == [], "nothing is new"
    sliced, sliced_calls = found.query(PRICED), of_calls(found)
    assert {row[0] for row in found.query("select distinct source from intermediate.int_usage__priced")} == {
        "spans",
        "litellm",
        "azure_monitor",
    }
    again = whole(home)
    assert sliced == again.query(PRICED)
    assert sliced_calls == of_calls(again)
    assert all(len({row[0] for row in rows}) == 3 for rows in sliced_calls.values()), "three days each"


@pytest.mark.long
def test_the_whole_may_keep_what_is_staged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def kept(home: Home) -> DbtResult:
        with monkeypatch.context() as patched:
            patched.setenv("AIFINOPS_USAGE_SLICE", "staging")
            return run_dbt(home, "run", "--quiet", "--select", "+int_usage__built_load", target=home.path / "kept")

    home = Home(tmp_path)
    lake = LakeBuilder(home, first_load_at=AS_OF)
    lake.configure(AS_OF)
    lake.snapshot("otel__genai_span", spans(MONDAY, 30, 1), scope="monday.json")
    lake.snapshot("otel__genai_span", spans(MONDAY + timedelta(days=1), 20, 100), scope="tuesday.json")
    lake.snapshot("otel__genai_span", spans(MONDAY, 9, 900), scope="cut.json", complete=False)
    late = lake.snapshot("otel__genai_span", spans(MONDAY, 3, 800), scope="late.json", complete=False)
    lake.load({"litellm__spend_log": [litellm_call(MONDAY, 1, 500)]})
    whole(home)
    # A new day, a call sent again, a file that says less, one refused, and an old load that is complete at last.
    lake.snapshot("otel__genai_span", spans(MONDAY + timedelta(days=2), 5, 200), scope="wednesday.json")
    lake.snapshot("otel__genai_span", spans(MONDAY + timedelta(days=1), 2, 100), scope="again.json")
    lake.snapshot("otel__genai_span", spans(MONDAY, 1, 700, output_tokens=-1), scope="refused.json")
    lake.snapshot(
        "otel__genai_span", spans(MONDAY, 10, 1), scope="monday.json", submitted_at=datetime(2026, 10, 20, tzinfo=UTC)
    )
    loads = home.lake / "raw" / "_dlt_loads"
    entry = '{"load_id": "%s", "schema_name": "test", "status": 0, "inserted_at": "2026-10-20T00:00:00+00:00"}\n'
    (loads / f"test__{late}.jsonl").write_text(entry % late)
    found = kept(home)
    assert found.returncode == 0, found.output
    assert len(found.query("select * from intermediate.int_usage__new_day")) == 3
    staged = "select * from staging.base_otel__genai_span order by all"
    told = [found.query(sql) for sql in (staged, PRICED)], of_calls(found)
    assert len(told[0][0]) == 10 + 20 + 3 + 5 + 1
    again = whole(home)
    assert told == ([again.query(sql) for sql in (staged, PRICED)], of_calls(again))

    # What was taken out of the lake is nothing that new loads could tell.
    (loads / f"test__{late}.jsonl").unlink()
    refused = kept(home)
    assert refused.returncode != 0
    assert "1 loads that the warehouse has are not in the lake any more" in refused.output


def test_calls_stay_where_the_last_build_ended_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = Home(tmp_path)
    lake_url = str(home.lake)
    with duckdb.connect(str(home.warehouse)) as connection:
        connection.execute("create schema staging")
        connection.execute("create table staging.base_otel__genai_span as select 1 as call from range(10)")
    staged_usage.remember(home, lake_url)
    assert not staged_usage.can_stay(home, lake_url), "so few are written anew"
    monkeypatch.setattr(staged_usage, "LARGE_FROM_ROWS", 10)
    assert staged_usage.can_stay(home, lake_url)
    assert not staged_usage.can_stay(home, "az://elsewhere/lake")
    monkeypatch.setattr(staged_usage, "version", lambda _: "another")
    assert not staged_usage.can_stay(home, lake_url)
    monkeypatch.undo()
    staged_usage.forget(home)
    assert not staged_usage.can_stay(home, lake_url)


@pytest.mark.parametrize(
    ("machine", "memory"), [(None, "6000MB"), (4 * 1000**3, "2000MB"), (12 * 1000**3, "6000MB"), (10**12, "6000MB")]
)
def test_the_warehouse_leaves_memory_to_others(machine: int | None, memory: str) -> None:
    assert warehouse_memory(machine) == memory


@pytest.mark.long
def test_a_slice_that_was_stopped_is_told_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = Home(tmp_path)
    lake = LakeBuilder(home, first_load_at=AS_OF)
    lake.configure(AS_OF)
    # Three months, one of them without a call: the whole is told month by month.
    for number, day in enumerate((MONDAY - timedelta(days=70), MONDAY - timedelta(days=12), MONDAY)):
        lake.snapshot("otel__genai_span", spans(day, 12, number * 100), scope=f"{number}.json")
    first = whole(home)
    by_hand = first.query(
        "select cast(start_at as date), quantile_disc(input_tokens, 0.95), count(*) "
        "from staging.stg_otel__genai_span group by 1 order by 1"
    )
    assert by_hand == first.query(
        "select usage_date, p95_input_tokens, sized_request_count from intermediate.int_usage__call_size order by 1"
    )
    assert len(by_hand) == 3

    # Stopped before anything was told from single calls: the loads do not pass for built.
    lake.snapshot("otel__genai_span", spans(MONDAY - timedelta(days=12), 40, 300), scope="late.json")
    newest(home, monkeypatch, "--exclude", *OF_CALLS, "int_usage__built_load")
    told = newest(home, monkeypatch)
    sliced = of_calls(told)
    assert sliced == of_calls(whole(home))
    assert sum(row[6] for row in sliced["int_usage__call_size"]) == 76, "36 and 40 calls"
