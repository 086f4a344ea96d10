"""Periods that pages can show, and what each is compared with.

Here: months, quarters, the year, the last days, up to the last billed day.
Not here: which of them a page offers (``site``, the portal).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from finops.periods import BillingPeriod
from reports import formatting as f

MONTHS = 13


@dataclass(frozen=True)
class Period:
    """Days from ``first`` to ``last``, both inside, compared with those from ``before_first`` to ``before_last``.

    ``end`` is the last day of the whole period, after ``last`` where it is still running: forecasts go on to it.
    """

    key: str
    label: str
    first: date
    last: date
    end: date
    before_first: date
    before_last: date
    before_label: str

    @property
    def is_running(self) -> bool:
        return self.last < self.end

    @property
    def words(self) -> str:
        """The label, and that it is not over where it is not."""
        return f"{self.label} so far" if self.is_running else self.label

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1


def month_period(month: BillingPeriod, through: date) -> Period:
    """A month, through ``through`` where it is running; compared with the same days of the month before."""
    last = min(month.last_day, through)
    before = month.previous()
    same = (
        before.last_day if last == month.last_day else min(before.start + timedelta(days=last.day - 1), before.last_day)
    )
    running = last < month.last_day
    return Period(
        key=str(month),
        label=f.month(month.start),
        first=month.start,
        last=last,
        end=month.last_day,
        before_first=before.start,
        before_last=same,
        before_label="the same days of the month before" if running else "the month before",
    )


def last_days(days: int, through: date) -> Period:
    first = through - timedelta(days=days - 1)
    return Period(
        key=f"last-{days}-days",
        label=f"Last {days} days",
        first=first,
        last=through,
        end=through,
        before_first=first - timedelta(days=days),
        before_last=first - timedelta(days=1),
        before_label=f"the {days} days before",
    )


def periods(oldest: date, through: date, *, months: int = MONTHS) -> list[Period]:
    """The running month first, then the last 30, 90 and 365 days, then earlier months, newest first.

    Args:
        oldest: the first day that anything is known of.
        through: the last billed day.
        months: how many there are at most, the running one included.
    """
    month = BillingPeriod.containing(through)
    found = [month_period(month, through)]
    found += [last_days(days, through) for days in (30, 90, 365) if (through - oldest).days >= days // 2]
    for _ in range(months - 1):
        month = month.previous()
        if month.last_day < oldest:
            break
        found.append(month_period(month, through))
    return found
