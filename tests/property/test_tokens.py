"""Token classes: disjoint, and nothing lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finops.tokens import (
    INPUT_CLASSES,
    OUTPUT_CLASSES,
    TokenClass,
    TokenCountError,
    TokenCounts,
    from_exclusive_input,
    from_inclusive_input,
)

COUNT = st.integers(0, 10**12)


@pytest.mark.ids("COST-2", "UNIT-2")
@given(uncached=COUNT, cached=COUNT, written=COUNT, output=COUNT, reasoning=COUNT)
def test_inclusive_counts_lose_and_double_nothing(
    uncached: int, cached: int, written: int, output: int, reasoning: int
) -> None:
    counts = from_inclusive_input(
        input_tokens=uncached + cached + written,
        cached_tokens=cached,
        cache_write_tokens=written,
        output_tokens=output + reasoning,
        reasoning_tokens=reasoning,
    )
    assert counts == TokenCounts(
        input_uncached=uncached, cache_read=cached, cache_write_5m=written, output=output, reasoning=reasoning
    )
    by_class = counts.by_class()
    assert sum(by_class[name] for name in INPUT_CLASSES) == uncached + cached + written
    assert sum(by_class[name] for name in OUTPUT_CLASSES) == output + reasoning
    assert counts.total == sum(by_class.values())


@pytest.mark.ids("COST-2")
@given(uncached=COUNT, cached=COUNT, short=COUNT, long=COUNT, output=COUNT)
def test_both_ways_of_counting_the_same_request_agree(
    uncached: int, cached: int, short: int, long: int, output: int
) -> None:
    exclusive = from_exclusive_input(
        input_tokens=uncached,
        cache_read_tokens=cached,
        cache_write_5m_tokens=short,
        cache_write_1h_tokens=long,
        output_tokens=output,
    )
    assert exclusive.total == uncached + cached + short + long + output
    if long == 0:
        assert exclusive == from_inclusive_input(
            input_tokens=uncached + cached + short,
            cached_tokens=cached,
            cache_write_tokens=short,
            output_tokens=output,
        )


@pytest.mark.ids("COST-2")
def test_every_class_is_either_input_or_output() -> None:
    assert set(INPUT_CLASSES) | set(OUTPUT_CLASSES) == set(TokenClass)
    assert not set(INPUT_CLASSES) & set(OUTPUT_CLASSES)
    assert set(TokenCounts().by_class()) == set(TokenClass)


@pytest.mark.ids("COST-2", "ING-10")
@given(total=st.integers(0, 10**9), extra=st.integers(1, 10**9))
def test_a_part_larger_than_its_whole_is_refused(total: int, extra: int) -> None:
    with pytest.raises(TokenCountError, match="is this provider's input count exclusive"):
        from_inclusive_input(input_tokens=total, cached_tokens=total + extra, output_tokens=0)
    with pytest.raises(TokenCountError, match="reasoning tokens exceed"):
        from_inclusive_input(input_tokens=0, output_tokens=total, reasoning_tokens=total + extra)


@pytest.mark.ids("COST-2", "ING-10")
def test_negative_counts_are_refused() -> None:
    with pytest.raises(TokenCountError, match="output is -1; token counts are never negative"):
        from_exclusive_input(input_tokens=1, output_tokens=-1)
