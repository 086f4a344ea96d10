"""Which target, which period, which decision: names that stay the same however often one looks.

Here: keys and ids.
Not here: what is concluded about them.
"""

from __future__ import annotations

import hashlib
import json
import re
from functools import lru_cache

from guardrails.decide.model import Mode, TargetKey
from guardrails.facts import GuardrailFact
from guardrails.states import Level, Suppression

MILESTONE = "milestone"
_CALENDAR = re.compile(r"\d{4}(?:-\d{2}(?:-\d{2}(?:T\d{2})?)?|-W\d{2}|-Q[1-4])?")


def target_key(policy_id: str, fact: GuardrailFact) -> TargetKey:
    shape = period_shape(fact.period)
    subject = fact.budget_id if shape == MILESTONE else fact.subject
    return TargetKey(policy_id, fact.scope_type, fact.scope_value, shape, subject or "")


@lru_cache(maxsize=4096)
def period_shape(period: str) -> str:
    """``0000-00`` for months, ``0000-W00`` for weeks and so on; ``milestone`` for whatever is no calendar period."""
    return re.sub(r"\d", "0", period) if _CALENDAR.fullmatch(period) else MILESTONE


def is_earlier(period: str, than: str) -> bool:
    """Milestones have no order: a fact about another one is always about the newest."""
    return period_shape(period) != MILESTONE and period < than


def is_later(period: str, than: str) -> bool:
    return period != than if period_shape(period) == MILESTONE else period > than


def decision_id(
    policy_id: str,
    version: int,
    key: TargetKey,
    period: str,
    level: Level,
    *,
    mode: Mode,
    round_: int = 0,
    suppression: Suppression | None = None,
) -> str:
    """``gd_`` and 32 hex digits of SHA-256: one per policy, version, target, period and level.

    Three things make it finer: a dry run does not use up the real decision; after a release or a withdrawal the target
    may be decided on again in the same period; and a refusal is recorded once per cause, and does not use it up either.
    """
    parts = [policy_id, version, key.scope_type, key.scope_value, period, level, mode, round_, suppression]
    if key.subject:
        parts.append(key.subject)
    return "gd_" + hashlib.sha256(json.dumps(parts, separators=(",", ":")).encode()).hexdigest()[:32]
