"""Usage without a price, and what it may have cost.

Here: its rows in a period, the sum of guesses in words, a table.
Not here: the guesses (dbt); they are in no other figure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from reports import formatting as f
from reports.dashboards import cells as c
from reports.dashboards.ask import Ask
from reports.dashboards.model import Column, Row, Table
from reports.dashboards.view import View
from reports.frames import ZERO

SHOWN = 12


def unpriced_usage(view: View) -> list[dict[str, Any]]:
    """By model and reason, the largest guess first: ``tokens``, ``guessed_cost`` (may be null), ``guess_currency``."""
    return Ask(view).rows(
        """select provider_name, model, reason, guess_currency, guess_basis, sum(tokens)::bigint as tokens,
                  sum(guessed_cost) as guessed_cost, max(usage_date) as last_day
           from fct_unpriced_usage where usage_date between $first and $last
           group by all order by guessed_cost desc nulls last, tokens desc""",
        last=c.usage_through(view),
    )


def guesses(unpriced: Sequence[Mapping[str, Any]]) -> str:
    sums: dict[str, Decimal] = {}
    for row in unpriced:
        if row["guessed_cost"] is not None and row["guess_currency"]:
            sums[row["guess_currency"]] = sums.get(row["guess_currency"], ZERO) + row["guessed_cost"]
    return f.amounts(sums) if sums else "any amount: there is nothing to guess from"


def unpriced_table(unpriced: Sequence[Mapping[str, Any]]) -> Table:
    return Table(
        "unpriced-usage",
        "Usage without a price",
        (
            Column("Model"),
            Column("Tokens", "number"),
            Column("May have cost", "number", "A guess that is in no other figure"),
            Column("Guessed from"),
            Column("Why there is no price"),
        ),
        tuple(
            Row(
                (
                    c.model(row["model"], small=row["provider_name"] or ""),
                    c.compact(row["tokens"]),
                    c.money(row["guessed_cost"], row["guess_currency"] or ""),
                    c.text(row["guess_basis"]),
                    c.text(row["reason"], small="Add it to config/prices.yml, then aifinops reprice"),
                )
            )
            for row in unpriced[:SHOWN]
        ),
        "All usage of the period has a price.",
        "aifinops prices explain says which lists were asked.",
        export="fct_unpriced_usage" if unpriced else "",
        more=f"and {len(unpriced) - SHOWN} more" if len(unpriced) > SHOWN else "",
    )
