"""What was changed, and what it was before: the rows that everything is put back from.

Here: writing an intention before it is sent, moving it on, what stands on an object. Each step is in the audit trail.
Not here: which step is next (steps, carry_out).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, func, select, update

from guardrails import schema as t
from guardrails.actuators.base import STRENGTH, Change, Order, State, lowered
from guardrails.ledger import Ledger, Write
from guardrails.webhook import canonical_json


class ActuationStatus(StrEnum):
    INTENDED = "intended"
    """Written down; it may or may not have been sent."""
    APPLIED = "applied"
    DRIFTED = "drifted"
    """It was set, and somebody has changed it since."""
    REVERTING = "reverting"
    REVERTED = "reverted"
    """Put back, or handed on to another order that holds the object too."""
    LEFT = "left"
    """Not put back: somebody had changed it meanwhile."""
    GONE = "gone"
    """The object does not exist any more."""
    ABANDONED = "abandoned"
    """Never sent: the object had changed before it could be."""


STANDING = (
    ActuationStatus.INTENDED, ActuationStatus.APPLIED, ActuationStatus.DRIFTED, ActuationStatus.REVERTING,
)  # fmt: skip
"""The object is, or may be, as the order wants it."""


@dataclass(frozen=True)
class Actuation:
    """One object that one order changed. Times are UTC."""

    actuation_id: str
    sequence: int
    message_id: str
    decision_id: str
    route_id: str
    target: str
    action: str
    status: ActuationStatus
    restores: str
    change: Change
    intended_at: datetime
    applied_at: datetime | None
    verified_at: datetime | None
    reverted_at: datetime | None
    error: str | None

    @property
    def is_standing(self) -> bool:
        return self.status in STANDING

    @property
    def is_in_force(self) -> bool:
        """Whether it is known to have been set."""
        return self.status in (ActuationStatus.APPLIED, ActuationStatus.DRIFTED)

    @property
    def strength(self) -> tuple[int, int]:
        """Of several on one object the strongest decides what it is; among equals the newest."""
        return STRENGTH[self.action], self.sequence


Guard = Callable[[Write], None]
"""Called first in every transaction: raises where the worker no longer holds the order."""


class Record:
    """The actuations of one route, read and written for one order at a time."""

    def __init__(self, ledger: Ledger, route_id: str, guard: Guard, clock: Callable[[], datetime]) -> None:
        self._ledger = ledger
        self._route_id = route_id
        self._guard = guard
        self._clock = clock

    def of_order(self, message_id: str) -> list[Actuation]:
        """What an order has intended so far, oldest first; abandoned intentions left out."""
        return [
            row
            for row in self._where(t.actuation.c.message_id == message_id)
            if row.status != ActuationStatus.ABANDONED
        ]

    def on_object(self, name: str) -> list[Actuation]:
        """All that ever happened to an object, oldest first."""
        return self._where(t.actuation.c.object == name)

    def standing_for(self, decision_ids: Sequence[str]) -> list[Actuation]:
        """What some decisions have changed and not put back, oldest first."""
        return [row for row in self._where(t.actuation.c.decision_id.in_(decision_ids)) if row.is_standing]

    def superseded(self, decision_id: str | None) -> list[str]:
        """A decision and those it superseded, newest first, as far as they were orders."""
        chain: list[str] = []
        with self._ledger.read() as connection:
            while decision_id is not None and decision_id not in chain:
                row = connection.execute(select(t.decision).where(t.decision.c.decision_id == decision_id)).first()
                if row is None:
                    break
                chain.append(decision_id)
                document = json.loads(row.document)
                decision_id = None if document["level"] == "release" else document["supersedes"]
        return chain

    def intend(
        self,
        order: Order,
        changes: Sequence[Change],
        notes: Sequence[str] = (),
        *,
        instead_of: Actuation | None = None,
    ) -> list[Actuation]:
        """Write down what will be changed, and what it is now, before any of it is sent.

        Args:
            instead_of: an intention that is given up with this, because its object is not what it was.
        """
        now = self._clock()
        with self._ledger.write() as write:
            self._guard(write)
            if instead_of is not None:
                move(write, instead_of, ActuationStatus.ABANDONED, now, error="the object changed before it was sent")
            highest: int = write.connection.execute(select(func.max(t.actuation.c.sequence))).scalar() or 0
            made = []
            for number, change in enumerate(changes, highest + 1):
                before = _rows(write.connection, self._route_id, t.actuation.c.object == change.object)
                name = _identity(order.message_id, change.object, len(before))
                row = {
                    "actuation_id": name,
                    "sequence": number,
                    "message_id": order.message_id,
                    "decision_id": order.decision_id,
                    "route_id": self._route_id,
                    "target": order.target,
                    "action": order.action,
                    "object": change.object,
                    "status": ActuationStatus.INTENDED,
                    "restores": _base(before, change) or name,
                    "document": canonical_json(asdict(change)),
                    "intended_at": now,
                }
                write.connection.execute(t.actuation.insert().values(**row))
                details = {"order": order.message_id, "object": change.object}
                write.chain.vouch(now, "actuation.intended", row, details)
                made.append(name)
            if notes or not (made or instead_of):
                planned = {"changes": len(made), "notes": list(notes)}
                write.chain.append(now, "order.planned", order.message_id, planned)
        return self._where(t.actuation.c.actuation_id.in_(made))

    def move(self, row: Actuation, status: ActuationStatus, *, error: str | None = None) -> None:
        """Note what became of an actuation."""
        now = self._clock()
        with self._ledger.write() as write:
            self._guard(write)
            move(write, row, status, now, error=error)

    def saw(self, row: Actuation) -> None:
        """It was looked at and holds."""
        now = self._clock()
        with self._ledger.write() as write:
            self._guard(write)
            seen(write, row, now, is_first=row.verified_at is None)

    def hold_beside(self, row: Actuation, base: str) -> None:
        """Other orders hold the object so already: this one stands beside them, and what is put back is the same."""
        now = self._clock()
        with self._ledger.write() as write:
            self._guard(write)
            _set(write.connection, row.actuation_id, restores=base)
            move(write, row, ActuationStatus.APPLIED, now)

    def prior_of(self, actuation_id: str) -> Any:
        """The state that an actuation found."""
        (row,) = self._where(t.actuation.c.actuation_id == actuation_id)
        return row.change.prior

    def _where(self, *conditions: Any) -> list[Actuation]:
        with self._ledger.read() as connection:
            return _rows(connection, self._route_id, *conditions)


def actuations(ledger: Ledger, *, decision_id: str | None = None, standing: bool = False) -> list[Actuation]:
    """What was changed on all routes, oldest first.

    Args:
        decision_id: only what this decision changed.
        standing: only what has not been put back.
    """
    query = select(t.actuation).order_by(t.actuation.c.sequence)
    if decision_id is not None:
        query = query.where(t.actuation.c.decision_id == decision_id)
    if standing:
        query = query.where(t.actuation.c.status.in_(STANDING))
    with ledger.read() as connection:
        return [_actuation(row) for row in connection.execute(query)]


def held_state(rows: Sequence[Actuation]) -> State:
    """What an object is while some orders hold it: as the strongest wants it, limits as low as any of them wants."""
    state = max(rows, key=lambda row: row.strength).change.desired
    for row in rows:
        state = lowered(state, row.change.desired, row.change.lowers)
    return state


def move(write: Write, row: Actuation, status: ActuationStatus, now: datetime, *, error: str | None = None) -> None:
    """Note what became of an actuation, within a transaction."""
    times = {
        ActuationStatus.APPLIED: {"applied_at": row.applied_at or now},
        ActuationStatus.REVERTED: {"reverted_at": now},
        ActuationStatus.LEFT: {"reverted_at": now},
    }.get(status, {})
    _set(write.connection, row.actuation_id, status=status, error=error, **times)
    details = {"object": row.change.object, "from": row.status, "error": error}
    write.chain.append(now, f"actuation.{status}", row.actuation_id, details)


def seen(write: Write, row: Actuation, now: datetime, *, is_first: bool) -> None:
    """It was looked at and holds; the first time is in the audit trail."""
    _set(write.connection, row.actuation_id, verified_at=now)
    if is_first:
        write.chain.append(now, "actuation.verified", row.actuation_id, {"object": row.change.object})


def _base(before: Sequence[Actuation], change: Change) -> str | None:
    """Whose prior state is put back once nobody holds the object any more; None: that of the new actuation itself."""
    held = [row for row in before if row.is_standing]
    sent = [row for row in held if row.status != ActuationStatus.INTENDED]
    if sent:
        return sent[0].restores
    # Cut off between writing it down and noting that it was sent: what the object is like tells.
    return next((row.restores for row in held if row.change.desired == change.prior), None)


def _identity(message_id: str, name: str, number: int) -> str:
    parts = json.dumps([message_id, name, number], separators=(",", ":"))
    return "ac_" + hashlib.sha256(parts.encode()).hexdigest()[:32]


def _rows(connection: Connection, route_id: str, *conditions: Any) -> list[Actuation]:
    query = select(t.actuation).where(t.actuation.c.route_id == route_id, *conditions)
    return [_actuation(row) for row in connection.execute(query.order_by(t.actuation.c.sequence))]


def _set(connection: Connection, actuation_id: str, **values: Any) -> None:
    connection.execute(update(t.actuation).where(t.actuation.c.actuation_id == actuation_id).values(**values))


def _actuation(row: Row[Any]) -> Actuation:
    return Actuation(
        actuation_id=row.actuation_id,
        sequence=row.sequence,
        message_id=row.message_id,
        decision_id=row.decision_id,
        route_id=row.route_id,
        target=row.target,
        action=row.action,
        status=ActuationStatus(row.status),
        restores=row.restores,
        change=_change(json.loads(row.document)),
        intended_at=row.intended_at,
        applied_at=row.applied_at,
        verified_at=row.verified_at,
        reverted_at=row.reverted_at,
        error=row.error,
    )


def _change(document: dict[str, Any]) -> Change:
    return Change(**{**document, "lowers": tuple(document["lowers"])})
