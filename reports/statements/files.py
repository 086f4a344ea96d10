"""The files of issued statements that other programs read.

Here: summary, lines and the journal as CSV, in the dialect of the other exports (``reports.exports``).
Not here: what people read (``page``, ``workbook``).

The journal books each statement in what can be paid: the rounded closing balance minus the rounded opening balance, so
that what was booked in a fiscal year is always its rounded total and no cent gathers anywhere. Debits equal credits per
currency: what cost centres are charged is taken from the clearing account that the invoices were booked on.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from finops.config.allocation import StatementSettings
from finops.money import in_minor_units, total
from reports.statements.model import NO_OWNER, Issue, LineKey, Statement

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
_LINE_FIELDS = [name for name in LineKey._fields if name != "business_unit"]


@dataclass(frozen=True)
class Posting:
    """One line of the journal; one of ``debit`` and ``credit`` is zero."""

    cost_center: str
    account: str
    currency: str
    debit: Decimal
    credit: Decimal
    text: str
    statement_number: str


def postings(issue: Issue, settings: StatementSettings) -> list[Posting]:
    """The journal of an issue; per currency, debits and credits are equal."""
    found: list[Posting] = []
    booked: dict[str, list[Decimal]] = {}
    for statement in issue.statements:
        currency = statement.party.currency
        amount = in_minor_units(statement.closing, currency) - in_minor_units(statement.opening, currency)
        if not amount:
            continue
        booked.setdefault(currency, []).append(amount)
        center = statement.party.cost_center or settings.unowned_cost_center
        text = f"AI cost {issue.period} {statement.party.name}"
        found.append(_posting(center, settings.expense_account, currency, amount, text, statement.number))
    for currency, amounts in sorted(booked.items()):
        text = f"AI cost {issue.period} charged on"
        found.append(
            _posting(settings.clearing_cost_center, settings.clearing_account, currency, -total(amounts), text, "")
        )
    return found


def _posting(center: str, account: str, currency: str, amount: Decimal, text: str, number: str) -> Posting:
    zero = Decimal(0)
    return Posting(center, account, currency, max(amount, zero), max(-amount, zero), text, number)


def write_csv(folder: Path, issue: Issue, settings: StatementSettings) -> None:
    """``summary.csv``, ``lines.csv`` and ``journal.csv``."""
    _write(
        folder / "summary.csv",
        ["statement", "month", "cost_center", "team", "currency", "opening", "charges", "true_ups", "closing"],
        (
            [
                statement.number, str(issue.period), statement.party.cost_center, statement.party.name,
                statement.party.currency, statement.opening, statement.charges, statement.true_up_total,
                statement.closing,
            ]
            for statement in issue.statements
        ),
    )  # fmt: skip
    _write(
        folder / "lines.csv",
        [
            "statement",
            "month",
            "of_month",
            "cost_center",
            "team",
            "currency",
            "business_unit",
            *_LINE_FIELDS,
            "billed_cost",
        ],
        (row for statement in issue.statements for row in _lines(statement)),
    )
    _write(
        folder / "journal.csv",
        ["date", "journal", "cost_center", "account", "currency", "debit", "credit", "text", "statement"],
        (
            [
                issue.period.last_day.isoformat(), f"AI-{issue.period}", posting.cost_center, posting.account,
                posting.currency, posting.debit, posting.credit, posting.text, posting.statement_number,
            ]
            for posting in postings(issue, settings)
        ),
    )  # fmt: skip


def _lines(statement: Statement) -> Iterator[list[str | Decimal | None]]:
    """``month`` is when it is charged, ``of_month`` what it is charged for: they differ in true-ups."""
    party = statement.party
    entries = [(statement.period, line.key, line.billed_cost) for line in statement.lines]
    entries += [(found.period, found.key, found.billed_cost) for found in statement.true_ups]
    for period, key, amount in entries:
        yield [
            statement.number, str(statement.period), str(period), party.cost_center, party.team or NO_OWNER,
            party.currency, key.business_unit, *(getattr(key, name) for name in _LINE_FIELDS), amount,
        ]  # fmt: skip


def _write(file: Path, header: Sequence[str], rows: Iterator[list[str | Decimal | None]]) -> None:
    with file.open("w", encoding="utf-8-sig", newline="") as target:
        writer = csv.writer(target)
        writer.writerow(header)
        writer.writerows([_cell(value) for value in row] for row in rows)


def _cell(value: str | Decimal | None) -> str:
    if value is None:
        return ""
    if isinstance(value, Decimal):
        text = f"{value:f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    return f"'{value}" if value.startswith(_FORMULA_STARTS) else value
