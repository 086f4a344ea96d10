"""Prophet, quietly: one fit, one point forecast.

Here: everything that touches the prophet package, imported on first use because that takes seconds.
Not here: intervals (calibrated on the backtest; Prophet's own cover less than they promise) and the choice of model.

Traps handled: ``ds`` must carry no time zone; cmdstanpy logs through its own logger; a second call of
``add_country_holidays`` replaces the first country; changepoints end at 80% of the history by default, so a new level
of the last two months would be averaged away; a falling trend runs below zero.
"""

from __future__ import annotations

import functools
import logging
import warnings
from collections.abc import Sequence
from datetime import timedelta
from typing import Literal

import numpy as np
import pandas as pd

from finops.config.models import KnownEvent
from models.baseline import Knowledge
from models.events import ramp
from models.forecast.settings import ForecastSettings
from models.series import Floats

CHANGEPOINT_RANGE = 0.95
CHANGEPOINTS_PER_YEAR = 20
SEED = 7


def prophet_forecast(
    known: Knowledge,
    horizon: int,
    *,
    events: Sequence[KnownEvent],
    countries: tuple[str, ...],
    settings: ForecastSettings,
) -> Floats:
    """Prophet's point forecast of the days after ``known``, without monthly charges.

    It learns from the cleaned base, from which spikes and temporary events are gone; lasting events are ramps that it
    may explain a new level with.
    """
    from prophet import Prophet

    logging.getLogger("cmdstanpy").disabled = True
    logging.getLogger("prophet").setLevel(logging.ERROR)

    values = known.base[-settings.training_days :]
    count = values.size
    first_day = known.first_day + timedelta(days=known.raw.size - count)
    days = pd.date_range(first_day, periods=count + horizon, freq="D")

    columns = {}
    for event in events:
        if event.effect == "temporary":
            continue
        column = ramp(event, first_day, count + horizon)
        if np.ptp(column[:count]) > 0:
            columns[f"event_{event.id}"] = column
    mode: Literal["additive", "multiplicative"] = (
        "multiplicative" if values.min() >= 0 and values.mean() > 0 else "additive"
    )
    years = tuple(range(days[0].year, days[-1].year + 1))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # prophet 1.5.0 uses calls that pandas 3.1 deprecates
        model = Prophet(
            n_changepoints=max(5, min(25, round(count * CHANGEPOINTS_PER_YEAR / 365))),
            changepoint_range=CHANGEPOINT_RANGE,
            weekly_seasonality=True,
            yearly_seasonality=count >= settings.yearly_minimum_days,
            daily_seasonality=False,
            seasonality_mode=mode,
            holidays=_holidays(countries, years) if countries else None,
            uncertainty_samples=0,
        )
        for name in columns:
            model.add_regressor(name, standardize=False)
        frame = pd.DataFrame({"ds": days, **columns})
        history = frame.iloc[:count].assign(y=values)
        model.fit(history, seed=SEED)
        predicted = model.predict(frame.iloc[count:])["yhat"].to_numpy(dtype=np.float64)
    return np.clip(predicted, 0.0, None) if known.never_negative else predicted


@functools.cache
def _holidays(countries: tuple[str, ...], years: tuple[int, ...]) -> pd.DataFrame:
    """Public holidays of all countries in one frame, named by country so that equal names stay apart."""
    from prophet.make_holidays import make_holidays_df

    frames = []
    for country in countries:
        days = make_holidays_df(list(years), country)
        frames.append(days.assign(holiday=country + " " + days["holiday"].astype(str)))
    return pd.concat(frames, ignore_index=True)
