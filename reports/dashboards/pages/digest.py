"""The weekly digest: what the week cost, why, where the month will end, what could be saved, what is open.

Here: one page of the company, or of one team (``View.scope``); the period is a week (``reports.documents.periods``).
Not here: how it looks on paper and in a mailbox (``reports.documents``), who gets it and when (routing.yml).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

from reports.dashboards.ask import Ask
from reports.dashboards.model import Notes, Page, Section, Table, Tiles
from reports.dashboards.opportunities.find import opportunities_of
from reports.dashboards.parts import budgets, incidents, spend, spend_charts, teams, words
from reports.dashboards.view import View
from reports.documents import changes, savings, shared
from reports.measures.budgets import BudgetLine

MOST_SAVINGS = 8
NEWEST_DAYS = 7
"""A week that ended longer before the last billed day is told without the outlook of today's month."""


def build(view: View) -> Page:
    ask = Ask(view, "company" if view.scope is None else "team")
    is_newest = (ask.through - view.period.last).days < NEWEST_DAYS
    # Budgets, forecasts and estimates start where the bill ends, which may be a day after the week.
    ahead = _to_the_last_billed_day(ask) if is_newest else ask
    whole = spend.total(ask)
    parts = spend.by(ask, whole, _dimension(ask))[_dimension(ask)]
    days = spend.daily(ask, _dimension(ask), *spend.shown_days(ahead))
    estimated = spend.estimate(ahead, _dimension(ask))
    lines = budgets.lines_of(ask) if is_newest else ()
    own = budgets.own_line(ask, lines)
    found = shared.incidents_of(ask)
    opportunities = opportunities_of(ask)
    trend = spend.sparks(days, view.period.last)
    tiles = [spend.tile(ask, whole, spend.all_of(trend))]
    if is_newest:
        tiles.append(budgets.tile(ask, budgets.projection(ask, own), own, ask.here("budgets")))
    tiles += [savings.tile(ask, opportunities), incidents.tile(ask, found), shared.guardrail_tile(ask)]
    if is_newest:
        tiles.append(spend.estimate_tile(ahead, estimated))
    ranked = [part.name for part in parts if part.name is not None]
    saved = shared.saved_notes(ask)
    return Page(
        name="digest",
        title="Weekly AI spend" if view.scope is None else f"Weekly AI spend of {view.scope}",
        question=f"What did AI cost {ask.name} in {words.period_words(view.period)}, why, and what could be saved?",
        states=shared.states(view),
        sections=(
            Section(
                "week",
                "In short",
                (
                    (Tiles(tuple(tiles)),),
                    (Notes("What changed, and why", changes.sentences(ask, whole)),),
                    (spend_charts.daily_chart(ahead, days, ranked, estimated, _dimension(ask)),),
                ),
            ),
            Section(
                "owners",
                f"By {_dimension(ask)}",
                ((_owners(ask, ahead, whole, parts, trend, lines, own),), *shared.currency_rows(ask)),
            ),
            Section(
                "savings",
                "What could be saved",
                (
                    (savings.table(ask, opportunities, MOST_SAVINGS),),
                    *(((Notes("Saved already", saved),),) if saved else ()),
                ),
            ),
            Section("events", "What happened", ((incidents.table(ask, found),), (shared.guardrail_table(ask),))),
        ),
    )


def _dimension(ask: Ask) -> Literal["team", "app"]:
    return "team" if ask.kind == "company" else "app"


def _to_the_last_billed_day(ask: Ask) -> Ask:
    period = ask.view.period
    return Ask(replace(ask.view, period=replace(period, last=ask.through, end=max(period.end, ask.through))), ask.kind)


def _owners(
    ask: Ask,
    ahead: Ask,
    whole: spend.Total,
    parts: list[spend.Part],
    trend: Mapping[str | None, tuple[float, ...]],
    lines: tuple[BudgetLine, ...],
    own: BudgetLine | None,
) -> Table:
    if ask.kind == "team":
        return teams.apps_table(ask, whole, trend, lines)
    ends = budgets.ahead(ahead, lines, parts)
    return teams.teams_table(ask, whole, parts, trend, lines, ends, budgets.projection(ask, own) if ends else None)
