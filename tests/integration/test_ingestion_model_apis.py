"""OpenAI and Anthropic through the real REST client, answered by the simulator's server."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

import ingestion
from finops.paths import Home
from finops.periods import BillingPeriod
from ingestion import LandingError
from ingestion.probe import ProbeContext, probe
from simulator import model_apis
from tests.support.landed import AS_OF, query, readable
from tests.support.model_apis import HASH_KEY, KEYS, anthropic_source, land, openai_source, parameters, served

pytestmark = [pytest.mark.ids("ING-3", "ING-10"), pytest.mark.xdist_group("model-apis")]

SOURCES = {"openai": openai_source, "anthropic": anthropic_source}
COSTS = {"openai": "sum(amount::decimal(38,12))", "anthropic": "sum(amount_cents::decimal(38,12)) / 100"}
PEOPLE = (b"kim.larsen", b"Kim Larsen", b"x9Qa", b"R2D", model_apis.item_id("user-", "person 1").encode())


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(tmp_path_factory.mktemp("vendors"), AS_OF) as address:
        yield address


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def current(home: Home, table: str) -> Counter[str]:
    """Rows of the newest answer of every day, without when they were asked."""
    rows = query(
        home,
        table,
        """select to_json(r)::varchar from (
               select * exclude (load_id, requested_at) from rows
               qualify requested_at = max(requested_at) over (partition by cast(bucket_start as date))
           ) as r""",
    )
    return Counter(row[0] for row in rows)


@pytest.mark.parametrize("vendor", ["openai", "anthropic"])
def test_the_bill_lands_to_the_last_digit_and_landing_again_changes_nothing(home: Home, url: str, vendor: Any) -> None:
    result = land(SOURCES[vendor](url), home, AS_OF)
    assert result.rows[f"{vendor}__usage"] > 16 * 24, "more hours than a page holds"
    [(total, first, last)] = query(
        home, f"{vendor}__cost", f"select {COSTS[vendor]}, min(bucket_start), max(bucket_start) from rows"
    )
    expected = model_apis.billed_total(parameters(AS_OF, days=16), vendor)
    assert expected > 300
    assert Decimal(str(total)) == pytest.approx(expected, abs=Decimal("1e-9"))
    assert (first.date(), last.date()) == (AS_OF.date() - timedelta(days=16), AS_OF.date() - timedelta(days=2))
    windows = query(home, "landing__window", "select scope, window_end from rows")
    assert ("costs", AS_OF.replace(hour=0, tzinfo=None)) in windows, (
        "a day that is not billed yet was asked, and is empty"
    )
    before = readable(home)
    assert land(SOURCES[vendor](url), home, AS_OF).windows == 0
    assert readable(home) == before


@pytest.mark.parametrize("vendor", ["openai", "anthropic"])
def test_usage_hours_equal_days_and_end_with_the_last_full_hour(home: Home, url: str, vendor: Any) -> None:
    land(SOURCES[vendor](url, lookback_days=8, usage_lookback_days=8), home, AS_OF)
    days = Home(home.path.parent / "days")
    land(SOURCES[vendor](url, lookback_days=8, usage_lookback_days=8, bucket_width="1d"), days, AS_OF)
    table = f"{vendor}__usage"
    whole_days = f"select sum(output_tokens) from rows where bucket_start < '{AS_OF.date()}'"
    hourly, daily = query(home, table, whole_days), query(days, table, whole_days)
    assert hourly == daily
    assert hourly[0][0] > 0
    assert query(home, table, "select max(bucket_end) from rows where bucket_width = '1h'") == [
        (AS_OF.replace(tzinfo=None),)
    ]


def test_no_person_and_no_key_reaches_the_lake(home: Home, url: str) -> None:
    groups = ["project_id", "user_id", "api_key_id", "model", "batch"]
    land(openai_source(url, group_by=groups, lookback_days=3, usage_lookback_days=3), home, AS_OF)
    land(anthropic_source(url, lookback_days=3, usage_lookback_days=3), home, AS_OF)
    assert query(home, "openai__usage", "select count(distinct user_hash), min(length(user_hash)) from rows") == [
        (3, 32)
    ]
    names = query(home, "model_api__name", "select item_name from rows where item_name like 'trial%'")
    assert names == [("trial of [e-mail]",)]
    written = [path for path in home.path.rglob("*") if path.is_file()]
    assert len(written) > 10
    for path in written:
        content = path.read_bytes()
        secrets = [*PEOPLE, *(key.encode() for key in KEYS.values())]
        assert not [secret for secret in secrets if secret in content], path
    # Parquet compresses, so the text of every column is looked at as well.
    for table in ("openai__usage", "openai__cost", "anthropic__usage", "anthropic__cost", "model_api__name"):
        text = "\n".join(row[0] for row in query(home, table, "select to_json(rows)::varchar from rows")).encode()
        assert not [person for person in PEOPLE if person in text], table


@pytest.mark.parametrize("vendor", ["openai", "anthropic"])
def test_days_that_settle_are_asked_again_and_the_newer_answer_wins(tmp_path: Path, home: Home, vendor: Any) -> None:
    earlier = AS_OF - timedelta(days=1)
    with served(tmp_path / "before", earlier, days=9) as address:
        land(SOURCES[vendor](address, lookback_days=9, usage_lookback_days=9), home, earlier)
    with served(tmp_path / "after", AS_OF, days=10) as address:
        result = land(SOURCES[vendor](address, lookback_days=9, usage_lookback_days=9), home, AS_OF)
        whole = Home(tmp_path / "whole")
        land(SOURCES[vendor](address, lookback_days=10, usage_lookback_days=10), whole, AS_OF)
    assert 0 < result.windows <= 9
    for table in (f"{vendor}__usage", f"{vendor}__cost"):
        assert current(home, table) == current(whole, table), table
    if vendor == "openai":
        amounts = query(
            home,
            "openai__cost",
            """select amount::double from rows where line_item = 'gpt-4o-2024-08-06, input'
               and bucket_start = (select max(bucket_start) - interval 1 day from rows) order by requested_at""",
        )
        assert len(amounts) == 2
        assert amounts[0][0] < amounts[1][0], "the day was not all billed when it was first asked"
    names = query(home, "model_api__name", "select count(*), count(distinct item_id) from rows")
    assert names[0][0] == names[0][1], "names that did not change are not landed again"


def test_a_month_can_be_asked_again(home: Home, url: str) -> None:
    source = anthropic_source(url, lookback_days=30, usage_lookback_days=30)
    land(source, home, AS_OF)
    assert land(source, home, AS_OF, periods={BillingPeriod.parse("2026-10")}).windows == 2
    assert land(source, home, AS_OF, periods={BillingPeriod.parse("2026-03")}).windows == 0


SCRIPT = """
import os, sys
from datetime import datetime
from pathlib import Path
import ingestion
from finops.config.usage_sources import AnthropicSource
from finops.paths import Home
url, home, as_of = sys.argv[1:]
source = AnthropicSource(id="anthropic", type="anthropic", endpoint=url, lookback_days=560,
                         usage_lookback_days=560, bucket_width="1d")
ingestion.land(
    source, Home(Path(home)), as_of=datetime.fromisoformat(as_of), environ=os.environ,
    progress=lambda line: print(line, flush=True),
)
"""


@pytest.mark.ids("OPS-1")
def test_a_killed_back_fill_goes_on_where_it_was(tmp_path: Path, home: Home) -> None:
    with served(tmp_path / "vendors", AS_OF, days=560) as address:
        process = subprocess.Popen(
            [sys.executable, "-c", SCRIPT, address, str(home.path), AS_OF.isoformat()],
            stdout=subprocess.PIPE, text=True, env={**KEYS, **HASH_KEY, "PYTHONPATH": ":".join(sys.path)},
        )  # fmt: skip
        assert process.stdout is not None
        first = process.stdout.readline()
        process.kill()
        process.communicate()
        assert "rows" in first
        source = anthropic_source(address, lookback_days=560, usage_lookback_days=560, bucket_width="1d")
        landed = query(home, "landing__window", "select max(window_end) from rows where scope = 'messages'")[0][0]
        assert landed < (AS_OF - timedelta(days=100)).replace(tzinfo=None), "nothing was interrupted"
        lines: list[str] = []
        land(source, home, AS_OF, progress=lines.append)
        assert 2 <= len(lines) <= 4
        whole = Home(tmp_path / "whole")
        land(source, whole, AS_OF)
    for table in ("anthropic__usage", "anthropic__cost"):
        assert current(home, table) == current(whole, table)
        assert current(whole, table).total() > 1000


def test_throttling_and_outages_are_waited_out(tmp_path: Path, home: Home) -> None:
    with served(tmp_path / "vendors", AS_OF, days=3) as address:
        control = f"{address.removesuffix('/v1')}/control/fail"
        plans: list[dict[str, object]] = [
            {"target": "openai", "status": 429, "times": 1, "retry_after_seconds": 1},
            {"target": "openai", "status": 503, "times": 1},
        ]
        for plan in plans:
            assert httpx.post(control, json=plan).status_code == 204
        source = openai_source(address, lookback_days=2, usage_lookback_days=2, usage=["completions"])
        assert land(source, home, AS_OF).rows["openai__usage"] > 0
        httpx.post(control, json={"target": "openai", "status": 400, "times": 1})
        with pytest.raises(LandingError, match=r"organization/.* refused: 400 .*Check the source's settings"):
            land(source, Home(tmp_path / "other"), AS_OF)


@pytest.mark.ids("SEC-2")
@pytest.mark.parametrize(
    ("vendor", "key", "message"),
    [
        ("openai", "", r"AIFINOPS_OPENAI_ADMIN_KEY is not set. Create an admin key"),
        ("openai", "sk-wrong-0123456789", r"401 .*Check the key in AIFINOPS_OPENAI_ADMIN_KEY"),
        ("openai", "sk-proj-0123456789", r"403 .*AIFINOPS_OPENAI_ADMIN_KEY lacks a permission.*api\.usage\.read"),
        ("anthropic", "sk-ant-api03-012345", r"401 invalid x-api-key.*AIFINOPS_ANTHROPIC_ADMIN_KEY.*Admin API key"),
        ("anthropic", "sk-ant-admin01-limited-1", r"403 .*AIFINOPS_ANTHROPIC_ADMIN_KEY lacks a permission"),
    ],
)
def test_a_key_without_rights_is_told_by_its_variable(
    home: Home, url: str, vendor: str, key: str, message: str
) -> None:
    environ = {f"AIFINOPS_{vendor.upper()}_ADMIN_KEY": key, **HASH_KEY}
    with pytest.raises(LandingError, match=message) as caught:
        ingestion.land(SOURCES[vendor](url), home, as_of=AS_OF, environ=environ)
    assert not key or key not in str(caught.value)
    assert query(home, "landing__window", "select count(*) from rows") == [(0,)]


@pytest.mark.ids("SEC-2")
def test_a_key_is_sent_over_http_to_this_machine_only(home: Home) -> None:
    with pytest.raises(LandingError, match="is not encrypted"):
        land(openai_source("http://192.0.2.1/v1"), home, AS_OF)


def test_something_that_is_no_report_is_named(home: Home, url: str) -> None:
    with pytest.raises(LandingError, match=r"404 .*Check the source's endpoint"):
        land(openai_source(f"{url}/nowhere"), home, AS_OF)


@pytest.mark.ids("SEC-2")
@pytest.mark.parametrize("vendor", ["openai", "anthropic"])
def test_a_probe_says_what_the_key_may_do(url: str, vendor: str) -> None:
    found = list(probe(SOURCES[vendor](url), ProbeContext(AS_OF, KEYS)))
    assert [(f.check, f.status) for f in found[:2]] == [("reachable", "ok"), ("permitted", "ok")]
    assert {f.status for f in found} == {"ok", "unknown"}
    weak = {"AIFINOPS_OPENAI_ADMIN_KEY": "sk-proj-1", "AIFINOPS_ANTHROPIC_ADMIN_KEY": "sk-ant-admin01-limited"}
    refused = list(probe(SOURCES[vendor](url), ProbeContext(AS_OF, weak)))
    assert ("permitted", "failed") in [(f.check, f.status) for f in refused]
    assert all(f.remedy for f in refused if f.status != "ok")
    [missing] = probe(SOURCES[vendor](url), ProbeContext(AS_OF, {}))
    assert (missing.check, missing.status) == ("reachable", "unknown")
    gone = list(probe(SOURCES[vendor]("http://127.0.0.1:9/v1"), ProbeContext(AS_OF, KEYS)))
    assert [(f.check, f.status) for f in gone] == [("reachable", "failed")]


START = int(datetime(2026, 10, 1, tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    ("path", "query_text", "status"),
    [
        ("organization/usage/completions", "bucket_width=1h&limit=168", 200),
        ("organization/usage/completions", "bucket_width=1h&limit=169", 400),
        ("organization/usage/completions", "bucket_width=1d&limit=32", 400),
        ("organization/usage/completions", "bucket_width=1m&limit=1441", 400),
        ("organization/usage/completions", "bucket_width=2h", 400),
        ("organization/usage/vector_stores", "group_by=model", 400),
        ("organization/costs", "bucket_width=1d&limit=180", 200),
        ("organization/costs", "bucket_width=1h", 400),
        ("organization/costs", "page=nonsense", 400),
        ("organization/nothing", "", 404),
    ],
)
def test_the_simulated_openai_refuses_what_openai_refuses(url: str, path: str, query_text: str, status: int) -> None:
    key = {"Authorization": f"Bearer {KEYS['AIFINOPS_OPENAI_ADMIN_KEY']}"}
    answer = httpx.get(f"{url}/{path}?start_time={START}&end_time={START + 86400}&{query_text}", headers=key)
    if answer.status_code == 429:
        answer = httpx.get(str(answer.url), headers=key)
    assert answer.status_code == status, answer.text


@pytest.mark.parametrize(
    ("path", "query_text", "status"),
    [
        ("usage_report/messages", "bucket_width=1h&limit=168&group_by[]=model", 200),
        ("usage_report/messages", "bucket_width=1h&limit=169", 400),
        ("usage_report/messages", "group_by=model", 400),
        ("cost_report", "group_by[]=description&limit=31", 200),
        ("cost_report", "limit=32", 400),
        ("cost_report", "group_by[]=model", 400),
    ],
)
def test_the_simulated_anthropic_refuses_what_anthropic_refuses(
    url: str, path: str, query_text: str, status: int
) -> None:
    headers = {"x-api-key": KEYS["AIFINOPS_ANTHROPIC_ADMIN_KEY"], "anthropic-version": "2023-06-01"}
    times = "starting_at=2026-10-01T00:00:00Z&ending_at=2026-10-02T00:00:00Z"
    answer = httpx.get(f"{url}/organizations/{path}?{times}&{query_text}", headers=headers)
    if answer.status_code == 429:
        answer = httpx.get(str(answer.url), headers=headers)
    assert answer.status_code == status, answer.text
    del headers["anthropic-version"]
    assert httpx.get(f"{url}/organizations/{path}?{times}", headers=headers).status_code == 400
