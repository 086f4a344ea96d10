"""What happened in the cluster, as kube-state-metrics counts it: nodes, restarts, evictions, failed jobs, scaling.

Here: series with a value per hour, from the same GPU hours as everything else.
Not here: the Prometheus API (``simulator.server.prometheus``).

The H100 pool is spot capacity: now and then its node is taken away, and what ran there is evicted.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from simulator import organisation as org
from simulator.gpu import GpuHour
from simulator.randomness import stable_int

_HOUR = 3600
SPOT_POOL = "h100"
Values = dict[int, float]
Labels = tuple[tuple[str, str], ...]


def kube_series(rows: Iterable[GpuHour], first_midnight: datetime) -> dict[Labels, Values]:
    """Labels → hour → value."""
    nodes: dict[tuple[str, str], set[int]] = {}
    pods: dict[tuple[str, str, str, str], list[int]] = {}
    for row in rows:
        nodes.setdefault((row.pool, row.node), set()).add(row.hour)
        if row.pod:
            pods.setdefault((row.pool, row.namespace, row.pod, row.node), []).append(row.hour)
    origin = int(first_midnight.timestamp())
    series: dict[Labels, Values] = {}
    for (pool, node), hours in nodes.items():
        series |= _node(pool, node, sorted(hours), origin)
    working: dict[str, Values] = {}
    for (pool, namespace, pod, _), held in pods.items():
        series |= _pod(pool, namespace, pod, sorted(set(held)))
        if pool == "a10":
            working.setdefault(namespace, {}).update(dict.fromkeys(held, 1.0))
    last = max((hour for hours in nodes.values() for hour in hours), default=-1)
    for namespace, busy in working.items():
        # A deployment that runs in the mornings only is scaled to none outside of them.
        labels = {"namespace": namespace, "deployment": namespace.partition("--")[2]}
        series[_kube("kube_deployment_spec_replicas", labels)] = {h: busy.get(h, 0.0) for h in range(last + 1)}
    return series


def _node(pool: str, node: str, hours: list[int], origin: int) -> dict[Labels, Values]:
    created: Values = {}
    start = hours[0]
    for before, hour in zip([hours[0], *hours], hours, strict=False):
        if hour - before > 1:
            start = hour
        created[hour] = float(origin + start * _HOUR + 60)
    sku = next(p.arm_sku for p in org.NODE_POOLS if p.key == pool)
    labels = {"node": node, "label_node_kubernetes_io_instance_type": sku}
    if pool == SPOT_POOL:
        labels["label_kubernetes_azure_com_scalesetpriority"] = "spot"
    return {
        _kube("kube_node_created", {"node": node}): created,
        _kube("kube_node_labels", labels): dict.fromkeys(hours, 1.0),
    }


def _pod(pool: str, namespace: str, pod: str, hours: list[int]) -> dict[Labels, Values]:
    own = {"namespace": namespace, "pod": pod}
    app = namespace.partition("--")[2]
    found: dict[Labels, Values] = {}
    restarts = stable_int(3, "restarts", pod) if stable_int(8, "restarted", pod) == 0 else 0
    if restarts:
        half = hours[len(hours) // 2]
        found[_kube("kube_pod_container_status_restarts_total", {**own, "container": app})] = {
            hour: float(restarts if hour >= half else 0) for hour in hours
        }
    if pool == SPOT_POOL and stable_int(5, "evicted", pod) == 0:
        last = hours[-1]
        found[_kube("kube_pod_status_reason", {**own, "reason": "Evicted"})] = {last: 1.0}
        found[_kube("kube_job_status_failed", {"namespace": namespace, "job_name": pod})] = {last: 1.0}
    return found


def _kube(name: str, labels: dict[str, str]) -> Labels:
    scraped = {"instance": "kube-state-metrics:8080", "job": "kube-state-metrics"}
    return (("__name__", name), *sorted((labels | scraped).items()))
