"""From the simulator's endpoints to the marts: GPU time, events, in-cluster cost and runs of one small organisation."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

import ingestion
import simulator
from finops.config import load_configuration
from finops.config.sources import Source
from finops.config.tables import write_tables
from finops.config.usage_sources import MlflowSource, NvmlSamplesSource, OpencostSource, PrometheusSource
from finops.paths import PROJECT_DIR, Home
from ingestion import LandingResult
from ingestion.probe import ProbeContext, probe
from simulator import telemetry
from simulator.gpu import GpuHour
from simulator.server import SimulatorServer
from tests.support.lake_builder import DbtResult, run_dbt
from tests.support.landed import query, readable
from tests.support.record_homes import landing_home

pytestmark = pytest.mark.xdist_group("clusters-and-runs")

AS_OF = datetime(2026, 10, 20, 6, tzinfo=UTC)
DAYS = 10


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return simulator.generate(tmp_path_factory.mktemp("cluster") / "made", scale=0.05, days=DAYS).directory


@pytest.fixture(scope="module")
def hours(directory: Path) -> list[GpuHour]:
    return telemetry.read_gpu_hours(directory / "telemetry")


@pytest.fixture(scope="module")
def server(directory: Path) -> Iterator[SimulatorServer]:
    with SimulatorServer(directory) as running:
        yield running


def land(home: Home, source: Source, as_of: datetime = AS_OF) -> LandingResult:
    return ingestion.land(source, home, as_of=as_of, environ={})


def opencost(server: SimulatorServer) -> OpencostSource:
    return OpencostSource(id="cluster", type="opencost", url=server.url, cluster="aks-ai", lookback_days=DAYS)


def edge_host() -> Iterator[dict[str, object]]:
    """An hour of a host without pods or DCGM: its GPU is divided into 3g and 1g, and a process computes on the 3g."""
    for minute in range(1, 61):
        moment = datetime(2026, 10, 18, 9, tzinfo=UTC) + timedelta(minutes=minute)
        gpu = {"kind": "gpu", "sampled_at": moment.isoformat(), "step_seconds": 60, "node": "edge-1",
               "gpu_uuid": "GPU-E", "gpu_model": "NVIDIA H100 80GB HBM3", "mig_enabled": True}  # fmt: skip
        yield {**gpu, "slice_share": 1.0, "process_count": 1, "energy_used_joules": 6000.0}
        for profile, instance, count in (("3g.40gb", 2, 1), ("1g.10gb", 9, 0)):
            yield {**gpu, "mig_uuid": f"MIG-{instance}", "gpu_instance_id": instance, "compute_instance_id": 0,
                   "mig_profile": profile, "slice_share": int(profile[0]) / 7, "process_count": count}  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, server: SimulatorServer, directory: Path) -> Home:
    home = landing_home(tmp_path_factory.mktemp("clusters") / "home", AS_OF)
    write_tables(load_configuration(PROJECT_DIR / "config"), home.config_tables, AS_OF)
    land(home, opencost(server))
    land(home, MlflowSource(id="mlflow", type="mlflow", url=server.url, lookback_days=DAYS))
    land(home, PrometheusSource(id="gpus", type="prometheus", url=server.url, lookback_days=DAYS + 1))
    land(home, NvmlSamplesSource(id="nodes", type="nvml_samples", url=str(directory / "nvml")))
    (home.path.parent / "edge").mkdir()
    (home.path.parent / "edge" / "nvml-edge.jsonl").write_text("".join(json.dumps(line) + "\n" for line in edge_host()))
    land(home, NvmlSamplesSource(id="edge", type="nvml_samples", url=str(home.path.parent / "edge")))
    return home


@pytest.fixture(scope="module")
def built(home: Home) -> DbtResult:
    result = run_dbt(
        home, "run", "--select", "+fct_ai_cost_daily", "+fct_gpu_hourly", "+fct_training_run",
        "+fct_cluster_cost_daily", "+fct_cluster_event_daily", "+fct_cluster_node_daily",
    )  # fmt: skip
    assert result.returncode == 0, result.output
    return result


@pytest.mark.ids("ING-6", "ING-10")
def test_a_day_is_asked_once_and_the_newest_again(home: Home, server: SimulatorServer) -> None:
    asked = "select count(*) from rows where scope = 'allocation'"
    assert query(home, "landing__window", asked) == [(DAYS + 1,)]
    before = readable(home)
    assert land(home, opencost(server)).windows == 0
    assert readable(home) == before


@pytest.mark.ids("ING-6", "ING-10")
def test_an_hour_later_today_and_yesterday_replace_themselves(tmp_path: Path, server: SimulatorServer) -> None:
    home = Home(tmp_path / "home")
    land(home, opencost(server), AS_OF - timedelta(hours=3))
    assert land(home, opencost(server)).windows == 2
    windows = query(
        home,
        "landing__window",
        "select window_start, count(*) from rows where scope = 'assets' group by 1 having count(*) > 1 order by 1",
    )
    assert [day.date() for day, _ in windows] == [date(2026, 10, 19), date(2026, 10, 20)]


@pytest.mark.ids("ING-6", "ING-10")
def test_an_empty_window_is_explicit(tmp_path: Path, server: SimulatorServer) -> None:
    home = Home(tmp_path / "home")
    long_ago = AS_OF - timedelta(days=60)
    source = opencost(server).model_copy(update={"lookback_days": 1})
    assert land(home, source, long_ago).rows == {"opencost__allocation": 0, "opencost__node_price": 0}
    assert query(home, "landing__window", "select distinct row_count from rows") == [(0,)]


@pytest.mark.ids("ING-6")
def test_every_gpu_hour_of_the_cluster_is_in_the_estimate(built: DbtResult, hours: list[GpuHour]) -> None:
    held = sum(1 for row in hours if row.pod)
    free = len(hours) - held
    by_kind = dict(built.query("select cost_kind, sum(gpu_hours) from marts.fct_cluster_cost_daily group by 1"))
    assert by_kind == {"workload": Decimal(held), "idle": Decimal(free)}
    cost, sent = built.query(
        "select (select sum(estimated_total_cost) from marts.fct_cluster_cost_daily), "
        "(select sum(total_cost) from staging.stg_opencost__allocation)"
    )[0]
    assert cost == sent > 0


@pytest.mark.ids("ING-6", "ALLOC-1", "ING-9")
def test_pods_without_labels_find_their_team_by_namespace(built: DbtResult) -> None:
    rules = dict(
        built.query(
            "select attribution_rule, count(*) from marts.fct_cluster_cost_daily "
            "where cost_kind = 'workload' group by 1"
        )
    )
    # By the pod's label or its namespace's; the search team's unlabelled namespaces by their names.
    assert set(rules) == {"team-tag", "namespace-search"}
    assert (
        built.value("select count(*) from staging.stg_opencost__allocation where labels is null and pod is not null")
        > 0
    )
    assert (
        built.value("select count(*) from marts.fct_cluster_cost_daily where team is null and cost_kind = 'workload'")
        == 0
    )


@pytest.mark.ids("ING-6", "UNIT-4")
def test_nodes_have_a_price_an_hour_and_say_whether_they_are_spot(built: DbtResult) -> None:
    rows = built.query(
        "select node_type, is_spot, min(estimated_cost_per_hour), max(estimated_cost_per_hour) "
        "from marts.fct_cluster_node_daily group by 1, 2 order by 1"
    )
    assert rows == [
        ("Standard_NC96ads_A100_v4", False, Decimal("14.692"), Decimal("14.692")),
        ("Standard_ND96isr_H100_v5", True, Decimal("98.32"), Decimal("98.32")),
        ("Standard_NV36ads_A10_v5", False, Decimal("3.2"), Decimal("3.2")),
    ]


@pytest.mark.ids("ING-6")
def test_the_estimate_is_in_no_bill(built: DbtResult) -> None:
    assert built.value("select count(*) from marts.fct_ai_cost_daily") == 0


@pytest.mark.ids("ING-7", "UNIT-1")
def test_runs_have_their_gpu_time_and_an_estimate(built: DbtResult, hours: list[GpuHour]) -> None:
    loops = built.query(
        "select count(*), min(retries), min(price_per_gpu_hour) from marts.fct_training_run "
        "where trigger_kind = 'retrain' and experiment = 'vision-train-azureml'"
    )
    assert loops == [(18, 2, Decimal("3.673"))]
    wrong = built.query(
        "select run_id from marts.fct_training_run where price_status = 'priced' "
        "and abs(estimated_cost - gpu_seconds / 3600 * price_per_gpu_hour) > 0.000001"
    )
    assert wrong == []
    assert built.value("select count(*) from marts.fct_training_run where team is null") > 0
    assert built.value("select count(*) from marts.fct_training_run where status = 'running' and gpu_seconds > 0") > 0
    pods = {row.pod for row in hours if row.pod.startswith("vision-train-")}
    assert built.value("select count(*) from marts.fct_training_run where experiment = 'vision-train'") == len(pods)


@pytest.mark.ids("ING-6", "ING-7")
def test_probes_say_that_both_answer(server: SimulatorServer) -> None:
    context = ProbeContext(AS_OF, {})
    found = list(probe(opencost(server), context))
    assert [(f.check, f.status) for f in found] == [("reachable", "ok"), ("permitted", "ok")]
    nowhere = opencost(server).model_copy(update={"url": "http://127.0.0.1:1"})
    assert [f.status for f in probe(nowhere, context)] == ["failed"]
    assert json.dumps([f.remedy for f in probe(nowhere, context)])


@pytest.mark.ids("ING-5", "ING-10")
def test_a_gpu_that_two_meters_see_is_counted_once(built: DbtResult, hours: list[GpuHour]) -> None:
    nvml = "from staging.stg_nvml__gpu_sample where node like 'aks-gpua10%'"
    assert built.value(f"select count(distinct gpu_uuid) {nvml}") > 0
    cluster = built.query(
        "select sum(allocated_seconds), sum(idle_seconds), count(distinct meter) from marts.fct_gpu_hourly "
        "where node like 'aks-%'"
    )
    held = sum(1 for row in hours if row.pod)
    assert cluster == [(3600 * held, 3600 * (len(hours) - held), 1)]


@pytest.mark.ids("ING-5", "ALLOC-2")
def test_a_divided_gpu_has_one_gpus_time_in_parts(built: DbtResult) -> None:
    rows = built.query(
        "select gpu_uuid, mig_profile, namespace, allocated_seconds, idle_seconds, meter from marts.fct_gpu_hourly "
        "where node = 'edge-1' order by 1"
    )
    assert rows == [
        # What no instance has of the GPU is idle; 3 and 1 of 7 slices are the instances'.
        ("GPU-E", None, None, 0, round(3600 * 3 / 7), "nvml"),
        ("GPU-E/2", "3g.40gb", "host:edge-1", round(3600 * 3 / 7), 0, "nvml"),
        ("GPU-E/9", "1g.10gb", None, 0, round(3600 / 7), "nvml"),
    ]
    assert built.value("select sum(energy_joules) from marts.fct_gpu_hourly where node = 'edge-1'") == 360_000


@pytest.mark.ids("ING-6", "UNIT-4")
def test_events_of_the_cluster_are_counted_and_owned(built: DbtResult, hours: list[GpuHour]) -> None:
    events = dict(built.query("select kind, sum(event_count) from marts.fct_cluster_event_daily group by 1"))
    assert {"restart", "scale_up", "scale_down", "node_added", "node_removed"} <= set(events)
    ups = 0
    up: dict[str, set[int]] = {}
    for row in hours:
        up.setdefault(row.node, set()).add(row.hour)
    for seen in up.values():
        ups += sum(1 for hour in seen if hour > 0 and hour - 1 not in seen)
    assert events["node_added"] == ups
    removed = "select distinct is_spot from marts.fct_cluster_event_daily where kind = 'node_removed'"
    assert (True,) in built.query(removed)
    assert (
        built.value("select count(*) from marts.fct_cluster_event_daily where kind = 'restart' and team is null") == 0
    )


@pytest.mark.long
@pytest.mark.ids("ING-6", "ING-10")
def test_events_of_a_window_that_is_asked_again_are_counted_once(tmp_path: Path, server: SimulatorServer) -> None:
    home = landing_home(tmp_path / "home", AS_OF)
    source = PrometheusSource(id="gpus", type="prometheus", url=server.url, lookback_days=DAYS)
    land(home, source, AS_OF - timedelta(hours=30))
    land(home, source, AS_OF - timedelta(hours=5))
    land(home, source)
    once = landing_home(tmp_path / "once", AS_OF)
    land(once, source)
    counts = []
    for place in (home, once):
        result = run_dbt(place, "run", "--select", "+stg_kubernetes__event")
        assert result.returncode == 0, result.output
        kinds = "select kind, sum(event_count) from staging.stg_kubernetes__event group by 1 order by 1"
        counts.append(result.query(kinds))
    assert counts[0] == counts[1] != []
