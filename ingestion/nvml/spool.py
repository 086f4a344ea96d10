"""The collector's files: JSON lines that grow, and are whole once they have their final name.

Here: writing, closing and recovering them.
Not here: what is in them (``sampler``), reading them (``ingestion.sources.nvml_samples``).

``<folder>/.<name>.open`` is being written and its lines are synced to the disk; renaming it to ``<name>.jsonl`` closes
it. Readers take closed files only. A collector that was killed leaves an open file, which the next one closes: all its
lines but perhaps the last are whole.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO

from finops.processes import runs_elsewhere

_OPEN = ".open"


@dataclass(frozen=True)
class _OpenFile:
    path: Path
    stream: TextIO
    opened_at: datetime


class Spool:
    """Files of one node in a folder, one kind of row a line, each row with its ``kind``."""

    def __init__(self, folder: Path, node: str, *, rotate_seconds: float = 300.0) -> None:
        self._folder = folder
        self._prefix = f"nvml-{''.join(c if c.isalnum() or c in '-.' else '_' for c in node)}"
        self._rotate_seconds = rotate_seconds
        self._current: _OpenFile | None = None
        folder.mkdir(parents=True, exist_ok=True)
        self._recover()

    def append(self, now: datetime, rows: Iterable[Mapping[str, Any]]) -> None:
        """Write rows so that they survive a crash of the machine; then close the file where it is old enough."""
        current = self._current = self._current or self._open(now)
        for row in rows:
            current.stream.write(json.dumps(row, separators=(",", ":"), ensure_ascii=False) + "\n")
        current.stream.flush()
        os.fsync(current.stream.fileno())
        if (now - current.opened_at).total_seconds() >= self._rotate_seconds:
            self.close()

    def close(self) -> Path | None:
        """Give the open file its final name; None where there is none."""
        current, self._current = self._current, None
        if current is None:
            return None
        current.stream.close()
        _publish(current.path, _final(current.path))
        return _final(current.path)

    def _open(self, now: datetime) -> _OpenFile:
        # The process id keeps two collectors of one node, one of them a mistake, out of each other's file.
        path = self._folder / f".{self._prefix}-{now:%Y%m%dT%H%M%S%f}-{os.getpid()}{_OPEN}"
        return _OpenFile(path, path.open("x", encoding="utf-8", newline="\n"), now)

    def _recover(self) -> None:
        for path in self._folder.glob(f".{self._prefix}-*{_OPEN}"):
            process = path.name.removesuffix(_OPEN).rpartition("-")[2]
            if not runs_elsewhere(process):
                _publish(path, _final(path))


def _final(path: Path) -> Path:
    return path.with_name(f"{path.name.removesuffix(_OPEN)[1:]}.jsonl")


def _publish(path: Path, final: Path) -> None:
    if path.stat().st_size == 0:
        path.unlink()
        return
    path.replace(final)
    descriptor = os.open(final.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
