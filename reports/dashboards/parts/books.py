"""Whether the figures are those of the invoices: statements, invoices, reconciliation, closed months, commitments.

Here: tables for finance people, all in billed cost where invoices are meant. Not here: the checks (dbt), issuing
statements (``reports.statements``).
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from finops import money
from finops.periods import BillingPeriod
from reports import formatting as f
from reports.dashboards import cells
from reports.dashboards.ask import Ask
from reports.dashboards.model import Cell, Column, Link, Note, Row, Table, Target, Tile, Tone
from reports.dashboards.parts import words
from reports.explain.words import exact_money
from reports.frames import ZERO
from reports.statements.model import SECTIONS

SECTION_WORDS = {
    "usage": "Own use",
    "shared": "Shared",
    "idle": "Idle",
    "purchase": "Purchases",
    "credit": "Credits",
    "tax": "Taxes",
    "adjustment": "Adjustments",
}
MONTHS = 13
_STATEMENT = """
select team, cost_center, section, sum(billed_cost) as cost
from fct_statement_line_monthly
where billing_period_start = $month and billing_currency = $currency
group by all
"""
_INVOICES = """
with charged as (
    select provider_name, billing_account_id, sum(billed_cost) as charged
    from fct_statement_line_monthly
    where billing_period_start = $month and billing_currency = $currency
    group by all
), asked as (
    select provider_name, billing_account_id, sum(billed_cost) as invoiced,
           any_value(invoice_issuer_name) as issuer, list(distinct invoice_id) filter (invoice_id is not null) as ids
    from fct_invoice_monthly
    where billing_period_start = $month and billing_currency = $currency
    group by all
)
select coalesce(asked.provider_name, charged.provider_name) as provider,
       coalesce(asked.billing_account_id, charged.billing_account_id) as account, issuer, ids, invoiced, charged
from asked
full join charged
    on asked.provider_name = charged.provider_name
       and asked.billing_account_id is not distinct from charged.billing_account_id
order by coalesce(invoiced, charged) desc, 1, 2
"""
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


def statement_table(ask: Ask) -> Table:
    """What a statement of the month would say today, by team and section; its total is the month's invoices."""
    month = ask.shown_month
    rows = ask.rows(_STATEMENT, month=month.start)
    amounts: dict[tuple[str | None, str | None], dict[str, Decimal]] = {}
    for row in rows:
        amounts.setdefault((row["team"], row["cost_center"]), {})[row["section"]] = row["cost"]
    sections = [name for name in SECTIONS if any(name in parts for parts in amounts.values())]
    ranked = sorted(
        amounts.items(), key=lambda item: (item[0][0] is None, -money.total(item[1].values()), item[0][0] or "")
    )

    def line(parts: Mapping[str, Decimal]) -> tuple[Cell, ...]:
        of_sections = (cells.money(parts.get(name), ask.currency) for name in sections)
        return (*of_sections, cells.money(money.total(parts.values()), ask.currency))

    sums = {name: money.total(parts.get(name, ZERO) for parts in amounts.values()) for name in sections}
    through = "" if ask.view.period.last >= month.last_day else f" through {f.short_day(ask.through)}"
    return Table(
        "statement",
        f"What a statement of {f.month(month.start)} would say",
        (
            Column("Team"),
            Column("Cost centre"),
            *(Column(SECTION_WORDS[name], "number") for name in sections),
            Column("All", "number"),
        ),
        tuple(
            Row((words.team_cell(team), Cell(cost_center or cells.NOTHING), *line(parts)))
            for (team, cost_center), parts in ranked
        ),
        f"Nothing of {f.month(month.start)} has been billed in {ask.currency} yet.",
        caption=f"Billed cost of {f.month(month.start)}{through}, the whole bill with what is no AI, as it is known "
        "today. Statements are issued with aifinops statements issue.",
        total=Row((Cell("All of the bill"), Cell(), *line(sums))) if rows else None,
        export="fct_statement_line_monthly",
    )


def issued_table(ask: Ask) -> Table:
    """Issued months of the currency, newest first."""
    own = [one for one in ask.view.operations.statements if one.get("currency") == ask.currency]
    rows = sorted(own, key=lambda one: str(one["period"]), reverse=True)
    return Table(
        "issued",
        "Statements issued",
        (
            Column("Month"),
            Column("Issued"),
            Column("Statements", "number"),
            Column("Charged", "number", "For the month itself"),
            Column("True-ups", "number", "Of months that were stated before"),
            Column("Fiscal year so far", "number", "Closing balance of all statements"),
        ),
        tuple(
            Row(
                (
                    Cell(f.month(BillingPeriod.parse(str(one["period"])).start), sort=str(one["period"])),
                    Cell(cells.NOTHING)
                    if one["issued_at"] is None
                    else Cell(f.day(one["issued_at"]), sort=one["issued_at"].date()),
                    cells.count(one["count"]),
                    cells.money(one["charges"], ask.currency),
                    cells.signed(one["true_ups"], ask.currency) if one["true_ups"] else Cell("none", sort=ZERO),
                    cells.money(one["closing"], ask.currency),
                )
            )
            for one in rows
        ),
        f"No statement in {ask.currency} has been issued. Once a month is billed in full, issue it with "
        "aifinops statements issue.",
        caption="An issued month never changes; what moves later stands as a true-up in the next one's statements.",
    )


def invoices_table(ask: Ask) -> Table:
    """What the month's invoices ask for beside what its statement lines charge: they are equal, to the last digit."""
    month = ask.shown_month
    rows = ask.rows(_INVOICES, month=month.start)
    known = [row for row in rows if row["invoiced"] is not None or row["charged"] is not None]

    def line(name: Cell, invoice: Cell, invoiced: Decimal, charged: Decimal) -> Row:
        tone: Tone = "good" if invoiced == charged else "bad"
        difference = invoiced - charged
        return Row(
            (
                name,
                invoice,
                Cell(exact_money(invoiced, ask.currency), sort=invoiced),
                Cell(exact_money(charged, ask.currency), sort=charged),
                Cell("ties" if not difference else exact_money(difference, ask.currency), sort=difference, tone=tone),
            )
        )

    return Table(
        "invoices",
        "Invoices against the marts",
        (
            Column("Provider"),
            Column("Invoice"),
            Column("Invoiced", "number"),
            Column("Charged to teams", "number", "Sum of the statement lines, No owner included"),
            Column("Difference", "badge"),
        ),
        tuple(
            line(
                Cell(row["provider"], small=(row["account"] or "").rsplit("/", 1)[-1]),
                Cell(words.listed(sorted(row["ids"] or ())) or "not invoiced yet"),
                row["invoiced"] or ZERO,
                row["charged"] or ZERO,
            )
            for row in known
        ),
        ask.empty("fct_invoice_monthly", f"No invoice of {f.month(month.start)} has arrived yet."),
        caption=f"Billed cost of {f.month(month.start)}, with all digits.",
        total=line(
            Cell("All invoices"),
            Cell(),
            money.total(row["invoiced"] or ZERO for row in known),
            money.total(row["charged"] or ZERO for row in known),
        )
        if known
        else None,
        export="fct_invoice_monthly",
    )


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
        total=line("All providers", Cell(), sums, broken) if rows else None,
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
        )
        if rows
        else None,
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
        total=line(Cell("These commitments"), whole, unused) if rows else None,
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
