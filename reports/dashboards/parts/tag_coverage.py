"""How much of spend has an owner, scope by scope.

Here: the newest month of the period.
Not here: coverage against its target and what lacks tags (``allocation``).
"""

from __future__ import annotations

from collections import Counter

from reports import formatting as f
from reports.dashboards import cells
from reports.dashboards.ask import Ask
from reports.dashboards.model import Cell, Column, Row, Table, Tone

SHOWN = 12


def table(ask: Ask) -> Table:
    """The newest month of the period; the company first, then whoever has most money without an owner."""
    rows = ask.rows(
        """select *, max(billing_period_start) over () as newest from fct_allocation_coverage_monthly
           where currency = $currency and billing_period_start <= $last
               and scope_type in ('company', 'team', 'sub_account')
           qualify billing_period_start = max(billing_period_start) over ()
           order by scope_type <> 'company', unallocated_cost desc, scope_value""",
    )
    kinds = Counter(row["scope_type"] for row in rows)
    made = []
    for row in rows[: SHOWN + kinds["company"]]:
        target = row["target_ratio"]
        reached = row["coverage_ratio"]
        tone: Tone = "" if reached is None or target is None else "good" if reached >= target else "warn"
        ai_cost, tagged = row["ai_cost"], row["tagged_cost"]
        made.append(
            Row(
                (
                    cells.scope(
                        row["scope_type"],
                        row["scope_value"],
                        small="subscription" if row["scope_type"] == "sub_account" else "",
                    ),
                    cells.money(ai_cost, ask.currency),
                    cells.bar(reached, 1, tone=tone),
                    cells.share(tagged / ai_cost if ai_cost and tagged is not None else None, 1),
                    Cell(
                        f"{row['tagged_resource_count']} of {row['resource_count']}",
                        sort=row["tagged_resource_count"],
                    ),
                    cells.money(row["unallocated_cost"], ask.currency),
                )
            )
        )
    month = f.month(rows[0]["newest"]) if rows else ""
    return Table(
        "tag-coverage",
        "Spend with an owner, and tags",
        (
            Column("Scope"),
            Column("AI cost", "number"),
            Column("With an owner", "bar", "By tag, name, rule or a share of a pool"),
            Column("Tagged or named itself", "number", "Without splitting a pool"),
            Column("Tagged resources", "number"),
            Column("Nobody's", "number"),
        ),
        tuple(made),
        "Nothing has been allocated yet.",
        f"{month}. aifinops tags gaps lists what no tag gives an owner, with the line that would." if rows else "",
        export="fct_allocation_coverage_monthly",
        more=cells.more(len(rows), len(made), "more scopes"),
    )
