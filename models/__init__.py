"""Statistics say what is normal: forecasts, their measured accuracy, what-ifs, anomalies with an explanation.

Here: Prophet and its rivals, backtests, calibrated intervals, scenarios over them, anomaly detection. Frame in, typed
frame out.
Not here: reading the warehouse (orchestration), deciding what to do about a finding (guardrails), drawing it (reports).
"""

from models.anomaly import (
<<<<<<< HEAD
    ANOMALY_LEVELS,
=======
>>>>>>> c86dee981a57812017927cde571d2bcfb98b1bb2
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
<<<<<<< HEAD
from models.forecast import (
    BACKCAST_LEVELS,
    ForecastResult,
    ForecastSettings,
    add_to_record,
    forecast_costs,
    with_backcasts,
)
from models.tables import build_frame, read_table, write_table
from models.whatif import Base, WhatIf, WhatIfError, build_base, what_if
=======
from models.forecast import ForecastResult, ForecastSettings, forecast_costs
from models.tables import build_frame, read_table, write_table
>>>>>>> c86dee981a57812017927cde571d2bcfb98b1bb2

__all__ = [
    "ANOMALY_LEVELS",
    "BACKCAST_LEVELS",
    "AnomalySettings",
    "Base",
    "ForecastResult",
    "ForecastSettings",
    "Incidents",
    "Judged",
    "Proposal",
<<<<<<< HEAD
    "WhatIf",
    "WhatIfError",
    "add_to_record",
    "build_base",
=======
>>>>>>> c86dee981a57812017927cde571d2bcfb98b1bb2
    "build_frame",
    "detect",
    "detect_intraday",
    "find_anomalies",
    "find_incidents",
    "forecast_costs",
    "proposals",
    "read_table",
<<<<<<< HEAD
    "what_if",
    "with_backcasts",
=======
>>>>>>> c86dee981a57812017927cde571d2bcfb98b1bb2
    "with_floors",
    "with_planned",
    "write_table",
]
