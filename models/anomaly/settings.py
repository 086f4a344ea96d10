"""When a deviation is worth someone's attention, with the reason for each default."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from finops.config.anomalies import AnomaliesFile

ANOMALY_LEVELS = ("company", "team", "app", "model")
"""Where a cause is looked for: each names someone or something that can act. Others show the same money again."""


@dataclass(frozen=True)
class AnomalySettings:
    """Amounts are in the series' currency; the defaults suit dollars, euros and pounds."""

    lookback_days: int = 30
    """Days judged. Bills are restated until the fifth of the next month, so a month is judged again every time."""

    minimum_impact: Decimal = Decimal(25)
    """Money a day below which nobody should be disturbed; the same floor as the usage guardrail."""

    minimum_ratio: float = 0.3
    """Deviation from the expectation: ±30%. Day-to-day noise of team-sized AI spend is 10–20%."""

    day_over_day_ratio: float = 1.4
    week_over_week_ratio: float = 1.4
    """Against yesterday and against the same weekday: 40% up, or down by the same factor."""

    residual_spreads: float = 3.5
    """Robust z beyond which a residual counts: the customary bound for a MAD-based score (Iglewicz & Hoaglin 1993)."""

    evidence: float = 0.4
    """Share of an alert's threshold (alerts.DAILY) that a day's evidence must reach. Money, ratio and spreads are asked
    for as well, so it is less than an alert by evidence alone needs. On planted series (100 a noise, 76 days) with 10%
    and 20% noise it gives 0.01 and 0.04 false alarms a series and quarter and finds 100% and 68% of doubled days."""

    agreement_spreads: float = 3.0
    """Enough to begin where the evidence alone would be an alert."""

    going_on_spreads: float = 1.5
    """Enough to go on: the expectation follows what began, and its interval widens, though the cause is the same."""

    new_normal_after_days: int = 7
    """Consecutive days of the same deviation reported; after a week it is no news."""

    minimum_history_days: int = 14
    """A younger series has no weekday to compare with; only its first day can be news."""

    drift_ratio: float = 1.4
    drift_spreads: float = 5.0
    """Slow leak: the last week against the trend of weeks that ended four or more weeks ago."""

    explained_share: float = 0.7
    """A narrower scope that holds this much of a wider one's impact is the cause; the wider one is not reported."""

    running_windows_minutes: tuple[int, ...] = (10, 20, 30, 45, 60, 90, 120, 180, 360)
    """Minutes find a leaked key while it is being used, hours a slower loop."""

    running_ratio: float = 2.0
    running_evidence: float = 4.0
    """Powers of ten that a window must be out: it is asked for some hundred scopes every few minutes, so about ten
    million times a month. `python -m benchmarks.signals minutes` says what that finds and what it finds in vain."""

    running_explained_share: float = 0.4
    """As ``explained_share``: in half an hour a few dear calls of others stand beside what runs away."""

    medium_from: Decimal = Decimal(100)
    high_from: Decimal = Decimal(500)
    critical_from: Decimal = Decimal(2500)
    """Money a day: about 3,000, 15,000 and 75,000 a month if nobody acts."""

    raise_severity_ratio: float = 3.0
    lower_severity_ratio: float = 0.5
    """One step up from 3 times the normal day at stake, one down below half of it."""

    @classmethod
    def configured(cls, file: AnomaliesFile) -> AnomalySettings:
        """The defaults with what ``anomalies.yml`` says of all scopes."""
        return cls(minimum_impact=file.minimum_impact, minimum_ratio=float(file.minimum_ratio))
