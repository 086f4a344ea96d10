"""Forecasts of bills whose prices are set in another currency: steps of the rate are no usage, and not forgotten."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from finops.config.events import EventsFile
from finops.config.rates import ExchangeRate
from models.forecast import ForecastResult, ForecastSettings, Workers, forecast_costs
from models.forecast.rates import rates_of
from models.series import daily_series

pytestmark = [pytest.mark.ids("FCST-1"), pytest.mark.xdist_group("forecast")]

FIRST = date(2025, 9, 1)
BOUNDS = ["lower_95_cost", "lower_cost", "expected_cost", "upper_cost", "upper_95_cost"]
NAMES = ["usage_date", "scope_type", "scope_value", "currency"]
QUICK = ForecastSettings(prophet_minimum_days=10_000)
NORMAL_80 = 1.281552

Amounts = NDArray[np.float64]


def days_until(last: date) -> list[date]:
    return [FIRST + timedelta(days=number) for number in range((last - FIRST).days + 1)]


def usage(seed: int, days: Sequence[date], noise: float = 0.05, level: float = 100.0) -> Amounts:
    """Cost a day in the currency of the prices."""
    week = np.array([1.15 if one.weekday() < 5 else 0.7 for one in days])
    return level * week * np.random.default_rng(seed).lognormal(0, noise, len(days))


def monthly(seed: int, days: Sequence[date], start: float = 0.85, change: float = 0.015) -> Amounts:
    """A rate that is set anew each month."""
    months = [(one.year - FIRST.year) * 12 + one.month - FIRST.month for one in days]
    walk = np.cumsum(np.random.default_rng(seed).normal(0, change, max(months) + 1))
    return np.round(start * np.exp(walk - walk[0]), 4)[months]


def rows(
    values: Amounts, days: Sequence[date], currency: str, kind: str = "company", name: str = "all"
) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "usage_date": list(days), "scope_type": kind, "scope_value": name, "currency": currency,
            "cost": [Decimal(repr(round(float(value), 6))) for value in values],
        }
    )  # fmt: skip


def priced(history: pd.DataFrame, rate: Amounts, pricing: str = "USD") -> pd.DataFrame:
    """All of the history, as converted at the rate of each of its days."""
    of_day = dict(zip(sorted(history["usage_date"].unique()), (Decimal(repr(float(one))) for one in rate), strict=True))
    return history.assign(pricing_currency=pricing, exchange_rate=history["usage_date"].map(of_day))


def told(
    history: pd.DataFrame,
    through: date,
    parts: pd.DataFrame | None,
    rates: Sequence[ExchangeRate] = (),
    team_of_app: dict[str, str] | None = None,
) -> ForecastResult:
    """Forecast on the second morning after ``through``, as late as bills are."""
    seen = history[history["usage_date"] <= through]
    as_of = datetime.combine(through + timedelta(days=2), datetime.min.time(), UTC)
    return forecast_costs(
        seen, as_of=as_of, events=EventsFile(), workers=Workers(1), settings=QUICK, priced=parts, exchange_rates=rates,
        team_of_app=team_of_app,
    )  # fmt: skip


def ahead(result: ForecastResult, currency: str, kind: str = "company") -> pd.DataFrame:
    found = result.forecast
    found = found[found["is_future"] & (found["currency"] == currency) & (found["scope_type"] == kind)]
    return found.set_index("forecast_date")[BOUNDS].astype(float)


def treasury(currency: str, known: dict[date, float], base: str = "USD") -> list[ExchangeRate]:
    return [
        ExchangeRate(1, base, currency, day, Decimal(repr(rate)), True, "Group treasury") for day, rate in known.items()
    ]


THROUGH = date(2026, 8, 19)
DAYS = days_until(THROUGH)
COST, RATE = usage(1, DAYS), monthly(2, DAYS)


@pytest.fixture(scope="module")
def both() -> ForecastResult:
    """The same usage billed in USD, and in EUR at a rate of the month."""
    euro = rows(COST * RATE, DAYS, "EUR")
    return told(pd.concat([rows(COST, DAYS, "USD"), euro]), THROUGH, priced(euro, RATE))


def test_days_of_the_running_month_are_the_forecast_in_the_currency_of_prices_at_its_rate(both: ForecastResult) -> None:
    dollars, euros = ahead(both, "USD"), ahead(both, "EUR")
    of_month = [day for day in euros.index if day.month == THROUGH.month]
    assert len(of_month) == 12
    np.testing.assert_allclose(euros.loc[of_month], dollars.loc[of_month] * RATE[-1], rtol=1e-5)


def test_a_rate_that_is_not_known_is_expected_to_stay_and_widens_the_interval(both: ForecastResult) -> None:
    dollars, euros = ahead(both, "USD"), ahead(both, "EUR")
    later = [day for day in euros.index if day.month != THROUGH.month]
    assert len(later) == 30
    np.testing.assert_allclose(euros.loc[later, "expected_cost"], dollars.loc[later, "expected_cost"] * RATE[-1], 1e-5)
    rates = both.rate.set_index("rate_date")
    for bound, end in (("upper_cost", "upper_rate"), ("upper_95_cost", "upper_95_rate")):
        own = (dollars.loc[later, bound] - dollars.loc[later, "expected_cost"]) * RATE[-1]
        of_rate = float(np.log(float(rates.loc[later[0], end]) / RATE[-1])) * euros.loc[later, "expected_cost"]
        np.testing.assert_allclose(
            euros.loc[later, bound] - euros.loc[later, "expected_cost"], np.hypot(own, of_rate), rtol=1e-4
        )


def test_the_table_of_rates_says_what_is_known_and_how_far_the_rest_may_go(both: ForecastResult) -> None:
    rates = both.rate
    assert list(rates["rate_date"]) == [THROUGH + timedelta(days=number) for number in range(1, 43)]
    assert set(zip(rates["currency"], rates["pricing_currency"], strict=True)) == {("EUR", "USD")}
    assert rates["is_monthly"].all()
    of_month = rates["rate_date"].map(lambda day: day.month == THROUGH.month)
    assert (rates["is_known"] == of_month).all()
    known, unknown = rates[of_month], rates[~of_month]
    assert (known["lower_95_rate"] == known["upper_95_rate"]).all()
    assert set(rates["expected_rate"].astype(float)) == {RATE[-1]}
    # Twelve months' own changes of about 1.5%, with a little of what rates usually do.
    assert float(unknown["upper_rate"].iloc[0]) / RATE[-1] == pytest.approx(1.021, abs=0.006)


def test_drawn_futures_change_with_the_rate_of_a_month_together(both: ForecastResult) -> None:
    """Else a month's interval would be as narrow as if each of its days had a rate of its own."""

    def totals(currency: str, month: int) -> Amounts:
        paths = both.path[both.path["currency"] == currency]
        paths = paths[[day.month == month for day in paths["forecast_date"]]]
        return paths.groupby("path")["cost"].sum().astype(float).to_numpy()

    def width(values: Amounts) -> float:
        low, high = np.quantile(values, [0.1, 0.9])
        return float((high - low) / np.median(values))

    of_rate = float(np.log(float(both.rate["upper_rate"].iloc[-1]) / RATE[-1])) * 2
    assert width(totals("EUR", 8)) == pytest.approx(width(totals("USD", 8)), rel=0.1)
    assert width(totals("EUR", 9)) == pytest.approx(np.hypot(width(totals("USD", 9)), of_rate), rel=0.15)


def test_a_step_of_the_rate_is_expected_on_days_that_are_over() -> None:
    """Two percent more on the first of a month, and nothing else: a detector must not be told of usage."""
    rate = np.where([day < date(2026, 8, 1) for day in DAYS], 0.85, 0.867)
    euro = rows(np.full(len(DAYS), 100.0) * rate, DAYS, "EUR")
    found = told(euro, THROUGH, priced(euro, rate)).forecast
    over = found[~found["is_future"]].set_index("forecast_date")["expected_cost"].astype(float)
    assert over[date(2026, 7, 31)] == pytest.approx(85.0, rel=1e-4)
    assert over[date(2026, 8, 1)] == pytest.approx(86.7, rel=1e-4)


def test_a_configured_rate_is_known_before_the_bill_has_a_charge_of_its_month() -> None:
    through = date(2026, 7, 30)
    days = days_until(through)
    rate = monthly(2, days)
    euro = rows(usage(1, days, noise=0.01) * rate, days, "EUR")
    as_billed = {day: float(one) for day, one in zip(days, rate, strict=True) if day.day == 1}
    own = treasury("EUR", {**as_billed, date(2026, 8, 1): 0.9, date(2026, 9, 1): 2.0})
    unknown, known = told(euro, through, priced(euro, rate)), told(euro, through, priced(euro, rate), own)

    def of(result: ForecastResult, day: date) -> dict[str, float]:
        return dict(ahead(result, "EUR").loc[day])

    last, august, september = date(2026, 7, 31), date(2026, 8, 20), date(2026, 9, 20)
    assert of(known, last) == pytest.approx(of(unknown, last), rel=1e-5)
    assert of(known, august)["expected_cost"] == pytest.approx(
        of(unknown, august)["expected_cost"] * 0.9 / rate[-1], rel=1e-5
    )
    # The rate of September begins after the day of the forecast: nobody could have known it.
    assert of(known, september)["expected_cost"] < of(known, august)["expected_cost"] * 1.5
    flags = known.rate.set_index("rate_date")["is_known"]
    assert (flags[last], flags[august], flags[september]) == (True, True, False)
    # Rates of a central bank are not those that the bill is converted at.
    others = [ExchangeRate(1, "USD", "EUR", one.valid_from, one.rate * Decimal("1.01"), True, "Bank") for one in own]
    pd.testing.assert_frame_equal(told(euro, through, priced(euro, rate), others).forecast, unknown.forecast)
    # As units of the dollar for one euro, and over a third currency, the rates are the same.
    turned = [ExchangeRate(2, "USD", "EUR", one.valid_from, 1 / one.rate, False, "Turned") for one in own]
    crossed = [
        ExchangeRate(3, "CHF", name, one.valid_from, worth, True, "Crossed")
        for one in own
        for name, worth in (("EUR", one.rate * 2), ("USD", Decimal(2)))
    ]
    for others in (turned, crossed):
        again = told(euro, through, priced(euro, rate), others)
        np.testing.assert_allclose(ahead(again, "EUR"), ahead(known, "EUR"), rtol=1e-6)


@settings(max_examples=3, deadline=None)
@given(seed=st.integers(0, 1000), share=st.floats(0.1, 0.9))
def test_parts_add_up_where_only_some_prices_are_in_another_currency(seed: int, share: float) -> None:
    """One app is priced abroad, one partly, one at home; one costs the same every day but for the rate."""
    rate = monthly(seed, DAYS)
    shares = {"abroad": 1.0, "mixed": share, "home": 0.0, "calm": 1.0}
    costs = {app: usage(seed + number, DAYS) for number, app in enumerate(shares)}
    costs["calm"][:] = 40.0
    abroad = {app: np.round(costs[app] * shares[app] * rate, 6) for app in shares}
    billed = {app: abroad[app] + np.round(costs[app] * (1 - shares[app]), 6) for app in shares}
    whole = [("company", "all"), ("team", "search")]
    history = pd.concat(
        [
            *(rows(billed[app], DAYS, "EUR", "app", app) for app in shares),
            *(rows(sum(billed.values()), DAYS, "EUR", *scope) for scope in whole),
        ]
    )
    parts = pd.concat(
        [
            *(rows(abroad[app], DAYS, "EUR", "app", app) for app in ("abroad", "mixed", "calm")),
            *(rows(sum(abroad.values()), DAYS, "EUR", *scope) for scope in whole),
        ]
    )
    found = told(history, THROUGH, priced(parts, rate), team_of_app=dict.fromkeys(shares, "search"))
    future = found.forecast[found.forecast["is_future"]]
    by_level = future.groupby(["scope_type", "forecast_date"])["expected_cost"].sum().unstack(0)
    assert (by_level["app"] == by_level["company"]).all()
    assert (by_level["team"] == by_level["company"]).all()
    paths = found.path.groupby(["scope_type", "path", "forecast_date"])["cost"].sum().unstack(0)
    assert (paths["app"] == paths["company"]).all()
    assert (future["lower_95_cost"] <= future["lower_cost"]).all()
    assert (future["lower_cost"] <= future["expected_cost"]).all()
    assert (future["expected_cost"] <= future["upper_cost"]).all()
    assert (future["upper_cost"] <= future["upper_95_cost"]).all()
    assert (future["lower_95_cost"] >= 0).all()
    # What is unsure of the others is no doubt about what is always the same.
    calm = found.path[found.path["scope_value"] == "calm"]
    later = calm[[day.month == 9 for day in calm["forecast_date"]]].groupby("path")["cost"].sum().astype(float)
    low, high = later.quantile([0.1, 0.9]) / (30 * 40.0 * rate[-1])
    ends = found.rate.iloc[-1][["lower_rate", "upper_rate"]].astype(float) / rate[-1]
    assert (low, high) == pytest.approx((ends["lower_rate"], ends["upper_rate"]), abs=0.004)
    # At home nothing is unsure but usage.
    alone = told(rows(billed["home"], DAYS, "EUR"), THROUGH, None)
    own = future[future["scope_value"] == "home"].set_index("forecast_date")
    own_width = (own["upper_95_cost"] - own["lower_95_cost"]).astype(float)
    alone_width = ahead(alone, "EUR")["upper_95_cost"] - ahead(alone, "EUR")["lower_95_cost"]
    assert 0.6 < (own_width / alone_width).mean() < 1.02, "sums make it surer, and no rate unsurer"


def test_rates_of_each_day_make_tomorrow_unsure_and_next_month_more_so() -> None:
    daily = 0.85 * np.exp(np.cumsum(np.random.default_rng(3).normal(0, 0.004, len(DAYS))))
    euro = rows(COST * daily, DAYS, "EUR")
    rates = told(euro, THROUGH, priced(euro, np.round(daily, 6))).rate
    assert not rates["is_monthly"].any()
    assert not rates["is_known"].any()
    width = np.log((rates["upper_rate"] / rates["expected_rate"]).astype(float)).to_numpy()
    assert width[0] == pytest.approx(NORMAL_80 * 0.004, rel=0.1)
    np.testing.assert_allclose(width, width[0] * np.sqrt(np.arange(1, len(width) + 1)), rtol=1e-4)


def test_a_pair_that_the_bill_left_is_behind_nothing_that_is_to_come() -> None:
    """As where a supplier that priced in dollars was changed for one at home."""
    euro = rows(COST * RATE, DAYS, "EUR")
    parts = priced(euro, RATE)
    series = daily_series(euro, before=THROUGH + timedelta(days=1))
    left = rates_of(parts[parts["usage_date"] < date(2026, 5, 1)], (), series, THROUGH)
    assert [pair.pricing_currency for pair in left.pairs] == ["USD"]
    assert list(left.rows(series, date(2026, 9, 30), datetime(2026, 8, 21))) == []  # noqa: DTZ001 - as tables have it
    assert len(list(rates_of(parts, (), series, THROUGH).rows(series, date(2026, 9, 30), datetime(2026, 8, 21)))) == 42  # noqa: DTZ001


CURRENCIES = ("AUD", "BRL", "CAD", "CHF", "CZK", "DKK", "EUR", "GBP", "HUF", "JPY", "NOK", "SEK")
ORIGINS = (date(2026, 4, 29), date(2026, 6, 15), date(2026, 8, 29))


@pytest.mark.ids("FCST-1", "FCST-2")
def test_intervals_hold_as_often_in_currencies_with_steps_as_in_that_of_the_prices() -> None:
    """Twelve currencies with rates of their own, since the days of one month in one currency hold or fail together."""
    days = days_until(date(2026, 10, 31))
    history, parts = [], []
    for number, currency in enumerate(("USD", *CURRENCIES)):
        rate = np.ones(len(days)) if currency == "USD" else monthly(100 + number, days, change=0.02)
        history.append(rows(usage(number, days, noise=0.003) * rate, days, currency))
        if currency != "USD":
            parts.append(priced(history[-1], rate))
    every, converted = pd.concat(history), pd.concat(parts)

    def judged(known: pd.DataFrame | None) -> pd.DataFrame:
        made = [told(every, origin, known).forecast.assign(origin=origin) for origin in ORIGINS]
        found = pd.concat(made).rename(columns={"forecast_date": "usage_date"})
        found = found[found["is_future"]].merge(every, on=NAMES)
        found[[*BOUNDS, "cost"]] = found[[*BOUNDS, "cost"]].astype(float)
        return found.assign(
            of_month=found["usage_date"].map(lambda day: day.month) == found["origin"].map(lambda day: day.month),
            within_80=found["cost"].between(found["lower_cost"], found["upper_cost"]),
            within_95=found["cost"].between(found["lower_95_cost"], found["upper_95_cost"]),
            width=(found["upper_cost"] - found["lower_cost"]) / found["expected_cost"],
            error=(found["cost"] - found["expected_cost"]).abs(),
        )  # fmt: skip

    now, before = judged(converted), judged(None)
    dollars, abroad, unaware = (
        now[now["currency"] == "USD"],
        now[now["currency"] != "USD"],
        before[before["currency"] != "USD"],
    )
    assert 0.74 <= abroad["within_80"].mean() <= 0.92
    assert abroad["within_95"].mean() >= 0.93
    assert unaware["within_80"].mean() < abroad["within_80"].mean() - 0.05
    assert abroad["error"].sum() <= unaware["error"].sum()
    # Where the rate is known, intervals are as narrow as those in the currency of the prices.
    widths = [frame.loc[frame["of_month"], "width"].median() for frame in (dollars, abroad, unaware)]
    assert widths[1] == pytest.approx(widths[0], rel=0.3)
    assert widths[2] > 2 * widths[1]
