"""Statistics say what is normal: forecasts, their measured accuracy, anomalies with an explanation.

Here: Prophet and its rivals, backtests, calibrated intervals, anomaly detection. Frame in, typed frame out.
Not here: reading the warehouse (orchestration), deciding what to do about a finding (guardrails), drawing it (reports).
"""

from models.anomaly import (
    AnomalySettings,
    Incidents,
    Judged,
    Proposal,
    detect,
    detect_intraday,
    find_anomalies,
    find_incidents,
    proposals,
    with_floors,
    with_planned,
)
from models.forecast import ForecastResult, ForecastSettings, forecast_costs
from models.tables import build_frame, read_table, write_table

__all__ = [
    "AnomalySettings",
    "ForecastResult",
    "ForecastSettings",
    "Incidents",
    "Judged",
    "Proposal",
    "build_frame",
    "detect",
    "detect_intraday",
    "find_anomalies",
    "find_incidents",
    "forecast_costs",
    "proposals",
    "read_table",
    "with_floors",
    "with_planned",
    "write_table",
]
