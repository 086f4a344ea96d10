"""From decisions to the messages that tell them.

Here: which action of a decision becomes a message, on which route, and whether it is sent or only kept.
Not here: the layout of cards, which the caller brings along, and sending (delivery).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from finops.config.models import Action, Policy, Route
from guardrails.decide import Decision
from guardrails.states import Level
from guardrails.webhook import webhook_body

Render = Callable[[Decision, Action], dict[str, Any]]
"""Renders a decision for people: the envelope of a Teams card, as it is posted."""


@dataclass(frozen=True)
class Message:
    """One thing to send. ``message_id`` is the same on every attempt, so receivers can tell copies."""

    message_id: str
    route_id: str
    kind: str
    """What it is about, and its event type where a webhook needs an envelope: ``guardrail.trip``, ``anomaly``."""
    body: Mapping[str, Any]
    created_at: datetime
    decision_id: str | None = None
    is_order: bool = False
    """Asks somebody to act; decides whether the guardrail counts as enforced."""
    is_sent: bool = True
    """False: kept as what would have been sent in dry run."""


def plan_messages(
    decisions: Iterable[Decision], policies: Sequence[Policy], render: Render, *, routes: Sequence[Route]
) -> list[Message]:
    """The messages of some decisions, in their order.

    A Teams route gets what ``render`` returns, a webhook route the documented webhook body. What a dry run withholds
    is rendered too, with ``is_sent`` false.
    """
    by_id = {policy.id: policy for policy in policies}
    webhooks = {route.id for route in routes if route.kind == "webhook"}
    planned: dict[str, Message] = {}
    for decision in decisions:
        policy = by_id[decision.policy_id]
        for action in policy.warn if decision.level == Level.WARN else policy.trip:
            is_sent = action.kind in decision.action_kinds
            would_be_sent = action.kind in decision.withheld_kinds and decision.suppressed_because is None
            if not (is_sent or would_be_sent):
                continue
            body = webhook_body(decision, action, policy) if action.route in webhooks else render(decision, action)
            message = Message(
                message_id=f"{decision.decision_id}_{action.route}_{action.kind}",
                route_id=action.route,
                kind=f"guardrail.{decision.level}",
                body=body,
                created_at=decision.decided_at,
                decision_id=decision.decision_id,
                is_order=action.kind != "notify",
                is_sent=is_sent,
            )
            planned[message.message_id] = message
    return list(planned.values())
