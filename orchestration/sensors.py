"""What makes things happen between the schedules."""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta

import dagster as dg

import guardrails
from finops.periods import utc_now
from orchestration.ledger import has_ledger
from orchestration.schedules import EVERYTHING, acting_job, delivering_job, notifying_job, telling_job
from orchestration.workspace import Workspace

AGAIN_AFTER = timedelta(minutes=10)
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


@dg.sensor(
    name="approval_sensor",
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Questions that guardrails put to people end when nobody answered in time, and those who heard of them "
    "are told.",
)
def approval_sensor(context: dg.SensorEvaluationContext, workspace: Workspace) -> dg.SkipReason:
    if not has_ledger(workspace.home):
        return dg.SkipReason("No guardrail has decided anything yet.")
    messages = workspace.messages()
    teller = guardrails.Teller(messages.configuration, messages.decision_body)
    with workspace.ledger() as ledger:
        ended = guardrails.expire_approvals(ledger, now=workspace.as_of(), teller=teller)
    return dg.SkipReason(f"{len(ended)} ended unanswered: {', '.join(ended)}" if ended else "Nothing has run out.")


@dg.run_failure_sensor(
    name="failure_sensor",
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="A run failed: the people who operate the pipeline get one message per job and hour.",
)
def failure_sensor(context: dg.RunFailureSensorContext, workspace: Workspace) -> None:
    run = context.dagster_run
    messages = workspace.messages()
    with workspace.ledger() as ledger:
        messages.record_failure(
            ledger, job_name=run.job_name, run_id=run.run_id, message=context.failure_event.message or ""
        )
        messages.queue_due(ledger)
        guardrails.deliver_pending(
            ledger, messages.routing.routes, workspace.environ, now=utc_now(), files=workspace.home.path
        )


@dg.sensor(
    name="message_sensor",
    job=telling_job,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="A digest, a repeat, an escalation, a fallback or a sign of life is due: it is queued and delivered.",
)
def message_sensor(context: dg.SensorEvaluationContext, workspace: Workspace) -> dg.SensorResult | dg.SkipReason:
    if not has_ledger(workspace.home):
        return dg.SkipReason("Nothing was ever decided or told here.")
    with workspace.ledger() as ledger:
        due = workspace.messages().is_anything_due(ledger)
    return _once_per_state(context, due, "Nothing is due by the rules of routing.yml.")


@dg.sensor(
    name="delivery_sensor",
    job=delivering_job,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Something in the outbox is due, such as another attempt: it is delivered.",
)
def delivery_sensor(context: dg.SensorEvaluationContext, workspace: Workspace) -> dg.SensorResult | dg.SkipReason:
    if not has_ledger(workspace.home):
        return dg.SkipReason("Nothing was ever decided or told here.")
    with workspace.ledger() as ledger:
        # The real time, as delivery has it.
        due = guardrails.due_messages(ledger, now=utc_now())
    return _once_per_state(context, [f"{name}#{attempts}" for name, attempts in due], "Nothing in the outbox is due.")


def _once_per_state(
    context: dg.SensorEvaluationContext, due: Sequence[str], nothing: str
) -> dg.SensorResult | dg.SkipReason:
    """One run for what is due; another for the same only where the first left it undone for ten minutes."""
    if not due:
        return dg.SkipReason(nothing)
    state = hashlib.sha256("\n".join(sorted(due)).encode()).hexdigest()[:16]
    known, _, since = (context.cursor or "").partition(" ")
    now = utc_now()
    if known == state and since and now - datetime.fromisoformat(since) < AGAIN_AFTER:
        return dg.SkipReason("A run for what is due was asked for.")
    return dg.SensorResult(
        run_requests=[dg.RunRequest(run_key=f"{state}-{now:%Y%m%dT%H%M%S}")], cursor=f"{state} {now.isoformat()}"
    )
