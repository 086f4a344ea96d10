"""What ``config/scenarios.yml`` may say: what-ifs, each a list of changes to how things are.

Here: the scenarios and their changes, with the checks inside the file.
Not here: what a change does to cost (models.whatif).
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, model_validator

from finops.config.problems import SettingError
from finops.config.values import Currency, Identifier, Strict, require_unique
from finops.tokens import TokenClass


class Range(Strict):
    """A number that nobody knows yet: most likely ``likely``, surely not outside ``low`` and ``high``."""

    low: Decimal = Field(description="As low as it may be")
    likely: Decimal = Field(description="What you would bet on")
    high: Decimal = Field(description="As high as it may be")

    @model_validator(mode="after")
    def _ordered(self) -> Range:
        if not self.low <= self.likely <= self.high:
            raise SettingError(
                f"low {self.low}, likely {self.likely} and high {self.high} are not in this order",
                "Write low ≤ likely ≤ high",
            )
        return self


Amount = Decimal | Range


def likely(amount: Amount) -> Decimal:
    return amount.likely if isinstance(amount, Range) else amount


def bounds(amount: Amount) -> tuple[Decimal, Decimal]:
    """The smallest and the greatest value."""
    return (amount.low, amount.high) if isinstance(amount, Range) else (amount, amount)


def _within(amount: Amount, setting: str, least: int, most: int | None = None) -> None:
    low, high = bounds(amount)
    if low < least or (most is not None and high > most):
        allowed = f"{least} or more" if most is None else f"between {least} and {most}"
        raise SettingError(f"{setting} must be {allowed}", "0.8 is 80%, 1.3 is 30% more", (setting,))


class UsageFilter(Strict):
    """Which usage is meant: every dimension that is named must have one of its values."""

    team: list[Identifier] = Field(default=[], description="Teams")
    app: list[Identifier] = Field(default=[], description="Apps")
    feature: list[str] = Field(default=[], description="Features")
    environment: list[str] = Field(default=[], description="Environments")
    provider: list[str] = Field(default=[], description="Providers, as the price book names them: azure.ai.openai")
    model: list[str] = Field(default=[], description="Models, as the price book names them")

    @property
    def values(self) -> dict[str, list[str]]:
        """Dimension → values, of the dimensions that are named."""
        return {name: found for name, found in self.model_dump().items() if found}


class ChangeBase(Strict):
    """What every change has."""

    description: str | None = Field(None, description="Words for people; made from the change where absent")
    where: UsageFilter = Field(
        default_factory=lambda: UsageFilter.model_validate({}), description="Whose usage or cost; all where empty"
    )
    starts_on: date | None = Field(None, description="First day of the change; the scenario's first day where absent")
    ramp_days: Annotated[int, Field(ge=0, le=730)] = Field(
        0, description="Days until the change is complete, a little more of it each day"
    )


class TrafficChange(ChangeBase):
    """More or fewer calls, everything else alike."""

    kind: Literal["traffic"]
    factor: Amount = Field(description="Times today's tokens: 1.3 is 30% more")

    @model_validator(mode="after")
    def _check(self) -> TrafficChange:
        _within(self.factor, "factor", 0)
        return self


class ModelSwitch(ChangeBase):
    """Calls go to another model, priced as the price book prices it."""

    kind: Literal["model"]
    to_model: str = Field(description="The model that takes over, as the price book names it")
    to_provider: str | None = Field(None, description="Its provider; the one that serves the calls today where absent")
    share: Amount = Field(Decimal(1), description="Share of the calls that move")
    input_tokens: Amount = Field(Decimal(1), description="Input tokens of a call, times those of today's model")
    output_tokens: Amount = Field(
        Decimal(1), description="Output and reasoning tokens of a call, times those of today's model"
    )

    @model_validator(mode="after")
    def _check(self) -> ModelSwitch:
        _within(self.share, "share", 0, 1)
        _within(self.input_tokens, "input_tokens", 0)
        _within(self.output_tokens, "output_tokens", 0)
        return self


class PriceChange(ChangeBase):
    """The same tokens at other prices."""

    kind: Literal["price"]
    token_class: list[TokenClass] = Field(default=[], description="Classes of tokens; all where empty")
    factor: Amount = Field(description="Times today's price: 0.8 is 20% cheaper")

    @model_validator(mode="after")
    def _check(self) -> PriceChange:
        _within(self.factor, "factor", 0)
        return self


class CacheRate(ChangeBase):
    """Another share of text input is read from the cache."""

    kind: Literal["cache_rate"]
    rate: Amount = Field(description="Cached share of text input: 0.6 is 60%")

    @model_validator(mode="after")
    def _check(self) -> CacheRate:
        _within(self.rate, "rate", 0, 1)
        return self


class BatchShare(ChangeBase):
    """A share of the calls that are answered at once waits for the batch price."""

    kind: Literal["batch_share"]
    share: Amount = Field(description="Share of today's standard calls that move to batch")

    @model_validator(mode="after")
    def _check(self) -> BatchShare:
        _within(self.share, "share", 0, 1)
        return self


class GpuPrice(ChangeBase):
    """GPU machines and training at another price: a commitment, spot, another provider."""

    kind: Literal["gpu_price"]
    factor: Amount = Field(description="Times today's price: 0.6 is 40% cheaper")

    @model_validator(mode="after")
    def _check(self) -> GpuPrice:
        _within(self.factor, "factor", 0)
        return self


class ProvisionedUnits(ChangeBase):
    """Another number of provisioned throughput units; calls beyond them spill over to pay as you go."""

    kind: Literal["provisioned_units"]
    pool: str = Field(description="The pool's id in allocation.yml, which fct_provisioned_throughput_daily names")
    units: Amount = Field(description="Units bought; 0 gives them up")

    @model_validator(mode="after")
    def _check(self) -> ProvisionedUnits:
        _within(self.units, "units", 0)
        return self


class NewFeature(ChangeBase):
    """Something that has no history: its calls are like those of ``where``, or as ``tokens_per_request`` says."""

    kind: Literal["new_feature"]
    feature: str = Field(description="Its name")
    team: Identifier | None = Field(None, description="Who will pay for it; the team of the analogue where absent")
    app: Identifier | None = Field(None, description="The app it will be part of; the analogue's where absent")
    requests_per_day: Amount = Field(description="Expected calls a day when it is fully used")
    model: str | None = Field(None, description="Its model; that of the analogue where absent")
    provider: str | None = Field(None, description="The model's provider; that of the analogue where absent")
    tokens_per_request: dict[TokenClass, Annotated[Decimal, Field(ge=0)]] = Field(
        default={}, description="Tokens of a call by class; those of the analogue where empty"
    )

    @model_validator(mode="after")
    def _check(self) -> NewFeature:
        _within(self.requests_per_day, "requests_per_day", 0)
        if self.tokens_per_request and not (self.model and self.provider):
            raise SettingError(
                "tokens_per_request needs to know whose price they have", "Add provider and model", ("model",)
            )
        if not self.tokens_per_request and not self.where.values:
            raise SettingError(
                "nothing says what a call is like",
                "Name an analogue in where, such as {app: support-copilot}, or give tokens_per_request",
                ("where",),
            )
        return self


Change = Annotated[
    TrafficChange | ModelSwitch | PriceChange | CacheRate | BatchShare | GpuPrice | ProvisionedUnits | NewFeature,
    Field(discriminator="kind"),
]


class Scenario(Strict):
    """One what-if: changes in the order in which they take effect, against what happens without them."""

    id: Identifier = Field(description="Its name in commands")
    name: str = Field(description="What it asks, in words")
    starts_on: date | None = Field(None, description="First day counted; the report's day where absent")
    ends_on: date | None = Field(None, description="Last day counted; the end of next month where absent")
    currency: Currency | None = Field(
        None, description="Money of other currencies is left out; the one most is spent in where absent"
    )
    changes: Annotated[list[Change], Field(min_length=1)] = Field(description="One entry per change")

    @model_validator(mode="after")
    def _check(self) -> Scenario:
        if self.starts_on and self.ends_on and self.ends_on < self.starts_on:
            raise SettingError("ends_on is before starts_on", "Swap them, or leave one out", ("ends_on",))
        return self


class ScenariosFile(Strict):
    """What-ifs that can be asked again: ``aifinops whatif run ID``."""

    scenarios: list[Scenario] = Field(default=[], description="One entry per scenario")

    @model_validator(mode="after")
    def _unique(self) -> ScenariosFile:
        require_unique("scenario", ((("scenarios", i, "id"), one.id) for i, one in enumerate(self.scenarios)))
        return self
