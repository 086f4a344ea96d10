"""What makes things happen between the schedules."""

import dagster as dg

import guardrails
import reports
from finops.periods import utc_now
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
    card = reports.failure_card(job_name=run.job_name, run_id=run.run_id, message=context.failure_event.message or "")
    with workspace.ledger() as ledger:
        guardrails.queue_notification(
            ledger, f"run-failed/{run.job_name}/{hour}", route, "run_failed", card, as_of=workspace.as_of()
        )
        guardrails.deliver_pending(ledger, configuration.routing.routes, workspace.environ, now=utc_now())
