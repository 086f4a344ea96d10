"""What to do with an object, by what was recorded and what is found. Pure.

Here: the decisions that make carrying out an order safe to repeat after any interruption.
Not here: taking the steps (carry_out).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta
from enum import StrEnum

from guardrails.actuators.base import Found, State

PATIENCE = timedelta(seconds=30)
"""How long a system that still works on a change is left in peace."""


class Step(StrEnum):
    WRITE = "write"
    DONE = "done"
    """It is as it should be."""
    WAIT = "wait"
    """The system still works on it."""
    STALE = "stale"
    """It is not what it was when the change was planned, and we did not do that: plan it anew."""
    GONE = "gone"
    LEFT = "left"
    """Somebody has changed it since; what they made of it stays."""


def to_apply(found: Found | None, prior: State, desired: State, marks: Collection[str], *, keeps_marks: bool) -> Step:
    """Towards ``desired``, from the ``prior`` that was recorded before anything was sent.

    ``marks`` are the ids of all our actuations of this object: a mark among them shows our own change, also where the
    process died before it could note that it had made it.
    """
    if found is None:
        return Step.GONE
    if found.in_progress:
        return Step.WAIT
    if found.mark in marks:
        return Step.DONE if found.state == desired else Step.WRITE if found.state == prior else Step.STALE
    if found.state == desired and (prior == desired or not keeps_marks):
        return Step.DONE
    return Step.WRITE if found.state == prior else Step.STALE


def to_revert(
    found: Found | None,
    wanted: Sequence[State],
    restored: State,
    marks: Collection[str],
    *,
    keeps_marks: bool,
    was_applied: bool,
) -> Step:
    """Back to ``restored``, from what the orders that end had set, or may have set before they were cut off."""
    if found is None:
        return Step.GONE
    if found.in_progress:
        return Step.WAIT
    is_marked = found.mark in marks
    if found.state == restored:
        return Step.WRITE if is_marked else Step.DONE
    is_ours = is_marked or was_applied or not keeps_marks
    return Step.WRITE if found.state in wanted and is_ours else Step.LEFT


def difference(found: Found, desired: State) -> str | None:
    """What is not as it should be, and whose doing that is; None where all is well."""
    if found.state == desired or found.in_progress:
        return None
    parts = [
        f"{name} is {_shown(found.state.get(name))} instead of {_shown(value)}"
        for name, value in desired.items()
        if found.state.get(name) != value
    ]
    by = f"; last set by {found.changed_by}" if found.changed_by else ""
    return ", ".join(parts) + by


def _shown(value: object) -> str:
    if value is None:
        return "absent"
    return str(value).lower() if isinstance(value, bool) else str(value)
