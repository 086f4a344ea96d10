"""A decision as people are told of it: with its policy's words, owner and runbook.

Here: joining the two.
Not here: deciding (guardrails) and the look (reports).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from finops.config.policies import Policy


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
