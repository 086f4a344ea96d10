"""Looking after what stands: whether it still holds, and taking it back by hand.

Here: verification, manual restore, plans to look at.
Not here: carrying out (carry_out), the record (record), words on a terminal (the command line).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import select

from finops.config.actuator_routes import ActuatorRoute
from finops.config.routing import Route
from finops.periods import as_utc
from guardrails import outbox
from guardrails import schema as t
from guardrails.actuators import steps
from guardrails.actuators.base import (
    Actuator,
    FailedError,
    InProgressError,
    Order,
    OrderKind,
    Plan,
    RefusedError,
)
from guardrails.actuators.build import MissingVariableError, build
from guardrails.actuators.record import Actuation, ActuationStatus, actuations, held_state, move, seen
from guardrails.ledger import Ledger, LedgerError
from guardrails.messages import Message
from guardrails.states import Level, Status


@dataclass(frozen=True)
class Drift:
    """Something that an order set and that is not so any more."""

    actuation: Actuation
    what: str
    """What is otherwise, and who did it where the system knows."""

    @property
    def sentence(self) -> str:
        row = self.actuation
        return f"{row.target}: {row.change.object} was not left as {row.action} had set it: {self.what}"


@dataclass(frozen=True)
class Verification:
    """What one look at all that stands found."""

    holding: int
    drifts: tuple[Drift, ...]
    """Everything that does not hold, found now or earlier."""
    gone: int
    unknown: tuple[str, ...]
    """Routes that could not be asked, and why."""

    @property
    def sentence(self) -> str:
        return (
            f"{self.holding} changes hold, {len(self.drifts)} do not, {self.gone} objects are gone, "
            f"{len(self.unknown)} could not be looked at"
        )


def verify_actuations(
    ledger: Ledger, routes: Sequence[Route], environ: Mapping[str, str], *, now: datetime
) -> Verification:
    """See whether what orders changed is still so. A decision whose change was undone by somebody becomes FAILED.

    Nothing is changed in any system: to set it again would be to fight with whoever set it otherwise.

    Args:
        environ: where the routes' variables are looked up, such as ``os.environ``.
        now: the real time, any zone.
    """
    now = as_utc(now)
    by_id = {route.id: route for route in routes}
    holding, gone = 0, 0
    drifts: list[Drift] = []
    unknown: list[str] = []
    standing: dict[str, dict[str, list[Actuation]]] = {}
    for row in actuations(ledger, standing=True):
        standing.setdefault(row.route_id, {}).setdefault(row.change.object, []).append(row)
    for name, objects in standing.items():
        actuator = _opened(by_id.get(name), name, environ, unknown)
        if actuator is None:
            continue
        try:
            for rows in objects.values():
                in_force = [row for row in rows if row.is_in_force]
                if not actuator.is_enforced or not in_force:
                    continue
                top = max(in_force, key=lambda row: row.strength)
                found = actuator.read(top.change)
                what = None if found is None else steps.difference(found, held_state(in_force))
                _note(ledger, rows, top, is_gone=found is None, what=what, now=now)
                holding += found is not None and what is None
                gone += found is None
                if what is not None:
                    drifts.append(Drift(top, what))
        except (FailedError, RefusedError, InProgressError) as error:
            unknown.append(f"{name}: {error}")
        finally:
            actuator.close()
    return Verification(holding, tuple(drifts), gone, tuple(unknown))


def take_back(ledger: Ledger, decision_id: str, *, who: str, why: str, now: datetime) -> list[str]:
    """Queue the opposite of every order of a decision that changed something, and withdraw what is not carried out yet.

    The next delivery puts back what the record says was there before.

    Returns:
        The ids of the messages that do it.

    Raises:
        LedgerError: there is no such decision, or nothing of it stands.
    """
    now = as_utc(now)
    rows = actuations(ledger, decision_id=decision_id, standing=True)
    with ledger.write() as write:
        status = write.connection.execute(
            select(t.decision.c.status).where(t.decision.c.decision_id == decision_id)
        ).scalar()
        if status is None:
            raise LedgerError(f"there is no decision {decision_id}. `aifinops actuators list` shows what stands")
        if not rows:
            raise LedgerError(f"nothing that {decision_id} changed stands: there is nothing to take back")
        outbox.withdraw(write, decision_id, now)
        names = []
        for order_id in dict.fromkeys(row.message_id for row in rows):
            sent = write.connection.execute(select(t.outbox).where(t.outbox.c.message_id == order_id)).one()
            body: dict[str, Any] = json.loads(sent.body)
            data = body["data"] | {
                "level": Level.RELEASE,
                "supersedes": decision_id,
                "reason": f"Taken back by {who}: {why}",
            }
            opposite = {"type": "guardrail.released", "timestamp": body["timestamp"], "data": data}
            tries = write.connection.execute(
                select(t.outbox.c.message_id).where(
                    t.outbox.c.message_id.startswith(f"{order_id}_back", autoescape=True)
                )
            ).all()
            name = f"{order_id}_back{len(tries) or ''}"
            message = Message(
                message_id=name, route_id=sent.route_id, kind=f"guardrail.{Level.RELEASE}", body=opposite,
                created_at=now, decision_id=decision_id, is_order=True,
            )  # fmt: skip
            outbox.queue(write, [message])
            names.append(name)
        write.chain.append(now, "decision.taken_back", decision_id, {"who": who, "why": why})
        current: str = write.connection.execute(
            select(t.decision.c.status).where(t.decision.c.decision_id == decision_id)
        ).scalar_one()
        if Status(current) in (Status.ENFORCED, Status.FAILED, Status.EXECUTING):
            write.settle_decision(decision_id, Status.REVERTING, now)
    return names


def preview(
    route: ActuatorRoute, environ: Mapping[str, str], action: OrderKind, scope_type: str, scope_value: str
) -> Plan:
    """What an order would change at this moment, checked by the system itself where it can; nothing is changed.

    Raises:
        RefusedError, FailedError: why it could not be carried out.
        MissingVariableError: a variable that the route needs is not set.
    """
    order = Order(
        message_id="preview", decision_id="preview", supersedes=None, action=action, is_release=False,
        scope_type=scope_type, scope_value=scope_value, excepted=(), period="", reason="A look at what would change",
        policy_id="preview", owner="", runbook=None,
    )  # fmt: skip
    actuator = build(route, environ)
    try:
        plan = actuator.plan(order)
        changes = [change.bounded(change.prior) for change in plan.changes]
        for change in changes:
            if change.is_due:
                actuator.rehearse(change)
    finally:
        actuator.close()
    return replace(plan, changes=tuple(changes))


def _opened(route: Route | None, name: str, environ: Mapping[str, str], unknown: list[str]) -> Actuator | None:
    if not isinstance(route, ActuatorRoute):
        unknown.append(f"{name}: add the route to routing.yml again; what it changed stands")
        return None
    try:
        return build(route, environ)
    except MissingVariableError as error:
        unknown.append(f"{name}: set {error} in the environment")
    except RefusedError as refusal:
        unknown.append(f"{name}: {refusal}. {refusal.remedy}")
    return None


def _note(
    ledger: Ledger, rows: Sequence[Actuation], top: Actuation, *, is_gone: bool, what: str | None, now: datetime
) -> None:
    with ledger.write() as write:
        if is_gone:
            for row in rows:
                move(write, row, ActuationStatus.GONE, now)
        elif what is None:
            if top.status == ActuationStatus.DRIFTED:
                move(write, top, ActuationStatus.APPLIED, now)
            seen(write, top, now, is_first=top.verified_at is None)
        elif top.status != ActuationStatus.DRIFTED or top.error != what:
            move(write, top, ActuationStatus.DRIFTED, now, error=what)
            query = select(t.decision.c.status).where(t.decision.c.decision_id == top.decision_id)
            if write.connection.execute(query).scalar_one() in (Status.ENFORCED, Status.EXECUTING):
                write.settle_decision(top.decision_id, Status.FAILED, now)
