"""How forecasts are made and judged, with the reason for each default."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ForecastSettings:
    """Defaults suit daily cloud cost; a change makes every series be fitted again."""

    expectation_days: int = 45
    """Days of history for which a one-step-ahead expectation is returned."""

    short_days: int = 21
    """Below three weeks there is no weekday to learn: the series goes the short way."""

    training_days: int = 1096
    """Three years: Prophet needs two for the year's shape, and older habits say little about AI spend."""

    prophet_minimum_days: int = 56
    """Prophet competes from eight weeks on; its trend and week are noise before."""

    prophet_folds: int = 2
    """Backtest fits of Prophet, four weeks apart: two show whether it is far off, and a fit costs a hundred times what
    all other candidates do."""

    yearly_minimum_days: int = 730
    """Two years, so that a yearly shape has been seen twice. From one year alone it is overfitting."""

    silent_days: int = 7
    """A regular series that costs nothing for a whole week has stopped; a weekend or a holiday is shorter."""

    intermittent_share: float = 0.3
    """More zero days than this in the last 12 weeks, and no weekday pattern in them: an intermittent series."""

    def __post_init__(self) -> None:
        if self.prophet_folds < 0:
            raise ValueError(f"prophet_folds is a number of fits from 0 on, not {self.prophet_folds}")
