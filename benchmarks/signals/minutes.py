"""What runs away, as a refresh would have found it: the facts of a home cut at every half hour of its last two weeks.

Here: the replay and its table.
Not here: the detector (models.anomaly.intraday).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd

import models
from finops.config.models import EventsFile

HISTORY = timedelta(days=36)
NEWEST = timedelta(days=2)


@dataclass(frozen=True)
class Told:
    """A finding at a moment."""

    at: datetime
    scope_type: str
    scope_value: str
    day: str
    impact: float
    severity: str
    explanation: str


def replay(
    hourly: pd.DataFrame, minutes: pd.DataFrame, first: datetime, last: datetime, step: timedelta, events: EventsFile
) -> Iterator[Told]:
    """What is found at each moment from ``first`` to ``last``, by what had happened until then."""
    moment = first
    while moment <= last:
        stamp = pd.Timestamp(moment).tz_localize(None)
        since = stamp.normalize() - NEWEST + timedelta(days=1)
        known = hourly[(hourly["usage_hour"] >= since - HISTORY) & (hourly["usage_hour"] < stamp)]
        newest = minutes[(minutes["slice_at"] >= since) & (minutes["slice_at"] < stamp)]
        found = models.detect_intraday(known, newest, as_of=moment, events=events)
        for row in found[found["status"] == "open"].to_dict("records"):
            yield Told(
                moment, row["scope_type"], row["scope_value"], str(row["detected_date"]), float(row["impact"]),
                row["severity"], row["explanation"],
            )  # fmt: skip
        moment += step
