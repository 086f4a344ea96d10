"""Budgets, and where spend is heading: of the company, of a team with its apps, of an app.

Here: projection, gauges, the burn-up of a month, fans of budgets in doubt, the table of budgets.
Not here: statuses and forecasts themselves (dbt, models).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal

import pandas as pd

from finops.periods import BillingPeriod
from reports import formatting as f
from reports.dashboards import cells
from reports.dashboards.ask import Ask
from reports.dashboards.model import Cell, Column, Gauge, Row, Table, Target, Tile
from reports.dashboards.parts import forecast, spend, words
from reports.dashboards.parts.forecast_charts import fans, outlook_of
from reports.figures import budget as drawn
from reports.frames import ZERO
from reports.measures.budgets import BudgetLine, Projection, budget_lines, monthly_budget, project_month
from reports.measures.forecasts import NO_TEAM
from reports.measures.missing import Missing
from reports.page.chart import Chart

_OF_SCOPE = {
    "company": "true",
    "team": "(scope_type = 'team' and scope_value = $scope) or (scope_type = 'app' and scope_value in "
    "(select app from dim_app where team = $scope))",
    "app": "scope_type = 'app' and scope_value = $scope",
}
_SPENT = """
select team, sum(effective_cost) as spent from fct_ai_cost_daily
where is_ai and billing_currency = $currency and {scope} and usage_date between $since and $through
group by 1
"""
_PERIOD_WORDS = {"month": "month", "day": "day", "quarter": "quarter", "milestone": "milestone"}
_CUMULATIVE = """
select usage_date as day, sum(sum(effective_cost)) over (partition by usage_date >= $start order by usage_date) as cost
from fct_ai_cost_daily
where is_ai and billing_currency = $currency and {scope} and usage_date between $since and $until
group by 1
order by 1
"""


def lines_of(ask: Ask) -> tuple[BudgetLine, ...]:
    """Budgets of the scope and of the apps in it, those in trouble first."""
    return budget_lines(ask.frame("fct_budget_status", f"currency = $currency and ({_OF_SCOPE[ask.kind]})"))


def own_line(ask: Ask, lines: tuple[BudgetLine, ...]) -> BudgetLine | None:
    """The budget of exactly this scope and of the month billed last."""
    return monthly_budget(lines, ask.month, ask.kind, ask.view.scope or "all")


def projection(ask: Ask, line: BudgetLine | None) -> Projection | Missing:
    """Where the month billed last will end: as the budget says, else as the forecast does."""
    if line is not None and line.projection is not None:
        return line.projection
    return project_month(
        _totals(ask, "scope_type = $scope_type and scope_value = $scope_value"),
        scope_type=ask.kind,
        scope_value=ask.view.scope or "all",
        spent=_spent(ask),
        through=ask.through,
    )


def ahead(
    ask: Ask, lines: tuple[BudgetLine, ...], teams: Sequence[spend.Part]
) -> Mapping[str | None, Projection | Missing]:
    """Where the month billed last will end for each of the teams; nothing for a period that is past."""
    if not ask.is_current:
        return {}
    spent = {part.name: part.now for part in teams}
    if ask.view.period.first != ask.month.start:
        spent = dict.fromkeys(spent, ZERO) | {
            row["team"]: row["spent"] for row in ask.rows(_SPENT, since=ask.month.start)
        }
    totals = _totals(ask, "scope_type = 'team'")
    found: dict[str | None, Projection | Missing] = {}
    for team, amount in spent.items():
        line = None if team is None else monthly_budget(lines, ask.month, "team", team)
        if line is not None and line.projection is not None:
            found[team] = line.projection
        else:
            value = NO_TEAM if team is None else team
            found[team] = project_month(totals, scope_type="team", scope_value=value, spent=amount, through=ask.through)
    return found


def _totals(ask: Ask, condition: str) -> pd.DataFrame:
    return ask.frame("fct_forecast_total", f"currency = $currency and period = 'month' and ({condition})")


def _spent(ask: Ask) -> Decimal:
    row = ask.one(
        """select coalesce(sum(effective_cost), 0) as spent from fct_ai_cost_daily
           where is_ai and billing_currency = $currency and {scope} and usage_date between $since and $through""",
        since=ask.month.start,
    )
    return Decimal(row.get("spent", ZERO))


# ── tiles and cells ───────────────────────────────────────────────────────────────────────────────────────────────────


def gauge(line: BudgetLine) -> Gauge:
    return Gauge(
        max(float(line.used_ratio), 0.0),
        None if line.projected_ratio is None else max(float(line.projected_ratio), 0.0),
        words.BUDGET_TONES.get(line.status, "neutral"),
    )


def tile(ask: Ask, expected: Projection | Missing, line: BudgetLine | None, target: Target) -> Tile:
    """Where the month ends, against its budget, with the interval and the chance of overrunning it."""
    label = f"Projected {f.month(ask.month.start)}"
    if isinstance(expected, Missing):
        if line is None:
            return Tile(label, "Not known", sub=expected.reason)
        return Tile(label, "Not known", sub=expected.reason, foot=_used_words(line, ask.currency), gauge=gauge(line))
    foot = []
    if expected.lower is not None and expected.upper is not None:
        foot.append(f"80% interval {interval(expected, ask.currency)}.")
    if line is None:
        sub = "It has no budget of this month; set one in config/budgets.yml."
        return Tile(label, f.whole_money(expected.expected, ask.currency), sub=sub, foot=" ".join(foot), target=target)
    if line.chance_words:
        foot.append(line.chance_words)
    return Tile(
        label,
        f.whole_money(expected.expected, ask.currency),
        sub=f"{f.percent(expected.expected / line.amount) if line.amount else cells.NOTHING} of "
        f"{f.whole_money(line.amount, ask.currency)}: {line.status_words.lower()}",
        foot=" ".join(foot),
        tone=words.BUDGET_TONES.get(line.status, "neutral"),
        gauge=gauge(line),
        target=target,
    )


def _used_words(line: BudgetLine, currency: str) -> str:
    return f"{f.percent(line.used_ratio)} of {f.whole_money(line.amount, currency)} used."


def interval(expected: Projection, currency: str) -> str:
    if expected.lower is None or expected.upper is None:
        return cells.NOTHING
    return f"{f.whole_money(expected.lower, currency)} to {f.whole_money(expected.upper, currency)}"


def projection_cell(expected: Projection | Missing | None, currency: str) -> Cell:
    if expected is None or isinstance(expected, Missing):
        return Cell("not known")
    return Cell(f.whole_money(expected.expected, currency), sort=expected.expected)


def used_cell(line: BudgetLine | None) -> Cell:
    """The gauge of a budget, with how much of it is used."""
    if line is None:
        return Cell("No monthly budget")
    return Cell(f.percent(line.used_ratio), sort=line.used_ratio, gauge=gauge(line), small=line.status_words)


def scope_cell(line: BudgetLine) -> Cell:
    small = f"{line.scope_type}, {_of_period(line)}"
    if line.scope_type == "team":
        return words.team_cell(line.scope_value, small)
    return cells.app(line.scope_value, small=small) if line.scope_type == "app" else Cell(line.name, small=small)


def _of_period(line: BudgetLine) -> str:
    if line.period == "month":
        return f.month(line.period_start)
    if line.period == "day":
        return f.day(line.period_start)
    days = f"{f.day(line.period_start)} to {f.day(line.period_end)}"
    return f"{_PERIOD_WORDS.get(line.period, f.humanise(line.period).lower())} from {days}"


# ── charts and the table ──────────────────────────────────────────────────────────────────────────────────────────────


def outlooks_of(ask: Ask, lines: Sequence[BudgetLine]) -> pd.DataFrame:
    """Where each of the budgets may stand on the days ahead."""
    if not lines:
        return ask.frame("fct_budget_outlook_daily", "false")
    return ask.frame(
        "fct_budget_outlook_daily",
        "currency = $currency and budget_id in (select unnest($budgets))",
        budgets=[line.budget_id for line in lines],
    )


def burn_up(ask: Ask, line: BudgetLine | None, outlooks: pd.DataFrame) -> Chart:
    """Cumulative spend of the month that the period ends in, with last month's; of the running one the outlook."""
    month = ask.shown_month
    until = min(ask.view.period.last, month.last_day)
    running = ask.is_current and month == ask.month
    line = line if running else None
    before = month.previous()
    daily = pd.DataFrame(
        ask.rows(_CUMULATIVE, since=before.start, start=month.start, until=until), columns=["day", "cost"]
    )
    is_before = pd.Series([day < month.start for day in daily["day"]], dtype=bool)
    spent, previous = daily[~is_before].reset_index(drop=True), daily[is_before].reset_index(drop=True)
    projected = pd.DataFrame(columns=["day", "expected"])
    if running and line is not None:
        projected = outlook_of(outlooks, line)
        projected = projected.assign(day=[day.date() for day in projected["day"]])
    if running and projected.empty:
        projected = _expected(ask, ZERO if spent.empty else spent["cost"].iloc[-1])
    previous = on_days_of(previous, before.start, month.start, month.last_day)
    text = f"Cumulative AI spend of {f.month(month.start)}"
    if line is not None:
        text += f" against the budget of {f.money(line.amount, ask.currency)}"
    text += "; dotted: the month before."
    if line is not None and line.chance_words:
        text += f" {line.chance_words}"
    label = text
    if line is not None and line.projection is not None:
        label += f" Projected {f.money(line.projection.expected, ask.currency)}."
    shown = None
    if not spent.empty:
        amount = None if line is None else line.amount
        shown = drawn.burn_up(spent, projected, previous, amount, ask.currency)
    return Chart("burn-up", "Burn-up", text, label, shown, f"Nothing of {f.month(month.start)} has been billed yet.")


def on_days_of(before: pd.DataFrame, before_first: date, first: date, last: date) -> pd.DataFrame:
    """Cumulative spend (``day, cost``) of the month before, on the days of the month from ``first`` to ``last``."""
    if not before.empty and before["day"].iloc[0] > before_first + timedelta(days=6):
        # Bills that begin in the middle of a month would be drawn as a month of little spend.
        before = before.iloc[:0]
    moved = before.assign(day=[day + (first - before_first) for day in before["day"]])
    return moved[[day <= last for day in moved["day"]]]


def _expected(ask: Ask, so_far: Decimal) -> pd.DataFrame:
    """Expected spend to the end of each day; no interval, because daily bounds do not add up to one."""
    future = forecast.days_ahead(ask)
    if future.empty:
        return pd.DataFrame(columns=["day", "expected"])
    running, values = so_far, [so_far]
    for amount in future["expected"]:
        running += amount
        values.append(running)
    return pd.DataFrame({"day": [ask.through, *future["day"]], "expected": pd.Series(values, dtype=object)})


def fan_charts(ask: Ask, lines: tuple[BudgetLine, ...], outlooks: pd.DataFrame) -> list[Chart]:
    """Budgets that may be overrun, the likeliest first."""
    return fans(lines, outlooks, BillingPeriod.containing(ask.through), ask.currency)


def fan_rows(charts: Sequence[Chart]) -> list[tuple[Chart, ...]]:
    """Up to three side by side, and none alone where two rows can share."""
    rows = -(-len(charts) // 3)
    return [tuple(charts[len(charts) * n // rows : len(charts) * (n + 1) // rows]) for n in range(rows)]


def table(ask: Ask, lines: Sequence[BudgetLine], *, key: str = "budgets") -> Table:
    currency = ask.currency
    rows = [
        Row(
            (
                scope_cell(line),
                Cell(f.percent(line.used_ratio), sort=line.used_ratio, gauge=gauge(line)),
                cells.money(line.amount, currency),
                cells.money(line.billed_to_date, currency),
                projection_cell(line.projection, currency)
                if line.projection is None
                else Cell(
                    f.whole_money(line.projection.expected, currency),
                    sort=line.projection.expected,
                    small=interval(line.projection, currency),
                ),
                cells.share(line.exceed_probability),
                cells.money(line.remaining, currency),
                Cell(line.status_words, tone=words.BUDGET_TONES.get(line.status, "neutral")),
            ),
        )
        for line in lines
    ]
    return Table(
        key,
        "Budgets",
        (
            Column("Budget"),
            Column("Used and projected", "bar", "Solid: billed. Hatched: with the forecast of the days that remain."),
            Column("Amount", "number"),
            Column("Billed", "number"),
            Column("Projected", "number", "Below: its 80% interval"),
            Column("Chance of overrun", "number", "Share of the forecast's paths that end above the budget"),
            Column("Remaining", "number"),
            Column("Status", "badge"),
        ),
        tuple(rows),
        "No budgets are set. Add them to config/budgets.yml to see who is on track.",
        caption="Budgets of the running periods. Used is billed; projected adds the forecast of the remaining days. "
        "The mark in the bar is the whole budget. A team's budget is part of the company's, so there is no total.",
        export="fct_budget_status",
    )
