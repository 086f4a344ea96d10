"""Anomalies in cost: days, slow leaks and running hours that cost other than expected, and why.

Here: detectors, contributors, severity, known events, incidents of one cause, sentences for people.
Not here: who is told (guardrails) and how it looks (reports).
"""

from models.anomaly.detect import detect, detect_intraday, find_anomalies, with_running, with_stopped
from models.anomaly.finding import RUNNING
from models.anomaly.incident import Incidents, find_incidents
from models.anomaly.incident_feedback import with_planned
from models.anomaly.incident_proposals import Judged, Proposal, proposals, with_floors
from models.anomaly.patterns import PatternFacts
from models.anomaly.settings import ANOMALY_LEVELS, AnomalySettings

__all__ = [
    "ANOMALY_LEVELS",
    "RUNNING",
    "AnomalySettings",
    "Incidents",
    "Judged",
    "PatternFacts",
    "Proposal",
    "detect",
    "detect_intraday",
    "find_anomalies",
    "find_incidents",
    "proposals",
    "with_floors",
    "with_planned",
    "with_running",
    "with_stopped",
]
