"""Pricing usage in Python, exactly as the marts do in SQL.

Here: which of a price book's prices counts for some usage, and what the usage costs by it. Written beside the SQL and
not made from it, so that each proves the other; ``aifinops prices explain`` shows its chain of candidates.
Not here: where prices come from (dbt's ``int_price__book``) and how tokens are counted (``finops.usage_payload``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal, localcontext

from finops.money import QUANTUM
from finops.tokens import TEXT_INPUT_CLASSES, TokenClass, TokenCounts

RANKS: Mapping[str, int] = {"invoice": 1, "price_sheet": 2, "config": 3, "azure_retail": 4, "genai_prices": 5}
"""Kind of list → rank; the lower one wins."""

_MILLION = Decimal(1_000_000)
_WORK_DIGITS = 60
_DEPLOYMENT_ORDER: Mapping[str | None, int] = {None: 0, "global": 1, "data_zone": 2, "regional": 3}


@dataclass(frozen=True)
class Price:
    """One price of one list. What a price is not only for is None; ``valid_to`` is the first day it no longer holds."""

    provider: str
    model: str
    token_class: TokenClass
    price_per_1m_tokens: Decimal
    price_source: str
    price_id: str
    currency: str = "USD"
    valid_from: date = date.min
    valid_to: date = date.max
    region_id: str | None = None
    is_typical_region: bool = True
    deployment_type: str | None = None
    service_tier: str = "standard"
    model_release: str | None = None
    min_input_tokens: int = 0
    max_input_tokens: int | None = None
    weight: Decimal = Decimal(0)
    price_basis: str = ""

    @property
    def rank(self) -> int:
        return RANKS[self.price_source]


@dataclass(frozen=True)
class Usage:
    """What is priced: a model on a day under conditions. ``input_tokens_in_request`` is None for sums of requests."""

    provider: str
    model: str
    day: date
    region_id: str | None = None
    deployment_type: str | None = None
    service_tier: str = "standard"
    model_release: str | None = None
    input_tokens_in_request: int | None = None


@dataclass(frozen=True)
class Candidate:
    """A price that may be used. ``fallback_class`` is the class whose price it is, where it is not the usage's own."""

    price: Price
    fallback_class: TokenClass | None


def fallback_of(token_class: TokenClass) -> TokenClass | None:
    """The class that a class without a price of its own is priced as.

    Reasoning is output, and what the cache did was input. Audio and images never are anything else.
    """
    if token_class == TokenClass.REASONING:
        return TokenClass.OUTPUT
    if token_class in TEXT_INPUT_CLASSES and token_class != TokenClass.INPUT_UNCACHED:
        return TokenClass.INPUT_UNCACHED
    return None


def candidates(book: Iterable[Price], usage: Usage, token_class: TokenClass) -> list[Candidate]:
    """The best price of each list for a token class, the one that counts first; empty where there is none."""
    prices = [price for price in book if (price.provider, price.model) == (usage.provider, usage.model)]
    band = _band(prices, usage.input_tokens_in_request)
    by_source: dict[str, tuple[tuple[object, ...], Candidate]] = {}
    for price in prices:
        fallback = None if price.token_class == token_class else price.token_class
        if fallback is not None and fallback != fallback_of(token_class):
            continue
        if not _holds(price, usage, band):
            continue
        order = _order(price, usage, is_fallback=fallback is not None)
        known = by_source.get(price.price_source)
        if known is None or order < known[0]:
            by_source[price.price_source] = (order, Candidate(price, fallback))
    return sorted(
        (candidate for _, candidate in by_source.values()),
        key=lambda candidate: (candidate.fallback_class is not None, candidate.price.rank),
    )


def cost(tokens: int, price_per_1m_tokens: Decimal) -> Decimal:
    """Exact to 18 digits, then rounded to 12, halves away from zero, as ``token_cost`` in dbt."""
    with localcontext() as context:
        context.prec = _WORK_DIGITS
        return (Decimal(tokens) * price_per_1m_tokens / _MILLION).quantize(QUANTUM, rounding=ROUND_HALF_UP)


@dataclass(frozen=True)
class PricedUsage:
    """Cost by token class; ``unpriced`` are classes with tokens and without a price, which cost is not in ``total``."""

    by_class: Mapping[TokenClass, Decimal]
    chosen: Mapping[TokenClass, Candidate]
    unpriced: tuple[TokenClass, ...]

    @property
    def total(self) -> Decimal:
        return sum(self.by_class.values(), Decimal(0))


def price_counts(book: Sequence[Price], usage: Usage, counts: TokenCounts) -> PricedUsage:
    """Price each class of some counts."""
    by_class: dict[TokenClass, Decimal] = {}
    chosen: dict[TokenClass, Candidate] = {}
    unpriced: list[TokenClass] = []
    for token_class, tokens in counts.by_class().items():
        if tokens == 0:
            continue
        found = candidates(book, usage, token_class)
        if not found:
            unpriced.append(token_class)
            continue
        chosen[token_class] = found[0]
        by_class[token_class] = cost(tokens, found[0].price.price_per_1m_tokens)
    return PricedUsage(by_class, chosen, tuple(unpriced))


def _band(prices: Iterable[Price], input_tokens: int | None) -> int:
    """The greatest step of the model's prices that a request reaches; 0 where it reaches none or nobody knows."""
    steps = (price.min_input_tokens for price in prices if input_tokens is not None)
    return max((step for step in steps if step <= (input_tokens or 0)), default=0)


def _holds(price: Price, usage: Usage, band: int) -> bool:
    if usage.deployment_type == "provisioned" and price.deployment_type != "provisioned":
        return False
    region = price.region_id is None or (
        price.is_typical_region if usage.region_id is None else price.region_id == usage.region_id
    )
    deployment = price.deployment_type is None or (
        price.deployment_type != "provisioned"
        if usage.deployment_type is None
        else price.deployment_type == usage.deployment_type
    )
    release = price.model_release is None or usage.model_release in (None, price.model_release)
    return (
        price.service_tier == usage.service_tier
        and price.valid_from <= usage.day < price.valid_to
        and price.min_input_tokens <= band
        and (price.max_input_tokens is None or band <= price.max_input_tokens)
        and region
        and deployment
        and release
    )


def _order(price: Price, usage: Usage, *, is_fallback: bool) -> tuple[object, ...]:
    """Within a list: own class, the request's band, how exactly it is meant, then the newest."""
    pairs = (
        (price.region_id, usage.region_id),
        (price.deployment_type, usage.deployment_type),
        (price.model_release, usage.model_release),
    )
    exact = sum(1 for said, known in pairs if said is not None and known is not None)
    said_too_much = sum(1 for said, known in pairs if said is not None and known is None)
    newest_release = tuple(-ord(letter) for letter in price.model_release or "")
    return (
        is_fallback,
        -price.min_input_tokens,
        -exact,
        said_too_much,
        -price.weight,
        _DEPLOYMENT_ORDER.get(price.deployment_type, 0),
        -price.valid_from.toordinal(),
        newest_release,
        price.price_per_1m_tokens,
        price.price_id,
    )
