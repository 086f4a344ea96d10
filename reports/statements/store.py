"""Issued statements in a folder: one folder a month, written once and never changed.

Here: the canonical document of an issue and its digest, swapping a month's folder in as a whole, reading all back.
Not here: what statements say (``build``), the files for people (``files``), who vouches for the digest (orchestration).

``<folder>/2026-09/issue.json`` has every amount as text. Its SHA-256 goes into the audit trail.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from finops.periods import BillingPeriod
from reports.statements.model import Invoice, Issue, Line, LineKey, Party, Statement, TrueUp

DOCUMENT = "issue.json"


class StatementError(ValueError):
    """Statements that cannot be issued or read; the message says what to do."""


def document(issue: Issue) -> str:
    """The whole issue as JSON text, the same for the same issue; amounts are text and lose nothing."""
    return json.dumps(
        {
            "period": str(issue.period),
            "as_of": issue.as_of.isoformat(),
            "first_day_of_fiscal_year": issue.first_day_of_fiscal_year.isoformat(),
            "statements": [
                {
                    "number": statement.number,
                    **statement.party._asdict(),
                    "opening": str(statement.opening),
                    "lines": [{**line.key._asdict(), "billed_cost": str(line.billed_cost)} for line in statement.lines],
                    "true_ups": [
                        {"period": str(found.period), **found.key._asdict(), "billed_cost": str(found.billed_cost)}
                        for found in statement.true_ups
                    ],
                    "closing": str(statement.closing),
                }
                for statement in issue.statements
            ],
            "invoices": [{**vars(invoice), "billed_cost": str(invoice.billed_cost)} for invoice in issue.invoices],
        },
        indent=1,
        ensure_ascii=False,
    )


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def write_issue(folder: Path, issue: Issue, write_files: Callable[[Path], None]) -> Path:
    """Keep an issue: its document and the files that ``write_files`` puts beside it appear all at once, or not at all.

    Raises:
        StatementError: the month was issued already.
    """
    place = folder / str(issue.period)
    if place.exists():
        raise StatementError(
            f"Statements of {issue.period} were issued already ({place}); what has changed since is a true-up of the "
            "next month's statements"
        )
    part = folder / f".{issue.period}.part"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    (part / DOCUMENT).write_text(document(issue), encoding="utf-8")
    write_files(part)
    part.rename(place)
    return place


def read_issues(folder: Path) -> list[Issue]:
    """Every issue, oldest first.

    Raises:
        StatementError: a document that cannot be read, or does not add up.
    """
    return [_read(path) for path in sorted(folder.glob(f"[0-9]*/{DOCUMENT}"))]


def read_document(text: str) -> Issue:
    """What ``document`` wrote.

    Raises:
        StatementError: it is something else, or does not add up.
    """
    try:
        said = json.loads(text)
        period = BillingPeriod.parse(said["period"])
        issue = Issue(
            period,
            datetime.fromisoformat(said["as_of"]),
            date.fromisoformat(said["first_day_of_fiscal_year"]),
            tuple(_statement(period, entry) for entry in said["statements"]),
            tuple(Invoice(**{**entry, "billed_cost": Decimal(entry["billed_cost"])}) for entry in said["invoices"]),
        )
    except (KeyError, TypeError, ValueError, ArithmeticError) as error:
        raise StatementError(f"this is not an issue of statements any more: {error}") from error
    for statement, entry in zip(issue.statements, said["statements"], strict=True):
        if statement.closing != Decimal(entry["closing"]):
            raise StatementError(f"{statement.number} does not add up to its closing balance; it was changed")
    return issue


def _read(path: Path) -> Issue:
    try:
        return read_document(path.read_text(encoding="utf-8"))
    except StatementError as error:
        raise StatementError(f"{path}: {error}") from error


def _statement(period: BillingPeriod, entry: dict[str, Any]) -> Statement:
    return Statement(
        number=entry["number"],
        period=period,
        party=Party(*(entry[field] for field in Party._fields)),
        opening=Decimal(entry["opening"]),
        lines=tuple(Line(_key(line), Decimal(line["billed_cost"])) for line in entry["lines"]),
        true_ups=tuple(
            TrueUp(BillingPeriod.parse(found["period"]), _key(found), Decimal(found["billed_cost"]))
            for found in entry["true_ups"]
        ),
    )


def _key(entry: dict[str, Any]) -> LineKey:
    return LineKey(*(entry[field] for field in LineKey._fields))
