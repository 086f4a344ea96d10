"""Showing a run of the pipeline in a terminal: one line per stage, a live line for what happens now."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from orchestration.run import Listener, StepDone

_TITLES = {
    "landing": "Landing",
    "lake": "Lake table",
    "configuration": "Configuration checked",
    "cost_model": "Cost model and marts (dbt)",
    "forecasts": "Forecasts (Prophet against its rivals)",
    "ml__anomaly": "Anomalies",
    "signal_marts": "Budget status and guardrail facts (dbt)",
    "published_marts": "Marts published",
    "guardrail_decisions": "Guardrails",
    "anomaly_notifications": "Anomaly messages",
    "message_delivery": "Delivery",
    "exports": "Exports with data dictionary",
    "report_page": "Report",
}


class RunProgress:
    """A context manager whose ``listener`` goes to ``run_everything``."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress = Progress(
            SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=console, transient=True
        )
        self._task = self._progress.add_task("Starting")
        self._title = "Starting"
        self.listener = Listener(started=self._start, progress=self._say, finished=self._finish)

    def __enter__(self) -> Self:
        self._progress.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.__exit__(kind, error, trace)

    def _start(self, step: str) -> None:
        self._title = _title(step)
        self._progress.update(self._task, description=self._title)

    def _say(self, message: str) -> None:
        self._progress.update(self._task, description=f"{self._title} · {message}")

    def _finish(self, step: StepDone) -> None:
        # Lake tables only describe what landing wrote; ten lines about them would bury the rest.
        if not step.name.startswith("lake__"):
            self._console.print(f"  [green]✓[/] {_title(step.name):<58} [dim]{step.seconds:6.1f} s[/]")


def _title(step: str) -> str:
    first, _, rest = step.partition("__")
    if first in ("landing", "lake") and rest:
        return f"{_TITLES[first]}: {rest.replace('_', ' ')}"
    return _TITLES.get(step, step.replace("_", " ").capitalize())
