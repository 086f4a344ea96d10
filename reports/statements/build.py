"""Making a month's statements.

Here: charges as the published marts have them, true-ups of months that were stated before, opening balances, numbers.
Not here: whether the month may be issued yet (orchestration), keeping statements (``store``).

Every statement of a team, cost centre and currency together charge what the marts say today of all months that were
stated: a month's own lines when it is stated, and whatever moves afterwards in the next statement. So nothing that was
issued ever changes, and nothing is charged twice or forgotten.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb

from finops.money import total
from finops.periods import BillingPeriod, FiscalCalendar
from reports.marts import MartError
from reports.statements.model import SECTIONS, Invoice, Issue, Line, LineKey, Party, Statement, TrueUp

Amounts = Mapping[BillingPeriod, Mapping[Party, Mapping[LineKey, Decimal]]]

_LINES = """
select billing_period_start, team, cost_center, billing_currency, section, provider_name, billing_account_id,
       service_name, model, charge_category, attribution_method, attribution_rule, business_unit,
       sum(billed_cost)::decimal(38, 12)
from read_parquet(?)
where billing_period_start in (select unnest(?))
group by all
"""
_INVOICES = """
select provider_name, invoice_issuer_name, billing_account_id, invoice_id, billing_currency, billed_cost
from read_parquet(?)
where billing_period_start = ?
order by provider_name, invoice_issuer_name, billing_account_id, invoice_id nulls first, billing_currency
"""


def read_amounts(published: Path, periods: Sequence[BillingPeriod]) -> Amounts:
    """What the published marts charge for some months.

    Raises:
        MartError: nothing with statement lines was published yet.
    """
    found: dict[BillingPeriod, dict[Party, dict[LineKey, Decimal]]] = {period: {} for period in periods}
    with duckdb.connect() as connection:
        rows = connection.execute(
            _LINES, [str(_mart(published, "fct_statement_line_monthly")), [period.start for period in periods]]
        ).fetchall()
    for start, team, cost_center, currency, *key, amount in rows:
        lines = found[BillingPeriod(start)].setdefault(Party(team, cost_center, currency), {})
        lines[LineKey(*key)] = amount
    return found


def read_invoices(published: Path, period: BillingPeriod) -> tuple[Invoice, ...]:
    with duckdb.connect() as connection:
        rows = connection.execute(_INVOICES, [str(_mart(published, "fct_invoice_monthly")), period.start]).fetchall()
    return tuple(Invoice(*row) for row in rows)


def build_issue(
    period: BillingPeriod,
    amounts: Amounts,
    invoices: tuple[Invoice, ...],
    issued: Sequence[Issue],
    *,
    as_of: datetime,
    fiscal: FiscalCalendar,
) -> Issue:
    """The statements of a month.

    Args:
        amounts: of the month and of every month in ``issued``, as they are known now.
        issued: all earlier issues, oldest first.
    """
    stated = _stated(issued)
    true_ups: dict[Party, list[TrueUp]] = defaultdict(list)
    for earlier in (issue.period for issue in issued):
        now, then = amounts[earlier], stated[earlier]
        for party in now.keys() | then.keys():
            true_ups[party] += _changes(earlier, now.get(party, {}), then.get(party, {}))
    first_day = fiscal.year_start(period.start)
    closings = _closings(issued, first_day)
    parties = sorted(
        {*amounts[period], *(party for party, found in true_ups.items() if found)},
        key=lambda party: (party.cost_center or "~", party.team or "~", party.currency),
    )
    statements = tuple(
        Statement(
            number=f"{period}-{number:03d}",
            period=period,
            party=party,
            opening=closings.get(party, Decimal(0)),
            lines=tuple(
                Line(key, amount) for key, amount in sorted(amounts[period].get(party, {}).items(), key=_order)
            ),
            true_ups=tuple(sorted(true_ups[party], key=lambda found: (found.period, _order((found.key, Decimal(0)))))),
        )
        for number, party in enumerate(parties, start=1)
    )
    return Issue(period, as_of, first_day, statements, invoices)


def _stated(issued: Iterable[Issue]) -> dict[BillingPeriod, dict[Party, dict[LineKey, Decimal]]]:
    """Of every stated month, what its own statements and later true-ups have charged for it."""
    sums: dict[BillingPeriod, dict[Party, dict[LineKey, Decimal]]] = {}

    def count(period: BillingPeriod, party: Party, key: LineKey, amount: Decimal) -> None:
        lines = sums.setdefault(period, {}).setdefault(party, {})
        lines[key] = total((lines.get(key, Decimal(0)), amount))

    for issue in issued:
        sums.setdefault(issue.period, {})
        for statement in issue.statements:
            for line in statement.lines:
                count(issue.period, statement.party, line.key, line.billed_cost)
            for true_up in statement.true_ups:
                count(true_up.period, statement.party, true_up.key, true_up.billed_cost)
    return sums


def _changes(period: BillingPeriod, now: Mapping[LineKey, Decimal], then: Mapping[LineKey, Decimal]) -> list[TrueUp]:
    found = []
    for key in now.keys() | then.keys():
        change = total((now.get(key, Decimal(0)), -then.get(key, Decimal(0))))
        if change:
            found.append(TrueUp(period, key, change))
    return found


def _closings(issued: Iterable[Issue], first_day: date) -> dict[Party, Decimal]:
    """The newest closing balance of each party in the fiscal year that starts on a day."""
    return {
        statement.party: statement.closing
        for issue in issued
        if issue.first_day_of_fiscal_year == first_day
        for statement in issue.statements
    }


def _order(line: tuple[LineKey, Decimal]) -> tuple[object, ...]:
    """Sections as people read them, then the most money, then the names, so that equal amounts have one order too."""
    key, amount = line
    names = tuple("" if part is None else part for part in key)
    return SECTIONS.index(key.section), -amount, names


def _mart(published: Path, name: str) -> Path:
    file = published.resolve() / f"{name}.parquet"
    if not file.exists():
        raise MartError(f"{name} was not published yet: run the pipeline (aifinops run), then try again")
    return file
