"""The periods of documents, and whose marts they are read from.

Here: a week or a month in words and as the period of a view, the view of a document.
Not here: what a period of a page is (``reports.dashboards.period``), when a document is due (guardrails.digests).
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

from finops.periods import BillingPeriod, IsoWeek
from reports import formatting as f
from reports.dashboards.access import Published
from reports.dashboards.choices import Choice, choices
from reports.dashboards.period import Period, month_period
from reports.dashboards.view import Operations, View


class NothingBilledError(LookupError):
    """There is no bill of the period; the message says what there is."""


def label(period: IsoWeek | BillingPeriod) -> str:
    """``Week 42, 12–18 Oct 2026``, ``September 2026``."""
    if isinstance(period, BillingPeriod):
        return f.month(period.start)
    first, end = period.start, period.last_day
    span = f"{first.day}" if first.month == end.month else f.short_day(first)
    return f"Week {first.isocalendar().week}, {span}–{f.day(end)}"


def week_period(week: IsoWeek, through: date) -> Period:
    """A week, through ``through`` where its last days are not billed; compared with the same days a week before."""
    last = min(week.last_day, through)
    first, end = week.start, week.last_day
    before = week.previous()
    return Period(
        key=str(week),
        label=label(week),
        first=first,
        last=last,
        end=end,
        before_first=before.start,
        before_last=before.start + (last - first),
        before_label="the week before" if last == end else "the same days of the week before",
    )


def view_of(
    published: Published,
    period: IsoWeek | BillingPeriod,
    *,
    as_of: datetime,
    team: str | None = None,
    currency: str | None = None,
    operations: Operations | None = None,
) -> View:
    """The view that a document is made of.

    Args:
        as_of: the moment reported on, with time zone.
        currency: of the bill; absent: the one with the most AI spend.

    Raises:
        NothingBilledError: no day of the period is billed in that currency.
    """
    choice = _choice(choices(published, as_of), currency)
    if choice.through is None or choice.through < period.start:
        known = "nothing is billed yet" if choice.through is None else f"billed is what came before {_next(choice)}"
        raise NothingBilledError(f"No day of {period} is billed in {choice.currency}: {known}")
    through = choice.through
    shown = week_period(period, through) if isinstance(period, IsoWeek) else month_period(period, through)
    return View(
        published=published,
        as_of=as_of,
        period=shown,
        currency=choice.currency,
        billed_through=choice.through,
        scope=team,
        operations=operations or Operations(),
    )


def _choice(known: tuple[Choice, ...], currency: str | None) -> Choice:
    if currency is None:
        return known[0]
    for choice in known:
        if choice.currency == currency:
            return choice
    names = ", ".join(choice.currency for choice in known)
    raise NothingBilledError(f"Nothing is billed in {currency}; there are bills in {names}")


def _next(choice: Choice) -> str:
    return f.day((choice.through or date.min) + timedelta(days=1))
