"""One evaluation: what is known, what follows, written down with its messages in one transaction.

Here: the order of those steps.
Not here: any of the steps themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from finops.config import Configuration
from finops.config.policies import Policy
from finops.periods import as_utc
from guardrails import outbox
from guardrails.approvals import tell_of_answer
from guardrails.decide import Assessment, Decision, State, TargetKey, assess, lapse
from guardrails.facts import GuardrailFact
from guardrails.ledger import Ledger, Write
from guardrails.messages import Render, plan_messages
from guardrails.states import ORDERED, Level, Status


@dataclass(frozen=True)
class EvaluationSummary:
    """``decisions`` are the new ones; an evaluation that is repeated has none."""

    fact_count: int
    decisions: tuple[Decision, ...]
    message_count: int
    """New messages, those included that a dry run only keeps."""
    notes: tuple[str, ...]
    """What a person should look at: guardrails that stand and that nothing will release."""

    @property
    def suppressed(self) -> tuple[Decision, ...]:
        return tuple(decision for decision in self.decisions if decision.suppressed_because)

    @property
    def new_decision_count(self) -> int:
        return len(self.decisions)

    @property
    def sentence(self) -> str:
        """One line for people; ``notes`` go beside it."""
        counts = {level: sum(1 for decision in self.decisions if decision.level == level) for level in Level}
        levels = ", ".join(f"{count} {level}" for level, count in counts.items() if count)
        waiting = sum(1 for decision in self.decisions if decision.status == Status.PENDING_APPROVAL)
        details = [levels, f"{len(self.suppressed)} suppressed" if self.suppressed else ""]
        details.append(f"{waiting} waiting for approval" if waiting else "")
        shown = "; ".join(detail for detail in details if detail)
        return (
            f"{self.fact_count} facts judged, {self.new_decision_count} new decisions{f' ({shown})' if shown else ''}, "
            f"{self.message_count} new messages"
        )


def evaluate(
    ledger: Ledger | Path | str,
    facts: Iterable[GuardrailFact],
    configuration: Configuration,
    render: Render,
    *,
    as_of: datetime,
    audit_key: bytes = b"",
    checkpoint: Path | None = None,
) -> EvaluationSummary:
    """Judge facts by the configured policies, and record decisions, state and messages in one transaction.

    Repeating it with the same facts changes nothing; an interruption leaves everything or nothing.

    Args:
        ledger: a ledger that is open; or the path of a SQLite file or an SQLAlchemy URL, to be opened with
            ``audit_key`` and ``checkpoint``.
        render: makes the Teams card of a decision; it runs inside the transaction, so it must not wait for anything.
        as_of: the moment (any zone) that the run reports on.
    """
    if not isinstance(ledger, Ledger):
        with Ledger.open(ledger, audit_key, checkpoint=checkpoint) as opened:
            return evaluate(opened, facts, configuration, render, as_of=as_of)
    as_of = as_utc(as_of)
    facts = list(facts)
    policies = configuration.guardrails.policies
    with ledger.write() as write:
        state = write.state()
        assessment = assess(facts, policies, state, as_of=as_of)
        new, messages = write_down(write, state, assessment, configuration, render, as_of)
        for key, ended in lapse(state, as_of, policies).items():
            before = state.targets[key]
            called_off = before.decision_id if before.ordered != ended.ordered else None
            for name, what in (
                (before.pending_id, "Nobody answered in time, or the policy was changed: nothing was done."),
                (called_off, "The policy was changed before it took effect: nothing was done."),
            ):
                if name:
                    messages += tell_of_answer(write, name, Status.EXPIRED, what, configuration, render, as_of)
        details = {"facts": len(facts), "decisions": len(new), "messages": messages}
        write.chain.append(as_of, "evaluation.finished", as_of.isoformat(), details)
    return EvaluationSummary(
        len(facts), tuple(new), messages, tuple(_stranded(state, set(assessment.targets), policies))
    )


def write_down(
    write: Write,
    state: State,
    assessment: Assessment,
    configuration: Configuration,
    render: Render,
    as_of: datetime,
) -> tuple[list[Decision], int]:
    """Record decisions, how their targets stand, and their messages; take back what they replace.

    Returns:
        The decisions that were new, and the number of new messages.
    """
    new = write.record(assessment, as_of)
    for key, target in assessment.targets.items():
        before = state.targets.get(key)
        if before and before.pending_id and before.pending_id != target.pending_id:
            outbox.withdraw(write, before.pending_id, as_of)
        if before and before.decision_id and set(before.ordered) - set(target.ordered):
            outbox.withdraw(write, before.decision_id, as_of)
    # What waits for approval takes nothing back before it is approved.
    taking_effect = [one for one in new if one.supersedes and one.status != Status.PENDING_APPROVAL]
    for decision in taking_effect:
        outbox.withdraw(write, decision.supersedes or "", as_of)
    routes = configuration.routing.routes
    messages = outbox.queue(write, plan_messages(new, configuration.guardrails.policies, render, routes=routes))
    for decision in taking_effect:
        if decision.acts:
            outbox.hold_behind_lease(write, decision.supersedes or "", decision.decision_id)
    return new, messages


def _stranded(state: State, judged: set[TargetKey], policies: Sequence[Policy]) -> list[str]:
    """Orders that stand and that this evaluation could not even consider releasing."""
    modes = {policy.id: policy.mode for policy in policies}
    notes = []
    for key, target in sorted(state.targets.items()):
        if target.status not in ORDERED or not target.ordered or key in judged:
            continue
        if key.policy_id not in modes:
            why = "its policy was removed"
        elif modes[key.policy_id] == "off":
            why = "its policy is off"
        elif modes[key.policy_id] == "dry_run":
            why = "its policy is now a dry run, which takes nothing back"
        else:
            lost = "the policy has no order left to take back at a level that it raised"
            why = f"{lost}, or there are no facts about it any more"
        target_name = f"{key.scope_type} {key.scope_value}" + (f" ({key.subject})" if key.subject else "")
        notes.append(
            f"{key.policy_id} on {target_name} is still in force ({target.status}, decided for {target.period}) and "
            f"nothing will release it: {why}. `aifinops policy override` releases it by hand"
        )
    return notes
