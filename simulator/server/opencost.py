"""The OpenCost API over the GPU cluster: ``/allocation/compute`` and ``/assets``.

Here: windows, aggregation by pod, idle cost per node, node assets.
Not here: which pod held which GPU (``simulator.gpu``).

Prices are the machines' list prices by GPU hour, three quarters of it the GPU's, the rest CPU's and memory's.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from simulator import organisation as org
from simulator.gpu import GpuHour
from simulator.randomness import stable_int

CLUSTER = "aks-ai"
_HOUR = 3600
_GPU_HOUR_USD = {"a100": 3.673, "h100": 12.29, "a10": 3.2}
_GPU_SHARE, _CPU_SHARE, _RAM_SHARE = 0.75, 0.15, 0.10
_CORES_PER_GPU = 24
_BYTES_PER_GPU = 220 * 1024**3


class OpencostError(Exception):
    """An answer with ``code`` and ``message``."""

    status = 400

    def document(self) -> dict[str, Any]:
        return {"code": self.status, "data": None, "message": str(self)}


class OpencostStore:
    """Answers from GPU hours. ``first_midnight`` is the moment that hour 0 starts."""

    def __init__(self, rows: Iterable[GpuHour], first_midnight: datetime, as_of: datetime) -> None:
        self._origin = int(first_midnight.timestamp())
        self._as_of = int(as_of.timestamp())
        self._by_hour: dict[int, list[GpuHour]] = {}
        for row in rows:
            self._by_hour.setdefault(row.hour, []).append(row)

    def allocations(self, parameters: dict[str, str]) -> dict[str, Any]:
        """``/allocation/compute``: one set for the window, whatever the step.

        Raises:
            OpencostError: the window cannot be read.
        """
        start, end = _window(parameters)
        pods: dict[tuple[str, str, str], list[GpuHour]] = {}
        idle: dict[str, list[GpuHour]] = {}
        for row in self._rows(start, end):
            if row.pod:
                pods.setdefault((row.node, row.namespace, row.pod), []).append(row)
            else:
                idle.setdefault(row.node, []).append(row)
        found = {}
        for (node, namespace, pod), rows in pods.items():
            kind, controller = _controller(namespace, pod)
            properties: dict[str, Any] = {
                "cluster": CLUSTER, "node": node, "namespace": namespace, "pod": pod, "controllerKind": kind,
                "controller": controller, "labels": _pod_labels(namespace, pod),
                "namespaceLabels": _namespace_labels(namespace),
            }  # fmt: skip
            if not properties["labels"]:
                del properties["labels"]
            name = "/".join((CLUSTER, node, namespace, kind, controller, pod))
            found[name] = self._entry(name, properties, rows, start, end)
        if parameters.get("includeIdle") == "true":
            for node, rows in idle.items():
                name = f"{CLUSTER}/{node}/__idle__"
                found[name] = self._entry(name, {"cluster": CLUSTER, "node": node}, rows, start, end)
        return {"code": 200, "data": [found or None]}

    def assets(self, parameters: dict[str, str]) -> dict[str, Any]:
        """``/assets``: the nodes, and the disk of one of them.

        Raises:
            OpencostError: the window cannot be read.
        """
        start, end = _window(parameters)
        nodes: dict[str, list[GpuHour]] = {}
        for row in self._rows(start, end):
            nodes.setdefault(row.node, []).append(row)
        pools = {pool.key: pool for pool in org.NODE_POOLS}
        found: dict[str, Any] = {}
        for node, rows in sorted(nodes.items()):
            pool = pools[rows[0].pool]
            hours = len({row.hour for row in rows})
            whole = hours * pool.gpus_per_node * _GPU_HOUR_USD[pool.key]
            scale_set = org.resource_id(org.SHARED, org.CLUSTER_GROUP, org.SCALE_SET_TYPE, pool.scale_set)
            found[f"Azure/{CLUSTER}/Node/{node}"] = {
                "type": "Node",
                "properties": {
                    "category": "Compute", "provider": "Azure", "service": "Kubernetes", "cluster": CLUSTER,
                    "name": node,
                    "providerID": f"azure://{scale_set}/virtualMachines/{int(node[-6:])}",
                },
                "labels": {"node_kubernetes_io_instance_type": pool.arm_sku},
                "window": {"start": _iso(start), "end": _iso(end)}, "start": _iso(start), "end": _iso(end),
                "minutes": hours * 60.0, "nodeType": pool.arm_sku, "cpuCores": _CORES_PER_GPU * pool.gpus_per_node,
                "ramBytes": _BYTES_PER_GPU * pool.gpus_per_node, "gpuCount": pool.gpus_per_node,
                "preemptible": 1.0 if pool.key == "h100" else 0.0, "discount": 0.0,
                "cpuCost": round(whole * _CPU_SHARE, 6), "gpuCost": round(whole * _GPU_SHARE, 6),
                "ramCost": round(whole * _RAM_SHARE, 6), "adjustment": 0.0, "totalCost": round(whole, 6),
            }  # fmt: skip
            found[f"Azure/{CLUSTER}/Disk/{node}-os"] = {"type": "Disk", "totalCost": 0.4, "properties": {"name": node}}
        return {"code": 200, "data": found}

    def _rows(self, start: int, end: int) -> Iterable[GpuHour]:
        first, last = (start - self._origin) // _HOUR, (min(end, self._as_of) - self._origin) // _HOUR
        return (row for hour in range(first, last) for row in self._by_hour.get(hour, ()))

    def _entry(
        self, name: str, properties: dict[str, Any], rows: list[GpuHour], start: int, end: int
    ) -> dict[str, Any]:
        hours = [self._origin + row.hour * _HOUR for row in rows]
        whole = sum(_GPU_HOUR_USD[row.pool] for row in rows)
        cpu, gpu, ram = (round(whole * share, 6) for share in (_CPU_SHARE, _GPU_SHARE, _RAM_SHARE))
        return {
            "name": name,
            "properties": properties,
            "window": {"start": _iso(start), "end": _iso(end)},
            "start": _iso(min(hours)),
            "end": _iso(max(hours) + _HOUR),
            "minutes": len(set(hours)) * 60,
            "cpuCores": _CORES_PER_GPU, "cpuCoreHours": _CORES_PER_GPU * len(rows), "cpuCost": cpu,
            "cpuCostAdjustment": 0, "cpuEfficiency": 0.42,
            "gpuCount": len(rows) / len(set(hours)), "gpuHours": len(rows), "gpuCost": gpu, "gpuCostAdjustment": 0,
            "ramBytes": _BYTES_PER_GPU, "ramByteHours": _BYTES_PER_GPU * len(rows), "ramCost": ram,
            "ramCostAdjustment": 0, "ramEfficiency": 0.61,
            "networkCost": 0, "networkCostAdjustment": 0, "loadBalancerCost": 0, "loadBalancerCostAdjustment": 0,
            "pvCost": 0, "pvs": None, "pvCostAdjustment": 0, "sharedCost": 0, "externalCost": 0,
            "totalCost": round(cpu + gpu + ram, 6), "totalEfficiency": 0.55, "rawAllocationOnly": None,
        }  # fmt: skip


def _pod_labels(namespace: str, pod: str) -> dict[str, str]:
    team, app = org.CLUSTER_NAMESPACES[namespace]
    if stable_int(20, "labelled", pod) == 0:
        return {}  # one pod in twenty was started by hand
    return {"app": app, "team": team, "app_kubernetes_io_managed_by": "Helm"}


def _namespace_labels(namespace: str) -> dict[str, str]:
    team, app = org.CLUSTER_NAMESPACES[namespace]
    own = {"app": app, "kubernetes_io_metadata_name": namespace}
    # The search team never labelled its namespaces: their names say whose they are.
    return own if team == "search" else own | {"team": team}


def _controller(namespace: str, pod: str) -> tuple[str, str]:
    app = namespace.partition("--")[2]
    return ("job", pod) if pod.count("-") == app.count("-") + 1 else ("deployment", app)


def _window(parameters: dict[str, str]) -> tuple[int, int]:
    texts = parameters.get("window", "").split(",")
    try:
        start, end = (int(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()) for text in texts)
    except ValueError:
        raise OpencostError(f"Invalid 'window' parameter: illegal window: {parameters.get('window', '')}") from None
    return start, end


def _iso(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
