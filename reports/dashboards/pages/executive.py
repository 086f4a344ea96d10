"""What AI costs, whether that is as planned, and what it brings: the page for executives.

Here: the order of the parts.
Not here: the parts themselves (``parts``).
"""

from __future__ import annotations

from reports.dashboards.ask import Ask
from reports.dashboards.model import Page, Section, Target, Tiles
from reports.dashboards.parts import (
    allocation,
    budgets,
    currencies,
    incidents,
    short,
    spend,
    spend_charts,
    states,
    teams,
    unit_targets,
    units,
    value,
)
from reports.dashboards.view import View


def build(view: View) -> Page:
    ask = Ask(view)
    whole = spend.total(ask)
    parts = spend.by(ask, whole, "team", "service_name", "model", "business_unit", "region_id")
    by_team = parts["team"]
    days = spend.daily(ask, "team", *spend.shown_days(ask))
    trend = spend.sparks(days, view.period.last)
    estimated = spend.estimate(ask, "team")
    lines = budgets.lines_of(ask) if ask.is_current else ()
    own = budgets.own_line(ask, lines)
    outlooks = budgets.outlooks_of(ask, () if own is None else (own,))
    expected = budgets.projection(ask, own) if ask.is_current and ask.sees_company else None
    covered = allocation.coverage_of(ask)
    found = incidents.incidents_of(ask)
    costs = units.costs_of(ask)
    brought = value.rows_of(ask)
    ranked = [part.name for part in by_team if part.name is not None]

    # Tokens and GPUs are mostly of one currency: in another, tiles that nothing is known would only be in the way.
    unit_tiles = units.tiles(ask, costs)
    if whole.now and all(tile.value == units.NOT_KNOWN for tile in unit_tiles):
        unit_tiles = []
    tiles = [spend.tile(ask, whole, spend.all_of(trend), Target("executive", anchor="spend"))]
    if ask.is_current:
        tiles.append(spend.estimate_tile(ask, estimated))
    if expected is not None:
        tiles.append(budgets.tile(ask, expected, own, Target("finance", anchor="budgets")))
    tiles += [*allocation.tiles(ask, covered), *unit_tiles, incidents.tile(ask, found)]
    worth = value.tile(ask, brought)
    if worth is not None:
        tiles.append(worth)

    token_costs, gpu_hours, outcomes = units.charts(ask, costs)
    together = currencies.together(ask)
    converted = currencies.in_a_sentence(together)
    sections = [
        Section(
            "overview",
            "At a glance",
            (
                (Tiles(tiles),),
                *(() if converted is None else ((converted,),)),
                (short.of_company(ask, expected, own, lines, covered, found, whole, by_team),),
            ),
        ),
        Section(
            "spend",
            "Spend",
            (
                (spend.share_note(ask, whole),),
                (spend_charts.daily_chart(ask, days, ranked, estimated, "team"),),
                (
                    teams.teams_table(
                        ask, whole, by_team, trend, lines, budgets.ahead(ask, lines, by_team), expected, key="teams"
                    ),
                ),
                (spend_charts.categories_chart(ask), budgets.burn_up(ask, own, outlooks)),
                (
                    spend_charts.ranking_chart(
                        ask,
                        "services",
                        "By service",
                        parts["service_name"],
                        "No AI cost has been billed yet.",
                    ),
                    spend_charts.ranking_chart(
                        ask,
                        "models",
                        "By model",
                        [part for part in parts["model"] if part.name is not None],
                        "The bill names no model for this period's AI cost.",
                    ),
                ),
                (
                    spend.by_table(ask, parts, "business_unit", whole),
                    spend.by_table(ask, parts, "region_id", whole),
                ),
            ),
        ),
    ]
    sections.append(Section("incidents", "Open incidents", ((incidents.open_table(ask, found),),)))
    if together is not None:
        sections.append(Section("currencies", "All currencies together", ((together,),)))
    sections += [
        Section(
            "units",
            "Unit costs",
            (
                (unit_targets.table(ask),),
                (token_costs, gpu_hours),
                *(outcomes[n : n + 3] for n in range(0, len(outcomes), 3)),
                (units.models_table(ask, costs),),
                (units.outcomes_table(ask, costs),),
            ),
            "What one of something costs, and whether that moves.",
        ),
        Section("value", "Value", ((value.table(ask, brought),),), "What AI brings beside what it costs."),
    ]
    return Page(
        "executive",
        "Overview",
        "What does AI cost us, is that as planned, and what does it bring?",
        tuple(sections),
        states.states(ask),
    )
