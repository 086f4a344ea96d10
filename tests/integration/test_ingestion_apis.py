"""Azure Monitor and Prometheus through their real clients, answered by the simulator's server."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import ingestion
from finops.config.usage_sources import AzureMonitorSource, PrometheusSource
from finops.paths import Home
from finops.periods import BillingPeriod
from ingestion import LandingError, LandingResult
from simulator import generate
from simulator.server import SimulatorServer
from tests.support.landed import AS_OF, query, readable

pytestmark = pytest.mark.xdist_group("ingestion-apis")

METRICS, SAMPLES, OBJECTS, WINDOWS = (
    "azure_monitor__metric",
    "prometheus__gpu_sample",
    "kubernetes__object",
    "landing__window",
)
ACCOUNT = "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.CognitiveServices/accounts/{}"
ACCOUNTS = [
    ACCOUNT.format("11111111-1111-4111-8111-111111111111", "rg-ai-gateway", "aoai-gateway"),
    ACCOUNT.format("22222222-2222-4222-8222-222222222222", "rg-support", "aoai-support"),
]
TOKEN = {"AIFINOPS_AZURE_TOKEN": "simulated"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    directory = tmp_path_factory.mktemp("organisation") / "simulated"
    generate(directory, scale=0.2, days=12, as_of=AS_OF)
    with SimulatorServer(directory) as running:
        yield running.url


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def land_metrics(
    home: Home, url: str, as_of: datetime = AS_OF, periods: set[BillingPeriod] | None = None, **changes: object
) -> LandingResult:
    settings: dict[str, object] = {
        "resources": ACCOUNTS,
        "region": "swedencentral",
        "endpoint": url,
        "credential": "static",
    }
    settings |= {"recent_hours": 0} | changes  # minutes have their own tests
    source = AzureMonitorSource.model_validate({"id": "metrics", "type": "azure_monitor", **settings})
    return ingestion.land(source, home, as_of=as_of, environ=TOKEN, periods=periods)


def land_gpus(
    home: Home, url: str, as_of: datetime = AS_OF, periods: set[BillingPeriod] | None = None
) -> LandingResult:
    source = PrometheusSource(id="gpus", type="prometheus", url=url)
    return ingestion.land(source, home, as_of=as_of, environ={}, periods=periods)


@pytest.mark.ids("ING-2", "ING-10")
def test_metrics_land_by_deployment_and_landing_again_changes_nothing(home: Home, server: str) -> None:
    result = land_metrics(home, server)
    assert result.rows[METRICS] > 1000
    assert result.windows == 2 * 4, "93 days in windows of at most 30, for two accounts"
    names = query(home, METRICS, "select distinct metric_name from rows order by 1")
    assert [name for (name,) in names] == [
        "ActiveTokens",
        "AzureOpenAIContextTokensCacheMatchRate",
        "AzureOpenAIProvisionedManagedUtilizationV2",
        "AzureOpenAIRequests",
        "AzureOpenAITTLTInMS",
        "AzureOpenAITimeToResponse",
        "GeneratedTokens",
        "InputTokens",
        "ModelRequests",
        "OutputTokens",
        "ProcessedPromptTokens",
        "ProvisionedUtilization",
        "cacheReadInputTokens",
    ]
    assert query(home, METRICS, "select count(*) from rows where deployment_name is null") == [(0,)]
    nameless = query(home, METRICS, "select distinct metric_name from rows where model_name is null order by 1")
    assert nameless == [("GeneratedTokens",), ("ProcessedPromptTokens",)], "Azure does not say their model"
    assert query(home, METRICS, "select distinct resource_id from rows order by 1") == [(a.lower(),) for a in ACCOUNTS]
    both = query(
        home,
        METRICS,
        """select sum(value) filter (metric_name = 'ProcessedPromptTokens'),
                  sum(value) filter (metric_name = 'InputTokens')
           from rows""",
    )[0]
    assert both[0] == both[1] > 0
    empty = query(home, WINDOWS, "select count(*) from rows where row_count = 0")
    assert empty[0][0] > 0, "a window without points is an explicit zero"
    before = readable(home)
    assert land_metrics(home, server).windows == 0
    assert readable(home) == before


@pytest.mark.ids("ING-2", "ING-10", "ANOM-1")
def test_a_later_landing_asks_for_what_is_new_and_for_the_last_day_again(home: Home, server: str) -> None:
    land_metrics(home, server, as_of=AS_OF - timedelta(hours=30))
    first = query(home, METRICS, "select max(point_at), count(*) from rows")[0]
    assert first[0] == (AS_OF - timedelta(hours=31)).replace(tzinfo=None)
    result = land_metrics(home, server)
    assert result.windows == len(ACCOUNTS)
    window = query(home, WINDOWS, "select window_start, window_end from rows order by requested_at desc limit 1")
    assert window == [((AS_OF - timedelta(hours=54)).replace(tzinfo=None), AS_OF.replace(tzinfo=None))]

    newest = """select resource_id, metric_name, dimensions, point_at, arg_max(value, requested_at) as value
                from rows group by all order by all"""
    whole = Home(home.path.parent / "whole")
    land_metrics(whole, server)
    assert query(home, METRICS, newest) == query(whole, METRICS, newest)


@pytest.mark.ids("ING-2", "OPS-1")
def test_a_month_is_asked_again_when_it_is_backfilled(home: Home, server: str) -> None:
    october = BillingPeriod(AS_OF.date().replace(day=1))
    land_metrics(home, server)
    assert land_metrics(home, server, periods={october}).windows == len(ACCOUNTS)
    assert land_metrics(home, server, periods={BillingPeriod.parse("2026-03")}).windows == 0, "Azure keeps 93 days"
    assert land_metrics(home, server).windows == 0


@pytest.mark.ids("ING-2", "SEC-2")
def test_a_token_is_sent_over_http_to_this_machine_only(home: Home, server: str) -> None:
    with pytest.raises(LandingError, match="is not encrypted"):
        land_metrics(home, "http://192.0.2.1:9")
    source = AzureMonitorSource(
        id="m", type="azure_monitor", resources=ACCOUNTS, region="x", endpoint=server, credential="static"
    )
    with pytest.raises(LandingError, match="AIFINOPS_AZURE_TOKEN is not set"):
        ingestion.land(source, home, as_of=AS_OF, environ={})


@pytest.mark.ids("ING-2")
def test_an_unknown_account_is_named(home: Home, server: str) -> None:
    unknown = ACCOUNTS[0].replace("aoai-gateway", "gone")
    with pytest.raises(LandingError, match=r"404 .*gone.*Correct the resource ids"):
        land_metrics(home, server, resources=[unknown])


@pytest.mark.ids("ING-5", "ING-6", "ING-10")
def test_gpu_samples_and_labels_land_once(home: Home, server: str) -> None:
    result = land_gpus(home, server)
    assert result.rows[SAMPLES] > 500
    assert query(home, SAMPLES, "select count(*) - count(distinct (gpu_uuid, sampled_at)) from rows") == [(0,)]
    ranges = query(
        home,
        SAMPLES,
        """select min(duty_cycle_ratio) >= 0, max(duty_cycle_ratio) <= 1, max(sm_active_ratio) <= 1,
                  max(power_watts) < 1500,
                  count(*) filter (sm_active_ratio is null) > 0, count(*) filter (pod is null) > 0,
                  count(*) filter (pod is not null and namespace is null), max(sampled_at), min(step_seconds)
           from rows""",
    )
    assert ranges == [(True, True, True, True, True, True, 0, AS_OF.replace(tzinfo=None), 3600)]
    labels = query(
        home, OBJECTS, "select labels from rows where kind = 'namespace' and name = 'support--support-copilot'"
    )
    kinds = dict(query(home, OBJECTS, "select kind, count(*) from rows group by 1"))
    assert kinds["namespace"] > 0
    assert kinds["pod"] > 0
    assert all("app" in row[0] for row in labels)
    assert query(home, OBJECTS, "select count(*) from rows where kind = 'pod' and node is null") == [(0,)]
    before = readable(home)
    assert land_gpus(home, server).windows == 0
    assert readable(home) == before


@pytest.mark.ids("ING-5", "ING-10")
def test_gpu_windows_meet_without_gap_or_overlap(home: Home, server: str) -> None:
    whole = Home(home.path.parent / "whole")
    land_gpus(whole, server)
    for hours in (200, 30, 29, 0):
        land_gpus(home, server, as_of=AS_OF - timedelta(hours=hours))
    keys = "select distinct gpu_uuid, sampled_at, pod, duty_cycle_ratio from rows order by all"
    assert query(home, SAMPLES, keys) == query(whole, SAMPLES, keys)
    again = query(home, WINDOWS, "select window_start from rows where scope = 'DCGM_FI_*' order by requested_at desc")[
        0
    ][0]
    assert again == (AS_OF - timedelta(hours=32)).replace(tzinfo=None), "the last three hours were asked again"
    month = BillingPeriod(AS_OF.date().replace(day=1))
    assert land_gpus(home, server, periods={month}).windows == 1


@pytest.mark.ids("ING-5")
def test_a_server_that_is_away_or_refuses_is_named(home: Home, server: str) -> None:
    with pytest.raises(LandingError, match=r"/nowhere/api/v1/query_range cannot be asked"):
        land_gpus(home, f"{server}/nowhere")
    assert query(home, WINDOWS, "select count(*) from rows") == [(0,)]


@pytest.mark.ids("ING-2")
def test_a_finer_interval_has_the_same_totals(home: Home, server: str) -> None:
    total = "select sum(value) from rows where metric_name = 'ProcessedPromptTokens' and point_at >= '2026-10-19'"
    land_metrics(home, server)
    hourly = query(home, METRICS, total)
    fine = Home(home.path.parent / "fine")
    land_metrics(fine, server, interval="PT5M", lookback_days=3)
    assert query(fine, METRICS, total) == hourly
    assert query(fine, METRICS, 'select distinct "interval" from rows') == [("PT5M",)]
    assert AS_OF.tzinfo is UTC
