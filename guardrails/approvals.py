"""What people say of decisions that wait for them: yes, no, or nothing in time.

Here: recording it, append-only and in the audit trail; giving the orders with the last yes, in the same transaction.
Not here: asking (evaluate) and how people are reached (reports, portal, cli).

Whoever owns a policy may approve what it decides: owning it is being asked. Nobody counts twice.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import select

from finops.config import Configuration
from finops.config.values import WeeklyHours
from finops.periods import as_utc
from guardrails import outbox
from guardrails import schema as t
from guardrails.decide import Decision, TargetKey, TargetState, answered, approved, lapse, next_open
from guardrails.ledger import Ledger, LedgerError, Write
from guardrails.messages import Render, plan_notices
from guardrails.reasons import moment
from guardrails.states import Status

Verdict = Literal["approve", "deny"]


class ApprovalError(LedgerError):
    """Somebody's word cannot be taken; the message says why and what to do."""


@dataclass(frozen=True)
class Vote:
    who: str
    verdict: str
    why: str | None
    at: datetime


@dataclass(frozen=True)
class Question:
    """A decision that was put to people, and what they said. ``status`` tells whether it still waits."""

    decision: Decision
    status: Status
    votes: tuple[Vote, ...]

    @property
    def missing(self) -> int:
        """How many more must agree."""
        agreed = sum(vote.verdict == "approve" for vote in self.votes)
        return max(self.decision.approvals_needed - agreed, 0) if self.status == Status.PENDING_APPROVAL else 0


@dataclass(frozen=True)
class Teller:
    """What it takes to tell people how a question ended."""

    configuration: Configuration
    render: Render


def questions(ledger: Ledger, *, only_open: bool = True) -> list[Question]:
    """Decisions that wait for people, oldest first; all that ever did with ``only_open`` False."""
    records = ledger.decisions(status=Status.PENDING_APPROVAL if only_open else None)
    asked = [record for record in records if record.document.get("approvals_needed")]
    said = votes_on(ledger, [record.decision_id for record in asked])
    return [
        Question(
            Decision.from_dict(record.document), record.status, tuple(said.get(record.decision_id, []))
        )
        for record in asked
    ]  # fmt: skip


def votes_on(ledger: Ledger, decision_ids: Iterable[str]) -> dict[str, list[Vote]]:
    """What people said of decisions, by decision, oldest first."""
    query = select(t.guardrail_vote).where(t.guardrail_vote.c.decision_id.in_(list(decision_ids)))
    said: dict[str, list[Vote]] = {}
    with ledger.read() as connection:
        for row in connection.execute(query.order_by(t.guardrail_vote.c.at)):
            said.setdefault(row.decision_id, []).append(Vote(row.who, row.verdict, row.why, row.at))
    return said


def question(ledger: Ledger, decision_id: str) -> Question:
    """One decision that was put to people.

    Raises:
        ApprovalError: nobody was ever asked about it.
    """
    for one in questions(ledger, only_open=False):
        if one.decision.decision_id == decision_id:
            return one
    raise _unasked(decision_id)


def _unasked(decision_id: str) -> ApprovalError:
    return ApprovalError(
        f"no decision {decision_id} was put to anybody; `aifinops approvals list` shows those that wait"
    )


def approve(
    ledger: Ledger, decision_id: str, *, who: str, why: str = "", now: datetime, teller: Teller | None = None
) -> Question:
    """Agree to a decision's orders. With the last person who is needed they are given, after the policy's grace.

    Args:
        now: the real time; approvals end by it, and figures grow old by it.
        teller: tells the people who heard of the question how it ended.

    Raises:
        ApprovalError: it does not wait for anybody (any more), this person may not or did already answer, or the
            figures behind it have become too old to act on.
    """
    return _vote(ledger, decision_id, "approve", who, why, as_utc(now), teller)


def deny(
    ledger: Ledger, decision_id: str, *, who: str, why: str = "", now: datetime, teller: Teller | None = None
) -> Question:
    """Refuse a decision's orders: one no ends it, and this level is not asked for again in its period.

    Raises:
        ApprovalError: as for ``approve``, but for the age of the figures.
    """
    return _vote(ledger, decision_id, "deny", who, why, as_utc(now), teller)


def expire_approvals(ledger: Ledger, *, now: datetime, teller: Teller | None = None) -> list[str]:
    """End the questions that nobody answered in time; the ids of their decisions."""
    now = as_utc(now)
    if not lapse(ledger.state(), now):
        return []
    with ledger.write() as write:
        state = write.state()
        ended = lapse(state, now)
        for key, target in ended.items():
            name = state.targets[key].pending_id or ""
            write.remember(key, target, now)
            outbox.withdraw(write, name, now)
            if teller:
                what = "Nobody answered in time: nothing was done."
                tell_of_answer(write, name, Status.EXPIRED, what, teller.configuration, teller.render, now)
    return sorted(state.targets[key].pending_id or "" for key in ended)


def tell_of_answer(
    write: Write,
    decision_id: str,
    status: Status,
    sentence: str,
    configuration: Configuration,
    render: Render,
    at: datetime,
) -> int:
    """Queue how a question ended for whoever heard of it; the number of new messages."""
    query = select(t.decision.c.document).where(t.decision.c.decision_id == decision_id)
    decision = Decision.from_dict(json.loads(write.connection.execute(query).scalar_one()))
    told = replace(decision, status=status, reason=f"{decision.reason} {sentence}")
    policies, routes = configuration.guardrails.policies, configuration.routing.routes
    return outbox.queue(write, plan_notices(told, policies, render, routes=routes, occasion="answered", at=at))


def _vote(
    ledger: Ledger, decision_id: str, verdict: Verdict, who: str, why: str, now: datetime, teller: Teller | None
) -> Question:
    who, why = who.strip(), why.strip()
    if not who:
        raise ApprovalError("name who says it")
    expire_approvals(ledger, now=now, teller=teller)
    with ledger.write() as write:
        vote_in(write, decision_id, verdict, who, why, now, teller)
    return question(ledger, decision_id)


def vote_in(
    write: Write, decision_id: str, verdict: Verdict, who: str, why: str, now: datetime, teller: Teller | None
) -> None:
    """``approve`` or ``deny`` in a transaction of the caller's, who has ended what nobody answered in time."""
    row = write.connection.execute(select(t.decision).where(t.decision.c.decision_id == decision_id)).first()
    document = json.loads(row.document) if row else {}
    if row is None or not document.get("approvals_needed"):
        raise _unasked(decision_id)
    decision = Decision.from_dict(document)
    if decision.approvers and who not in decision.approvers:
        raise ApprovalError(f"{who} may not answer; the policy names {', '.join(decision.approvers)}")
    given = write.connection.execute(
        select(t.guardrail_vote).where(t.guardrail_vote.c.decision_id == decision_id)
    ).all()
    if not any((one.who, one.verdict) == (who, verdict) for one in given):
        if row.status != Status.PENDING_APPROVAL:
            raise ApprovalError(f"{decision_id} is {row.status}: nobody waits for an answer any more")
        if any(one.who == who for one in given):
            raise ApprovalError(f"{who} has answered already")
        _take(write, decision, verdict, who, why, given, now, teller)


def _take(
    write: Write,
    decision: Decision,
    verdict: Verdict,
    who: str,
    why: str,
    given: Iterable[Any],
    now: datetime,
    teller: Teller | None,
) -> None:
    key, target = _waiting(write, decision)
    if verdict == "approve":
        _must_still_hold(write, decision, key, target, now)
        _must_still_be_asked(decision, teller)
    spoken = {"decision_id": decision.decision_id, "who": who, "verdict": verdict, "why": why or None}
    row = {**spoken, "at": now}
    write.connection.execute(t.guardrail_vote.insert().values(**row))
    write.chain.vouch(now, "guardrail.voted", row, spoken)
    names = [*(one.who for one in given if one.verdict == "approve"), who]
    if verdict == "deny":
        outbox.withdraw(write, decision.decision_id, now, Status.DENIED)
        write.remember(key, answered(target, Status.DENIED), now)
        _tell(
            write, decision, Status.DENIED, f"{who} said no{': ' + why if why else ''}. Nothing was done.", teller, now
        )
    elif len(names) >= decision.approvals_needed:
        acts_at = _due(decision, now)
        if decision.supersedes:
            outbox.withdraw(write, decision.supersedes, now)
        write.settle_decision(decision.decision_id, Status.EXECUTING, now)
        write.remember(key, approved(target, acts_at=acts_at), now)
        outbox.let_go(write, decision.decision_id, acts_at, now)
        if decision.supersedes:
            outbox.hold_behind_lease(write, decision.supersedes, decision.decision_id)
        when = f"at {moment(acts_at)}" if acts_at else "now"
        _tell(write, decision, Status.EXECUTING, f"{' and '.join(names)} agreed: it takes effect {when}.", teller, now)


def _waiting(write: Write, decision: Decision) -> tuple[TargetKey, TargetState]:
    for key, target in write.state().targets.items():
        if target.pending_id == decision.decision_id:
            return key, target
    raise ApprovalError(f"{decision.decision_id} does not wait for anybody any more; run `aifinops approvals list`")


def _must_still_hold(write: Write, decision: Decision, key: TargetKey, target: TargetState, now: datetime) -> None:
    """What has become less since is withdrawn by the next evaluation; here it must only be recent enough."""
    if target.trusted_until is not None and now > target.trusted_until:
        raise ApprovalError(
            f"the figures behind {decision.decision_id} were good until {moment(target.trusted_until)}: run the "
            "pipeline, then approve it if it still waits"
        )
    held = next((one for one in write.state().overrides if one.covers(key, now)), None)
    if held is not None:
        raise ApprovalError(
            f"orders about {decision.target} are held until {moment(held.until)}; approve it afterwards"
        )


def _must_still_be_asked(decision: Decision, teller: Teller | None) -> None:
    """The next evaluation ends questions of policies that were changed; nobody should answer them before it does."""
    if teller is None:
        return
    policies = {policy.id: policy for policy in teller.configuration.guardrails.policies}
    policy = policies.get(decision.policy_id)
    if policy is None or policy.mode != "enforce" or policy.version != decision.policy_version:
        what = f"the policy {decision.policy_id} was changed since it asked {decision.decision_id}"
        raise ApprovalError(f"{what}; the next evaluation ends it")


def _due(decision: Decision, now: datetime) -> datetime | None:
    """When orders that are approved now are given; None: at once."""
    due = now + timedelta(minutes=decision.grace_minutes)
    if decision.acts_when is not None:
        due = next_open(WeeklyHours.model_validate(dict(decision.acts_when)), due)
    return due if due > now else None


def _tell(write: Write, decision: Decision, status: Status, sentence: str, teller: Teller | None, at: datetime) -> None:
    if teller:
        tell_of_answer(write, decision.decision_id, status, sentence, teller.configuration, teller.render, at)
