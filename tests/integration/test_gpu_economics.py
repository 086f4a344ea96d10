"""GPU economics of a real cluster: HeliosData's minutes of held and idle GPUs, confirmed by plain Python.

The trace counts GPUs; which GPU of which node a job held is laid out here: jobs of whole nodes first, then the others.
"""

from __future__ import annotations

import csv
import gzip
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from finops.money import split
from finops.paths import Home
from tests.support.lake_builder import DbtResult, LakeBuilder, charge, run_dbt, write_config

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("gpu-economics"), pytest.mark.ids("ALLOC-2", "UNIT-1")]

CLUSTERS = ("vc3sl", "vcpDC")
DAYS = [date(2020, 5, 4) + timedelta(days=n) for n in range(7)]
AS_OF = datetime(2020, 5, 20, tzinfo=UTC)
MINUTES = 20
"""Between two samples: the trace has one each minute, and a sample of a GPU stands for the time until the next."""
GPUS_PER_NODE = 8
APPS = {"whole-nodes": "robotics", "parts": "search"}
"""Jobs of 8 GPUs and more, and smaller ones."""


class Moment(NamedTuple):
    at: datetime
    gpus: int
    whole: int
    parts: int


def _moments(real_data: Path, cluster: str) -> Iterator[Moment]:
    with gzip.open(real_data / "gpu" / "helios_earth_vc" / f"{cluster}.csv.gz", "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            at = datetime.fromisoformat(row["time"]).replace(tzinfo=UTC)
            if at.date() in DAYS and at.minute % MINUTES == 0:
                # In a few minutes the two kinds of jobs do not sum to what runs: what runs counts.
                running = int(row["running_gpu_num"])
                whole = min(int(row["running_gpu_num_noless_8"]), running)
                yield Moment(at, int(row["total_gpu_num"]), whole, running - whole)


def _cost(cluster: str, day: date) -> Decimal:
    """What the cluster's machines cost on a day, with digits that do not divide."""
    return Decimal(CLUSTERS.index(cluster) + 3) * 1000 + Decimal(day.day) / 7


def _samples(cluster: str, moment: Moment) -> Iterator[dict[str, Any]]:
    for gpu in range(moment.gpus):
        app = "whole-nodes" if gpu < moment.whole else "parts" if gpu < moment.whole + moment.parts else None
        yield {
            "source_id": "p",
            # A sample stands for the step that ends at it.
            "sampled_at": moment.at + timedelta(minutes=MINUTES),
            "step_seconds": MINUTES * 60,
            "node": f"aks-{cluster}-1-vmss{gpu // GPUS_PER_NODE:06}",
            "gpu_uuid": f"GPU-{cluster}-{gpu}",
            "gpu_model": "V100",
            "namespace": app and f"{APPS[app]}--{app}",
            "pod": app and f"{app}-{gpu // GPUS_PER_NODE}",
            "duty_cycle_ratio": 0.5 if app else 0.0,
            "sm_active_ratio": None,
            "requested_at": AS_OF,
        }


@pytest.fixture(scope="module")
def trace(real_data: Path) -> dict[str, list[Moment]]:
    return {cluster: list(_moments(real_data, cluster)) for cluster in CLUSTERS}


@pytest.fixture(scope="module")
def built(trace: dict[str, list[Moment]], tmp_path_factory: pytest.TempPathFactory) -> DbtResult:
    home = Home(tmp_path_factory.mktemp("helios"))
    lake = LakeBuilder(home)
    folder = write_config(home.path / "settings")
    (folder / "tags.yml").write_text(
        "rules: []\nteams: [{team: robotics}, {team: search}, {team: platform}]\n"
        "apps: [{app: whole-nodes, team: robotics}, {app: parts, team: search}]\n",
        encoding="utf-8",
    )
    (folder / "allocation.yml").write_text(
        "ai_categories: [{id: gpu, category: gpu_compute, charge_category: .}]\n"
        "pools: [{id: gpus, resource_id: virtualmachinescalesets, driver: gpu_seconds, idle_team: platform}]\n",
        encoding="utf-8",
    )
    (folder / "budgets.yml").write_text("budgets: []\n", encoding="utf-8")
    (folder / "units.yml").write_text("units: []\n", encoding="utf-8")
    lake.configure(AS_OF, folder)
    bill = [
        charge(day, f"{_cost(cluster, day):.12f}", ResourceId=f"/x/virtualMachineScaleSets/aks-{cluster}-1-vmss")
        for cluster in CLUSTERS
        for day in DAYS
    ]
    lake.snapshot("focus__cost_and_usage", bill, scope="export", period_start=DAYS[0].replace(day=1))
    for cluster, moments in trace.items():
        lake.load({"prometheus__gpu_sample": [row for moment in moments for row in _samples(cluster, moment)]})
    result = run_dbt(home, "run", "--select", "+fct_ai_cost_daily", "+fct_unit_economics_daily", "+fct_gpu_hourly")
    assert result.returncode == 0, result.output
    return result


def _seconds(moments: list[Moment]) -> dict[tuple[date, str], int]:
    """GPU-seconds by day and what became of them: an app; free, on a node that nobody used in the hour; fragmented."""
    busy_nodes = defaultdict(set)
    for moment in moments:
        hour = moment.at.replace(minute=0)
        busy_nodes[hour] |= {gpu // GPUS_PER_NODE for gpu in range(moment.whole + moment.parts)}
    found: defaultdict[tuple[date, str], int] = defaultdict(int)
    for moment in moments:
        for gpu in range(moment.gpus):
            if gpu < moment.whole:
                kind = "whole-nodes"
            elif gpu < moment.whole + moment.parts:
                kind = "parts"
            else:
                in_use = gpu // GPUS_PER_NODE in busy_nodes[moment.at.replace(minute=0)]
                kind = "fragmented" if in_use else "free"
            found[moment.at.date(), kind] += MINUTES * 60
    return found


def test_node_cost_goes_to_jobs_by_gpu_time_and_idle_is_told_apart(
    trace: dict[str, list[Moment]], built: DbtResult
) -> None:
    order = ("whole-nodes", "parts", "fragmented", "free")
    expected = {}
    for cluster, moments in trace.items():
        seconds = _seconds(moments)
        for day in DAYS:
            # The order of targets decides who gets a unit that is left over: users by team, then kinds of idle.
            weights = {kind: Decimal(seconds[day, kind]) for kind in order if seconds.get((day, kind))}
            cost = Decimal(f"{_cost(cluster, day):.12f}")
            for kind, part in zip(weights, split(cost, list(weights.values())), strict=True):
                expected[f"aks-{cluster.lower()}-1-vmss", day, kind] = part
    rows = built.query(
        "select regexp_extract(resource_id, '[^/]+$'), usage_date, coalesce(app, idle_kind), sum(effective_cost) "
        "from marts.fct_ai_cost_daily group by all"
    )
    assert {row[:3]: row[3] for row in rows} == expected
    assert {row[2] for row in rows} == set(order), "the week of this cluster has all four"


def test_gpu_hours_cost_what_the_trace_says(trace: dict[str, list[Moment]], built: DbtResult) -> None:
    held: defaultdict[str, int] = defaultdict(int)
    whole = 0
    for moments in trace.values():
        for (_, kind), seconds in _seconds(moments).items():
            held[kind] += seconds
            whole += seconds
    allocated = held["whole-nodes"] + held["parts"]
    sums = dict(
        built.query(
            "select unit, sum(quantity) from marts.fct_unit_economics_daily "
            "where scope_type = 'company' and unit like 'gpu_hour%' group by 1"
        )
    )
    expected = {"gpu_hour_billed": whole, "gpu_hour_allocated": allocated, "gpu_hour_busy": allocated // 2}
    assert {unit: round(quantity * 3600, 6) for unit, quantity in sums.items()} == expected
    rows = built.query(
        "select unit, usage_date, unit_cost from marts.fct_unit_economics_daily "
        "where scope_type = 'company' and unit in ('gpu_hour_billed', 'gpu_hour_allocated')"
    )
    assert len(rows) == 2 * len(DAYS)
    for unit, day, unit_cost in rows:
        cost = sum((_cost(cluster, day) for cluster in CLUSTERS), Decimal(0))
        kinds = ("whole-nodes", "parts") + (("fragmented", "free") if unit == "gpu_hour_billed" else ())
        hours = sum(
            Decimal(seconds) / 3600
            for moments in trace.values()
            for (on, kind), seconds in _seconds(moments).items()
            if on == day and kind in kinds
        )
        if hours:
            assert float(unit_cost) == pytest.approx(float(cost / hours), rel=1e-9)
        else:
            assert unit_cost is None, "an hour that nobody held has no price"
