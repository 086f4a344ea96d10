"""Lines that are on disk when their sender is told so.

Here: files of lines that grow, are closed after a while and only then have a name that sources look for; many senders
share one flush to the disk.
Not here: what the lines mean (``ingestion.collect.otlp``).

At any moment the process may be killed: a line that was acknowledged is in a file, whole. What is left of an open file
is closed at the next start, without a last line that was cut off, which nobody was told is safe.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from ingestion.errors import LandingError

CLOSED_SUFFIX = ".jsonl"
OPEN_SUFFIX = ".jsonl.open"
"""Not a suffix that the source of spans looks for."""
_LOCK = ".collector.lock"
_MOST_LINES_AT_ONCE = 1000


class FullError(Exception):
    """More is waiting than may wait: the sender should come again."""


@dataclass(frozen=True)
class SpoolLimits:
    """``file_seconds`` and ``file_bytes`` close a file; ``waiting_bytes`` may wait to be written."""

    file_seconds: float = 60.0
    file_bytes: int = 64 * 1024 * 1024
    waiting_bytes: int = 64 * 1024 * 1024


@dataclass(frozen=True)
class _Waiting:
    line: bytes
    done: Future[None]


class Spool:
    """A folder that one process writes lines into, as a context manager.

    Raises:
        LandingError: another process writes into the folder, or the folder cannot be written.
    """

    def __init__(
        self, folder: Path, limits: SpoolLimits | None = None, *, on_close: Callable[[Path], None] | None = None
    ) -> None:
        self._folder = folder
        self._limits = limits or SpoolLimits()
        self._on_close = on_close
        self._waiting: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._waiting_bytes = 0
        self._counter = threading.Lock()
        self._thread: threading.Thread | None = None
        self._lock: TextIO | None = None
        self._descriptor: int | None = None
        self._path: Path | None = None
        self._good_bytes = 0
        self._opened_at = 0.0
        self.written_lines = 0
        self.closed_files = 0
        self.last_error: str | None = None

    def __enter__(self) -> Spool:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._lock = (self._folder / _LOCK).open("w")
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if self._lock is not None:
                self._lock.close()
            raise LandingError(
                f"another collector writes into {self._folder}. Give each one a folder of its own"
            ) from None
        except OSError as error:
            raise LandingError(f"{self._folder} cannot be written: {error.strerror}. Choose another folder") from None
        self._close_leftovers()
        self._thread = threading.Thread(target=self._write_all, name="spool", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._waiting.put(None)
        if self._thread is not None:
            self._thread.join()
        if self._lock is not None:
            self._lock.close()

    def append(self, line: bytes) -> Future[None]:
        """Hand over a line, without its line end. The future is done once the line is on disk; an ``OSError`` in it
        means that it is not.

        Raises:
            FullError: too much is waiting.
        """
        with self._counter:
            if self._waiting_bytes + len(line) > self._limits.waiting_bytes:
                raise FullError
            self._waiting_bytes += len(line)
        waiting = _Waiting(line, Future())
        self._waiting.put(waiting)
        return waiting.done

    # ── the writing thread ────────────────────────────────────────────────────────────────────────────────────────────

    def _write_all(self) -> None:
        while True:
            batch, is_last = self._next_batch()
            if batch:
                self._write(batch)
            if self._descriptor is not None and (is_last or self._is_due()):
                with contextlib.suppress(OSError):
                    self._close()
            if is_last:
                return

    def _next_batch(self) -> tuple[list[_Waiting], bool]:
        """Everything that waits, at least one thing unless the open file is due before anything comes."""
        timeout = None
        if self._descriptor is not None:
            timeout = max(self._opened_at + self._limits.file_seconds - time.monotonic(), 0.0)
        batch: list[_Waiting] = []
        try:
            item = self._waiting.get(timeout=timeout)
            while item is not None:
                batch.append(item)
                if len(batch) == _MOST_LINES_AT_ONCE:
                    return batch, False
                item = self._waiting.get_nowait()
        except queue.Empty:
            return batch, False
        return batch, True

    def _write(self, batch: list[_Waiting]) -> None:
        content = b"".join(waiting.line + b"\n" for waiting in batch)
        try:
            descriptor = self._opened()
            _write_fully(descriptor, content)
            os.fsync(descriptor)
        except OSError as error:
            self.last_error = error.strerror or str(error)
            self._take_back()
            outcome: OSError | None = error
        else:
            self._good_bytes += len(content)
            self.written_lines += len(batch)
            self.last_error = None
            outcome = None
        with self._counter:
            self._waiting_bytes -= sum(len(waiting.line) for waiting in batch)
        for waiting in batch:
            if not waiting.done.set_running_or_notify_cancel():
                continue
            if outcome is None:
                waiting.done.set_result(None)
            else:
                waiting.done.set_exception(outcome)

    def _opened(self) -> int:
        if self._descriptor is None:
            moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
            path = self._folder / f"spans-{moment}{OPEN_SUFFIX}"
            self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o640)
            self._path, self._good_bytes, self._opened_at = path, 0, time.monotonic()
            _sync_folder(self._folder)
        return self._descriptor

    def _take_back(self) -> None:
        """Leave no half of what was not acknowledged; where even that fails, never touch the file again."""
        if self._descriptor is None:
            return
        try:
            os.ftruncate(self._descriptor, self._good_bytes)
        except OSError:
            with contextlib.suppress(OSError):
                os.close(self._descriptor)
            self._descriptor = self._path = None

    def _is_due(self) -> bool:
        old = time.monotonic() - self._opened_at >= self._limits.file_seconds
        return old or self._good_bytes >= self._limits.file_bytes

    def _close(self) -> None:
        descriptor, path = self._descriptor, self._path
        self._descriptor = self._path = None
        if descriptor is not None and path is not None:
            os.close(descriptor)
            self._publish(path)

    def _publish(self, path: Path) -> None:
        """Give a file the name that sources look for; an empty one goes."""
        if path.stat().st_size == 0:
            path.unlink()
            return
        closed = path.rename(path.with_name(path.name.removesuffix(OPEN_SUFFIX) + CLOSED_SUFFIX))
        _sync_folder(self._folder)
        self.closed_files += 1
        if self._on_close is not None:
            self._on_close(closed)

    def _close_leftovers(self) -> None:
        for path in sorted(self._folder.glob(f"*{OPEN_SUFFIX}")):
            with path.open("r+b") as file:
                file.truncate(_whole_lines(path))
                os.fsync(file.fileno())
            self._publish(path)


def _write_fully(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]


def _whole_lines(path: Path) -> int:
    """Bytes up to and with the last line end."""
    end = path.stat().st_size
    with path.open("rb") as file:
        while end:
            start = max(end - 65536, 0)
            file.seek(start)
            at = file.read(end - start).rfind(b"\n")
            if at >= 0:
                return start + at + 1
            end = start
    return 0


def _sync_folder(folder: Path) -> None:
    """A file's name is on disk only when its folder is."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
