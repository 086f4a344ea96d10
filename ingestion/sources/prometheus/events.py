"""What happened in a cluster, read from how kube-state-metrics' series changed between samples.

Here: counters that grew, reasons that appeared, objects that came and went.
Not here: asking, and labels (``rows``).
Source: kube-state-metrics' pod, node, job, deployment and statefulset metrics; the clouds' labels of spot nodes.

An answer covers a window and the sample before it. Counting starts with the first sample in which nodes are seen: what
was there already then did not happen in this window, also where kube-state-metrics was down at its start. Samples of
one object are put together whatever series they are in: a restarted exporter changes labels of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any, NamedTuple

from ingestion.sources.prometheus.rows import Series, label

# Zeros are left on the server: a cluster has thousands of containers that never restarted.
RESTARTS = "kube_pod_container_status_restarts_total > 0"
REASONS = 'kube_pod_status_reason{reason=~"Evicted|NodeLost|Shutdown"} > 0'
FAILED_JOBS = "kube_job_status_failed > 0"
NODES = "kube_node_created"
NODE_LABELS = "kube_node_labels"
DEPLOYMENTS = "kube_deployment_spec_replicas"
STATEFUL_SETS = "kube_statefulset_replicas"
EVENT_QUERIES = (RESTARTS, REASONS, FAILED_JOBS, NODES, NODE_LABELS, DEPLOYMENTS, STATEFUL_SETS)

_REASON_KINDS = {"Evicted": "eviction", "NodeLost": "preemption", "Shutdown": "preemption"}
_SPOT_LABELS = {
    "label_kubernetes_azure_com_scalesetpriority": "spot",
    "label_eks_amazonaws_com_capacitytype": "spot",
    "label_cloud_google_com_gke_spot": "true",
    "label_cloud_google_com_gke_preemptible": "true",
    "label_karpenter_sh_capacity_type": "spot",
}


class _Object(NamedTuple):
    namespace: str | None
    name: str
    detail: str | None = None


_Samples = dict[int, float]


def event_rows(
    answers: Mapping[str, Iterable[Series]], pods: Iterable[Mapping[str, Any]], *, step_seconds: int
) -> list[dict[str, Any]]:
    """Events in time order; ``event_at`` in seconds since 1970.

    Args:
        answers: query → series, from the sample before the window on.
        pods: rows of ``object_rows``, for the nodes that pods run on.
    """
    spot = _spot_nodes(answers.get(NODE_LABELS, ()))
    start = _known_from(answers.get(NODES, ()))
    nodes_of_pods = {(row["namespace"], row["name"]): row["node"] for row in pods if row["kind"] == "pod"}
    found = [
        *_restarts(answers.get(RESTARTS, ()), start),
        *_reasons(answers.get(REASONS, ()), start),
        *_failures(answers.get(FAILED_JOBS, ()), start),
        *_scalings(answers.get(DEPLOYMENTS, ()), "deployment"),
        *_scalings(answers.get(STATEFUL_SETS, ()), "statefulset"),
        *_nodes(answers.get(NODES, ()), step_seconds),
    ]
    for event in found:
        name = event["object_name"]
        node = name if event["object_kind"] == "node" else nodes_of_pods.get((event["namespace"], name))
        event["is_spot"] = spot.get(node) if node else None
    return sorted(found, key=lambda event: (event["event_at"], event["kind"], event["object_name"]))


def _known_from(nodes: Iterable[Series]) -> int:
    """When kube-state-metrics was first seen; there is no cluster without nodes."""
    return min((int(seconds) for series in nodes for seconds, _ in series["values"]), default=0)


def _restarts(series: Iterable[Series], start: int) -> Iterator[dict[str, Any]]:
    for thing, at, increase in _increases(_merged(series, "pod", detail="container"), start):
        yield _event("restart", at, thing, "pod", increase, container=thing.detail)


def _reasons(series: Iterable[Series], start: int) -> Iterator[dict[str, Any]]:
    wanted = [s for s in series if s["metric"].get("reason") in _REASON_KINDS]
    for thing, at, _ in _increases(_merged(wanted, "pod", detail="reason"), start):
        yield _event(_REASON_KINDS[thing.detail or ""], at, thing, "pod", 1)


def _failures(series: Iterable[Series], start: int) -> Iterator[dict[str, Any]]:
    for thing, at, increase in _increases(_merged(series, "job_name", detail="reason"), start):
        yield _event("job_failed", at, thing, "job", increase)


def _scalings(series: Iterable[Series], kind: str) -> Iterator[dict[str, Any]]:
    for thing, samples in _merged(series, kind).items():
        moments = sorted(samples)
        for before, at in pairwise(moments):
            change = samples[at] - samples[before]
            if change:
                yield _event("scale_up" if change > 0 else "scale_down", at, thing, kind, abs(change))


def _nodes(series: Iterable[Series], step_seconds: int) -> Iterator[dict[str, Any]]:
    """Nodes that came and went. A name that is used again is another node, told by when it was created; a gap in a
    node's samples alone is none.
    """
    merged = _merged(series, "node")
    if not merged:
        return
    start = min(min(samples) for samples in merged.values())
    latest = max(max(samples) for samples in merged.values())
    for thing, samples in merged.items():
        lives: dict[float, list[int]] = {}
        for at, created in sorted(samples.items()):
            lives.setdefault(created, []).append(at)
        for created, seen in lives.items():
            # One made just before the first sample may be seen after it only.
            if seen[0] > start and created > start - step_seconds:
                yield _event("node_added", seen[0], thing, "node", 1)
            if seen[-1] < latest:
                yield _event("node_removed", seen[-1] + step_seconds, thing, "node", 1)


def _merged(series: Iterable[Series], name: str, *, detail: str | None = None) -> dict[_Object, _Samples]:
    found: dict[_Object, _Samples] = {}
    for entry in series:
        labels = entry["metric"]
        own = label(labels, name)
        if own is None:
            continue
        namespace = None if name == "node" else label(labels, "namespace")
        # A container is renamed like a pod; a reason is no label of any target.
        part = label(labels, detail) if detail else None
        samples = found.setdefault(_Object(namespace, own, part), {})
        for seconds, text in entry["values"]:
            value = float(text)
            if value == value:
                samples[int(seconds)] = max(value, samples.get(int(seconds), value))
    return {thing: samples for thing, samples in found.items() if samples}


def _increases(merged: Mapping[_Object, _Samples], start: int) -> Iterator[tuple[_Object, int, float]]:
    """How much counters grew from one sample to the next; one that is smaller than before started again at 0."""
    for thing, samples in merged.items():
        moments = sorted(samples)
        before = samples[moments[0]] if moments[0] <= start else 0.0
        for at in moments:
            value = samples[at]
            increase = value - before if value >= before else value
            before = value
            if increase > 0:
                yield thing, at, increase


def _spot_nodes(series: Iterable[Series]) -> dict[str, bool]:
    nodes: dict[str, bool] = {}
    for entry in series:
        labels = {name.lower(): value.lower() for name, value in entry["metric"].items()}
        node = label(entry["metric"], "node")
        if node:
            is_spot = any(labels.get(name) == value for name, value in _SPOT_LABELS.items())
            nodes[node] = nodes.get(node, False) or is_spot
    return nodes


def _event(
    kind: str, at: int, thing: _Object, object_kind: str, count: float, *, container: str | None = None
) -> dict[str, Any]:
    return {
        "kind": kind,
        "event_at": at,
        "namespace": thing.namespace,
        "object_kind": object_kind,
        "object_name": thing.name,
        "container": container,
        "event_count": count,
    }
