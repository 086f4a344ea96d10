"""Budgets that may not last: how fast each is used, and when it is used up.

Here: the newest state of each budget with its pace over several windows.
Not here: budgets of a scope with their forecasts (``budgets``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from reports import formatting as f
from reports.dashboards import cells
from reports.dashboards.ask import Ask
from reports.dashboards.model import Cell, Column, Gauge, Note, Row, Table, Target, Tile
from reports.dashboards.parts import words
from reports.marts import from_rows
from reports.measures.budgets import STATUS_ORDER, BudgetLine, budget_lines

FAST_BURN = 1.1
HEADLINES = 3


@dataclass(frozen=True)
class Pace:
    """A budget with its pace over several windows: 1 uses it up exactly at its end."""

    line: BudgetLine
    owner: str | None
    burn_1d: float | None
    burn_7d: float | None
    burn_28d: float | None
    used_up_on: date | None

    @property
    def is_in_doubt(self) -> bool:
        return self.line.status != "on_track" or max(self.burn_7d or 0.0, self.burn_28d or 0.0) > FAST_BURN


def paces_of(ask: Ask) -> list[Pace]:
    """The newest state of each budget."""
    rows = ask.rows(
        """select * from fct_budget_status where currency = $currency
           qualify row_number() over (partition by budget_id order by as_of_date desc, period_start desc) = 1""",
    )
    more = {row["budget_id"]: row for row in rows}
    return [
        Pace(
            line,
            row["owner"],
            row["burn_rate_ratio_1d"],
            row["burn_rate_ratio_7d"],
            row["burn_rate_ratio_28d"],
            row["exhaustion_date"],
        )
        for line in budget_lines(from_rows("fct_budget_status", rows))
        for row in (more[line.budget_id],)
    ]


def in_trouble(budgets: Sequence[Pace]) -> list[Pace]:
    """Those that are over first, then whichever is used up soonest."""
    found = [budget for budget in budgets if budget.line.status != "on_track"]
    return sorted(found, key=lambda one: (STATUS_ORDER.get(one.line.status, 3), one.used_up_on or date.max))


def tiles(budgets: Sequence[Pace]) -> list[Tile]:
    """How many are in doubt, and which is used up first; nothing where there are no budgets."""
    if not budgets:
        return []
    trouble = in_trouble(budgets)
    days = [(budget.used_up_on, budget.line.name) for budget in trouble if budget.used_up_on is not None]
    first = min(days, key=lambda one: one[0], default=None)
    told = "" if trouble else "All are on track"
    return [
        Tile(
            "Budgets in doubt",
            f"{len(trouble)} of {len(budgets)}" if trouble else "None",
            told if first is None else f"First used up: {first[1]}, {f.day(first[0])}",
            tone="warn" if trouble else "good",
            target=Target("on-call", anchor="budgets"),
        )
    ]


def headlines(budgets: Sequence[Pace]) -> list[Note]:
    notes = []
    for budget in in_trouble(budgets)[:HEADLINES]:
        line = budget.line
        text = f"{line.name}: {line.status_words.lower()}, {f.percent(line.used_ratio)} of its budget is used"
        if budget.used_up_on is not None:
            text += f", and it is used up on {f.day(budget.used_up_on)} at this pace"
        notes.append(Note(f"{text}.", words.BUDGET_TONES.get(line.status, "neutral")))
    return notes


def table(ask: Ask, budgets: Sequence[Pace]) -> Table:
    doubtful = [budget for budget in budgets if budget.is_in_doubt]

    def pace(value: float | None) -> Cell:
        if value is None:
            return Cell(cells.NOTHING)
        return Cell(f"{value:.2f}×", sort=value, tone="warn" if value > FAST_BURN else "")

    rows = []
    for budget in doubtful:
        line = budget.line
        tone = words.BUDGET_TONES.get(line.status, "neutral")
        rows.append(
            Row(
                (
                    cells.scope(line.scope_type, line.scope_value, small=f"{line.period} to {f.day(line.period_end)}"),
                    Cell(
                        f.percent(line.used_ratio),
                        sort=line.used_ratio,
                        gauge=Gauge(
                            float(line.used_ratio),
                            None if line.projected_ratio is None else float(line.projected_ratio),
                            tone,
                        ),
                    ),
                    cells.money(line.amount, ask.currency),
                    cells.money(line.remaining, ask.currency),
                    pace(budget.burn_1d),
                    pace(budget.burn_7d),
                    pace(budget.burn_28d),
                    cells.day(budget.used_up_on),
                    cells.share(line.exceed_probability),
                    cells.badge(line.status_words, tone),
                    cells.text(budget.owner),
                )
            )
        )
    fine = len(budgets) - len(doubtful)
    return Table(
        "budgets-in-doubt",
        "Budgets in doubt",
        (
            Column("Budget"),
            Column("Used and projected", "bar", "Solid: billed. Hatched: projected. The mark is the whole budget"),
            Column("Budget", "number"),
            Column("Remaining", "number"),
            Column("Burn, 1 day", "number", "Pace of the newest billed day; at 1 the budget lasts exactly to its end"),
            Column("7 days", "number"),
            Column("28 days", "number"),
            Column("Used up on"),
            Column("Chance of overrun", "number", "Share of the forecast's paths that end above the budget"),
            Column("State", "badge"),
            Column("Owner"),
        ),
        tuple(rows),
        f"{f.count(len(budgets), 'budget')}, on track at a pace that lasts."
        if budgets
        else "No budgets are set. Add them to config/budgets.yml to see who is on track.",
        "docs/runbooks/budget.md says what to do."
        + (f" {f.count(fine, 'other budget')} {'is' if fine == 1 else 'are'} on track." if fine and rows else ""),
        export="fct_budget_status",
    )
