"""Asking OpenCost or Kubecost: allocations and assets.

Here: requests, and the shapes that their versions wrap answers in.
Not here: which windows (``source``) and what answers mean (``rows``).
Source: the OpenCost API, ``/allocation/compute`` and ``/assets``; Kubecost has the same below ``/model``.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ingestion.errors import LandingError
from ingestion.json_http import ATTEMPTS, JsonClient

_AGGREGATE = "cluster,node,namespace,controllerKind,controller,pod"
Named = dict[str, Mapping[str, Any]]


class OpencostClient:
    """An OpenCost or Kubecost server."""

    def __init__(self, url: str, token: str | None = None, *, attempts: int = ATTEMPTS) -> None:
        self._url = url.rstrip("/")
        self._http = JsonClient(url, token=token, attempts=attempts)

    def __enter__(self) -> OpencostClient:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def allocations(self, start: datetime, end: datetime) -> Named:
        """Name → allocation of pods, idle and unallocated cost, for one window as one set.

        Raises:
            LandingError: the server cannot be reached or refuses.
        """
        parameters = {
            "window": _window(start, end),
            "aggregate": _AGGREGATE,
            "step": f"{int((end - start).total_seconds() // 3600)}h",
            "accumulate": "false",
            "includeIdle": "true",
            "idleByNode": "true",
        }
        return self._ask("/allocation/compute", parameters)

    def assets(self, start: datetime, end: datetime) -> Named:
        """Name → asset of a window.

        Raises:
            LandingError: the server cannot be reached or refuses.
        """
        return self._ask("/assets", {"window": _window(start, end)})

    def _ask(self, path: str, parameters: Mapping[str, str]) -> Named:
        document = self._http.get(path, parameters)
        code = int(document.get("code") or 200)
        if code != 200:
            message = document.get("message") or document.get("data")
            raise LandingError(f"{self._url}{path} refused ({code}): {message}. Check lookback_days")
        return merged(document.get("data"))


def merged(data: Any) -> Named:
    """One map of a list of sets: a list of maps, null where nothing was; one map; or Kubecost's ``sets``."""
    if isinstance(data, dict) and isinstance(data.get("sets"), list):
        data = [entry.get("allocations") or entry.get("assets") for entry in data["sets"]]
    found: Named = {}
    for entry in data if isinstance(data, list) else [data]:
        if isinstance(entry, dict):
            # More than one set only where a window crosses the server's own day: each has its own part of it.
            found.update({f"{key}\x1f{len(found)}" if key in found else key: value for key, value in entry.items()})
    return found


def _window(start: datetime, end: datetime) -> str:
    return ",".join(moment.strftime("%Y-%m-%dT%H:%M:%SZ") for moment in (start, end))
