"""Which findings are explained by known events or by a public holiday.

Here: marking findings as expected.
Not here: making the expectation know an event beforehand (forecast).
"""

from __future__ import annotations

import functools
from datetime import date, timedelta

from finops.config.events import EventsFile, KnownEvent
from models.anomaly.finding import Finding
from models.anomaly.settings import AnomalySettings
from models.events import LEARNING_DAYS, covers, last_expected_day


def with_known_cause(finding: Finding, events: EventsFile, settings: AnomalySettings) -> Finding:
    """The finding, marked as expected when a known event covers it.

    An event covers its own scope, and any wider scope whose deviation is mostly that scope's. A public holiday covers
    days that cost less.
    """
    for event in events.events:
        if _holds(event, finding) and _concerns(event, finding, settings):
            return finding.as_expected(event.id, event.name)
    if not finding.is_up:
        for country in sorted(events.holidays):
            if name := _holidays(country, finding.day.year).get(finding.day):
                return finding.as_expected(f"holiday-{country.lower()}-{finding.day.isoformat()}", name)
    return finding


def _holds(event: KnownEvent, finding: Finding) -> bool:
    last = last_expected_day(event)
    if finding.kind == "drift" and event.effect == "lasting":
        last += timedelta(days=LEARNING_DAYS)  # a drift is measured against weeks that ended four weeks ago
    return event.starts_on <= finding.day <= last


def _concerns(event: KnownEvent, finding: Finding, settings: AnomalySettings) -> bool:
    if covers(event, finding.scope):
        return True
    return any(
        part.dimension == event.scope.level
        and part.value == event.scope.value
        and part.share >= settings.explained_share
        for part in finding.contributors
    )


@functools.cache
def _holidays(country: str, year: int) -> dict[date, str]:
    import holidays

    return dict(holidays.country_holidays(country, years=year, language="en_US"))
