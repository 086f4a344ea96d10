"""Statistics say what is normal: forecasts, their measured accuracy, what-ifs, anomalies with an explanation.

Here: Prophet and its rivals, backtests, calibrated intervals, scenarios over them, anomaly detection. Frame in, typed
frame out.
Not here: reading the warehouse (orchestration), deciding what to do about a finding (guardrails), drawing it (reports).
"""

from models.anomaly import (
    ANOMALY_LEVELS,
    RUNNING,
    AnomalySettings,
    Incidents,
    Judged,
    PatternFacts,
    Proposal,
    detect,
    detect_intraday,
    find_anomalies,
    find_incidents,
    proposals,
    with_floors,
    with_planned,
    with_running,
    with_stopped,
)
from models.forecast import (
    BACKCAST_LEVELS,
    FLOOR,
    PARTS_OF_COMPANY,
    PATHS,
    ForecastResult,
    ForecastSettings,
    Workers,
    add_to_record,
    forecast_costs,
    forecast_hours,
    with_backcasts,
    with_earlier,
    with_price_lists,
)
from models.tables import build_frame, read_table, write_table
from models.whatif import Base, WhatIf, WhatIfError, build_base, what_if

__all__ = [
    "ANOMALY_LEVELS",
    "BACKCAST_LEVELS",
    "FLOOR",
    "PARTS_OF_COMPANY",
    "PATHS",
    "RUNNING",
    "AnomalySettings",
    "Base",
    "ForecastResult",
    "ForecastSettings",
    "Incidents",
    "Judged",
    "PatternFacts",
    "Proposal",
    "WhatIf",
    "WhatIfError",
    "Workers",
    "add_to_record",
    "build_base",
    "build_frame",
    "detect",
    "detect_intraday",
    "find_anomalies",
    "find_incidents",
    "forecast_costs",
    "forecast_hours",
    "proposals",
    "read_table",
    "what_if",
    "with_backcasts",
    "with_earlier",
    "with_floors",
    "with_planned",
    "with_price_lists",
    "with_running",
    "with_stopped",
    "write_table",
]
