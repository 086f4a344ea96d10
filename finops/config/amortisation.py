"""What ``config/units.yml`` may say of training that is spread over the inference that it is for.

Here: which training, whose inference, and how it is spread.
Not here: units (units), spreading (dbt).
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from finops.config.problems import SettingError
from finops.config.values import AiCategory, DateOnly, Identifier, Strict


class TrainingCost(Strict):
    """Which training was paid for: every setting that is named must hold."""

    basis: Literal["runs", "bill"] = Field(
        "runs",
        description="runs: ended runs with their GPU time at the price book's prices, failed ones too; bill: "
        "effective cost",
    )
    team: list[Identifier] = Field(default=[], description="Teams")
    app: list[Identifier] = Field(default=[], description="Apps")
    project: list[str] = Field(default=[], description="Projects")
    experiment: list[str] = Field(default=[], description="Experiments or pipelines; only runs know them")
    stage: list[str] = Field(default=[], description="Such as training, fine_tuning; only runs know them")
    ai_category: list[AiCategory] = Field(
        default=[], description="Such as training, fine_tuning; only the bill knows them"
    )

    @property
    def values(self) -> dict[str, list[str]]:
        """Dimension → values, of the dimensions that are named."""
        return {name: found for name, found in self.model_dump(exclude={"basis"}).items() if found}

    @model_validator(mode="after")
    def _known(self) -> TrainingCost:
        unknown = ("experiment", "stage") if self.basis == "bill" else ("ai_category",)
        for name in unknown:
            if name in self.values:
                other = "runs" if self.basis == "bill" else "bill"
                raise SettingError(f"basis {self.basis} does not know {name}", f"Use basis: {other}", (name,))
        if self.basis == "bill" and "ai_category" not in self.values:
            raise SettingError(
                "all of the bill would be training",
                "Add ai_category, such as [training, fine_tuning]",
                ("ai_category",),
            )
        return self


class ServedBy(Strict):
    """Whose inference the training is for."""

    app: list[Identifier] = Field(default=[], description="Apps")
    model: list[str] = Field(default=[], description="Models, as the price book names them")

    @property
    def values(self) -> dict[str, list[str]]:
        """Dimension → values, of the dimensions that are named."""
        return {name: found for name, found in self.model_dump().items() if found}

    @model_validator(mode="after")
    def _some(self) -> ServedBy:
        if not self.values:
            raise SettingError("nothing is served by it", "Name apps, models, or both")
        return self


class ExpectedUsage(Strict):
    """How much inference one day's training is to serve."""

    requests: int | None = Field(None, gt=0, le=10**15, description="Requests")
    tokens: int | None = Field(None, gt=0, le=10**15, description="Tokens, of all kinds")

    @model_validator(mode="after")
    def _one(self) -> ExpectedUsage:
        if (self.requests is None) == (self.tokens is None):
            raise SettingError("usage is expected in one thing", "Write either requests or tokens")
        return self


class Amortisation(Strict):
    """Training spread over the inference that it is for. Each day's training is spread on its own, exactly."""

    id: Identifier = Field(description="Name in the mart")
    training: TrainingCost = Field(description="What was paid for")
    served_by: ServedBy = Field(description="Whose inference it is spread over")
    method: Literal["straight_line", "by_usage"] = Field(
        description="straight_line: the same every day for months; by_usage: as expected usage happens"
    )
    months: int | None = Field(None, ge=1, le=120, description="For straight_line: from the day of the training on")
    expected: ExpectedUsage | None = Field(None, description="For by_usage: after so much nothing is left")
    starts_on: DateOnly = Field(description="First day whose training is spread; what was before is not")

    @model_validator(mode="after")
    def _complete(self) -> Amortisation:
        needed, other = ("months", "expected") if self.method == "straight_line" else ("expected", "months")
        if getattr(self, needed) is None:
            raise SettingError(f"{self.method} needs {needed}", f"Add {needed}", (needed,))
        if getattr(self, other) is not None:
            raise SettingError(f"{self.method} has no {other}", f"Remove {other}", (other,))
        return self
