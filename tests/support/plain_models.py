"""Missed caching, and models against each other, in plain Python: from the rows of a lake, with no code of the product.

Here: what the documentation says, over spans and outcomes as they were landed.
Not here: anything that the product calculates with; an error there must not be repeated here.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

MILLION = Decimal(1_000_000)
CLASSES = ("input_uncached", "cache_read", "cache_write_5m", "output", "reasoning")
Call = Mapping[str, Any]
Price = Callable[[str, date, str, int], Decimal | None]
"""(model, day, token class, input tokens of the request) → price of 1M tokens; None where no list has one."""


def tokens_of(call: Call) -> dict[str, int]:
    """Token class → tokens of a span whose input count has the cached ones in it."""
    read, written = call["cache_read_tokens"], call["cache_write_tokens"]
    counts = (
        call["input_tokens"] - read - written, read, written, call["output_tokens"] - call["reasoning_tokens"],
        call["reasoning_tokens"],
    )  # fmt: skip
    return dict(zip(CLASSES, counts, strict=True))


def middle(values: Sequence[Decimal], hundredths: int) -> Decimal:
    """The smallest value that so many of a hundred do not exceed."""
    ordered = sorted(values)
    return next(value for place, value in enumerate(ordered, 1) if place * 100 >= hundredths * len(ordered))


def six_digits(value: float) -> Decimal:
    return Decimal(value).quantize(Decimal("0.000001"), ROUND_HALF_UP)


# ── missed by caching ─────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Missed:
    """One day, app, feature and model."""

    basis: str = "unknown"
    peers: int | None = None
    tokens: int | None = None
    cost: Decimal | None = None
    low: Decimal | None = None
    high: Decimal | None = None


def missed_by_caching(calls: Iterable[Call], price: Price, least_size: int) -> dict[tuple[Any, ...], Missed]:
    """(day, app, feature, model) → what was missed. All prices hold for requests of any size."""
    hours: dict[tuple[Any, ...], list[Call]] = defaultdict(list)
    for call in calls:
        at = call["start_at"]
        hours[at.date(), at.hour, call["app"], call["feature"], call["response_model"]].append(call)
    months: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    daily: dict[tuple[Any, ...], list[int]] = defaultdict(lambda: [0, 0])
    told: dict[tuple[Any, ...], list[int]] = defaultdict(lambda: [0, 0])
    found: dict[tuple[Any, ...], Missed] = {}
    for (day, _, app, feature, model), group in hours.items():
        key = (day, app, feature, model)
        found.setdefault(key, Missed())
        if price(model, day, "cache_read", 0) is None:
            continue
        for call in group:
            if call.get("repeated_prefix_tokens") is None:
                continue
            split = tokens_of(call)
            cached = split["cache_read"] + split["cache_write_5m"]
            repeated = min(call["repeated_prefix_tokens"], call["input_tokens"])
            enough = call["input_tokens"] >= least_size
            missed = max(min(repeated - cached, split["input_uncached"]), 0) if enough else 0
            told[key][0] += missed
            told[key][1] += split["input_uncached"] - missed if missed else 0
        if sum(call["input_tokens"] for call in group) >= least_size * len(group):
            sums = [sum(tokens_of(call)[name] for call in group) for name in CLASSES[:3]]
            month = months[model, app]
            for place, value in enumerate((len(group), sum(sums), sums[1], sums[2])):
                month[place] += value
            daily[key][0] += sum(sums)
            daily[key][1] += sums[0]
    shares = {
        key: (requests, six_digits(read / given), six_digits(written / given))
        for key, (requests, given, read, written) in months.items()
    }
    for (day, app, feature, model), missed in found.items():
        key = (day, app, feature, model)
        fresh, read, written = (price(model, day, name, 0) for name in CLASSES[:3])
        if fresh is None or read is None:
            continue
        more_dear = max((written or fresh) - fresh, Decimal(0))

        def worth(tokens: int, rest: int, saves: Decimal = fresh - read, costs: Decimal = more_dear) -> Decimal:
            return max((tokens * saves - rest * costs) / MILLION, Decimal(0))

        if key in told:
            tokens, rest = told[key]
            missed.basis, missed.tokens = "measured", tokens
            missed.cost = missed.low = missed.high = worth(tokens, rest)
            continue
        peers = [s for (m, a), s in shares.items() if m == model and a != app and s[0] >= 20]
        if len(peers) < 2 or key not in daily:
            continue
        _, own_read, own_written = shares[model, app]
        given, fresh_tokens = daily[key]
        more_written = int(given * max(middle([w for _, _, w in peers], 50) - own_written, Decimal(0)))
        amounts = {}
        for hundredths in (25, 50, 75):
            gap = max(middle([r for _, r, _ in peers], hundredths) - own_read, Decimal(0))
            tokens = min(int(given * gap), fresh_tokens)
            amounts[hundredths] = (tokens, worth(tokens, min(more_written, fresh_tokens - tokens)))
        missed.basis, missed.peers, missed.tokens = "peers", len(peers), amounts[50][0]
        missed.low, missed.cost, missed.high = (amounts[share][1] for share in (25, 50, 75))
    return found


# ── models against each other ─────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Variant:
    """One model of an app in a month; the month's scores are (answers, mean)."""

    requests: int
    cost: Decimal | None
    durations: list[int]
    scored: Decimal
    quality: float
    low: float
    high: float
    route_to: str | None = None
    saves: Decimal | None = None
    is_on_frontier: bool | None = None

    @property
    def p95(self) -> int | None:
        return int(middle([Decimal(ms) for ms in self.durations], 95)) if self.durations else None

    @property
    def each(self) -> Decimal | None:
        return None if self.cost is None else self.cost / self.requests


def wilson(mean: float, n: float) -> tuple[float, float]:
    """95% interval of a share, as the textbook has it."""
    z = 1.959963984540054
    middle_, reach = mean + z * z / (2 * n), z * math.sqrt(mean * (1 - mean) / n + z * z / (4 * n * n))
    return (middle_ - reach) / (1 + z * z / n), (middle_ + reach) / (1 + z * z / n)


def tradeoff(
    calls: Iterable[Call], outcomes: Iterable[Mapping[str, Any]], price: Price, tolerance: float
) -> dict[tuple[str, str], Variant]:
    """(app, model) → variant, of one month."""
    scores: dict[tuple[str, str], list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0)])
    for row in outcomes:
        if row.get("quality_score") is not None:
            scores[row["app"], row["model"]][0] += row["quantity"]
            scores[row["app"], row["model"]][1] += row["quantity"] * row["quality_score"]
    own: dict[tuple[str, str], list[Call]] = defaultdict(list)
    for call in calls:
        if (call["app"], call["response_model"]) in scores:
            own[call["app"], call["response_model"]].append(call)

    def cost(made: Iterable[Call], model: str) -> Decimal | None:
        total = Decimal(0)
        for call in made:
            for name, tokens in tokens_of(call).items():
                per_million = price(model, call["start_at"].date(), name, call["input_tokens"])
                if tokens and per_million is None:
                    return None
                total += tokens * (per_million or 0) / MILLION
        return total

    found = {}
    for (app, model), made in own.items():
        answers, good = scores[app, model]
        quality = float(good) / float(answers)
        durations = [
            (call["end_at"] - call["start_at"]) // timedelta(milliseconds=1)
            for call in made
            if not call.get("error_type")
        ]
        found[app, model] = Variant(
            len(made), cost(made, model), durations, answers, quality, *wilson(quality, float(answers))
        )
    for (app, model), variant in found.items():
        if variant.cost is None or variant.each is None:
            continue
        others = {name: other for (a, name), other in found.items() if a == app and name != model}
        variant.is_on_frontier = not any(_beats(other, variant) for other in others.values())
        variant.saves = Decimal(0)
        for name, other in others.items():
            moved = cost(own[app, model], name)
            reach = math.hypot(other.quality - other.low, variant.high - variant.quality)
            if moved is None or other.quality - variant.quality - reach < -tolerance:
                continue
            if variant.cost - moved > variant.saves:
                variant.route_to, variant.saves = name, variant.cost - moved
    return found


def _beats(other: Variant, variant: Variant) -> bool:
    if other.each is None or variant.each is None:
        return False
    pairs = [(-other.each, -variant.each), (Decimal(other.quality), Decimal(variant.quality))]
    if other.p95 is not None and variant.p95 is not None:
        pairs.append((Decimal(-other.p95), Decimal(-variant.p95)))
    return all(a >= b for a, b in pairs) and any(a > b for a, b in pairs)
