"""Prompt economics in plain Python: from the rows of a lake to money, with no SQL and no code of the product.

Here: prices, classes and sums as the documentation says them, over records as they were landed.
Not here: anything that the product calculates with; an error there must not be repeated here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

MILLION = Decimal(1_000_000)
PriceList = Mapping[tuple[str, str], Mapping[str, str]]
"""(model, first day as text) → class → price of 1M tokens; the newest that has begun holds."""


@dataclass
class Prompts:
    """One day, app, feature and model."""

    requests: int = 0
    errors: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    cost: Decimal = Decimal(0)
    saved: Decimal = Decimal(0)
    failed_paid: int = 0
    failed_cost: Decimal = Decimal(0)
    repeated_cost: Decimal = Decimal(0)
    sizes: list[int] = field(default_factory=list)

    def quantile(self, hundredths: int) -> int | None:
        """The smallest size that so many of a hundred requests do not exceed."""
        ordered = sorted(self.sizes)
        return next((size for place, size in enumerate(ordered, 1) if place * 100 >= hundredths * len(ordered)), None)


def price(prices: PriceList, model: str, day: date, token_class: str) -> Decimal:
    """Of 1M tokens. What a list leaves out costs what the class it is a kind of costs."""
    valid = max(first for name, first in prices if name == model and first <= str(day))
    listed = prices[model, valid]
    wider = "output" if token_class == "reasoning" else "input_uncached"
    return Decimal(listed.get(token_class, listed[wider]))


def prompt_economics(calls: Iterable[Mapping[str, Any]], prices: PriceList) -> dict[tuple[Any, ...], Prompts]:
    """(day, app, feature, model) → sums. Calls are spans whose input count has the cached tokens in it."""
    found: dict[tuple[Any, ...], Prompts] = defaultdict(Prompts)
    for call in calls:
        day, model = call["start_at"].date(), call["response_model"]
        read, written = call["cache_read_tokens"], call["cache_write_tokens"]
        fresh = call["input_tokens"] - read - written
        classes = {
            "input_uncached": fresh,
            "cache_read": read,
            "cache_write_5m": written,
            "output": call["output_tokens"] - call["reasoning_tokens"],
            "reasoning": call["reasoning_tokens"],
        }
        costs = {name: tokens * price(prices, model, day, name) / MILLION for name, tokens in classes.items()}
        cost = sum(costs.values(), Decimal(0))
        uncached = (read + written) * price(prices, model, day, "input_uncached") / MILLION
        group = found[day, call["app"], call.get("feature"), model]
        group.requests += 1
        group.errors += call.get("error_type") is not None
        group.input_tokens += call["input_tokens"]
        group.cached_tokens += read
        group.output_tokens += call["output_tokens"]
        group.reasoning_tokens += call["reasoning_tokens"]
        group.cost += cost
        group.saved += uncached - costs["cache_read"] - costs["cache_write_5m"]
        if call.get("error_type") is not None:
            group.failed_paid += any(classes.values())
            group.failed_cost += cost
        if call.get("retry_count"):
            group.repeated_cost += cost
        if call["input_tokens"]:
            group.sizes.append(call["input_tokens"])
    return dict(found)


def cut(cost: Decimal, quantity: Decimal) -> Decimal | None:
    """cost ÷ quantity, cut to twelve digits; None where there is nothing to divide by."""
    if quantity == 0:
        return None
    (a, b), (c, d) = cost.as_integer_ratio(), quantity.as_integer_ratio()
    return Decimal(f"{a * d * 10**12 // (b * c)}E-12")
