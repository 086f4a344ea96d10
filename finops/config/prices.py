"""What ``config/prices.yml`` may say: a user's own prices of models and GPUs.

Here: the file, with the checks inside it.
Not here: public lists and price sheets (bill_sources), which price counts (dbt).
"""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import Field, model_validator

from finops.config.values import Currency, Money, Strict, require_order, require_unique
from finops.tokens import TokenClass


class ModelPrice(Strict):
    """Price of a model from a day on, per 1M tokens of each disjoint class.

    What is left out is not distinguished: a price without ``region_id`` holds in every region, one without
    ``deployment_type`` for every way of deploying that has no price of its own, one without ``service_tier`` for the
    standard tier only.
    """

    provider: str = Field(description="As the usage names it: azure.ai.openai, openai, anthropic, …")
    model: str = Field(description="As the usage names it")
    aliases: list[str] = Field(default=[], description="Other names, such as dated versions")
    valid_from: date = Field(description="First day of the price; it ends where a later one begins")
    valid_to: date | None = Field(None, description="Last day of the price, where it ends without a later one")
    region_id: str | None = Field(None, description="Only in this region, such as swedencentral")
    deployment_type: Literal["global", "data_zone", "regional", "provisioned"] | None = Field(
        None, description="Only for this way of deploying"
    )
    service_tier: Literal["standard", "batch", "flex", "priority"] = Field(
        "standard", description="Only for this service tier"
    )
    min_input_tokens: int = Field(
        0, ge=0, description="Only for requests with at least this many input tokens, cached ones included"
    )
    currency: Currency = "USD"
    per_1m_tokens: dict[TokenClass, Money] = Field(description="Token class → price")
    source: str = Field(description="Where the price was read")

    @property
    def conditions(self) -> tuple[str | int | None, ...]:
        """What the price is only for; a later price replaces one with the same conditions."""
        return (self.provider, self.region_id, self.deployment_type, self.service_tier, self.min_input_tokens)

    @property
    def own_conditions(self) -> tuple[str, ...]:
        """Those conditions, after the provider, that narrow the price down."""
        return tuple(str(condition) for condition in self.conditions[1:] if condition not in (None, "standard", 0))

    @model_validator(mode="after")
    def _order(self) -> ModelPrice:
        require_order(self.valid_from, self.valid_to, "valid_from", "valid_to")
        return self


class GpuPrice(Strict):
    """Hourly price of one GPU, for GPU time that no bill covers yet."""

    gpu_model: str = Field(description="As DCGM reports it")
    valid_from: date = Field(description="First day of the price; it ends where a later one begins")
    currency: Currency = "USD"
    per_gpu_hour: Money = Field(description="Price of one GPU for one hour")
    source: str = Field(description="Where the price was read")


class PricesFile(Strict):
    """Your own prices. They come before public lists and after what the bill and the price sheet say.

    A class without a price falls back: reasoning → output, cache classes → input_uncached. Audio and images never do.
    """

    models: list[ModelPrice] = Field(description="Prices of models")
    gpus: list[GpuPrice] = Field(default=[], description="Prices of GPUs")

    @model_validator(mode="after")
    def _unique(self) -> PricesFile:
        require_unique(
            "model price",
            (
                (("models", i), "/".join((p.provider, name, *p.own_conditions)) + f" from {p.valid_from}")
                for i, p in enumerate(self.models)
                for name in (p.model, *p.aliases)
            ),
        )
        require_unique(
            "GPU price", ((("gpus", i), f"{p.gpu_model} from {p.valid_from}") for i, p in enumerate(self.gpus))
        )
        return self
