"""Carrying out an order, and taking it back: safe to repeat after it was cut off anywhere.

Here: the sequence plan → rehearse → write down → send → note → look; putting back from the record.
Not here: which step follows from what is found (steps), the queue and its retries (delivery), any one system's API.

Several orders may hold one object: it is what the strongest of them wants, with limits as low as any of them wants, and
what it was before the first of them once the last is taken back. A worker carries out one order of a route at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from guardrails.actuators import steps
from guardrails.actuators.base import (
    Actuator,
    Change,
    ConflictError,
    FailedError,
    InProgressError,
    Order,
    RefusedError,
    State,
)
from guardrails.actuators.record import Actuation, ActuationStatus, Record, held_state
from guardrails.actuators.steps import Step

TRIES = 4
"""How often one object is read again after it changed under our hands, before the order is tried again later."""


def carry_out(actuator: Actuator, order: Order, record: Record) -> str:
    """Do what an order asks for, or take back what its forerunners did; what was done, in one sentence.

    Raises:
        RefusedError, FailedError, InProgressError: what is done so far stays on record, and is gone on from next time.
    """
    return _take_back(actuator, order, record) if order.is_release else _act(actuator, order, record)


def _act(actuator: Actuator, order: Order, record: Record) -> str:
    rows = record.of_order(order.message_id)
    notes: tuple[str, ...] = ()
    if not rows:
        plan = actuator.plan(order)
        planned = [(change.bounded(_base(record, change)), _is_held(record, change)) for change in plan.changes]
        # Where something is as wanted already and none of ours holds it, it is not ours to put back either.
        changes = [change for change, is_held in planned if change.is_due or is_held]
        idle = [f"{change.object}: is so already" for change, is_held in planned if not (change.is_due or is_held)]
        notes = (*plan.notes, *idle)
        for change in changes:
            if change.is_due:
                actuator.rehearse(change)
        rows = record.intend(order, changes, notes)
    waits: list[InProgressError] = []
    refusals: list[RefusedError] = []
    for row in rows:
        if row.status not in (ActuationStatus.INTENDED, ActuationStatus.DRIFTED):
            continue
        try:
            _apply(actuator, order, record, row)
        except InProgressError as wait:
            waits.append(wait)
        except RefusedError as refusal:
            refusals.append(refusal)
    # What can be done is done before what cannot is reported.
    for error in (*waits, *refusals):
        raise error
    held = [row for row in record.of_order(order.message_id) if row.status == ActuationStatus.APPLIED]
    if actuator.is_enforced:
        _look(actuator, record, held)
    return f"{len(held)} changed" + (f"; left alone: {'; '.join(notes)}" if notes else "")


def _apply(actuator: Actuator, order: Order, record: Record, row: Actuation) -> None:
    for _ in range(TRIES):
        change = row.change
        history = record.on_object(change.object)
        others = [o for o in history if o.is_standing and o.message_id != row.message_id]
        goal = held_state([*others, row])
        if others and goal == held_state(others):
            return record.hold_beside(row, others[0].restores)
        found = actuator.read(change)
        marks = {other.actuation_id for other in history}
        step = steps.to_apply(found, change.prior, goal, marks, keeps_marks=actuator.keeps_marks)
        if found is None or step == Step.GONE:
            return record.move(row, ActuationStatus.GONE)
        if step == Step.DONE:
            return record.move(row, ActuationStatus.APPLIED)
        if step == Step.WAIT:
            raise InProgressError(f"{change.object} is being changed", wait=steps.PATIENCE)
        if step == Step.STALE:
            anew = replace(change, prior=found.state)
            if not others:
                anew = anew.bounded(found.state)
            made = record.intend(order, [anew] if anew.is_due else [], instead_of=row)
            if not made:
                return None
            row = made[0]
            continue
        try:
            actuator.write(change, found, goal, row.actuation_id)
        except ConflictError:
            continue
        return record.move(row, ActuationStatus.APPLIED)
    raise FailedError(f"{row.change.object} is changed all the time by somebody else")


def _look(actuator: Actuator, record: Record, rows: Sequence[Actuation]) -> None:
    """See that what was sent has come about: some systems accept a change and drop it, some controllers undo it."""
    wrong: list[str] = []
    waits: list[InProgressError] = []
    for row in rows:
        if row.verified_at is not None:
            continue
        found = actuator.read(row.change)
        if found is not None and found.in_progress:
            waits.append(InProgressError(f"{row.change.object} is being changed", wait=steps.PATIENCE))
            continue
        held = [other for other in record.on_object(row.change.object) if other.is_in_force]
        said = None if found is None else steps.difference(found, held_state(held))
        if said is not None:
            record.move(row, ActuationStatus.DRIFTED, error=said)
            wrong.append(f"{row.change.object}: {said}")
        else:
            record.saw(row)
    for wait in waits:
        raise wait
    if wrong:
        raise RefusedError(
            f"the change did not hold: {'; '.join(wrong)}",
            "Something else manages these objects: change it there, or choose another way in the route's targets",
        )


def _take_back(actuator: Actuator, order: Order, record: Record) -> str:
    rows = record.standing_for(record.superseded(order.supersedes))
    left: list[str] = []
    troubles: list[InProgressError | RefusedError] = []
    for name in dict.fromkeys(row.change.object for row in rows):
        try:
            said = _release(actuator, record, name, [row for row in rows if row.change.object == name])
        except (InProgressError, RefusedError) as trouble:
            troubles.append(trouble)
            continue
        if said:
            left.append(f"{name}: {said}")
    for first in sorted(troubles, key=lambda error: isinstance(error, RefusedError)):
        raise first
    if not rows:
        return "nothing is held"
    return f"{len(rows)} taken back" + (f"; left as they are: {'; '.join(left)}" if left else "")


def _release(actuator: Actuator, record: Record, name: str, ending: Sequence[Actuation]) -> str | None:
    """End some actuations of one object; why it was left as it is, where it was."""
    was_applied = any(row.status != ActuationStatus.INTENDED for row in ending)
    for _ in range(TRIES):
        history = record.on_object(name)
        ids = {row.actuation_id for row in ending}
        others = [row for row in history if row.is_standing and row.actuation_id not in ids]
        top = max(ending, key=lambda row: row.strength)
        heir = max(others, key=lambda row: row.strength, default=None)
        restored = held_state(others) if others else record.prior_of(top.restores)
        held = held_state([*others, *ending])
        if heir is not None and restored == held:
            for row in ending:
                record.move(row, ActuationStatus.REVERTED, error=f"still held by {heir.decision_id}")
            return f"still held by {heir.decision_id}"
        found = actuator.read(top.change)
        marks = {row.actuation_id for row in history if heir is None or row.actuation_id != heir.actuation_id}
        step = steps.to_revert(
            found,
            [held, *(row.change.desired for row in ending)],
            restored,
            marks,
            keeps_marks=actuator.keeps_marks,
            was_applied=was_applied,
        )
        if step == Step.WAIT:
            raise InProgressError(f"{name} is being changed", wait=steps.PATIENCE)
        if step in (Step.WRITE, Step.LEFT) and found is not None:
            for row in ending:
                if row.status != ActuationStatus.REVERTING:
                    record.move(row, ActuationStatus.REVERTING)
            ending = [row for row in record.on_object(name) if row.actuation_id in ids]
            try:
                if step == Step.WRITE:
                    actuator.write(top.change, found, restored, None if heir is None else heir.actuation_id)
                elif found.mark in marks:
                    actuator.write(top.change, found, found.state, None)
            except ConflictError:
                continue
            if step == Step.WRITE:
                continue  # and see whether it came about
        end = {Step.GONE: ActuationStatus.GONE, Step.LEFT: ActuationStatus.LEFT}.get(step, ActuationStatus.REVERTED)
        why = None
        if step == Step.LEFT and found is not None:
            why = f"changed meanwhile: {steps.difference(found, held) or 'not by this order'}"
        for row in ending:
            record.move(row, end, error=why)
        return why
    raise FailedError(f"{name} does not become what it was: it is changed all the time, or the change is dropped")


def _base(record: Record, change: Change) -> State:
    """What the object was before any order that holds it."""
    standing = [row for row in record.on_object(change.object) if row.is_standing]
    return record.prior_of(standing[0].restores) if standing else change.prior


def _is_held(record: Record, change: Change) -> bool:
    return any(row.is_standing for row in record.on_object(change.object))
