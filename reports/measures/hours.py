"""The next two days of usage, hour by hour.

Here: what each scope's next hours are expected to take, and its hours as known and as expected.
Not here: forecasting (models), months and quarters (forecasts).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import pandas as pd

DAY_HOURS = 24
SHOWN_BEFORE_HOURS = 48


@dataclass(frozen=True)
class ScopeHours:
    """Cost at list price, in ``currency``, of the 24 and 48 hours ahead; tokens and requests of the first 24.

    The busiest of the 24 hours has its 80% interval. Sums have none: bad hours do not all come together.
    """

    scope_value: str
    currency: str
    next_day: Decimal
    two_days: Decimal
    tokens: float
    requests: float
    busiest_hour: datetime
    busiest: Decimal
    busiest_lower: Decimal
    busiest_upper: Decimal


def scope_hours(hours: pd.DataFrame, level: str) -> list[ScopeHours]:
    """Scopes of a level of ``fct_usage_forecast_hourly``, the dearest first."""
    ahead = hours[hours["is_future"] & hours["expected_cost"].notna() & (hours["scope_type"] == level)]
    found = []
    for (value, currency), rows in ahead.sort_values("usage_hour").groupby(["scope_value", "currency"], sort=True):
        day = rows.head(DAY_HOURS)
        busiest = max(day.to_dict("records"), key=lambda row: row["expected_cost"])
        found.append(
            ScopeHours(
                scope_value=str(value),
                currency=str(currency),
                next_day=sum(day["expected_cost"], Decimal(0)),
                two_days=sum(rows["expected_cost"], Decimal(0)),
                tokens=float(day["expected_tokens"].sum()),
                requests=float(day["expected_requests"].sum()),
                busiest_hour=busiest["usage_hour"].to_pydatetime(),
                busiest=busiest["expected_cost"],
                busiest_lower=busiest["lower_cost"],
                busiest_upper=busiest["upper_cost"],
            )
        )
    return sorted(found, key=lambda one: (one.currency, -one.next_day, one.scope_value))


def hours_of(hours: pd.DataFrame, scope_type: str = "company", scope_value: str = "all") -> pd.DataFrame:
    """A scope's hours from two days before the newest known one on, oldest first; one currency's."""
    rows = hours[(hours["scope_type"] == scope_type) & (hours["scope_value"] == scope_value)].sort_values("usage_hour")
    known = rows.loc[rows["actual_cost"].notna(), "usage_hour"].max()
    if pd.isna(known):
        return rows.iloc[:0]
    return rows[rows["usage_hour"] > known - pd.Timedelta(hours=SHOWN_BEFORE_HOURS)].reset_index(drop=True)
