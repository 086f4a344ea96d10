"""Words and cells that all subjects share.

Here: changes against the time before, names of nobody and nothing, links to teams and apps.
Not here: how amounts are written (``reports.formatting``).
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from reports import formatting as f
from reports.dashboards import cells
from reports.dashboards.ask import Ask
from reports.dashboards.model import Cell, Target, Tone
from reports.dashboards.period import Period
from reports.figures.spend import NO_OWNER
from reports.frames import ZERO, change
from reports.measures.units import UnitCost

NOT_NAMED = "Not named"
BUDGET_TONES: dict[str, Tone] = {"over": "bad", "at_risk": "warn", "on_track": "good"}
SEVERITY_TONES: dict[str, Tone] = {"critical": "bad", "high": "bad", "medium": "warn"}
METHOD_WORDS = {
    "direct": "tagged or named",
    "allocated": "split from a shared pool",
    "unallocated": "no rule knows it",
    "unmatched": "its pool has no usage data",
}


def period_words(period: Period) -> str:
    """``October 2026 through 18 Oct``, ``Last 30 days, 19 Sep to 18 Oct 2026``, ``September 2026``."""
    if period.key.startswith("last-"):
        return f"{period.label}, {f.short_day(period.first)} to {f.day(period.last)}"
    return f"{period.label} through {f.short_day(period.last)}" if period.is_running else period.label


def within(period: Period) -> str:
    """``in October 2026``, ``in the last 30 days``."""
    return f"in the {period.label.lower()}" if period.key.startswith("last-") else f"in {period.label}"


def change_words(now: Decimal, before: Decimal | None, period: Period) -> str:
    """``+12% against the same days of the month before``."""
    if before is None:
        return "There are no bills of the time before to compare with"
    if before == 0:
        return f"Nothing was spent in {period.before_label}" if now else f"As in {period.before_label}"
    return f"{f.signed_percent(change(now, before) or ZERO)} against {period.before_label}"


def unit_change_words(ask: Ask, line: UnitCost) -> str:
    """``+12% against September 2026``; the period alone where the time before is not known."""
    if line.change_ratio is None:
        return ask.view.period.label
    return f"{f.signed_percent(line.change_ratio)} against {ask.view.period.before_label}"


def change_cell(now: Decimal, before: Decimal | None, currency: str) -> Cell:
    """Relative change, the difference in money below it; sorted by the difference."""
    if before is None:
        return Cell(cells.NOTHING)
    difference = now - before
    if before == 0:
        return Cell("new" if now else cells.NOTHING, sort=difference)
    if now == 0:
        return Cell("gone", sort=difference, small=f.signed_money(difference, currency))
    ratio = change(now, before) or ZERO
    return Cell(f.signed_percent(ratio), sort=difference, small=f.signed_money(difference, currency))


def share_cell(part: Decimal, whole: Decimal) -> Cell:
    """A share of money as a bar; shares of nothing, and of credits, are not drawn."""
    if whole <= 0:
        return Cell(cells.NOTHING)
    ratio = part / whole
    return Cell("100%" if ratio == 1 else f.percent(ratio, 1), sort=ratio, bar=float(min(max(ratio, ZERO), Decimal(1))))


def team_cell(team: str | None, small: str = "") -> Cell:
    """A team with the way to its page; what nobody owns leads to the resources without an owner."""
    if team is None:
        return Cell(NO_OWNER, sort="", small=small, target=Target("finance", anchor="table-nobody"))
    return cells.team(team, small=small)


def listed(names: Sequence[str], most: int = 3) -> str:
    """``a, b, c and 4 more``."""
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
