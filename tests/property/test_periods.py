"""Days, months and fiscal years."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finops.periods import BillingPeriod, FiscalCalendar, as_utc, days

DATES = st.dates(date(1990, 1, 1), date(2100, 12, 31))


@pytest.mark.ids("BUD-1")
@given(day=DATES)
def test_every_day_is_in_exactly_one_period_and_periods_have_no_gaps(day: date) -> None:
    period = BillingPeriod.containing(day)
    assert period.start <= day < period.end
    assert day <= period.last_day
    assert period.next().start == period.end
    assert period.next().previous() == period
    assert len(list(days(period.start, period.end))) == period.days
    assert BillingPeriod.parse(str(period)) == BillingPeriod.parse(period.start.isoformat()) == period


@pytest.mark.ids("BUD-1")
@pytest.mark.parametrize(("month", "length"), [("2024-02", 29), ("2026-02", 28), ("2100-02", 28), ("2000-02", 29)])
def test_february(month: str, length: int) -> None:
    period = BillingPeriod.parse(month)
    assert period.days == length
    assert period.last_day.day == length


@pytest.mark.ids("BUD-1")
@given(day=DATES, offset=st.integers(-40, 80))
def test_elapsed_days_never_leave_the_period(day: date, offset: int) -> None:
    period = BillingPeriod.containing(day)
    elapsed = period.elapsed_days(period.start + timedelta(days=offset))
    assert elapsed == min(max(offset, 0), period.days)


@pytest.mark.ids("BUD-1")
def test_a_time_of_day_does_not_make_another_period() -> None:
    assert BillingPeriod.containing(datetime(2026, 10, 20, 6, tzinfo=UTC)) == BillingPeriod(date(2026, 10, 1))


@pytest.mark.ids("BUD-1")
@pytest.mark.parametrize("text", ["2026", "2026-13", "2026-10-05", "20261001", "2026-W40", "10/2026", ""])
def test_text_that_is_no_month_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a month; write it like 2026-10"):
        BillingPeriod.parse(text)


@pytest.mark.ids("BUD-1")
def test_a_period_starts_on_the_first() -> None:
    with pytest.raises(ValueError, match="not on 2026-10-02"):
        BillingPeriod(date(2026, 10, 2))


@pytest.mark.ids("BUD-1")
@given(day=DATES, first_month=st.integers(1, 12))
def test_fiscal_years_are_twelve_months_that_follow_each_other(day: date, first_month: int) -> None:
    fiscal = FiscalCalendar(first_month)
    month = BillingPeriod.containing(day)
    assert 1 <= fiscal.month(day) <= 12
    assert fiscal.quarter(day) == (fiscal.month(day) + 2) // 3
    following = month.next().start
    if fiscal.month(day) == 12:
        assert (fiscal.year(following), fiscal.month(following)) == (fiscal.year(day) + 1, 1)
    else:
        assert (fiscal.year(following), fiscal.month(following)) == (fiscal.year(day), fiscal.month(day) + 1)


@pytest.mark.ids("BUD-1")
def test_a_fiscal_year_carries_the_number_of_the_year_it_ends_in() -> None:
    july = FiscalCalendar(7)
    assert (july.year(date(2026, 6, 30)), july.quarter(date(2026, 6, 30))) == (2026, 4)
    assert (july.year(date(2026, 7, 1)), july.quarter(date(2026, 7, 1))) == (2027, 1)
    calendar_year = FiscalCalendar()
    assert (calendar_year.year(date(2026, 12, 31)), calendar_year.quarter(date(2026, 12, 31))) == (2026, 4)
    with pytest.raises(ValueError, match="first_month is 1 to 12, not 13"):
        FiscalCalendar(13)


@pytest.mark.ids("ING-10")
@given(moment=st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1)), hours=st.integers(-12, 14))  # noqa: DTZ001
def test_a_moment_keeps_its_instant_in_utc(moment: datetime, hours: int) -> None:
    aware = moment.replace(tzinfo=timezone(timedelta(hours=hours)))
    assert as_utc(aware) == aware
    assert as_utc(aware).utcoffset() == timedelta(0)


@pytest.mark.ids("ING-10")
def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="has no time zone; write it with Z or an offset"):
        as_utc(datetime(2026, 10, 20, 6))  # noqa: DTZ001
