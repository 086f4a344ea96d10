"""dbt that has read the project once: every run is a fork of a process that did.

Starting dbt and taking over what an earlier run has read costs five seconds of processor time a run, most of what the
runs on small lakes take. A fork has neither to do, and leaves nothing behind for the next one.

Here: that process, and having it run a command.
Not here: homes and what a run made of them (lake_builder).
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import subprocess
import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, NoReturn


class DbtProcess:
    """A process that has read the project, with ``environ``; what dbt warns of while it reads is an error.

    Attributes:
        target: folder with the ``manifest.json`` of what was read.

    Raises:
        RuntimeError: dbt cannot read the project; with its own words.
    """

    def __init__(self, project: Path, environ: Mapping[str, str], folder: Path) -> None:
        self.target = folder / "target"
        self._log = folder / "read.log"
        folder.mkdir(parents=True, exist_ok=True)
        read = ["--warn-error-options", '{"error": "all"}', "parse", *_places(project, self.target, folder / "logs")]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.support.dbt_process", json.dumps(read)],
                env=dict(environ),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        atexit.register(self.close)
        if self._answer() != "ready":
            raise RuntimeError(f"dbt cannot read {project}:\n{self._log.read_text(encoding='utf-8')}")

    def run(
        self, arguments: Sequence[str], project: Path, environ: Mapping[str, str], *, target: Path, logs: Path
    ) -> tuple[int, str]:
        """The exit status of a dbt command, and all that it printed."""
        output = logs / "output.txt"
        logs.mkdir(parents=True, exist_ok=True)
        command = [*arguments, *_places(project, target, logs)]
        request = {"arguments": command, "environ": dict(environ), "output": str(output)}
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        status = int(self._answer() or "-1")
        return status, output.read_text(encoding="utf-8")

    def close(self) -> None:
        if self._process.stdin is not None and not self._process.stdin.closed:
            self._process.stdin.close()
            self._process.wait()

    def _answer(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


def _places(project: Path, target: Path, logs: Path) -> list[str]:
    folders = {"project-dir": project, "profiles-dir": project, "target-path": target, "log-path": logs}
    return [text for name, folder in folders.items() for text in (f"--{name}", str(folder))]


def _serve(read: Sequence[str]) -> None:
    """Read the project, say so, then answer each request of a line with the exit status of its run."""
    from dbt.cli.main import dbtRunner

    # Looking for garbage takes a fifth of reading, and finds little. A fork ends before it matters.
    gc.disable()
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what dbt prints while it reads belongs to the log
    done = dbtRunner().invoke(list(read))
    if not done.success:
        raise SystemExit(f"{done.exception or 'dbt parse failed'}")
    _tell(answers, "ready")
    for line in sys.stdin:
        request = json.loads(line)
        child = os.fork()
        if child == 0:
            _run(done.result, request)
        _, status = os.waitpid(child, 0)
        _tell(answers, str(os.waitstatus_to_exitcode(status)))


def _run(manifest: object, request: Mapping[str, Any]) -> NoReturn:
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.cli.main import dbtRunner
    from dbt.contracts.graph.manifest import Manifest

    status = 2
    with Path(request["output"]).open("wb") as output:
        for stream in (1, 2):
            os.dup2(output.fileno(), stream)
    try:
        assert isinstance(manifest, Manifest)
        os.environ.clear()
        os.environ.update(request["environ"])
        done = dbtRunner(manifest=manifest).invoke(request["arguments"])
        if done.exception is not None:
            print(done.exception, file=sys.stderr)  # noqa: T201 - the run's own output
        status = 0 if done.success else 1 if done.exception is None else 2
        DuckDBConnectionManager.close_all_connections()  # else the warehouse is left to its write-ahead log
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        # Not the interpreter's own way out: what the parent registered to be closed at its end is the parent's.
        os._exit(status)


def _tell(answers: IO[str], text: str) -> None:
    answers.write(text + "\n")
    answers.flush()


if __name__ == "__main__":
    _serve(json.loads(sys.argv[1]))
