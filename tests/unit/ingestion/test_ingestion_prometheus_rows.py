"""DCGM and kube-state-metrics series as rows."""

from __future__ import annotations

import json

import pytest

from ingestion.sources.prometheus.events import (
    DEPLOYMENTS,
    FAILED_JOBS,
    NODE_LABELS,
    NODES,
    REASONS,
    RESTARTS,
    event_rows,
)
from ingestion.sources.prometheus.rows import gauge, gpu_rows, object_rows

pytestmark = pytest.mark.ids("ING-5", "ING-6")


@pytest.mark.parametrize(
    "text", ["9223372036854775794", "9223372036854776000", "9.223372036854776e+18", "NaN", "+Inf", "2147483632", "-1"]
)
@pytest.mark.parametrize("column", ["duty_cycle_ratio", "sm_active_ratio", "memory_used_mib", "power_watts"])
def test_what_dcgm_could_not_read_is_null_and_never_zero(column: str, text: str) -> None:
    assert gauge(column, text) is None


def test_values_are_in_the_columns_unit() -> None:
    assert gauge("duty_cycle_ratio", "37") == 0.37
    assert gauge("sm_active_ratio", "0.25") == 0.25
    assert gauge("power_watts", "0") == 0.0
    assert gauge("memory_used_mib", "81559") == 81559.0
    assert gauge("duty_cycle_ratio", "101") is None
    assert gauge("energy_joules", "12500") == 12.5


def _series(labels: dict[str, str], values: list[tuple[int, str]]) -> dict[str, object]:
    return {"metric": {"UUID": "GPU-1", "Hostname": "n1", "modelName": "H100"} | labels, "values": values}


def test_metrics_of_one_gpu_and_time_share_a_row_and_a_missing_metric_is_null() -> None:
    pod = {"pod": "train-0", "namespace": "robotics--train"}
    rows = gpu_rows(
        {
            "duty_cycle_ratio": [_series(pod, [(60, "50"), (120, "60")])],
            "power_watts": [_series(pod, [(60, "400")])],
        }
    )
    assert rows["GPU-1", 60]["duty_cycle_ratio"] == 0.5
    assert rows["GPU-1", 60]["power_watts"] == 400.0
    assert rows["GPU-1", 60]["pod"] == "train-0"
    assert "power_watts" not in rows["GPU-1", 120]


@pytest.mark.parametrize("free_first", [True, False])
def test_a_gpu_that_two_series_claim_belongs_to_the_pod(free_first: bool) -> None:
    free, held = _series({}, [(60, "0")]), _series({"pod": "p", "namespace": "n"}, [(60, "90")])
    rows = gpu_rows({"duty_cycle_ratio": [free, held] if free_first else [held, free]})
    assert len(rows) == 1
    assert (rows["GPU-1", 60]["pod"], rows["GPU-1", 60]["duty_cycle_ratio"]) == ("p", 0.9)


def test_labels_that_prometheus_renamed_are_the_pods() -> None:
    labels = {"pod": "dcgm-exporter-x", "namespace": "gpu-operator", "exported_pod": "p", "exported_namespace": "n"}
    row = gpu_rows({"duty_cycle_ratio": [_series(labels, [(60, "1")])]})["GPU-1", 60]
    assert (row["pod"], row["namespace"]) == ("p", "n")


def test_a_gpu_with_profiling_counters_only_has_its_engines_activity_for_duty_cycle() -> None:
    engine = [_series({}, [(60, "0.25"), (120, "9223372036854775794")])]
    rows = gpu_rows({"engine_active_ratio": engine, "sm_active_ratio": [_series({}, [(60, "0.1")])]})
    assert (rows["GPU-1", 60]["duty_cycle_ratio"], rows["GPU-1", 60]["duty_source"]) == (0.25, "engine_active")
    assert rows["GPU-1", 120].get("duty_cycle_ratio") is None
    both = gpu_rows({"duty_cycle_ratio": [_series({}, [(60, "0")])], "engine_active_ratio": engine})
    assert (both["GPU-1", 60]["duty_cycle_ratio"], both["GPU-1", 60]["duty_source"]) == (0.0, "gpu_util")


@pytest.mark.parametrize(
    ("profile", "model", "share"),
    [("1g.10gb", "NVIDIA H100", 1 / 7), ("1c.3g.71gb", "NVIDIA H200", 1 / 7), ("2g.12gb", "NVIDIA A30", 0.5)],
)
def test_a_mig_instance_is_a_part_of_its_gpu(profile: str, model: str, share: float) -> None:
    labels = {"GPU_I_ID": "9", "GPU_I_PROFILE": profile, "modelName": model}
    row = gpu_rows({"sm_active_ratio": [_series(labels, [(60, "1")])]})["GPU-1/9", 60]
    assert (row["mig_profile"], row["slice_share"]) == (profile, pytest.approx(share))
    whole = gpu_rows({"sm_active_ratio": [_series({}, [(60, "1")])]})["GPU-1", 60]
    assert (whole["mig_profile"], whole["slice_share"]) == (None, 1.0)


def test_mig_slices_are_counted_apart() -> None:
    slices = [_series({"GPU_I_ID": str(n)}, [(60, "1")]) for n in (1, 2)]
    assert sorted(rows[0] for rows in gpu_rows({"sm_active_ratio": slices})) == ["GPU-1/1", "GPU-1/2"]


def test_a_pods_labels_and_node_meet_in_one_object() -> None:
    pod = {"namespace": "n", "pod": "p"}
    rows = object_rows(
        {
            "kube_namespace_labels": [
                {"metric": {"namespace": "n", "label_team": "search"}, "values": [(60, "1"), (120, "1")]}
            ],
            "kube_pod_labels": [{"metric": pod | {"label_app": "a"}, "values": [(60, "1")]}],
            "kube_pod_info": [{"metric": pod | {"node": "n1"}, "values": [(60, "1"), (180, "1")]}],
        }
    )
    assert [(row["kind"], row["name"], json.loads(row["labels"]), row["node"]) for row in rows] == [
        ("namespace", "n", {"team": "search"}, None),
        ("pod", "p", {"app": "a"}, "n1"),
    ]
    assert rows[1]["last_seen_at"] == 180_000_000


def test_labels_that_changed_are_a_second_row() -> None:
    old, new = {"namespace": "n", "label_team": "search"}, {"namespace": "n", "label_team": "support"}
    rows = object_rows(
        {
            "kube_namespace_labels": [
                {"metric": new, "values": [(180, "1"), (240, "1")]},
                {"metric": old, "values": [(60, "1"), (120, "1")]},
            ]
        }
    )
    assert [(json.loads(row["labels"])["team"], row["first_seen_at"], row["last_seen_at"]) for row in rows] == [
        ("search", 60_000_000, 120_000_000),
        ("support", 180_000_000, 240_000_000),
    ]


def _kube(name: str, *values: tuple[int, str], **labels: str) -> dict[str, object]:
    return {"metric": {"__name__": name, **labels}, "values": list(values)}


def _events(
    answers: dict[str, list[dict[str, object]]], pods: list[dict[str, object]] | None = None
) -> list[tuple[object, ...]]:
    nodes = [_kube("kube_node_created", *((t, "0") for t in range(0, 301, 60)), node="n1")]
    found = event_rows({NODES: nodes, **answers}, pods or [], step_seconds=60)
    return [(e["kind"], e["event_at"], e["object_name"], e["event_count"], e["is_spot"]) for e in found]


def test_restarts_are_what_a_counter_grew_by_whatever_series_it_is_in() -> None:
    own = {"exported_namespace": "n", "exported_pod": "p", "exported_container": "c", "pod": "kube-state-metrics-1"}
    answers = {
        RESTARTS: [
            # The exporter was restarted in between, so the series has another name of its own; then the pod's counter
            # started again; 5 restarts of before the window are none of it.
            _kube("x", (0, "5"), (60, "6"), instance="a", **own),
            _kube("x", (180, "6"), (240, "2"), instance="b", **own),
            # A pod that came within the window: all of its restarts are.
            _kube("x", (240, "3"), namespace="n", pod="new", container="c"),
        ]
    }
    assert _events(answers) == [
        ("restart", 60, "p", 1.0, None),
        ("restart", 240, "new", 3.0, None),
        ("restart", 240, "p", 2.0, None),
    ]


def test_an_outage_of_the_exporter_makes_nothing_happen() -> None:
    nodes = [_kube("kube_node_created", (180, "0"), (240, "0"), node="n1")]
    counters = [_kube("x", (180, "7"), (240, "7"), namespace="n", pod="p", container="c")]
    assert event_rows({NODES: nodes, RESTARTS: counters}, [], step_seconds=60) == []
    assert event_rows({NODES: [], RESTARTS: []}, [], step_seconds=60) == []


def test_evictions_and_spot_nodes_that_were_taken_away() -> None:
    answers = {
        REASONS: [
            _kube("x", (120, "1"), (180, "1"), namespace="n", pod="p", reason="Evicted"),
            _kube("x", (240, "1"), namespace="n", pod="q", reason="NodeLost"),
            _kube("x", (0, "1"), (60, "1"), namespace="n", pod="before", reason="Evicted"),
        ],
        NODES: [
            _kube("x", *((t, "0") for t in range(0, 301, 60)), node="n1"),
            _kube("x", *((t, "90") for t in (120, 180)), node="spot-1"),
        ],
        NODE_LABELS: [
            _kube("x", (120, "1"), node="spot-1", label_kubernetes_azure_com_scalesetpriority="spot"),
            _kube("x", (120, "1"), node="n1", label_agentpool="system"),
        ],
    }
    pods: list[dict[str, object]] = [{"kind": "pod", "namespace": "n", "name": "p", "node": "spot-1"}]
    assert _events(answers, pods) == [
        ("eviction", 120, "p", 1, True),
        ("node_added", 120, "spot-1", 1, True),
        ("node_removed", 240, "spot-1", 1, True),
        ("preemption", 240, "q", 1, None),
    ]


def test_a_node_name_that_is_used_again_is_another_node() -> None:
    again = _kube("x", (60, "30"), (120, "30"), (240, "200"), (300, "200"), node="spot-1")
    gap = _kube("x", (0, "0"), (240, "0"), (300, "0"), node="n2")
    assert _events({NODES: [_kube("x", *((t, "0") for t in range(0, 301, 60)), node="n1"), again, gap]}) == [
        ("node_added", 60, "spot-1", 1, None),
        ("node_removed", 180, "spot-1", 1, None),
        ("node_added", 240, "spot-1", 1, None),
    ]


def test_a_node_made_between_the_last_sample_and_the_window_is_counted_once() -> None:
    steady = _kube("x", *((t, "0") for t in range(0, 301, 60)), node="n1")
    assert _events(
        {NODES: [steady, _kube("x", (60, "-30"), (120, "-30"), (180, "-30"), (240, "-30"), (300, "-30"), node="n3")]}
    ) == [("node_added", 60, "n3", 1, None)]


def test_scaling_and_failed_jobs() -> None:
    answers = {
        DEPLOYMENTS: [_kube("x", (0, "2"), (60, "5"), (120, "5"), (180, "1"), namespace="n", deployment="api")],
        FAILED_JOBS: [_kube("x", (120, "1"), namespace="n", job_name="train")],
    }
    assert _events(answers) == [
        ("scale_up", 60, "api", 3.0, None),
        ("job_failed", 120, "train", 1.0, None),
        ("scale_down", 180, "api", 4.0, None),
    ]
