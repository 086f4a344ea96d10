"""What a statement consists of.

Here: its parts and their sums, all exact ``Decimal`` in the currency of the bill.
Not here: where the amounts come from (``build``), how they are written (``files``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple

from finops.money import total
from finops.periods import BillingPeriod

NO_OWNER = "No owner"
"""Who is charged for what no rule gives to a team: the statements of a month sum to its invoices."""

SECTIONS = ("usage", "shared", "idle", "purchase", "credit", "tax", "adjustment")


class Party(NamedTuple):
    """Who gets a statement: one per team, cost centre and currency. ``team`` and ``cost_center`` may be None."""

    team: str | None
    cost_center: str | None
    currency: str

    @property
    def name(self) -> str:
        return self.team or NO_OWNER


class LineKey(NamedTuple):
    """What a line is about; the same key in a later month's marts is the same line."""

    section: str
    provider_name: str
    billing_account_id: str | None
    service_name: str | None
    model: str | None
    charge_category: str | None
    attribution_method: str
    attribution_rule: str | None
    business_unit: str | None


@dataclass(frozen=True)
class Line:
    key: LineKey
    billed_cost: Decimal


@dataclass(frozen=True)
class TrueUp:
    """What a month that was stated earlier has changed by since, in one line of it."""

    period: BillingPeriod
    key: LineKey
    billed_cost: Decimal


@dataclass(frozen=True)
class Statement:
    """``opening`` is what the fiscal year's statements have charged so far, ``closing`` the same with this one."""

    number: str
    period: BillingPeriod
    party: Party
    opening: Decimal
    lines: tuple[Line, ...]
    true_ups: tuple[TrueUp, ...]

    @property
    def charges(self) -> Decimal:
        return total(line.billed_cost for line in self.lines)

    @property
    def true_up_total(self) -> Decimal:
        return total(true_up.billed_cost for true_up in self.true_ups)

    @property
    def closing(self) -> Decimal:
        return total((self.opening, self.charges, self.true_up_total))


@dataclass(frozen=True)
class Invoice:
    """What an invoice asks for; ``invoice_id`` is None for charges that name none."""

    provider_name: str
    invoice_issuer_name: str | None
    billing_account_id: str | None
    invoice_id: str | None
    currency: str
    billed_cost: Decimal


@dataclass(frozen=True)
class Issue:
    """The statements of one month, and the invoices that they tie to.

    Attributes:
        as_of: the moment (UTC) that the marts reported on.
        first_day_of_fiscal_year: since when ``opening`` counts.
    """

    period: BillingPeriod
    as_of: datetime
    first_day_of_fiscal_year: date
    statements: tuple[Statement, ...]
    invoices: tuple[Invoice, ...]


def untied(issue: Issue) -> list[tuple[str, str | None, str, Decimal, Decimal]]:
    """Provider, account, currency, invoiced and charged, wherever a month's statements do not sum to its invoices."""
    asked: dict[tuple[str, str | None, str], Decimal] = {}
    charged: dict[tuple[str, str | None, str], Decimal] = {}
    for invoice in issue.invoices:
        key = (invoice.provider_name, invoice.billing_account_id, invoice.currency)
        asked[key] = total((asked.get(key, Decimal(0)), invoice.billed_cost))
    for party, line in _lines(issue.statements):
        key = (line.key.provider_name, line.key.billing_account_id, party.currency)
        charged[key] = total((charged.get(key, Decimal(0)), line.billed_cost))
    return [
        (*key, asked.get(key, Decimal(0)), charged.get(key, Decimal(0)))
        for key in sorted(asked.keys() | charged.keys(), key=lambda key: (key[0], key[1] or "", key[2]))
        if asked.get(key, Decimal(0)) != charged.get(key, Decimal(0))
    ]


def _lines(statements: Iterable[Statement]) -> Iterable[tuple[Party, Line]]:
    for statement in statements:
        for line in statement.lines:
            yield statement.party, line
