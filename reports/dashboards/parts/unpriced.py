"""Usage without a price, and what it may have cost.

Here: its rows in a period, the sum of guesses in words, a tile, a sentence, a table.
Not here: the guesses (dbt); they are in no other figure.
"""

from __future__ import annotations

from decimal import Decimal

from reports import formatting as f
from reports.dashboards import cells
from reports.dashboards.ask import Ask, Rows
from reports.dashboards.model import Block, Column, Link, Note, Row, Table, Target, Tile
from reports.frames import ZERO

SHOWN = 12


def usage_of(ask: Ask) -> Rows:
    """By model and reason, the largest guess first: ``tokens``, ``guessed_cost`` (may be null), ``guess_currency``."""
    return ask.rows(
        """select provider_name, model, reason, guess_currency, guess_basis, sum(tokens)::bigint as tokens,
                  sum(guessed_cost) as guessed_cost, max(usage_date) as last_day
           from fct_unpriced_usage where usage_date between $first and $last
           group by all order by guessed_cost desc nulls last, tokens desc""",
        last=cells.usage_through(ask.view),
    )


def guesses(usage: Rows) -> str:
    sums: dict[str, Decimal] = {}
    for row in usage:
        if row["guessed_cost"] is not None and row["guess_currency"]:
            sums[row["guess_currency"]] = sums.get(row["guess_currency"], ZERO) + row["guessed_cost"]
    return f.amounts(sums) if sums else "any amount: there is nothing to guess from"


def tile(ask: Ask, usage: Rows) -> Tile:
    tokens = sum(row["tokens"] or 0 for row in usage)
    return Tile(
        "Tokens without a price",
        f.compact(tokens) if tokens else "None",
        f"May have cost {guesses(usage)}" if tokens else "All usage is priced",
        ask.view.period.label,
        tone="warn" if tokens else "good",
    )


def problems(usage: Rows) -> list[Note]:
    if not usage:
        return []
    tokens = sum(row["tokens"] or 0 for row in usage)
    models = ", ".join(sorted({row["model"] for row in usage if row["model"]})) or "unnamed models"
    return [
        Note(
            f"{f.compact(tokens)} tokens of {models} have no price and are in no estimate; they may have cost "
            f"{guesses(usage)}. Add prices to config/prices.yml, then aifinops reprice.",
            "warn",
            Link("The models", Target("data-health", anchor="rows")),
        )
    ]


def beside_prices(usage: Rows) -> tuple[tuple[Block, ...], ...]:
    """The table with a sentence; nothing where all usage has a price."""
    if not usage:
        return ()
    note = Note(
        f"Usage without a price is in no estimate; it may have cost {guesses(usage)}.",
        "warn",
        Link("Data health", Target("data-health", anchor="rows")),
    )
    return ((note,), (table(usage),))


def table(usage: Rows) -> Table:
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
                    cells.model(row["model"], small=row["provider_name"] or ""),
                    cells.compact(row["tokens"]),
                    cells.money(row["guessed_cost"], row["guess_currency"] or ""),
                    cells.text(row["guess_basis"]),
                    cells.text(row["reason"], small="Add it to config/prices.yml, then aifinops reprice"),
                )
            )
            for row in usage[:SHOWN]
        ),
        "All usage of the period has a price.",
        "aifinops prices explain says which lists were asked.",
        export="fct_unpriced_usage",
        more=cells.more(len(usage), SHOWN),
    )
