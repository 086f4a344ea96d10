"""What the gate knows: where budgets stand, who belongs to whom, exchange rates.

Here: those values, and which budgets an ask falls under.
Not here: reading them (orchestration.gate) and judging (judge).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from finops.money import quantise

COMPANY = "company"


class UnknownRateError(LookupError):
    """Nobody knows what one currency is in another."""


@dataclass(frozen=True)
class BudgetLine:
    """One budget in its running period. Amounts are in ``currency``; times are UTC."""

    budget_id: str
    scope_type: str
    scope_value: str
    parent: str | None
    """Budget that caps this one."""
    period_starts_at: datetime
    period_ends_at: datetime
    currency: str
    amount: Decimal
    used: Decimal
    """Billed, estimated since the bill and committed."""
    data_through: datetime | None
    """The newest moment that the bill behind ``used`` knows of."""
    is_reconciled: bool

    @property
    def key(self) -> tuple[str, datetime]:
        """What holds are kept for: a budget in one period."""
        return self.budget_id, self.period_starts_at

    def at(self, now: datetime) -> BudgetLine:
        """The line in the period of ``now``: one that has just begun, and that no run has told of yet, is unused."""
        if now < self.period_ends_at:
            return self
        return replace(self, period_starts_at=self.period_ends_at, used=Decimal(0))


@dataclass(frozen=True)
class GateFacts:
    """Everything that was published of budgets."""

    lines: Mapping[str, BudgetLine]
    """By budget id."""
    team_of_app: Mapping[str, str] = field(default_factory=dict)
    business_unit_of_team: Mapping[str, str] = field(default_factory=dict)
    known_values: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Level → values that may be named; a level that is not in it takes any."""
    rates: Mapping[str, Decimal] = field(default_factory=dict)
    """What one unit of a currency is in the reporting currency."""

    @property
    def data_through(self) -> datetime | None:
        """The moment that every line's bill knows of; None where one has no bill behind it."""
        known = [line.data_through for line in self.lines.values()]
        return min((at for at in known if at is not None), default=None) if None not in known else None

    def lines_of(self, scopes: Mapping[str, str]) -> list[BudgetLine]:
        """Budgets that an ask for ``scopes`` (level → value) falls under, with those that cap them; company last."""
        scopes = self.completed(scopes)
        found = {
            line.budget_id: line
            for line in self.lines.values()
            if line.scope_type == COMPANY or scopes.get(line.scope_type) == line.scope_value
        }
        for line in list(found.values()):
            above = line.parent
            while above is not None and above in self.lines and above not in found:
                found[above] = self.lines[above]
                above = found[above].parent
        return sorted(found.values(), key=lambda line: (line.scope_type == COMPANY, line.budget_id))

    def completed(self, scopes: Mapping[str, str]) -> dict[str, str]:
        """``scopes`` with the team of their app and the business unit of their team."""
        full = dict(scopes)
        if "team" not in full and full.get("app") in self.team_of_app:
            full["team"] = self.team_of_app[full["app"]]
        if "business_unit" not in full and full.get("team") in self.business_unit_of_team:
            full["business_unit"] = self.business_unit_of_team[full["team"]]
        return full

    def converted(self, amount: Decimal, currency: str, wanted: str) -> Decimal:
        """An amount in another currency, by the newest published rates.

        Raises:
            UnknownRateError: one of the two has no rate.
        """
        if currency == wanted:
            return amount
        for code in (currency, wanted):
            if code not in self.rates:
                raise UnknownRateError(code)
        return quantise(amount * self.rates[currency] / self.rates[wanted])
