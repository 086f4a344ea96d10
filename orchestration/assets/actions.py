"""What follows from the published facts: decisions, messages, their delivery."""

import json
from collections.abc import Sequence
from typing import Any

import dagster as dg

import guardrails
import reports
from finops.config.models import Action
from finops.periods import utc_now
from orchestration.decisions import told
from orchestration.warehouse import records
from orchestration.workspace import Workspace

ACTIONS_GROUP = "9_actions"
SEVERITIES = ("low", "medium", "high", "critical")


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

    def card(decision: guardrails.Decision, action: Action) -> dict[str, Any]:
        return reports.decision_card(told(decision.as_dict(), configuration.guardrails.policies))

    with workspace.ledger() as ledger:
        summary = guardrails.evaluate(
            ledger,
            guardrails.facts_from_rows(records(marts["fct_guardrail_facts"])),
            configuration,
            card,
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
    deps=[dg.AssetKey("published_marts")],
    group_name=ACTIONS_GROUP,
    kinds={"teams"},
    pool="ledger",
    description="A message per new open anomaly and route, as routing.yml says; never the same one twice.",
)
def anomaly_notifications(context: dg.AssetExecutionContext, workspace: Workspace) -> dg.MaterializeResult:
    anomalies = records(reports.read_marts(workspace.home.published)["fct_anomaly"])
    queued = 0
    with workspace.ledger() as ledger:
        for rule in workspace.configuration().routing.anomalies:
            for anomaly in anomalies:
                if anomaly["status"] == "open" and _is_at_least(anomaly["severity"], rule.min_severity):
                    queued += guardrails.queue_notification(
                        ledger,
                        message_id=f"anomaly/{anomaly['anomaly_id']}/{rule.route}",
                        route_id=rule.route,
                        kind="anomaly",
                        body=reports.anomaly_card(anomaly),
                        as_of=workspace.as_of(),
                    )
    workspace.reporter(context)(f"{queued} new messages")
    return dg.MaterializeResult(metadata={"new_messages": queued})


@dg.asset(
    deps=[guardrail_decisions, anomaly_notifications],
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
    return [guardrail_decisions, anomaly_notifications, message_delivery]
