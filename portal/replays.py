"""Replays of policies that people ask for: one at a time, each in a process of its own.

Here: starting one, whether one runs, why the last one failed, ending it with the portal.
Not here: replaying (orchestration.kept_replays), who may ask (rules), pages (policy, actions).
"""

from __future__ import annotations

import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path

from finops.paths import Home
from orchestration.kept_replays import Wanted, finish, start


class BusyError(RuntimeError):
    """Another replay runs."""


@dataclass(frozen=True)
class Failure:
    """A replay that was not made, and why."""

    wanted: Wanted
    why: str


class Replays:
    """The replays of one home that this portal makes; threads may share it."""

    def __init__(self, home: Home, config: Path) -> None:
        self._home, self._config = home, config
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._running: Wanted | None = None
        self._failure: Failure | None = None
        self._thread: threading.Thread | None = None

    @property
    def running(self) -> Wanted | None:
        return self._running

    @property
    def failure(self) -> Failure | None:
        """Of the replay that was asked for last, if it was not made."""
        return self._failure

    def start(self, wanted: Wanted) -> None:
        """Begin to make a replay; nobody waits for it.

        Raises:
            BusyError: one runs.
        """
        with self._lock:
            if self._running is not None:
                raise BusyError(f"a replay that {self._running.who} asked for is being made; it takes some seconds")
            self._process = start(self._home, self._config)
            self._running, self._failure = wanted, None
            self._thread = threading.Thread(target=self._wait, args=(self._process, wanted), daemon=True)
            self._thread.start()

    def wait(self) -> None:
        """Until the replay that runs is made, if one does."""
        thread = self._thread
        if thread is not None:
            thread.join()

    def close(self) -> None:
        """End the replay that runs, if one does."""
        with self._lock:
            if self._running is not None and self._process is not None:
                self._process.kill()
        self.wait()

    def _wait(self, process: subprocess.Popen[str], wanted: Wanted) -> None:
        why = finish(process, wanted)
        with self._lock:
            self._running = None
            self._failure = Failure(wanted, why) if why else None
