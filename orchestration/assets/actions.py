"""What follows from the published facts: decisions, messages, their delivery."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

import guardrails
import reports
from finops.config.models import Action
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
def guardrail_decisions(context: dg.AssetExecutionContext, workspace: Workspace) -> dg.MaterializeResult:  # type: ignore[type-arg]
    marts = reports.read_marts(workspace.home.published)
    summary = guardrails.evaluate(
        workspace.ledger(),
        guardrails.facts_from_rows(marts["fct_guardrail_facts"].to_dict("records")),
        workspace.configuration(),
        _render_decision,
        as_of=workspace.as_of(),
    )
    workspace.reporter(context)(summary.sentence)
    return dg.MaterializeResult(metadata={"facts": summary.fact_count, "new_decisions": summary.new_decision_count})


@dg.asset(
    deps=[dg.AssetKey("published_marts")],
    group_name=ACTIONS_GROUP,
    kinds={"teams"},
    pool="ledger",
    description="A message per new open anomaly and route, as routing.yml says; never the same one twice.",
)
def anomaly_notifications(context: dg.AssetExecutionContext, workspace: Workspace) -> dg.MaterializeResult:  # type: ignore[type-arg]
    marts = reports.read_marts(workspace.home.published)
    ledger = workspace.ledger()
    queued = 0
    for rule in workspace.configuration().routing.anomalies:
        loud_enough = SEVERITIES[SEVERITIES.index(rule.min_severity) :]
        for anomaly in marts["fct_anomaly"].to_dict("records"):
            if anomaly["status"] == "open" and anomaly["severity"] in loud_enough:
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
def message_delivery(context: dg.AssetExecutionContext, workspace: Workspace) -> dg.MaterializeResult:  # type: ignore[type-arg]
    ledger = workspace.ledger()
    summary = guardrails.deliver_pending(ledger, workspace.configuration().routing.routes, workspace.environ)
    _keep_rendered_messages(ledger, workspace)
    workspace.reporter(context)(summary.sentence)
    return dg.MaterializeResult(
        metadata={"delivered": summary.delivered, "waiting": summary.waiting, "dead": summary.dead}
    )


def _render_decision(decision: Mapping[str, Any], action: Action) -> dict[str, Any]:
    return reports.decision_card(decision)


def _keep_rendered_messages(ledger: guardrails.Ledger, workspace: Workspace) -> None:
    """Write every Teams card beside its preview page, so that people see what was or would have been sent."""
    folder = workspace.home.messages
    folder.mkdir(parents=True, exist_ok=True)
    for message in guardrails.recent_messages(ledger):
        if message.route_kind == "teams":
            name = message.message_id.replace("/", "_")
            (folder / f"{name}.json").write_text(json.dumps(message.body, indent=2), encoding="utf-8")
            (folder / f"{name}.html").write_text(reports.preview_card(message.body), encoding="utf-8")


def action_assets() -> Sequence[dg.AssetsDefinition]:
    return [guardrail_decisions, anomaly_notifications, message_delivery]
