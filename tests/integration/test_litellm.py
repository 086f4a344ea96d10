"""LiteLLM's spend logs from a real PostgreSQL into the lake and the marts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest

import ingestion
from finops.config import load_configuration
from finops.config.tables import write_tables
from finops.config.usage_sources import LitellmSource
from finops.paths import Home
from finops.periods import BillingPeriod
from ingestion import LandingError, LandingResult
from ingestion.probe import Finding, ProbeContext, probe
from simulator import litellm
from simulator import organisation as org
from tests.support.lake_builder import DbtResult, LakeBuilder, run_dbt, write_config
from tests.support.landed import query, readable
from tests.support.postgres import litellm_server, log_calls, reader

pytestmark = pytest.mark.xdist_group("litellm")

AS_OF = datetime(2026, 10, 20, 6, tzinfo=UTC)
LOGS, WINDOWS = "litellm__spend_log", "landing__window"
VARIABLE = "GATEWAY_DATABASE"
SANDBOX = "/subscriptions/3/accounts/aoai-sandbox"
ORGANISATION = org.Parameters(scale=0.15, days=5, as_of=AS_OF)
SECRETS = ("scientist", "@example", "10.20.30", "Dear colleague", "Write to", "customer-00")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with litellm_server() as address:
        yield address


@pytest.fixture
def database(server: str) -> str:
    """The server with an empty spend log."""
    with psycopg.connect(server) as connection:
        connection.execute('truncate "LiteLLM_SpendLogs"')
    return server


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def land(home: Home, address: str, *, as_of: datetime = AS_OF, **changes: Any) -> LandingResult:
    periods = changes.pop("periods", None)
    source = LitellmSource(id="gateway", type="litellm", database_env=VARIABLE, **changes)
    return ingestion.land(source, home, as_of=as_of, environ={VARIABLE: reader(address)}, periods=periods)


def call(number: int, at: datetime, **columns: Any) -> dict[str, Any]:
    """A successful call of 1,000 input and 100 output tokens."""
    return {
        "request_id": f"call-{number}",
        "call_type": "acompletion",
        "api_key": "",
        "spend": 0.0028,
        "total_tokens": 1100,
        "prompt_tokens": 1000,
        "completion_tokens": 100,
        "startTime": at.replace(tzinfo=None),
        "endTime": at.replace(tzinfo=None),
        "model": "gpt-4.1",
        "custom_llm_provider": "azure",
        "cache_hit": "False",
        "status": "success",
        "metadata": "{}",
        "request_tags": "[]",
        **columns,
    }


def usage(**members: Any) -> str:
    return json.dumps({"usage_object": members})


@pytest.mark.ids("ING-3", "SEC-2")
def test_calls_land_without_people_or_what_they_wrote(database: str, home: Home) -> None:
    with psycopg.connect(database) as connection:
        count = litellm.copy_rows(connection, litellm.spend_logs(ORGANISATION))
    result = land(home, database)
    assert result.rows == {LOGS: count}
    assert count > 500
    (row,) = query(
        home,
        LOGS,
        """select count(distinct customer_hash), count(distinct user_hash), count(distinct key_hash),
                  list_sort(list(distinct team)), list_sort(list(distinct api_key_name)), list(distinct app),
                  min(api_base), count(*) filter (cache_read_tokens is null)
           from rows where status = 'success'""",
    )
    assert row[:3] == (12, 12, 3)
    assert row[3] == ["data-science", "marketing", "robotics"]
    assert row[4] == ["data-science-sandbox", "marketing-sandbox", "robotics-sandbox"]
    assert row[5] == [litellm.APP]
    assert row[6].endswith("/chat/completions"), "the address without its query"
    assert row[7] == 0, "cached tokens are taken out of the metadata"
    content = b"".join(path.read_bytes() for path in home.lake.rglob("*") if path.is_file())
    text = " ".join(row[0] for row in query(home, LOGS, "select to_json(r)::varchar from rows r"))
    for secret in SECRETS:
        assert secret not in text
        assert secret.encode() not in content


@pytest.mark.ids("ING-3", "ING-10")
def test_every_call_is_in_one_chunk_and_landing_again_changes_nothing(database: str, home: Home) -> None:
    second = datetime(2026, 10, 18, 12, tzinfo=UTC)
    # 1,500 calls of one millisecond: more than a chunk is meant to hold.
    log_calls(database, *(call(n, second) for n in range(1500)))
    log_calls(database, *(call(n, second + timedelta(seconds=n)) for n in range(1500, 4000)))
    result = land(home, database, rows_per_load=1000)
    assert result.rows == {LOGS: 4000}
    assert result.windows > 3
    assert query(home, LOGS, "select count(distinct request_id) from rows") == [(4000,)]
    gaps = query(
        home,
        WINDOWS,
        """select count(*) from (
            select window_end, lead(window_start) over (order by window_start) as next from rows
        ) where next is not null and next <> window_end""",
    )
    assert gaps == [(0,)]
    assert query(home, WINDOWS, "select count(*) from rows where row_count = 0")[0][0] > 0, "an explicit zero"
    before = readable(home)
    assert land(home, database, rows_per_load=1000).rows == {}
    assert readable(home) == before


@pytest.mark.ids("ING-3", "ING-10")
def test_calls_that_are_logged_late_or_corrected_are_found(database: str, home: Home) -> None:
    earlier = AS_OF - timedelta(hours=2)
    log_calls(database, call(1, AS_OF - timedelta(hours=5)), call(2, AS_OF - timedelta(hours=4)))
    land(home, database, as_of=earlier)
    log_calls(database, call(3, AS_OF - timedelta(hours=6)), call(4, AS_OF - timedelta(hours=1)))
    log_calls(database, call(5, AS_OF + timedelta(hours=1)), call(6, AS_OF - timedelta(days=20)))
    with psycopg.connect(database) as connection:
        connection.execute("""update "LiteLLM_SpendLogs" set "spend" = 0.5 where "request_id" = 'call-2'""")
    assert land(home, database).rows == {LOGS: 3}
    landed = query(home, LOGS, "select request_id, count(*), max(spend) from rows group by 1 order by 1")
    assert landed == [("call-1", 1, "0.0028"), ("call-2", 2, "0.5"), ("call-3", 1, "0.0028"), ("call-4", 1, "0.0028")]
    month = {BillingPeriod.parse("2026-09")}
    assert land(home, database, periods=month).rows == {LOGS: 1}, "later than late_hours: by asking for its month"


@pytest.mark.ids("ING-3", "ING-10")
def test_a_landing_that_stopped_goes_on_where_it_was(database: str, home: Home) -> None:
    start = AS_OF - timedelta(days=2)
    log_calls(database, *(call(n, start + timedelta(minutes=n)) for n in range(2500)))
    source = LitellmSource(id="gateway", type="litellm", database_env=VARIABLE, rows_per_load=1000)

    def stop_after_the_first_calls(line: str) -> None:
        if not line.endswith(" 0 calls"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ingestion.land(
            source, home, as_of=AS_OF, environ={VARIABLE: reader(database)}, progress=stop_after_the_first_calls
        )
    first = query(home, LOGS, "select count(*) from rows")[0][0]
    assert 0 < first < 2500
    assert land(home, database, rows_per_load=1000).rows == {LOGS: 2500 - first}
    assert query(home, LOGS, "select count(*), count(distinct request_id) from rows") == [(2500, 2500)]


@pytest.mark.ids("ING-3")
def test_a_database_of_an_older_version_is_read(tmp_path: Path, database: str) -> None:
    added = ("session_id", "status", "completionStartTime", "organization_id")
    with psycopg.connect(database) as connection:
        connection.execute('create schema if not exists old_version; create table old_version."LiteLLM_SpendLogs" as '
                           'table "LiteLLM_SpendLogs" with no data')  # fmt: skip
        for column in added:
            connection.execute(f'alter table old_version."LiteLLM_SpendLogs" drop column "{column}"')
        for table in ("LiteLLM_TeamTable", "LiteLLM_VerificationToken"):
            connection.execute(f'create table old_version."{table}" as table "{table}"')
        connection.execute(
            'insert into old_version."LiteLLM_SpendLogs" ("request_id", "call_type", "startTime", "endTime", '
            '"team_id", "spend") values (%s, %s, %s, %s, %s, %s)',
            ("old", "acompletion", AS_OF - timedelta(hours=1), AS_OF, litellm._TEAMS[0].id, 1e-7),
        )
    home = Home(tmp_path / "old")
    source = LitellmSource(id="gateway", type="litellm", database_env=VARIABLE)
    environ = {VARIABLE: f"{database}&schema=old_version&connection_limit=5"}
    ingestion.land(source, home, as_of=AS_OF, environ=environ)
    assert query(home, LOGS, "select request_id, team, status, spend from rows") == [
        ("old", "data-science", None, "1e-07")
    ]


@pytest.mark.ids("ING-3", "SEC-2")
def test_a_database_that_cannot_be_read_is_explained_without_its_password(home: Home, database: str) -> None:
    source = LitellmSource(id="gateway", type="litellm", database_env=VARIABLE)

    def attempt(address: str) -> str:
        with pytest.raises(LandingError) as raised:
            ingestion.land(source, home, as_of=AS_OF, environ={VARIABLE: address})
        return str(raised.value)

    assert "is not set" in attempt("")
    assert "no address of a PostgreSQL database" in attempt("mysql://user:hidden@host/name")
    said = attempt("postgresql://user:hidden@127.0.0.1:9/name")
    assert "cannot be read" in said
    assert "hidden" not in said
    assert "has no table LiteLLM_SpendLogs" in attempt(re.sub(r"/litellm\?", "/postgres?", database))
    optional = LitellmSource(id="gateway", type="litellm", database_env=VARIABLE, optional=True)
    result = ingestion.land(optional, home, as_of=AS_OF, environ={})
    assert result.ignored == ["gateway: GATEWAY_DATABASE is not set, so nothing was landed"]


@pytest.mark.ids("SEC-2", "ING-3")
def test_the_probe_asks_for_rights_to_read_and_no_more(database: str) -> None:
    source = LitellmSource(id="gateway", type="litellm", database_env=VARIABLE)

    def findings(address: str) -> dict[str, Finding]:
        context = ProbeContext(as_of=AS_OF, environ={VARIABLE: address})
        return {finding.check: finding for finding in probe(source, context)}

    log_calls(database, call(1, AS_OF - timedelta(hours=1)))
    good = findings(reader(database))
    assert {check: finding.status for check, finding in good.items()} == {
        "reachable": "ok",
        "permitted": "ok",
        "fresh": "ok",
    }
    owner = findings(database)["permitted"]
    assert owner.status == "warning"
    assert "may write" in owner.message
    assert "GRANT SELECT" in (owner.remedy or "")
    assert findings("postgresql://x@127.0.0.1:9/name")["reachable"].status == "failed"


@pytest.fixture(scope="module")
def built(server: str, tmp_path_factory: pytest.TempPathFactory) -> DbtResult:
    """Calls of several providers, landed and built on the small organisation's prices."""
    home = Home(tmp_path_factory.mktemp("litellm") / "home")
    at = datetime(2026, 10, 13, 12, tzinfo=UTC)
    sandbox = {"api_base": "https://aoai-sandbox.openai.azure.com/openai/x"}
    with psycopg.connect(server) as connection:
        connection.execute('truncate "LiteLLM_SpendLogs"')
    cached = usage(prompt_tokens_details={"cached_tokens": 400}, completion_tokens_details={"reasoning_tokens": 60})
    written = usage(
        cache_read_input_tokens=100,
        cache_creation_input_tokens=300,
        prompt_tokens_details={
            "cached_tokens": 100,
            "cache_creation_token_details": {"ephemeral_5m_input_tokens": 200, "ephemeral_1h_input_tokens": 100},
        },
        service_tier="default",
    )
    log_calls(
        server,
        # LiteLLM priced the cached tokens as any other input: 1000 × 1 + 100 × 4 per million.
        call(1, at, metadata=cached, spend=0.0014, team_id=litellm._TEAMS[1].id, **sandbox),
        call(2, at, cache_hit="True", spend=0.0, **sandbox),
        call(3, at, status="failure", prompt_tokens=0, completion_tokens=0, total_tokens=0, spend=0.0,
             metadata=json.dumps({"error_information": {"error_code": "429"}}), **sandbox),
        call(4, at, model="claude-sonnet-4-5-20250929", custom_llm_provider="anthropic", metadata=written, spend=0.004),
        call(5, at, metadata=usage(prompt_tokens_details={"cached_tokens": "many"})),
        call(6, at, metadata=usage(prompt_tokens_details={"cached_tokens": 2000})),
    )  # fmt: skip
    land(home, server)
    folder = write_config(home.path / "settings")
    (folder / "sources.yml").write_text(
        f"""sources:
  - id: gateway
    type: litellm
    database_env: {VARIABLE}
    accounts:
      - {{model_group: "^nothing$", resource_id: "/wrong"}}
      - {{custom_llm_provider: AZURE, api_base: "aoai-sandbox", resource_id: "{SANDBOX.upper()}"}}
""",
        encoding="utf-8",
    )
    (home.path / "empty").mkdir(parents=True)
    counted = {
        "resource_id": SANDBOX,
        "metric_name": "ProcessedPromptTokens",
        "aggregation": "Total",
        "interval": "PT1H",
        "deployment_name": "gpt-4.1",
        "model_name": "gpt-4.1",
        "dimensions": "{}",
        "value": 1000.0,
        "requested_at": AS_OF,
    }
    lake = LakeBuilder(home)
    lake.load({"azure_monitor__metric": [counted | {"point_at": at}, counted | {"point_at": at - timedelta(days=1)}]})
    write_tables(load_configuration(folder), home.config_tables, AS_OF)
    marts = ("+fct_gateway_spend_difference_daily", "+fct_rejected_row")
    without = ("--exclude-resource-type", "unit_test", "--indirect-selection", "cautious")
    result = run_dbt(home, "build", "--select", *marts, *without)
    assert result.returncode == 0, result.output
    return result


@pytest.mark.ids("ING-3", "UNIT-2")
def test_calls_become_disjoint_tokens_with_errors_and_nothing_for_the_proxys_own_answers(built: DbtResult) -> None:
    found = built.query(
        """select model, token_class, tokens, request_count, error_count from marts.fct_usage_cost_hourly
           where source = 'litellm' and provider_name = 'azure.ai.openai' order by token_class"""
    )
    assert [row for row in found if row[1] != "input_uncached"] == [
        ("gpt-4.1", "cache_read", 400, 0, 0),
        ("gpt-4.1", "output", 40, 0, 0),
        ("gpt-4.1", "reasoning", 60, 0, 0),
    ]
    uncached = [row for row in found if row[1] == "input_uncached"]
    assert sum(row[2] for row in uncached) == 600
    assert sum(row[3] for row in uncached) == 3
    assert sum(row[4] for row in uncached) == 1
    claude = dict(
        built.query("select token_class, tokens from marts.fct_usage_cost_hourly where provider_name = 'anthropic'")
    )
    assert claude == {
        "input_uncached": 600,
        "cache_read": 100,
        "cache_write_5m": 200,
        "cache_write_1h": 100,
        "output": 100,
    }


@pytest.mark.ids("ING-3", "ING-10")
def test_what_a_provider_counts_for_the_same_account_and_day_is_not_counted_again(built: DbtResult) -> None:
    found = built.query(
        """select cast(usage_hour as date)::varchar, is_attributable from marts.fct_usage_cost_hourly
           where source = 'azure_monitor' order by 1"""
    )
    assert found == [("2026-10-12", True), ("2026-10-13", False)]


@pytest.mark.ids("ING-3", "COST-2")
def test_what_the_gateway_says_it_cost_is_compared_with_our_price(built: DbtResult) -> None:
    (row,) = built.query(
        """select resource_id, request_count, tokens, reported_spend, estimated_cost, difference, difference_ratio
           from marts.fct_gateway_spend_difference_daily where model = 'gpt-4.1'"""
    )
    # 600 × 1 + 400 × 0.25 + 100 × 4 per million.
    assert row == (
        SANDBOX,
        3,
        1100,
        Decimal("0.001400000000"),
        Decimal("0.001100000000"),
        Decimal("0.000300000000"),
        Decimal("0.272727"),
    )
    (unknown,) = built.query(
        """select unpriced_tokens, estimated_cost, difference from marts.fct_gateway_spend_difference_daily
           where provider_name = 'anthropic'"""
    )
    assert unknown == (1100, None, None)


@pytest.mark.ids("ING-10")
def test_counts_that_cannot_be_are_refused_and_listed(built: DbtResult) -> None:
    found = built.query(
        """select column_name, reason, raw_row from marts.fct_rejected_row
           where table_name = 'litellm__spend_log' order by raw_row"""
    )
    assert [(row[0], row[1]) for row in found] == [
        ("cache_read_tokens", "cache_read_tokens is no whole number"),
        ("cache_read_tokens", "more cached and cache-writing tokens than input tokens, which should include them"),
    ]
    assert "request_id=call-5" in found[0][2]
