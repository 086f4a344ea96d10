"""``python -m benchmarks.signals COMMAND``: forecast, forecast-short, forecast-speed, forecast-shapes, anomalies,
anomalies-speed, minutes, plots.

Here: the command line.
Not here: what is measured (forecast, anomalies, minutes) and drawn (plots).
"""

from __future__ import annotations

import argparse
import os
from importlib import import_module
from pathlib import Path

PROJECT_DIR = Path(__file__).resolve().parents[2]


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.signals", description="Prints Markdown tables; plots draws the committed ones."
    )
    parser.add_argument(
        "command",
        choices=[
            "forecast",
            "forecast-short",
            "forecast-speed",
            "forecast-shapes",
            "anomalies",
            "anomalies-speed",
            "minutes",
            "plots",
        ],
    )
    named = os.environ.get("AIFINOPS_REAL_DATA")
    parser.add_argument(
        "--data",
        type=Path,
        default=Path(named) if named else PROJECT_DIR.parent / "shared" / "data",
        help="folder of the real series; AIFINOPS_REAL_DATA where absent",
    )
    parser.add_argument("--quick", action="store_true", help="fewer cutoffs or series, for a first look")
    parser.add_argument("--series", type=int, default=5000, help="hourly series of anomalies-speed")
    parser.add_argument("--days", type=int, default=35, help="their length")
    parser.add_argument("--home", type=Path, help="built home of minutes; AIFINOPS_HOME where absent")
    options = parser.parse_args()
    # Each side is imported when it is asked for: one loads Prophet, the other need not.
    side = options.command.partition("-")[0]
    module = import_module(f"benchmarks.signals.{side}")
    (module.run_speed if options.command == "anomalies-speed" else module.run)(options)


if __name__ == "__main__":
    main()
