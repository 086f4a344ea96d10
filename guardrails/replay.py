"""What policies would have done on past facts.

Here: running ``assess`` over many evaluations, as if every order had been carried out at once.
Not here: whether they would have been right (that needs people's feedback).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from finops.config.policies import Policy
from guardrails.decide import Decision, State, assess
from guardrails.facts import GuardrailFact
from guardrails.states import Status, move


def replay(facts_by_moment: Mapping[datetime, Iterable[GuardrailFact]], policies: Sequence[Policy]) -> list[Decision]:
    """All decisions, in order of time, that policies would have made at each moment (aware) on the facts of it.

    Policies are taken in the mode they are in; copy them with ``mode="enforce"`` to see what a dry run only notes.
    """
    state = State()
    decisions: list[Decision] = []
    done = {Status.EXECUTING: Status.ENFORCED, Status.REVERTING: Status.REVERTED}
    for as_of in sorted(facts_by_moment):
        assessment = assess(facts_by_moment[as_of], policies, state, as_of=as_of)
        decisions += assessment.decisions
        targets = {
            key: replace(target, status=move(target.status, done.get(target.status, target.status)))
            for key, target in assessment.targets.items()
        }
        made = frozenset(decision.decision_id for decision in assessment.decisions)
        state = State({**state.targets, **targets}, state.decided | made)
    return decisions
