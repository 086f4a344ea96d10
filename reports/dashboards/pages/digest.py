"""The weekly digest: what the week cost, why, where the month will end, what could be saved, what is open.

Here: one page of the company, or of one team (``View.scope``); the period is a week (``reports.documents.periods``).
Not here: how it looks on paper and in a mailbox (``reports.documents``), who gets it and when (routing.yml).
"""

from __future__ import annotations

from decimal import Decimal

from reports.dashboards import cells
from reports.dashboards.ask import Ask
from reports.dashboards.model import Block, Cell, Column, Notes, Page, Row, Section, Table, Tiles
from reports.dashboards.parts import budgets, incidents, spend, words
from reports.dashboards.view import View
from reports.documents import changes, savings, shared
from reports.frames import ZERO
from reports.measures.budgets import BudgetLine, monthly_budget

MOST_ROWS = 12
MOST_SAVINGS = 8
_MONTH = """
select column_name as name, coalesce(sum(effective_cost), 0) as cost
from fct_ai_cost_daily
where is_ai and billing_currency = $currency and {scope} and usage_date between $since and $through
group by 1
"""


def build(view: View) -> Page:
    ask = Ask(view, "company" if view.scope is None else "team")
    dimension: spend.Dimension = "team" if view.scope is None else "app"
    whole = spend.total(ask)
    parts = spend.by(ask, dimension, whole)
    lines = budgets.lines_of(ask)
    own = budgets.own_line(ask, lines)
    found = shared.incidents_of(ask)
    days = spend.daily(ask, dimension, *spend.shown_days(ask))
    estimated = spend.estimate(ask, dimension)
    opportunities = savings.opportunities(ask)
    # Budgets and forecasts are those of the month billed last: a week of an earlier month is not told by them.
    is_newest = ask.shown_month == ask.month
    tiles = [spend.tile(ask, whole, shared.spark_of(days.to_dict("records")))]
    if is_newest:
        tiles.append(budgets.tile(ask, budgets.projection(ask, own), own, ask.here("budgets")))
    tiles += [savings.tile(ask, opportunities), incidents.tile(ask, found), shared.guardrail_tile(ask)]
    if ask.is_current:
        tiles.append(spend.estimate_tile(ask, estimated))
    ranked = [part.name for part in parts if part.name is not None]
    saved = shared.saved_notes(ask)
    happened: list[tuple[Block, ...]] = [(incidents.table(ask, found),), (shared.guardrail_table(ask),)]
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
                    (spend.daily_chart(ask, days, ranked, estimated, dimension),),
                ),
            ),
            Section(
                "owners",
                f"By {dimension}",
                (
                    (_owners(ask, dimension, parts, whole, lines, is_newest=is_newest),),
                    *shared.currency_rows(ask),
                ),
            ),
            Section(
                "savings",
                "What could be saved",
                (
                    (savings.table(ask, opportunities, MOST_SAVINGS),),
                    *(((Notes("Already saved, and lost", saved),),) if saved else ()),
                ),
            ),
            Section("events", "What happened", tuple(happened)),
        ),
    )


def _owners(
    ask: Ask,
    dimension: spend.Dimension,
    parts: list[spend.Part],
    whole: spend.Total,
    lines: tuple[BudgetLine, ...],
    *,
    is_newest: bool,
) -> Table:
    """Teams (of a team: its apps) with the week, the month and where it ends; the total is the tile's."""
    currency = ask.currency
    columns = [Column(dimension.capitalize()), Column("Week", "number"), Column("Change", "number")]
    month = _month(ask, dimension)
    expected = budgets.team_projections(ask, lines, month) if dimension == "team" and is_newest else {}
    if is_newest:
        columns.append(Column("Month so far", "number", f"Billed from the first through {ask.through.isoformat()}"))
        if dimension == "team":
            columns.append(Column("Month's end", "number", "As forecast"))
        columns.append(Column("Budget", "bar", "Solid: billed. Hatched: with the forecast of the days that remain."))

    def row(part: spend.Part) -> Row:
        name = cells.team(part.name) if dimension == "team" else cells.app(part.name)
        found = [name, cells.money(part.now, currency), words.change_cell(part.now, part.before, currency)]
        if is_newest:
            found.append(cells.money(month.get(part.name, ZERO), currency))
            if dimension == "team":
                found.append(budgets.projection_cell(expected.get(part.name), currency))
            line = None if part.name is None else monthly_budget(lines, ask.month, dimension, part.name)
            found.append(budgets.used_cell(line))
        return Row(tuple(found))

    shown = [*(part for part in parts if part.name is not None)][:MOST_ROWS]
    shown += [part for part in parts if part not in shown and part.name is None]
    left = [part for part in parts if part not in shown]
    rows = [row(part) for part in shown]
    if left:
        rest = [cells.money(sum((part.now for part in left), ZERO), currency), *[Cell("")] * (len(columns) - 2)]
        rows.append(Row((Cell(f"{len(left)} more"), *rest)))
    total = [Cell("All AI spend"), cells.money(whole.now, currency)]
    total.append(words.change_cell(whole.now, whole.before, currency))
    if is_newest:
        own = budgets.own_line(ask, lines)
        total.append(cells.money(sum(month.values(), ZERO), currency))
        if dimension == "team":
            projection = budgets.projection(ask, own)
            total.append(budgets.projection_cell(projection, currency))
        total.append(budgets.used_cell(own))
    return Table(
        "owners",
        f"AI spend by {dimension}",
        tuple(columns),
        tuple(rows),
        f"Nothing was billed in {words.period_words(ask.view.period)}.",
        caption=f"{words.period_words(ask.view.period)}; change against {ask.view.period.before_label}.",
        total=Row(tuple(total)) if rows else None,
        export="fct_ai_cost_daily",
    )


def _month(ask: Ask, dimension: spend.Dimension) -> dict[str | None, Decimal]:
    rows = ask.rows(_MONTH.replace("column_name", dimension), since=ask.month.start)
    return {row["name"]: row["cost"] for row in rows}
