"""Levels, the life of a guardrail on one target, and which step may follow which.

Here: the vocabulary and the transition table.
Not here: when a step is taken (decide, delivery).
"""

from __future__ import annotations

from enum import StrEnum


class Level(StrEnum):
    """How far a fact went. ``release`` is the way back from ``trip``."""

    OBSERVE = "observe"
    WARN = "warn"
    TRIP = "trip"
    RELEASE = "release"

    @property
    def rank(self) -> int:
        """0 for observe and release, 1 for warn, 2 for trip."""
        return {Level.WARN: 1, Level.TRIP: 2}.get(self, 0)


class Status(StrEnum):
    """Where a guardrail stands on a target, and where a decision stands on its way."""

    OBSERVE = "OBSERVE"
    WARN = "WARN"
    PENDING_APPROVAL = "PENDING_APPROVAL"
    EXECUTING = "EXECUTING"
    ENFORCED = "ENFORCED"
    REVERTING = "REVERTING"
    REVERTED = "REVERTED"
    FAILED = "FAILED"
    EXPIRED = "EXPIRED"
    SUPPRESSED = "SUPPRESSED"


class Suppression(StrEnum):
    """Why something that the policy asks for was not done."""

    STALE_DATA = "stale_data"
    NOT_RECONCILED = "not_reconciled"
    COOLDOWN = "cooldown"
    NEVER_TOUCH = "never_touch"
    BLAST_RADIUS = "blast_radius"


_ARMED = frozenset({Status.WARN, Status.PENDING_APPROVAL, Status.EXECUTING, Status.SUPPRESSED})

TRANSITIONS: dict[Status, frozenset[Status]] = {
    Status.OBSERVE: _ARMED,
    Status.WARN: _ARMED - {Status.WARN} | {Status.OBSERVE},
    Status.PENDING_APPROVAL: frozenset({Status.EXECUTING, Status.EXPIRED, Status.OBSERVE, Status.SUPPRESSED}),
    # EXPIRED: the order was withdrawn before its receiver confirmed it. REVERTING: the release that withdrew it.
    Status.EXECUTING: frozenset({Status.ENFORCED, Status.FAILED, Status.EXPIRED, Status.REVERTING}),
    # EXECUTING: a new version of the policy gives a new order.
    Status.ENFORCED: frozenset({Status.REVERTING, Status.EXECUTING}),
    Status.REVERTING: frozenset({Status.REVERTED, Status.FAILED, Status.EXPIRED, Status.EXECUTING}),
    Status.REVERTED: _ARMED | {Status.OBSERVE},
    # EXECUTING, REVERTING: the dead letter was sent again, or the opposite order follows.
    Status.FAILED: frozenset({Status.EXECUTING, Status.REVERTING}),
    Status.EXPIRED: _ARMED | {Status.OBSERVE},
    Status.SUPPRESSED: _ARMED - {Status.SUPPRESSED} | {Status.OBSERVE},
}

ORDERED = frozenset({Status.EXECUTING, Status.ENFORCED, Status.FAILED})
"""Somebody was asked to act on the target and may have done so."""


class IllegalTransitionError(ValueError):
    """A step that the table does not have."""


def move(current: Status, following: Status) -> Status:
    """Return ``following``. Staying where one is, is no step and always allowed.

    Raises:
        IllegalTransitionError: the table has no such step.
    """
    if following != current and following not in TRANSITIONS[current]:
        allowed = ", ".join(sorted(TRANSITIONS[current]))
        raise IllegalTransitionError(f"a guardrail cannot go from {current} to {following}; possible: {allowed}")
    return following
