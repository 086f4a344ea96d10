"""Breaking the glass: a person releases what stands on a target, and holds further orders about it for some time.

Here: both at once, on the record.
Not here: how a hold is judged (decide) and how long people usually may (their organisation's rules).
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from finops.config import Configuration
from finops.config.policies import Policy
from finops.periods import as_utc
from guardrails import schema as t
from guardrails.decide import Assessment, Decision, Intent, TargetKey, TargetState, can_undo, take_back
from guardrails.evaluate import write_down
from guardrails.facts import GuardrailFact, from_rows
from guardrails.ledger import Ledger, LedgerError, Write
from guardrails.messages import Render
from guardrails.reasons import count
from guardrails.states import ORDERED

MAX_HOURS = 24 * 14
"""Longer than two weeks is no emergency: change the policy."""


class OverrideError(LedgerError):
    """The glass cannot be broken like this; the message says why and what to do."""


@dataclass(frozen=True)
class BrokenGlass:
    """What an override did: what it released or withdrew, and until when it holds orders."""

    override_id: str
    scope_type: str
    scope_value: str
    policy_id: str | None
    until: datetime
    released: tuple[Decision, ...]


def override(
    ledger: Ledger,
    subject: str,
    configuration: Configuration,
    render: Render,
    *,
    hours: int,
    who: str,
    why: str,
    now: datetime,
) -> BrokenGlass:
    """Release what stands on a target, withdraw what waits for approval, and let nothing act on it for ``hours``.

    Facts are still judged and people still told; when the hours are over, the policies act again on what is due then.

    Args:
        subject: the id of a decision (only its policy is held), or a target such as ``team:search`` (all policies are).

    Raises:
        OverrideError: without a person or reason, with an unknown decision or target, for longer than two weeks, or
            where an order stands whose policy is gone, so that nobody knows what to undo.
    """
    who, why, now = who.strip(), why.strip(), as_utc(now)
    if not who or not why:
        raise OverrideError("say who breaks the glass, and why: it stays on the record")
    if not 1 <= hours <= MAX_HOURS:
        raise OverrideError(f"{hours} hours is not between 1 and {MAX_HOURS}; for longer, change the policy")
    policies = {policy.id: policy for policy in configuration.guardrails.policies}
    until = now + timedelta(hours=hours)
    with ledger.write() as write:
        scope_type, scope_value, policy_id = _named(write, subject)
        override_id = secrets.token_hex(8)
        said = {
            "override_id": override_id, "scope_type": scope_type, "scope_value": scope_value, "policy_id": policy_id,
            "who": who, "why": why,
        }  # fmt: skip
        row = {**said, "at": now, "until": until}
        write.connection.execute(t.guardrail_override.insert().values(**row))
        write.chain.vouch(now, "guardrail.overridden", row, {**said, "until": until.isoformat()})
        state = write.state()
        decisions: list[Decision] = []
        targets: dict[TargetKey, TargetState] = {}
        cause = f"{who} holds all orders about it for {count(hours, 'hour')}: {why.rstrip('.')}"
        for key, target in state.targets.items():
            is_meant = (key.scope_type, key.scope_value) == (scope_type, scope_value)
            if is_meant and policy_id in (None, key.policy_id):
                made, after = _given_back(write, policies.get(key.policy_id), key, target, cause, now)
                decisions += made
                if made:
                    targets[key] = after
        new, _ = write_down(write, state, Assessment(decisions, targets), configuration, render, now)
    return BrokenGlass(override_id, scope_type, scope_value, policy_id, until, tuple(new))


def _named(write: Write, subject: str) -> tuple[str, str, str | None]:
    """Scope and policy that somebody means."""
    if ":" not in subject:
        query = select(t.decision).where(t.decision.c.decision_id == subject)
        row = write.connection.execute(query).first()
        if row is None:
            raise OverrideError(f"there is no decision {subject}; name one, or a target such as team:search")
        return row.scope_type, row.scope_value, row.policy_id
    scope_type, _, scope_value = subject.partition(":")
    known = {(key.scope_type, key.scope_value) for key in write.state().targets}
    if (scope_type, scope_value) not in known:
        listed = ", ".join(sorted(f"{kind}:{value}" for kind, value in known)[:10]) or "none yet"
        raise OverrideError(f"no guardrail has ever looked at {subject}. It has looked at: {listed}")
    return scope_type, scope_value, None


def _given_back(
    write: Write, policy: Policy | None, key: TargetKey, target: TargetState, cause: str, now: datetime
) -> tuple[list[Decision], TargetState]:
    decisions: list[Decision] = []
    for wish, decision_id, is_due in (
        ("withdraw", target.pending_id, target.pending_id is not None),
        ("release", target.decision_id, target.status in ORDERED and bool(target.ordered)),
    ):
        if not is_due or decision_id is None:
            continue
        if policy is None:
            raise OverrideError(
                f"{key.policy_id} stands on {key.scope_type}:{key.scope_value} and is not in guardrails.yml any more: "
                "put it back, off or as a dry run, so that what it did can be undone"
            )
        if wish == "release" and not can_undo(policy, target):
            raised = f"{key.scope_type}:{key.scope_value} ({', '.join(target.ordered)})"
            lost = f"{key.policy_id} has no order any more at a level that it raised on {raised}"
            raise OverrideError(f"{lost}: put it back, so that it can be undone")
        fact = replace(_evidence(write, decision_id), period=target.period)
        intent = Intent(key, fact, target, "withdraw" if wish == "withdraw" else "release", cause=cause)
        decision, target = take_back(policy, target.mode, intent, now)
        decisions.append(decision)
    return decisions, target


def _evidence(write: Write, decision_id: str) -> GuardrailFact:
    """The fact that a decision stands on."""
    query = select(t.decision.c.document).where(t.decision.c.decision_id == decision_id)
    evidence: dict[str, Any] = json.loads(write.connection.execute(query).scalar_one())["evidence"]
    if evidence["kind"] == "monthly_budget":  # as it was called before budgets of other periods were judged
        evidence = evidence | {"kind": "budget"}
    (fact,) = from_rows([{"unit": "currency", "subject": None} | evidence])
    return fact
