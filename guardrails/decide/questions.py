"""What becomes of a question that people were asked, and of orders that wait for their grace to end.

Here: the target after enough said yes, after one said no, after nobody answered in time.
Not here: asking (conclusion), who said what (guardrails.approvals).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from finops.config.policies import Policy
from guardrails.decide.model import State, TargetKey, TargetState
from guardrails.states import Level, Status, move


def lapse(state: State, as_of: datetime, policies: Iterable[Policy] | None = None) -> dict[TargetKey, TargetState]:
    """The targets whose question ends, as nobody answered in time; and those whose policy does not say any more what
    waits there for people or for the end of a grace.

    Nothing is asked again before the cooldown is over.
    """
    asking = None if policies is None else {(one.id, one.version) for one in policies if one.mode == "enforce"}
    ended = {}
    for key, target in state.targets.items():
        is_asked = asking is None or (key.policy_id, target.policy_version) in asking
        if not is_asked and target.is_in_grace(as_of):
            ended[key] = _called_off(target)
        if target.pending_id is None:
            continue
        if is_asked and target.pending_until is not None and as_of < target.pending_until:
            continue
        ended[key] = answered(ended.get(key, target), Status.EXPIRED, round_=target.round + 1)
    return ended


def _called_off(target: TargetState) -> TargetState:
    """A target whose newest orders never left; what was ordered before stands."""
    held = tuple(level for level in target.ordered if level != target.level)
    return replace(
        target,
        level=held[-1] if held else Level.OBSERVE,
        status=move(target.status, Status.ENFORCED if held else Status.EXPIRED),
        ordered=held,
        acts_at=None,
        round=target.round + 1,
    )


def answered(target: TargetState, status: Status, *, round_: int | None = None) -> TargetState:
    """A target whose question has ended without an order."""
    return replace(
        target.without_question(),
        status=move(target.status, status) if target.status == Status.PENDING_APPROVAL else target.status,
        round=target.round if round_ is None else round_,
    )


def approved(target: TargetState, *, acts_at: datetime | None) -> TargetState:
    """A target whose question was answered with enough people's yes: its orders are given at ``acts_at``, or now."""
    level = target.pending_level or target.level
    return replace(
        target.without_question(),
        level=level,
        status=move(target.status, Status.EXECUTING),
        ordered=target.ordered_with(level),
        acts_at=acts_at,
        is_sent=False,
        decision_id=target.pending_id,
        clear_count=0,
    )
