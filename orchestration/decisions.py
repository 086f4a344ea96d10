"""A decision as people are told of it: with its policy's words, owner and runbook.

Here: joining the two.
Not here: deciding (guardrails) and the look (reports).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import guardrails
import reports
from finops.config import Configuration
from finops.config.policies import Action, Policy


def told(decision: Mapping[str, Any], policies: Sequence[Policy]) -> dict[str, Any]:
    """The decision's document and what its policy says about it; a policy that was removed says nothing."""
    policy = next((policy for policy in policies if policy.id == decision["policy_id"]), None)
    if policy is None:
        return dict(decision)
    return {
        **decision,
        "policy_description": policy.description,
        "owner": policy.owner,
        "runbook": policy.runbook,
    }


def card_of(configuration: Configuration) -> guardrails.Render:
    """Renders decisions for people, with the words of this configuration's policies."""

    def card(decision: guardrails.Decision, _action: Action) -> dict[str, Any]:
        return reports.decision_card(told(decision.as_dict(), configuration.guardrails.policies))

    return card
