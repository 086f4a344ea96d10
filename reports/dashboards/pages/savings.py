"""What need not be spent, who can stop it, and what is saved already.

Here: the order of the parts. Not here: the parts themselves (``parts``), finding and counting
(``reports.dashboards.opportunities``).
"""

from __future__ import annotations

from reports.dashboards.ask import Ask
from reports.dashboards.model import Page, Section, Tiles
from reports.dashboards.opportunities.find import opportunities_of
from reports.dashboards.parts import savings
from reports.dashboards.view import View
from reports.frames import ZERO


def build(view: View) -> Page:
    ask = Ask(view)
    found = opportunities_of(ask)
    counting = [one for one in found if one.counts]
    total = sum((one.counts for one in counting), ZERO)
    return Page(
        "savings",
        "Savings",
        "What are we paying for that we do not need, and who can stop it?",
        (
            Section(
                "short",
                "In short",
                (
                    (Tiles(savings.tiles(ask, found, total)),),
                    (savings.kinds_chart(ask, counting), savings.owners_table(ask, counting, total)),
                ),
            ),
            Section(
                "opportunities",
                "What to do, the most money first",
                ((savings.table(ask, found, total),),),
                savings.lead(ask),
            ),
            Section("saved", "Saved already", ((savings.saved_table(ask),),)),
        ),
        (savings.verdict(ask, found, counting, total),),
    )
