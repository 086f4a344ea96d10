"""The queue of messages: what waits, who holds it, how each attempt ended.

Here: queueing, claiming under a lease, settling, dead letters, routes that are held or gone.
Not here: HTTP (delivery) and bodies (messages, webhook).

A message is sent at least once and carries the same id each time. A worker claims it under a lease before it sends, so
two workers do not send the same message; one that died in between loses its lease, and the message goes out again.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Exists, Row, and_, func, or_, select, update

from guardrails import schema as t
from guardrails.ledger import Ledger, LedgerError, Write
from guardrails.mail import MAX_EMAIL_BYTES
from guardrails.messages import Message
from guardrails.states import Level, Status
from guardrails.webhook import MAX_BODY_BYTES, canonical_json

LEASE = timedelta(seconds=60)
"""Three times the time-out of one attempt."""


class LostLeaseError(RuntimeError):
    """Another worker holds the message now."""


class MessageStatus(StrEnum):
    PENDING = "pending"
    UNDELIVERABLE = "undeliverable"
    """Waits for configuration; the remedy says which."""
    DELIVERED = "delivered"
    DEAD = "dead"
    """Given up; can be replayed."""
    WOULD_SEND = "would_send"
    """Kept for the record of a dry run."""
    AWAITING_APPROVAL = "awaiting_approval"
    """Kept until people agree."""
    WITHDRAWN = "withdrawn"
    """Taken back by a later decision before it was delivered."""


@dataclass(frozen=True)
class QueuedMessage:
    message_id: str
    decision_id: str | None
    route_id: str
    kind: str
    is_order: bool
    body: str
    """Canonical JSON."""
    status: MessageStatus
    attempts: int
    created_at: datetime
    next_attempt_at: datetime | None
    settled_at: datetime | None
    error: str | None
    remedy: str | None

    @property
    def document(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Attempt:
    number: int
    started_at: datetime
    finished_at: datetime | None
    outcome: str
    http_status: int | None
    error: str | None


@dataclass(frozen=True)
class RouteRecord:
    """Numbers of messages; the last one that the route took."""

    delivered: int
    waiting: int
    dead: int
    last_kind: str | None
    last_at: datetime | None


@dataclass(frozen=True)
class Claim:
    """A message in this worker's hands until the lease ends."""

    message: QueuedMessage
    number: int
    token: str


def queue(write: Write, messages: Iterable[Message]) -> int:
    """Queue messages, each id once; the number that were new.

    A body above 20 KB (an e-mail: 100 KB) becomes a dead letter at once: no receiver would take it.
    """
    count = 0
    highest = write.connection.execute(select(func.max(t.outbox.c.sequence))).scalar() or 0
    for message in messages:
        known = select(t.outbox.c.message_id).where(t.outbox.c.message_id == message.message_id)
        if write.connection.execute(known).first():
            continue
        count += 1
        body = canonical_json(message.body)
        size = len(body.encode())
        if message.awaits_approval:
            status = MessageStatus.AWAITING_APPROVAL
        else:
            status = MessageStatus.PENDING if message.is_sent else MessageStatus.WOULD_SEND
        error = remedy = None
        most = _most_bytes(message.body)
        if size > most:
            status = MessageStatus.DEAD
            error = f"the message has {size:,} bytes; receivers take {most:,}"
            remedy = "Shorten what it renders, such as the list of contributors"
        row = {
            "message_id": message.message_id,
            "sequence": highest + count,
            "decision_id": message.decision_id,
            "route_id": message.route_id,
            "kind": message.kind,
            "is_order": message.is_order,
            "body": body,
            "status": status,
            "attempts": 0,
            "created_at": message.created_at,
            "next_attempt_at": message.not_before,
            "error": error,
            "remedy": remedy,
        }
        write.connection.execute(t.outbox.insert().values(**row))
        write.chain.vouch(message.created_at, "message.queued", row, {"route": message.route_id, "status": status})
        if status == MessageStatus.DEAD and message.is_order and message.decision_id:
            write.settle_decision(message.decision_id, Status.FAILED, message.created_at)
    return count


def queue_notification(
    ledger: Ledger, message_id: str, route_id: str, kind: str, body: Mapping[str, Any], *, as_of: datetime
) -> bool:
    """Queue a message that no guardrail decided, such as an anomaly's card.

    Args:
        message_id: the same for the same occasion; a known one is not queued again.
        kind: what it is about (``anomaly``); becomes the event type on a webhook route.
        body: what is posted, JSON; a webhook route puts it into the envelope ``{type, timestamp, data}``.

    Returns:
        Whether it was new.
    """
    message = Message(message_id, route_id, kind, body, as_of)
    with ledger.write() as write:
        return queue(write, [message]) == 1


def withdraw(write: Write, decision_id: str, at: datetime, ends_as: Status = Status.EXPIRED) -> None:
    """Take back the orders of a decision that were not delivered; what is being sent at this moment still arrives.

    The decision, if its orders were all that it waited for, then stands at ``ends_as``.
    """
    open_orders = select(t.outbox.c.message_id).where(
        t.outbox.c.decision_id == decision_id,
        t.outbox.c.is_order,
        t.outbox.c.status.in_(
            [
                MessageStatus.PENDING,
                MessageStatus.UNDELIVERABLE,
                MessageStatus.DEAD,
                MessageStatus.AWAITING_APPROVAL,
            ]
        ),
    )
    names: list[str] = list(write.connection.execute(open_orders.order_by(t.outbox.c.sequence)).scalars())
    for name in names:
        _set(write.connection, name, status=MessageStatus.WITHDRAWN, settled_at=at, error=None, remedy=None)
        write.chain.append(at, "message.withdrawn", name, {"decision": decision_id})
    open_statuses = (Status.EXECUTING, Status.REVERTING, Status.PENDING_APPROVAL)
    if names and _decision_status(write.connection, decision_id) in open_statuses:
        write.settle_decision(decision_id, ends_as, at)


def hold_behind_lease(write: Write, superseded: str, decision_id: str) -> None:
    """Let the orders of a decision wait until a superseded order that is being sent right now has arrived."""
    latest = write.connection.execute(
        select(func.max(t.outbox.c.lease_until)).where(t.outbox.c.decision_id == superseded)
    ).scalar()
    if latest is not None:
        write.connection.execute(
            update(t.outbox)
            .where(
                t.outbox.c.decision_id == decision_id,
                t.outbox.c.is_order,
                or_(t.outbox.c.next_attempt_at.is_(None), t.outbox.c.next_attempt_at < latest),
            )
            .values(next_attempt_at=latest)
        )


def let_go(write: Write, decision_id: str, not_before: datetime | None, at: datetime) -> int:
    """Send the orders of a decision that waited for approval, not before a moment; how many there are."""
    waiting = select(t.outbox.c.message_id).where(
        t.outbox.c.decision_id == decision_id, t.outbox.c.status == MessageStatus.AWAITING_APPROVAL
    )
    names: list[str] = list(write.connection.execute(waiting.order_by(t.outbox.c.sequence)).scalars())
    for name in names:
        _set(write.connection, name, status=MessageStatus.PENDING, next_attempt_at=not_before)
        write.chain.append(at, "message.released", name, {"decision": decision_id})
    return len(names)


def claim(
    write: Write,
    route_ids: Sequence[str],
    now: datetime,
    *,
    spacing: Mapping[str, timedelta],
    serial: Collection[str] = (),
) -> Claim | timedelta | None:
    """Take the oldest message that is due on one of the routes, and open its next attempt.

    An order waits for earlier ones about the same target on the same route, so that a receiver never hears of a release
    before the order it follows. Those that are not due yet for the first time hold nobody up.

    Args:
        spacing: least time between two messages of a route.
        serial: routes on which one message at a time is in anybody's hands.

    Returns:
        The claim; or how long to wait where only the spacing of a route is in the way; or None where nothing is due.
    """
    o = t.outbox.c
    busy = _busy_routes(write.connection, serial, now)
    due = (
        select(
            *(o.message_id, o.route_id, o.attempts, o.lease_token, o.lease_until, o.lease_holder),
            t.route_state.c.hold_until,
        )
        .join(t.route_state, t.route_state.c.route_id == o.route_id, isouter=True)
        .where(
            o.status == MessageStatus.PENDING,
            o.route_id.in_([name for name in route_ids if name not in busy]),
            or_(o.next_attempt_at.is_(None), o.next_attempt_at <= now),
            ~_earlier_order(now),
        )
        .order_by(o.sequence)
    )
    shortest: timedelta | None = None
    # Closed before anything else is asked: PostgreSQL reads it through a cursor of the server's.
    with write.connection.execute(due.execution_options(yield_per=50)) as rows:
        taken = None
        for row in rows:
            if row.lease_token is not None and row.lease_until > now and not _is_dead(row.lease_holder):
                continue
            if row.hold_until is not None and row.hold_until > now:
                wait = row.hold_until - now
                if wait <= spacing.get(row.route_id, timedelta(0)):
                    shortest = wait if shortest is None else min(shortest, wait)
                continue
            taken = row
            break
    if taken is not None:
        return _take(write, taken, now, spacing.get(taken.route_id))
    return shortest


def _busy_routes(connection: Connection, serial: Collection[str], now: datetime) -> set[str]:
    """Routes of ``serial`` on which somebody who lives holds a message."""
    o = t.outbox.c
    leased = select(o.route_id, o.lease_holder).where(
        o.route_id.in_(serial), o.lease_token.is_not(None), o.lease_until > now
    )
    return {row.route_id for row in connection.execute(leased) if not _is_dead(row.lease_holder)}


def _earlier_order(now: datetime) -> Exists:
    """Whether an order about the same target is before this one on its route."""
    o, earlier = t.outbox.c, t.outbox.alias("earlier")
    mine, other = t.decision.alias("mine"), t.decision.alias("other")
    is_under_way = or_(earlier.c.attempts > 0, earlier.c.next_attempt_at.is_(None), earlier.c.next_attempt_at <= now)
    return (
        select(earlier.c.message_id)
        .join(other, other.c.decision_id == earlier.c.decision_id)
        .join(mine, mine.c.decision_id == o.decision_id)
        .where(
            o.is_order,
            earlier.c.is_order,
            earlier.c.route_id == o.route_id,
            earlier.c.sequence < o.sequence,
            other.c.scope_type == mine.c.scope_type,
            other.c.scope_value == mine.c.scope_value,
            or_(
                and_(earlier.c.status == MessageStatus.PENDING, is_under_way),
                # Withdrawn while it was being sent: it still arrives.
                and_(earlier.c.lease_token.is_not(None), earlier.c.lease_until > now),
            ),
        )
        .correlate(t.outbox)
        .exists()
    )


def renew(write: Write, held: Claim, now: datetime) -> None:
    """Prolong a claim.

    Raises:
        LostLeaseError: it ran out, and another worker took the message.
    """
    prolonged = write.connection.execute(
        update(t.outbox)
        .where(t.outbox.c.message_id == held.message.message_id, t.outbox.c.lease_token == held.token)
        .values(lease_until=now + LEASE)
    )
    if prolonged.rowcount != 1:
        raise LostLeaseError("another worker has taken the message over")


def postpone(write: Write, held: Claim, now: datetime, why: str, until: datetime) -> None:
    """End a claim under which it could not be finished yet; the attempt is on record and does not count."""
    give_back(write, held, now, why)
    write.connection.execute(
        update(t.outbox)
        .where(t.outbox.c.message_id == held.message.message_id, t.outbox.c.lease_token.is_(None))
        .values(next_attempt_at=until, error=why)
    )


def settle(
    write: Write,
    held: Claim,
    now: datetime,
    *,
    http_status: int | None,
    error: str | None = None,
    remedy: str | None = None,
    retry_at: datetime | None = None,
) -> MessageStatus:
    """Say how an attempt ended: delivered without ``error``; else again at ``retry_at``, or never where that is None.

    A worker that lost its lease still reports a success, for the message did arrive; a failure is the other's affair.
    """
    message_id = held.message.message_id
    write.connection.execute(
        update(t.delivery_attempt)
        .where(t.delivery_attempt.c.message_id == message_id, t.delivery_attempt.c.number == held.number)
        .values(finished_at=now, outcome="failed" if error else "delivered", http_status=http_status, error=error)
    )
    row = write.connection.execute(select(t.outbox).where(t.outbox.c.message_id == message_id)).one()
    before = MessageStatus(row.status)
    is_mine = row.lease_token == held.token
    if error is None:
        status = MessageStatus.DELIVERED
    elif before == MessageStatus.PENDING and is_mine:
        status = MessageStatus.PENDING if retry_at else MessageStatus.DEAD
    else:
        status = before
    free = {"lease_token": None, "lease_holder": None, "lease_until": None} if is_mine else {}
    if status != before or is_mine:
        is_final = status in (MessageStatus.DELIVERED, MessageStatus.DEAD)
        _set(
            write.connection, message_id, status=status, next_attempt_at=retry_at, error=error, remedy=remedy,
            settled_at=now if is_final else row.settled_at, **free,
        )  # fmt: skip
    details = {"attempt": held.number, "http_status": http_status, "error": error}
    write.chain.append(now, "message.failed" if error else "message.delivered", message_id, details)
    if status == MessageStatus.DEAD:
        write.chain.append(now, "message.dead", message_id, {"attempts": held.number})
    # An order that was withdrawn while it was on its way is not in force: the release that withdrew it follows.
    if row.is_order and row.decision_id and before != MessageStatus.WITHDRAWN:
        _settle_order(write, row.decision_id, now)
    return status


def give_back(write: Write, held: Claim, now: datetime, error: str) -> None:
    """End a claim under which nothing could be sent; the attempt is on record and does not count."""
    message_id = held.message.message_id
    write.connection.execute(
        update(t.delivery_attempt)
        .where(t.delivery_attempt.c.message_id == message_id, t.delivery_attempt.c.number == held.number)
        .values(finished_at=now, outcome="refused", error=error)
    )
    write.connection.execute(
        update(t.outbox)
        .where(t.outbox.c.message_id == message_id, t.outbox.c.lease_token == held.token)
        .values(attempts=held.message.attempts - 1, lease_token=None, lease_holder=None, lease_until=None)
    )


def mark_undeliverable(write: Write, route_id: str, error: str, remedy: str) -> int:
    """Park what waits for a route that cannot be used; how many messages wait for it."""
    parked = (
        update(t.outbox)
        .where(
            t.outbox.c.route_id == route_id,
            t.outbox.c.status.in_([MessageStatus.PENDING, MessageStatus.UNDELIVERABLE]),
        )
        .values(status=MessageStatus.UNDELIVERABLE, error=error, remedy=remedy)
    )
    return write.connection.execute(parked).rowcount


def mark_deliverable(write: Write, route_id: str) -> None:
    """The route can be used: what waits for it is due."""
    write.connection.execute(
        update(t.outbox)
        .where(t.outbox.c.route_id == route_id, t.outbox.c.status == MessageStatus.UNDELIVERABLE)
        .values(status=MessageStatus.PENDING, error=None, remedy=None)
    )


def waiting_routes(connection: Connection) -> list[str]:
    """Routes that messages wait for."""
    query = select(t.outbox.c.route_id).where(
        t.outbox.c.status.in_([MessageStatus.PENDING, MessageStatus.UNDELIVERABLE])
    )
    return sorted(set(connection.execute(query).scalars()))


def hold_route(write: Write, route_id: str, until: datetime) -> None:
    """Send nothing on a route before ``until``, nor before what it is held until already."""
    query = select(t.route_state.c.hold_until).where(t.route_state.c.route_id == route_id)
    known: datetime | None = write.connection.execute(query).scalar()
    _set_route(write.connection, route_id, hold_until=until if known is None else max(until, known))


def hold_failing_route(write: Write, route_id: str, until: datetime, why: str, now: datetime) -> None:
    """Send nothing on a route that failed in a row before ``until``; people are told why."""
    hold_route(write, route_id, until)
    _set_route(write.connection, route_id, held_because=why)
    write.chain.append(now, "route.held", route_id, {"why": why, "until": until.isoformat()})


def held(connection: Connection, route_id: str, now: datetime) -> tuple[datetime, str] | None:
    """Until when a route is held for failing in a row, and why; None where it is not."""
    row = connection.execute(select(t.route_state).where(t.route_state.c.route_id == route_id)).first()
    if row is None or row.held_because is None or row.hold_until is None or row.hold_until <= now:
        return None
    return row.hold_until, row.held_because


def count_failure(write: Write, route_id: str) -> int:
    """How many attempts on a route have failed in a row now."""
    query = select(t.route_state.c.failures).where(t.route_state.c.route_id == route_id)
    failures: int = (write.connection.execute(query).scalar() or 0) + 1
    _set_route(write.connection, route_id, failures=failures)
    return failures


def count_success(write: Write, route_id: str) -> None:
    """A route works."""
    t_route = t.route_state.c
    write.connection.execute(
        update(t.route_state).where(t_route.route_id == route_id).values(failures=None, held_because=None)
    )


def disable_route(write: Write, route_id: str, url_digest: str, now: datetime) -> None:
    """The receiver is gone (410): send nothing to this address again."""
    _set_route(write.connection, route_id, disabled_at=now, disabled_url=url_digest)
    write.chain.append(now, "route.disabled", route_id, {"http_status": 410})


def enable_route(ledger: Ledger, route_id: str, *, now: datetime) -> None:
    """Try a route again that was disabled because its receiver answered 410, or is held because it failed in a row."""
    with ledger.write() as write:
        cleared = dict.fromkeys(("disabled_at", "disabled_url", "hold_until", "held_because", "failures"))
        _set_route(write.connection, route_id, **cleared)
        write.chain.append(now, "route.enabled", route_id, {})


def disabled_url(connection: Connection, route_id: str) -> str | None:
    """SHA-256 of the address that is gone, or None."""
    query = select(t.route_state.c.disabled_url).where(t.route_state.c.route_id == route_id)
    return connection.execute(query).scalar()


def messages(ledger: Ledger, *, status: MessageStatus | None = None) -> list[QueuedMessage]:
    """All messages in the order of queueing."""
    query = select(t.outbox).order_by(t.outbox.c.sequence)
    if status is not None:
        query = query.where(t.outbox.c.status == status)
    with ledger.read() as connection:
        return [_message(row) for row in connection.execute(query)]


def orders_of(ledger: Ledger, decision_ids: Collection[str]) -> list[QueuedMessage]:
    """The orders that decisions gave, in the order of queueing."""
    query = select(t.outbox).where(t.outbox.c.is_order, t.outbox.c.decision_id.in_(decision_ids))
    with ledger.read() as connection:
        return [_message(row) for row in connection.execute(query.order_by(t.outbox.c.sequence))]


def attempts(ledger: Ledger, message_id: str) -> list[Attempt]:
    """Every attempt to deliver a message; one that stays ``started`` was cut off with its worker."""
    query = select(t.delivery_attempt).where(t.delivery_attempt.c.message_id == message_id)
    with ledger.read() as connection:
        rows = connection.execute(query.order_by(t.delivery_attempt.c.number)).all()
    return [
        Attempt(row.number, row.started_at, row.finished_at, row.outcome, row.http_status, row.error) for row in rows
    ]


def due_messages(ledger: Ledger, *, now: datetime) -> list[tuple[str, int]]:
    """Messages that could be sent now, with the attempts that each took so far."""
    o = t.outbox.c
    query = (
        select(o.message_id, o.attempts)
        .where(o.status == MessageStatus.PENDING, or_(o.next_attempt_at.is_(None), o.next_attempt_at <= now))
        .where(or_(o.lease_until.is_(None), o.lease_until <= now))
        .order_by(o.sequence)
    )
    with ledger.read() as connection:
        return [(row.message_id, row.attempts) for row in connection.execute(query)]


def known_messages(ledger: Ledger, names: Sequence[str]) -> set[str]:
    """Which of these messages were ever queued."""
    with ledger.read() as connection:
        return set(connection.execute(select(t.outbox.c.message_id).where(t.outbox.c.message_id.in_(names))).scalars())


def route_record(ledger: Ledger, route_id: str, *, since: datetime) -> RouteRecord:
    """How a route does: what it took since then, what waits for it and what was given up since then."""
    o = t.outbox.c
    mine = o.route_id == route_id
    recent = mine & (o.settled_at >= since)

    def count(*conditions: Any) -> int:
        return connection.execute(select(func.count()).select_from(t.outbox).where(*conditions)).scalar_one()

    with ledger.read() as connection:
        last = connection.execute(
            select(o.kind, o.settled_at)
            .where(mine, o.status == MessageStatus.DELIVERED)
            .order_by(o.settled_at.desc())
            .limit(1)
        ).first()
        return RouteRecord(
            delivered=count(recent, o.status == MessageStatus.DELIVERED),
            waiting=count(mine, o.status.in_([MessageStatus.PENDING, MessageStatus.UNDELIVERABLE])),
            dead=count(recent, o.status == MessageStatus.DEAD),
            last_kind=last.kind if last else None,
            last_at=last.settled_at if last else None,
        )


def dead_letters(ledger: Ledger) -> list[QueuedMessage]:
    return messages(ledger, status=MessageStatus.DEAD)


def replay_dead_letter(ledger: Ledger, message_id: str, *, now: datetime) -> None:
    """Send a dead letter again: same id, fresh count of attempts, at once even where its route is held for failing.

    Raises:
        LedgerError: there is no dead letter of that id.
    """
    with ledger.write() as write:
        row = write.connection.execute(select(t.outbox).where(t.outbox.c.message_id == message_id)).first()
        if row is None or row.status != MessageStatus.DEAD:
            found = "there is no such message" if row is None else f"it is {row.status}"
            raise LedgerError(f"{message_id} cannot be replayed: {found}. dead_letters lists what can be")
        if len(row.body.encode()) > _most_bytes(json.loads(row.body)):
            raise LedgerError(f"{message_id} cannot be replayed: {row.error}")
        _set(
            write.connection, message_id, status=MessageStatus.PENDING, attempts=0, next_attempt_at=None,
            settled_at=None, error=None, remedy=None,
        )  # fmt: skip
        write.chain.append(now, "message.replayed", message_id, {})
        failing = t.route_state.c.held_because.is_not(None)
        write.connection.execute(
            update(t.route_state)
            .where(t.route_state.c.route_id == row.route_id, failing)
            .values(hold_until=None, held_because=None)
        )
        if row.is_order and row.decision_id:
            query = select(t.decision.c.level).where(t.decision.c.decision_id == row.decision_id)
            level: str = write.connection.execute(query).scalar_one()
            status = Status.REVERTING if level == Level.RELEASE else Status.EXECUTING
            write.settle_decision(row.decision_id, status, now)


def write_messages(ledger: Ledger, directory: Path) -> list[Path]:
    """Write every message's body as ``<directory>/<message id>.json``, as sent or as it would have been sent."""
    directory.mkdir(parents=True, exist_ok=True)
    paths = []
    for message in messages(ledger):
        name = "".join(c if c.isalnum() or c in "-_" else "-" for c in message.message_id)
        path = directory / f"{name}.json"
        path.write_text(message.body + "\n", encoding="utf-8")
        paths.append(path)
    return paths


def _take(write: Write, row: Row[Any], now: datetime, spacing: timedelta | None) -> Claim:
    token = secrets.token_hex(16)
    last = select(func.max(t.delivery_attempt.c.number)).where(t.delivery_attempt.c.message_id == row.message_id)
    number = (write.connection.execute(last).scalar() or 0) + 1
    write.connection.execute(
        t.delivery_attempt.insert().values(message_id=row.message_id, number=number, started_at=now, outcome="started")
    )
    _set(
        write.connection, row.message_id, attempts=row.attempts + 1, lease_token=token,
        lease_holder=f"{socket.gethostname()}:{os.getpid()}", lease_until=now + LEASE,
    )  # fmt: skip
    if spacing:
        hold_route(write, row.route_id, now + spacing)
    taken = write.connection.execute(select(t.outbox).where(t.outbox.c.message_id == row.message_id)).one()
    return Claim(_message(taken), number, token)


def _is_dead(holder: str) -> bool:
    """Whether a lease's holder was a process of this machine that is no more; others are waited for."""
    host, _, pid = holder.rpartition(":")
    if host != socket.gethostname():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    # A killed process that its parent never asked about stays in the table, but does nothing any more.
    try:
        return Path("/proc", pid, "stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return False


def _settle_order(write: Write, decision_id: str, now: datetime) -> None:
    """A decision stands where its orders stand: all delivered, or one given up."""
    orders = select(t.outbox.c.status).where(t.outbox.c.decision_id == decision_id, t.outbox.c.is_order)
    statuses: set[str] = set(write.connection.execute(orders).scalars())
    current = _decision_status(write.connection, decision_id)
    done = {Status.EXECUTING: Status.ENFORCED, Status.REVERTING: Status.REVERTED}
    if current not in done:
        return
    if MessageStatus.DEAD in statuses:
        write.settle_decision(decision_id, Status.FAILED, now)
    elif statuses - {MessageStatus.WITHDRAWN} == {MessageStatus.DELIVERED}:
        write.settle_decision(decision_id, done[current], now)


def _most_bytes(body: Mapping[str, Any]) -> int:
    return MAX_EMAIL_BYTES if "email" in body else MAX_BODY_BYTES


def _decision_status(connection: Connection, decision_id: str) -> Status:
    query = select(t.decision.c.status).where(t.decision.c.decision_id == decision_id)
    return Status(connection.execute(query).scalar_one())


def _set(connection: Connection, message_id: str, **values: Any) -> None:
    connection.execute(update(t.outbox).where(t.outbox.c.message_id == message_id).values(**values))


def _set_route(connection: Connection, route_id: str, **values: Any) -> None:
    where = t.route_state.c.route_id == route_id
    if connection.execute(select(t.route_state.c.route_id).where(where)).first():
        connection.execute(update(t.route_state).where(where).values(**values))
    else:
        connection.execute(t.route_state.insert().values(route_id=route_id, **values))


def _message(row: Row[Any]) -> QueuedMessage:
    return QueuedMessage(
        message_id=row.message_id,
        decision_id=row.decision_id,
        route_id=row.route_id,
        kind=row.kind,
        is_order=row.is_order,
        body=row.body,
        status=MessageStatus(row.status),
        attempts=row.attempts,
        created_at=row.created_at,
        next_attempt_at=row.next_attempt_at,
        settled_at=row.settled_at,
        error=row.error,
        remedy=row.remedy,
    )
