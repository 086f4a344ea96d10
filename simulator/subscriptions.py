"""Seats that the organisation pays for: one CSV file of SaaS subscriptions, about USD 900 a month in all.

Here: what is subscribed to, at which price, for whom.
Not here: what a day of it costs, which the warehouse computes.

Nothing in it is random: finance keeps such a list by hand.
"""

from __future__ import annotations

import csv
import io
from datetime import date
from typing import NamedTuple

from simulator import organisation as org

FILE_NAME = "subscriptions.csv"


class Subscription(NamedTuple):
    """A row of the list; the price is for one seat and billing period, days are ISO 8601."""

    subscription_id: str
    vendor: str
    product: str
    service_category: str
    seats: int
    unit_price: str
    currency: str
    billing_cadence: str
    start_date: str
    end_date: str
    cancelled_on: str
    refund_amount: str
    team: str
    app: str
    cost_center: str


_AI = "AI and Machine Learning"
_OFFICE = "Business Applications"


def subscriptions() -> list[Subscription]:
    """Every subscription, oldest first: seats were added in May, one product was cancelled in August."""
    return [
        _row("notebooks", "Paperspace Labs", "Hosted Notebooks", _AI, 4, "12.00", "monthly", date(2025, 6, 12),
             "data-science"),
        _row("assistant", "OpenAI", "ChatGPT Business", _AI, 6, "300.00", "annual", date(2025, 9, 15), "marketing"),
        _row("code-assistant", "GitHub", "Copilot Business", _AI, 15, "19.00", "monthly", date(2025, 8, 31), "search",
             end=date(2026, 4, 30)),
        _row("code-assistant", "GitHub", "Copilot Business", _AI, 19, "19.00", "monthly", date(2026, 5, 1), "search"),
        _row("meetings", "Minutes Ltd", "Meeting Minutes", _OFFICE, 5, "24.00", "quarterly", date(2026, 4, 10),
             "support", cancelled=date(2026, 8, 21), refund="65.22"),
        _row("design", "Canvas Works", "Image Studio", _AI, 3, "33.50", "monthly", date(2026, 2, 1), "marketing"),
        _row("evaluation", "Judge AI", "Evaluation Suite", _AI, 1, "240.00", "monthly", date(2026, 1, 15), ""),
    ]  # fmt: skip


def _row(
    name: str,
    vendor: str,
    product: str,
    category: str,
    seats: int,
    price: str,
    cadence: str,
    start: date,
    team: str,
    *,
    end: date | None = None,
    cancelled: date | None = None,
    refund: str = "",
) -> Subscription:
    cost_center = org.TEAMS[team][1] if team else ""
    days = ("" if day is None else day.isoformat() for day in (start, end, cancelled))
    first, last, cancelled_on = days
    return Subscription(
        name, vendor, product, category, seats, price, "USD", cadence, first, last, cancelled_on, refund, team, "",
        cost_center,
    )  # fmt: skip


def csv_text(parameters: org.Parameters) -> str:
    """The list as it stands on the day the organisation is as of: what has not begun is not in it."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(Subscription._fields)
    today = parameters.today.isoformat()
    for row in subscriptions():
        if row.start_date <= today:
            known = row._replace(cancelled_on="", refund_amount="") if row.cancelled_on > today else row
            writer.writerow(known)
    return buffer.getvalue()
