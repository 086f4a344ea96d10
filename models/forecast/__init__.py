"""Forecasts of daily cost: Prophet against simple rivals, the better one used, intervals calibrated.

Here: cost history in, expected cost with intervals and measured accuracy out.
Not here: budgets and their projections (dbt, which adds what is billed to what is forecast).
"""

from models.forecast.changes import with_price_lists
from models.forecast.engine import FLOOR
from models.forecast.hours import forecast_hours, with_earlier
from models.forecast.paths import PATHS
from models.forecast.reconcile import PARTS_OF_COMPANY
from models.forecast.record import BACKCAST_LEVELS, add_to_record, with_backcasts
from models.forecast.run import ForecastResult, forecast_costs
from models.forecast.settings import ForecastSettings
from models.forecast.workers import Workers

__all__ = [
    "BACKCAST_LEVELS",
    "FLOOR",
    "PARTS_OF_COMPANY",
    "PATHS",
    "ForecastResult",
    "ForecastSettings",
    "Workers",
    "add_to_record",
    "forecast_costs",
    "forecast_hours",
    "with_backcasts",
    "with_earlier",
    "with_price_lists",
]
