"""What one app spends, how well it serves for that, and why each amount is its own.

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
    service,
    short,
    spend,
    spend_charts,
    states,
    tokens,
    tradeoff,
    unit_targets,
    value,
    words,
)
from reports.dashboards.view import View


def build(view: View) -> Page:
    ask = Ask(view, "app")
    whole = spend.total(ask)
    days = spend.daily(ask, "model", *spend.shown_days(ask))
    parts = spend.by(ask, whole, "service_name", "model", "environment", "project", "region_id")
    estimated = spend.estimate(ask, "model")
    lines = budgets.lines_of(ask)
    own = budgets.own_line(ask, lines)
    outlooks = budgets.outlooks_of(ask, lines)
    found = incidents.incidents_of(ask)
    by_feature = tokens.sums(ask, "feature")
    mix, classes = tokens.mix(ask)
    levels = service.levels(ask)
    ranked = [part.name for part in parts["model"] if part.name is not None]
    tiles = [spend.tile(ask, whole, spend.all_of(spend.sparks(days, view.period.last)), ask.here("why"))]
    expected = budgets.projection(ask, own) if ask.is_current else None
    if expected is not None:
        tiles += [
            spend.estimate_tile(ask, estimated),
            budgets.tile(ask, expected, own, ask.here("budgets")),
        ]
    tiles += [*service.tiles(levels), allocation.own_tile(ask), incidents.tile(ask, found)]
    brought = value.rows_of(ask)
    worth = ((value.table(ask, brought),),) if brought else ()
    said = short.of_scope(
        ask,
        expected,
        own,
        lines,
        found,
        whole,
        parts["model"],
        lambda model: Link("Models", Target("models", anchor="cost")),
    )
    return Page(
        "app",
        f"App {view.scope}",
        f"What does {view.scope} cost, what does it give for that, and why is it charged to it?",
        (
            Section("overview", "At a glance", ((Tiles(tiles),), (said,), (_about(ask),))),
            Section(
                "spend",
                "Spend",
                (
                    (spend_charts.daily_chart(ask, days, ranked, estimated, "model"),),
                    (spend.by_table(ask, parts, "service_name", whole), spend.by_table(ask, parts, "model", whole)),
                    (spend_charts.categories_chart(ask), budgets.burn_up(ask, own, outlooks)),
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
                "Everything that the app is charged with, by what was charged and by which rule it came here.",
            ),
            Section(
                "tokens",
                "Tokens, features and customers",
                (
                    (Tiles(tokens.tiles(ask, by_feature)),),
                    *(
                        (
                            (mix, classes),
                            (tokens.table(ask, by_feature, "usage-by-feature", "By feature", "Feature"),),
                            (tokens.table(ask, tokens.sums(ask, "model"), "usage-by-model", "By model", "Model"),),
                            (tokens.customers_table(ask),),
                        )
                        if by_feature or mix.figure is not None
                        else ()
                    ),
                ),
                "Model usage at list price, known to this hour; the bill of it comes later.",
            ),
            Section(
                "service",
                "Service and models",
                ((service.table(ask, levels),), (tradeoff.own_chart(ask),)),
                "What calls of each model take and how often they fail, beside what they cost.",
            ),
            Section("units", "Unit costs", ((unit_targets.table(ask),), *worth)),
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
                "gpus",
                "GPUs and training",
                ((gpus.idle_note(ask),), (gpus.held_table(ask),), (gpus.training_table(ask),)),
            ),
        ),
        states.states(ask),
    )


def _about(ask: Ask) -> Note:
    row = ask.one("select team from dim_app where app = $scope")
    team = row.get("team")
    text = f"Amounts are effective (amortised) cost of AI, {words.period_words(ask.view.period)}."
    if team is None:
        return Note(f"No rule of tags.yml says which team {ask.name} belongs to. {text}", "warn")
    return Note(f"{ask.name} belongs to {team}. {text}", link=Link(f"Team {team}", Target("team", team)))
