"""Small measures shared by forecasts and anomaly detection: conformal quantiles and MASE's yardstick.

Here: those two.
Not here: the backtest of the blend (blend, intervals), the models.
"""

from __future__ import annotations

import numpy as np

from models.series import Floats

SEASON = 7


def conformal_bounds(scores: Floats, level: float, *, independent: int | None = None) -> tuple[float, float]:
    """The two quantiles between which a new score falls with probability ``level``, corrected for a finite sample of
    ``independent`` observations (all scores where absent)."""
    count = independent or scores.size
    tail = min((count + 1) / count * (1 + level) / 2, 1.0)
    low, high = np.quantile(scores, [1 - tail, tail])
    return float(low), float(high)


def seasonal_scale(values: Floats) -> float:
    """MASE's yardstick: mean absolute error of "as a week ago" within the training days (Hyndman & Koehler 2006)."""
    if values.size <= SEASON:
        return 0.0
    return float(np.abs(values[SEASON:] - values[:-SEASON]).mean())
