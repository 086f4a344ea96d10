"""How long a job waits at the budget gate: over HTTP at a steady rate, and as the command that a pipeline's step runs.

    python -m benchmarks.gate [--rate 500] [--seconds 20]

Here: a real server in its own process, a ledger that syncs every transaction, 50 budgets, a load that does not
slow down when answers do (each latency counts from the moment when its ask was due).
Not here: whether the answers are right (tests).

Floor: the same load on ``/healthz``, which writes nothing; for the command, a Python that does nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from finops.paths import PROJECT_DIR, Home
from tests.support.applications import running_command
from tests.support.gates import publish_budgets

AS_OF = "2026-10-20T06:00Z"
BUDGETS = 50
CONNECTIONS = 64
COMMANDS = 20
WARM_UP_SECONDS = 2.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=int, default=500, help="asks a second")
    parser.add_argument("--seconds", type=float, default=20.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home, config = Home(Path(folder) / "home"), Path(folder) / "config"
        teams = [(f"budget-{n}", "team", f"team-{n}", "10000", "500") for n in range(BUDGETS)]
        publish_budgets(home, "1", [*teams, ("company", "company", "all", "1000000", "25000")])
        _configure(config)
        places = ("--home", str(home.path), "--config", str(config), "--as-of", AS_OF)
        with running_command("gate", "serve", *places) as port:
            asyncio.run(_load(port, options.rate, WARM_UP_SECONDS, _ask))
            asks = asyncio.run(_load(port, options.rate, options.seconds, _ask))
            floor = asyncio.run(_load(port, options.rate, options.seconds, _health))
            command = _command(port)
    print(f"\n| at {options.rate} a second for {options.seconds:g} s | p50 ms | p95 ms | p99 ms | worst ms |")
    print("|---|---|---|---|---|")
    for name, found in (("ask and hold", asks), ("floor: /healthz", floor)):
        cuts = statistics.quantiles(found, n=100)
        print(f"| {name} | {cuts[49]:.1f} | {cuts[94]:.1f} | {cuts[98]:.1f} | {max(found):.1f} |")
    print("\n| command | median ms | slowest of 20 ms |\n|---|---|---|")
    for name, found in command.items():
        print(f"| {name} | {statistics.median(found):.0f} | {max(found):.0f} |")


async def _load(port: int, rate: int, seconds: float, request: object) -> list[float]:
    """Milliseconds from when each request was due to its answer."""
    due: asyncio.Queue[tuple[int, float]] = asyncio.Queue()
    found: list[float] = []
    count = int(rate * seconds)

    async def connection() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while True:
            number, at = await due.get()
            if number < 0:
                writer.close()
                return
            writer.write(request(number))  # type: ignore[operator]
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            await reader.readexactly(length)
            if not head.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(head.decode())
            found.append((time.perf_counter() - at) * 1000)

    workers = [asyncio.create_task(connection()) for _ in range(CONNECTIONS)]
    start = time.perf_counter() + 0.1
    for number in range(count):
        at = start + number / rate
        if (left := at - time.perf_counter()) > 0:
            await asyncio.sleep(left)
        due.put_nowait((number, at))
    for _ in workers:
        due.put_nowait((-1, 0.0))
    await asyncio.gather(*workers)
    return found


def _ask(number: int) -> bytes:
    document = {
        "estimate": "0.01",
        "currency": "USD",
        "who": "benchmark",
        "scopes": {"team": f"team-{number % BUDGETS}"},
        "job": f"job-{time.time_ns()}-{number}",
    }
    body = json.dumps(document).encode()
    return b"POST /v1/gate/asks HTTP/1.1\r\nHost: gate\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


def _health(_number: int) -> bytes:
    return b"GET /healthz HTTP/1.1\r\nHost: gate\r\n\r\n"


def _command(port: int) -> dict[str, list[float]]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("AIFINOPS_")}
    environ |= {"AIFINOPS_GATE_URL": f"http://127.0.0.1:{port}", "PYTHONPATH": str(PROJECT_DIR)}
    ask = [sys.executable, "-m", "cli.entry", "gate", "--team", "team-1", "--estimate", "1USD"]
    found: dict[str, list[float]] = {"aifinops gate": [], "floor: python -c pass": []}
    for command, times in zip((ask, [sys.executable, "-c", "pass"]), found.values(), strict=True):
        for _ in range(COMMANDS):
            started = time.perf_counter()
            subprocess.run(command, env=environ, check=True, capture_output=True)
            times.append((time.perf_counter() - started) * 1000)
    return found


def _configure(config: Path) -> None:
    shutil.copytree(PROJECT_DIR / "config", config)
    tags = (config / "tags.yml").read_text(encoding="utf-8")
    teams = "".join(f"  - {{team: team-{number}}}\n" for number in range(BUDGETS))
    (config / "tags.yml").write_text(tags.replace("\nteams:\n", f"\nteams:\n{teams}", 1), encoding="utf-8")


if __name__ == "__main__":
    main()
