"""What genai-prices' models and prices mean.

Here: prices of tokens as rows of ``prices__model_price``: classes, tiers of context, first days, service tiers, and the
rules for names as regular expressions.
Not here: asking the package (``client``) and loading (``source``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from finops.tokens import TokenClass

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, ModelPrice, Provider

Row = dict[str, Any]

PROVIDERS: Mapping[str, tuple[str, ...]] = {
    "azure": ("azure.ai.openai",),
    "aws": ("aws.bedrock",),
    "google": ("gcp.gemini", "gcp.vertex_ai"),
    "mistral": ("mistral_ai",),
    "x-ai": ("x_ai",),
}
"""The list's name of a provider → names in usage; every other provider has the same name in both."""

_CLASSES: Mapping[str, tuple[TokenClass, ...]] = {
    "input_mtok": (TokenClass.INPUT_UNCACHED,),
    "cache_read_mtok": (TokenClass.CACHE_READ,),
    # The list's price of writing has no time to live: it is Anthropic's for five minutes.
    "cache_write_mtok": (TokenClass.CACHE_WRITE_5M,),
    "cache_write_1h_mtok": (TokenClass.CACHE_WRITE_1H,),
    "output_mtok": (TokenClass.OUTPUT,),
    "output_reasoning_mtok": (TokenClass.REASONING,),
    "input_audio_mtok": (TokenClass.INPUT_AUDIO,),
    "cache_audio_read_mtok": (TokenClass.CACHE_READ_AUDIO,),
    "output_audio_mtok": (TokenClass.OUTPUT_AUDIO,),
    "input_image_mtok": (TokenClass.INPUT_IMAGE,),
    "output_image_mtok": (TokenClass.OUTPUT_IMAGE,),
}

_TIERS: Mapping[tuple[str, str], str] = {
    ("processing", "batch"): "batch",
    ("service_tier", "flex"): "flex",
    ("service_tier", "priority"): "priority",
}


@dataclass(frozen=True)
class ListedModels:
    """``rows`` without ids of source and snapshot; ``left_out`` says in words what has no row, and why."""

    rows: list[Row]
    left_out: list[str]


def model_rows(providers: Any) -> ListedModels:
    """All token prices of all providers."""
    rows: list[Row] = []
    left_out: list[str] = []
    for provider in providers:
        for order, model in enumerate(provider.models, start=1):
            pattern = name_pattern(model.match)
            if pattern is None:
                left_out.append(f"{provider.id}/{model.id}: its rule for names is no regular expression")
                continue
            named = list(_prices(provider, model, left_out))
            for provider_name in PROVIDERS.get(provider.id, (provider.id,)):
                rows += [
                    {
                        "list_provider": provider.id,
                        "provider_name": provider_name,
                        "model": model.id,
                        "model_order": order,
                        "model_pattern": pattern.matches,
                        "exclude_pattern": pattern.excludes,
                        **price,
                    }
                    for price in named
                ]
    return ListedModels(rows, left_out)


def _prices(provider: Provider, model: ModelInfo, left_out: list[str]) -> Iterator[Row]:
    dated = list(_dated(provider, model, left_out))
    for number, (first, prices) in enumerate(dated):
        ends = dated[number + 1][0] if number + 1 < len(dated) else None
        yield from _classes(prices, "standard", first, ends)
    for variant in model.price_variants or ():
        tier = _tier_of(variant.when)
        if tier is not None:
            first = getattr(variant.constraint, "start_date", None)
            yield from _classes(variant.prices, tier, first, None)


def _dated(provider: Provider, model: ModelInfo, left_out: list[str]) -> list[tuple[date | None, ModelPrice]]:
    """First day (None: always) and prices, oldest first."""
    from genai_prices.types import StartDateConstraint

    if not isinstance(model.prices, list):
        return [(None, model.prices)]
    dated: list[tuple[date | None, ModelPrice]] = []
    for conditional in model.prices:
        if conditional.constraint is None:
            dated.append((None, conditional.prices))
        elif isinstance(conditional.constraint, StartDateConstraint):
            dated.append((conditional.constraint.start_date, conditional.prices))
        else:
            left_out.append(f"{provider.id}/{model.id}: a price by time of day; the price of the other hours is used")
    if dated and all(first is not None for first, _ in dated):
        # Before the first day of any, the package uses the first of the list.
        dated[0] = (None, dated[0][1])
    return sorted(dated, key=lambda pair: pair[0] or date.min)


def _tier_of(when: Mapping[str, str]) -> str | None:
    """Our service tier for the conditions of a variant; None where it is no tier of ours."""
    tiers = {_TIERS.get(pair) for pair in when.items()}
    return tiers.pop() if len(tiers) == 1 else None


def _classes(prices: ModelPrice, tier: str, first: date | None, ends: date | None) -> Iterator[Row]:
    from genai_prices.types import TieredPrices

    for key, price in prices.__dict__.items():
        if price is None or key not in _CLASSES:
            continue
        # The list's tiers begin above a number of tokens, ours at one.
        steps: list[tuple[int, Decimal]] = [(0, price)]
        if isinstance(price, TieredPrices):
            steps = [(0, price.base), *((tier_.start + 1, tier_.price) for tier_ in price.tiers)]
        for token_class in _CLASSES[key]:
            for minimum, amount in steps:
                yield {
                    "token_class": token_class.value,
                    "region_id": None,
                    "deployment_type": None,
                    "service_tier": tier,
                    "min_input_tokens": minimum,
                    "valid_from": first,
                    "valid_to": ends,
                    "currency": "USD",
                    "price_per_1m_tokens": format(amount, "f"),
                }


@dataclass(frozen=True)
class NamePattern:
    """A name is meant where it matches ``matches`` and does not match ``excludes``."""

    matches: str
    excludes: str | None = None


_NEGATIVE = re.compile(r"\^\(\?!(.*)\)")


def name_pattern(clause: Any) -> NamePattern | None:
    """A rule for names as regular expressions without look-around; None where it cannot be said so."""
    from genai_prices import types as listed

    match clause:
        case listed.ClauseEquals():
            return NamePattern(f"^{re.escape(clause.equals.lower())}$")
        case listed.ClauseStartsWith():
            return NamePattern(f"^{re.escape(clause.starts_with.lower())}")
        case listed.ClauseEndsWith():
            return NamePattern(f"{re.escape(clause.ends_with.lower())}$")
        case listed.ClauseContains():
            return NamePattern(re.escape(clause.contains.lower()))
        case listed.ClauseRegex():
            return None if "(?" in clause.regex.replace("(?:", "") else NamePattern(clause.regex)
        case listed.ClauseOr():
            parts = [part for alternative in clause.or_ if (part := name_pattern(alternative))]
            excluded = {part.excludes for part in parts if part.excludes}
            if len(parts) < len(clause.or_) or len(excluded) > 1:
                return None
            return NamePattern("|".join(f"(?:{part.matches})" for part in parts), next(iter(excluded), None))
        case listed.ClauseAnd():
            return _both(clause.and_)
    return None


def _both(clauses: list[Any]) -> NamePattern | None:
    """One rule for what is meant, and one for what is not."""
    from genai_prices import types as listed

    excluded = [
        found[1]
        for clause in clauses
        if isinstance(clause, listed.ClauseRegex) and (found := _NEGATIVE.fullmatch(clause.regex))
    ]
    meant = [
        clause
        for clause in clauses
        if not (isinstance(clause, listed.ClauseRegex) and _NEGATIVE.fullmatch(clause.regex))
    ]
    if len(meant) != 1 or len(excluded) > 1:
        return None
    pattern = name_pattern(meant[0])
    if pattern is None or pattern.excludes is not None:
        return None
    # (?!.*x) from the beginning says that x is nowhere.
    nowhere = excluded[0].removeprefix(".*") if excluded else None
    return NamePattern(pattern.matches, nowhere)
