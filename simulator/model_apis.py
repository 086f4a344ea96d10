"""What the organisation buys from OpenAI and Anthropic directly: who, how much, at what price, and what was planted.

Here: workloads, their tokens by hour, what a day of them costs.
Not here: the vendors' wire formats (``simulator.server.model_apis``).

Nothing is written to disk: an hour follows from the parameters alone, so the server makes it when it is asked. Prices
are list prices and agree with ``config/prices.yml``; on most days the bill is tokens times price to the last digit.
Where it is not, ``model_api_truths`` says so.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Literal

import numpy as np

from finops.periods import days
from simulator import organisation as org
from simulator import shapes
from simulator.randomness import stable_uuid, stream
from simulator.usage import day_end_second, day_level

Vendor = Literal["openai", "anthropic"]

BLANK_DAY = date(2026, 9, 6)
"""OpenAI was not used at all: reports answer a row of zeros and nulls instead of no row."""
UNREPORTED_DAY = date(2026, 9, 29)
UNREPORTED_PROJECT = "documents-translation"
FREE_DAY = date(2026, 10, 8)
FREE_PROJECT = "data-science-lab"
PRIORITY_SINCE = date(2026, 8, 1)
SETTLING_PROJECT = "documents-translation"
SETTLED_SHARE = (3, 5)
"""Part of the newest billed day that is billed when it first appears; a day later all of it is."""

PRICES: dict[str, dict[str, Decimal]] = {
    model: {name: Decimal(price) for name, price in prices.items()}
    for model, prices in {
        "gpt-5.2": {"input_uncached": "1.75", "cache_read": "0.175", "output": "14"},
        "gpt-4o": {"input_uncached": "2.5", "cache_read": "1.25", "output": "10"},
        "gpt-5-mini": {"input_uncached": "0.25", "cache_read": "0.025", "output": "2"},
        "gpt-audio": {"input_uncached": "2.5", "output": "10", "input_audio": "32", "output_audio": "64"},
        "text-embedding-3-small": {"input_uncached": "0.02"},
        "claude-sonnet-4-5": {"input_uncached": "3", "cache_read": "0.3", "cache_write_5m": "3.75",
                              "cache_write_1h": "6", "output": "15"},
        "claude-opus-4-5": {"input_uncached": "5", "cache_read": "0.5", "cache_write_5m": "6.25",
                            "cache_write_1h": "10", "output": "25"},
        "claude-haiku-4-5": {"input_uncached": "1", "cache_read": "0.1", "cache_write_5m": "1.25",
                             "cache_write_1h": "2", "output": "5"},
    }.items()
}  # fmt: skip
"""USD per 1M tokens of a class."""
BATCH_FACTOR = Decimal("0.5")
WEB_SEARCH_PRICE = Decimal("0.01")
VECTOR_STORAGE_BYTES = 4_000_000_000
VECTOR_STORAGE_PRICE = Decimal("0.4")
"""A day of the vector store, USD."""


@dataclass(frozen=True)
class Workload:
    """Calls of one app with one key and model. ``shares`` are classes' parts of all input; what they leave is uncached
    input. ``project`` None is Anthropic's default workspace, ``key`` None its console."""

    vendor: Vendor
    project: str | None
    key: str | None
    model: str
    release: str
    daily_cost_usd: float
    output_per_input: float
    shares: dict[str, float] = field(default_factory=dict, hash=False)
    tokens_per_request: int = 8_000
    tier: str = "standard"
    endpoint: str = "completions"
    profile: str = "office"
    growth_per_year: float = 0.5
    audio_output_per_input: float = 0.0

    @property
    def name(self) -> str:
        return f"{self.vendor}/{self.project}/{self.key}/{self.model}/{self.tier}"

    @property
    def reported_model(self) -> str:
        return f"{self.model}{self.release}"


WORKLOADS: tuple[Workload, ...] = (
    Workload("openai", "data-science-lab", "experiment-hub-prod", "gpt-5.2", "-2025-12-11", 11, 0.11,
             {"cache_read": 0.30}, 14_000),
    Workload("openai", "documents-translation", "doc-translate-prod", "gpt-4o", "-2024-08-06", 8, 0.22,
             {"cache_read": 0.35}, 6_000),
    Workload("openai", "documents-translation", "doc-translate-index", "text-embedding-3-small", "", 1, 0.0,
             tokens_per_request=9_000, endpoint="embeddings", profile="steady"),
    Workload("openai", "fraud-experiments", "claims-screening-test", "gpt-5-mini", "-2025-08-07", 4, 0.12,
             {"cache_read": 0.40}, 7_000),
    Workload("openai", "support-voice", "voice-summaries-prod", "gpt-audio", "-2025-08-28", 4, 0.08,
             {"input_audio": 0.45}, 2_500, audio_output_per_input=0.05),
    Workload("openai", "data-science-batch", "demand-forecast-batch", "gpt-5-mini", "-2025-08-07", 2, 0.15,
             tokens_per_request=20_000, tier="batch", profile="steady"),
    Workload("anthropic", "code-assistants", "developer-tools", "claude-sonnet-4-5", "-20250929", 16, 0.03,
             {"cache_read": 0.72, "cache_write_5m": 0.12}, 30_000),
    Workload("anthropic", "contract-analysis", "contract-review-prod", "claude-opus-4-5", "-20251101", 10, 0.06,
             {"cache_read": 0.45, "cache_write_1h": 0.15}, 40_000),
    Workload("anthropic", "research", "experiment-hub-research", "claude-haiku-4-5", "-20251001", 6, 0.15,
             {"cache_read": 0.20, "cache_write_5m": 0.05}, 9_000),
    Workload("anthropic", "research-batch", "demand-forecast-batch", "claude-sonnet-4-5", "-20250929", 4, 0.2,
             tokens_per_request=12_000, tier="batch", profile="steady"),
    Workload("anthropic", "claims", "claims-screening-prod", "claude-sonnet-4-5", "-20250929", 5, 0.1,
             {"cache_read": 0.30, "cache_write_5m": 0.05}, 11_000, tier="priority"),
    Workload("anthropic", None, None, "claude-sonnet-4-5", "-20250929", 1.5, 0.3, tokens_per_request=3_000),
)  # fmt: skip
WEB_SEARCHES_PER_DAY = 30
WEB_SEARCHING = "code-assistants"


@dataclass(frozen=True)
class Line:
    """One line of a day's bill. ``token_class`` None for what is not tokens; ``quantity`` tokens, searches or None."""

    workload: Workload | None
    project: str | None
    token_class: str | None
    what: str
    quantity: int
    amount: Decimal


def item_id(prefix: str, name: str) -> str:
    """An id in the vendor's form that is the same for the same name."""
    return f"{prefix}{stable_uuid('model-api', prefix, name).replace('-', '')[:24]}"


@lru_cache(maxsize=8192)
def hourly_tokens(parameters: org.Parameters, workload: Workload, day: date) -> dict[str, shapes.Integers]:
    """Tokens by class and ``requests``, 24 numbers each, as they were used; hours after ``as_of`` are empty."""
    if workload.tier == "priority" and day < PRIORITY_SINCE:
        return {}
    if workload.vendor == "openai" and day == BLANK_DAY:
        return {}
    rng = stream(parameters.seed, "model-api", workload.name, day)
    level = day_level(parameters.seed, workload.name, day, workload.growth_per_year, workload.profile == "office")
    rate = level * shapes.day_rates(workload.profile, day) * parameters.scale
    requests = rng.poisson(_requests_per_hour(workload) * rate)
    requests[-(-day_end_second(parameters, day) // 3600) :] = 0
    inputs = (requests * workload.tokens_per_request * np.exp(rng.normal(0, 0.05, 24))).astype(np.int64)
    tokens = {name: (inputs * share).astype(np.int64) for name, share in workload.shares.items()}
    tokens["input_uncached"] = inputs - sum(tokens.values(), np.zeros(24, dtype=np.int64))
    outputs = np.exp(rng.normal(0, 0.04, 24))
    tokens["output"] = (inputs * workload.output_per_input * outputs).astype(np.int64)
    tokens["output_audio"] = (inputs * workload.audio_output_per_input * outputs).astype(np.int64)
    return {**{name: values for name, values in tokens.items() if values.any()}, "requests": requests.astype(np.int64)}


def web_searches(parameters: org.Parameters, day: date) -> shapes.Integers:
    """Web searches of a day by hour."""
    rng = stream(parameters.seed, "model-api", "web-search", day)
    searches = rng.poisson(WEB_SEARCHES_PER_DAY / 24 * shapes.day_rates("office", day) * parameters.scale)
    searches[-(-day_end_second(parameters, day) // 3600) :] = 0
    return searches.astype(np.int64)


def is_reported(workload: Workload, day: date) -> bool:
    """Whether the usage report tells of it."""
    return not (day == UNREPORTED_DAY and workload.project == UNREPORTED_PROJECT)


@lru_cache(maxsize=2048)
def bill(parameters: org.Parameters, vendor: Vendor, day: date) -> tuple[Line, ...]:
    """A day's bill as it stands at ``as_of``; nothing before the day is billed, which is two days after it."""
    if not parameters.first_day <= day <= parameters.last_billed_day:
        return ()
    lines = []
    for workload in WORKLOADS:
        if workload.vendor != vendor or workload.tier == "priority":
            continue
        if day == FREE_DAY and workload.project == FREE_PROJECT:
            continue
        for name, values in hourly_tokens(parameters, workload, day).items():
            quantity = int(values.sum())
            if name == "requests" or not quantity:
                continue
            if day == parameters.last_billed_day and workload.project == SETTLING_PROJECT:
                quantity = quantity * SETTLED_SHARE[0] // SETTLED_SHARE[1]
            amount = token_cost(workload, name, quantity)
            lines.append(Line(workload, workload.project, name, name, quantity, amount))
    if vendor == "openai" and day != BLANK_DAY:
        scaled = VECTOR_STORAGE_PRICE * Decimal(str(parameters.scale))
        lines.append(Line(None, SETTLING_PROJECT, None, "vector storage", VECTOR_STORAGE_BYTES, scaled))
    if vendor == "anthropic":
        searches = int(web_searches(parameters, day).sum())
        if searches:
            lines.append(Line(None, WEB_SEARCHING, None, "web search", searches, WEB_SEARCH_PRICE * searches))
    return tuple(lines)


def token_cost(workload: Workload, token_class: str, tokens: int) -> Decimal:
    """List price of tokens, USD, exact."""
    factor = BATCH_FACTOR if workload.tier == "batch" else Decimal(1)
    return PRICES[workload.model][token_class] * factor * tokens / 1_000_000


def list_cost(parameters: org.Parameters, workload: Workload, day: date) -> Decimal:
    """What a day of a workload costs at list price, billed or not."""
    tokens = hourly_tokens(parameters, workload, day)
    return sum(
        (token_cost(workload, name, int(values.sum())) for name, values in tokens.items() if name != "requests"),
        Decimal(0),
    )


def billed_total(parameters: org.Parameters, vendor: Vendor) -> Decimal:
    """Everything that a vendor bills, USD."""
    first, end = parameters.first_day, parameters.last_billed_day + timedelta(days=1)
    return sum((line.amount for day in days(first, end) for line in bill(parameters, vendor, day)), Decimal(0))


def _requests_per_hour(workload: Workload) -> float:
    """Requests an hour that cost ``daily_cost_usd`` a day."""
    prices = {name: float(price) for name, price in PRICES[workload.model].items()}
    uncached = 1 - sum(workload.shares.values())
    per_input = uncached * prices["input_uncached"] + workload.output_per_input * prices.get("output", 0.0)
    per_input += workload.audio_output_per_input * prices.get("output_audio", 0.0)
    per_input += sum(share * prices[name] for name, share in workload.shares.items())
    if workload.tier == "batch":
        per_input *= float(BATCH_FACTOR)
    return workload.daily_cost_usd * 1e6 / per_input / workload.tokens_per_request / 24
