"""Showing a run of the pipeline in a terminal: one line per stage, a live line for what happens now.

Here: the lines, where everything else that is printed goes, and how a problem ends the command.
Not here: runs (``orchestration``), and what each command shows of what came out.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from types import TracebackType
from typing import Self

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from finops.config import ConfigError, load_configuration
from finops.config.history import HistoryError
from orchestration.run import Listener, PipelineError, StepDone

_TITLES = {
    "landing": "Landing",
    "lake": "Lake table",
    "configuration": "Configuration checked",
    "cost_model": "Cost model and marts (dbt)",
    "forecasts": "Forecasts (Prophet against its rivals)",
    "ml__incident_feedback": "Feedback on incidents",
    "ml__anomaly": "Anomalies",
    "ml__anomaly_intraday": "What runs away",
    "ml__forecast_hourly": "The next 48 hours",
    "incidents": "Incidents",
    "signal_marts": "Budget status and guardrail facts (dbt)",
    "published_marts": "Marts published",
    "guardrail_decisions": "Guardrails",
    "incident_notifications": "Incident messages",
    "due_messages": "Messages",
    "message_delivery": "Delivery",
    "exports": "Exports with data dictionary",
    "delivered_exports": "Exports to their destinations",
    "dashboards": "Dashboards",
}


@contextmanager
def watched(
    console: Console, log: Path, *, config: Path | None = None, heading: str = "", advice: str = ""
) -> Iterator[Listener]:
    """Show the run inside this block on the console, and keep whatever else is printed in ``log``.

    Args:
        config: a configuration to check before anything is made or written.
        heading: said before the cause of a run that stopped.
        advice: said after it.

    Raises:
        typer.Exit: with 1, after a problem was told on stderr.
    """
    errors = Console(stderr=True)
    try:
        if config is not None:
            load_configuration(config)
        log.parent.mkdir(parents=True, exist_ok=True)
        # dbt and Dagster print every step they take; people get the progress, the file gets the rest.
        with log.open("w", encoding="utf-8") as file, redirect_stdout(file), RunProgress(console) as progress:
            yield progress.listener
    except ConfigError as error:
        for problem in error.problems:
            errors.print(f"[red]✗[/] {escape(str(problem))}", highlight=False, soft_wrap=True)
        raise typer.Exit(1) from None
    except (HistoryError, PipelineError) as error:
        mark = f"✗ {heading}" if heading else "✗"
        errors.print(f"[red bold]{mark}[/] {escape(str(error))}", highlight=False, soft_wrap=True)
        if advice:
            errors.print(escape(advice), highlight=False, soft_wrap=True)
        raise typer.Exit(1) from None


class RunProgress:
    """A context manager whose ``listener`` goes to ``run_everything``."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress = Progress(
            SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=console, transient=True
        )
        self._task = self._progress.add_task("Starting")
        self._title = "Starting"
        self._checks = {"passed": 0, "to look at": 0}
        self.listener = Listener(started=self._start, progress=self._say, finished=self._finish)

    def __enter__(self) -> Self:
        self._progress.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.__exit__(kind, error, trace)
        if any(self._checks.values()):
            mark = "[yellow]![/]" if self._checks["to look at"] else "[green]✓[/]"
            counts = ", ".join(f"{count} {what}" for what, count in self._checks.items() if count)
            self._console.print(f"  {mark} Checks of sources, forecasts and incidents: {counts}", highlight=False)

    def _start(self, step: str) -> None:
        self._title = _title(step)
        self._progress.update(self._task, description=self._title)

    def _say(self, message: str) -> None:
        self._progress.update(self._task, description=f"{self._title} · {message}")

    def _finish(self, step: StepDone) -> None:
        if step.is_check:
            self._checks["to look at" if step.complaint else "passed"] += 1
            if step.complaint:
                self._console.print(f"  [yellow]![/] {escape(step.complaint)}", highlight=False)
            return
        # Lake tables only describe what landing wrote; ten lines about them would bury the rest.
        if not step.name.startswith("lake__"):
            self._console.print(f"  [green]✓[/] {_title(step.name):<58} [dim]{step.seconds:6.1f} s[/]")


def _title(step: str) -> str:
    first, _, rest = step.partition("__")
    if first in ("landing", "lake") and rest:
        return f"{_TITLES[first]}: {rest.replace('_', ' ')}"
    return _TITLES.get(step, step.replace("_", " ").capitalize())
