"""What jobs hold of budgets: answering asks, approvals, settling; all in one transaction each.

Here: the ledger's side of the gate.
Not here: the judgement (judge).

An ask that may run holds its estimate until the job says what it cost, gives it back, or its time is over. What was
settled or has expired goes on counting until the bill knows of that moment, so that no spend is counted twice for long
and none is forgotten. Every writer waits for the one before it, so asks at the same time see each other's holds.

    held ──settle──▶ settled ──the bill knows──▶ closed        waiting ──approved──▶ held
    held ──time────▶ expired ──the bill knows──▶ closed        waiting ──denied────▶ refused
    held ──release─▶ released                                  waiting ──time──────▶ lapsed
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal

from sqlalchemy import Row, and_, delete, func, or_, select, update

from finops.config.policies import Gate
from finops.config.problems import suggest
from finops.money import total
from guardrails import audit
from guardrails import schema as t
from guardrails.facts import plain
from guardrails.gate.facts import GateFacts, UnknownRateError
from guardrails.gate.judge import Answer, Ask, Outcome, judge
from guardrails.ledger import Ledger, Write
from guardrails.webhook import canonical_json

Vote = Literal["approve", "deny"]
Totals = dict[tuple[str, datetime], Decimal]


class AskStatus(StrEnum):
    HELD = "held"
    WAITING = "waiting"
    REFUSED = "refused"
    LAPSED = "lapsed"
    SETTLED = "settled"
    EXPIRED = "expired"
    RELEASED = "released"
    CLOSED = "closed"


_COUNTED_UNTIL_BILLED = (AskStatus.SETTLED, AskStatus.EXPIRED)
_STANDING = (AskStatus.HELD, AskStatus.WAITING)


class GateError(ValueError):
    """What was asked of the gate cannot be done; the message says why and what to do."""


@dataclass(frozen=True)
class Reply:
    """An ask as it stands. ``exit_code`` is what a pipeline's step ends with."""

    ask_id: str
    status: AskStatus
    outcome: Outcome
    proceeds: bool
    reason: str
    until: datetime | None
    document: Mapping[str, Any]
    """Ask and answer as first given."""
    votes: tuple[Mapping[str, Any], ...] = ()

    @property
    def exit_code(self) -> int:
        return self.outcome.exit_code

    def as_dict(self) -> dict[str, Any]:
        return {
            "ask_id": self.ask_id,
            "status": self.status,
            "outcome": self.outcome,
            "exit_code": self.exit_code,
            "proceeds": self.proceeds,
            "reason": self.reason,
            "until": plain(self.until),
            "ask": self.document["ask"],
            "budgets": self.document["answer"]["budgets"],
            "votes": [{name: plain(value) for name, value in vote.items()} for vote in self.votes],
        }


def answer_asks(
    ledger: Ledger,
    asks: Sequence[Ask],
    facts: GateFacts,
    settings: Gate,
    *,
    now: datetime,
    advances_checkpoint: bool = True,
) -> list[Reply | GateError]:
    """Answer asks in their order, in one transaction; each sees what those before it hold.

    A job that asks again gets the answer that stands; one that was refused, or has ended, is judged anew. Instead of a
    reply there is an error for an estimate below zero, for broken glass where the configuration has none, and for a
    job's name that stands for something else.
    """
    with ledger.write(advances_checkpoint=advances_checkpoint) as write:
        totals = _swept(write, facts, now)
        before = dict(totals)
        standing = _standing(write, [ask.job for ask in asks if ask.job])
        sequence = write.connection.execute(select(func.max(t.gate_ask.c.sequence))).scalar() or 0
        replies: list[Reply | GateError] = []
        new: list[Reply] = []
        for ask in asks:
            try:
                _check(ask, facts, settings)
                known = _known(write, standing, ask, now)
            except GateError as error:
                replies.append(error)
                continue
            if known is None:
                known = _first_reply(ask, judge(ask, facts, totals, settings, now), settings, now)
                if known.status == AskStatus.HELD:
                    _count(totals, [_hold_row(known.ask_id, line) for line in known.document["answer"]["budgets"]])
                if ask.job and known.status in _STANDING:
                    standing[ask.job] = known
                new.append(known)
            replies.append(known)
        _record(write, new, sequence, now)
        _write_totals(write, before, totals)
    return replies


def look_up(ledger: Ledger, ask_id: str) -> Reply:
    """An ask as it stands.

    Raises:
        GateError: there is none with this id.
    """
    with ledger.read() as connection:
        row = connection.execute(select(t.gate_ask).where(t.gate_ask.c.ask_id == ask_id)).one_or_none()
        if row is None:
            raise GateError(f"no ask has the id {ask_id}; `aifinops gate list` shows those that stand")
        votes = connection.execute(select(t.gate_vote).where(t.gate_vote.c.ask_id == ask_id).order_by(t.gate_vote.c.at))
        return _as_it_stands(row, tuple(dict(vote._mapping) for vote in votes))


def standing_asks(ledger: Ledger) -> list[Reply]:
    """Asks that hold money or wait for somebody, oldest first."""
    query = select(t.gate_ask).where(t.gate_ask.c.status.in_([*_STANDING, *_COUNTED_UNTIL_BILLED]))
    with ledger.read() as connection:
        rows = connection.execute(query.order_by(t.gate_ask.c.sequence)).all()
    return [_as_it_stands(row) for row in rows]


def held_totals(ledger: Ledger) -> Totals:
    """What jobs hold of each budget in each period."""
    with ledger.read() as connection:
        return _totals(connection.execute(select(t.gate_total)).all())


def settle(ledger: Ledger, ask_id: str, actual: Decimal, currency: str, facts: GateFacts, *, now: datetime) -> Reply:
    """Replace an estimate by what the job cost. Saying the same again changes nothing.

    Raises:
        GateError: the ask holds nothing, or ``actual`` is below zero.
    """
    if actual < 0:
        raise GateError(f"a job cannot cost {plain(actual)} {currency}; give what it cost, or release the ask")
    with ledger.write() as write:
        row = _locked(write, ask_id)
        if row.status not in (AskStatus.HELD, AskStatus.EXPIRED):
            if row.status in (AskStatus.SETTLED, AskStatus.CLOSED):
                return _as_it_stands(row)
            raise GateError(f"ask {ask_id} is {row.status}: it holds nothing that could be settled")
        before = _totals(write.connection.execute(select(t.gate_total)).all())
        after = dict(before)
        lines = {line["budget_id"]: line for line in json.loads(row.document)["answer"]["budgets"]}
        for hold in write.connection.execute(select(t.gate_hold).where(t.gate_hold.c.ask_id == ask_id)).all():
            wanted = lines[hold.budget_id]["currency"]
            try:
                amount = facts.converted(actual, currency, wanted)
            except UnknownRateError as error:
                raise GateError(f"there is no exchange rate for {error}; say the cost in {wanted}") from None
            key = (hold.budget_id, hold.period_starts_at)
            after[key] = after.get(key, Decimal(0)) - Decimal(hold.amount) + amount
            where = [t.gate_hold.c[name] == hold._mapping[name] for name in ("ask_id", "budget_id", "period_starts_at")]
            write.connection.execute(update(t.gate_hold).where(*where).values(amount=plain(amount)))
        _write_totals(write, before, after)
        _move(write, ask_id, AskStatus.SETTLED, now, now, {"actual": plain(actual), "currency": currency})
    return look_up(ledger, ask_id)


def release(ledger: Ledger, ask_id: str, *, now: datetime, why: str | None = None) -> Reply:
    """Give back all that an ask holds: the job did not run.

    Raises:
        GateError: the ask was settled already, or never held anything.
    """
    with ledger.write() as write:
        row = _locked(write, ask_id)
        if row.status == AskStatus.RELEASED:
            return _as_it_stands(row)
        if row.status not in (AskStatus.HELD, AskStatus.WAITING, AskStatus.EXPIRED):
            raise GateError(f"ask {ask_id} is {row.status}: there is nothing to give back")
        _drop_holds(write, [ask_id])
        _move(write, ask_id, AskStatus.RELEASED, None, now, {"why": why})
    return look_up(ledger, ask_id)


def vote(
    ledger: Ledger, ask_id: str, verdict: Vote, who: str, facts: GateFacts, settings: Gate, *, now: datetime, why: str
) -> Reply:
    """Say yes or no to an ask that waits. One no refuses it; enough people's yes lets it run, and its estimate is held.

    Raises:
        GateError: nobody waits for it, it is one's own, or the configuration names others to approve.
    """
    with ledger.write() as write:
        vote_in(write, ask_id, verdict, who, facts, settings, now=now, why=why)
    return look_up(ledger, ask_id)


def vote_in(
    write: Write, ask_id: str, verdict: Vote, who: str, facts: GateFacts, settings: Gate, *, now: datetime, why: str
) -> None:
    """``vote`` in a transaction of the caller's."""
    who = who.strip()
    if not who:
        raise GateError("name who says it")
    if settings.approvers and who not in settings.approvers:
        raise GateError(f"{who} may not approve; guardrails.yml names {', '.join(settings.approvers)}")
    _swept(write, facts, now)
    row = _locked(write, ask_id)
    document = json.loads(row.document)
    given = write.connection.execute(select(t.gate_vote).where(t.gate_vote.c.ask_id == ask_id)).all()
    if any(one.who == who and one.verdict == verdict for one in given):
        return
    if row.status != AskStatus.WAITING:
        raise GateError(f"ask {ask_id} is {row.status}: nobody waits for an answer any more")
    if document["ask"]["who"] == who:
        raise GateError(f"{who} asked for it; somebody else must approve")
    if any(one.who == who for one in given):
        raise GateError(f"{who} has answered already")
    spoken = {"ask_id": ask_id, "who": who, "at": now, "verdict": verdict, "why": why.strip() or None}
    write.connection.execute(t.gate_vote.insert().values(**spoken))
    write.chain.vouch(now, "gate.voted", spoken, {"who": who, "verdict": verdict, "why": why})
    if verdict == "deny":
        _move(write, ask_id, AskStatus.REFUSED, None, now, {})
    elif sum(one.verdict == "approve" for one in given) + 1 >= settings.approvals:
        before = _totals(write.connection.execute(select(t.gate_total)).all())
        after = dict(before)
        holds = [_hold_row(ask_id, line) for line in document["answer"]["budgets"]]
        if holds:
            write.connection.execute(t.gate_hold.insert(), holds)
        _count(after, holds)
        _write_totals(write, before, after)
        _move(write, ask_id, AskStatus.HELD, now + timedelta(hours=settings.hold_hours), now, {})


def _check(ask: Ask, facts: GateFacts, settings: Gate) -> None:
    if ask.estimate < 0:
        raise GateError(
            f"an estimate of {plain(ask.estimate)} {ask.currency} is below zero; give what the job may cost"
        )
    if not ask.who.strip():
        raise GateError("name who asks")
    for level, value in ask.scopes.items():
        known = facts.known_values.get(level)
        # A misspelt team would be held to the company's budget alone.
        if known is not None and value not in known:
            remedy = suggest(value, sorted(known)) or "Write it as in tags.yml, or add it there"
            raise GateError(f"tags.yml has no {level} {value!r}. {remedy}")
    if ask.break_glass is not None:
        if not settings.break_glass:
            raise GateError("guardrails.yml allows nobody to break the glass; ask for approval or for a larger budget")
        if not ask.break_glass.strip():
            raise GateError("say why the glass is broken: it stays on the record")


def _first_reply(ask: Ask, answer: Answer, settings: Gate, now: datetime) -> Reply:
    ask_id = secrets.token_hex(6)
    if answer.proceeds:
        status, until = AskStatus.HELD, now + timedelta(hours=settings.hold_hours)
    elif answer.outcome == Outcome.APPROVAL:
        status, until = AskStatus.WAITING, now + timedelta(hours=settings.approval_hours)
    else:
        return _reply(ask_id, AskStatus.REFUSED, ask, answer, None)
    return _reply(ask_id, status, ask, answer, until)


def _reply(ask_id: str, status: AskStatus, ask: Ask, answer: Answer, until: datetime | None) -> Reply:
    document = {"ask": ask.as_dict(), "answer": answer.as_dict()}
    return Reply(ask_id, status, answer.outcome, answer.proceeds, answer.reason, until, document)


def _known(write: Write, standing: dict[str, Reply], ask: Ask, now: datetime) -> Reply | None:
    """The reply that the same job was given before, unless the glass is broken over it."""
    known = standing.get(ask.job) if ask.job else None
    if known is None:
        return None
    if known.document["ask"] | {"break_glass": None} != ask.as_dict() | {"break_glass": None}:
        raise GateError(
            f"job {ask.job} has asked before, for something else (ask {known.ask_id}); give each attempt its own name"
        )
    if ask.break_glass and not known.proceeds:
        if known.status == AskStatus.WAITING:
            _move(write, known.ask_id, AskStatus.RELEASED, None, now, {"why": "the glass was broken"})
        return None
    return known


def _as_it_stands(row: Row[Any], votes: tuple[Mapping[str, Any], ...] = ()) -> Reply:
    document = json.loads(row.document)
    answer, status = document["answer"], AskStatus(row.status)
    reply = Reply(
        row.ask_id, status, Outcome(answer["outcome"]), answer["proceeds"], answer["reason"], row.until, document, votes
    )
    if reply.outcome != Outcome.APPROVAL:
        return reply
    match status:
        case AskStatus.WAITING:
            return reply
        case AskStatus.REFUSED | AskStatus.LAPSED | AskStatus.RELEASED:
            how = {"refused": "Somebody said no.", "lapsed": "Nobody answered in time.", "released": "It was given up."}
            return replace(reply, outcome=Outcome.DENY, reason=f"{reply.reason} {how[status]}")
        case _:
            return replace(reply, outcome=Outcome.ALLOW, proceeds=True, reason=f"{reply.reason} It was approved.")


def _standing(write: Write, jobs: Sequence[str]) -> dict[str, Reply]:
    """By job, the ask that stands or that its people have just answered."""
    if not jobs:
        return {}
    query = select(t.gate_ask).where(t.gate_ask.c.job.in_(sorted(set(jobs)))).order_by(t.gate_ask.c.sequence)
    newest = {row.job: _as_it_stands(row) for row in write.connection.execute(query)}
    return {job: reply for job, reply in newest.items() if reply.status in _STANDING or _was_denied(reply)}


def _was_denied(reply: Reply) -> bool:
    """By a person: asking once more would only ask them again."""
    asked = reply.document["answer"]["outcome"] == Outcome.APPROVAL
    return asked and reply.status == AskStatus.REFUSED


def _record(write: Write, replies: Sequence[Reply], sequence: int, now: datetime) -> None:
    if not replies:
        return
    asks, holds, entries = [], [], []
    for number, reply in enumerate(replies, start=sequence + 1):
        asks.append(
            {
                "ask_id": reply.ask_id,
                "sequence": number,
                "job": reply.document["ask"]["job"],
                "status": reply.status,
                "asked_at": now,
                "until": reply.until,
                "document": canonical_json(reply.document),
            }
        )
        details = {"status": reply.status, "outcome": reply.outcome}
        entries.append(audit.voucher(now, "gate.answered", asks[-1], details))
        if reply.document["ask"]["break_glass"]:
            entries.append((now, "gate.broke_glass", reply.ask_id, {"who": reply.document["ask"]["who"]}))
        if reply.status == AskStatus.HELD:
            holds += [_hold_row(reply.ask_id, line) for line in reply.document["answer"]["budgets"]]
    write.connection.execute(t.gate_ask.insert(), asks)
    if holds:
        write.connection.execute(t.gate_hold.insert(), holds)
    write.chain.extend(entries)


def _hold_row(ask_id: str, line: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "ask_id": ask_id,
        "budget_id": line["budget_id"],
        "period_starts_at": datetime.fromisoformat(line["period_starts_at"]),
        "amount": line["estimate"],
    }


def _count(totals: Totals, holds: Sequence[Mapping[str, Any]]) -> None:
    for row in holds:
        key = (row["budget_id"], row["period_starts_at"])
        totals[key] = totals.get(key, Decimal(0)) + Decimal(row["amount"])


def _swept(write: Write, facts: GateFacts, now: datetime) -> Totals:
    """End what has run out or is billed by now; what is held after that."""
    c = t.gate_ask.c
    ended = [and_(c.status.in_(_STANDING), c.until <= now)]
    if facts.data_through is not None:
        ended.append(and_(c.status.in_(_COUNTED_UNTIL_BILLED), c.until <= facts.data_through))
    rows = write.connection.execute(select(c.ask_id, c.status, c.until).where(or_(*ended)).order_by(c.sequence)).all()
    billed = []
    for row in rows:
        if row.status == AskStatus.HELD:
            _move(write, row.ask_id, AskStatus.EXPIRED, row.until, now, {})
        elif row.status == AskStatus.WAITING:
            _move(write, row.ask_id, AskStatus.LAPSED, None, now, {})
        else:
            billed.append(row.ask_id)
            _move(write, row.ask_id, AskStatus.CLOSED, None, now, {})
    _drop_holds(write, billed)
    return _totals(write.connection.execute(select(t.gate_total)).all())


def _drop_holds(write: Write, ask_ids: Sequence[str]) -> None:
    if not ask_ids:
        return
    before = _totals(write.connection.execute(select(t.gate_total)).all())
    after = dict(before)
    of_asks = t.gate_hold.c.ask_id.in_(ask_ids)
    for row in write.connection.execute(select(t.gate_hold).where(of_asks)).all():
        key = (row.budget_id, row.period_starts_at)
        after[key] = after.get(key, Decimal(0)) - Decimal(row.amount)
    write.connection.execute(delete(t.gate_hold).where(of_asks))
    _write_totals(write, before, after)


def _totals(rows: Sequence[Row[Any]]) -> Totals:
    return {(row.budget_id, row.period_starts_at): Decimal(row.amount) for row in rows}


def _write_totals(write: Write, before: Totals, after: Totals) -> None:
    for key, amount in after.items():
        where = (t.gate_total.c.budget_id == key[0], t.gate_total.c.period_starts_at == key[1])
        if key not in before:
            row = {"budget_id": key[0], "period_starts_at": key[1], "amount": plain(amount)}
            write.connection.execute(t.gate_total.insert().values(**row))
        elif before[key] != amount:
            write.connection.execute(update(t.gate_total).where(*where).values(amount=plain(amount)))


def _locked(write: Write, ask_id: str) -> Row[Any]:
    row = write.connection.execute(select(t.gate_ask).where(t.gate_ask.c.ask_id == ask_id)).one_or_none()
    if row is None:
        raise GateError(f"no ask has the id {ask_id}; `aifinops gate list` shows those that stand")
    return row


def _move(
    write: Write, ask_id: str, status: AskStatus, until: datetime | None, now: datetime, details: Mapping[str, Any]
) -> None:
    write.connection.execute(update(t.gate_ask).where(t.gate_ask.c.ask_id == ask_id).values(status=status, until=until))
    write.chain.append(now, f"gate.{status}", ask_id, details)


def unbalanced(ledger: Ledger) -> list[str]:
    """Budgets whose total is not the sum of what is held; none unless somebody edited the ledger."""
    with ledger.read() as connection:
        totals = _totals(connection.execute(select(t.gate_total)).all())
        holds: dict[tuple[str, datetime], list[Decimal]] = {}
        for row in connection.execute(select(t.gate_hold)):
            holds.setdefault((row.budget_id, row.period_starts_at), []).append(Decimal(row.amount))
    return [
        f"budget {key[0]}: {plain(amount)} is said to be held, {plain(total(holds.get(key, [])))} is"
        for key, amount in totals.items()
        if amount != total(holds.get(key, []))
    ]
