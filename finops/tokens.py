"""Disjoint token classes.

Here: turning every provider's token counts into classes that never overlap, so that each token is priced once.
Not here: prices.

Why: providers count differently. OpenAI's and Azure's ``input_tokens`` include the cached ones; Anthropic's do not.
Reasoning tokens are inside the output count at OpenAI and Azure. Pricing cached tokens as full input, or twice, is the
most common error of cost tools.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum


class TokenClass(StrEnum):
    """Each token of a request belongs to exactly one class."""

    INPUT_UNCACHED = "input_uncached"
    CACHE_READ = "cache_read"
    CACHE_WRITE_5M = "cache_write_5m"
    CACHE_WRITE_1H = "cache_write_1h"
    OUTPUT = "output"
    REASONING = "reasoning"
    INPUT_AUDIO = "input_audio"
    CACHE_READ_AUDIO = "cache_read_audio"
    OUTPUT_AUDIO = "output_audio"
    INPUT_IMAGE = "input_image"
    OUTPUT_IMAGE = "output_image"


TEXT_INPUT_CLASSES = (
    TokenClass.INPUT_UNCACHED,
    TokenClass.CACHE_READ,
    TokenClass.CACHE_WRITE_5M,
    TokenClass.CACHE_WRITE_1H,
)
INPUT_CLASSES = (*TEXT_INPUT_CLASSES, TokenClass.INPUT_AUDIO, TokenClass.CACHE_READ_AUDIO, TokenClass.INPUT_IMAGE)
OUTPUT_CLASSES = (TokenClass.OUTPUT, TokenClass.REASONING, TokenClass.OUTPUT_AUDIO, TokenClass.OUTPUT_IMAGE)


class TokenCountError(ValueError):
    """Counts that contradict each other, such as more cached tokens than input tokens."""


@dataclass(frozen=True)
class TokenCounts:
    """Tokens of one request (or a sum of requests) by disjoint class."""

    input_uncached: int = 0
    cache_read: int = 0
    cache_write_5m: int = 0
    cache_write_1h: int = 0
    output: int = 0
    reasoning: int = 0
    input_audio: int = 0
    cache_read_audio: int = 0
    output_audio: int = 0
    input_image: int = 0
    output_image: int = 0

    def __post_init__(self) -> None:
        for name, count in asdict(self).items():
            if count < 0:
                raise TokenCountError(f"{name} is {count}; token counts are never negative")

    @property
    def total(self) -> int:
        return sum(asdict(self).values())

    def by_class(self) -> dict[TokenClass, int]:
        return {TokenClass(name): count for name, count in asdict(self).items()}


def from_inclusive_input(
    *,
    input_tokens: int,
    output_tokens: int,
    cached_tokens: int = 0,
    cache_write_tokens: int = 0,
    reasoning_tokens: int = 0,
) -> TokenCounts:
    """Counts as OpenAI and Azure OpenAI report them, and as the OpenTelemetry GenAI conventions define them.

    ``input_tokens`` includes cached and cache-writing tokens, ``output_tokens`` includes reasoning tokens.

    Raises:
        TokenCountError: a part is larger than the whole that should include it.
    """
    if cached_tokens + cache_write_tokens > input_tokens:
        raise TokenCountError(
            f"{cached_tokens} cached + {cache_write_tokens} cache-writing tokens exceed {input_tokens} input tokens, "
            "which should include them; is this provider's input count exclusive?"
        )
    if reasoning_tokens > output_tokens:
        raise TokenCountError(f"{reasoning_tokens} reasoning tokens exceed {output_tokens} output tokens")
    return TokenCounts(
        input_uncached=input_tokens - cached_tokens - cache_write_tokens,
        cache_read=cached_tokens,
        cache_write_5m=cache_write_tokens,
        output=output_tokens - reasoning_tokens,
        reasoning=reasoning_tokens,
    )


def from_exclusive_input(
    *,
    input_tokens: int,
    output_tokens: int,
    cache_read_tokens: int = 0,
    cache_write_5m_tokens: int = 0,
    cache_write_1h_tokens: int = 0,
) -> TokenCounts:
    """Counts as Anthropic reports them: ``input_tokens`` excludes what was read from or written to the cache."""
    return TokenCounts(
        input_uncached=input_tokens,
        cache_read=cache_read_tokens,
        cache_write_5m=cache_write_5m_tokens,
        cache_write_1h=cache_write_1h_tokens,
        output=output_tokens,
    )
