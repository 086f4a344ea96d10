"""DCGM and kube-state-metrics series as rows."""

from __future__ import annotations

import json

import pytest

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
