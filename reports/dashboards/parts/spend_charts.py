"""Spend as charts: day by day, month by month, by what it was for.

Here: the charts, with estimate and forecast of the days after the bill.
Not here: the sums (``spend``).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal

import pandas as pd

from reports import formatting as f
from reports.dashboards.ask import Ask
from reports.dashboards.parts import forecast, words
from reports.dashboards.parts.spend import Estimate, Part, shortened, shown_days
from reports.figures import spend as drawn
from reports.figures import theme
from reports.frames import ZERO
from reports.page.chart import Chart

MOST_DAYS = 92
MONTHS_SHOWN = 13
RANKED = 8
_MONTHLY = """
select date_trunc('month', usage_date)::date as month, ai_category, sum(effective_cost) as cost,
       min(min(usage_date)) over () as oldest
from fct_ai_cost_daily
where is_ai and billing_currency = $currency and {scope} and usage_date between $since and $last
group by 1, 2
order by 1
"""


def daily_chart(
    ask: Ask, days: pd.DataFrame, ranked: Sequence[str], estimated: Estimate, dimension_words: str
) -> Chart:
    """Stacked days by name: billed solid, estimate hatched, forecast with its band. Long periods are drawn by week.

    Args:
        days: of ``daily``, over ``shown_days``.
        ranked: names, those with most money first.
        dimension_words: such as ``team``, for sentences.
    """
    since, until = shown_days(ask)
    weekly = (until - since).days >= MOST_DAYS
    ranked = ranked or sorted({name for name in estimated.rows["name"] if isinstance(name, str)})
    stacks = [_stack(frame, ranked, weekly, dimension_words) for frame in (days, estimated.rows)]
    order = list(dict.fromkeys(_label(name, ranked, dimension_words) for name in [*ranked, None]))
    present = set(stacks[0]["team"]) | set(stacks[1]["team"])
    labels = [label for label in order if label in present]
    expected = forecast.days_ahead(ask) if ask.is_current and not weekly else _no_forecast()
    text = (
        f"By {dimension_words}, {'by week, ' if weekly else ''}{f.short_day(since)} to {f.day(until)}. Solid: billed."
    )
    if not estimated.rows.empty:
        text += " Hatched: model usage priced from the price book since; other AI cost is not in it."
    if not expected.empty:
        text += " Dotted: forecast of all AI spend to the end of the month, with its 80% interval."
    return Chart(
        "daily",
        f"AI spend per {'week' if weekly else 'day'}",
        text,
        f"Stacked bars of AI spend by {dimension_words}. {text} The tables below have the totals.",
        drawn.daily_by_team(stacks[0], stacks[1], expected, labels, ask.currency) if present else None,
        "No AI cost has been billed and no usage has arrived for these days.",
    )


def _label(name: object, ranked: Sequence[str], dimension_words: str) -> str:
    """Names beyond the palette together, what has none apart."""
    if not isinstance(name, str):
        return drawn.NO_OWNER if dimension_words == "team" else f"No {dimension_words}"
    most = len(theme.SERIES)
    shown = ranked if len(ranked) <= most else ranked[: most - 1]
    return name if name in shown else theme.OTHERS


def _stack(frame: pd.DataFrame, ranked: Sequence[str], weekly: bool, dimension_words: str) -> pd.DataFrame:
    sums: dict[tuple[date, str], Decimal] = {}
    for day, name, cost in frame.itertuples(index=False):
        at = day - timedelta(days=day.weekday()) if weekly else day
        key = at, _label(name, ranked, dimension_words)
        sums[key] = sums.get(key, ZERO) + cost
    return pd.DataFrame([(*key, cost) for key, cost in sorted(sums.items())], columns=["day", "team", "cost"])


def _no_forecast() -> pd.DataFrame:
    return pd.DataFrame(columns=["day", "expected", "lower", "upper"])


def categories_chart(ask: Ask) -> Chart:
    """Thirteen months by AI category, up to the period's end."""
    month = ask.shown_month
    first = month
    for _ in range(MONTHS_SHOWN - 1):
        first = first.previous()
    rows = ask.rows(_MONTHLY, since=first.start)
    last = ask.view.period.last
    sums: dict[str, Decimal] = {}
    points = []
    for row in rows:
        category = "Other AI" if row["ai_category"] is None else f.humanise(row["ai_category"])
        sums[category] = sums.get(category, ZERO) + row["cost"]
        start, oldest = row["month"], row["oldest"]
        # Short, so that they stand upright; the first and each January say the year.
        name = f"{start:%b}"
        if start == rows[0]["month"] or start.month == 1:
            name += f"<br>{start.year}"
        if start == month.start and last < month.last_day:
            name += f"<br>to {last.day}"
        elif (start.year, start.month) == (oldest.year, oldest.month) and oldest.day > 1:
            name += f"<br>from {oldest.day}"
        points.append((name, category, row["cost"]))
    frame = pd.DataFrame(points, columns=["month", "category", "cost"])
    order = sorted(sums, key=lambda name: (-sums[name], name))
    return Chart(
        "categories",
        "By month and kind of spend",
        "Effective (amortised) cost of each month by AI category.",
        "Stacked bars of AI spend per month by category: "
        + ", ".join(f"{name} {f.money(sums[name], ask.currency)}" for name in order[:5]),
        None if frame.empty else drawn.monthly_by_category(frame, order, ask.currency),
        "No AI cost has been billed yet.",
    )


def ranking_chart(ask: Ask, key: str, title: str, parts: Sequence[Part], empty: str) -> Chart:
    """The dearest eight and the rest together, with the time before as a tick."""
    period = ask.view.period
    rows = [(part.name or words.NOT_NAMED, part.now, part.before) for part in shortened(parts, RANKED)]
    frame = pd.DataFrame(rows, columns=["label", "now", "before"])
    return Chart(
        key,
        title,
        words.period_words(period)
        + (f"; the tick marks {period.before_label}." if frame["before"].notna().any() else "."),
        f"AI spend {title.lower()}: " + ", ".join(f"{name} {f.money(now, ask.currency)}" for name, now, _ in rows[:5]),
        drawn.ranked(frame, ask.currency, now=period.label, before=period.before_label.capitalize()) if rows else None,
        empty,
    )
