"""The forecasting engine on series of any rhythm: accuracy, coverage, gaps, odd series, drawn futures."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from models.forecast.beginning import began_at
from models.forecast.engine import Outlook, Track, outlooks
from models.forecast.paths import draw
from models.forecast.rhythm import DAILY, WEEKLY, Rhythm, rhythm_of

pytestmark = pytest.mark.ids("FCST-1")

HOURLY = rhythm_of(pd.Timedelta(hours=1))
Floats = NDArray[np.float64]


def seasonal(count: int, season: int, *, seed: int, noise: float = 0.1, trend: float = 0.0) -> Floats:
    """A smooth season, noise in proportion to the level, and a wandering level."""
    random = np.random.default_rng(seed)
    shape = 1 + 0.4 * np.sin(2 * np.pi * np.arange(count) / season)
    level = 100 * np.exp(trend * np.arange(count) + np.cumsum(random.normal(0, 0.01, count)))
    return level * shape * np.clip(1 + noise * random.normal(size=count), 0.05, None)


def one(values: Floats, rhythm: Rhythm = DAILY, horizon: int = 28) -> Outlook:
    return outlooks([Track(values)], rhythm, horizon)[0]


@pytest.mark.parametrize(
    ("rhythm", "count", "season", "horizon"),
    [(DAILY, 150, 7, 28), (DAILY, 60, 7, 28), (HOURLY, 336, 24, 48), (WEEKLY, 80, 52, 8)],
)
def test_better_than_repeating_and_as_sure_as_promised(rhythm: Rhythm, count: int, season: int, horizon: int) -> None:
    """60 simulated series of each rhythm. The bands leave room for chance (a day errs with its neighbours), and above
    for tails: real series, on which intervals are calibrated, have heavier ones than a normal distribution."""
    every = [seasonal(count + horizon, season, seed=seed) for seed in range(60)]
    found = outlooks([Track(values[:count]) for values in every], rhythm, horizon)
    truth = np.stack([values[count:] for values in every])
    repeated = np.stack([np.resize(values[count - rhythm.seasons[0] : count], horizon) for values in every])
    expected = np.stack([outlook.expected for outlook in found])
    ratio = np.abs(expected - truth).mean() / np.abs(repeated - truth).mean()
    assert ratio < 0.95
    spread = (expected - truth).std(axis=0)
    for level, least, most_spreads in ((0.8, 0.72, 2.7 * 2.56), (0.95, 0.9, 4 * 3.92)):
        lower = np.stack([outlook.lower[level] for outlook in found])
        upper = np.stack([outlook.upper[level] for outlook in found])
        assert ((lower <= truth) & (truth <= upper)).mean() >= least, level
        assert ((upper - lower).mean(axis=0) / spread).mean() < most_spreads, level


def test_sums_of_drawn_futures_hold_the_sum_that_came() -> None:
    count, horizon = 200, 28
    every = [seasonal(count + horizon, 7, seed=seed) for seed in range(80)]
    found = outlooks([Track(values[:count]) for values in every], DAILY, horizon)
    inside = 0
    for values, outlook in zip(every, found, strict=True):
        sums = draw(outlook.expected, outlook.lower, outlook.upper, outlook.residuals, 200).sum(axis=1)
        low, high = np.quantile(sums, [0.1, 0.9])
        inside += low <= values[count:].sum() <= high
    assert 0.68 <= inside / len(every) <= 0.99


def test_drawn_futures_have_the_quantiles_of_the_intervals() -> None:
    outlook = one(seasonal(200, 7, seed=1))
    paths = draw(outlook.expected, outlook.lower, outlook.upper, outlook.residuals, 1000)
    for probability, bound in (
        (0.025, outlook.lower[0.95]),
        (0.1, outlook.lower[0.8]),
        (0.5, outlook.expected),
        (0.9, outlook.upper[0.8]),
        (0.975, outlook.upper[0.95]),
    ):
        np.testing.assert_allclose(np.quantile(paths, probability, axis=0), bound, rtol=0.04)


def test_a_sum_is_surer_than_the_sum_of_its_bounds() -> None:
    outlook = one(seasonal(200, 7, seed=1))
    sums = draw(outlook.expected, outlook.lower, outlook.upper, outlook.residuals, 400).sum(axis=1)
    low, high = np.quantile(sums, [0.1, 0.9])
    assert 0.3 < (high - low) / (outlook.upper[0.8] - outlook.lower[0.8]).sum() < 1


def test_a_series_alone_is_forecast_as_in_company() -> None:
    every = [seasonal(count, 7, seed=count) for count in (30, 64, 200, 401, 900)]
    together = outlooks([Track(values) for values in every], DAILY, 28)
    for values, beside in zip(every, together, strict=True):
        alone = one(values)
        np.testing.assert_allclose(alone.expected, beside.expected, rtol=1e-9)
        np.testing.assert_allclose(alone.upper[0.95], beside.upper[0.95], rtol=1e-9)


def test_amounts_in_cents_are_forecast_as_amounts_in_dollars() -> None:
    values = seasonal(200, 7, seed=3)
    dollars, cents = one(values), one(values * 100)
    np.testing.assert_allclose(cents.expected, dollars.expected * 100, rtol=1e-6)
    np.testing.assert_allclose(cents.lower[0.95], dollars.lower[0.95] * 100, rtol=1e-6)


def test_gaps_are_passed_over() -> None:
    values = seasonal(240, 7, seed=5)
    full = one(values[:212])
    holes = values[:212].copy()
    holes[np.random.default_rng(1).random(212) < 0.15] = np.nan
    holes[120:141] = np.nan
    gappy = one(holes)
    assert np.isfinite(gappy.expected).all()
    error, usual = (np.abs(outlook.expected - values[212:]).mean() for outlook in (gappy, full))
    assert error < 1.3 * usual


@pytest.mark.parametrize("count", [1, 2, 5, 13, 14, 15, 21, 30])
def test_short_series_get_wide_ordered_bounds(count: int) -> None:
    outlook = one(seasonal(count, 7, seed=2))
    assert (outlook.lower[0.95] <= outlook.lower[0.8]).all()
    assert (outlook.lower[0.8] <= outlook.expected).all()
    assert (outlook.expected <= outlook.upper[0.8]).all()
    assert (outlook.upper[0.8] < outlook.upper[0.95]).all()
    assert 20 < outlook.expected.mean() < 300


def test_a_constant_stays_and_zero_stays() -> None:
    np.testing.assert_allclose(one(np.full(100, 42.0)).expected, 42.0, rtol=1e-6)
    np.testing.assert_allclose(one(np.zeros(100)).expected, 0.0, atol=1e-9)


def test_a_single_spike_moves_nothing() -> None:
    values = seasonal(150, 7, seed=4)
    spiked = values.copy()
    spiked[147] *= 20
    np.testing.assert_allclose(one(spiked).expected.mean(), one(values).expected.mean(), rtol=0.15)


def test_a_known_jump_is_followed_at_once() -> None:
    values = seasonal(150, 7, seed=6, noise=0.03)
    values[147:] *= 2
    jumps = np.zeros(150, dtype=np.bool_)
    jumps[147:] = True
    told = outlooks([Track(values, jumps)], DAILY, 28)[0].expected.mean()
    assert told > 1.1 * one(values).expected.mean()


def test_two_years_show_the_third() -> None:
    """A summer that comes back: whoever knows the year must be far better than repeating last week."""
    day = np.arange(2 * 365 + 120 + 28)
    random = np.random.default_rng(8)
    values = 100 * (1 + 0.5 * np.sin(2 * np.pi * day / 365.25)) * (1 + 0.05 * random.normal(size=day.size))
    outlook = one(values[:-28])
    error = np.abs(outlook.expected - values[-28:]).mean()
    repeated = np.abs(np.resize(values[-35:-28], 28) - values[-28:]).mean()
    assert error < 0.5 * repeated


@pytest.mark.parametrize(
    ("values", "begins"),
    [
        (seasonal(90, 7, seed=1), 0),
        (np.concatenate([np.full(200, 2.0), seasonal(60, 7, seed=1)]), 200),
        (np.concatenate([np.full(200, 2.0), seasonal(21, 7, seed=1)]), 200),
        (np.concatenate([np.full(200, 2.0), seasonal(14, 7, seed=1)]), 0),
        (np.concatenate([np.full(150, 2.0), [400.0], np.full(49, 2.0), seasonal(60, 7, seed=1)]), 200),
        (np.concatenate([seasonal(60, 7, seed=1), np.full(60, 2.0), seasonal(60, 7, seed=2)]), 0),
        (np.concatenate([np.full(200, np.nan), seasonal(60, 7, seed=1)]), 200),
        (-np.concatenate([np.full(200, 2.0), seasonal(60, 7, seed=1)]), 200),
        (np.where(np.arange(120) % 7 < 5, 0.0, 300.0), 0),
        (100 * np.exp(np.arange(300) / 150), 41),
        (np.zeros(90), 0),
        (np.full(10, 5.0), 0),
    ],
    ids=[
        "always", "pilot", "three weeks", "two weeks", "one large charge", "pause", "gap", "credits", "weekends",
        "growth", "nothing", "short",
    ],
)  # fmt: skip
def test_where_a_series_began_in_earnest(values: Floats, begins: int) -> None:
    assert began_at(values, DAILY) == pytest.approx(begins, abs=7 if 0 < begins < 200 else 0)


def test_a_storm_weeks_ago_widens_days_ahead_less_than_it_was_large() -> None:
    """Two days of 40 times the level, seven weeks ago in 90 days: an event, not the size of every day's error."""
    plain, stormy = seasonal(90, 7, seed=9), seasonal(90, 7, seed=9)
    stormy[40:42] *= 40
    calm, after = one(plain), one(stormy)
    widths = [np.median(outlook.upper[0.8] - outlook.lower[0.8]) for outlook in (calm, after)]
    assert widths[0] < widths[1] < 4 * widths[0]


def test_a_series_without_values_is_refused() -> None:
    with pytest.raises(ValueError, match="without any value"):
        one(np.full(30, np.nan))
