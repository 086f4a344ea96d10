"""Statements over any history of months that change after they were stated."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finops.config.allocation import StatementSettings
from finops.money import in_minor_units, total
from finops.periods import BillingPeriod, FiscalCalendar
from reports.statements.build import build_issue
from reports.statements.files import postings
from reports.statements.model import Issue, LineKey, Party
from reports.statements.store import document, read_document

pytestmark = pytest.mark.ids("ALLOC-5", "COST-5")

FIRST = BillingPeriod(date(2026, 4, 1))
PARTIES = [
    Party("search", "CC-1", "USD"),
    Party("search", "CC-2", "USD"),
    Party(None, None, "JPY"),
    Party("=x", None, "EUR"),
]
KEYS = [
    LineKey(section, "Microsoft", "account", service, None, "Usage", "direct", "team-tag", None)
    for section, service in (("usage", "Azure OpenAI"), ("usage", None), ("credit", "Azure OpenAI"))
]
amounts = st.decimals(min_value=-(10**9), max_value=10**9, places=12)
month = st.dictionaries(
    st.sampled_from(PARTIES), st.dictionaries(st.sampled_from(KEYS), amounts, min_size=1, max_size=3), max_size=4
)
# What the marts say at each issue: of the month that is issued and of all before it, which may have changed.
histories = st.integers(1, 5).flatmap(
    lambda count: st.tuples(*(st.lists(month, min_size=number, max_size=number) for number in range(1, count + 1)))
)
Months = list[dict[Party, dict[LineKey, Decimal]]]


def _periods() -> Iterable[BillingPeriod]:
    period = FIRST
    while True:
        yield period
        period = period.next()


def issued(history: tuple[Months, ...], fiscal: FiscalCalendar) -> list[Issue]:
    issues: list[Issue] = []
    for months in history:
        known = dict(zip(_periods(), months, strict=False))
        as_of = datetime(2026, 12, 1, tzinfo=UTC)
        issues.append(build_issue(list(known)[-1], known, (), issues, as_of=as_of, fiscal=fiscal))
    return issues


@given(histories)
def test_statements_together_charge_what_is_known_of_every_stated_month(history: tuple[Months, ...]) -> None:
    issues = issued(history, FiscalCalendar(1))
    for party in PARTIES:
        charged = total(
            amount
            for issue in issues
            for statement in issue.statements
            if statement.party == party
            for amount in (statement.charges, statement.true_up_total)
        )
        assert charged == total(amount for months in history[-1] for amount in months.get(party, {}).values())
        closings = [s.closing for issue in issues for s in issue.statements if s.party == party]
        assert not closings or closings[-1] == charged, "the closing balance is what was charged so far"


@given(histories)
def test_what_was_stated_is_never_stated_again(history: tuple[Months, ...]) -> None:
    """Without a change there is no true-up; a balance goes on where the one before it ended."""
    issues = issued(history, FiscalCalendar(1))
    unchanged = build_issue(
        issues[-1].period.next(),
        dict(zip(_periods(), [*history[-1], {}], strict=False)),
        (),
        issues,
        as_of=issues[-1].as_of,
        fiscal=FiscalCalendar(1),
    )
    assert unchanged.statements == ()
    balances: dict[Party, Decimal] = {}
    for issue in issues:
        assert [statement.number for statement in issue.statements] == sorted(s.number for s in issue.statements)
        for statement in issue.statements:
            assert statement.opening == balances.get(statement.party, Decimal(0))
            balances[statement.party] = statement.closing


@given(histories)
def test_the_journal_is_balanced_and_books_the_rounded_total(history: tuple[Months, ...]) -> None:
    issues = issued(history, FiscalCalendar(1))
    settings = StatementSettings(clearing_cost_center="clearing", unowned_cost_center="nobody")
    booked: dict[Party, Decimal] = {}
    newest: dict[Party, Decimal] = {}
    for issue in issues:
        found = postings(issue, settings)
        for currency in ("USD", "EUR", "JPY"):
            of_currency = [posting for posting in found if posting.currency == currency]
            assert total(p.debit for p in of_currency) == total(p.credit for p in of_currency)
        assert all(min(posting.debit, posting.credit) == 0 for posting in found)
        parties = {statement.number: statement.party for statement in issue.statements}
        for posting in found:
            if posting.statement_number:
                party = parties[posting.statement_number]
                booked[party] = total((booked.get(party, Decimal(0)), posting.debit, -posting.credit))
        newest |= {statement.party: statement.closing for statement in issue.statements}
    for party, closing in newest.items():
        assert booked.get(party, Decimal(0)) == in_minor_units(closing, party.currency)


@given(histories)
def test_a_fiscal_year_starts_from_nothing(history: tuple[Months, ...]) -> None:
    for issue in issued(history, FiscalCalendar(7)):
        assert issue.first_day_of_fiscal_year == date(2025 if issue.period.start < date(2026, 7, 1) else 2026, 7, 1)
        if issue.period.start == date(2026, 7, 1):
            assert all(statement.opening == 0 for statement in issue.statements)


@given(histories)
def test_an_issue_is_read_as_it_was_written(history: tuple[Months, ...]) -> None:
    for issue in issued(history, FiscalCalendar(1)):
        assert read_document(document(issue)) == issue
