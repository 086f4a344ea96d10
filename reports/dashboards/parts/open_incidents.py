"""What is wrong now: each open incident with what drives it, what it will cost and what to type.

Here: the company's incidents told one by one, most money first, in short and as tiles.
Not here: the short list of a scope (``incidents``), those that are over (``past_incidents``), explaining them (models).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

from reports import formatting as f
from reports.dashboards import cells
from reports.dashboards.ask import Ask
from reports.dashboards.model import Block, Column, Link, Note, Notes, Row, Table, Target, Tile
from reports.dashboards.parts import words
from reports.figures import incident as drawn
from reports.measures.health import Freshness
from reports.measures.incidents import SEVERITIES, Incident, Incidents, incidents_since
from reports.page.chart import Chart

DETAILED = 6
CONTRIBUTORS = 5
HEADLINES = 2


def incidents_of(ask: Ask) -> Incidents:
    """Those that are open now, and those of the period."""
    rows = ask.rows(
        """select incident_id, scope_type, scope_value, team, owner, currency, status, severity, explanation,
                  first_seen, last_seen, day_count, metrics, impact, daily_impact, projected_impact,
                  volume_effect, mix_effect, cache_effect, price_effect, contributors, daily_costs, event_id,
                  suppressed_because, verdict
           from fct_incident
           where currency = $currency and (status in ('open', 'acknowledged') or first_seen <= $last)""",
        last=cells.usage_through(ask.view),
    )
    parsed = [
        {**row, **{name: json.loads(row[name] or "[]") for name in ("metrics", "contributors", "daily_costs")}}
        for row in rows
    ]
    return incidents_since(parsed, ask.view.period.first)


def by_money(found: Incidents) -> list[Incident]:
    """What is open, most money first."""
    return sorted(found.open, key=lambda one: (-abs(one.impact), one.incident_id))


def is_serious(one: Incident) -> bool:
    return words.SEVERITY_TONES.get(one.severity) == "bad"


def tiles(ask: Ask, open_now: Sequence[Incident]) -> list[Tile]:
    """How many are open; where money still goes, what the dearest of them costs a day."""
    if not open_now:
        return [Tile("Open incidents", "None", "No cost or usage is far from what is expected", tone="good")]
    counts = Counter(one.severity for one in open_now)
    made = [
        Tile(
            "Open incidents",
            str(len(open_now)),
            ", ".join(f"{counts[name]} {name}" for name in SEVERITIES if counts[name]),
            f"Largest: {f.signed_money(open_now[0].impact, ask.currency)} so far",
            tone="bad" if any(is_serious(one) for one in open_now) else "warn",
            target=Target("on-call", anchor="incidents"),
        )
    ]
    worst = max(open_now, key=lambda one: one.daily_impact)
    if worst.daily_impact:
        made.append(
            Tile(
                "Extra cost a day, now",
                f.signed_money(worst.daily_impact, ask.currency),
                f"{f.humanise(worst.scope_name)}: {f.signed_money(worst.projected_impact, ask.currency)} "
                "by the month's end",
                "Estimated from usage" if not worst.is_billed else "",
                tone="bad",
                target=Target(worst.scope_type, worst.scope_value) if worst.scope_type in cells.PAGE_OF_SCOPE else None,
            )
        )
    return made


def headlines(open_now: Sequence[Incident]) -> list[Note]:
    """The first sentence of those with most money; the rest is told with the incident."""
    return [
        Note(
            one.explanation.split(". ")[0].removesuffix(".") + ".",
            words.SEVERITY_TONES.get(one.severity, "neutral"),
            _scope_link(one),
        )
        for one in open_now[:HEADLINES]
    ]


def lead(found: Incidents, known: Sequence[Freshness]) -> str:
    if not known:
        return "Cost and usage other than expected are told here once data has arrived."
    opened = f"{f.count(len(found.open), 'open incident')}, the most money first" if found.open else "None is open"
    text = f"Cost and usage other than expected, one entry a cause. {opened}"
    if found.past:
        is_or_are = "is" if len(found.past) == 1 else "are"
        text += f"; {f.count(len(found.past), 'incident')} since {f.day(found.first_day)} {is_or_are} over"
    if found.silent:
        text += f"; {f.count(len(found.silent), 'change')} explained or suppressed"
    return text + "."


def blocks(ask: Ask, open_now: Sequence[Incident]) -> tuple[tuple[Block, ...], ...]:
    """The first ones in full: what happens and what to type, then its days beside what drives it."""
    if not open_now:
        return ((Note("Nothing unusual is going on: no cost or usage is far from what is expected.", "good"),),)
    rows: list[tuple[Block, ...]] = []
    for one in open_now[:DETAILED]:
        rows.append((_told(ask, one),))
        beside: tuple[Block, ...] = (
            *((_chart(one),) if one.days else ()),
            *((_contributors_table(ask, one),) if one.contributors else ()),
        )
        if beside:
            rows.append(beside)
    if len(open_now) > DETAILED:
        rows.append((_rest_table(ask, open_now[DETAILED:]),))
    return tuple(rows)


def _told(ask: Ask, one: Incident) -> Notes:
    currency = ask.currency
    days = f.day(one.first_seen) + (f" to {f.day(one.last_seen)}" if one.last_seen != one.first_seen else "")
    notes = [
        Note(one.explanation, words.SEVERITY_TONES.get(one.severity, "neutral"), _scope_link(one)),
        Note(
            f"{days}, {one.basis_words}; {one.status_words}; "
            + (f"owner {one.owner}" if one.owner else f"team {one.team}" if one.team else "nobody owns it")
            + "."
        ),
    ]
    if one.daily_impact:
        notes.append(
            Note(
                f"{f.signed_money(one.daily_impact, currency)} a day; "
                f"{f.signed_money(one.projected_impact, currency)} by the month's end if nobody acts.",
                "bad",
            )
        )
    if one.effects:
        moved = ", ".join(f"{name} {f.signed_money(amount, currency)}" for name, amount in one.effects.items())
        notes.append(Note(f"Of the change in token cost: {moved}."))
    notes.append(
        Note(
            f"To do: aifinops incidents show {one.incident_id} tells what drives it and what it resembles, "
            f"aifinops incidents acknowledge {one.incident_id} that you look after it. "
            "docs/incidents.md is the runbook."
        )
    )
    title = f"{one.severity.capitalize()}: {one.scope_name}, {f.signed_money(one.impact, currency)}"
    return Notes(title, tuple(notes), Target("incident", one.incident_id))


def _chart(one: Incident) -> Chart:
    first, last = one.first_seen.isoformat(), one.last_seen.isoformat()
    return Chart(
        key=f"incident-{one.incident_id}",
        title=f.humanise(one.scope_name),
        caption="Cost a day; shaded: the same weekdays before it began",
        label=f"Daily cost of {one.scope_name} around the incident of {f.day(one.first_seen)}",
        figure=drawn.sparkline(one.days, first, last, one.currency),
        empty="",
    )


def _contributors_table(ask: Ask, one: Incident) -> Table:
    parts = one.contributors
    return Table(
        f"contributors-{one.incident_id}",
        f"What drives it: {one.scope_name}",
        (
            Column("Dimension"),
            Column("What"),
            Column("Share", "bar", "Of the whole impact; above 100% where others fell"),
            Column("Impact", "number"),
        ),
        tuple(
            Row(
                (
                    cells.text(part.dimension_words),
                    cells.scope(part.dimension, part.value, small=" ")
                    if part.dimension in cells.PAGE_OF_SCOPE
                    else cells.text(part.value_words),
                    cells.bar(part.share),
                    cells.signed(part.impact, ask.currency),
                )
            )
            for part in parts[:CONTRIBUTORS]
        ),
        "Nothing stands out.",
        more=cells.more(len(parts), CONTRIBUTORS, "smaller ones"),
    )


def _rest_table(ask: Ask, rest: Sequence[Incident]) -> Table:
    return Table(
        "open-incidents-more",
        "Smaller ones",
        (
            Column("Scope"),
            Column("Severity", "badge"),
            Column("Since"),
            Column("Impact", "number"),
            Column("What happens"),
        ),
        tuple(
            Row(
                (
                    cells.scope(one.scope_type, one.scope_value),
                    cells.badge(one.severity, words.SEVERITY_TONES.get(one.severity, "neutral")),
                    cells.day(one.first_seen),
                    cells.signed(one.impact, ask.currency),
                    cells.text(one.explanation, small=one.incident_id),
                )
            )
            for one in rest
        ),
        "",
        export="fct_incident",
    )


def _scope_link(one: Incident) -> Link | None:
    if one.scope_type in cells.PAGE_OF_SCOPE:
        return Link(f.humanise(one.scope_name), Target(one.scope_type, one.scope_value))
    return None
