"""Orders for the actuators' tests: real decisions of a real policy, on routes that a test chooses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from finops.config import policies as p
from finops.config.routing import Route
from guardrails import DeliverySummary, Ledger, deliver_pending, evaluate
from tests.support.guardrail_factory import AS_OF, budget_fact, budget_policy, card, configuration

SEARCH = {"level": "team", "value": "search"}


def give_order(
    ledger: Ledger,
    routes: Sequence[Route],
    action: str = "pause",
    *,
    route: str | None = None,
    policy: str = "monthly-budget",
    team: str = "search",
    never_touch: Sequence[str] = (),
) -> str:
    """Decide that a team has used its budget; the id of the decision, whose one order waits in the outbox."""
    configured = configuration(_policy(routes, action, route, policy, never_touch), routes=tuple(routes))
    (decision,) = evaluate(ledger, [budget_fact(scope_value=team)], configured, card, as_of=AS_OF).decisions
    return decision.decision_id


def give_release(
    ledger: Ledger,
    routes: Sequence[Route],
    action: str = "pause",
    *,
    route: str | None = None,
    policy: str = "monthly-budget",
    team: str = "search",
    days: int = 1,
) -> str:
    """Decide some days later that the team is clear of its budget again."""
    later = AS_OF + timedelta(days=days)
    configured = configuration(_policy(routes, action, route, policy, ()), routes=tuple(routes))
    fact = budget_fact("0.5", scope_value=team, data_through=later)
    (decision,) = evaluate(ledger, [fact], configured, card, as_of=later).decisions
    return decision.decision_id


def deliver(
    ledger: Ledger, routes: Sequence[Route], environ: Mapping[str, str], *, at: datetime | None = None, **more: Any
) -> DeliverySummary:
    now = at or datetime.now(UTC)
    return deliver_pending(ledger, routes, environ, now=now, jitter=lambda: 0.5, sleep=lambda _seconds: None, **more)


def _policy(
    routes: Sequence[Route], action: str, route: str | None, policy: str, never_touch: Sequence[str]
) -> p.Policy:
    level = {
        "level": "pause" if action == "ticket" else action,
        "at": "1.0",
        "do": [{"kind": action, "route": route or routes[0].id}],
    }
    return budget_policy(id=policy, levels=[level], clear_after=1, never_touch=list(never_touch))
