"""What ``config/units.yml`` may say: what the money buys.

Here: units, caching and model routing, and the file.
Not here: its service levels and its amortisation (modules of their own), counting (dbt).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from pydantic import Field, model_validator

from finops.config.amortisation import Amortisation
from finops.config.problems import SettingError
from finops.config.service_levels import GpuService, ServiceLevel
from finops.config.values import AiCategory, Currency, DateOnly, Identifier, PositiveMoney, Strict, require_unique

UnitDimension = Literal["team", "app", "project", "feature", "customer", "model", "environment"]
_OF_BILL = frozenset({"team", "app", "project", "model", "environment", "ai_category", "attribution_method"})
_OF_USAGE = frozenset({"team", "app", "project", "feature", "customer", "model", "environment"})
USAGE_MEASURES = frozenset({"requests", "tokens", "input_tokens", "output_tokens"})
GPU_MEASURES = frozenset({"gpu_hours", "gpu_hours_allocated", "gpu_hours_busy"})
_OF_MEASURE: dict[str | None, frozenset[str]] = {
    **dict.fromkeys(USAGE_MEASURES, _OF_USAGE),
    **dict.fromkeys(GPU_MEASURES, frozenset({"team", "app"})),
    **dict.fromkeys(("training_hours", "training_runs"), frozenset({"team", "app", "project"})),
    None: frozenset({"team", "app", "feature"}),
}
"""What each measure can be told apart by; None: business outcomes."""


class UnitCostFilter(Strict):
    """Whose cost it is: every dimension that is named must have one of its values.

    The measure is counted for the same values, as far as it can be told apart by the dimension.
    """

    team: list[Identifier] = Field(default=[], description="Teams")
    app: list[Identifier] = Field(default=[], description="Apps")
    project: list[str] = Field(default=[], description="Projects")
    feature: list[str] = Field(default=[], description="Features; only basis usage knows them")
    model: list[str] = Field(default=[], description="Models, as the price book names them")
    environment: list[str] = Field(default=[], description="Environments")
    ai_category: list[AiCategory] = Field(
        default=[], description="Kinds of AI spend; usage that is not billed yet counts as inference"
    )
    attribution_method: list[Literal["direct", "allocated", "unallocated", "unmatched"]] = Field(
        default=[], description="How the cost found its owner; usage that is not billed yet is direct or unallocated"
    )
    include_training: bool = Field(
        False, description="Also show what one unit costs with its part of training, by the policies of amortisation"
    )

    @property
    def values(self) -> dict[str, list[str]]:
        """Dimension → values, of the dimensions that are named."""
        return {name: found for name, found in self.model_dump(exclude={"include_training"}).items() if found}


class UnitMeasure(Strict):
    """What the cost is divided by: a measure, or a business outcome."""

    measure: (
        Literal[
            "requests",
            "tokens",
            "input_tokens",
            "output_tokens",
            "gpu_hours",
            "gpu_hours_allocated",
            "gpu_hours_busy",
            "training_hours",
            "training_runs",
        ]
        | None
    ) = Field(
        None,
        description="Tokens are counted in millions. gpu_hours: all that was paid for; gpu_hours_allocated: held by "
        "pods; gpu_hours_busy: by duty cycle; training_hours: from start to end of runs; training_runs: runs that "
        "finished",
    )
    outcome: str | None = Field(None, min_length=1, description="An outcome, as outcome files name it")
    value: str | None = Field(
        None,
        min_length=1,
        description="The value of an outcome, as outcome files say it (value_amount, in the unit's currency): the unit "
        "is what one of that currency costs",
    )

    @model_validator(mode="after")
    def _one(self) -> UnitMeasure:
        if [self.measure, self.outcome, self.value].count(None) != 2:
            raise SettingError("a unit is counted in one thing", "Write one of measure, outcome and value")
        return self


class Investment(Strict):
    """What was paid once before anything came back, and is on no bill of AI."""

    amount: PositiveMoney = Field(description="In the unit's currency")
    paid_on: DateOnly = Field(description="Day on which it was paid")


class Unit(Strict):
    """What one of something costs.

    Basis ``bill``: effective cost of AI spend on the bill, and what usage that is not billed yet is estimated to cost.
    Basis ``usage``: all model usage at the price book's prices; it alone knows features and customers.
    """

    id: Identifier = Field(description="Name of the unit in the mart")
    name: str = Field(description="What people call it")
    basis: Literal["bill", "usage"] = Field("bill", description="Where the cost is from")
    cost: UnitCostFilter = Field(
        default_factory=lambda: UnitCostFilter.model_validate({}), description="Which cost; all AI spend where absent"
    )
    per: UnitMeasure = Field(description="What it is divided by")
    grain: list[UnitDimension] = Field(
        default=[], description="One unit cost for each of these; one in all where absent"
    )
    target: PositiveMoney | None = Field(None, description="One unit may cost this at most")
    currency: Currency = Field("USD", description="ISO 4217 code; only cost in it counts")
    investment: Investment | None = Field(
        None, description="For a unit per value: what must come back too before it has paid for itself"
    )
    measured_only: bool = Field(
        True,
        description="For tokens, requests and GPU hours on the bill: only the cost of accounts whose usage is measured "
        "that day, else what nobody measures makes the rest look dear. false: all of the cost",
    )

    @property
    def matching(self) -> Literal["priced", "billed", "all"]:
        """Which part of the measure the cost covers: usage with a price, usage of billed accounts, or all of it."""
        if self.basis == "usage" and self.per.measure in USAGE_MEASURES:
            return "priced"
        measured = self.measured_only and self.per.measure in USAGE_MEASURES | GPU_MEASURES
        return "billed" if self.basis == "bill" and measured else "all"

    @model_validator(mode="after")
    def _known(self) -> Unit:
        of_cost = _OF_BILL if self.basis == "bill" else _OF_USAGE
        if self.basis == "usage" and self.per.measure in _OF_MEASURE.keys() - USAGE_MEASURES - {None}:
            raise SettingError(f"basis usage has no cost of {self.per.measure}", "Use basis: bill", ("basis",))
        for name in self.cost.values:
            if name not in of_cost:
                other = "usage" if self.basis == "bill" else "bill"
                raise SettingError(f"the {self.basis} does not know {name}", f"Use basis: {other}", ("cost", name))
        for i, name in enumerate(self.grain):
            if name not in of_cost & _OF_MEASURE[self.per.measure]:
                known = ", ".join(sorted(of_cost & _OF_MEASURE[self.per.measure]))
                raise SettingError(f"the unit cannot be told apart by {name}", f"Possible: {known}", ("grain", i))
        require_unique("dimension", ((("grain", i), name) for i, name in enumerate(self.grain)))
        return self

    @model_validator(mode="after")
    def _invested(self) -> Unit:
        if self.investment is not None and (self.per.value is None or self.grain):
            raise SettingError(
                "an investment comes back as value, all in one", "Use per: {value: …} without grain", ("investment",)
            )
        return self

    @model_validator(mode="after")
    def _with_training(self) -> Unit:
        if not self.cost.include_training:
            return self
        place = ("cost", "include_training")
        for name in {*self.grain, *self.cost.values} - {"team", "app", "model", "ai_category"}:
            raise SettingError(f"training is not known by {name}", "Leave it out, or include_training", place)
        own = set(self.cost.ai_category)
        if self.basis == "bill" and (not own or own & {"training", "fine_tuning"}):
            raise SettingError(
                "the cost would have training in it twice",
                "Name ai_category without training and fine_tuning, such as [inference, provisioned_capacity]",
                place,
            )
        return self


class Caching(Strict):
    """What counts as money that caching would have saved."""

    minimum_prompt_tokens: int = Field(
        1024,
        ge=0,
        description="Shorter prompts are cached by no provider: OpenAI, Azure and most of Anthropic's models",
    )


class ModelRouting(Strict):
    """When a cheaper model counts as no worse."""

    quality_tolerance: Decimal = Field(
        Decimal("0.02"),
        ge=0,
        le=1,
        description="How much lower the quality score may be, with 95% confidence: 0.02 is two points of a hundred",
    )


class UnitsFile(Strict):
    """What the money buys: units of your own, without SQL, and the service that they come with."""

    units: list[Unit] = Field(default=[], description="One entry per unit")
    caching: Caching = Field(
        default_factory=lambda: Caching.model_validate({}), description="Money that caching would have saved"
    )
    model_routing: ModelRouting = Field(
        default_factory=lambda: ModelRouting.model_validate({}), description="What other models would have saved"
    )
    service_levels: list[ServiceLevel] = Field(default=[], description="One entry per objective")
    amortisation: list[Amortisation] = Field(
        default=[], description="Training that units may carry: one entry per policy"
    )
    gpu: GpuService = Field(
        default_factory=lambda: GpuService.model_validate({}), description="Use of GPUs and interruptions"
    )

    @model_validator(mode="after")
    def _unique(self) -> UnitsFile:
        require_unique("unit", ((("units", i, "id"), unit.id) for i, unit in enumerate(self.units)))
        levels = ((("service_levels", i, "id"), level.id) for i, level in enumerate(self.service_levels))
        require_unique("service level", levels)
        policies = ((("amortisation", i, "id"), policy.id) for i, policy in enumerate(self.amortisation))
        require_unique("amortisation", policies)
        return self
