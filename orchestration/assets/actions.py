"""What follows from the published facts: decisions, messages, their delivery."""

import json
from collections.abc import Sequence

import dagster as dg

import guardrails
import reports
from finops.periods import utc_now
from orchestration.assets.warehouse import model_key
from orchestration.warehouse import read_table, records
from orchestration.workspace import Workspace

ACTIONS_GROUP = "9_actions"
INCIDENTS = "marts.fct_incident"


@dg.asset(
    deps=[dg.AssetKey("published_marts")],
    group_name=ACTIONS_GROUP,
    kinds={"sqlite"},
    pool="ledger",
    description="What each policy decided on the published facts: recorded once, with its reason and its evidence.",
)
def guardrail_decisions(context: dg.AssetExecutionContext, workspace: Workspace) -> dg.MaterializeResult:
    marts = reports.read_marts(workspace.home.published)
    messages = workspace.messages()
    with workspace.ledger() as ledger:
        summary = guardrails.evaluate(
            ledger,
            guardrails.facts_from_rows(records(marts["fct_guardrail_facts"])),
            messages.configuration,
            messages.decision_body,
            as_of=workspace.as_of(),
        )
    workspace.reporter(context)(summary.sentence)
    for note in summary.notes:
        context.log.warning(note)
    return dg.MaterializeResult(
        metadata={
            "facts": summary.fact_count,
            "new_decisions": summary.new_decision_count,
            "suppressed": len(summary.suppressed),
            "new_messages": summary.message_count,
        }
    )


@dg.asset(
    # The warehouse's incidents, not those published: a refresh tells what runs away without publishing anything.
    deps=[dg.AssetKey("published_marts"), model_key(INCIDENTS)],
    group_name=ACTIONS_GROUP,
    kinds={"sqlite"},
    pool="ledger",
    description="Incidents that open, get worse or are over: what there is to tell, each occasion once.",
)
def incident_notifications(context: dg.AssetExecutionContext, workspace: Workspace) -> dg.MaterializeResult:
    known = read_table(workspace.home.warehouse, INCIDENTS)
    incidents = records(reports.conform(INCIDENTS.rpartition(".")[2], known))
    with workspace.ledger() as ledger:
        new = workspace.messages().record_incidents(ledger, incidents)
    workspace.reporter(context)(f"{new} new occasions")
    return dg.MaterializeResult(metadata={"new_notices": new})


@dg.asset(
    deps=[guardrail_decisions, incident_notifications],
    group_name=ACTIONS_GROUP,
    kinds={"teams", "email"},
    pool="ledger",
    description="What is due by the rules of routing.yml, queued: first messages, digests, repeats, escalations, what "
    "another route did not take, daily signs of life.",
)
def due_messages(context: dg.AssetExecutionContext, workspace: Workspace) -> dg.MaterializeResult:
    with workspace.ledger() as ledger:
        queued, plan = workspace.messages().queue_due(ledger)
    waiting = [held for held in plan.held if held.until is not None]
    workspace.reporter(context)(f"{queued} new messages, {len(waiting)} wait for their time")
    return dg.MaterializeResult(
        metadata={"new_messages": queued, "waiting": len(waiting), "not_told": len(plan.held) - len(waiting)}
    )


@dg.asset(
    deps=[guardrail_decisions],
    group_name=ACTIONS_GROUP,
    kinds={"pdf", "email"},
    pool="ledger",
    description="Weekly digests and monthly packs that are due: made, kept, queued once on their routes; a new edition "
    "of a month that has changed since.",
)
def spend_digests(context: dg.AssetExecutionContext, workspace: Workspace) -> dg.MaterializeResult:
    with workspace.ledger() as ledger:
        told = workspace.digests().queue_due(ledger)
    workspace.reporter(context)(f"{len(told.queued)} new digests")
    for reason in told.held:
        context.log.warning(reason)
    return dg.MaterializeResult(
        metadata={
            "new_messages": len(told.queued),
            "waiting": len(told.held),
            "folder": dg.MetadataValue.path(workspace.home.digests),
        }
    )


@dg.asset(
    deps=[due_messages, spend_digests],
    group_name=ACTIONS_GROUP,
    kinds={"teams", "email", "webhook"},
    pool="ledger",
    retry_policy=dg.RetryPolicy(max_retries=2, delay=15),
    description="Everything due in the outbox, delivered at least once under a stable id; failures are retried.",
)
def message_delivery(context: dg.AssetExecutionContext, workspace: Workspace) -> dg.MaterializeResult:
    with workspace.ledger() as ledger:
        routes = workspace.configuration().routing.routes
        # The real time, whatever moment is reported on: it signs webhooks, and receivers refuse old signatures.
        summary = guardrails.deliver_pending(
            ledger, routes, workspace.environ, now=utc_now(), files=workspace.home.path
        )
        standing = guardrails.verify_actuations(ledger, routes, workspace.environ, now=utc_now())
        _keep_rendered_messages(ledger, workspace)
    workspace.reporter(context)(summary.sentence)
    for trouble in (*(drift.sentence for drift in standing.drifts), *standing.unknown):
        context.log.warning(trouble)
    for remedy in summary.remedies:
        context.log.warning(remedy)
    return dg.MaterializeResult(
        metadata={
            "delivered": summary.delivered,
            "waiting": summary.waiting,
            "dead": summary.dead,
            "undone_by_others": len(standing.drifts),
        }
    )


def _keep_rendered_messages(ledger: guardrails.Ledger, workspace: Workspace) -> None:
    """Write every message, and beside each card and e-mail a page that shows it, so that people see what was sent."""
    for path in guardrails.write_messages(ledger, workspace.home.messages):
        page = reports.preview_message(json.loads(path.read_text(encoding="utf-8")))
        if page is not None:
            path.with_suffix(".html").write_text(page, encoding="utf-8")


def action_assets() -> Sequence[dg.AssetsDefinition]:
    return [guardrail_decisions, incident_notifications, due_messages, spend_digests, message_delivery]
