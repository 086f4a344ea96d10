"""One message of each kind, made as the product makes them, for tests that look at them."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pandas as pd

from reports.marts import as_marts
from reports.messages import (
    Message,
    collected_message,
    decision_message,
    failure_message,
    gate_message,
    heartbeat_message,
    incident_message,
    trial_message,
    undelivered_message,
)
from tests.support import mart_factory

PORTAL = "https://finops.example.com"


def incident_row() -> dict[str, Any]:
    rows = pd.DataFrame(list(mart_factory.incident_rows(mart_factory.Organisation())))
    frame = as_marts({"fct_incident": rows})["fct_incident"]
    return {str(key): value for key, value in frame.to_dict("records")[0].items()}


def ask(**changes: Any) -> dict[str, Any]:
    """An ask of the gate that waits, as it stands."""
    said = {
        "estimate": "1200",
        "currency": "USD",
        "who": "ci-pipeline",
        "scopes": {"team": "search", "app": "product-search"},
        "job": "nightly-embedding-refresh",
        "break_glass": None,
    }
    reason = "Budget search: USD 10,900 of USD 12,000 used or held; with this job it would be 101%."
    reply = {"ask_id": "9c1e52d0ab34", "reason": reason, "until": "2026-10-21T06:00:00+00:00", "budgets": []}
    return {**reply, "ask": {**said, **changes}}


@functools.cache
def messages() -> Mapping[str, Message]:
    """By what it shows; each is of the made-up organisation's 20 October 2026."""
    row = incident_row()
    over_budget, doubled = mart_factory.decisions()
    paused = {
        **over_budget,
        "level": "pause",
        "mode": "enforce",
        "status": "EXECUTING",
        "action_kinds": ["notify", "pause"],
        "withheld_kinds": [],
        "suppressed_because": None,
        "acts_at": "2026-10-20T06:30:00Z",
    }
    asked = {
        **paused,
        "acts_at": None,
        "status": "PENDING_APPROVAL",
        "approvals_needed": 1,
        "approve_until": "2026-10-21T06:00:00Z",
    }
    tokens = {
        **doubled,
        "level": "throttle",
        "subject": "gpt-4.1",
        "evidence": {
            "kind": "token_cap", "value": "4100000", "reference": "3000000", "ratio": "1.3667", "currency": "USD",
            "unit": "tokens",
        },
    }  # fmt: skip
    warned = {**over_budget, "level": "warn", "withheld_kinds": [], "suppressed_because": None}
    released = {**paused, "level": "release", "status": "REVERTED", "acts_at": None}
    made = {
        "incident": incident_message(row),
        "incident-worse": incident_message({**row, "severity": "critical"}, "worsened"),
        "incident-over": incident_message({**row, "status": "closed"}, "closed"),
        "warn": decision_message(warned, "support"),
        "throttle-dry-run": decision_message(tokens, "search"),
        "pause": decision_message(paused, "support"),
        "pause-approval": decision_message(asked, "support"),
        "never-touch": decision_message(over_budget, "support"),
        "release": decision_message(released, "support"),
        "gate": gate_message(ask()),
        "gate-broken": gate_message(ask(break_glass="Black Friday index must be live by noon")),
        "run-failed": failure_message(
            job_name="daily_billing", run_id="4f0c1b22", message="dbt: 2 tests failed in stg_azure__cost"
        ),
        "undelivered": undelivered_message(
            message_id="5d1c2f0a9b7e4c31_platform-hook_pause",
            route_id="platform-hook",
            kind="guardrail.pause",
            error="answered 503 Service Unavailable",
            remedy="Given up after 10 attempts: repair the receiver behind AIFINOPS_WEBHOOK_URL, then replay it",
        ),
        "heartbeat": heartbeat_message(
            route_id="email-finops", day="2026-10-20", delivered=7, waiting=0, dead=0, open_threads=2,
            others=["teams-finops last accepted heartbeat on 20 Oct 2026, 06:00 UTC"],
        ),
        "test": trial_message(route_id="teams-finops", at="20 Oct 2026, 06:00:00 UTC"),
    }  # fmt: skip
    several = [made[name] for name in ("incident", "warn", "gate", "incident-over")]
    made["digest"] = collected_message(several, title="AI cost on Tuesday, 20 October", thread="", is_digest=True)
    made["group"] = collected_message(several[:2], title="search, support", thread="", is_digest=False)
    return MappingProxyType(made)


def links(message: Message) -> dict[str, str]:
    return {offer.action: f"{PORTAL}/l/{offer.action}-token" for offer in message.offers}
