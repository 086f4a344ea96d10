"""Azure Monitor by the minute: from the simulator's metrics endpoint through Azure's client to the marts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

import ingestion
from finops.config.usage_sources import AzureMonitorSource
from finops.paths import Home
from ingestion import LandingError, LandingResult
from simulator import generate, telemetry
from simulator import organisation as org
from simulator.server import SimulatorServer
from simulator.server.monitor import LATE_SECONDS, machine_id
from tests.support.lake_builder import DbtResult, LakeBuilder, run_dbt
from tests.support.landed import AS_OF, query

pytestmark = pytest.mark.xdist_group("azure-monitor")

METRICS, WINDOWS = "azure_monitor__metric", "landing__window"
SUPPORT = org.ACCOUNTS[0].id
OLDER = ["ProcessedPromptTokens", "GeneratedTokens", "AzureOpenAIRequests"]
NEWER = ["InputTokens", "OutputTokens", "ModelRequests", "cacheReadInputTokens", "ProvisionedUtilization"]
SEARCH, DOCUMENTS = org.ACCOUNTS[1].id, org.ACCOUNTS[2].id
MACHINE = machine_id("aks-gpua100-31415926-vmss000000")
HALF_PAST = AS_OF - timedelta(minutes=30)


@pytest.fixture(scope="module")
def organisation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("organisation") / "simulated"
    generate(directory, scale=0.2, days=4, as_of=AS_OF)
    return directory


@pytest.fixture(scope="module")
def running(organisation: Path) -> Iterator[str]:
    with SimulatorServer(organisation) as server:
        yield server.url


@pytest.fixture
def server(running: str) -> Iterator[str]:
    yield running
    let_it_be(running)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def let_it_be(url: str, **wish: object) -> None:
    httpx.post(f"{url}/control/monitor", json=wish).raise_for_status()


def land(home: Home, url: str, as_of: datetime = AS_OF, **changes: object) -> LandingResult:
    settings: dict[str, object] = {
        "id": "metrics", "type": "azure_monitor", "resources": [SUPPORT], "region": "swedencentral", "endpoint": url,
        "credential": "static", "lookback_days": 2,
    }  # fmt: skip
    source = AzureMonitorSource.model_validate(settings | changes)
    return ingestion.land(source, home, as_of=as_of, environ={"AIFINOPS_AZURE_TOKEN": "simulated"})


@pytest.fixture(scope="module")
def built(running: str, tmp_path_factory: pytest.TempPathFactory) -> DbtResult:
    """Accounts with both generations of names and with one, one seen at half past, a machine: one warehouse."""
    home = Home(tmp_path_factory.mktemp("built") / "home")
    land(home, running)
    let_it_be(running, lacking=OLDER)
    land(home, running, id="newer", resources=[SEARCH])
    let_it_be(running, lacking=[*NEWER, "AzureOpenAITTLTInMS"])
    land(home, running, id="older", resources=[DOCUMENTS])
    let_it_be(running, now=HALF_PAST.isoformat())
    land(home, running, as_of=HALF_PAST, id="gateway", resources=[org.GATEWAY_ACCOUNT])
    let_it_be(running)
    land(home, running, id="machines", resources=[MACHINE], metrics="gpu_vm")
    _land_with_other_dimensions(LakeBuilder(home))
    LakeBuilder(home).configure(AS_OF)
    marts = ("+fct_deployment_load_hourly", "+fct_deployment_load_minute", "+fct_machine_load_hourly")
    tests = ("--exclude-resource-type", "unit_test", "--indirect-selection", "cautious")
    result = run_dbt(home, "build", "--select", *marts, "+int_usage__azure_monitor", *tests)
    assert result.returncode == 0, result.output
    return result


def _land_with_other_dimensions(lake: LakeBuilder) -> None:
    """A region learned dimensions: the same hour without and with them."""
    point = {
        "source_id": "metrics", "resource_id": "/learned", "metric_name": "InputTokens", "aggregation": "Total",
        "interval": "PT1H", "point_at": AS_OF - timedelta(hours=2), "deployment_name": "chat", "model_name": "gpt-4.1",
    }  # fmt: skip
    names = {"ModelDeploymentName": "chat", "ModelName": "gpt-4.1"}
    lake.load({METRICS: [point | {"dimensions": json.dumps(names), "value": 100.0, "requested_at": AS_OF}]})
    later = AS_OF + timedelta(hours=1)
    regions = [("Sweden Central", 70.0), ("France Central", 40.0)]
    answer = [
        point | {"dimensions": json.dumps(names | {"Region": region}), "value": value, "requested_at": later}
        for region, value in regions
    ]
    lake.load({METRICS: answer})


@pytest.mark.ids("ING-2", "ING-10")
def test_the_last_hours_land_by_the_minute_and_late_minutes_once(home: Home, server: str) -> None:
    now = AS_OF - timedelta(hours=1, minutes=29)
    let_it_be(server, now=now.isoformat())
    land(home, server, as_of=now, recent_hours=1)
    span = """select min(point_at), max(point_at) from rows
              where "interval" = 'PT1M' and metric_name = 'InputTokens' and deployment_name = 'gpt-5-mini'"""
    first, last = query(home, METRICS, span)[0]
    assert first == (now - timedelta(minutes=59)).replace(tzinfo=None)
    assert last == (now - timedelta(seconds=LATE_SECONDS + 60)).replace(tzinfo=None), "Azure does not have the rest yet"
    scopes = query(home, WINDOWS, "select distinct scope from rows order by 1")
    assert scopes == [(SUPPORT.lower(),), (f"{SUPPORT.lower()}@PT1M",)]

    later = now + timedelta(minutes=20)
    let_it_be(server, now=later.isoformat())
    land(home, server, as_of=later, recent_hours=1)
    found = query(
        home,
        METRICS,
        """select count(distinct point_at), count(*) - count(distinct (point_at, requested_at)), min(value)
           from rows where "interval" = 'PT1M' and metric_name = 'InputTokens' and deployment_name = 'gpt-5-mini'
             and point_at >= '2026-10-20 04:00:00'""",
    )
    ((minutes, twice, least),) = found
    assert (minutes, twice) == (48, 0), "04:00 to 04:47, those of the last half hour asked again"
    assert least > 0
    newest = """select point_at, arg_max(value, requested_at) from rows
                where "interval" = 'PT1M' and metric_name = 'InputTokens' and deployment_name = 'gpt-5-mini'
                group by all order by all"""
    whole = Home(home.path.parent / "whole")
    land(whole, server, as_of=later, recent_hours=2)
    asked_at_once = dict(query(whole, METRICS, newest))
    landed_in_parts = dict(query(home, METRICS, newest))
    assert landed_in_parts == {at: value for at, value in asked_at_once.items() if at in landed_in_parts}
    assert land(home, server, as_of=later, recent_hours=1).windows == 0


@pytest.mark.ids("ING-2", "ING-10")
def test_a_point_that_azure_does_not_have_is_absent_and_null_downstream(built: DbtResult) -> None:
    hourly = built.query(
        """select deployment_name, count(*) > 20, count(first_token_milliseconds) = count(*),
                  count(last_token_milliseconds) = count(*), count(last_token_milliseconds),
                  count(provisioned_utilization_ratio) = count(*), count(provisioned_utilization_ratio),
                  max(highest_provisioned_utilization_ratio) <= 1
           from marts.fct_deployment_load_hourly
           where resource_id in (lower(?), lower(?)) group by 1 order by 1""".replace("?", "'{}'").format(
            SUPPORT, DOCUMENTS
        )
    )
    by_name = {row[0]: row[1:] for row in hourly}
    assert by_name["gpt-4.1-ptu"] == (True, True, True, by_name["gpt-4.1-ptu"][3], True, *by_name["gpt-4.1-ptu"][5:])
    assert by_name["gpt-4.1-ptu"][5] > 20
    assert by_name["gpt-4.1-ptu"][6] is True
    assert by_name["gpt-4.1-spillover"][4:] == (False, 0, None), "not provisioned: null, not zero"
    assert by_name["gpt-4.1"][2:4] == (False, 0), "without that metric: null, not zero"
    ((minutes, first, last),) = built.query(
        f"""select count(distinct minute_at), min(minute_at), max(minute_at) from marts.fct_deployment_load_minute
            where resource_id = '{SUPPORT.lower()}'"""
    )
    assert (minutes, str(first), str(last)) == (176, "2026-10-20 03:01:00", "2026-10-20 05:56:00")


@pytest.mark.ids("ING-2", "COST-2")
@pytest.mark.parametrize("account", [SUPPORT, SEARCH, DOCUMENTS], ids=["both", "newer", "older"])
def test_usage_by_hour_is_the_same_beside_minutes_and_from_either_generation_of_names(
    built: DbtResult, organisation: Path, account: str
) -> None:
    hours = [h for h in telemetry.read_account_hours(organisation / "telemetry") if h.resource_id == account]
    start = AS_OF - timedelta(days=2)
    expected = {
        (datetime.fromtimestamp(h.hour, UTC).replace(tzinfo=None), h.deployment, h.model): (
            h.input_tokens,
            h.output_tokens,
            h.requests,
        )
        for h in hours
        if start.timestamp() < h.hour < AS_OF.timestamp()
    }
    found = built.query(
        f"""select used_at, deployment_name, response_model, input_uncached + cache_read, output, request_count,
                   cache_read from intermediate.int_usage__azure_monitor where resource_id = '{account.lower()}'"""
    )
    assert {tuple(row[:3]): tuple(row[3:6]) for row in found} == expected
    assert len(found) == len(expected) > 50
    cached = {(h.hour, h.deployment): h.cached_tokens for h in hours}
    for row in found:
        key = (int(row[0].replace(tzinfo=UTC).timestamp()), row[1])
        assert row[6] == pytest.approx(cached[key], abs=1 + row[3] * 1e-6)
    load = built.query(
        f"""select usage_hour, deployment_name, reported_model, input_tokens, coalesce(output_tokens, 0), request_count
            from marts.fct_deployment_load_hourly where resource_id = '{account.lower()}'"""
    )
    assert {tuple(row[:3]): tuple(row[3:]) for row in load} == expected


@pytest.mark.ids("ING-2")
def test_the_running_hour_counts_from_its_minutes(built: DbtResult, organisation: Path) -> None:
    hour = AS_OF - timedelta(hours=1)
    whole = {
        h.deployment: h.input_tokens
        for h in telemetry.read_account_hours(organisation / "telemetry")
        if h.resource_id == org.GATEWAY_ACCOUNT and h.hour == hour.timestamp()
    }
    part = dict(
        built.query(
            f"""select deployment_name, input_uncached + cache_read from intermediate.int_usage__azure_monitor
                where resource_id = '{org.GATEWAY_ACCOUNT.lower()}'
                  and used_at = '{hour.replace(tzinfo=None)}'"""
        )
    )
    assert part.keys() == whole.keys() != set()
    for deployment, tokens in whole.items():
        assert part[deployment] == pytest.approx(tokens * 27 / 60, abs=27), "27 of 60 minutes: three are not there yet"


@pytest.mark.ids("ING-2", "ING-10")
def test_other_dimensions_than_before_count_nothing_twice(built: DbtResult) -> None:
    found = built.query(
        "select input_uncached from intermediate.int_usage__azure_monitor where resource_id = '/learned'"
    )
    assert found == [(110,)]


@pytest.mark.ids("ING-2")
def test_an_answer_that_is_cut_off_is_asked_for_again_in_parts(home: Home, server: str) -> None:
    land(home, server, series_per_answer=1000, recent_hours=0)
    everything = """select metric_name, aggregation, dimensions, point_at, value from rows order by all"""
    whole = query(home, METRICS, everything)
    small = Home(home.path.parent / "small")
    result = land(small, server, series_per_answer=3, recent_hours=0)
    assert query(small, METRICS, everything) == whole
    assert not result.incomplete
    status = "select count(distinct dimensions) from rows where metric_name = 'AzureOpenAIRequests'"
    assert query(small, METRICS, status)[0][0] >= 3

    # One deployment alone has more series than an answer may: nothing is left to divide.
    gateway = Home(home.path.parent / "gateway")
    result = land(gateway, server, resources=[org.GATEWAY_ACCOUNT], series_per_answer=2, recent_hours=0)
    assert any("raise series_per_answer" in said for said in result.incomplete), result.incomplete


@pytest.mark.ids("ING-2", "ING-5")
def test_machines_with_gpus_tell_their_load_by_gpu(built: DbtResult) -> None:
    rows = built.query(
        """select gpu_index, min(gpu_model), count(*) > 40, min(gpu_utilization_ratio) >= 0,
                  max(gpu_utilization_ratio) <= 1, max(power_watts) between 50 and 400,
                  count(cpu_utilization_ratio) > 0, max(gpu_memory_used_mib) > 1000
           from marts.fct_machine_load_hourly group by 1 order by 1 nulls first"""
    )
    assert rows[0] == (None, None, True, None, None, None, True, None), "the machine itself"
    gpu = ("NVIDIA A100 80GB PCIe", True, True, True, True, False, True)
    assert rows[1:] == [(str(index), *gpu) for index in range(4)]


@pytest.mark.ids("ING-2")
def test_a_machine_without_the_agent_tells_what_it_has(home: Home, server: str) -> None:
    let_it_be(server, lacking=["utilization_gpu", "memory_used", "power_draw"])
    land(home, server, resources=[MACHINE], metrics="gpu_vm", recent_hours=0)
    names = query(home, METRICS, "select distinct metric_name from rows order by 1")
    assert names == [("Available Memory Percentage",), ("Percentage CPU",)]


@pytest.mark.ids("ING-2")
def test_a_service_without_any_of_the_metrics_is_an_error(home: Home, server: str) -> None:
    lacking = ["Percentage CPU", "Available Memory Percentage", "utilization_gpu", "memory_used", "power_draw"]
    let_it_be(server, lacking=lacking)
    with pytest.raises(LandingError, match="does not know a metric"):
        land(home, server, resources=[MACHINE], metrics="gpu_vm")
