"""Exchange rates under a forecast: prices set in one currency and billed in another follow the rate, step by step.

Here: histories at the newest rate, so that a rate's step is not learnt as usage; which rates of days ahead are known;
how far the others may be off, in expectations, intervals and drawn futures; the table that says so.
Not here: forecasting what is left once rates stand still (engine), amounts in a reporting currency (dbt).

An unknown rate is expected to stay as it is: no model has beaten that from one month to the next (Meese & Rogoff 1983).
Its changes add up like a random walk's, each as large as the pair's own changes have been.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from finops.config.rates import ExchangeRate
from finops.money import quantise
from models.forecast.one_series import Line
from models.forecast.paths import NORMAL, SEED
from models.series import DailySeries, Floats, Scope, amounts, dates, require_columns

Days = NDArray[np.datetime64]

PRICED_COLUMNS = (
    "usage_date", "scope_type", "scope_value", "currency", "pricing_currency", "exchange_rate", "cost",
)  # fmt: skip

COMPANY = "company"
SHARE_DAYS = 28
YEARLY_SPREAD = 0.08
"""Standard deviation of the logarithm of a rate's change in a year, as large as major currencies' usually is: what is
believed before a pair has shown its own."""

DOUBT_STEPS = 2.0
"""Steps' worth of that belief."""

SAME_RATE = 5e-4
"""Rates closer than this share are one rate: amounts and prices of a bill are rounded."""

ROUNDED = 1e-5
"""Standard deviation, as a share, of a price at a known rate: prices are rounded when they are converted, and what is
the same every day would otherwise be expected to the last digit."""

SAME_STEPS = 3
"""Configured rates are the bill's own where they were in that many of its newest months, or in all that it has."""

MONTHLY_SHARE = 0.9
"""Of the days of the bill that have their month's rate, where rates are set by the month; late charges may differ."""

DIGITS = 9
LEVELS = ((0.8, "lower", "upper"), (0.95, "lower_95", "upper_95"))


@dataclass(frozen=True)
class Pair:
    """The rate of two currencies in steps of a month or a day: units of ``currency`` for one of ``pricing_currency``.

    Attributes:
        steps: numbers of months or days since 1970 with a rate, ascending.
        rates: of each of them.
        spread: standard deviation of the logarithm of the change from one step to the next.
        freedom: how many changes and steps' worth of belief that rests on.
    """

    currency: str
    pricing_currency: str
    is_monthly: bool
    steps: NDArray[np.int64]
    rates: Floats
    spread: float
    freedom: float

    @property
    def newest(self) -> float:
        return float(self.rates[-1])

    def on(self, days: Days) -> Floats:
        """The rate of each day: the newest known one where its own is not known yet."""
        place = np.searchsorted(self.steps, steps_of(days, self.is_monthly), side="right") - 1
        return self.rates[np.maximum(place, 0)]

    def unknown_steps(self, days: Days) -> NDArray[np.int64]:
        """How many steps after the newest known rate each day is; 0 where its rate is known."""
        return np.maximum(steps_of(days, self.is_monthly) - self.steps[-1], 0)

    def width(self, days: Days, level: float) -> Floats:
        """Half the interval of the logarithm of each day's rate; 0 where it is known."""
        return student(NORMAL.inv_cdf((1 + level) / 2), self.freedom) * self.spread * np.sqrt(self.unknown_steps(days))

    def walks(self, days: Days, count: int) -> Floats:
        """``count`` × days: drawn rates ÷ the expected one, the same for every series, so that sums of them hold."""
        behind = self.unknown_steps(days)
        even = np.array([student(NORMAL.inv_cdf((place + 0.5) / count), self.freedom) for place in range(count)])
        walk = np.zeros((count, int(behind.max(initial=0)) + 1))
        for step in range(1, walk.shape[1]):
            own = zlib.crc32(f"{self.currency} {self.pricing_currency} {self.steps[-1] + step}".encode())
            walk[:, step] = walk[:, step - 1] + self.spread * np.random.default_rng([SEED, own]).permutation(even)
        return np.exp(walk[:, behind])


@dataclass(frozen=True)
class Rates:
    """The pairs under some series, and what of each series is priced through which."""

    pairs: tuple[Pair, ...]
    priced: Mapping[tuple[Scope, str], tuple[Days, Floats]]
    """Scope and pricing currency → days and what was billed at the rate on them."""

    def at_newest(self, every: Sequence[DailySeries]) -> tuple[list[DailySeries], list[Floats]]:
        """Histories as if the newest known rates had always been, and for each day how much more that is (a factor)."""
        moved, factors = [], []
        for series in every:
            days = _days(series)
            values, parts, low, high = series.values, self._parts(series), np.ones(days.size), np.ones(days.size)
            for pair, cost in parts:
                rise = pair.newest / pair.on(days)
                values = values + cost * (rise - 1.0)
                low, high = np.minimum(low, rise), np.maximum(high, rise)
            moved.append(series if not parts else replace(series, values=values))
            plain = np.divide(values, series.values, out=np.ones(days.size), where=series.values != 0)
            # Charges and refunds that cancel out would make any factor of what is left of them.
            factors.append(np.clip(plain, low, high))
        return moved, factors

    def ahead(
        self, every: Sequence[DailySeries], lines: Sequence[Line], drawn: Sequence[Floats]
    ) -> tuple[list[Line], list[Floats]]:
        """Lines and drawn futures (paths × days), made at the newest rate, at the rates of their days, and as unsure as
        those are.

        Args:
            every: histories at the newest rates.
        """
        moved, paths = [], []
        for series, line, futures in zip(every, lines, drawn, strict=True):
            days = np.datetime64(line.first_day, "D") + np.arange(len(line.expected))
            known, walked = np.ones(days.size), np.ones(futures.shape)
            squares = {level: np.zeros(days.size) for level, _, _ in LEVELS}
            shares = list(self._shares(series))
            for pair, share in shares:
                rise = pair.on(days) / pair.newest
                known = known + share * (rise - 1.0)
                for level in squares:
                    rounded = NORMAL.inv_cdf((1 + level) / 2) * ROUNDED
                    squares[level] += (share * rise) ** 2 * (pair.width(days, level) ** 2 + rounded**2)
                walked = walked + share * (rise * pair.walks(days, len(futures)) - 1.0)
            moved.append(_widened(line, known, squares) if shares else line)
            paths.append(futures * walked if shares else futures)
        return moved, paths

    def rows(self, every: Sequence[DailySeries], end: date, as_of: datetime) -> Iterator[dict[str, Any]]:
        """The table ``forecast_rate``: each pair's rates from the day after its currency's last one through ``end``.

        A pair that the bill left weeks ago is behind nothing that is to come.
        """
        for pair in self.pairs:
            billed = np.datetime64(next(one.last_day for one in every if one.scope.currency == pair.currency), "D")
            if pair.unknown_steps(np.array([billed - SHARE_DAYS]))[0]:
                continue
            days = np.arange(billed + 1, np.datetime64(end, "D") + 1)
            expected, unknown = pair.on(days), pair.unknown_steps(days)
            widths = {level: pair.width(days, level) for level, _, _ in LEVELS}
            for place, day in enumerate(days.tolist()):
                row: dict[str, Any] = {
                    "rate_date": day, "currency": pair.currency, "pricing_currency": pair.pricing_currency,
                    "expected_rate": _rate(expected[place]), "is_known": bool(unknown[place] == 0),
                    "is_monthly": pair.is_monthly, "as_of": as_of,
                }  # fmt: skip
                for level, lower, upper in LEVELS:
                    row[f"{lower}_rate"] = _rate(expected[place] * np.exp(-widths[level][place]))
                    row[f"{upper}_rate"] = _rate(expected[place] * np.exp(widths[level][place]))
                yield row

    def _parts(self, series: DailySeries) -> list[tuple[Pair, Floats]]:
        """Pairs, and what of each day of the series was billed at their rates."""
        found = []
        for pair in self.pairs:
            days, cost = self.priced.get((series.scope, pair.pricing_currency), (None, None))
            if pair.currency == series.scope.currency and days is not None and cost is not None:
                place = (days - np.datetime64(series.first_day, "D")).astype(np.int64)
                inside = (place >= 0) & (place < series.values.size)
                own = np.zeros(series.values.size)
                own[place[inside]] = cost[inside]
                found.append((pair, own))
        return found

    def _shares(self, series: DailySeries) -> Iterator[tuple[Pair, float]]:
        """Pairs, and how much of the series' newest cost is billed at their rates."""
        for pair, cost in self._parts(series):
            at_newest = cost * pair.newest / pair.on(_days(series))
            newest = slice(-SHARE_DAYS, None)
            if series.values[newest].sum() <= 0:
                newest = slice(None)
            total = float(series.values[newest].sum())
            yield pair, float(np.clip(at_newest[newest].sum() / total, 0.0, 1.0)) if total > 0 else 0.0


NO_RATES = Rates((), {})


def rates_of(
    priced: pd.DataFrame | None, configured: Sequence[ExchangeRate], every: Sequence[DailySeries], as_of: date
) -> Rates:
    """What is known of rates on a day.

    Args:
        priced: columns ``PRICED_COLUMNS``: of each scope's cost of a day what is priced in another currency than it is
            billed in, and at which rate (units of ``currency`` for one of ``pricing_currency``). None, or a day without
            a row: nothing.
        configured: rates of ``currencies.yml``. Those that began by ``as_of`` say more than the bill where they are its
            own, as treasuries keep them; others do not.
        every: the histories; what was billed after their ends is not known yet.

    Raises:
        HistoryError: ``priced`` lacks a column or holds a value that is no day or no amount.
    """
    if priced is None or priced.empty or not every:
        return NO_RATES
    require_columns(priced, PRICED_COLUMNS, "priced")
    ends = {one.scope.currency: np.datetime64(one.last_day, "D") for one in every}
    clean = pd.DataFrame(
        {
            "day": dates(priced["usage_date"], "priced"),
            **{
                name: priced[name].astype(str) for name in ("scope_type", "scope_value", "currency", "pricing_currency")
            },
            **{name: amounts(priced[name], "priced") for name in ("exchange_rate", "cost")},
        }
    )
    clean = clean[(clean["day"] <= clean["currency"].map(ends)) & (clean["exchange_rate"] > 0)]
    clean["pricing_cost"] = clean["cost"] / clean["exchange_rate"]
    own_rates = [rate for rate in configured if rate.valid_from <= as_of]
    pairs = tuple(
        _pair(str(currency), str(pricing), rows.groupby("day")[["cost", "pricing_cost"]].sum(), own_rates)
        for (currency, pricing), rows in clean[clean["scope_type"] == COMPANY].groupby(["currency", "pricing_currency"])
        if ((rows["cost"] > 0) & (rows["pricing_cost"] > 0)).any()
    )
    return Rates(
        pairs,
        {
            (Scope(str(kind), str(value), str(currency)), str(pricing)): (
                rows.index.to_numpy().astype("datetime64[D]"),
                rows.to_numpy(dtype=np.float64),
            )
            for (kind, value, currency, pricing), rows in (
                (names, of.groupby("day")["cost"].sum())
                for names, of in clean.groupby(["scope_type", "scope_value", "currency", "pricing_currency"])
            )
        },
    )


def steps_of(days: Days, is_monthly: bool) -> NDArray[np.int64]:
    return days.astype("datetime64[M]" if is_monthly else "datetime64[D]").astype(np.int64)


def _pair(currency: str, pricing: str, billed: pd.DataFrame, configured: Sequence[ExchangeRate]) -> Pair:
    billed = billed[(billed["cost"] > 0) & (billed["pricing_cost"] > 0)]
    of_day = (billed["cost"] / billed["pricing_cost"]).round(DIGITS)
    days = billed.index.to_numpy().astype("datetime64[D]")
    of_month = of_day.groupby(steps_of(days, is_monthly=True)).transform("median")
    is_monthly = bool((np.abs(of_day / of_month - 1) <= SAME_RATE).mean() >= MONTHLY_SHARE)
    by_step = (of_month if is_monthly else of_day).groupby(steps_of(days, is_monthly)).last()
    known = dict(zip(by_step.index.to_numpy(dtype=np.int64).tolist(), by_step.tolist(), strict=True))
    for own in _configured(currency, pricing, configured, is_monthly):
        newest_shared = sorted(set(own) & set(known))[-SAME_STEPS:]
        if newest_shared and all(abs(own[step] / known[step] - 1) <= SAME_RATE for step in newest_shared):
            known = {**own, **known}
            break
    steps = np.array(sorted(known), dtype=np.int64)
    rates = np.array([known[int(step)] for step in steps])
    freedom = rates.size - 1 + DOUBT_STEPS
    return Pair(currency, pricing, is_monthly, steps, rates, _spread(steps, rates, is_monthly), freedom)


def _configured(
    currency: str, pricing: str, rates: Sequence[ExchangeRate], is_monthly: bool
) -> Iterator[dict[int, float]]:
    """Each set's rates of a pair by step: the first that began in it, of those that both currencies have."""
    for number in sorted({rate.rate_set for rate in rates}):
        legs: dict[str, dict[int, float]] = {}
        base = ""
        for rate in sorted((one for one in rates if one.rate_set == number), key=lambda one: one.valid_from):
            base = rate.base
            step = int(steps_of(np.array([rate.valid_from], dtype="datetime64[D]"), is_monthly)[0])
            worth = float(rate.rate if rate.is_per_base else 1 / rate.rate)
            legs.setdefault(rate.currency, {}).setdefault(step, worth)
        own, other = legs.get(currency, {}), legs.get(pricing, {})
        if currency == base:
            yield {step: 1 / worth for step, worth in other.items()}
        elif pricing == base:
            yield own
        else:
            yield {step: own[step] / other[step] for step in set(own) & set(other)}


def _spread(steps: NDArray[np.int64], rates: Floats, is_monthly: bool) -> float:
    """Of own changes and of the belief; a change over several steps counts as one of them."""
    believed = YEARLY_SPREAD / np.sqrt(12.0 if is_monthly else 365.25)
    changes = np.diff(np.log(rates)) / np.sqrt(np.diff(steps))
    return float(np.sqrt(((changes**2).sum() + DOUBT_STEPS * believed**2) / (changes.size + DOUBT_STEPS)))


def student(normal: float, freedom: float) -> float:
    """A normal's quantile as Student's t, which allows for a spread that is itself known from few changes only.

    The first terms of Fisher & Cornish's expansion (1960); 1% off at 5 degrees of freedom and 95%, less above.
    """
    first = (normal**3 + normal) / 4
    second = (5 * normal**5 + 16 * normal**3 + 3 * normal) / 96
    return normal + first / freedom + second / freedom**2


def _widened(line: Line, known: Floats, squares: Mapping[float, Floats]) -> Line:
    """At known rates, and with what is unsure of the others: independent errors add up as squares.

    Args:
        squares: by level, of half the interval of what rates make of the expectation, as a share of it.
    """
    expected = np.array(line.expected)
    bounds: dict[str, Any] = {"expected": (expected * known).tolist()}
    for level, low, high in LEVELS:
        width = np.sqrt(squares[level]) * np.abs(expected)
        lower, upper = np.array(getattr(line, low)), np.array(getattr(line, high))
        below = expected * known - np.hypot((expected - lower) * known, width)
        bounds[low] = np.where(lower >= 0, np.maximum(below, 0.0), below).tolist()
        bounds[high] = (expected * known + np.hypot((upper - expected) * known, width)).tolist()
    return replace(line, **bounds)


def _days(series: DailySeries) -> Days:
    return np.datetime64(series.first_day, "D") + np.arange(series.values.size)


def _rate(value: float) -> Decimal:
    return quantise(Decimal(repr(round(float(value), DIGITS))))
