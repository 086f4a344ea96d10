"""Statistics say what is normal: forecasts, their measured accuracy, anomalies with an explanation.

Here: Prophet and its rivals, backtests, calibrated intervals, anomaly detection. Frame in, typed frame out.
Not here: reading the warehouse (orchestration), deciding what to do about a finding (guardrails), drawing it (reports).
"""

from models.anomaly import AnomalySettings, detect, detect_intraday, find_anomalies
from models.forecast import ForecastResult, ForecastSettings, forecast_costs
from models.tables import read_table, write_table
from models.whatif import Base, WhatIf, WhatIfError, build_base, what_if

__all__ = [
    "AnomalySettings",
    "Base",
    "ForecastResult",
    "ForecastSettings",
    "WhatIf",
    "WhatIfError",
    "build_base",
    "detect",
    "detect_intraday",
    "find_anomalies",
    "forecast_costs",
    "read_table",
    "what_if",
    "write_table",
]
