"""What ``config/events.yml`` may say: what moves cost and is no anomaly.

Here: holidays, events, price changes, capacities and suppressions, with the checks inside the file.
Not here: what a forecast or a detector does with them (models).
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, WithJsonSchema, model_validator

from finops.config.problems import SettingError
from finops.config.values import (
    Currency,
    Identifier,
    PositiveMoney,
    Ratio,
    Scope,
    Strict,
    form,
    require_order,
    require_unique,
)


class KnownEvent(Strict):
    """Something that moves cost and is no anomaly: a launch, a migration, a load test."""

    id: Identifier = Field(description="Name of the event in anomalies")
    name: str = Field(description="What people call it")
    starts_on: date = Field(description="First day")
    ends_on: date = Field(description="Last day")
    scope: Scope = Field(description="Whose cost it moves")
    effect: Literal["temporary", "lasting"] = Field(
        "temporary", description="lasting: the cost stays on the new level after the last day"
    )

    @model_validator(mode="after")
    def _order(self) -> KnownEvent:
        require_order(self.starts_on, self.ends_on, "starts_on", "ends_on")
        return self


class PriceChange(Strict):
    """A price that is known to change on a day: everything of a scope costs so much more or less from then on."""

    id: Identifier = Field(description="Name of the change")
    name: str = Field(description="What people call it")
    scope: Scope = Field(description="Whose price")
    starts_on: date = Field(description="First day of the new price; one that is over puts history on the new level")
    factor: Ratio | None = Field(None, description="New price ÷ old price: 0.8 is a fifth less")
    percent: Decimal | None = Field(None, gt=-100, description="The same as a change: -20 is a fifth less")

    @model_validator(mode="after")
    def _one_way(self) -> PriceChange:
        if (self.factor is None) == (self.percent is None):
            raise SettingError("a price change is a factor or a percent", "Write one of the two")
        return self

    @property
    def ratio(self) -> float:
        """New price ÷ old price."""
        if self.factor is not None:
            return float(self.factor)
        return float(1 + (self.percent or Decimal(0)) / 100)


class Capacity(Strict):
    """What a scope can cost at most on a day, because there is no more of it to be used."""

    id: Identifier = Field(description="Name of the capacity")
    name: str = Field(description="What people call it")
    scope: Scope = Field(description="Whose cost")
    starts_on: date = Field(description="First day")
    ends_on: date | None = Field(None, description="Last day; absent where it stays")
    currency: Currency = Field("USD", description="Billing currency of the amount")
    most_per_day: PositiveMoney | None = Field(None, description="Money a day")
    units_per_day: PositiveMoney | None = Field(None, description="Units a day, such as 192 GPU-hours, with unit_price")
    unit_price: PositiveMoney | None = Field(None, description="Money a unit, in currency")

    @model_validator(mode="after")
    def _one_way(self) -> Capacity:
        if self.ends_on is not None:
            require_order(self.starts_on, self.ends_on, "starts_on", "ends_on")
        in_units = self.units_per_day is not None and self.unit_price is not None
        half = (self.units_per_day is None) != (self.unit_price is None)
        if half or (self.most_per_day is None) != in_units:
            raise SettingError(
                "a capacity is money a day, or units a day times a unit price",
                "Write most_per_day, or units_per_day and unit_price",
            )
        return self

    @property
    def amount(self) -> Decimal:
        """Money a day, in ``currency``."""
        if self.most_per_day is not None:
            return self.most_per_day
        return (self.units_per_day or Decimal(0)) * (self.unit_price or Decimal(0))


class Suppression(Strict):
    """A window in which nobody wants to hear of anomalies of a scope; they are counted all the same."""

    id: Identifier = Field(description="Name of the window in incidents")
    scope: Scope = Field(description="Whose anomalies; a team's window covers its apps")
    detector: Identifier | None = Field(None, description="Only what this detector alone found, such as slow_drift")
    starts_on: date = Field(description="First day")
    ends_on: date = Field(description="Last day")
    reason: str = Field(description="Why, and who agreed")

    @model_validator(mode="after")
    def _order(self) -> Suppression:
        require_order(self.starts_on, self.ends_on, "starts_on", "ends_on")
        return self


class EventsFile(Strict):
    """What moves cost and is no anomaly."""

    holidays: list[
        Annotated[
            str,
            AfterValidator(form("[A-Z]{2}", "not a country code", "Use an ISO 3166 code such as US or DE")),
            WithJsonSchema({"type": "string", "pattern": "^[A-Z]{2}$"}),
        ]
    ] = Field(default=[], description="ISO 3166 codes of the countries whose holidays the forecast knows")
    events: list[KnownEvent] = Field(default=[], description="One entry per event")
    suppressions: list[Suppression] = Field(default=[], description="Windows in which anomalies alarm nobody")
    price_changes: list[PriceChange] = Field(
        default=[], description="Prices that change; what a price list dates ahead is known without"
    )
    capacities: list[Capacity] = Field(default=[], description="What scopes can cost at most on a day")

    @model_validator(mode="after")
    def _unique(self) -> EventsFile:
        require_unique("event", ((("events", i, "id"), e.id) for i, e in enumerate(self.events)))
        require_unique("suppression", ((("suppressions", i, "id"), s.id) for i, s in enumerate(self.suppressions)))
        require_unique("price change", ((("price_changes", i, "id"), p.id) for i, p in enumerate(self.price_changes)))
        require_unique("capacity", ((("capacities", i, "id"), c.id) for i, c in enumerate(self.capacities)))
        return self
