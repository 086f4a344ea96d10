"""All currencies together, converted into the reporting currency, and the rates behind it.

Here: converted sums as the marts have them; projections and budgets at the newest rate. Not here: choosing rates (dbt).

Amounts of different currencies are never added as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from finops import money
from reports import formatting as f
from reports.dashboards import cells
from reports.dashboards.ask import Ask
from reports.dashboards.model import Cell, Column, Link, Note, Row, Table, Target
from reports.dashboards.parts import words
from reports.frames import ZERO

_PARTS = """
with known as (
    select billing_currency, min(usage_date) <= $before_first as is_before_known from fct_ai_cost_daily group by 1
)
select billing_currency as code, any_value(reporting_currency) as reporting,
       coalesce(sum(effective_cost) filter (is_ai and now), 0) as own,
       coalesce(sum(reporting_effective_cost) filter (is_ai and now), 0) as converted,
       case when any_value(is_before_known)
            then coalesce(sum(reporting_effective_cost) filter (is_ai and not now), 0) end as before,
       coalesce(sum(reporting_effective_cost) filter (now), 0) as bill,
       count(*) filter (reporting_effective_cost is null) as unconverted,
       min(usage_date) filter (reporting_effective_cost is null) as unconverted_since
from (select *, usage_date between $first and $last as now from fct_ai_cost_daily
      where usage_date between $first and $last or usage_date between $before_first and $before_last)
join known using (billing_currency)
group by 1
order by converted desc, code
"""
_RATES = """
select billing_currency as code, reporting_currency as reporting, max(usage_date) as day,
       arg_max(exchange_rate, usage_date) filter (not is_missing) as rate,
       arg_max(rate_date, usage_date) filter (not is_missing) as rate_date,
       arg_max(rate_source, usage_date) filter (not is_missing) as source,
       count(*) filter (is_missing) as missing, min(usage_date) filter (is_missing) as missing_since,
       max(usage_date) filter (is_missing) as missing_until, coalesce(sum(billed_cost) filter (is_missing), 0) as lost
from fct_exchange_rate_daily
where usage_date between $first and $last
group by all
order by code
"""
_HEADING = """
select currency as code, sum(projected_cost) as projected, sum(budget_amount) as budget
from fct_budget_status
where scope_type = 'company' and period = 'month' and period_start = $month
group by 1
"""


def together(ask: Ask) -> Table | Note | None:
    """Every currency's AI spend, converted, with the sum; None where there is one currency only."""
    parts = ask.rows(_PARTS)
    if len(parts) < 2:
        return None
    lacking = [part for part in parts if part["unconverted"] or part["reporting"] is None]
    if lacking:
        codes = words.listed([part["code"] for part in lacking])
        return Note(
            f"{codes} {'has' if len(lacking) == 1 else 'have'} no exchange rate for days of the period, so currencies "
            "are not added up; give one in config/currencies.yml.",
            "warn",
        )
    reporting = str(parts[0]["reporting"])
    rates = {row["code"]: row for row in ask.rows(_RATES)}
    heading = {row["code"]: row for row in ask.rows(_HEADING, month=ask.month.start)} if ask.is_current else {}

    def ahead(code: str, name: str) -> Decimal | None:
        amount, rate = heading.get(code, {}).get(name), rates.get(code, {}).get("rate")
        return None if amount is None or rate is None else Decimal(amount * rate)

    rows = tuple(_part_row(part, rates.get(part["code"], {}), reporting, ahead) for part in parts)
    sums = {name: money.total(part[name] for part in parts) for name in ("converted", "bill")}
    before = _all([part["before"] for part in parts])
    ends = {name: _all([ahead(part["code"], name) for part in parts]) for name in ("projected", "budget")}
    return Table(
        "together",
        "All currencies together",
        (
            Column("Currency"),
            Column("AI spend", "number", "As billed, in its own currency"),
            Column("Rate", "number", f"Of the newest billed day, into {reporting}"),
            Column(f"In {reporting}", "number", "Converted day by day with the rate of each day"),
            Column("Change", "number", f"Against {ask.view.period.before_label}"),
            Column("Whole bill", "number", "With what is no AI, converted"),
            Column("Projected", "number", "Month end, converted at the newest rate"),
            Column("Budget", "number", "Converted at the newest rate"),
        ),
        rows,
        "Nothing was billed in the period.",
        caption=f"{words.period_words(ask.view.period)}. Converted day by day{_sources(rates.values())}.",
        total=Row(
            (
                Cell("Together, converted"),
                Cell(),
                Cell(),
                cells.money(sums["converted"], reporting),
                words.change_cell(sums["converted"], before, reporting),
                cells.money(sums["bill"], reporting),
                cells.money(ends["projected"], reporting),
                cells.money(ends["budget"], reporting),
            )
        ),
        export="fct_ai_cost_daily",
    )


def in_a_sentence(found: Table | Note | None) -> Note | None:
    """The sums of ``together``, for whoever reads no further."""
    if isinstance(found, Note) or found is None or found.total is None:
        return found if isinstance(found, Note) else None
    *_, spend, _, bill, projected, budget = (cell.text for cell in found.total.cells)
    text = f"All currencies together: {spend} of AI spend, of a bill of {bill}"
    if projected != cells.NOTHING:
        text += f"; month end {projected} projected"
        text += f", budgets {budget}" if budget != cells.NOTHING else ""
    return Note(f"{text}. Converted.", link=Link("Each currency", Target("executive", anchor="currencies")))


def _part_row(part: dict[str, Any], rate: dict[str, Any], reporting: str, ahead: Any) -> Row:
    code = part["code"]
    known = rate.get("rate")
    return Row(
        (
            Cell(code),
            cells.money(part["own"], code),
            Cell(cells.NOTHING) if known is None else Cell(f"{known.quantize(Decimal('0.0001')):f}", sort=known),
            cells.money(part["converted"], reporting),
            words.change_cell(part["converted"], part["before"], reporting),
            cells.money(part["bill"], reporting),
            cells.money(ahead(code, "projected"), reporting),
            cells.money(ahead(code, "budget"), reporting),
        )
    )


def _all(amounts: Sequence[Decimal | None]) -> Decimal | None:
    """Their sum; None where one is not known, because a sum of the others would mislead."""
    known = [amount for amount in amounts if amount is not None]
    return money.total(known) if len(known) == len(amounts) else None


def _sources(rates: Any) -> str:
    named = sorted({row["source"] for row in rates if row["source"]})
    return f" at the rates of {'; '.join(named)}" if named else ""


def rates_table(ask: Ask) -> Table:
    """The rates used in the period, and the days that have none."""
    rows = ask.rows(_RATES)
    return Table(
        "rates",
        "Exchange rates",
        (
            Column("Currency"),
            Column("Into"),
            Column("Newest rate", "number"),
            Column("Of"),
            Column("Source"),
            Column("Days without a rate", "number"),
            Column("Billed on them", "number", "In no converted figure"),
        ),
        tuple(
            Row(
                (
                    Cell(row["code"]),
                    Cell(row["reporting"] or cells.NOTHING),
                    Cell(cells.NOTHING)
                    if row["rate"] is None
                    else Cell(f"{row['rate'].normalize():f}", sort=row["rate"]),
                    cells.day(row["rate_date"]),
                    Cell(
                        row["source"]
                        or ("the reporting currency" if row["code"] == row["reporting"] else cells.NOTHING)
                    ),
                    Cell(f.whole(row["missing"]), sort=row["missing"], tone="bad" if row["missing"] else ""),
                    cells.money(row["lost"] or ZERO, row["code"]),
                ),
                details=(
                    f"{row['code']} has no rate from {f.day(row['missing_since'])} to {f.day(row['missing_until'])}; "
                    "give one in config/currencies.yml.",
                )
                if row["missing"]
                else (),
            )
            for row in rows
        ),
        ask.empty("fct_exchange_rate_daily", "Nothing was billed in the period, so no rate was used."),
        caption=f"Used for days of {words.period_words(ask.view.period)}.",
        export="fct_exchange_rate_daily",
    )
