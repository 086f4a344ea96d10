"""Prophet, quietly: a candidate of the blend that is fitted at few origins.

Here: everything that touches the prophet package, imported on first use because that takes seconds.
Not here: intervals (calibrated on the backtest; Prophet's own cover less than they promise) and its weight (blend).

Traps handled: ``ds`` must carry no time zone; cmdstanpy logs through its own logger; a second call of
``add_country_holidays`` replaces the first country; changepoints end at 80% of the history by default, so a new level
of the last two months would be averaged away; a falling trend runs below zero.
"""

from __future__ import annotations

import functools
import logging
import warnings
from collections import OrderedDict
from collections.abc import Sequence
from datetime import date
from typing import Any, Literal

import numpy as np
import pandas as pd

from finops.config.events import KnownEvent
from models.events import ramp
from models.forecast.engine import SlowCandidate
from models.forecast.settings import ForecastSettings
from models.series import Floats

CHANGEPOINT_RANGE = 0.95
CHANGEPOINTS_PER_YEAR = 20
SEED = 7
FREE_ROOM = 3.0
"""Times the largest day: a trend that saturates there is free."""

SPACING_DAYS = 28
"""Backtest fits lie as far apart as the days they are judged on, so that each tells something new."""

REMEMBERED_FRAMES = 24
"""Features of so many stretches of days, half a megabyte each for a year and some holidays: a series has six."""

LEVEL_HALF_LIFE_DAYS = 7.0
LEVEL_DAYS = 28
"""Prophet's trend lags behind a new level: its last errors are carried along. Alone it errs 6% less with them;
the blend errs the same."""


def prophet_candidate(
    values: Floats,
    first_day: date,
    *,
    events: Sequence[KnownEvent],
    countries: tuple[str, ...],
    settings: ForecastSettings,
    caps: Sequence[tuple[date, date, float]] = (),
) -> SlowCandidate:
    """Prophet on one daily series (NaN gaps), saturating where a capacity binds: fitted for the forecast and at
    ``settings.prophet_folds`` origins before.

    Each fit starts from the parameters of the one before it, which is nearly there already.
    """

    def candidate(origins: list[int], horizon: int) -> Floats:
        said = np.full((len(origins), horizon), np.nan)
        chosen = _spaced(origins, settings)
        if not chosen:
            return said
        plan = _Plan(values, first_day, horizon, tuple(events), countries, settings, tuple(caps))
        start: dict[str, Any] | None = None
        for index in chosen:
            said[index], start = plan.fit(origins[index], start)
        return said

    return candidate


def _spaced(origins: list[int], settings: ForecastSettings) -> list[int]:
    """The last origin and some before it, oldest first."""
    if not origins or origins[-1] < settings.prophet_minimum_days:
        return []
    chosen = [len(origins) - 1]
    for index in range(len(origins) - 2, -1, -1):
        far = origins[chosen[-1]] - origins[index] >= SPACING_DAYS
        if far and origins[index] >= settings.prophet_minimum_days and len(chosen) <= settings.prophet_folds:
            chosen.append(index)
    return chosen[::-1]


class _Plan:
    """What all fits of a series have in common, so that the parameters of one fit another."""

    def __init__(
        self,
        values: Floats,
        first_day: date,
        horizon: int,
        events: tuple[KnownEvent, ...],
        countries: tuple[str, ...],
        settings: ForecastSettings,
        caps: tuple[tuple[date, date, float], ...],
    ) -> None:
        self._count = values.size
        self._days = pd.date_range(first_day, periods=values.size + horizon, freq="D")
        self._values = values
        self._horizon = horizon
        self._countries = countries
        self._years = tuple(range(self._days[0].year, self._days[-1].year + 1))
        self._yearly = values.size >= settings.yearly_minimum_days
        smallest = float(np.nanmin(values))
        self._mode: Literal["additive", "multiplicative"] = (
            "multiplicative" if smallest >= 0 and float(np.nanmean(values)) > 0 else "additive"
        )
        self._columns = {
            f"event_{event.id}": ramp(event, first_day, values.size + horizon)
            for event in events
            if event.effect == "lasting"
        }

        self._cap = self._capacity(caps)

    def _capacity(self, caps: tuple[tuple[date, date, float], ...]) -> Floats | None:
        """What the trend saturates at, day by day; far above all that was where no capacity holds."""
        if not caps:
            return None
        days = self._days.to_numpy().astype("datetime64[D]")
        largest = max(float(np.nanmax(self._values)), *(most for _, _, most in caps))
        cap = np.full(days.size, FREE_ROOM * largest)
        for first, last, most in caps:
            cap = np.where((days >= np.datetime64(first)) & (days <= np.datetime64(last)), np.minimum(cap, most), cap)
        return cap

    def fit(self, origin: int, start: dict[str, Any] | None) -> tuple[Floats, dict[str, Any] | None]:
        logging.getLogger("cmdstanpy").disabled = True
        logging.getLogger("prophet").setLevel(logging.ERROR)
        columns = {name: column for name, column in self._columns.items() if np.ptp(column[:origin]) > 0}
        frame = pd.DataFrame({"ds": self._days, **columns, **({} if self._cap is None else {"cap": self._cap})})
        history = frame.iloc[:origin].assign(y=self._values[:origin])
        known = history[history["y"].notna()]
        if len(known) < 2 or known["y"].nunique() < 2:
            return np.full(self._horizon, np.nan), None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # prophet 1.5.0 uses calls that pandas 3.1 deprecates
            model = _prophet()(
                growth="linear" if self._cap is None else "logistic",
                n_changepoints=max(5, min(25, round(self._count * CHANGEPOINTS_PER_YEAR / 365))),
                changepoint_range=CHANGEPOINT_RANGE,
                weekly_seasonality=True,
                yearly_seasonality=self._yearly,
                daily_seasonality=False,
                seasonality_mode=self._mode,
                holidays=_holidays(self._countries, self._years) if self._countries else None,
                uncertainty_samples=0,
            )
            for name in columns:
                model.add_regressor(name, standardize=False)
            # Prophet itself drops a start whose sizes do not fit (an event came along).
            more = {} if start is None else {"init": start}
            model.fit(known, seed=SEED, algorithm="LBFGS", **more)
            first = max(origin - LEVEL_DAYS, 0)
            predicted = model.predict(frame.iloc[first : origin + self._horizon])["yhat"].to_numpy(dtype=np.float64)
        recent = origin - first
        error = self._values[first:origin] - predicted[:recent]
        weight = 0.5 ** (np.arange(recent)[::-1] / LEVEL_HALF_LIFE_DAYS) * np.isfinite(error)
        level = float(np.nansum(weight * np.nan_to_num(error)) / max(weight.sum(), 1e-9))
        return predicted[recent:] + level, _parameters(model)


def _parameters(model: Any) -> dict[str, Any]:
    """The fitted parameters as a start for the next fit."""
    return {
        "k": float(model.params["k"][0][0]),
        "m": float(model.params["m"][0][0]),
        "delta": model.params["delta"][0],
        "beta": model.params["beta"][0],
        "sigma_obs": float(model.params["sigma_obs"][0][0]),
    }


@functools.cache
def _prophet() -> type:
    """Prophet that makes features once for all series of the same days, and no line for each holiday.

    Both take half of its time. What it says stays the same to the last bit.
    """
    from prophet import Prophet

    remembered: OrderedDict[tuple[object, ...], tuple[Any, ...]] = OrderedDict()

    class Remembering(Prophet):
        def make_all_seasonality_features(self, df: pd.DataFrame) -> tuple[Any, ...]:
            key = (
                df["ds"].to_numpy().tobytes(),
                id(self.holidays),  # kept by _holidays, so that no other frame gets its id
                self.holidays_mode,
                repr(self.seasonalities),
                repr(self.extra_regressors),
                *(df[name].to_numpy().tobytes() for name in self.extra_regressors),
            )
            if key not in remembered:
                remembered[key] = (*super().make_all_seasonality_features(df), self.train_holiday_names)
                if len(remembered) > REMEMBERED_FRAMES:
                    remembered.popitem(last=False)
            remembered.move_to_end(key)
            *made, self.train_holiday_names = remembered[key]
            return tuple(made)

        def predict_seasonal_components(self, df: pd.DataFrame) -> pd.DataFrame:
            features, _, columns, _ = self.make_all_seasonality_features(df)
            sums = {}
            for name, scale in (("additive_terms", self.y_scale), ("multiplicative_terms", 1.0)):
                beta = self.params["beta"] * columns[name].to_numpy()
                sums[name] = (features.to_numpy() @ beta.transpose())[:, 0] * scale
            return pd.DataFrame(sums)

    return Remembering


@functools.cache
def _holidays(countries: tuple[str, ...], years: tuple[int, ...]) -> pd.DataFrame:
    """Public holidays of all countries in one frame, named by country so that equal names stay apart."""
    from prophet.make_holidays import make_holidays_df

    frames = []
    for country in countries:
        days = make_holidays_df(list(years), country)
        frames.append(days.assign(holiday=country + " " + days["holiday"].astype(str)))
    return pd.concat(frames, ignore_index=True)
