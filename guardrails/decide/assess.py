"""Facts and policies in, decisions out. Pure: no clock, no input or output, the same answer in any order.

Here: the order of the steps, and how many targets one run may touch.
Not here: the steps for one target (judgement, intent, conclusion), remembering (ledger), rendering (messages) and
sending (delivery).

How a policy's mode is read:
    off      nothing is judged.
    dry_run  every decision is made and recorded. People are told (``notify``), with the message marked as a dry run.
             Whatever asks somebody to act is rendered and kept as "would send", and never sent.
    enforce  everything is sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from finops.config.policies import Policy
from finops.periods import as_utc
from guardrails.decide.conclusion import can_undo, conclude
from guardrails.decide.intent import Intent, intend
from guardrails.decide.judgement import current_facts, excess
from guardrails.decide.model import Assessment, Decision, State, TargetKey, TargetState
from guardrails.decide.questions import lapse
from guardrails.facts import GuardrailFact
from guardrails.states import ORDERED, Suppression


def decide(
    facts: Iterable[GuardrailFact], policies: Sequence[Policy], state: State, *, as_of: datetime
) -> list[Decision]:
    """Judge facts by policies: the new decisions, ordered by policy, target and level.

    Only the newest period of a target is judged, and of several budgets of one target and period the one used most.

    Args:
        as_of: the moment (any zone) that the run reports on; the age of data is measured against it.
    """
    return assess(facts, policies, state, as_of=as_of).decisions


def assess(facts: Iterable[GuardrailFact], policies: Sequence[Policy], state: State, *, as_of: datetime) -> Assessment:
    """Like ``decide``, with the state that follows. Questions that nobody answered in time end first."""
    as_of = as_utc(as_of)
    facts = list(facts)
    ended = lapse(state, as_of, policies)
    state = replace(state, targets={**state.targets, **ended})
    decisions: list[Decision] = []
    targets: dict[TargetKey, TargetState] = dict(ended)
    for policy in policies:
        if policy.mode == "off":
            continue
        intents = {
            key: intend(policy, policy.mode, key, fact, state, as_of)
            for key, fact in sorted(current_facts(policy, facts, state.targets, as_of).items())
            if not _is_left_alone(policy, state.targets.get(key))
        }
        for key in _beyond_blast_radius(policy, intents, state, as_of):
            intents[key] = replace(intents[key], suppression=Suppression.BLAST_RADIUS)
        for key, intent in intents.items():
            decision, targets[key] = conclude(policy, policy.mode, intent, as_of)
            if decision and decision.decision_id not in state.decided:
                decisions.append(decision)
    decisions.sort(key=lambda d: (d.policy_id, d.scope_type, d.scope_value, d.subject or "", d.period, d.level))
    return Assessment(decisions, targets)


def _is_left_alone(policy: Policy, before: TargetState | None) -> bool:
    """An order cannot be taken back in a dry run, nor by a policy that lost what it ordered: it stays in force, in
    sight (``EvaluationSummary.notes``), until a person decides."""
    if before is None or before.status not in ORDERED:
        return False
    return policy.mode == "dry_run" or not can_undo(policy, before)


def _beyond_blast_radius(
    policy: Policy, intents: Mapping[TargetKey, Intent], state: State, as_of: datetime
) -> list[TargetKey]:
    """The targets that one run may not touch any more, those with the least money at stake.

    A run is known by its ``as_of``: repeating it does not open a new allowance.
    """
    ordering = {step.level for step in policy.steps if step.orders}
    acting = [key for key, intent in intents.items() if intent.acts and intent.level in ordering]
    acting.sort(key=lambda key: (-excess(policy, intents[key].fact, intents[key].level), key))
    touched = sum(
        1
        for key, target in state.targets.items()
        if key.policy_id == policy.id
        and target.mode == policy.mode
        and any(at == as_of and level in ordering for level, at in target.raised_at.items())
        and key.scope_value not in policy.never_touch
        and (not policy.only_touch or key.scope_value in policy.only_touch)
    )
    return acting[max(policy.max_targets_per_run - touched, 0) :]
