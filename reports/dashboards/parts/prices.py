"""Prices that usage is priced with: which entry counts, where lists disagree.

Here: the price book in force on the period's last day, second opinions.
Not here: usage without a price (``unpriced``), choosing a price (dbt).
"""

from __future__ import annotations

from datetime import timedelta

from finops.tokens import TokenClass
from reports import formatting as f
from reports.dashboards import cells
from reports.dashboards.ask import Ask, Rows
from reports.dashboards.model import Cell, Column, Row, Table
from reports.dashboards.parts.tokens import label
from reports.measures.tokens import CLASS_WORDS

SHOWN = 15
PRICE_CLASSES = (
    TokenClass.INPUT_UNCACHED,
    TokenClass.CACHE_READ,
    TokenClass.CACHE_WRITE_5M,
    TokenClass.OUTPUT,
    TokenClass.REASONING,
)
PRICE_SOURCES = {
    "invoice": "the invoice",
    "config": "config/prices.yml",
}


def _source(price_source: str) -> str:
    """Whose price it is, in words."""
    return PRICE_SOURCES.get(price_source, price_source)


def book_table(ask: Ask, sums: Rows) -> Table:
    """The entry that counts for each used model and its conditions, on the last day of the period."""
    rows = ask.rows(
        """with valid as (
               select * from dim_price
               where currency = $currency and valid_from <= $day and (valid_to is null or valid_to > $day)
                   and (provider_name || ' ' || model) in (select unnest($used)) and coalesce(min_input_tokens, 0) = 0
               qualify price_rank = min(price_rank) over (
                   partition by provider_name, model, token_class, region_id, deployment_type, service_tier
               )
           )
           select provider_name, model, region_id, deployment_type, service_tier, price_source, min(price_rank) as rank,
                  max(valid_from) as valid_from, min(valid_to) as valid_to,
                  map_from_entries(array_agg((token_class, price_per_1m_tokens))) as prices
           from (
               select provider_name, model, region_id, deployment_type, service_tier, price_source, token_class,
                      min(price_rank) as price_rank, max(valid_from) as valid_from, min(valid_to) as valid_to,
                      any_value(price_per_1m_tokens) as price_per_1m_tokens
               from valid group by all
           )
           group by all order by model, provider_name, rank, region_id, service_tier""",
        day=ask.view.period.last,
        used=sorted({f"{row['provider_name']} {row['model']}" for row in sums if row["model"]}),
    )
    made = []
    for row in rows:
        conditions = [word for word in (row["provider_name"], row["region_id"], row["deployment_type"]) if word]
        if row["service_tier"] not in (None, "standard"):
            conditions.append(row["service_tier"])
        source = _source(row["price_source"])
        made.append(
            Row(
                (
                    cells.text(row["model"], small=", ".join(conditions)),
                    *(cells.unit_money(row["prices"].get(name.value), ask.currency) for name in PRICE_CLASSES),
                    cells.text(source),
                    cells.day(
                        row["valid_from"],
                        small="" if row["valid_to"] is None else f"to {f.day(row['valid_to'] - timedelta(days=1))}",
                    ),
                )
            )
        )
    return Table(
        "price-book",
        "Price book",
        (
            Column("Model"),
            *(Column(CLASS_WORDS[name], "number", "Per 1M tokens") for name in PRICE_CLASSES),
            Column("Source"),
            Column("Valid from"),
        ),
        tuple(made[: 2 * SHOWN]),
        f"No price in {ask.currency} is in force for the models of this period; add them to config/prices.yml.",
        f"Per 1M tokens, in force on {f.day(ask.view.period.last)}, for the models used in the period; prices for "
        "longer contexts apart. aifinops prices explain says which entry counts and why.",
        export="dim_price",
        more=cells.more(len(made), 2 * SHOWN),
    )


def disagreements_table(ask: Ask) -> Table:
    rows = ask.rows(
        """select provider_name, model, token_class, price_source, other_price_source,
                  any_value(price_per_1m_tokens) as price, any_value(other_price_per_1m_tokens) as other_price,
                  sum(tokens)::bigint as tokens, sum(estimated_cost) as cost, sum(money_at_stake) as stake
           from fct_price_disagreement
           where currency = $currency and usage_date between $first and $last
           group by 1, 2, 3, 4, 5 order by abs(sum(money_at_stake)) desc nulls last, model, token_class""",
        last=cells.usage_through(ask.view),
    )
    return Table(
        "price-disagreements",
        "Where price lists disagree",
        (
            Column("Model"),
            Column("Counts", "number", "Price per 1M tokens that is used"),
            Column("Other list", "number"),
            Column("Tokens", "number"),
            Column("Money between them", "number", "The other list's cost less the one that counts"),
        ),
        tuple(
            Row(
                (
                    cells.text(row["model"], small=f"{label(row['token_class'])}, {row['provider_name']}"),
                    cells.unit_money(row["price"], ask.currency, small=_source(row["price_source"])),
                    cells.unit_money(
                        row["other_price"],
                        ask.currency,
                        small=_source(row["other_price_source"]),
                    ),
                    cells.compact(row["tokens"]),
                    cells.signed(row["stake"], ask.currency),
                )
            )
            for row in rows[:SHOWN]
        ),
        ask.empty("fct_price_disagreement", "No two price lists disagree about what was used."),
        "A second opinion: nothing is summed with it. aifinops prices diff tells more." if rows else "",
        total=Row((Cell("All"), Cell(""), Cell(""), Cell(""), cells.signed(cells.total(rows, "stake"), ask.currency))),
        export="fct_price_disagreement",
        more=cells.more(len(rows), SHOWN, "more, in the total"),
    )
