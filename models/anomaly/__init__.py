"""Anomalies in cost: days, slow leaks and running hours that cost other than expected, and why.

Here: detectors, contributors, severity, known events, one finding a cause, one sentence for people.
Not here: who is told (guardrails) and how it looks (reports).
"""

from models.anomaly.detect import detect, detect_intraday, find_anomalies, with_running
from models.anomaly.settings import AnomalySettings

__all__ = ["AnomalySettings", "detect", "detect_intraday", "find_anomalies", "with_running"]
