"""The command line of the evaluation: its arguments, progress on standard error, exit status 2 for a bad file."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from models.evaluate.long_csv import LongCsvError


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m models.evaluate", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    forecast = commands.add_parser("forecast", help="series,ds,y in; series,ds,mean,lo80,hi80,lo95,hi95 out")
    forecast.add_argument("--input", type=Path, required=True, help="long CSV with the columns series,ds,y")
    forecast.add_argument("--horizon", type=int, required=True, help="steps ahead, in the step of each series")
    forecast.add_argument("--out", type=Path, required=True)
    anomalies = commands.add_parser("anomalies", help="series,ds,value in; series,ds,score,is_anomaly out")
    anomalies.add_argument("--input", type=Path, required=True, help="long CSV with the columns series,ds,value")
    anomalies.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    try:
        # Each side is imported when it is asked for: one loads Prophet, the other must start fast.
        if options.command == "forecast":
            if options.horizon < 1:
                parser.error(f"--horizon is a number of steps from 1 on, not {options.horizon}")
            import_module("models.evaluate.forecast").evaluate_forecast(options.input, options.horizon, options.out)
        else:
            import_module("models.evaluate.anomalies").evaluate_anomalies(options.input, options.out)
    except LongCsvError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
