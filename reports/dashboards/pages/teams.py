"""Every team and app by money, with the way to its page.

Here: the order of the parts. Not here: what a team's own page says (``team``).
"""

from __future__ import annotations

from reports.dashboards.ask import Ask
from reports.dashboards.model import Page, Section, Target, Tiles
from reports.dashboards.parts import allocation, budgets, incidents, spend, spend_charts, states, teams, tokens
from reports.dashboards.view import View


def build(view: View) -> Page:
    ask = Ask(view)
    whole = spend.total(ask)
    by_team = spend.by(ask, whole, "team")["team"]
    days = spend.daily(ask, "team", *spend.shown_days(ask))
    by_app = spend.daily(ask, "app", *spend.spark_days(ask))
    estimated = spend.estimate(ask, "team")
    trend = spend.sparks(days, view.period.last)
    lines = budgets.lines_of(ask) if ask.is_current else ()
    own = budgets.own_line(ask, lines)
    expected = budgets.projection(ask, own) if ask.is_current and ask.sees_company else None
    ahead = () if expected is None else (budgets.tile(ask, expected, own, Target("finance", anchor="budgets")),)
    covered = allocation.coverage_of(ask)
    ranked = [part.name for part in by_team if part.name is not None]
    usage = tokens.sums(ask, "app")
    return Page(
        "teams",
        "Teams",
        "Which team and which app spends what, and is that as planned?",
        (
            Section(
                "overview",
                "At a glance",
                (
                    (
                        Tiles(
                            [
                                spend.tile(ask, whole, spend.all_of(trend)),
                                *ahead,
                                *allocation.tiles(ask, covered),
                                incidents.tile(ask, incidents.incidents_of(ask)),
                            ]
                        ),
                    ),
                ),
            ),
            Section(
                "teams",
                "Teams",
                (
                    (
                        teams.teams_table(
                            ask, whole, by_team, trend, lines, budgets.ahead(ask, lines, by_team), expected
                        ),
                    ),
                    (spend_charts.daily_chart(ask, days, ranked, estimated, "team"),),
                    (allocation.tagged_table(ask, covered),),
                ),
                "Open a team for its budget, its apps, its tokens and GPUs, and why each amount is its own.",
            ),
            Section(
                "apps",
                "Apps",
                (
                    (teams.apps_table(ask, whole, spend.sparks(by_app, view.period.last), lines),),
                    (tokens.cache_chart(usage),),
                    (tokens.table(ask, usage, "usage-by-app", "Model usage by app", "App", name_cells=True),),
                ),
            ),
        ),
        states.states(ask),
    )
