"""Issued statements as one workbook.

Here: sheets, number formats, widths.
Not here: the amounts' exact digits, which no spreadsheet can hold: those are in ``lines.csv``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font, PatternFill
from openpyxl.utils import get_column_letter

from finops.config.allocation import StatementSettings
from reports.statements.files import postings
from reports.statements.model import Issue

_AMOUNT = "#,##0.00;[Red]-#,##0.00"
_HEAD = PatternFill("solid", fgColor="E2E6EB")
_BOLD = Font(bold=True)


def write_workbook(file: Path, issue: Issue, settings: StatementSettings) -> None:
    """Sheets: Summary, Lines, True-ups, Invoices, Journal; each with a filter and its head kept in view."""
    book = Workbook(write_only=True)
    _sheet(
        book,
        "Summary",
        ["Statement", "Cost centre", "Team", "Currency", "Opening", "Charges", "True-ups", "Closing"],
        (
            (
                statement.number, statement.party.cost_center, statement.party.name, statement.party.currency,
                statement.opening, statement.charges, statement.true_up_total, statement.closing,
            )
            for statement in issue.statements
        ),
    )  # fmt: skip
    names = ["Section", "Service", "Model", "Kind", "Rule", "Provider"]
    _sheet(
        book,
        "Lines",
        ["Statement", "Cost centre", "Team", "Currency", *names, "Amount"],
        (
            (
                statement.number, statement.party.cost_center, statement.party.name, statement.party.currency,
                line.key.section, line.key.service_name, line.key.model, line.key.charge_category,
                line.key.attribution_rule, line.key.provider_name, line.billed_cost,
            )
            for statement in issue.statements
            for line in statement.lines
        ),
    )  # fmt: skip
    _sheet(
        book,
        "True-ups",
        ["Statement", "Cost centre", "Team", "Currency", "Of month", *names, "Amount"],
        (
            (
                statement.number, statement.party.cost_center, statement.party.name, statement.party.currency,
                str(found.period), found.key.section, found.key.service_name, found.key.model,
                found.key.charge_category, found.key.attribution_rule, found.key.provider_name, found.billed_cost,
            )
            for statement in issue.statements
            for found in statement.true_ups
        ),
    )  # fmt: skip
    _sheet(
        book,
        "Invoices",
        ["Provider", "Issuer", "Account", "Invoice", "Currency", "Amount"],
        (
            (
                invoice.provider_name, invoice.invoice_issuer_name, invoice.billing_account_id,
                invoice.invoice_id or "not stated", invoice.currency, invoice.billed_cost,
            )
            for invoice in issue.invoices
        ),
    )  # fmt: skip
    _sheet(
        book,
        "Journal",
        ["Cost centre", "Account", "Currency", "Debit", "Credit", "Text", "Statement"],
        (
            (
                posting.cost_center, posting.account, posting.currency, posting.debit, posting.credit, posting.text,
                posting.statement_number,
            )
            for posting in postings(issue, settings)
        ),
    )  # fmt: skip
    book.save(file)


def _sheet(book: Workbook, title: str, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    sheet = book.create_sheet(title)
    cells = [[_cell(sheet, value) for value in row] for row in rows]
    for number, name in enumerate(header, start=1):
        widest = max((len(str(row[number - 1].value or "")) for row in cells), default=0)
        amount = any(isinstance(row[number - 1].value, Decimal) for row in cells)
        sheet.column_dimensions[get_column_letter(number)].width = 16 if amount else min(max(widest, len(name)) + 3, 48)
    sheet.freeze_panes = "A2"
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(header))}{len(cells) + 1}"
    head = [WriteOnlyCell(sheet, value=name) for name in header]
    for cell in head:
        cell.font, cell.fill = _BOLD, _HEAD
    sheet.append(head)
    for row in cells:
        sheet.append(row)


def _cell(sheet: Any, value: str | Decimal | None) -> Any:
    cell = WriteOnlyCell(sheet, value=value)
    if isinstance(value, Decimal):
        cell.number_format = _AMOUNT
    elif value is not None:
        cell.data_type = "s"  # a name that starts with = is a name
    return cell
