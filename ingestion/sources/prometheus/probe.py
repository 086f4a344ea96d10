"""How Prometheus is: answering, with GPU metrics, and not open to being changed.

Here: one query, the server's flags.
Not here: whether the lake has all of it (``ingestion.health``).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx

from finops.config.usage_sources import PrometheusSource
from ingestion.probe import Finding, ProbeContext

_TIMEOUT_SECONDS = 10
_GPUS = "DCGM_FI_DEV_GPU_UTIL"
_FLAGS = {
    "web.enable-admin-api": "delete series",
    "web.enable-lifecycle": "shut it down",
    "web.enable-remote-write-receiver": "write series",
}


def probe(source: PrometheusSource, context: ProbeContext) -> Iterator[Finding]:
    """Reachable: GPUs that report now. Permitted: Prometheus has no roles, so what its flags let anybody do."""
    address = f"{source.url.rstrip('/')}/api/v1"
    with httpx.Client(timeout=_TIMEOUT_SECONDS, follow_redirects=True) as http:
        try:
            response = http.get(f"{address}/query", params={"query": _GPUS, "time": context.as_of.timestamp()})
        except httpx.HTTPError as error:
            yield Finding(
                "reachable",
                "failed",
                f"{source.url} cannot be asked: {error or type(error).__name__}",
                "Check the source's url and that the server runs",
            )
            return
        if response.status_code in (401, 403):
            yield Finding(
                "permitted", "failed", f"{source.url} answers {response.status_code}", "Let this machine query it"
            )
            return
        document = _json(response)
        if response.is_error or document.get("status") != "success":
            said = document.get("error") or f"HTTP {response.status_code}"
            yield Finding(
                "reachable", "failed", f"{address} refused a query: {said}", "Correct the source's url in sources.yml"
            )
            return
        yield _gpus(document)
        yield _flags(http, address)


def _gpus(document: dict[str, Any]) -> Finding:
    gpus = {series["metric"].get("UUID") for series in document["data"]["result"]}
    if gpus:
        return Finding("reachable", "ok", f"answers; {len(gpus)} GPU{'s' if len(gpus) > 1 else ''} report")
    return Finding(
        "reachable",
        "warning",
        f"answers, but no GPU reports {_GPUS}",
        "Check that DCGM exporter runs and that this Prometheus scrapes it",
    )


def _flags(http: httpx.Client, address: str) -> Finding:
    try:
        response = http.get(f"{address}/status/flags")
    except httpx.HTTPError:
        response = None
    flags = _json(response).get("data") if response is not None and response.is_success else None
    if not isinstance(flags, dict):
        return Finding("permitted", "ok", "answers queries; it does not show its flags")
    open_to = [f"{what} ({flag})" for flag, what in _FLAGS.items() if flags.get(flag) == "true"]
    if open_to:
        return Finding(
            "permitted",
            "warning",
            f"more than read-only: whoever reaches it may {' and '.join(open_to)}",
            "Start it without these flags, or put a proxy that allows /api/v1/query* before it",
        )
    return Finding("permitted", "ok", "reads and no more (no admin API)")


def _json(response: httpx.Response) -> dict[str, Any]:
    try:
        document = response.json()
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
