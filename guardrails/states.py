"""Levels, the life of a guardrail on one target, and which step may follow which.

Here: the vocabulary and the transition table.
Not here: when a step is taken (decide, delivery).
"""

from __future__ import annotations

from enum import StrEnum


class Level(StrEnum):
    """How far a fact went. ``release`` is the way back from whatever is in force."""

    OBSERVE = "observe"
    WARN = "warn"
    THROTTLE = "throttle"
    PAUSE = "pause"
    STOP = "stop"
    RELEASE = "release"

    @property
    def rank(self) -> int:
        """0 for observe and release, 1 for warn, up to 4 for stop."""
        return _RANKS.get(self, 0)

    @property
    def holds(self) -> bool:
        """Whether it stays in force until it is released: all above a warning."""
        return self.rank > 1


_RANKS = {Level.WARN: 1, Level.THROTTLE: 2, Level.PAUSE: 3, Level.STOP: 4}


class Status(StrEnum):
    """Where a guardrail stands on a target, and where a decision stands on its way."""

    OBSERVE = "OBSERVE"
    WARN = "WARN"
    PENDING_APPROVAL = "PENDING_APPROVAL"
    DENIED = "DENIED"
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
    NOT_PERMITTED = "not_permitted"
    OVERRIDDEN = "overridden"
    OUTSIDE_SCHEDULE = "outside_schedule"
    BLAST_RADIUS = "blast_radius"

    @property
    def is_silent(self) -> bool:
        """Nobody is told either: the figures cannot be trusted, or people were told a moment ago."""
        return self in (Suppression.STALE_DATA, Suppression.NOT_RECONCILED, Suppression.COOLDOWN)

    @property
    def is_final(self) -> bool:
        """The policy says that the target is only told about: done with, not to be tried again."""
        return self in (Suppression.NEVER_TOUCH, Suppression.NOT_PERMITTED)


_ARMED = frozenset({Status.WARN, Status.PENDING_APPROVAL, Status.EXECUTING, Status.SUPPRESSED})

TRANSITIONS: dict[Status, frozenset[Status]] = {
    Status.OBSERVE: _ARMED,
    Status.WARN: _ARMED - {Status.WARN} | {Status.OBSERVE},
    # EXPIRED: nobody answered in time, or it was withdrawn because what it was about is over. FAILED: its order cannot
    # be sent whoever agrees.
    Status.PENDING_APPROVAL: frozenset({Status.EXECUTING, Status.EXPIRED, Status.DENIED, Status.FAILED}),
    Status.DENIED: _ARMED | {Status.OBSERVE},
    # EXPIRED: the order was withdrawn before its receiver confirmed it. REVERTING: the release that withdrew it.
    Status.EXECUTING: frozenset({Status.ENFORCED, Status.FAILED, Status.EXPIRED, Status.REVERTING}),
    # EXECUTING: a higher level or a new version of the policy gives a new order. FAILED: what it changed is not so now.
    Status.ENFORCED: frozenset({Status.REVERTING, Status.EXECUTING, Status.FAILED}),
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
