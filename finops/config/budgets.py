"""What ``config/budgets.yml`` may say: what may be spent.

Here: budgets, their tiers, milestones and parents, with the checks inside the file.
Not here: what is done when a budget is reached (policies), where a budget stands (dbt).
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Literal

from pydantic import Field, model_validator

from finops.config.problems import SettingError
from finops.config.values import (
    BudgetShare,
    Currency,
    Identifier,
    PositiveMoney,
    Scope,
    Strict,
    TimeZone,
    require_order,
    require_unique,
)


class BudgetIncrease(Strict):
    """More money for some days, that ends by itself."""

    amount: PositiveMoney = Field(description="Added to the budget's amount")
    valid_from: date = Field(description="First day")
    valid_to: date = Field(description="Last day")
    reason: str = Field(description="Why, and who agreed")

    @model_validator(mode="after")
    def _order(self) -> BudgetIncrease:
        require_order(self.valid_from, self.valid_to, "valid_from", "valid_to")
        return self


class BudgetMilestone(Strict):
    """Money that is released when a milestone is approved, and must last until the next one is due."""

    id: Identifier = Field(description="Name of the milestone")
    amount: PositiveMoney = Field(description="Released with it")
    due_on: date = Field(description="Last day that the money is meant for")
    approved_on: date | None = Field(None, description="Since when it may be spent; absent: not approved yet")


class RollOver(Strict):
    """What the period before left over goes on into this one."""

    at_most: PositiveMoney = Field(description="No more than this")


class Budget(Strict):
    """What a scope may spend on AI in each period."""

    id: Identifier = Field(description="Name of the budget in messages and policies")
    scope: Scope = Field(description="Whose AI spend it limits")
    period: Literal["day", "week", "month", "quarter", "year", "milestone"] = Field(
        "month",
        description="Calendar period; a week starts on Monday, quarters and years are fiscal; milestone: from "
        "valid_from until the newest approved milestone is due",
    )
    amount: PositiveMoney | None = Field(
        None, description="For one period; may be left out where tier or milestones say it"
    )
    tier: Identifier | None = Field(None, description="A tier of tiers, whose amount holds where amount is absent")
    owner: str | None = Field(None, description="Who answers for it, as an address or a team")
    parent: Identifier | None = Field(
        None, description="Budget that caps this one: no more is available than that one has left"
    )
    roll_over: RollOver | None = Field(None, description="Whether money that was left over may be spent later")
    increases: list[BudgetIncrease] = Field(default=[], description="More money for some days")
    milestones: list[BudgetMilestone] = Field(
        default=[], description="For period milestone: money released step by step"
    )
    currency: Currency = Field("USD", description="ISO 4217 code; only cost billed in it counts")
    time_zone: TimeZone | None = Field(
        None, description="IANA name of the zone whose midnight begins its periods; the file's where absent"
    )
    alert_at: list[BudgetShare] = Field(default=[Decimal("0.8"), Decimal("1.0")], description="Shares of the amount")
    valid_from: date | None = Field(None, description="First day; always where absent")
    valid_to: date | None = Field(None, description="Last day; for ever where absent")

    @model_validator(mode="after")
    def _order(self) -> Budget:
        require_order(self.valid_from, self.valid_to, "valid_from", "valid_to")
        return self

    @model_validator(mode="after")
    def _says_an_amount(self) -> Budget:
        if self.period == "milestone":
            if not self.milestones or self.valid_from is None:
                raise SettingError(
                    "period milestone needs milestones and valid_from",
                    "Add the first day, and a milestone with its amount",
                )
            if self.amount is not None or self.tier is not None or self.roll_over is not None:
                raise SettingError(
                    "milestones say what may be spent", "Remove amount, tier and roll_over", ("milestones",)
                )
            require_unique("milestone", ((("milestones", i, "id"), m.id) for i, m in enumerate(self.milestones)))
        elif self.milestones:
            raise SettingError("milestones need period: milestone", "Set the period, or remove them", ("milestones",))
        elif self.amount is None and self.tier is None:
            raise SettingError("a budget needs an amount", "Add amount:, or a tier: of tiers:")
        return self


class BudgetsFile(Strict):
    """What may be spent."""

    tiers: dict[Identifier, PositiveMoney] = Field(
        default={}, description="Usual amounts by the stage of an app or project, such as pilot → 2000"
    )
    time_zone: TimeZone = Field(
        "UTC", description="IANA name, such as Europe/Stockholm, of the zone whose midnight begins a budget's periods"
    )
    budgets: list[Budget] = Field(description="One entry per budget")

    @model_validator(mode="after")
    def _unique(self) -> BudgetsFile:
        require_unique("budget", ((("budgets", i, "id"), b.id) for i, b in enumerate(self.budgets)))
        return self

    @model_validator(mode="after")
    def _nested(self) -> BudgetsFile:
        by_id = {budget.id: budget for budget in self.budgets}
        for i, budget in enumerate(self.budgets):
            if budget.tier is not None and budget.tier not in self.tiers:
                raise SettingError(
                    f"tier {budget.tier!r} is not one of tiers",
                    f"Add it under tiers:, or choose one of {', '.join(self.tiers) or 'none yet'}",
                    ("budgets", i, "tier"),
                )
            for parent in self.ancestors(budget):
                if parent not in by_id:
                    raise SettingError(
                        f"parent {parent!r} is not a budget",
                        "Name the id of a budget of this file",
                        ("budgets", i, "parent"),
                    )
                if by_id[parent].currency != budget.currency:
                    raise SettingError(
                        f"parent {parent!r} is in {by_id[parent].currency}, the budget in {budget.currency}",
                        "Only a budget of the same currency can be a cap",
                        ("budgets", i, "parent"),
                    )
        return self

    def ancestors(self, budget: Budget) -> list[str]:
        """The ids of the budgets that cap one, the nearest first.

        Raises:
            SettingError: the chain leads back to the budget.
        """
        by_id = {other.id: other for other in self.budgets}
        chain: list[str] = []
        while budget.parent is not None:
            if budget.parent in chain:
                raise SettingError(f"{budget.parent!r} caps itself", "Let the chain of parents end", ("budgets",))
            chain.append(budget.parent)
            if budget.parent not in by_id:
                break
            budget = by_id[budget.parent]
        return chain
