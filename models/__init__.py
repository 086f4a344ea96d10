"""Statistics say what is normal: forecasts, their measured accuracy, anomalies with an explanation.

Here: Prophet and its rivals, backtests, calibrated intervals, anomaly detection. Frame in, typed frame out.
Not here: reading the warehouse (orchestration), deciding what to do about a finding (guardrails), drawing it (reports).
"""

from models.anomaly import (
    AnomalySettings,
    Incidents,
    detect,
    detect_intraday,
    find_anomalies,
    find_incidents,
    with_planned,
)
from models.forecast import ForecastResult, ForecastSettings, forecast_costs
from models.tables import build_frame, read_table, write_table

__all__ = [
    "AnomalySettings",
    "ForecastResult",
    "ForecastSettings",
    "Incidents",
    "detect",
    "detect_intraday",
    "build_frame",
    "find_anomalies",
    "find_incidents",
    "forecast_costs",
    "read_table",
    "with_planned",
    "write_table",
]
