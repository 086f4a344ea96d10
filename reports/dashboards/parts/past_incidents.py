"""What came of a period's incidents, and how good the alarms were.

Here: incidents that are over, those that nobody was told of, precision and delays of detectors.
Not here: what is still open (``open_incidents``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reports import formatting as f
from reports.dashboards import cells
from reports.dashboards.ask import Ask
from reports.dashboards.model import Cell, Column, Row, Table, Tone
from reports.measures.incidents import Incident, Incidents

SHOWN = 20
VERDICTS: Mapping[str | None, tuple[str, Tone]] = {
    "real": ("Real", "bad"),
    "false": ("False alarm", "neutral"),
    "planned": ("Planned", "good"),
    None: ("Not judged", ""),
}


def _days_cell(one: Incident) -> Cell:
    words = f.short_day(one.first_seen)
    if one.last_seen != one.first_seen:
        words += f" to {f.short_day(one.last_seen)}"
    return Cell(words, sort=one.first_seen)


def over_table(ask: Ask, found: Incidents) -> Table:
    rows = sorted(found.past, key=lambda one: (-abs(one.impact), one.incident_id))
    return Table(
        "past-incidents",
        "Incidents that are over",
        (
            Column("Scope"),
            Column("Days"),
            Column("Outcome"),
            Column("Verdict", "badge", "What people said it was"),
            Column("Impact", "number"),
            Column("What happened"),
        ),
        tuple(
            Row(
                (
                    cells.scope(one.scope_type, one.scope_value, small=one.severity),
                    _days_cell(one),
                    cells.text(one.status_words.split(",")[0]),
                    cells.badge(*VERDICTS.get(one.verdict, (str(one.verdict), ""))),
                    cells.signed(one.impact, ask.currency),
                    cells.text(
                        one.explanation,
                        small=""
                        if one.verdict
                        else f"aifinops incidents feedback {one.incident_id} --verdict real says what it was",
                    ),
                )
            )
            for one in rows[:SHOWN]
        ),
        f"No incident of {ask.view.period.label} is over.",
        "Back to normal, on a new level, resolved or dismissed by people; the most money first.",
        export="fct_incident",
        more=cells.more(len(rows), SHOWN, "smaller ones"),
    )


def silent_table(ask: Ask, found: Incidents) -> Table:
    return Table(
        "silent-incidents",
        "Explained or suppressed",
        (Column("Scope"), Column("Day"), Column("Why"), Column("Impact", "number"), Column("What happened")),
        tuple(
            Row(
                (
                    cells.scope(one.scope_type, one.scope_value),
                    cells.day(one.first_seen),
                    cells.text(one.event_id or one.suppressed_because),
                    cells.signed(one.impact, ask.currency),
                    cells.text(one.explanation),
                )
            )
            for one in found.silent[:SHOWN]
        ),
        f"Nothing of {ask.view.period.label} was explained by a known event or suppressed.",
        "From config/events.yml and config/anomalies.yml; nobody was told.",
        export="fct_incident",
        more=cells.more(len(found.silent), SHOWN),
    )


def quality_table(ask: Ask) -> Table:
    rows = ask.rows(
        """select * from fct_alert_quality_monthly
           where team = 'all' and currency = $currency and incident_month <= $last
           qualify incident_month = max(incident_month) over ()
           order by detector <> 'all', incident_count desc, detector""",
    )
    rows = [row for row in rows if row["detector"] == "all" or row["incident_count"]]

    def hours(value: float | None) -> Cell:
        return Cell(cells.NOTHING) if value is None else Cell(f.age(value), sort=value)

    def precision(row: Mapping[str, Any]) -> Cell:
        if row["precision_ratio"] is None:
            return Cell(cells.NOTHING, small="nothing judged" if row["detector"] == "all" else "")
        return cells.share(
            row["precision_ratio"],
            small=f"{f.percent(row['precision_low'])} to {f.percent(row['precision_high'])}",
            tone="good" if row["precision_ratio"] >= 0.95 else "warn",
        )

    month = f.month(rows[0]["incident_month"]) if rows else ""
    return Table(
        "alert-quality",
        "How good the alarms are",
        (
            Column("Detector"),
            Column("Incidents", "number"),
            Column("A week", "number"),
            Column("Judged", "number", "Of the incidents, those that people gave a verdict on"),
            Column("Precision", "number", "Real ones, of those judged real or false, with its 95% interval"),
            Column("Time to detect", "number", "Median, from the start of the first unusual day"),
            Column("To acknowledge", "number"),
            Column("To resolve", "number"),
            Column("Caught", "number", "Money of incidents judged real"),
            Column("Silent", "number", "Suppressed or expected"),
        ),
        tuple(
            Row(
                (
                    cells.text("All" if row["detector"] == "all" else f.humanise(row["detector"])),
                    cells.count(row["incident_count"]),
                    Cell(f"{row['incidents_per_week']:.1f}", sort=row["incidents_per_week"]),
                    cells.share(row["label_coverage_ratio"]),
                    precision(row),
                    hours(row["median_hours_to_detect"]),
                    hours(row["median_hours_to_acknowledge"]),
                    hours(row["median_hours_to_resolve"]),
                    cells.money(row["caught_amount"], ask.currency),
                    cells.count(row["suppressed_count"] + row["expected_count"]),
                )
            )
            for row in rows
        ),
        ask.empty("fct_alert_quality_monthly", "No incident has been found yet."),
        f"{month}. Under 5% false alarms is the aim; aifinops incidents proposals prints floors that "
        "false ones call for."
        if month
        else "",
        export="fct_alert_quality_monthly",
    )
