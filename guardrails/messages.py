"""From decisions to the messages that tell them.

Here: which action of a decision becomes a message, on which route, when, and whether it is sent or only kept.
Not here: the layout of cards, which the caller brings along, and sending (delivery).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from finops.config.policies import Action, Policy
from finops.config.routing import TELLING_ROUTES, Route
from guardrails.decide import Decision, ended_steps
from guardrails.states import Level, Status
from guardrails.webhook import webhook_body

Render = Callable[[Decision, Action], dict[str, Any]]
"""Renders a decision for people: the envelope of a Teams card, as it is posted."""


@dataclass(frozen=True)
class Message:
    """One thing to send. ``message_id`` is the same on every attempt, so receivers can tell copies."""

    message_id: str
    route_id: str
    kind: str
    """What it is about, and its event type where a webhook needs an envelope: ``guardrail.pause``, ``anomaly``."""
    body: Mapping[str, Any]
    created_at: datetime
    decision_id: str | None = None
    is_order: bool = False
    """Asks somebody to act; decides whether the guardrail counts as enforced."""
    is_sent: bool = True
    """False: kept as what would have been sent in dry run."""
    awaits_approval: bool = False
    """Kept until people agree."""
    not_before: datetime | None = None
    """The end of the grace that people were given; None: at once."""


def plan_messages(
    decisions: Iterable[Decision], policies: Sequence[Policy], render: Render, *, routes: Sequence[Route]
) -> list[Message]:
    """The messages of some decisions, in their order.

    Routes that people read get what ``render`` returns, all others the documented webhook body. What a dry run
    withholds is rendered too, with ``is_sent`` false.
    """
    by_id = {policy.id: policy for policy in policies}
    telling = {route.id for route in routes if route.kind in TELLING_ROUTES}
    planned: dict[str, Message] = {}
    for decision in decisions:
        policy = by_id[decision.policy_id]
        asks = decision.status == Status.PENDING_APPROVAL
        for action in _actions(decision, policy):
            is_sent = action.kind in decision.action_kinds
            is_kept = action.kind in decision.withheld_kinds and decision.suppressed_because is None
            if not (is_sent or is_kept):
                continue
            message = Message(
                message_id=f"{decision.decision_id}_{action.route}_{action.kind}",
                route_id=action.route,
                kind=f"guardrail.{decision.level}",
                body=render(decision, action) if action.route in telling else webhook_body(decision, action, policy),
                created_at=decision.decided_at,
                decision_id=decision.decision_id,
                is_order=action.is_order,
                is_sent=is_sent,
                awaits_approval=asks and action.is_order,
                not_before=decision.acts_at if action.is_order else None,
            )
            planned.setdefault(message.message_id, message)
    return list(planned.values())


def plan_notices(
    decision: Decision,
    policies: Sequence[Policy],
    render: Render,
    *,
    routes: Sequence[Route],
    occasion: str,
    at: datetime,
) -> list[Message]:
    """What people who were told of a decision hear once more; ``occasion`` tells the messages apart.

    A policy that is gone tells nobody.
    """
    policy = next((one for one in policies if one.id == decision.policy_id), None)
    step = policy.step(decision.level) if policy else None
    if policy is None or step is None:
        return []
    telling = {route.id for route in routes if route.kind in TELLING_ROUTES}
    return [
        Message(
            message_id=f"{decision.decision_id}_{action.route}_{occasion}",
            route_id=action.route,
            kind=f"guardrail.{occasion}",
            body=render(decision, action) if action.route in telling else webhook_body(decision, action, policy),
            created_at=at,
            decision_id=decision.decision_id,
        )
        for action in step.do
        if not action.is_order
    ]


def _actions(decision: Decision, policy: Policy) -> Iterator[Action]:
    """What a decision's level does. A release tells whoever heard of what it ends, and undoes what it takes back; a
    dry run's shows what it would undo."""
    if decision.level != Level.RELEASE:
        step = policy.step(decision.level)
        yield from step.do if step else ()
        return
    for step in ended_steps(policy, decision.from_level, decision.undoes):
        is_undone = step.level in decision.undoes or decision.mode == "dry_run"
        yield from (action for action in step.do if is_undone or not action.is_order)
