"""What follows from the published facts: decisions, messages, their delivery."""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any, Literal

import dagster as dg

import guardrails
import reports
from finops.config.models import AnomalyRouting
from finops.periods import utc_now
from orchestration.assets.warehouse import model_key
from orchestration.decisions import card_of
from orchestration.warehouse import read_table, records
from orchestration.workspace import Workspace

ACTIONS_GROUP = "9_actions"
SEVERITIES = ("low", "medium", "high", "critical")
INCIDENTS = "marts.fct_incident"
OVER = ("closed", "new_normal", "resolved")
RECENT_DAYS = 7
"""What was over longer ago is in the report and alarms nobody."""


@dg.asset(
    deps=[dg.AssetKey("published_marts")],
    group_name=ACTIONS_GROUP,
    kinds={"sqlite"},
    pool="ledger",
    description="What each policy decided on the published facts: recorded once, with its reason and its evidence.",
)
def guardrail_decisions(context: dg.AssetExecutionContext, workspace: Workspace) -> dg.MaterializeResult:
    marts = reports.read_marts(workspace.home.published)
    configuration = workspace.configuration()

    with workspace.ledger() as ledger:
        summary = guardrails.evaluate(
            ledger,
            guardrails.facts_from_rows(records(marts["fct_guardrail_facts"])),
            configuration,
            card_of(configuration),
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
    kinds={"teams"},
    pool="ledger",
    description="A message per incident and route, as routing.yml says, when it opens, gets worse and is over; never "
    "the same one twice.",
)
def incident_notifications(context: dg.AssetExecutionContext, workspace: Workspace) -> dg.MaterializeResult:
    known = read_table(workspace.home.warehouse, INCIDENTS)
    incidents = records(reports.conform(INCIDENTS.rpartition(".")[2], known))
    queued = 0
    with workspace.ledger() as ledger:
        told = {message.message_id for message in guardrails.messages(ledger)}
        for rule in workspace.configuration().routing.anomalies:
            for incident in incidents:
                message_id, stage = _occasion(incident, rule, told, workspace.as_of().date())
                if stage is not None and message_id not in told:
                    queued += guardrails.queue_notification(
                        ledger,
                        message_id=message_id,
                        route_id=rule.route,
                        kind="incident",
                        body=reports.incident_card(incident, stage),
                        as_of=workspace.as_of(),
                    )
    workspace.reporter(context)(f"{queued} new messages")
    return dg.MaterializeResult(metadata={"new_messages": queued})


def _occasion(
    incident: Mapping[str, Any], rule: AnomalyRouting, told: Collection[str], today: date
) -> tuple[str, Literal["opened", "worsened", "closed"] | None]:
    """Which message an incident is due on a route. Its id names the occasion, so that each is told once for ever.

    A bill can be so late that an incident is over when it is first seen. It is told as such, once, while it is recent.
    """
    name = f"incident/{incident['incident_id']}/{rule.route}"
    is_told, is_over = f"{name}/opened" in told, incident["status"] in OVER
    if is_told and is_over:
        was_open = incident["closed_at"] > incident["opened_at"]
        return f"{name}/closed", "closed" if was_open else None
    is_recent = (today - incident["last_seen"].date()).days <= RECENT_DAYS
    is_due = incident["status"] == "open" or (is_over and is_recent)
    if not is_due or not _is_at_least(incident["severity"], rule.min_severity):
        return name, None
    if not is_told:
        return f"{name}/opened", "opened"
    if not _is_at_least(incident["opened_severity"], incident["severity"]):
        return f"{name}/worsened-{incident['severity']}", "worsened"
    return name, None


@dg.asset(
    deps=[guardrail_decisions, incident_notifications],
    group_name=ACTIONS_GROUP,
    kinds={"teams", "webhook"},
    pool="ledger",
    retry_policy=dg.RetryPolicy(max_retries=2, delay=15),
    description="Everything due in the outbox, delivered at least once under a stable id; failures are retried.",
)
def message_delivery(context: dg.AssetExecutionContext, workspace: Workspace) -> dg.MaterializeResult:
    with workspace.ledger() as ledger:
        routes = workspace.configuration().routing.routes
        # The real time, whatever moment is reported on: it signs webhooks, and receivers refuse old signatures.
        summary = guardrails.deliver_pending(ledger, routes, workspace.environ, now=utc_now())
        _keep_rendered_messages(ledger, workspace)
    workspace.reporter(context)(summary.sentence)
    for remedy in summary.remedies:
        context.log.warning(remedy)
    return dg.MaterializeResult(
        metadata={"delivered": summary.delivered, "waiting": summary.waiting, "dead": summary.dead}
    )


def _is_at_least(severity: str, least: str) -> bool:
    return SEVERITIES.index(severity) >= SEVERITIES.index(least)


def _keep_rendered_messages(ledger: guardrails.Ledger, workspace: Workspace) -> None:
    """Write every message, and beside each Teams card a page that shows it, so that people see what was sent."""
    for path in guardrails.write_messages(ledger, workspace.home.messages):
        body = json.loads(path.read_text(encoding="utf-8"))
        if "attachments" in body:
            path.with_suffix(".html").write_text(reports.preview_card(body), encoding="utf-8")


def action_assets() -> Sequence[dg.AssetsDefinition]:
    return [guardrail_decisions, incident_notifications, message_delivery]
