"""What policies would have done on past facts, and what that would have been worth.

Here: facts as a log of changes (changes), the real ``assess`` at every moment that matters (engine), money, critical
work and incidents (outcome), two of those side by side and changes in words (comparison).
Not here: how facts of the past are known (dbt), judging (decide), what people see (reports, cli).
"""

from guardrails.replay.changes import FactChange, changes_from_rows
from guardrails.replay.comparison import Comparison, PolicyChange, compare, policy_changes
from guardrails.replay.engine import Approvals, Order, Replay, replay
from guardrails.replay.outcome import (
    Incident,
    Outcome,
    PolicyOutcome,
    SpendDay,
    StoodOrder,
    TargetOutcome,
    outcome_of,
)

__all__ = [
    "Approvals",
    "Comparison",
    "FactChange",
    "Incident",
    "Order",
    "Outcome",
    "PolicyChange",
    "PolicyOutcome",
    "Replay",
    "SpendDay",
    "StoodOrder",
    "TargetOutcome",
    "changes_from_rows",
    "compare",
    "outcome_of",
    "policy_changes",
    "replay",
]
