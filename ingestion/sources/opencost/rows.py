"""What OpenCost says about pods and nodes.

Here: allocations and node assets as rows.
Not here: asking; owners, days and the comparison with the bill (dbt).

A cost and its adjustment (the cloud's discount, once known) are one amount, as in OpenCost's own totals. Amounts come
as JSON numbers whose digits are kept, so sums are exact in the digits that were sent.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from finops import lake as contract
from ingestion.lake import naive_utc
from ingestion.privacy import mask_emails
from ingestion.records import RefusedError, as_moment
from ingestion.rejects import Reject

ALLOCATION_TABLE = contract.OPENCOST_ALLOCATION
NODE_TABLE = contract.OPENCOST_NODE_PRICE
_ADJUSTED = {
    "cpu_cost": "cpuCost",
    "gpu_cost": "gpuCost",
    "ram_cost": "ramCost",
    "pv_cost": "pvCost",
    "network_cost": "networkCost",
    "load_balancer_cost": "loadBalancerCost",
}
_PLAIN = {
    "cpu_core_hours": "cpuCoreHours",
    "gpu_hours": "gpuHours",
    "ram_byte_hours": "ramByteHours",
    "shared_cost": "sharedCost",
    "external_cost": "externalCost",
    "total_cost": "totalCost",
    "cpu_efficiency": "cpuEfficiency",
    "ram_efficiency": "ramEfficiency",
}
_NODE_NUMBERS = {
    "minutes": "minutes",
    "cpu_cores": "cpuCores",
    "gpu_count": "gpuCount",
    "ram_bytes": "ramBytes",
    "cpu_cost": "cpuCost",
    "gpu_cost": "gpuCost",
    "ram_cost": "ramCost",
    "total_cost": "totalCost",
}
_NOBODY = re.compile(r"^__\w+__$")


def allocation_rows(
    named: Mapping[str, Mapping[str, Any]], *, address: str, cluster: str | None, rejects: list[Reject]
) -> list[dict[str, Any]]:
    """Rows of ``opencost__allocation`` without source, window and currency."""
    rows = []
    for name, entry in sorted(named.items()):
        try:
            rows.append(_allocation(name.partition("\x1f")[0], entry, cluster))
        except RefusedError as error:
            rejects.append(_refused(name, entry, address, error))
    return rows


def _allocation(name: str, entry: Mapping[str, Any], cluster: str | None) -> dict[str, Any]:
    properties = entry.get("properties") or {}
    return {
        "name": mask_emails(str(entry.get("name") or name)),
        "cluster": _known(properties.get("cluster")) or cluster,
        "node": _known(properties.get("node")),
        "namespace": _known(properties.get("namespace")),
        "pod": _known(properties.get("pod")),
        "controller_kind": _known(properties.get("controllerKind")),
        "controller": _known(properties.get("controller")),
        "labels": _labels(properties.get("labels")),
        "namespace_labels": _labels(properties.get("namespaceLabels")),
        "started_at": _moment(entry, "start"),
        "ended_at": _moment(entry, "end"),
        **{column: _sum(entry, key, f"{key}Adjustment") for column, key in _ADJUSTED.items()},
        **{column: _sum(entry, key) for column, key in _PLAIN.items()},
    }


def node_rows(
    named: Mapping[str, Mapping[str, Any]], *, address: str, cluster: str | None, rejects: list[Reject]
) -> list[dict[str, Any]]:
    """Rows of ``opencost__node_price`` without source, window and currency; assets of other kinds are left out."""
    rows = []
    for name, entry in sorted(named.items()):
        if str(entry.get("type", "")).lower() != "node":
            continue
        properties = entry.get("properties") or {}
        try:
            rows.append(
                {
                    "cluster": properties.get("cluster") or cluster,
                    "node": properties.get("name") or name,
                    "node_type": entry.get("nodeType") or None,
                    "provider_id": str(properties.get("providerID") or "").lower() or None,
                    "is_spot": _is_spot(entry.get("preemptible")),
                    **{column: _sum(entry, key) for column, key in _NODE_NUMBERS.items()},
                }
            )
        except RefusedError as error:
            rejects.append(_refused(name, entry, address, error))
    return rows


def _known(value: Any) -> str | None:
    """OpenCost writes ``__idle__``, ``__unallocated__`` and ``__unmounted__`` where there is no such thing."""
    text = str(value or "").strip()
    return None if not text or _NOBODY.match(text) else text


def _labels(labels: Any) -> str | None:
    if not isinstance(labels, dict) or not labels:
        return None
    texts = {str(key): mask_emails(str(value)) for key, value in labels.items()}
    return json.dumps(texts, sort_keys=True, ensure_ascii=False)


def _moment(entry: Mapping[str, Any], name: str) -> Any:
    text = entry.get(name)
    moment = as_moment({name: str(text)}, name) if text else None
    return naive_utc(moment) if moment else None


def _sum(entry: Mapping[str, Any], *names: str) -> str | None:
    """The sum of what is there, as text; None where nothing is."""
    values = [_number(entry[name], name) for name in names if entry.get(name) is not None]
    return format(sum(values, Decimal(0)), "f") if values else None


def _number(value: Any, name: str) -> Decimal:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        number = Decimal("nan")
    if not number.is_finite():
        raise RefusedError(name, f"{value!r} is not a number", "Look for the pod or node in OpenCost; ask again later")
    return number


def _is_spot(value: Any) -> bool | None:
    """``preemptible`` is a part of the node's time, as a number."""
    return None if value is None else _number(value, "preemptible") > Decimal("0.5")


def _refused(name: str, entry: Mapping[str, Any], address: str, error: RefusedError) -> Reject:
    kept = {key: value for key, value in entry.items() if not isinstance(value, dict | list)}
    raw = mask_emails(json.dumps(kept, ensure_ascii=False))
    return Reject(f"{address} {name}", 1, error.column, error.reason, error.remedy, raw)
