"""Known events and holidays as days of a series.

Here: which event of ``events.yml`` touches which scope, and on which days of a series it holds.
Not here: what a model does with them (baseline, forecast, anomaly).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from finops.config.events import EventsFile, KnownEvent
from models.series import Floats, Scope

LEARNING_DAYS = 28
"""After a lasting event's last day, how long its effect is still news: four same weekdays, the baseline's memory."""


def events_touching(scope: Scope, events: EventsFile, team_of_app: Mapping[str, str]) -> list[KnownEvent]:
    """Events that move the scope's cost: its own, those of its parents, and those of its parts as far as known."""
    return [event for event in events.events if covers(event, scope) or _is_part(event, scope, team_of_app)]


def covers(event: KnownEvent, scope: Scope) -> bool:
    """Is the whole scope inside the event's scope?"""
    return event.scope.level == "company" or (event.scope.level == scope.type and event.scope.value == scope.value)


def _is_part(event: KnownEvent, scope: Scope, team_of_app: Mapping[str, str]) -> bool:
    if scope.type == "company":
        return True
    value = event.scope.value or ""
    return scope.type == "team" and event.scope.level == "app" and team_of_app.get(value) == scope.value


def last_expected_day(event: KnownEvent) -> date:
    """Until when a deviation is explained by the event: a lasting one until a new normal is learnt."""
    return event.ends_on + timedelta(days=LEARNING_DAYS if event.effect == "lasting" else 0)


@dataclass(frozen=True)
class DayMarks:
    """Per day of a series: is a temporary event on, is a lasting event moving the level?

    ``transition`` runs a week past the last day of a lasting event, because a launch settles over one weekly cycle.
    """

    temporary: NDArray[np.bool_]
    transition: NDArray[np.bool_]

    @classmethod
    def of(cls, events: Sequence[KnownEvent], first_day: date, count: int) -> DayMarks:
        temporary = np.zeros(count, dtype=np.bool_)
        transition = np.zeros(count, dtype=np.bool_)
        for event in events:
            start = max((event.starts_on - first_day).days, 0)
            if event.effect == "temporary":
                temporary[start : max((event.ends_on - first_day).days + 1, 0)] = True
            else:
                transition[start : max((event.ends_on - first_day).days + 8, 0)] = True
        return cls(temporary, transition)


def ramp(event: KnownEvent, first_day: date, count: int) -> Floats:
    """How much of a lasting event holds on each day: growing from its first to its last day, then 1 for good."""
    offset = np.arange(count, dtype=np.float64) - (event.starts_on - first_day).days
    length = (event.ends_on - event.starts_on).days + 1
    return np.clip((offset + 1) / length, 0.0, 1.0)
