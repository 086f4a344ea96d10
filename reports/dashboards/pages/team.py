"""What one team spends, whether that is as planned, and why each amount is its own.

Here: the order of the parts. Not here: the parts themselves (``parts``).
"""

from __future__ import annotations

from reports.dashboards.ask import Ask
from reports.dashboards.model import Link, Note, Page, Section, Target, Tiles
from reports.dashboards.parts import (
    allocation,
    budgets,
    charges,
    decisions,
    forecast,
    gpus,
    incidents,
    short,
    spend,
    spend_charts,
    states,
    tokens,
    unit_targets,
    value,
    words,
)
from reports.dashboards.view import View


def build(view: View) -> Page:
    ask = Ask(view, "team")
    whole = spend.total(ask)
    parts = spend.by(ask, whole, "app", "service_name", "model", "environment", "project", "region_id")
    by_app = parts["app"]
    days = spend.daily(ask, "app", *spend.shown_days(ask))
    trend = spend.sparks(days, view.period.last)
    estimated = spend.estimate(ask, "app")
    lines = budgets.lines_of(ask)
    own = budgets.own_line(ask, lines)
    outlooks = budgets.outlooks_of(ask, lines)
    found = incidents.incidents_of(ask)
    by_usage = tokens.sums(ask, "app")
    mix, classes = tokens.mix(ask)
    ranked = [part.name for part in by_app if part.name is not None]
    tiles = [spend.tile(ask, whole, spend.all_of(trend), ask.here("why"))]
    expected = budgets.projection(ask, own) if ask.is_current else None
    if expected is not None:
        tiles += [
            spend.estimate_tile(ask, estimated),
            budgets.tile(ask, expected, own, ask.here("budgets")),
        ]
    tiles += [allocation.own_tile(ask), incidents.tile(ask, found)]
    brought = value.rows_of(ask)
    worth = ((value.table(ask, brought),),) if brought else ()
    said = short.of_scope(
        ask, expected, own, lines, found, whole, by_app, lambda app: Link(f"App {app}", Target("app", app))
    )
    return Page(
        "team",
        f"Team {view.scope}",
        f"What does {view.scope} spend, is that as planned, and why is it theirs?",
        (
            Section("overview", "At a glance", ((Tiles(tiles),), (said,), (_about(ask),))),
            Section(
                "spend",
                "Spend",
                (
                    (spend_charts.daily_chart(ask, days, ranked, estimated, "app"),),
                    (spend.parts_table(ask, "by-app", "By app", "App", by_app, whole, spend.app_cells(by_app)),),
                    (spend_charts.categories_chart(ask), budgets.burn_up(ask, own, outlooks)),
                    (spend.by_table(ask, parts, "service_name", whole), spend.by_table(ask, parts, "model", whole)),
                    (
                        spend.by_table(ask, parts, "environment", whole),
                        spend.by_table(ask, parts, "region_id", whole),
                        spend.by_table(ask, parts, "project", whole),
                    ),
                ),
            ),
            Section(
                "why",
                "Why is this mine?",
                ((charges.table(ask),), (allocation.gaps_table(ask, allocation.gaps_of(ask)),)),
                "Everything that the team is charged with, by what was charged and by which rule it came here.",
            ),
            Section(
                "budgets",
                "Budgets",
                (
                    (budgets.table(ask, lines),),
                    *budgets.fan_rows(budgets.fan_charts(ask, lines, outlooks)),
                    (forecast.next_hours(ask),),
                ),
            ),
            Section(
                "incidents",
                "Incidents and guardrails",
                ((incidents.table(ask, found),), (decisions.table(ask),)),
            ),
            Section(
                "tokens",
                "Tokens",
                (
                    (Tiles(tokens.tiles(ask, by_usage)),),
                    *(
                        (
                            (mix, classes),
                            (
                                tokens.table(
                                    ask, by_usage, "usage-by-app", "Model usage by app", "App", name_cells=True
                                ),
                            ),
                            (
                                tokens.table(
                                    ask, tokens.sums(ask, "feature"), "usage-by-feature", "By feature", "Feature"
                                ),
                            ),
                            (tokens.table(ask, tokens.sums(ask, "model"), "usage-by-model", "By model", "Model"),),
                        )
                        if by_usage or mix.figure is not None
                        else ()
                    ),
                ),
                "Model usage at list price, known to this hour; the bill of it comes later.",
            ),
            Section("units", "Unit costs", ((unit_targets.table(ask),), *worth)),
            Section(
                "gpus",
                "GPUs and training",
                ((gpus.idle_note(ask),), (gpus.held_table(ask),), (gpus.training_table(ask),)),
            ),
        ),
        states.states(ask),
    )


def _about(ask: Ask) -> Note:
    row = ask.one("select business_unit, cost_center from dim_team where team = $scope")
    parts = []
    if row.get("business_unit"):
        parts.append(f"business unit {row['business_unit']}")
    if row.get("cost_center"):
        parts.append(f"cost centre {row['cost_center']}")
    belongs = f"{ask.name} belongs to {', '.join(parts)}. " if parts else ""
    return Note(
        f"{belongs}Amounts are effective (amortised) cost of AI, {words.period_words(ask.view.period)}.",
        link=Link("All teams", Target("teams")),
    )
