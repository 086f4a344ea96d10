"""Hours of the week in a time zone.

Here: whether a moment is in them, and when they begin next.
Not here: what they are for (judgement, intent).
"""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from finops.config.values import WEEKDAYS, WeeklyHours

_DAYS_OF_A_WEEK = 7


def is_open(hours: WeeklyHours, at: datetime) -> bool:
    """Whether an aware moment lies in the hours; their end does not."""
    local = at.astimezone(ZoneInfo(hours.time_zone))
    if WEEKDAYS[local.weekday()] not in hours.days:
        return False
    return hours.starts <= local.time() and (hours.ends is None or local.time() < hours.ends)


def next_open(hours: WeeklyHours, at: datetime) -> datetime:
    """The moment itself if it lies in the hours, else when they begin next (UTC)."""
    if is_open(hours, at):
        return at
    zone = ZoneInfo(hours.time_zone)
    today = at.astimezone(zone).date()
    for days in range(_DAYS_OF_A_WEEK + 1):
        day = today + timedelta(days=days)
        start = datetime.combine(day, hours.starts, zone).astimezone(UTC)
        if WEEKDAYS[day.weekday()] in hours.days and start > at:
            return start
    raise AssertionError("every week has a day of the hours")


def last_closed(hours: WeeklyHours, at: datetime) -> datetime:
    """For a moment outside the hours: when they ended last (UTC)."""
    zone = ZoneInfo(hours.time_zone)
    today = at.astimezone(zone).date()
    for days in range(_DAYS_OF_A_WEEK + 1):
        day = today - timedelta(days=days)
        end_day = day if hours.ends is not None else day + timedelta(days=1)
        end = datetime.combine(end_day, hours.ends or time(), zone).astimezone(UTC)
        if WEEKDAYS[day.weekday()] in hours.days and end <= at:
            return end
    raise AssertionError("every week has a day of the hours")
