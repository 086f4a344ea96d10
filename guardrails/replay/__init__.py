"""What policies would have done on past facts, and what that would have been worth.

Here: facts as a log of changes (changes), the real ``assess`` at every moment that matters (engine).
Not here: how facts of the past are known (dbt), judging (decide), what people see (reports, cli).
"""

from guardrails.replay.changes import FactChange, changes_from_rows
from guardrails.replay.engine import Approvals, Order, Replay, replay

__all__ = ["Approvals", "FactChange", "Order", "Replay", "changes_from_rows", "replay"]
