"""What the ledger knows of one matter: what was told to whom, what people answered, what was decided and carried out.

Here: reading it together, from one state of the ledger.
Not here: writing any of it (notices, feedback, approvals, outbox, actuators), words for people (portal, reports).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, or_, select

from guardrails import schema as t
from guardrails.actuators.record import Actuation, actuations
from guardrails.approvals import Vote, votes_on
from guardrails.feedback import Feedback, Occasion, feedback_given
from guardrails.ledger import DecisionRecord, Ledger
from guardrails.notices import Answer, answers
from guardrails.outbox import MessageStatus, QueuedMessage, orders_of
from guardrails.replay.outcome import AFTER, BEFORE
from guardrails.states import Status


@dataclass(frozen=True)
class Sending:
    """A message that told something. ``purpose``: first, repeat, escalation, fallback, digest."""

    route_id: str
    purpose: str
    at: datetime
    status: MessageStatus
    settled_at: datetime | None


@dataclass(frozen=True)
class Telling:
    """Something that people were to hear of. ``title`` and ``what`` are the message's own words."""

    notice_id: str
    kind: str
    severity: str
    at: datetime
    title: str
    what: str
    sendings: tuple[Sending, ...]


@dataclass(frozen=True)
class Matter:
    """Each part oldest first; ``votes`` and ``orders`` are of the decisions, ``changes`` what the orders did."""

    tellings: tuple[Telling, ...] = ()
    answers: tuple[Answer, ...] = ()
    feedback: tuple[Feedback, ...] = ()
    decisions: tuple[DecisionRecord, ...] = ()
    votes: tuple[tuple[str, Vote], ...] = ()
    """Decision id and vote."""
    orders: tuple[QueuedMessage, ...] = ()
    changes: tuple[Actuation, ...] = ()


def incident_matter(ledger: Ledger, occasion: Occasion) -> Matter:
    """All about an incident, and the decisions about it: those that name it, and those about its scope of a day before
    it began until three days after it was last seen, as replays count them."""
    query = select(t.decision).where(
        t.decision.c.scope_type == occasion.scope_type, t.decision.c.scope_value == occasion.scope_value
    )
    thread = f"incident/{occasion.incident_id}"
    found = [one for one in _decisions(ledger, query) if _is_about(one.document, occasion)]
    names = [one.decision_id for one in found]
    votes = votes_on(ledger, names)
    return Matter(
        _tellings(ledger, thread, names),
        tuple(answers(ledger, thread)),
        tuple(feedback_given(ledger, incident_id=occasion.incident_id)),
        tuple(found),
        tuple((name, vote) for name in names for vote in votes.get(name, ())),
        tuple(orders_of(ledger, names)),
        tuple(change for name in names for change in actuations(ledger, decision_id=name)),
    )


def policy_decisions(ledger: Ledger, policy_id: str) -> list[DecisionRecord]:
    """What a policy decided, newest first."""
    query = select(t.decision).where(t.decision.c.policy_id == policy_id)
    return _decisions(ledger, query)[::-1]


def _is_about(document: Mapping[str, Any], occasion: Occasion) -> bool:
    if document["policy_kind"] == "anomaly":
        return bool(document.get("subject") == occasion.incident_id)
    day = datetime.fromisoformat(document["decided_at"]).date()
    return occasion.first_seen - BEFORE <= day <= occasion.last_seen + AFTER


def _decisions(ledger: Ledger, query: Select[Any]) -> list[DecisionRecord]:
    with ledger.read() as connection:
        rows = connection.execute(query.order_by(t.decision.c.decided_at, t.decision.c.decision_id)).all()
    return [DecisionRecord(row.decision_id, Status(row.status), json.loads(row.document)) for row in rows]


def _tellings(ledger: Ledger, thread: str, decision_ids: Sequence[str]) -> tuple[Telling, ...]:
    """Notices of the thread, and those that decisions were told with in threads of their own."""
    of_decisions = [t.notice.c.notice_id == t.notice.c.thread + f"/{name}" for name in decision_ids]
    query = select(t.notice).where(or_(t.notice.c.thread == thread, *of_decisions)).order_by(t.notice.c.sequence)
    with ledger.read() as connection:
        notices = connection.execute(query).all()
        sent = (
            select(t.notice_message, t.outbox.c.status, t.outbox.c.settled_at)
            .join(t.outbox, t.outbox.c.message_id == t.notice_message.c.message_id)
            .where(t.notice_message.c.notice_id.in_([row.notice_id for row in notices]))
            .order_by(t.outbox.c.sequence)
        )
        by_notice: dict[str, list[Sending]] = {}
        for row in connection.execute(sent):
            one = Sending(row.route_id, row.purpose, row.at, MessageStatus(row.status), row.settled_at)
            by_notice.setdefault(row.notice_id, []).append(one)
    return tuple(_telling(row, by_notice.get(row.notice_id, [])) for row in notices)


def _telling(row: Row[Any], sendings: Sequence[Sending]) -> Telling:
    said = json.loads(row.document)
    title = f"{said['eyebrow']}: {said['title']}"
    return Telling(row.notice_id, row.kind, row.severity, row.at, title, said["what"], tuple(sendings))
