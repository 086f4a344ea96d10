"""Check the project without running it: style, types, import rules, generated files, dbt project, Dagster definitions.

    python tools/check.py

Two checks run at a time. A check that passes is one line with its time; one that fails shows its whole output. Nothing
is written into the project but caches, and nothing is fetched from a network.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

PROJECT_DIR = Path(__file__).resolve().parent.parent
BIN_DIR = Path(sys.executable).parent
AT_A_TIME = 2


@dataclass(frozen=True)
class Check:
    """``about`` says what it guards; ``command`` starts with a program of this environment."""

    name: str
    about: str
    command: tuple[str, ...]


@dataclass(frozen=True)
class Outcome:
    check: Check
    status: int
    output: str
    seconds: float


def checks(scratch: Path) -> list[Check]:
    """The slow ones come first, so that the short ones fill the gaps."""
    folder = str(PROJECT_DIR / "dbt_project")
    dbt_folders = ("--project-dir", folder, "--profiles-dir", folder)
    dbt_scratch = ("--target-path", str(scratch / "dbt"), "--log-path", str(scratch / "dbt"))
    return [
        Check("mypy", "types", ("mypy",)),
        Check("dg check defs", "Dagster definitions", ("dg", "check", "defs")),
        Check("dbt parse", "dbt project, no deprecations", ("dbt", "parse", "--quiet", *dbt_folders, *dbt_scratch)),
        Check("lint-imports", "who may import whom", ("lint-imports", "--no-cache")),
        Check("docs", "generated documents", ("python", "tools/generate_docs.py", "--check")),
        Check("schemas", "generated JSON Schemas", ("python", "tools/generate_schemas.py", "--check")),
        Check("ruff check", "style", ("ruff", "check", ".")),
        Check("ruff format", "layout", ("ruff", "format", "--check", ".")),
    ]


def environment(scratch: Path) -> dict[str, str]:
    """The caller's environment with a home of its own, no telemetry and this virtual environment."""
    dagster_home = scratch / "dagster"
    dagster_home.mkdir()
    shutil.copyfile(PROJECT_DIR / "dagster.yaml", dagster_home / "dagster.yaml")
    return {
        **os.environ,
        "AIFINOPS_HOME": str(scratch / "home"),
        "DAGSTER_HOME": str(dagster_home),
        "DAGSTER_DISABLE_TELEMETRY": "1",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DO_NOT_TRACK": "1",
        "NO_COLOR": "1",
        "PYTHONUTF8": "1",
        "VIRTUAL_ENV": str(BIN_DIR.parent),
        "PATH": f"{BIN_DIR}{os.pathsep}{os.environ.get('PATH', '')}",
    }


def run(check: Check, environ: dict[str, str]) -> Outcome:
    started = time.monotonic()
    program, *arguments = check.command
    done = subprocess.run(
        [str(BIN_DIR / program), *arguments],
        cwd=PROJECT_DIR,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    return Outcome(check, done.returncode, done.stdout, time.monotonic() - started)


def main() -> int:
    started = time.monotonic()
    failed: list[Outcome] = []
    with tempfile.TemporaryDirectory(prefix="aifinops-check-") as folder, ThreadPoolExecutor(AT_A_TIME) as pool:
        scratch = Path(folder)
        environ = environment(scratch)
        to_do = checks(scratch)
        for position, finished in enumerate(as_completed([pool.submit(run, check, environ) for check in to_do]), 1):
            outcome = finished.result()
            mark = "✗" if outcome.status else "✓"
            line = f"{mark} {outcome.check.name:<14} {outcome.check.about:<30} {outcome.seconds:5.1f} s"
            print(f"[{position}/{len(to_do)}] {line}", flush=True)
            if outcome.status:
                failed.append(outcome)
    for outcome in failed:
        print(f"\n── {outcome.check.name} ({' '.join(outcome.check.command)}) ──\n{outcome.output.strip()}")
    total = time.monotonic() - started
    if failed:
        names = ", ".join(outcome.check.name for outcome in failed)
        print(f"\n✗ {len(failed)} of {len(to_do)} checks failed in {total:.0f} s: {names}")
        return 1
    print(f"✓ All {len(to_do)} checks passed in {total:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
