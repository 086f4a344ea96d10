"""Days, weeks, months and fiscal years.

Here: UTC billing days, billing periods, ISO weeks, fiscal calendars.
Not here: schedules (orchestration) and holidays (models).
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta


def utc_now() -> datetime:
    return datetime.now(UTC)


def as_utc(moment: datetime) -> datetime:
    """Convert to UTC.

    Raises:
        ValueError: the moment has no time zone, so it could mean any of 38 instants.
    """
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} has no time zone; write it with Z or an offset")
    return moment.astimezone(UTC)


def days(start: date, end: date) -> Iterator[date]:
    """Every day from ``start`` up to, but not including, ``end``."""
    for offset in range((end - start).days):
        yield start + timedelta(days=offset)


@dataclass(frozen=True, order=True)
class BillingPeriod:
    """A calendar month; ``start`` is inside, ``end`` is the first day after it (FOCUS BillingPeriodStart/End)."""

    start: date

    def __post_init__(self) -> None:
        if self.start.day != 1:
            raise ValueError(f"a billing period starts on the first of a month, not on {self.start}")

    @classmethod
    def containing(cls, day: date) -> BillingPeriod:
        return cls(date(day.year, day.month, 1))

    @classmethod
    def parse(cls, text: str) -> BillingPeriod:
        """Read ``2026-10`` or ``2026-10-01``."""
        if not re.fullmatch(r"[0-9]{4}-(?:0[1-9]|1[0-2])(?:-01)?", text):
            raise ValueError(f"{text!r} is not a month; write it like 2026-10")
        return cls(date.fromisoformat(f"{text[:7]}-01"))

    @property
    def end(self) -> date:
        return self.start + timedelta(days=self.days)

    @property
    def last_day(self) -> date:
        return self.end - timedelta(days=1)

    @property
    def days(self) -> int:
        return calendar.monthrange(self.start.year, self.start.month)[1]

    def next(self) -> BillingPeriod:
        return BillingPeriod(self.end)

    def previous(self) -> BillingPeriod:
        return BillingPeriod.containing(self.start - timedelta(days=1))

    def elapsed_days(self, as_of: date) -> int:
        """Days of this period that are over at the start of ``as_of``."""
        return min(max((as_of - self.start).days, 0), self.days)

    def __str__(self) -> str:
        return self.start.strftime("%Y-%m")


@dataclass(frozen=True, order=True)
class IsoWeek:
    """A week of ISO 8601, from Monday (``start``, inside) to Sunday."""

    start: date

    def __post_init__(self) -> None:
        if self.start.isoweekday() != 1:
            raise ValueError(f"a week starts on a Monday, not on {self.start}")

    @classmethod
    def containing(cls, day: date) -> IsoWeek:
        return cls(day - timedelta(days=day.weekday()))

    @classmethod
    def parse(cls, text: str) -> IsoWeek:
        """Read ``2026-W42``."""
        try:
            if re.fullmatch(r"[0-9]{4}-W[0-9]{2}", text):
                return cls(date.fromisocalendar(int(text[:4]), int(text[6:]), 1))
        except ValueError:
            raise ValueError(f"{text!r} is not a week: {text[:4]} has no week {int(text[6:])}") from None
        raise ValueError(f"{text!r} is not a week; write it like 2026-W42")

    @property
    def last_day(self) -> date:
        return self.start + timedelta(days=6)

    def previous(self) -> IsoWeek:
        return IsoWeek(self.start - timedelta(days=7))

    def __str__(self) -> str:
        year, week, _ = self.start.isocalendar()
        return f"{year}-W{week:02d}"


@dataclass(frozen=True)
class FiscalCalendar:
    """Years that start on the first of ``first_month``; a fiscal year carries the number of the year it ends in."""

    first_month: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.first_month <= 12:
            raise ValueError(f"first_month is 1 to 12, not {self.first_month}")

    def year(self, day: date) -> int:
        return day.year + (self.first_month > 1 and day.month >= self.first_month)

    def year_start(self, day: date) -> date:
        """The first day of the fiscal year that a day is in."""
        return date(day.year - (day.month < self.first_month), self.first_month, 1)

    def month(self, day: date) -> int:
        """1 for the first month of the fiscal year, 12 for the last."""
        return (day.month - self.first_month) % 12 + 1

    def quarter(self, day: date) -> int:
        return (self.month(day) - 1) // 3 + 1
