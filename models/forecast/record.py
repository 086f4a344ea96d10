"""Every forecast ever made, kept, and those that would have been made.

Here: adding a run's forecast to the record; which past months have none; making those from what is known today.
Not here: how good they were (dbt: ``fct_forecast_result_daily`` and what is made of it).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta

import pandas as pd

from finops.periods import BillingPeriod, as_utc
from models.forecast.run import ForecastResult
from models.series import dates, naive_utc
from models.tables import SCHEMAS, build_frame

BACKCAST_MONTHS = 2
"""Months before this one, and this one: several say more than one, and each costs as much as a forecast."""

BACKCAST_MINIMUM_DAYS = 90
"""Of history before a backcast: with less, the method would be judged on what it cannot know."""

BACKCAST_LEVELS = ("company", "business_unit", "team", "app")
"""Whose past months are judged: those who answer for money."""

MADE_IN_TIME_DAYS = 3
"""A forecast made this soon after a month began is that month's; one made later knew much of it."""

Forecaster = Callable[[pd.DataFrame, datetime], ForecastResult]
"""History and moment → forecast, with everything else as the run has it."""


def add_to_record(record: pd.DataFrame | None, forecast: pd.DataFrame, *, is_backcast: bool = False) -> pd.DataFrame:
    """The record with a forecast's future days in it; a forecast as of a moment that is there already replaces it.

    Args:
        record: the table ``ml.forecast_made``; None where nothing was kept yet.
        forecast: the table ``ml.forecast_daily`` of one moment.
    """
    columns = SCHEMAS["forecast_made"].names
    new = forecast[forecast["is_future"]].assign(is_backcast=is_backcast)[columns]
    if record is None or record.empty:
        return new.reset_index(drop=True)
    if new.empty:
        return record
    kept = record[~record["as_of"].isin(new["as_of"].unique())]
    return pd.concat([kept, new], ignore_index=True) if len(kept) else new.reset_index(drop=True)


def with_backcasts(
    record: pd.DataFrame | None, history: pd.DataFrame, *, as_of: datetime, forecaster: Forecaster
) -> pd.DataFrame:
    """The record, and for each of the last months that nothing was forecast for in time, what would have been.

    A backcast sees only days that a forecast of then would have seen, as late as the bill is today. It sees them as
    they are known today, restated since perhaps, which is why it is marked.

    Args:
        record: as for ``add_to_record``.
        history: as for ``forecast_costs``.
    """
    moment = as_utc(as_of)
    if history.empty:
        return build_frame("forecast_made", []) if record is None else record
    days = dates(history["usage_date"], "history")
    known = days[days < pd.Timestamp(moment.date())]
    if known.empty:
        return build_frame("forecast_made", []) if record is None else record
    late_days = (moment.date() - known.max().date()).days - 1
    for start in _months_before(moment.date()):
        if _made_in_time(record, start):
            continue
        through = start - timedelta(days=1 + late_days)
        if (through - known.min().date()).days < BACKCAST_MINIMUM_DAYS:
            continue
        seen = history[days <= pd.Timestamp(through)]
        made = forecaster(seen, datetime.combine(start, time(), UTC))
        record = add_to_record(record, made.forecast, is_backcast=True)
    return build_frame("forecast_made", []) if record is None else record


def _months_before(day: date) -> list[date]:
    """First days of the months judged, oldest first; this month's only once it is older than its first days."""
    period = BillingPeriod.containing(day)
    starts = [period.start] if (day - period.start).days > MADE_IN_TIME_DAYS else []
    for _ in range(BACKCAST_MONTHS):
        period = BillingPeriod.containing(period.start - timedelta(days=1))
        starts.append(period.start)
    return sorted(starts)


def _made_in_time(record: pd.DataFrame | None, start: date) -> bool:
    if record is None or record.empty:
        return False
    first = naive_utc(datetime.combine(start, time(), UTC))
    return bool(record["as_of"].between(first, first + timedelta(days=MADE_IN_TIME_DAYS)).any())
