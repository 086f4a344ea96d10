"""Teams and apps by money, each with the way to its page.

Here: the two tables. Not here: what a team's own page says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reports import formatting as f
from reports.dashboards import cells
from reports.dashboards.ask import Ask
from reports.dashboards.model import Cell, Column, Row, Table
from reports.dashboards.parts import budgets, spend, words
from reports.measures.budgets import BudgetLine, Projection, monthly_budget
from reports.measures.missing import Missing

_APPS = """
select app as name, coalesce(app_team, team) as team,
       coalesce(sum(effective_cost) filter (usage_date between $first and $last), 0) as now,
       coalesce(sum(effective_cost) filter (usage_date not between $first and $last), 0) as before
from fct_ai_cost_daily
left join (select app as app_name, team as app_team from dim_app) on app = app_name
where is_ai and billing_currency = $currency and {scope}
      and (usage_date between $first and $last or usage_date between $before_first and $before_last)
group by all
having now <> 0 or before <> 0
"""


def teams_table(
    ask: Ask,
    whole: spend.Total,
    parts: Sequence[spend.Part],
    trend: Mapping[str | None, tuple[float, ...]],
    lines: tuple[BudgetLine, ...],
    ahead: Mapping[str | None, Projection | Missing],
    company: Projection | Missing | None,
    *,
    key: str = "teams",
) -> Table:
    """Teams by money; the total is the tile's.

    Args:
        trend: cost of each of the newest 30 billed days.
        ahead: where the running month ends; empty for a period that is past.
        company: the same of all spend.
    """
    currency = ask.currency
    own = budgets.own_line(ask, lines)

    def row(part: spend.Part, name: Cell, line: BudgetLine | None, end: Projection | Missing | None) -> Row:
        shown = [
            name,
            cells.money(part.now, currency),
            words.share_cell(part.now, whole.now),
            words.change_cell(part.now, part.before, currency),
            Cell(spark=trend.get(part.name, ())),
        ]
        if ahead:
            shown += [budgets.projection_cell(end, currency), budgets.used_cell(line)]
        return Row(tuple(shown))

    columns = [
        Column("Team"),
        Column("Spend", "number"),
        Column("Share", "bar"),
        Column("Change", "number", f"Against {ask.view.period.before_label}"),
        Column("30 days", "spark", "Daily spend of the last 30 billed days"),
    ]
    if ahead:
        columns += [
            Column("Month end", "number", f"Projected for {f.month(ask.month.start)}"),
            Column("Budget used", "bar", "Solid: billed. Hatched: with the forecast of the days that remain."),
        ]
    return Table(
        key,
        "AI spend by team",
        tuple(columns),
        tuple(
            row(
                part,
                words.team_cell(part.name),
                None if part.name is None else monthly_budget(lines, ask.month, "team", part.name),
                ahead.get(part.name),
            )
            for part in parts
        ),
        "No team has billed AI spend in the period.",
        caption=f"{words.period_words(ask.view.period)}; change against {ask.view.period.before_label}.",
        total=row(spend.Part("", whole.now, whole.before), Cell("All AI spend"), own, company),
        export="fct_ai_cost_daily",
    )


def apps_table(
    ask: Ask, whole: spend.Total, trend: Mapping[str | None, tuple[float, ...]], lines: tuple[BudgetLine, ...]
) -> Table:
    """Apps by money with their team; what belongs to no app stands below them, by team."""
    rows = sorted(
        ask.rows(_APPS), key=lambda row: (row["name"] is None, -row["now"], row["name"] or "", row["team"] or "")
    )
    currency = ask.currency
    named = len([row for row in rows if row["name"] is not None])

    return Table(
        "apps",
        "AI spend by app",
        (
            Column("App"),
            Column("Team"),
            Column("Spend", "number"),
            Column("Share", "bar"),
            Column("Change", "number", f"Against {ask.view.period.before_label}"),
            Column("30 days", "spark", "Daily spend of the last 30 billed days"),
            Column("Budget used", "bar"),
        ),
        tuple(
            Row(
                (
                    cells.app(row["name"]),
                    words.team_cell(row["team"]),
                    cells.money(row["now"], currency),
                    words.share_cell(row["now"], whole.now),
                    words.change_cell(row["now"], None if whole.before is None else row["before"], currency),
                    Cell(spark=() if row["name"] is None else trend.get(row["name"], ())),
                    budgets.used_cell(
                        None if row["name"] is None else monthly_budget(lines, ask.month, "app", row["name"])
                    )
                    if ask.is_current
                    else Cell(cells.NOTHING),
                )
            )
            for row in rows
        ),
        "No app has billed AI spend in the period.",
        caption=f"{f.count(named, 'app')}, {words.period_words(ask.view.period)}; "
        f"change against {ask.view.period.before_label}.",
        total=Row(
            (
                Cell("All AI spend"),
                Cell(),
                cells.money(whole.now, currency),
                words.share_cell(whole.now, whole.now),
                words.change_cell(whole.now, whole.before, currency),
                Cell(),
                Cell(),
            )
        ),
        export="fct_ai_cost_daily",
    )
