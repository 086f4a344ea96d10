"""Cells and targets that pages share.

Here: an amount, a share, a count or a name as a cell.
Not here: what any page shows (``pages``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from reports import formatting as f
from reports.dashboards.model import Cell, Target, Tone
from reports.dashboards.view import View
from reports.figures.spend import NO_OWNER
from reports.frames import ZERO

NOTHING = "–"
NO_APP = "No app"
PAGE_OF_SCOPE = {"team": "team", "app": "app"}


def usage_through(view: View) -> date:
    """The last day of the period's usage: of a running one it goes on after the last billed day."""
    return view.as_of.date() if view.period.is_running else view.period.last


def total(rows: Iterable[Mapping[str, Any]], column: str) -> Decimal:
    """Exact sum; nulls are skipped."""
    return sum((row[column] for row in rows if row[column] is not None), ZERO)


def text(words: str | None, *, small: str = "", target: Target | None = None) -> Cell:
    return Cell(words or NOTHING, sort=words or "", small=small, target=target)


def money(amount: Decimal | None, currency: str, *, small: str = "", tone: Tone = "") -> Cell:
    """A whole amount of a column that is read from top to bottom."""
    if amount is None:
        return Cell(NOTHING, small=small)
    return Cell(f.whole_money(amount, currency), sort=amount, small=small, tone=tone)


def signed(amount: Decimal | None, currency: str, *, small: str = "") -> Cell:
    return Cell(NOTHING, small=small) if amount is None else Cell(f.signed_money(amount, currency), amount, small=small)


def unit_money(amount: Decimal | None, currency: str, *, small: str = "") -> Cell:
    """What one of something costs."""
    return Cell(NOTHING, small=small) if amount is None else Cell(f.unit_money(amount, currency), amount, small=small)


def count(number: Decimal | float | int | None, *, small: str = "") -> Cell:
    return Cell(NOTHING, small=small) if number is None else Cell(f.whole(number), sort=number, small=small)


def compact(number: Decimal | float | int | None, *, small: str = "") -> Cell:
    """``1.2M``, sorted by the whole number."""
    return Cell(NOTHING, small=small) if number is None else Cell(f.compact(number), sort=number, small=small)


def more(count: int, shown: int, words: str = "more") -> str:
    """``and 12 smaller ones`` (``words``), to stand below a table that shows ``shown`` of ``count`` rows."""
    return f"and {count - shown} {words}" if count > shown else ""


def milliseconds(value: float | None, *, small: str = "") -> Cell:
    return Cell(NOTHING, small=small) if value is None else Cell(f.milliseconds(value), sort=value, small=small)


def share(part: Decimal | float | None, places: int = 0, *, small: str = "", tone: Tone = "") -> Cell:
    """A share of 1 as a percentage."""
    if part is None:
        return Cell(NOTHING, small=small)
    return Cell(f.percent(part, places), sort=part, small=small, tone=tone)


def bar(part: Decimal | float | None, places: int = 0, *, tone: Tone = "") -> Cell:
    """A share of 1, drawn as a bar with its percentage."""
    if part is None:
        return Cell(NOTHING)
    return Cell(f.percent(part, places), sort=part, bar=min(max(float(part), 0.0), 1.0), tone=tone)


def change(now: Decimal, before: Decimal | None) -> Cell:
    """By how much something changed, ``+12%``."""
    if not before:
        return Cell(NOTHING)
    ratio = (now - before) / before
    return Cell(f.signed_percent(ratio), sort=ratio)


def badge(words: str, tone: Tone, *, sort: str | int | None = None) -> Cell:
    return Cell(words, sort=words if sort is None else sort, tone=tone)


def day(value: date | None, *, small: str = "") -> Cell:
    return Cell(NOTHING, small=small) if value is None else Cell(f.day(value), sort=value, small=small)


def team(name: str | None, *, small: str = "") -> Cell:
    return (
        Cell(NO_OWNER, sort="", small=small) if name is None else text(name, small=small, target=Target("team", name))
    )


def app(name: str | None, *, small: str = "") -> Cell:
    """An app's name; usage and cost may belong to none."""
    return Cell(NO_APP, sort="", small=small) if name is None else text(name, small=small, target=Target("app", name))


def model(name: str | None, *, small: str = "") -> Cell:
    return text(name or "Not named", small=small, target=Target("models", anchor="cost") if name else None)


def scope(kind: str, value: str, *, small: str = "") -> Cell:
    """A team or app leads to its page; the company, a model, a region have none of their own."""
    page = PAGE_OF_SCOPE.get(kind)
    name = "Company" if kind == "company" else value
    return Cell(name, sort=name, small=small or kind.replace("_", " "), target=Target(page, value) if page else None)
