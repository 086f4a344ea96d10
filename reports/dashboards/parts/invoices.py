"""What teams are charged, and whether it is what the invoices ask for.

Here: the month's statements as they stand, issued ones, invoices.
Not here: issuing statements (``reports.statements``), the bill against the marts (``books``).
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from finops import money
from finops.periods import BillingPeriod
from reports import formatting as f
from reports.dashboards import cells
from reports.dashboards.ask import Ask
from reports.dashboards.model import Cell, Column, Row, Table, Tone
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
        total=Row((Cell("All of the bill"), Cell(), *line(sums))),
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
        caption=f"Billed cost of {f.month(month.start)}'s invoices, with all digits; they also ask for, or give back, "
        "what came late for earlier months.",
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
