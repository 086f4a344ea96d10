"""Facts, policies and configurations for the guardrails' tests: valid by default, one aspect changed at a time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from finops.config import Configuration
from finops.config import policies as p
from finops.config.allocation import AllocationFile
from finops.config.budgets import BudgetsFile
from finops.config.currencies import CurrenciesFile
from finops.config.events import EventsFile
from finops.config.prices import PricesFile
from finops.config.routes import TeamsRoute, WebhookRoute
from finops.config.routing import Route, RoutingFile
from finops.config.sources import SourcesFile
from finops.config.tags import TagsFile
from guardrails import Decision, GuardrailFact

AS_OF = datetime(2026, 10, 20, 6, tzinfo=UTC)
AUDIT_KEY = b"a key of the tests, 32 bytes long"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYqr"

ROUTES: tuple[Route, ...] = (
    TeamsRoute(id="teams-finops", kind="teams", url_env="TEAMS_URL", allow_private_addresses=True),
    WebhookRoute(
        id="platform-hook", kind="webhook", url_env="HOOK_URL", secret_env="HOOK_SECRET", allow_private_addresses=True
    ),
)
TELL = {"kind": "notify", "route": "teams-finops"}
THROTTLE = {"kind": "throttle", "route": "platform-hook"}
PAUSE = {"kind": "pause", "route": "platform-hook"}
STOP = {"kind": "stop", "route": "platform-hook"}


def budget_fact(ratio: str = "1.042", **changes: Any) -> GuardrailFact:
    """Team search, October 2026, of USD 12,000."""
    reference = changes.get("reference", Decimal(12000))
    fact = GuardrailFact(
        fact_id="budget-search",
        kind="budget",
        budget_id="search",
        scope_type="team",
        scope_value="search",
        period="2026-10",
        metric="billed_cost",
        value=reference * Decimal(ratio),
        reference=reference,
        ratio=Decimal(ratio),
        projected_ratio=None,
        currency="USD",
        increase_amount=None,
        data_through=datetime(2026, 10, 19, tzinfo=UTC),
        is_reconciled=True,
        as_of=AS_OF,
    )
    return replace(fact, **changes)


def usage_fact(ratio: str = "8.1", **changes: Any) -> GuardrailFact:
    """App query-rewriter on 19 October against a typical USD 50."""
    reference = changes.get("reference", Decimal(50))
    value = reference * Decimal(ratio)
    fact = GuardrailFact(
        fact_id="usage-query-rewriter",
        kind="usage_doubled",
        budget_id=None,
        scope_type="app",
        scope_value="query-rewriter",
        period="2026-10-19",
        metric="estimated_cost",
        value=value,
        reference=reference,
        ratio=Decimal(ratio),
        projected_ratio=None,
        currency="USD",
        increase_amount=value - reference,
        data_through=datetime(2026, 10, 20, tzinfo=UTC),
        is_reconciled=True,
        as_of=AS_OF,
    )
    return replace(fact, **changes)


def budget_policy(**changes: Any) -> p.BudgetPolicy:
    """``warn`` and ``pause``: what they do, and ``warn_at`` and ``pause_at``: when."""
    settings: dict[str, Any] = {
        "id": "monthly-budget", "kind": "budget", "description": "A budget is nearly or fully used.",
        "owner": "finops@example.com", "runbook": "docs/runbooks/budget.md", "mode": "enforce",
    }  # fmt: skip
    levels = [
        {"level": "warn", "at": changes.pop("warn_at", "0.8"), "do": changes.pop("warn", [TELL])},
        {"level": "pause", "at": changes.pop("pause_at", "1.0"), "do": changes.pop("pause", [TELL, PAUSE])}
        | changes.pop("on_pause", {}),
    ]
    return p.BudgetPolicy(**{"levels": levels} | settings | changes)


def usage_policy(**changes: Any) -> p.UsageDoubledPolicy:
    settings: dict[str, Any] = {
        "id": "usage-doubled", "kind": "usage_doubled", "description": "An app uses twice what it uses.",
        "owner": "platform@example.com", "runbook": "docs/runbooks/usage-doubled.md", "mode": "enforce",
        "levels": [
            {"level": "warn", "at": "1.5", "do": [TELL]},
            {"level": "throttle", "at": "2", "do": [TELL, THROTTLE]},
        ],
    }  # fmt: skip
    return p.UsageDoubledPolicy(**settings | changes)


def configuration(*policies: p.Policy, routes: tuple[Route, ...] = ROUTES) -> Configuration:
    """A configuration of which guardrails use the policies and the routes."""
    return Configuration(
        directory=Path("config"),
        sources=SourcesFile(sources=[]),
        tags=TagsFile.model_construct(),
        allocation=AllocationFile.model_construct(),
        prices=PricesFile.model_construct(),
        currencies=CurrenciesFile.model_validate({}),
        exchange_rates=(),
        budgets=BudgetsFile(budgets=[]),
        guardrails=p.GuardrailsFile(policies=list(policies) or [budget_policy()]),
        events=EventsFile(),
        routing=RoutingFile(routes=list(routes)),
    )


def card(decision: Decision, action: p.Action) -> dict[str, Any]:
    """The smallest Teams envelope."""
    text = ("Dry run. " if decision.mode == "dry_run" else "") + decision.reason
    content = {"type": "AdaptiveCard", "version": "1.4", "body": [{"type": "TextBlock", "text": text}]}
    attachment = {
        "contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": content,
    }  # fmt: skip
    return {"type": "message", "attachments": [attachment]}


LADDER = [
    {"level": "warn", "at": "0.8", "do": [TELL]},
    {"level": "throttle", "at": "0.9", "do": [TELL, THROTTLE]},
    {"level": "pause", "at": "1.0", "do": [TELL, PAUSE]},
    {"level": "stop", "at": "1.2", "do": [TELL, STOP]},
]
"""All four levels, each with its order."""


def ladder_policy(on: dict[str, dict[str, Any]] | None = None, **changes: Any) -> p.BudgetPolicy:
    """A budget policy of all four levels; ``on`` adds settings to some of them."""
    levels = [level | (on or {}).get(str(level["level"]), {}) for level in LADDER]
    return budget_policy(**{"levels": levels, "clear_below": "0.85"} | changes)


def any_policy(kind: str, **settings: Any) -> p.Policy:
    """A policy of any kind that pauses; ``settings`` say when."""
    common = {"id": kind.replace("_", "-"), "kind": kind, "description": "One of each.", "owner": "finops@example.com"}
    document = {**common, "mode": "enforce", **settings}
    return p.GuardrailsFile.model_validate({"policies": [document]}).policies[0]


def any_fact(kind: str, value: str, **changes: Any) -> GuardrailFact:
    """App search on 19 October, in money and without a reference."""
    fact = GuardrailFact(
        fact_id=f"{kind}-search",
        kind=kind,  # type: ignore[arg-type]
        budget_id=None,
        scope_type="app",
        scope_value="search",
        period="2026-10-19",
        metric="effective_cost",
        value=Decimal(value),
        reference=None,
        ratio=None,
        projected_ratio=None,
        currency="USD",
        increase_amount=None,
        data_through=datetime(2026, 10, 20, tzinfo=UTC),
        is_reconciled=True,
        as_of=AS_OF,
    )
    return replace(fact, **changes)
