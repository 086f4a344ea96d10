"""What needs somebody now, in one sentence and in short.

Here: what is wrong across incidents, guardrails, budgets and objectives, read once; the sentences above the page for
whoever is on call.
Not here: what each of them is made of (``open_incidents``, ``guardrails``, ``budget_pace``, ``objectives``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reports import formatting as f
from reports.dashboards.ask import Ask, Rows
from reports.dashboards.model import Link, Note, Target, Tile, Tone
from reports.dashboards.parts import budget_pace, freshness, guardrails, objectives, open_incidents
from reports.measures.decisions import DecisionView, newest_first
from reports.measures.health import Freshness
from reports.measures.incidents import Incident, Incidents

_WORST: Sequence[Tone] = ("bad", "warn", "neutral", "", "good")


@dataclass(frozen=True)
class Now:
    """``open``: incidents, most money first. ``known``: the kinds of data that have arrived."""

    found: Incidents
    open: Sequence[Incident]
    decisions: Sequence[DecisionView]
    budgets: Sequence[budget_pace.Pace]
    objectives: Rows
    known: Sequence[Freshness]


def now_of(ask: Ask) -> Now:
    found = open_incidents.incidents_of(ask)
    return Now(
        found,
        open_incidents.by_money(found),
        newest_first(ask.view.operations.decisions),
        budget_pace.paces_of(ask),
        objectives.objectives_of(ask),
        [line for line in freshness.ages_of(ask) if line.through is not None],
    )


def states(ask: Ask, now: Now) -> tuple[Note, ...]:
    """The verdict, then what another currency or a period that is over must not hide."""
    return (_verdict(ask, now), *_elsewhere(ask), *_past_words(ask))


def tiles(ask: Ask, now: Now) -> list[Tile]:
    return [
        *open_incidents.tiles(ask, now.open),
        guardrails.waiting_tile(ask, now.decisions),
        *budget_pace.tiles(now.budgets),
        *objectives.tiles(now.objectives),
        *guardrails.given_up_tiles(ask),
    ]


def headlines(now: Now) -> tuple[Note, ...]:
    """Worst first; what is as bad stands in the order of incidents, budgets, objectives, guardrails, data."""
    said = (
        *open_incidents.headlines(now.open),
        *budget_pace.headlines(now.budgets),
        *objectives.headlines(now.objectives),
        *guardrails.headlines(now.decisions),
        freshness.headline(now.known),
    )
    return tuple(sorted(said, key=lambda note: _WORST.index(note.tone)))


def _verdict(ask: Ask, now: Now) -> Note:
    parts = []
    if now.open:
        largest = f.signed_money(now.open[0].impact, ask.currency)
        parts.append(f"{f.count(len(now.open), 'open incident')}, the largest {largest}")
    waiting = guardrails.waiting(ask, now.decisions)
    if waiting:
        parts.append(f"{f.count(waiting, 'order')} {'waits' if waiting == 1 else 'wait'} for approval")
    paged = objectives.burned(now.objectives, objectives.PAGE_BURNED)
    if paged:
        parts.append(f"{f.count(len(paged), 'error budget')} nearly or fully burned")
    trouble = budget_pace.in_trouble(now.budgets)
    if trouble:
        parts.append(f"{f.count(len(trouble), 'budget')} at risk or over")
    dead = guardrails.given_up(ask)
    if dead:
        parts.append(f"{f.count(len(dead), 'message')} not delivered")
    if not parts and not now.known:
        return Note(
            "Nothing can be told: no data has arrived yet. Connect a source in config/sources.yml, then aifinops run.",
            "warn",
        )
    if not parts:
        return Note(
            f"Nothing is wrong in {ask.currency}: no open incident, no budget in doubt, nothing waits for anybody.",
            "good",
        )
    is_urgent = bool(paged or waiting or dead) or any(open_incidents.is_serious(one) for one in now.open)
    text = "; ".join(parts)
    return Note(f"{text[:1].upper()}{text[1:]}.", "bad" if is_urgent else "warn")


def _elsewhere(ask: Ask) -> tuple[Note, ...]:
    """Open incidents in other currencies: whoever chose one must not overlook them."""
    rows = ask.rows(
        """select currency, count(*) as number from fct_incident
           where currency <> $currency and status in ('open', 'acknowledged') group by 1 order by 1""",
    )
    return tuple(
        Note(
            f"{f.count(row['number'], 'open incident')} in {row['currency']}: choose that currency to see more.", "bad"
        )
        for row in rows
    )


def _past_words(ask: Ask) -> tuple[Note, ...]:
    if ask.view.billed_through is None or ask.view.period.last >= ask.view.billed_through:
        return ()
    return (
        Note(
            f"What is wrong is told as of {f.moment(ask.view.as_of)}; incidents of {ask.view.period.label} are below.",
            link=Link("Those incidents", Target("on-call", anchor="period")),
        ),
    )
