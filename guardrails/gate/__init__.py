"""The budget gate: jobs ask before they spend, and what they may spend is held for them.

Here: where budgets stand (facts), the judgement (judge), holds and approvals in the ledger (book).
Not here: the command, the HTTP endpoint, and reading marts.
"""

from guardrails.gate.book import (
    AskStatus,
    GateError,
    Reply,
    Vote,
    answer_asks,
    held_totals,
    look_up,
    release,
    settle,
    standing_asks,
    unbalanced,
    vote,
    vote_in,
)
from guardrails.gate.facts import BudgetLine, GateFacts, UnknownRateError
from guardrails.gate.judge import SCOPES, Answer, Ask, LineAnswer, Outcome, judge
from guardrails.gate.wire import ask_of_review, parse_ask, parse_price, reviewed

__all__ = [
    "SCOPES",
    "Answer",
    "Ask",
    "AskStatus",
    "BudgetLine",
    "GateError",
    "GateFacts",
    "LineAnswer",
    "Outcome",
    "Reply",
    "UnknownRateError",
    "Vote",
    "answer_asks",
    "ask_of_review",
    "held_totals",
    "judge",
    "look_up",
    "parse_ask",
    "parse_price",
    "release",
    "reviewed",
    "settle",
    "standing_asks",
    "unbalanced",
    "vote",
    "vote_in",
]
