"""What people are to hear of, and what they answered, in the ledger.

Here: recording notices and answers, what is known for a plan, queueing what a plan says.
Not here: the plan itself (routing) and the look of messages, which the caller brings along.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, cast

from sqlalchemy import Connection, Row, func, or_, select

from finops.config.routing import NoticeKind, RoutingFile
from finops.config.values import Severity
from finops.periods import as_utc
from guardrails import outbox
from guardrails import schema as t
from guardrails.gate.book import AskStatus
from guardrails.ledger import DecisionRecord, Ledger, LedgerError, Write
from guardrails.messages import Message
from guardrails.outbox import MessageStatus
from guardrails.routing import FORGOTTEN, RECENT, Notice, Plan, Response, Send, Sent, Silence, plan
from guardrails.states import Level, Status
from guardrails.webhook import canonical_json

ResponseKind = Literal["acknowledge", "snooze"]
RenderSend = Callable[[Send, Sequence[Mapping[str, Any]]], Mapping[str, Any]]
"""A message's body, of what is to be sent and the documents of its notices."""
MAX_SNOOZE = timedelta(days=90)


@dataclass(frozen=True)
class ToTell:
    """A notice with what it says. ``told_by``: messages that were queued for it already, by route."""

    notice: Notice
    document: Mapping[str, Any]
    told_by: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Answer:
    """What somebody answered to a thread."""

    thread: str
    kind: ResponseKind
    who: str
    at: datetime
    until: datetime | None
    why: str | None


def record_notices(ledger: Ledger, found: Iterable[ToTell]) -> int:
    """Keep what there is to tell, each occasion once; how many were new."""
    wanted = list(found)
    if not wanted:
        return 0
    with ledger.write() as write:
        known = _known(write.connection, [one.notice.notice_id for one in wanted])
        new = [one for one in wanted if one.notice.notice_id not in known]
        highest = write.connection.execute(select(func.max(t.notice.c.sequence))).scalar() or 0
        for number, one in enumerate(new, highest + 1):
            _insert(write, one, number)
    return len(new)


def follow_up(
    ledger: Ledger,
    routing: RoutingFile,
    render: RenderSend,
    *,
    now: datetime,
    silences: Sequence[Silence] = (),
) -> tuple[int, Plan]:
    """Queue what is due; how many messages were new, and the plan that says what waits and why.

    Messages are rendered before the transaction: a plot takes its time, and whoever else writes would wait for it.
    """
    with ledger.read() as connection:
        found = _plan(connection, routing, now, silences)
        documents = _documents(connection, [name for send in found.sends for name in send.notice_ids])
    bodies = {send: render(send, [documents[name] for name in send.notice_ids]) for send in found.sends}
    if not bodies:
        return 0, found
    queued = 0
    with ledger.write() as write:
        still_due = set(_plan(write.connection, routing, now, silences).sends)
        for send, body in bodies.items():
            if send in still_due:
                queued += _queue(write, send, body, now)
    return queued, found


def planned(ledger: Ledger, routing: RoutingFile, *, now: datetime, silences: Sequence[Silence] = ()) -> Plan:
    """What is due and what waits, without doing anything."""
    with ledger.read() as connection:
        return _plan(connection, routing, now, silences)


def respond(
    ledger: Ledger,
    thread: str,
    kind: ResponseKind,
    *,
    who: str,
    at: datetime,
    until: datetime | None = None,
    why: str | None = None,
) -> Answer:
    """Keep that somebody looks into a matter, or wants to hear no more of it until then; for good.

    Raises:
        LedgerError: nothing was ever told of such a thread.
        ValueError: nobody says it; a snooze without an end in the next 90 days.
    """
    with ledger.write() as write:
        return respond_in(write, thread, kind, who=who, at=at, until=until, why=why)


def respond_in(
    write: Write,
    thread: str,
    kind: ResponseKind,
    *,
    who: str,
    at: datetime,
    until: datetime | None = None,
    why: str | None = None,
) -> Answer:
    """``respond`` in a transaction of the caller's."""
    at = as_utc(at)
    if not who.strip():
        raise ValueError("name who says it")
    if (kind == "snooze") != (until is not None):
        raise ValueError("a snooze has an end, and only a snooze does")
    if until is not None and not at < as_utc(until) <= at + MAX_SNOOZE:
        raise ValueError(f"a snooze ends in the next {MAX_SNOOZE.days} days")
    known = select(t.notice.c.notice_id).where(t.notice.c.thread == thread).limit(1)
    if write.connection.execute(known).first() is None:
        raise LedgerError(f"nothing was told of {thread!r}; `aifinops messages list` has the threads")
    found = Answer(thread, kind, who.strip(), at, None if until is None else as_utc(until), (why or "").strip() or None)
    highest = write.connection.execute(select(func.max(t.thread_response.c.sequence))).scalar() or 0
    row = {"response_id": secrets.token_hex(8), "sequence": highest + 1, **vars(found)}
    write.connection.execute(t.thread_response.insert().values(**row))
    details = {"thread": thread, "kind": kind, "who": found.who, "until": found.until and found.until.isoformat()}
    write.chain.vouch(at, "thread.answered", row, details)
    return found


def answers(ledger: Ledger, thread: str) -> list[Answer]:
    """What was answered to a thread, oldest first; an incident's verdicts are feedback."""
    query = select(t.thread_response).where(t.thread_response.c.thread == thread)
    with ledger.read() as connection:
        rows = connection.execute(query.order_by(t.thread_response.c.sequence)).all()
    return [Answer(row.thread, row.kind, row.who, row.at, row.until, row.why) for row in rows]


def newest_document(ledger: Ledger, thread: str) -> dict[str, Any] | None:
    """What was last told of a thread; None where nothing ever was."""
    query = select(t.notice.c.document).where(t.notice.c.thread == thread).order_by(t.notice.c.sequence.desc())
    with ledger.read() as connection:
        text: str | None = connection.execute(query.limit(1)).scalar()
    return None if text is None else json.loads(text)


def notices_of(ledger: Ledger, kind: NoticeKind) -> dict[str, list[Notice]]:
    """What was recorded of a kind, by thread, oldest first."""
    query = select(t.notice).where(t.notice.c.kind == kind).order_by(t.notice.c.sequence)
    found: dict[str, list[Notice]] = {}
    with ledger.read() as connection:
        for row in connection.execute(query):
            found.setdefault(row.thread, []).append(_notice(row))
    return found


def thread_of_message(ledger: Ledger, message_id: str) -> str | None:
    """What a message is about, where it tells one thing; None where it tells several or nothing that is followed."""
    query = select(t.notice.c.thread).join(t.notice_message).where(t.notice_message.c.message_id == message_id)
    with ledger.read() as connection:
        found: set[str] = set(connection.execute(query).scalars())
    return found.pop() if len(found) == 1 else None


def thread_of_decision(ledger: Ledger, decision_id: str) -> str | None:
    """The thread that a decision was told in; None where it was not told yet."""
    query = select(t.notice.c.thread).where(t.notice.c.notice_id == t.notice.c.thread + f"/{decision_id}")
    with ledger.read() as connection:
        found: str | None = connection.execute(query.limit(1)).scalar()
    return found


def open_threads(ledger: Ledger, *, now: datetime) -> int:
    """How many matters stand open that nobody answered."""
    with ledger.read() as connection:
        notices = _notices(connection, now)
        closed = {r.thread for r in _responses(connection, {n.thread for n in notices}, now)}
    newest = {notice.thread: notice for notice in notices}
    return sum(not one.ends_thread and thread not in closed for thread, one in newest.items())


def decisions_to_tell(ledger: Ledger, *, now: datetime) -> list[tuple[DecisionRecord, dict[str, str]]]:
    """Recent decisions that are no notice yet, with the messages that tell people of them, by route."""
    query = (
        select(t.decision)
        .where(t.decision.c.decided_at >= as_utc(now) - RECENT, t.decision.c.level != Level.OBSERVE)
        .where(~select(t.notice.c.notice_id).where(t.notice.c.notice_id.like("%/" + t.decision.c.decision_id)).exists())
        .order_by(t.decision.c.decided_at, t.decision.c.decision_id)
    )
    with ledger.read() as connection:
        rows = connection.execute(query).all()
        found = []
        for row in rows:
            told = select(t.outbox.c.route_id, t.outbox.c.message_id).where(
                t.outbox.c.decision_id == row.decision_id,
                ~t.outbox.c.is_order,
                t.outbox.c.status != MessageStatus.WOULD_SEND,
            )
            record = DecisionRecord(row.decision_id, Status(row.status), json.loads(row.document))
            found.append((record, {one.route_id: one.message_id for one in connection.execute(told)}))
    return found


def lost_orders(ledger: Ledger, *, now: datetime) -> list[outbox.QueuedMessage]:
    """Orders that were given up lately: nobody acts on what the ledger decided."""
    recent = as_utc(now) - RECENT
    dead = outbox.messages(ledger, status=MessageStatus.DEAD)
    return [one for one in dead if one.is_order and one.created_at >= recent]


def _plan(connection: Connection, routing: RoutingFile, now: datetime, silences: Sequence[Silence]) -> Plan:
    notices = _notices(connection, now)
    sent = _sent(connection, now)
    responses = _responses(connection, {notice.thread for notice in notices}, now)
    return plan(routing, notices, sent, responses, as_utc(now), silences=silences)


def _notices(connection: Connection, now: datetime) -> list[Notice]:
    """Those of the threads that something was told of lately."""
    since = as_utc(now) - FORGOTTEN
    rows = connection.execute(select(t.notice).where(t.notice.c.at >= since).order_by(t.notice.c.sequence))
    return [_notice(row) for row in rows]


def _notice(row: Row[Any]) -> Notice:
    return Notice(
        notice_id=row.notice_id,
        kind=cast(NoticeKind, row.kind),
        severity=cast(Severity, row.severity),
        thread=row.thread,
        at=row.at,
        scope=row.scope,
        team=row.team,
        policy_id=row.policy_id,
        ends_thread=row.ends_thread,
        route_id=row.route_id,
    )


def _sent(connection: Connection, now: datetime) -> list[Sent]:
    since = as_utc(now) - FORGOTTEN
    query = (
        select(t.notice_message, t.outbox.c.status)
        .join(t.outbox, t.outbox.c.message_id == t.notice_message.c.message_id)
        .join(t.notice, t.notice.c.notice_id == t.notice_message.c.notice_id)
        .where(t.notice.c.at >= since)
        .order_by(t.outbox.c.sequence)
    )
    return [
        Sent(row.message_id, row.notice_id, row.route_id, row.purpose, row.at, row.status)
        for row in connection.execute(query)
    ]


def _responses(connection: Connection, threads: set[str], now: datetime) -> list[Response]:
    found = [
        Response(row.thread, row.kind, row.at, row.until)
        for row in connection.execute(select(t.thread_response).order_by(t.thread_response.c.sequence))
        if row.thread in threads
    ]
    said = select(t.incident_feedback).order_by(t.incident_feedback.c.sequence)
    for row in connection.execute(said):
        thread = f"incident/{row.incident_id}"
        if thread in threads:
            words = json.loads(row.document)
            is_over = words["kind"] == "resolve" or words["verdict"] in ("false", "planned")
            found.append(Response(thread, "over" if is_over else "acknowledge", row.given_at))
    asks = [thread.removeprefix("gate/") for thread in threads if thread.startswith("gate/")]
    # Nobody waits any more for whoever could still answer.
    done = select(t.gate_ask.c.ask_id).where(
        t.gate_ask.c.ask_id.in_(asks),
        or_(t.gate_ask.c.status != AskStatus.WAITING, t.gate_ask.c.until <= as_utc(now)),
    )
    answered: list[str] = list(connection.execute(done).scalars())
    return found + [Response(f"gate/{name}", "acknowledge", as_utc(now)) for name in answered]


def _known(connection: Connection, names: Sequence[str]) -> set[str]:
    return set(connection.execute(select(t.notice.c.notice_id).where(t.notice.c.notice_id.in_(names))).scalars())


def _documents(connection: Connection, names: Sequence[str]) -> dict[str, dict[str, Any]]:
    rows = connection.execute(select(t.notice.c.notice_id, t.notice.c.document).where(t.notice.c.notice_id.in_(names)))
    return {row.notice_id: json.loads(row.document) for row in rows}


def _insert(write: Write, one: ToTell, sequence: int) -> None:
    notice = one.notice
    row = {
        "notice_id": notice.notice_id,
        "sequence": sequence,
        "kind": notice.kind,
        "severity": notice.severity,
        "thread": notice.thread,
        "scope": notice.scope[:300],
        "team": notice.team[:200],
        "policy_id": notice.policy_id,
        "at": notice.at,
        "ends_thread": notice.ends_thread,
        "route_id": notice.route_id,
        "document": canonical_json(one.document),
    }
    write.connection.execute(t.notice.insert().values(**row))
    write.chain.vouch(notice.at, "notice.recorded", row, {})
    for route_id, message_id in (one.told_by or {}).items():
        _link(write, message_id, notice.notice_id, route_id, "first", notice.at)


def _queue(write: Write, send: Send, body: Mapping[str, Any], now: datetime) -> int:
    kinds = select(t.notice.c.kind).where(t.notice.c.notice_id.in_(send.notice_ids))
    kind = str(write.connection.execute(kinds.limit(1)).scalar_one())
    new = outbox.queue(write, [Message(send.message_id, send.route_id, kind, body, as_utc(now))])
    for name in send.notice_ids:
        _link(write, send.message_id, name, send.route_id, send.purpose, now)
    return new


def _link(write: Write, message_id: str, notice_id: str, route_id: str, purpose: str, at: datetime) -> None:
    write.connection.execute(
        t.notice_message.insert().values(
            message_id=message_id, notice_id=notice_id, route_id=route_id, purpose=purpose, at=as_utc(at)
        )
    )
