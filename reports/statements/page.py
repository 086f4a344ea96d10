"""Statements for reading and printing: one page each, and an index.

Here: what each page shows, and its template's environment.
Not here: exact digits (``files``); here amounts are rounded to what can be paid.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import jinja2

from finops.money import in_minor_units, total
from reports.statements.model import SECTIONS, Issue, LineKey, Statement

_HERE = Path(__file__).parent
_TITLES = {
    "usage": "Used alone",
    "shared": "Parts of what is shared",
    "idle": "Shared capacity that nobody used",
    "purchase": "Purchases and commitments",
    "credit": "Credits",
    "tax": "Tax",
    "adjustment": "Adjustments",
}
_SHOWN = 40
"""Lines of a section on a page; the rest is one line, and all are in lines.csv."""


@dataclass(frozen=True)
class ShownLine:
    name: str
    detail: str
    amount: Decimal


@dataclass(frozen=True)
class Block:
    title: str
    lines: list[ShownLine]
    sum: Decimal


def write_pages(folder: Path, issue: Issue, issuer: str) -> None:
    """``index.html`` and ``<number>.html`` of every statement; they need no network."""
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(_HERE), autoescape=True, trim_blocks=True)
    environment.filters["amount"] = _amount
    css = (_HERE / "statement.css").read_text(encoding="utf-8")
    template = environment.get_template("statement.html")
    for statement in issue.statements:
        text = template.render(
            css=css,
            issue=issue,
            issuer=issuer,
            statement=statement,
            blocks=_blocks(statement),
            true_ups=_true_ups(statement),
        )
        (folder / f"{statement.number}.html").write_text(text, encoding="utf-8")
    currencies = sorted({statement.party.currency for statement in issue.statements})
    index = environment.get_template("index.html").render(
        css=css,
        issue=issue,
        issuer=issuer,
        currencies=[
            (
                currency,
                [statement for statement in issue.statements if statement.party.currency == currency],
                [invoice for invoice in issue.invoices if invoice.currency == currency],
            )
            for currency in currencies
        ],
        sum=total,
    )
    (folder / "index.html").write_text(index, encoding="utf-8")


def _amount(amount: Decimal, currency: str) -> str:
    rounded = in_minor_units(amount, currency)
    return f"{abs(rounded):,f}" if rounded >= 0 else f"\N{MINUS SIGN}{abs(rounded):,f}"


def _blocks(statement: Statement) -> list[Block]:
    blocks = []
    for section in SECTIONS:
        amounts = [(line.key, line.billed_cost) for line in statement.lines if line.key.section == section]
        if amounts:
            blocks.append(Block(_TITLES[section], _shown(amounts), total(amount for _, amount in amounts)))
    return blocks


def _true_ups(statement: Statement) -> list[Block]:
    blocks = []
    for period in sorted({found.period for found in statement.true_ups}):
        amounts = [(found.key, found.billed_cost) for found in statement.true_ups if found.period == period]
        blocks.append(Block(str(period), _shown(amounts), total(amount for _, amount in amounts)))
    return blocks


def _shown(amounts: Iterable[tuple[LineKey, Decimal]]) -> list[ShownLine]:
    sums: dict[tuple[str, str], list[Decimal]] = {}
    for key, amount in amounts:
        name = " · ".join(part for part in (key.service_name or key.provider_name, key.model) if part)
        sums.setdefault((name, _why(key)), []).append(amount)
    lines = [ShownLine(name, detail, total(found)) for (name, detail), found in sums.items()]
    lines = [line for line in lines if line.amount]
    lines.sort(key=lambda line: (-abs(line.amount), line.name, line.detail))
    if len(lines) > _SHOWN:
        rest = lines[_SHOWN:]
        lines = [*lines[:_SHOWN], ShownLine(f"{len(rest)} smaller ones", "", total(line.amount for line in rest))]
    return lines


def _why(key: LineKey) -> str:
    """Why this is charged here: the rule that found the owner, or that nobody was found."""
    if key.attribution_rule is None:
        return "no rule gives it to a team"
    is_part = key.attribution_method in ("allocated", "unmatched") or key.section in ("shared", "idle")
    return f"{'split by pool' if is_part else 'by rule'} {key.attribution_rule}"
