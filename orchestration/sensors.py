"""What makes things happen between the schedules."""

from __future__ import annotations

import dagster as dg

import guardrails
from orchestration.schedules import EVERYTHING, acting_job, notifying_job
from orchestration.workspace import Workspace

PUBLISHED = dg.AssetKey("published_marts")


@dg.asset_sensor(
    asset_key=PUBLISHED,
    name="guardrail_sensor",
    job=acting_job,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="New marts are published: the guardrails decide on them, and what follows is delivered.",
)
def guardrail_sensor(
    context: dg.SensorEvaluationContext, asset_event: dg.EventLogEntry
) -> dg.RunRequest | dg.SkipReason:
    return _once_per_publication(context, asset_event)


@dg.asset_sensor(
    asset_key=PUBLISHED,
    name="anomaly_sensor",
    job=notifying_job,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="New marts are published: the people concerned hear of new anomalies, once each.",
)
def anomaly_sensor(context: dg.SensorEvaluationContext, asset_event: dg.EventLogEntry) -> dg.RunRequest | dg.SkipReason:
    return _once_per_publication(context, asset_event)


def _once_per_publication(
    context: dg.SensorEvaluationContext, event: dg.EventLogEntry
) -> dg.RunRequest | dg.SkipReason:
    run = context.instance.get_run_by_id(event.run_id)
    if run and run.job_name == EVERYTHING:
        return dg.SkipReason("The run that published these marts has acted on them itself.")
    return dg.RunRequest(run_key=event.run_id)


@dg.run_failure_sensor(
    name="failure_sensor",
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="A run failed: the people who operate the pipeline get one message per job and hour.",
)
def failure_sensor(context: dg.RunFailureSensorContext, workspace: Workspace) -> None:
    configuration = workspace.configuration()
    route = configuration.routing.operations_route
    if route is None:
        context.log.info("routing.yml names no operations_route: nobody is told of failed runs")
        return
    run = context.dagster_run
    hour = workspace.as_of().strftime("%Y-%m-%dT%H")
    guardrails.queue_notification(
        workspace.ledger(),
        message_id=f"run-failed/{run.job_name}/{hour}",
        route_id=route,
        kind="run_failed",
        body=_card(run.job_name, run.run_id, context.failure_event.message or "no message"),
    )


def _card(job_name: str, run_id: str, message: str) -> dict[str, object]:
    import reports

    return reports.failure_card(job_name=job_name, run_id=run_id, message=message)
