"""What a forecast does not know of exchange rates, in words.

Here: rates behind a bill whose prices are set in another currency: through when they are known, how far they may go.
Not here: estimating that (models), converting amounts for reports (conversion).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import pandas as pd

from reports import formatting as f


@dataclass(frozen=True)
class UnknownRate:
    """The rate of a currency pair on the last day forecast, where that is not known yet.

    ``rate`` is units of ``currency`` for one of ``pricing_currency``; ``lower`` and ``upper`` are the ends of its 80%
    interval. ``first_day`` is the first whose rate is not known.
    """

    currency: str
    pricing_currency: str
    first_day: date
    last_day: date
    rate: Decimal
    lower: Decimal
    upper: Decimal
    is_monthly: bool

    @property
    def words(self) -> str:
        """Two sentences for below a forecast."""
        if not self.is_monthly:
            unknown = f"the rates from {f.short_day(self.first_day)} on are"
        elif (self.first_day.year, self.first_day.month) == (self.last_day.year, self.last_day.month):
            unknown = f"the rate of {f.month(self.last_day)} is"
        else:
            unknown = f"the rates from {f.month(self.first_day)} to {f.month(self.last_day)} are"
        below, above = 1 - self.lower / self.rate, self.upper / self.rate - 1
        return (
            f"Prices behind the {self.currency} bill are set in {self.pricing_currency}, and {unknown} not known yet: "
            f"expected to stay {self.rate.normalize():f} {self.currency} for 1 {self.pricing_currency}, "
            f"± {f.percent(max(below, above), 1)} by {f.short_day(self.last_day)} (80%). The intervals allow for it."
        )


def unknown_rates(rates: pd.DataFrame) -> list[UnknownRate]:
    """Pairs with a rate that is not known, from ``fct_forecast_exchange_rate``."""
    found = []
    for (currency, pricing), rows in rates[~rates["is_known"]].groupby(["currency", "pricing_currency"], sort=True):
        days = rows.sort_values("rate_date")
        last = days.iloc[-1]
        found.append(
            UnknownRate(
                currency=str(currency),
                pricing_currency=str(pricing),
                first_day=days["rate_date"].iloc[0].date(),
                last_day=last["rate_date"].date(),
                rate=last["expected_rate"],
                lower=last["lower_rate"],
                upper=last["upper_rate"],
                is_monthly=bool(last["is_monthly"]),
            )
        )
    return found
