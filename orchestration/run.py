"""Running the pipeline in this process, for the command line and for tests.

Here: one run of the same job that Dagster's schedules launch, with its progress shown as it happens.
Not here: what the job does.
"""

from __future__ import annotations

import fcntl
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import dagster as dg
from dagster._core.storage.tags import ASSET_PARTITION_RANGE_END_TAG, ASSET_PARTITION_RANGE_START_TAG
from dagster._core.utils import make_new_run_id

from finops.paths import CONFIG_VARIABLE, HOME_VARIABLE, PROJECT_DIR, Home
from orchestration.build import EVERYTHING, build_defs
from orchestration.environment import environment
from orchestration.partitions import months_up_to
from orchestration.workspace import AS_OF_VARIABLE, progress_shown_by

MONTHS_LANDED = 14
"""The open month and the 13 before it: what Azure's exports can still deliver."""


_OWN_RUN_TAG = "aifinops/command_line"


class PipelineError(RuntimeError):
    """A step of the pipeline failed; the message is the first cause."""


@dataclass(frozen=True)
class StepDone:
    name: str
    seconds: float
    is_check: bool = False
    """It made nothing and only looked."""
    complaint: str | None = None
    """What a check that did not pass says; the run goes on unless it blocks."""


@dataclass(frozen=True)
class Listener:
    """Who watches a run: a line now and then while a step works, and a call when it is over."""

    started: Callable[[str], None]
    progress: Callable[[str], None]
    finished: Callable[[StepDone], None]


def run_everything(home: Home, config: Path, as_of: datetime, environ: Mapping[str, str], listener: Listener) -> float:
    """Run every asset once and return the seconds it took.

    Raises:
        PipelineError: a step failed. What it had not finished is done by the next run.
    """
    variables = {
        **environ,
        HOME_VARIABLE: str(home.path),
        CONFIG_VARIABLE: str(config),
        AS_OF_VARIABLE: as_of.isoformat(),
    }
    first_month, last_month = months_up_to(as_of.date(), MONTHS_LANDED)
    months = {ASSET_PARTITION_RANGE_START_TAG: first_month, ASSET_PARTITION_RANGE_END_TAG: last_month}
    return run_job(EVERYTHING, home, variables, listener, tags=months)


def run_job(
    name: str,
    home: Home,
    variables: Mapping[str, str],
    listener: Listener,
    *,
    tags: Mapping[str, str] | None = None,
    prepare: Callable[[], object] = lambda: None,
) -> float:
    """Run one job on a home, alone in it, and return the seconds it took.

    Args:
        variables: the environment that the assets find their workspace in.
        prepare: called first, when no other run works on the home.

    Raises:
        PipelineError: a step failed, or another run is working on the home.
    """
    started_at = time.monotonic()
    with (
        environment(variables),
        _alone_in(home),
        instance_of(home) as instance,
        progress_shown_by(listener.progress),
    ):
        _bury_killed_runs(instance)
        prepare()
        job = build_defs().resolve_job_def(name)
        run_id = make_new_run_id()
        instance.add_event_listener(run_id, _Steps(listener))
        result = job.execute_in_process(
            instance=instance,
            run_id=run_id,
            raise_on_error=False,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            tags={**(tags or {}), _OWN_RUN_TAG: "true"},
        )
    if not result.success:
        raise PipelineError(_first_cause(result))
    return time.monotonic() - started_at


@contextmanager
def instance_of(home: Home) -> Iterator[dg.DagsterInstance]:
    """The Dagster instance that keeps its runs in the home, so that the UI shows what the command line ran."""
    home.dagster.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(PROJECT_DIR / "dagster.yaml", home.dagster / "dagster.yaml")
    with dg.DagsterInstance.from_config(str(home.dagster)) as instance:
        yield instance


@contextmanager
def _alone_in(home: Home) -> Iterator[None]:
    """Hold the home's lock; the operating system lets go of it when this process ends, however it ends."""
    home.path.mkdir(parents=True, exist_ok=True)
    with (home.path / "run.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise PipelineError(f"another run is working on {home.path}; wait until it is over") from None
        yield


def _bury_killed_runs(instance: dg.DagsterInstance) -> None:
    """Mark runs of this command that were killed as failed, and give back the pools they held.

    Without that the next run would wait for the pools for ever: no daemon watches runs of the command line. Whoever
    holds the home's lock knows that none of them is alive.
    """
    unfinished = dg.RunsFilter(
        tags={_OWN_RUN_TAG: "true"},
        statuses=[dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED],
    )
    for run in instance.get_runs(unfinished):
        instance.report_run_failed(run, "The process that ran it was killed.")
        instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)


class _Steps:
    """Turns Dagster's events into calls of a listener."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._started: dict[str, float] = {}
        self._made: set[str] = set()
        self._complaints: dict[str, list[str]] = {}

    def __call__(self, entry: dg.EventLogEntry) -> None:
        event = entry.dagster_event
        if event is None or event.step_key is None:
            return
        if event.event_type_value == "STEP_START":
            self._started[event.step_key] = time.monotonic()
            self._listener.started(event.step_key)
        elif event.event_type_value == "ASSET_MATERIALIZATION":
            self._made.add(event.step_key)
        elif event.event_type_value == "ASSET_CHECK_EVALUATION":
            found = event.asset_check_evaluation_data
            told = self._complaints.setdefault(event.step_key, [])
            if not found.passed:
                check = found.check_name.replace("_", " ")
                told.append(f"{found.asset_key.path[-1]}, {check}: {found.description or 'did not pass'}")
        elif event.event_type_value in ("STEP_SUCCESS", "STEP_FAILURE"):
            seconds = time.monotonic() - self._started.get(event.step_key, time.monotonic())
            is_check = event.step_key in self._complaints and event.step_key not in self._made
            told = self._complaints.get(event.step_key, []) if is_check else []
            self._listener.finished(StepDone(event.step_key, seconds, is_check, "; ".join(told) or None))


def _first_cause(result: dg.ExecuteInProcessResult) -> str:
    for event in result.all_events:
        if event.is_step_failure:
            error = event.step_failure_data.error
            while error and error.cause:
                error = error.cause
            stated = event.step_failure_data.user_failure_data
            message = (stated.description if stated else None) or (
                error.message if error else "failed without a message"
            )
            return f"{event.step_key}: {message}"
    return "the run failed before its first step"
