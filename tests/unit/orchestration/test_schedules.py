"""The daily billing schedule restates what Azure may still restate, and no more."""

from datetime import UTC, datetime

import dagster as dg
import pytest

from orchestration.schedules import daily_billing_schedule


def months_requested(moment: datetime) -> list[str]:
    context = dg.build_schedule_context(scheduled_execution_time=moment)
    return [request.partition_key for request in daily_billing_schedule(context)]


@pytest.mark.ids("OPS-1", "ING-10")
@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        (datetime(2026, 10, 20, 6, 30, tzinfo=UTC), ["2026-10-01"]),
        (datetime(2026, 11, 5, 6, 30, tzinfo=UTC), ["2026-10-01", "2026-11-01"]),
        (datetime(2026, 11, 6, 6, 30, tzinfo=UTC), ["2026-11-01"]),
        (datetime(2027, 1, 1, 6, 30, tzinfo=UTC), ["2026-12-01", "2027-01-01"]),
    ],
)
def test_the_closing_month_is_landed_again_until_the_fifth(moment: datetime, expected: list[str]) -> None:
    assert months_requested(moment) == expected


@pytest.mark.ids("OPS-1")
def test_a_tick_asks_once_per_day_and_month() -> None:
    context = dg.build_schedule_context(scheduled_execution_time=datetime(2026, 11, 3, 6, 30, tzinfo=UTC))
    keys = [request.run_key for request in daily_billing_schedule(context)]
    assert keys == ["2026-11-03/2026-10", "2026-11-03/2026-11"]
