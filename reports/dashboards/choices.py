"""Currencies and periods that the published marts can be read in.

Here: which there are, and the first, which is shown unless someone chooses.
Not here: what a period is (``period``), remembering a choice (the page's address).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from finops.periods import as_utc
from reports.dashboards.access import Published
from reports.dashboards.period import MONTHS, Period, periods

NO_CURRENCY = "USD"
"""What a home without any money is shown in, so that its pages can say what is missing."""


@dataclass(frozen=True)
class Choice:
    """A currency and its periods, the running month first. ``through``: its last billed day, None where nothing was."""

    currency: str
    through: date | None
    periods: tuple[Period, ...]

    def period(self, key: str) -> Period | None:
        return next((period for period in self.periods if period.key == key), None)


def choices(published: Published, as_of: datetime, *, months: int = MONTHS) -> tuple[Choice, ...]:
    """The currency with the most AI spend first; without a bill those of usage, and one where there is nothing at all.

    Args:
        as_of: the moment reported on, with time zone; later rows are not looked at.
        months: how many there are at most, the running one included.
    """
    day = as_utc(as_of).date()
    found = [_choice(row["currency"], row["oldest"], row["through"], day, months) for row in _billed(published, day)]
    billed = {choice.currency for choice in found}
    found += [
        _choice(row["currency"], row["oldest"], None, day, months)
        for row in _used(published, day)
        if row["currency"] not in billed
    ]
    return tuple(found) or (_choice(NO_CURRENCY, None, None, day, months),)


def _choice(currency: str, oldest: date | None, through: date | None, as_of: date, months: int) -> Choice:
    last = through or as_of
    return Choice(currency, through, tuple(periods(oldest or last, last, months=months)))


def _billed(published: Published, as_of: date) -> list[dict[str, Any]]:
    if not published.has("fct_ai_cost_daily"):
        return []
    rows = published.rows(
        "select billing_currency as currency, min(usage_date) as oldest, max(usage_date) as newest,"
        " sum(effective_cost) as cost from fct_ai_cost_daily where is_ai and usage_date <= $as_of"
        " group by billing_currency order by cost desc, currency",
        as_of=as_of,
    )
    # The warehouse judges through which day a bill is whole; a few rows of a later day do not make it so.
    judged = {}
    if published.has("fct_budget_status"):
        judged = {
            row["currency"]: row["through"]
            for row in published.rows(
                "select currency, max(billed_through) as through from fct_budget_status"
                " where as_of_date <= $as_of group by currency",
                as_of=as_of,
            )
        }
    return [row | {"through": min(judged.get(row["currency"]) or row["newest"], as_of)} for row in rows]


def _used(published: Published, as_of: date) -> list[dict[str, Any]]:
    if not published.has("fct_usage_cost_hourly"):
        return []
    return published.rows(
        "select currency, cast(min(usage_hour) as date) as oldest from fct_usage_cost_hourly"
        " where currency is not null and cast(usage_hour as date) <= $as_of group by currency order by currency",
        as_of=as_of,
    )
