"""No moment of an API source is lost, and none is asked for ever again."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finops.periods import BillingPeriod
from ingestion.windows import Window, floor, windows_of_periods, windows_to_ask

pytestmark = pytest.mark.ids("ING-10", "ING-2", "ING-5")
ORIGIN = datetime(2026, 1, 1, tzinfo=UTC)
HOURS = 200


def _window(first: int, length: int) -> Window:
    return Window(ORIGIN + timedelta(hours=first), ORIGIN + timedelta(hours=first + length))


windows = st.builds(_window, st.integers(-20, HOURS), st.integers(1, 60))


def _hours(found: list[Window]) -> list[int]:
    return [
        hour
        for window in found
        for hour in range(
            int((window.start - ORIGIN).total_seconds() // 3600), int((window.end - ORIGIN).total_seconds() // 3600)
        )
    ]


@given(st.lists(windows, max_size=8), st.integers(1, HOURS), st.integers(0, 48), st.integers(1, 50))
def test_every_hour_is_asked_once_and_late_ones_again(
    landed: list[Window], end_hour: int, again: int, longest: int
) -> None:
    end = ORIGIN + timedelta(hours=end_hour)
    asked = windows_to_ask(
        landed, start=ORIGIN, end=end, ask_again=timedelta(hours=again), longest=timedelta(hours=longest)
    )
    hours = _hours(asked)
    assert len(hours) == len(set(hours))
    assert all(0 <= hour < end_hour for hour in hours)
    assert all(window.end - window.start <= timedelta(hours=longest) for window in asked)
    assert set(hours) | set(_hours(landed)) >= set(range(end_hour))
    if asked and landed:
        newest = int((max(window.end for window in landed) - ORIGIN).total_seconds() // 3600)
        assert set(range(max(newest - again, 0), end_hour)) <= set(hours)
    assert (
        windows_to_ask(
            [*landed, *asked], start=ORIGIN, end=end, ask_again=timedelta(hours=again), longest=timedelta(hours=longest)
        )
        == []
    )


def test_a_month_is_asked_as_far_as_it_is_over() -> None:
    start, end = datetime(2026, 1, 20, tzinfo=UTC), datetime(2026, 3, 10, tzinfo=UTC)
    months = [BillingPeriod(date(2026, month, 1)) for month in (1, 3, 5)]
    asked = windows_of_periods(months, start=start, end=end, longest=timedelta(days=31))
    assert asked == [Window(start, datetime(2026, 2, 1, tzinfo=UTC)), Window(datetime(2026, 3, 1, tzinfo=UTC), end)]


def test_only_whole_steps_are_asked() -> None:
    moment = datetime(2026, 10, 20, 6, 59, 59, tzinfo=UTC)
    assert floor(moment, timedelta(hours=1)) == datetime(2026, 10, 20, 6, tzinfo=UTC)
    assert floor(moment, timedelta(minutes=5)) == datetime(2026, 10, 20, 6, 55, tzinfo=UTC)
