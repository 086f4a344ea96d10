"""Amounts brought to 30 days, and the days that they are of.

Here: one rule for all finders.
Not here: finding.
"""

from __future__ import annotations

from decimal import Decimal

from reports.dashboards import cells
from reports.dashboards.ask import Ask

MONTH_DAYS = 30


def monthly(amount: Decimal, days: int) -> Decimal:
    """An amount of ``days`` days, brought to 30."""
    return amount * MONTH_DAYS / max(days, 1)


def used_days(ask: Ask) -> int:
    """Of the period, those that usage is known of: of a running one also those after the last billed day."""
    return (cells.usage_through(ask.view) - ask.view.period.first).days + 1


def days_of_months(ask: Ask) -> int:
    """Of all months that the period touches, those that usage is known of."""
    return (min(ask.shown_month.last_day, cells.usage_through(ask.view)) - ask.first_month.start).days + 1
