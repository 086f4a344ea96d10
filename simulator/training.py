"""Training runs of the organisation, as an MLflow server knows them: the cluster's jobs, and retraining in Azure ML.

Here: which runs there were, from the same GPU hours that the metrics and the bill come from.
Not here: MLflow's protocol (``simulator.server.mlflow``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from finops.periods import days
from simulator import organisation as org
from simulator.gpu import GpuHour
from simulator.randomness import stable_uuid, stream

_STAGES = {
    "vision-train": "training",
    "demand-forecast": "training",
    "experiment-hub": "evaluation",
    "catalog-enricher": "fine_tuning",
    "sim-lab": "training",
}
_RETRAINED = frozenset(("vision-train", "demand-forecast"))
_MACHINE_LEARNING_GPU = "NVIDIA A100 80GB PCIe"
_SECONDS_OF_AN_HOUR = 3600


@dataclass(frozen=True)
class Run:
    """One run; ``ended_at`` is None while it runs. Tags are what people set, parameters what the code logs."""

    run_id: str
    name: str
    experiment: str
    status: str
    started_at: datetime
    ended_at: datetime | None
    user: str
    tags: dict[str, str] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    lifecycle_stage: str = "active"


def training_runs(parameters: org.Parameters, hours: Iterable[GpuHour]) -> list[Run]:
    """Every run that started before the organisation's moment, by start."""
    runs = [*_cluster_runs(parameters, hours), *_machine_learning_runs(parameters)]
    return sorted(runs, key=lambda run: (run.started_at, run.run_id))


def _cluster_runs(parameters: org.Parameters, hours: Iterable[GpuHour]) -> list[Run]:
    """A job's pod is a run; pods of services are none."""
    models = {pool.key: pool.gpu_model for pool in org.NODE_POOLS}
    jobs: dict[tuple[str, str], list[GpuHour]] = {}
    for row in hours:
        app = row.namespace.partition("--")[2]
        if app in _STAGES and row.pod.count("-") == app.count("-") + 1:
            jobs.setdefault((row.namespace, row.pod), []).append(row)
    origin = datetime.combine(parameters.first_day, datetime.min.time(), UTC)
    runs = []
    for (namespace, pod), rows in jobs.items():
        team, _, app = namespace.partition("--")
        first, last = rows[0].hour, rows[-1].hour
        started = origin + timedelta(hours=first, seconds=_jitter(parameters, pod, "start"))
        ended = origin + timedelta(hours=last + 1, seconds=-_jitter(parameters, pod, "end"))
        rng = stream(parameters.seed, "training-run", pod)
        is_running = origin + timedelta(hours=last + 1) >= parameters.as_of
        fails, again, deleted, forgets = rng.random(4)
        trigger = "retrain" if app in _RETRAINED and rng.random() < 0.7 else "manual"
        tags = {"team": team, "app": app, "stage": _STAGES[app], "trigger": trigger, "project": f"{app}-2026"}
        if app == "experiment-hub" and forgets < 0.3:
            tags = {"stage": "evaluation"}  # a notebook that nobody tagged
        params = {
            "gpu_count": str(len({row.gpu for row in rows})),
            "gpu_model": models[rows[0].pool],
            "node": rows[0].node,
        }
        if again < 0.15:
            tags["retries"] = str(1 + int(again * 20))
        runs.append(
            Run(
                stable_uuid("run", pod).replace("-", ""), pod, app,
                "RUNNING" if is_running else "FAILED" if fails < 0.06 else "FINISHED",
                started, None if is_running else max(ended, started + timedelta(minutes=5)),
                f"{team}@example.com", tags, params, {"loss": round(float(rng.random()), 4)},
                "deleted" if deleted < 0.02 else "active",
            )
        )  # fmt: skip
    return runs


def _machine_learning_runs(parameters: org.Parameters) -> list[Run]:
    """Vision training in Azure Machine Learning: once a night, and again and again on the days of the retraining."""
    runs = []
    for day in days(parameters.first_day, parameters.today):
        count = org.RETRAIN_FACTOR if day in org.RETRAIN_DAYS else 1
        runs += [_machine_learning_run(parameters, day, number, count) for number in range(count)]
    return runs


def _machine_learning_run(parameters: org.Parameters, day: date, number: int, count: int) -> Run:
    start = datetime.combine(day, datetime.min.time(), UTC) + timedelta(hours=1 + number * 3, minutes=11)
    rng = stream(parameters.seed, "machine-learning-run", day, number)
    end = start + timedelta(seconds=int(2.2 * _SECONDS_OF_AN_HOUR * (0.9 + 0.2 * float(rng.random()))))
    retrained = count > 1
    tags = {
        "team": "robotics", "app": "vision-train", "stage": "training", "project": "vision-2026",
        "trigger": "retrain" if retrained else "schedule",
    }  # fmt: skip
    if retrained:
        tags["retries"] = "2"
    return Run(
        stable_uuid("aml-run", day, number).replace("-", ""), f"vision-nightly-{day}-{number}", "vision-train-azureml",
        "FINISHED", start, end, "robotics@example.com", tags,
        {"gpu_count": "4", "gpu_model": _MACHINE_LEARNING_GPU}, {"duration_seconds": float((end - start).seconds)},
    )  # fmt: skip


def _jitter(parameters: org.Parameters, *names: str) -> int:
    return int(stream(parameters.seed, "training-jitter", *names).integers(5, 240))
