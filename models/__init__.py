"""Statistics say what is normal: forecasts, their measured accuracy, anomalies with an explanation.

Here: Prophet and its rivals, backtests, calibrated intervals, anomaly detection. Frame in, typed frame out.
Not here: reading the warehouse (orchestration), deciding what to do about a finding (guardrails), drawing it (reports).
"""

from models.anomaly import AnomalySettings, detect, detect_intraday, find_anomalies, with_running
from models.forecast import ForecastResult, ForecastSettings, forecast_costs
from models.tables import read_table, write_table

__all__ = [
    "AnomalySettings",
    "ForecastResult",
    "ForecastSettings",
    "detect",
    "detect_intraday",
    "find_anomalies",
    "forecast_costs",
    "read_table",
    "with_running",
    "write_table",
]
