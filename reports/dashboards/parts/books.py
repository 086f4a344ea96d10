"""Whether the books are right: reconciliation, closed months, what kinds of charges there are, commitments.

Here: tables for finance people. Not here: the checks (dbt), what teams are charged (``invoices``).
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from finops import money
from reports import formatting as f
from reports.dashboards import cells
from reports.dashboards.ask import Ask
from reports.dashboards.model import Cell, Column, Link, Note, Row, Table, Target, Tile
from reports.dashboards.parts import words
from reports.explain.words import exact_money
from reports.frames import ZERO

MONTHS = 13
_RECONCILED = """
select provider_name as provider, count(distinct usage_date) as days, sum(lake_row_count) as row_count,
       sum(lake_billed_cost) as delivered, sum(rejected_cost) as rejected, sum(rejected_row_count) as rejected_rows,
       sum(mart_billed_cost) as mart, sum(difference) as difference, count(*) filter (not is_reconciled) as broken
from fct_reconciliation_daily
where billing_currency = $currency and usage_date between $first and $last
group by 1
order by delivered desc, 1
"""
_CLOSED = """
select billing_period_start as month, sum(closing_billed_cost) as closing, sum(true_up_billed_cost) as true_up,
       sum(true_up_count) as changes, sum(current_billed_cost) as now, max(closed_at) as closed_at,
       max(last_true_up_at) as last_true_up
from fct_closed_month
where billing_currency = $currency and billing_period_start >= $since and billing_period_start <= $last
group by 1
order by 1 desc
"""
_KINDS = """
select charge_category as kind, is_ai, sum(billed_cost) as billed, sum(effective_cost) as effective,
       count(*) as charges
from fct_ai_cost_daily
where billing_currency = $currency and usage_date between $first and $last
group by all
order by abs(sum(billed_cost)) desc, kind
"""
_COMMITMENTS = """
select resource_name as name, service_name as kind,
       coalesce(sum(effective_cost) filter (idle_kind = 'unused_commitment'), 0) as unused, sum(effective_cost) as whole
from fct_ai_cost_daily
where billing_currency = $currency and usage_date between $first and $last
      and (pricing_category = 'Committed' or idle_kind = 'unused_commitment')
group by all
order by whole desc, name
limit 12
"""
_PROVISIONED = """
select resource_id as name, 'Provisioned throughput' as kind, sum(idle_cost) as unused, sum(effective_cost) as whole
from fct_provisioned_throughput_daily
where billing_currency = $currency and usage_date between $first and $last
group by all
order by whole desc, name
"""


def reconciliation_table(ask: Ask) -> tuple[Tile, Table]:
    """The delivered bill, less its rejected rows, against the marts: with all digits, and whether they are equal."""
    rows = ask.rows(_RECONCILED)
    names = ("delivered", "rejected", "mart", "difference")
    sums = {name: money.total(row[name] or ZERO for row in rows) for name in names}
    broken = sum(row["broken"] for row in rows)

    def line(name: str, days: Cell, parts: Mapping[str, Any], count: int) -> Row:
        return Row(
            (
                Cell(name),
                days,
                *(Cell(exact_money(parts[part] or ZERO, ask.currency), sort=parts[part] or ZERO) for part in names),
                Cell("does not add up" if count else "equal", tone="bad" if count else "good"),
            )
        )

    tile = Tile(
        "Against the delivered bill",
        "Not known",
        sub=ask.empty("fct_reconciliation_daily", "The bill has not been reconciled yet."),
    )
    if rows:
        tile = Tile(
            "Against the delivered bill",
            "Equal" if not broken else "Not equal",
            sub=f"{exact_money(sums['mart'], ask.currency)} in the marts",
            foot=f"Difference {exact_money(sums['difference'], ask.currency)}"
            + (f"; {f.count(broken, 'day')} do not add up" if broken else ", to the last digit")
            + (f"; rows worth {f.money(sums['rejected'], ask.currency)} were rejected." if sums["rejected"] else "."),
            tone="bad" if broken else "good",
            target=Target("finance", anchor="reconciliation"),
        )
    return tile, Table(
        "reconciliation-table",
        "Reconciliation to the last digit",
        (
            Column("Provider"),
            Column("Days", "number"),
            Column("Delivered", "number"),
            Column("Rejected", "number", "Rows that cannot be read; they are kept with their reasons"),
            Column("In the marts", "number"),
            Column("Difference", "number", "Delivered − rejected − in the marts"),
            Column("State", "badge"),
        ),
        tuple(
            line(row["provider"] or "Unknown provider", cells.count(row["days"]), row, row["broken"]) for row in rows
        ),
        ask.empty("fct_reconciliation_daily", "The bill has not been reconciled yet."),
        caption=f"Billed cost of the whole bill, {words.period_words(ask.view.period)}.",
        total=line("All providers", Cell(), sums, broken),
        export="fct_reconciliation_daily",
    )


def closed_table(ask: Ask) -> Table:
    """Closed months: what they were when they were closed, what has changed since, what they are now."""
    first = ask.shown_month
    for _ in range(MONTHS - 1):
        first = first.previous()
    rows = ask.rows(_CLOSED, since=first.start)
    return Table(
        "closed",
        "Closed months and their true-ups",
        (
            Column("Month"),
            Column("Closed"),
            Column("When closed", "number", "Billed cost"),
            Column("True-ups since", "number"),
            Column("Now", "number"),
            Column("Changes", "number"),
        ),
        tuple(
            Row(
                (
                    Cell(f.month(row["month"]), sort=row["month"]),
                    Cell(cells.NOTHING) if row["closed_at"] is None else cells.day(row["closed_at"].date()),
                    cells.money(row["closing"], ask.currency),
                    cells.signed(row["true_up"], ask.currency) if row["true_up"] else Cell("none", sort=ZERO),
                    cells.money(row["now"], ask.currency),
                    cells.count(row["changes"]),
                ),
                details=(f"Changed last on {f.day(row['last_true_up'])}.",) if row["last_true_up"] else (),
            )
            for row in rows
        ),
        ask.empty("fct_closed_month", "No month has been closed yet."),
        caption="A closed month moves only by visible true-ups.",
        export="fct_closed_month",
    )


def kinds_table(ask: Ask) -> Table:
    """Usage, purchases, credits, refunds and taxes kept apart; the whole bill."""
    rows = ask.rows(_KINDS)
    billed, effective = (money.total(row[name] for row in rows) for name in ("billed", "effective"))

    def line(name: Cell, kind: str, row: Mapping[str, Any]) -> Row:
        return Row(
            (
                name,
                Cell(kind),
                cells.money(row["billed"], ask.currency),
                cells.money(row["effective"], ask.currency),
                cells.count(row["charges"]),
            )
        )

    return Table(
        "charge-kinds",
        "Credits, taxes and purchases",
        (
            Column("Kind of charge"),
            Column("For"),
            Column("Billed", "number", "As invoiced"),
            Column("Effective", "number", "Purchases spread over the days that they cover"),
            Column("Charges", "number"),
        ),
        tuple(line(Cell(row["kind"] or words.NOT_NAMED), "AI" if row["is_ai"] else "other", row) for row in rows),
        "Nothing was billed in the period.",
        caption=f"The whole bill, {words.period_words(ask.view.period)}.",
        total=line(
            Cell("Whole bill"),
            "",
            {"billed": billed, "effective": effective, "charges": sum(row["charges"] for row in rows)},
        ),
        export="fct_ai_cost_daily",
    )


def commitments_table(ask: Ask) -> Table:
    """Reservations, savings plans and provisioned throughput with the part that nobody used."""
    rows = sorted(
        [*ask.rows(_COMMITMENTS), *ask.rows(_PROVISIONED)], key=lambda row: (-row["whole"], row["kind"] or "")
    )
    unused, whole = (money.total(row[name] or ZERO for row in rows) for name in ("unused", "whole"))

    def line(name: Cell, cost: Decimal, lost: Decimal) -> Row:
        return Row(
            (
                name,
                cells.money(cost, ask.currency),
                cells.money(cost - lost, ask.currency),
                cells.money(lost, ask.currency),
                words.share_cell(lost, cost),
            )
        )

    return Table(
        "commitments",
        "Commitments and their unused part",
        (
            Column("Commitment"),
            Column("Cost", "number", "Effective cost of the period"),
            Column("Used", "number"),
            Column("Unused", "number"),
            Column("Unused share", "bar"),
        ),
        tuple(line(_commitment_cell(row), row["whole"], row["unused"] or ZERO) for row in rows),
        "The bill has no commitment in the period: no reservation, savings plan or provisioned capacity.",
        caption=f"The dearest ones, effective cost, {words.period_words(ask.view.period)}.",
        total=line(Cell("These commitments"), whole, unused),
        export="fct_ai_cost_daily",
    )


def _commitment_cell(row: Mapping[str, Any]) -> Cell:
    name = str(row["name"] or "Not at a resource").rsplit("/", 1)[-1]
    return Cell(name, small=row["kind"] or "")


def ways_note() -> Note:
    return Note(
        "Every amount can say which rule gave it to its owner and which row of the bill it came from: open a team.",
        link=Link("Teams", Target("teams")),
    )
