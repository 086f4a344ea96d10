"""What could be saved, for documents: what counts, the most money first, in a table that adds up to the tile.

Here: the tile and the short table.
Not here: finding and counting opportunities (``reports.dashboards.opportunities``).
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from reports import formatting as f
from reports.dashboards import cells
from reports.dashboards.ask import Ask
from reports.dashboards.model import Cell, Column, Row, Table, Target, Tile
from reports.dashboards.opportunities.model import KINDS, Certainty, Opportunity
from reports.dashboards.opportunities.pace import MONTH_DAYS
from reports.dashboards.parts import words
from reports.frames import ZERO


def _total(found: Sequence[Opportunity]) -> Decimal:
    return sum((one.counts for one in found), ZERO)


def tile(ask: Ask, found: Sequence[Opportunity]) -> Tile:
    counting = [one for one in found if one.counts]
    if not counting:
        return Tile("Could be saved", "Nothing known", sub="Nothing that is measured or estimated need not be paid.")
    billed = _total([one for one in counting if one.certainty == Certainty.BILLED])
    return Tile(
        "Could be saved a month",
        f.whole_money(_total(counting), ask.currency),
        sub=f"{f.count(len(counting), 'opportunity', 'opportunities')}; first: {counting[0].words}",
        foot=f"{f.whole_money(billed, ask.currency)} is measured on the bill, the rest estimated.",
        tone="warn",
        target=Target("savings"),
    )


def table(ask: Ask, found: Sequence[Opportunity], most: int) -> Table:
    """What counts, in money a month; what overlaps or has to be tried first is told below and adds nothing."""
    counting = [one for one in found if one.counts]
    shown, rest = counting[:most], counting[most:]
    rows = [
        Row(
            (
                Cell(one.label, small=one.what),
                words.team_cell(one.team, one.app or ""),
                cells.money(one.counts, ask.currency, small=one.spread),
                Cell(one.certainty.value),
                Cell(KINDS[one.kind].act, small=f"effort: {KINDS[one.kind].effort}"),
            )
        )
        for one in shown
    ]
    if rest:
        name = f"{len(rest)} smaller {'one' if len(rest) == 1 else 'ones'}"
        rows.append(Row((Cell(name), Cell(), cells.money(_total(rest), ask.currency), Cell(), Cell())))
    others = len(found) - len(counting)
    return Table(
        "savings",
        "What could be saved, a month",
        (
            Column("What"),
            Column("Whose"),
            Column("Money a month", "number", "Below: its range, where it is not one number"),
            Column("Known how"),
            Column("To do"),
        ),
        tuple(rows),
        "Nothing is known that need not be paid in this period. Telemetry of GPUs, prompts and quality finds it.",
        caption=f"Money of {MONTH_DAYS} days at the pace of {words.period_words(ask.view.period)}; what overlaps with "
        "a larger one, or has to be tried first, is not in it.",
        total=Row((Cell("Together"), Cell(), cells.money(_total(counting), ask.currency), Cell(), Cell())),
        more=" ".join(_more(ask, others)),
    )


def _more(ask: Ask, others: int) -> list[str]:
    """What is not in the table, and where it is."""
    found = []
    if others:
        overlap = "overlaps with these or must" if others == 1 else "overlap with these or must"
        found.append(f"{f.count(others, 'more idea')} {overlap} be tried first: see the savings page.")
    if ask.kind == "team":
        found.append("What could be saved on capacity that teams share is in the company's digest.")
    return found
