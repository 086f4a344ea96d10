"""Whose a process is: its container and pod, as the host can tell.

Here: control groups of a process, the kubelet's log folders.
Not here: labels and teams (kube-state-metrics, dbt).
Source: the kubelet's naming of control groups (cgroupfs and systemd drivers, cgroup v1 and v2), and of
``/var/log/pods/<namespace>_<pod>_<uid>``.
"""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from pathlib import Path

_POD_UID = re.compile(r"pod([0-9a-f]{8}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{12})")
_CONTAINER = re.compile(r"([0-9a-f]{64})(?:\.scope)?\s*$")


@dataclass(frozen=True)
class Owner:
    """Whatever is known; namespace and pod only where the host keeps the pods' log folders."""

    container_id: str | None = None
    pod_uid: str | None = None
    namespace: str | None = None
    pod: str | None = None


class PodFinder:
    """Looks up processes of this host; ``proc`` and ``pod_logs`` are its folders, as they are mounted here."""

    def __init__(self, proc: Path = Path("/proc"), pod_logs: Path = Path("/var/log/pods")) -> None:
        self._proc = proc
        self._pod_logs = pod_logs
        self._pods: dict[str, tuple[str, str]] = {}

    def owner(self, pid: int) -> Owner | None:
        """The owner of a process, or None where it has gone or is in no container."""
        try:
            text = (self._proc / str(pid) / "cgroup").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return None
        container = pod_uid = None
        for line in text.splitlines():
            path = line.rpartition(":")[2]
            container = container or (match[1] if (match := _CONTAINER.search(path)) else None)
            pod_uid = pod_uid or (match[1].replace("_", "-") if (match := _POD_UID.search(path)) else None)
        if container is None and pod_uid is None:
            return None
        namespace, pod = self._names(pod_uid) if pod_uid else (None, None)
        return Owner(container, pod_uid, namespace, pod)

    def _names(self, uid: str) -> tuple[str | None, str | None]:
        if uid not in self._pods:
            with contextlib.suppress(OSError):
                for folder in self._pod_logs.iterdir():
                    namespace, _, rest = folder.name.partition("_")
                    pod, _, found = rest.rpartition("_")
                    if namespace and pod:
                        self._pods[found] = (namespace, pod)
        return self._pods.get(uid, (None, None))
