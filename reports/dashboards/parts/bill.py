"""Whether the bill is whole and counted once: reconciliation, closed months, deliveries, exchange rates.

Here: what the providers charged against the marts, and its problems in sentences.
Not here: the same for finance people, by provider and month (``books``), the checks (dbt).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

import pandas as pd

from reports import formatting as f
from reports.dashboards import cells
from reports.dashboards.ask import Ask, Rows
from reports.dashboards.model import Block, Cell, Column, Link, Note, Row, Table, Target, Tile
from reports.measures.health import Reconciliation, reconciliation
from reports.measures.missing import Missing

SHOWN = 12
LATE_DAYS = 3
"""A bill that ends longer ago than this is late."""
CLOSING_WORDS = {
    "known_at_close": "as known when it closed",
    "first_known": "as first delivered",
    "current_only": "as it is now; how it closed was not kept",
}


def reconciled_of(ask: Ask) -> Reconciliation | Missing:
    # Days that add up are summed by day: the measure counts days and money, and names providers of the others only.
    rows = ask.rows(
        """select case when is_reconciled then null else provider_name end as provider_name, usage_date,
                  billing_currency, is_reconciled, sum(lake_billed_cost) as lake_billed_cost,
                  sum(difference) as difference, sum(rejected_cost) as rejected_cost,
                  sum(rejected_row_count)::bigint as rejected_row_count
           from fct_reconciliation_daily where billing_currency = $currency or billing_currency is null
           group by 1, 2, 3, 4""",
    )
    if not rows:
        return Missing(ask.empty("fct_reconciliation_daily", "The bill has not been reconciled yet."))
    frame = pd.DataFrame(rows)
    return reconciliation(frame.assign(usage_date=pd.to_datetime(frame["usage_date"])))


def rates_of(ask: Ask) -> Rows:
    """Currencies that are converted, with the days that lack a rate."""
    return ask.rows(
        """select billing_currency, reporting_currency, count(*) filter (where is_missing) as missing_days,
                  min(usage_date) filter (where is_missing) as first_missing,
                  max(usage_date) filter (where is_missing) as last_missing,
                  max_by(exchange_rate, usage_date) as rate, max_by(rate_date, usage_date) as rate_date,
                  max_by(rate_source, usage_date) as rate_source
           from fct_exchange_rate_daily where billing_currency <> reporting_currency
           group by all order by billing_currency""",
    )


def tiles(ask: Ask, reconciled: Reconciliation | Missing) -> list[Tile]:
    """How far the bill reaches, and whether all of it is in the marts."""
    return [_through_tile(ask), _reconciled_tile(ask, reconciled)]


def _through_tile(ask: Ask) -> Tile:
    label, billed = f"Billed through ({ask.currency})", ask.view.billed_through
    if billed is None:
        return Tile(label, "Nothing yet", "No bill of this currency has arrived")
    since = (ask.view.as_of.date() - billed).days
    return Tile(
        label,
        f.day(billed),
        f"{f.count(since, 'day')} before this report; later usage is estimated",
        tone="warn" if since > LATE_DAYS else "good",
    )


def _reconciled_tile(ask: Ask, found: Reconciliation | Missing) -> Tile:
    if isinstance(found, Missing):
        return Tile("Reconciled", "Not yet", found.reason)
    return Tile(
        "Reconciled",
        "Every day" if found.is_reconciled else f"{f.count(len(found.unreconciled), 'day')} off",
        f"Difference {f.money(found.difference, ask.currency)} of "
        f"{f.whole_money(found.billed, ask.currency)} delivered",
        tone="good" if found.is_reconciled else "bad",
    )


def problems(reconciled: Reconciliation | Missing, rates: Rows) -> list[Note]:
    found = [
        Note(
            f"{row['billing_currency']} has no exchange rate on {f.count(row['missing_days'], 'day')} from "
            f"{f.day(row['first_missing'])} to {f.day(row['last_missing'])}: totals in "
            f"{row['reporting_currency']} leave them out. Give one in config/currencies.yml.",
            "bad",
        )
        for row in rates
        if row["missing_days"]
    ]
    if isinstance(reconciled, Reconciliation) and not reconciled.is_reconciled:
        found.append(
            Note(
                f"{f.count(len(reconciled.unreconciled), 'day')} of the bill "
                f"{'does' if len(reconciled.unreconciled) == 1 else 'do'} not add up with the marts. "
                "docs/reconciliation.md says what to do; guardrails do not act on them.",
                "bad",
                Link("The days", Target("data-health", anchor="bill")),
            )
        )
    return found


def blocks(ask: Ask, reconciled: Reconciliation | Missing, rates: Rows) -> tuple[tuple[Block, ...], ...]:
    """Days that do not add up only where there are any."""
    days = reconciled.unreconciled if isinstance(reconciled, Reconciliation) else ()
    return (
        (_reconciliation_note(ask, reconciled),),
        *(((_unreconciled_table(ask, days),),) if days else ()),
        (_closed_table(ask),),
        (_overlap_table(ask), _rates_table(rates)),
    )


def _reconciliation_note(ask: Ask, found: Reconciliation | Missing) -> Note:
    if isinstance(found, Missing):
        return Note(found.reason)
    text = (
        f"{f.money(found.billed, ask.currency)} was delivered for {f.count(found.day_count, 'day')} from "
        f"{f.day(found.first_day)} to {f.day(found.last_day)}; the difference to the marts is "
        f"{f.money(found.difference, ask.currency)}."
    )
    if found.rejected_rows:
        text += (
            f" {f.count(found.rejected_rows, 'row')} of the bill were rejected "
            f"({f.money(found.rejected_cost, ask.currency)})."
        )
    return Note(text, "good" if found.is_reconciled else "bad")


def _unreconciled_table(ask: Ask, days: Sequence[tuple[str, date | None, Decimal]]) -> Table:
    return Table(
        "unreconciled",
        "Days that do not add up",
        (Column("Provider"), Column("Day"), Column("Difference", "number")),
        tuple(
            Row(
                (
                    cells.text(provider),
                    Cell("no day" if at is None else f.day(at), sort=at),
                    cells.signed(difference, ask.currency),
                )
            )
            for provider, at, difference in days[:SHOWN]
        ),
        "Every day adds up.",
        export="fct_reconciliation_daily",
        more=cells.more(len(days), SHOWN, "more days"),
    )


def _closed_table(ask: Ask) -> Table:
    rows = ask.rows(
        """select billing_period_start, billing_currency, max(closed_at) as closed_at,
                  any_value(closing_basis) as closing_basis, sum(closing_billed_cost) as closing,
                  sum(true_up_billed_cost) as moved, sum(true_up_count)::bigint as true_ups,
                  max(last_true_up_at) as last_true_up_at, sum(current_billed_cost) as now
           from fct_closed_month where billing_currency = $currency
           group by 1, 2 order by 1 desc limit $most""",
        most=SHOWN,
    )
    made = [
        Row(
            (
                Cell(
                    f.month(row["billing_period_start"]),
                    sort=row["billing_period_start"],
                    small=CLOSING_WORDS.get(row["closing_basis"], ""),
                ),
                Cell(f.day(row["closed_at"]), sort=row["closed_at"].isoformat()),
                cells.money(row["closing"], ask.currency),
                Cell(
                    f.signed_money(row["moved"], ask.currency) if row["true_ups"] else cells.NOTHING,
                    sort=row["moved"],
                    small=f"{f.count(row['true_ups'], 'true-up')}, the last {f.short_day(row['last_true_up_at'])}"
                    if row["true_ups"]
                    else "",
                    tone="warn" if row["true_ups"] else "",
                ),
                cells.money(row["now"], ask.currency),
            )
        )
        for row in rows
    ]
    return Table(
        "closed-months",
        "Closed months",
        (
            Column("Month"),
            Column("Closed"),
            Column("At the close", "number"),
            Column("Moved since", "number", "Corrections that came after the close; the closed amount stays on record"),
            Column("Now", "number"),
        ),
        tuple(made),
        ask.empty("fct_closed_month", "No month has closed yet."),
        "All billed cost, AI and other, of every provider.",
        export="fct_closed_month",
    )


def _overlap_table(ask: Ask) -> Table:
    rows = ask.rows(
        """select source_id, delivery_kind, billing_month, billing_currency, reason, sum(row_count)::bigint as rows,
                  sum(billed_cost) as billed_cost
           from fct_bill_overlap group by all order by billing_month desc, billed_cost desc""",
    )
    return Table(
        "delivered-twice",
        "Delivered twice, counted once",
        (
            Column("Left out"),
            Column("Month"),
            Column("Rows", "number"),
            Column("Money", "number", "What would have been counted twice"),
            Column("Why"),
        ),
        tuple(
            Row(
                (
                    cells.text(row["source_id"], small=f.humanise(row["delivery_kind"])),
                    cells.text(row["billing_month"]),
                    cells.count(row["rows"]),
                    cells.money(row["billed_cost"], row["billing_currency"]),
                    cells.text(row["reason"]),
                )
            )
            for row in rows[:SHOWN]
        ),
        "No bill was delivered twice.",
        export="fct_bill_overlap",
        more=cells.more(len(rows), SHOWN),
    )


def _rates_table(rates: Rows) -> Table:
    return Table(
        "exchange-rates",
        "Exchange rates",
        (
            Column("Currency"),
            Column("Newest rate", "number"),
            Column("Source"),
            Column("Days without a rate", "number"),
            Column("State", "badge"),
        ),
        tuple(
            Row(
                (
                    cells.text(row["billing_currency"], small=f"to {row['reporting_currency']}"),
                    Cell(
                        cells.NOTHING if row["rate"] is None else f"{row['rate'].quantize(Decimal('0.0001')):f}",
                        sort=row["rate"],
                        small="" if row["rate_date"] is None else f"of {f.day(row['rate_date'])}",
                    ),
                    cells.text(row["rate_source"]),
                    cells.count(row["missing_days"]),
                    cells.badge("Missing", "bad") if row["missing_days"] else cells.badge("Complete", "good"),
                )
            )
            for row in rates
        ),
        "All money is in the reporting currency; no rate is needed.",
        "Amounts stay in the currency they were billed in; only totals of all currencies are converted.",
        export="fct_exchange_rate_daily",
    )
