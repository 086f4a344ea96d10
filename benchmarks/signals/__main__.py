"""``python -m benchmarks.signals anomalies|anomalies-speed``: prints the tables of benchmarks/README.md."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

PROJECT_DIR = Path(__file__).resolve().parent.parent.parent


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.signals", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    named = os.environ.get("AIFINOPS_REAL_DATA")
    folder = Path(named) if named else PROJECT_DIR.parent / "shared" / "data"
    anomalies = commands.add_parser("anomalies", help="NAB and planted anomalies")
    anomalies.add_argument("--data", type=Path, default=folder, help="folder of the public data sets")
    speed = commands.add_parser("anomalies-speed", help="one pass over many hourly series")
    speed.add_argument("--series", type=int, default=5000)
    speed.add_argument("--days", type=int, default=35)
    options = parser.parse_args()
    # Each side is imported when it is asked for.
    if options.command == "anomalies":
        from benchmarks.signals.anomalies import run

        run(options)
    else:
        from benchmarks.signals.anomalies import run_speed

        run_speed(options)


if __name__ == "__main__":
    main()
