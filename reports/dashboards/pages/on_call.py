"""What is wrong now, the most money first, and what to type.

Here: the order of the parts. Not here: the parts themselves (``parts``), whether the data can be trusted
(``data_health``).
"""

from __future__ import annotations

from reports.dashboards.ask import Ask
from reports.dashboards.model import Notes, Page, Section, Tiles
from reports.dashboards.parts import (
    budget_pace,
    forecast,
    guardrails,
    objectives,
    open_incidents,
    past_incidents,
    urgent,
)
from reports.dashboards.view import View


def build(view: View) -> Page:
    ask = Ask(view)
    now = urgent.now_of(ask)
    return Page(
        "on-call",
        "On call",
        "What is wrong now, what does it cost, and what do I do?",
        (
            Section(
                "now",
                "Right now",
                ((Tiles(urgent.tiles(ask, now)),), (Notes("In short", urgent.headlines(now)),)),
            ),
            Section(
                "incidents",
                "Open incidents",
                open_incidents.blocks(ask, now.open),
                open_incidents.lead(now.found, now.known),
            ),
            Section("guardrails", "Guardrails", guardrails.blocks(ask, now.decisions)),
            Section("budgets", "Budgets that run out", ((budget_pace.table(ask, now.budgets),),)),
            Section(
                "hours",
                "The next 48 hours",
                ((forecast.next_hours(ask),), (forecast.next_hours_by_team(ask),)),
            ),
            Section("objectives", "Service objectives", ((objectives.table(ask, now.objectives),),), objectives.lead()),
            Section(
                "period",
                f"Incidents of {view.period.label}",
                (
                    (past_incidents.over_table(ask, now.found),),
                    (past_incidents.silent_table(ask, now.found),),
                    (past_incidents.quality_table(ask),),
                ),
            ),
        ),
        urgent.states(ask, now),
    )
