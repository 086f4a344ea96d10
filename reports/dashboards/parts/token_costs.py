"""What 1M tokens of each model cost, and how that moves.

Here: unit costs of models in the period, their trend, each on its own basis.
Not here: kinds of tokens (``model_tokens``), prices in force (``prices``).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

import pandas as pd

from reports import formatting as f
from reports.dashboards import cells
from reports.dashboards.ask import Ask
from reports.dashboards.model import Column, Row, Table, Target, Tile
from reports.dashboards.parts import words
from reports.figures import unit as drawn
from reports.figures.theme import SERIES
from reports.frames import ZERO
from reports.marts import from_rows
from reports.measures.units import SMOOTHING_DAYS, TOKENS, UnitCost, company_cost, period_unit_costs, smoothed
from reports.page.chart import Chart

TREND_DAYS = 90
SHOWN = 15
RISEN = Decimal("0.1")
"""A rise from which a unit cost is worth a warning."""
_ONE_MILLION = Decimal(1_000_000)


def costs_of(ask: Ask) -> tuple[UnitCost, ...]:
    """The company and each model, in the period and what it is compared with."""
    # Each of the two is summed to its first day: the measure wants sums only.
    rows = ask.rows(
        """select case when usage_date >= $first then $first::date else $before_first::date end as usage_date, unit,
                  scope_type, scope_value, cost_basis, sum(cost) as cost, sum(quantity) as quantity
           from fct_unit_economics_daily
           where unit = $unit and scope_type in ('company', 'model') and currency = $currency
               and (usage_date between $first and $last or usage_date between $before_first and $before_last)
           group by all order by all""",
        unit=TOKENS,
    )
    economics = from_rows("fct_unit_economics_daily", rows)
    period = ask.view.period
    return period_unit_costs(economics, period.first, period.last, period.before_first, period.before_last)


def tiles(ask: Ask, costs: tuple[UnitCost, ...]) -> list[Tile]:
    """All models together; nothing where no token has been matched with cost."""
    whole = company_cost(costs, TOKENS)
    if whole is None:
        return []
    ratio = whole.change_ratio
    return [
        Tile(
            "Cost per 1M tokens",
            f.unit_money(whole.unit_cost, ask.currency),
            words.unit_change_words(ask, whole),
            f"{f.compact(whole.quantity * _ONE_MILLION)} tokens, {f.whole_money(whole.cost, ask.currency)} "
            f"{whole.cost_basis}",
            tone="" if ratio is None else "warn" if ratio > RISEN else "good" if ratio < 0 else "",
            target=Target("models", anchor="cost"),
        )
    ]


def _trend(ask: Ask, lines: Sequence[UnitCost]) -> pd.DataFrame:
    """Days of the models in ``lines``, each on its own basis."""
    rows = ask.rows(
        """select usage_date, unit, scope_type, scope_value, cost_basis, cost, quantity
           from fct_unit_economics_daily
           where unit = $unit and scope_type = 'model' and currency = $currency
               and scope_value || ' ' || cost_basis in (select unnest($shown)) and usage_date between $since and $last
           order by usage_date, scope_value""",
        unit=TOKENS,
        shown=[f"{line.scope_value} {line.cost_basis}" for line in lines],
        since=ask.view.period.last - timedelta(days=TREND_DAYS - 1),
    )
    return smoothed(from_rows("fct_unit_economics_daily", rows), "scope_value")


def trend_chart(ask: Ask, lines: Sequence[UnitCost]) -> Chart:
    shown = lines[: len(SERIES)]
    trend = _trend(ask, shown)
    return Chart(
        "token-costs",
        "Cost per 1M tokens by model",
        f"All token classes together, {SMOOTHING_DAYS}-day average, {TREND_DAYS} days.",
        "Lines of cost per 1M tokens: "
        + ", ".join(f"{line.scope_value} {f.unit_money(line.unit_cost, ask.currency)}" for line in shown),
        None if trend.empty else drawn.lines(trend, [line.scope_value for line in shown], ask.currency, height=380),
        "No model's tokens have been matched with cost yet.",
    )


def table(ask: Ask, lines: Sequence[UnitCost]) -> Table:
    whole = sum((line.cost for line in lines), ZERO)
    return Table(
        "model-costs",
        "Models",
        (
            Column("Model"),
            Column("Cost", "number"),
            Column("Share", "bar", "Of the cost of all models that have one"),
            Column("Per 1M tokens", "number"),
            Column("Change", "number", f"Against {ask.view.period.before_label}"),
            Column("Tokens", "number"),
            Column("Basis", help="Billed where the bill tells the model's tokens, else estimated with the price book"),
        ),
        tuple(
            Row(
                (
                    cells.text(line.scope_value),
                    cells.money(line.cost, ask.currency),
                    words.share_cell(line.cost, whole),
                    cells.unit_money(line.unit_cost, ask.currency),
                    cells.change(line.unit_cost, line.previous_unit_cost),
                    cells.compact(line.quantity * _ONE_MILLION),
                    cells.text(line.cost_basis),
                )
            )
            for line in lines[:SHOWN]
        ),
        f"No model's tokens have been matched with cost in {ask.view.period.label}.",
        f"{ask.view.period.label}, most money first.",
        export="fct_unit_economics_daily",
        more=cells.more(len(lines), SHOWN, "smaller ones"),
    )
