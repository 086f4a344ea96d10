"""Open incidents of a scope: how many, how serious, how much money.

Here: the tile and the short list. Not here: all that is known of an incident (the page for whoever is on call).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from reports import formatting as f
from reports.dashboards.ask import Ask
from reports.dashboards.model import Cell, Column, Row, Table, Target, Tile
from reports.dashboards.parts import words
from reports.measures.incidents import SEVERITIES, Incident, Incidents, incidents

_OF_SCOPE = {
    "company": "true",
    "team": "team = $scope or (scope_type = 'team' and scope_value = $scope)",
    "app": "scope_type = 'app' and scope_value = $scope",
}


def incidents_of(ask: Ask) -> Incidents:
    """Open ones, and those of the newest 30 days."""
    return incidents(
        ask.frame("fct_incident", f"currency = $currency and ({_OF_SCOPE[ask.kind]})"), ask.view.as_of.date()
    )


def tile(ask: Ask, found: Incidents) -> Tile:
    target = Target("on-call", anchor="incidents")
    if not found.open:
        return Tile("Open incidents", "None", sub="No cost or usage is far from what is expected.", target=target)
    counts = Counter(one.severity for one in found.open)
    return Tile(
        "Open incidents",
        str(len(found.open)),
        sub=", ".join(f"{counts[severity]} {severity}" for severity in SEVERITIES if counts[severity]),
        # Money of a team and of its app can be in two incidents, so impacts are never summed.
        foot=f"Largest: {f.signed_money(found.open_impact, ask.currency)} so far.",
        tone="bad" if found.open[0].severity in ("critical", "high") else "warn",
        target=target,
    )


def open_table(ask: Ask, found: Incidents) -> Table:
    """What is open, most money first."""
    shown = sorted(found.open, key=lambda one: -abs(one.impact))
    return _table(
        ask,
        shown,
        "Open incidents by money",
        "No incident is open: no cost or usage is far from what is expected.",
        "Most money first. One cause can be in several incidents, so there is no total.",
    )


def table(ask: Ask, found: Incidents) -> Table:
    """What is open, and what was over lately."""
    return _table(
        ask,
        (*found.open, *found.past),
        "Incidents",
        f"Nothing unusual since {f.day(found.first_day)}: no cost or usage was far from what is expected.",
        f"Open ones, the most serious first, then those over since {f.day(found.first_day)}.",
    )


def _table(ask: Ask, shown: Sequence[Incident], title: str, empty: str, caption: str) -> Table:
    return Table(
        "incidents",
        title,
        (
            Column("What"),
            Column("Severity", "badge"),
            Column("Since"),
            Column("State"),
            Column("Impact", "number", "More or less than expected so far; one cause can be in several incidents"),
            Column("By month's end", "number"),
        ),
        tuple(
            Row(
                (
                    Cell(
                        f.humanise(one.scope_name),
                        small=one.basis_words,
                        target=Target("incident", one.incident_id, otherwise=Target("on-call", anchor="incidents")),
                    ),
                    Cell(f.humanise(one.severity), tone=words.SEVERITY_TONES.get(one.severity, "neutral")),
                    Cell(f.day(one.first_seen), sort=one.first_seen),
                    Cell(f.humanise(one.status_words)),
                    Cell(f.signed_money(one.impact, ask.currency), sort=one.impact),
                    Cell(f.signed_money(one.projected_impact, ask.currency), sort=one.projected_impact),
                ),
                details=(one.explanation,) if one.explanation else (),
            )
            for one in shown
        ),
        empty,
        caption=caption,
        export="fct_incident",
    )
