"""What ``config/units.yml`` may say of the service that comes with the money.

Here: objectives of latency and availability, and when GPUs are used well.
Not here: units (units), measuring (dbt).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import Field, model_validator

from finops.config.problems import SettingError
from finops.config.values import Identifier, Strict

Share = Annotated[Decimal, Field(gt=0, lt=1, max_digits=12, decimal_places=11)]


class LatencyTarget(Strict):
    """So many of a hundred answered requests take at most so long."""

    milliseconds: int = Field(gt=0, description="From the start of the call to its end")
    percentile: Decimal = Field(
        Decimal(95), gt=0, lt=100, max_digits=9, decimal_places=6, description="Of 100 answered requests, how many"
    )


class ServiceLevel(Strict):
    """What an app or a model is to keep to, and so how often it may fail to."""

    id: Identifier = Field(description="Name in the mart")
    name: str = Field(description="What people call it")
    team: list[Identifier] = Field(default=[], description="Only requests of these teams")
    app: list[Identifier] = Field(default=[], description="Only requests of these apps")
    model: list[str] = Field(default=[], description="Only requests of these models, as the price book names them")
    latency: LatencyTarget | None = Field(
        None, description="How fast; judged by sources that tell calls one by one: spans and LiteLLM"
    )
    availability: Share | None = Field(
        None, description="Share of requests without an error, such as 0.995; judged by Azure Monitor too"
    )
    window_days: int = Field(28, ge=1, le=366, description="Days that the error budget is for, up to each day")

    @property
    def values(self) -> dict[str, list[str]]:
        """Dimension → values, of the dimensions that are named."""
        named = {"team": self.team, "app": self.app, "model": self.model}
        return {name: found for name, found in named.items() if found}

    @model_validator(mode="after")
    def _target(self) -> ServiceLevel:
        if self.latency is None and self.availability is None:
            raise SettingError("there is nothing to keep to", "Write latency, availability, or both")
        return self


class GpuService(Strict):
    """When GPUs are used well, and what an interruption costs."""

    utilization_at_least: Share = Field(
        Decimal("0.60"), description="Below this share of the time with a kernel running, GPUs are paid for in vain"
    )
    utilization_at_most: Share = Field(Decimal("0.85"), description="Above this, a peak finds no room")
    checkpoint_minutes: int | None = Field(
        None,
        gt=0,
        description="Jobs save their work at least so often, so that an interruption repeats no more than this; "
        "absent: all since the pod's start or last interruption",
    )

    @model_validator(mode="after")
    def _ordered(self) -> GpuService:
        if self.utilization_at_least >= self.utilization_at_most:
            raise SettingError(
                "utilization_at_least is not below utilization_at_most",
                "Write the lower share first, such as 0.60 and 0.85",
                ("utilization_at_least",),
            )
        return self
