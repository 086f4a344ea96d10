"""What is in no figure: rows that were refused, columns that changed, meters that nobody can read, what may be AI.

Here: each with its reason and remedy, and its problems in sentences.
Not here: usage without a price (``unpriced``), refusing (ingestion, dbt).
"""

from __future__ import annotations

from reports import formatting as f
from reports.dashboards import cells
from reports.dashboards.ask import Ask, Rows
from reports.dashboards.model import Cell, Column, Link, Note, Row, Table, Target, Tile

SHOWN = 12


def rejected_of(ask: Ask) -> Rows:
    """Rows that were refused, by source and reason, most first."""
    return ask.rows(
        """select source_id, table_name, reason, remedy, count(*) as rows, count(distinct x_file) as files
           from fct_rejected_row group by all order by rows desc, source_id, table_name, reason""",
    )


def schema_of(ask: Ask) -> Rows:
    """Columns that deliveries lost, gained or changed."""
    return ask.rows("select * from fct_schema_drift order by first_seen_date desc, column_name")


def tile(rejected: Rows) -> Tile:
    rows = sum(row["rows"] for row in rejected)
    return Tile(
        "Rejected rows",
        f.whole(rows) if rows else "None",
        "Kept with reason and remedy" if rows else "Every delivered row was accepted",
        tone="warn" if rows else "good",
    )


def problems(rejected: Rows, schema: Rows) -> list[Note]:
    found = []
    if rejected:
        rows = sum(row["rows"] for row in rejected)
        names = ", ".join(sorted({row["source_id"] for row in rejected}))
        found.append(
            Note(
                f"{f.count(rows, 'row')} of {names} could not be read and {'is' if rows == 1 else 'are'} in no figure.",
                "warn",
                Link("Reasons and remedies", Target("data-health", anchor="rows")),
            )
        )
    if schema:
        found.append(
            Note(
                f"{f.count(len(schema), 'column')} of deliveries changed since the deliveries before.",
                "warn",
                Link("The columns", Target("data-health", anchor="rows")),
            )
        )
    return found


def rejected_table(rejected: Rows) -> Table:
    return Table(
        "rejected-rows",
        "Rejected rows",
        (Column("Source"), Column("Reason, and what to do"), Column("Rows", "number")),
        tuple(
            Row(
                (
                    cells.text(row["source_id"], small=f"{row['table_name']}, {f.count(row['files'], 'file')}"),
                    cells.text(row["reason"], small=row["remedy"] or ""),
                    cells.count(row["rows"]),
                )
            )
            for row in rejected[:SHOWN]
        ),
        "Every delivered row was accepted.",
        total=Row((Cell("All"), Cell(""), cells.count(sum(row["rows"] for row in rejected)))),
        export="fct_rejected_row",
        more=cells.more(len(rejected), SHOWN, "more reasons"),
    )


def schema_table(schema: Rows) -> Table:
    return Table(
        "schema-drift",
        "Columns that changed",
        (Column("Column"), Column("Change"), Column("What happened, and what to do")),
        tuple(
            Row(
                (
                    cells.text(row["column_name"], small=f"{row['source_id']}, {row['series']}"),
                    cells.text(
                        f.humanise(row["change"]),
                        small=f"since {f.day(row['first_seen_date'])}" if row["first_seen_date"] else "",
                    ),
                    cells.text(row["outcome"], small=row["remedy"] or ""),
                )
            )
            for row in schema[:SHOWN]
        ),
        "Deliveries have the columns that they always had.",
        export="fct_schema_drift",
        more=cells.more(len(schema), SHOWN),
    )


def meters_table(ask: Ask) -> Table:
    rows = ask.rows(
        """select sku_meter, provider_name, reason, billing_currency, sum(effective_cost) as cost
           from fct_unparsed_meter where billing_period_start >= date_trunc('month', $first::date)
               and billing_period_start <= $last and billing_currency = $currency
           group by all order by cost desc""",
    )
    return Table(
        "unparsed-meters",
        "Meters that could not be read",
        (Column("Meter"), Column("Why"), Column("Cost", "number")),
        tuple(
            Row(
                (
                    cells.text(row["sku_meter"], small=row["provider_name"] or ""),
                    cells.text(row["reason"], small="Teach it in config/prices.yml or config/allocation.yml"),
                    cells.money(row["cost"], ask.currency),
                )
            )
            for row in rows[:SHOWN]
        ),
        "Every AI meter of the bill names its model and kind of token.",
        total=Row((Cell("All"), Cell(""), cells.money(cells.total(rows, "cost"), ask.currency))),
        export="fct_unparsed_meter",
        more=cells.more(len(rows), SHOWN),
    )


def candidates_table(ask: Ask) -> Table:
    rows = ask.rows(
        """select service_name, sku_meter, candidate_id, provider_name, sum(effective_cost) as cost,
                  count(distinct resource_id) as resources
           from fct_unclassified_ai_candidate where billing_period_start >= date_trunc('month', $first::date)
               and billing_period_start <= $last and billing_currency = $currency
           group by all order by cost desc, service_name""",
    )
    return Table(
        "ai-candidates",
        "May be AI spend, and is not counted as such",
        (Column("Service"), Column("Why it looks like AI"), Column("Cost", "number")),
        tuple(
            Row(
                (
                    cells.text(row["service_name"], small=row["sku_meter"] or ""),
                    cells.text(
                        f.humanise(row["candidate_id"].replace("-", " ")),
                        small=f"{f.count(row['resources'], 'resource')} of {row['provider_name']}",
                    ),
                    cells.money(row["cost"], ask.currency),
                )
            )
            for row in rows[:SHOWN]
        ),
        "Nothing on the bill looks like AI without being counted as such.",
        "Name them in config/allocation.yml, under ai_categories, or leave them out for good.",
        total=Row((Cell("All"), Cell(""), cells.money(cells.total(rows, "cost"), ask.currency))),
        export="fct_unclassified_ai_candidate",
        more=cells.more(len(rows), SHOWN),
    )
