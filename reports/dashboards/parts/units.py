"""What one unit costs: a million tokens, a GPU-hour, an outcome of the business.

Here: the newest 30 days and the 30 before, lines over 90 days.
Not here: how cost and quantity were matched (dbt), targets (``unit_targets``), what outcomes bring (``value``).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal

import pandas as pd

from finops import money
from reports import formatting as f
from reports.dashboards import cells
from reports.dashboards.ask import Ask
from reports.dashboards.model import Cell, Column, Row, Table, Tile
from reports.figures import theme, unit
from reports.marts import from_rows
from reports.measures.units import (
    GPU_HOUR_WORDS,
    GPU_HOURS,
    SMOOTHING_DAYS,
    TOKENS,
    WINDOW_DAYS,
    UnitCost,
    company_cost,
    model_costs,
    outcome_costs,
    smoothed,
    unit_costs,
)
from reports.page.chart import Chart

TREND_DAYS = 90
OUTCOME_CHARTS = 6
NOT_KNOWN = "Not known"
# Sums of two windows, dated with their last days, so that the measure finds the same windows in two rows a scope.
_WINDOWS = """
with known as (
    select *, max(usage_date) over (partition by cost_basis) as newest
    from fct_unit_economics_daily
    where currency = $currency and usage_date <= $until
          and (scope_type = 'company' or (scope_type = 'model' and unit = '1m_tokens')
               or (scope_type in ('app', 'team') and unit <> '1m_tokens' and not starts_with(unit, 'gpu_hour')))
)
select newest - $window * (usage_date <= newest - $window)::int as usage_date, unit, scope_type, scope_value,
       cost_basis, sum(cost) as cost, sum(quantity) as quantity
from known where usage_date > newest - 2 * $window
group by all
"""
_TREND = """
select usage_date as day, unit, scope_type, scope_value, cost_basis,
       sum(cost) as cost, sum(quantity) as quantity
from fct_unit_economics_daily
where currency = $currency and usage_date between $since and $until
      and concat_ws('/', unit, scope_type, scope_value, cost_basis) in (select unnest($series))
group by all
order by 1
"""


def until(ask: Ask) -> date:
    """Unit costs reach to today for what is current, to the period's end for what is past."""
    return ask.view.as_of.date() if ask.is_current else ask.view.period.last


def costs_of(ask: Ask) -> tuple[UnitCost, ...]:
    """Company, models and outcomes: one entry per unit, scope and cost basis."""
    rows = ask.rows(_WINDOWS, until=until(ask), window=WINDOW_DAYS)
    return unit_costs(from_rows("fct_unit_economics_daily", rows), until(ask))


def trends(ask: Ask, lines: Sequence[UnitCost]) -> pd.DataFrame:
    """``day, line, value`` of each of the lines over 90 days: cost ÷ quantity of the 7 days that end on each day."""
    keys = {(one.unit, one.scope_type, one.scope_value, one.cost_basis): n for n, one in enumerate(lines)}
    since = until(ask) - timedelta(days=TREND_DAYS - 1)
    rows = ask.rows(_TREND, since=since, until=until(ask), series=["/".join(key) for key in keys]) if keys else []
    frame = pd.DataFrame(
        {
            "usage_date": pd.to_datetime([row["day"] for row in rows]),
            "line": [keys[row["unit"], row["scope_type"], row["scope_value"], row["cost_basis"]] for row in rows],
            "cost": [row["cost"] for row in rows],
            "quantity": [row["quantity"] for row in rows],
        }
    )
    return smoothed(frame, "line").rename(columns={"series": "line"})


# ── tiles ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def tiles(ask: Ask, costs: tuple[UnitCost, ...]) -> list[Tile]:
    """What a million tokens and a GPU-hour cost the company; nothing for whoever does not see it."""
    if not ask.sees_company:
        return []
    found = []
    tokens = company_cost(costs, TOKENS)
    gpu = company_cost(costs, "gpu_hour_allocated") or company_cost(costs, "gpu_hour_billed")
    lines = [one for one in (tokens, gpu) if one is not None]
    points = trends(ask, lines)
    sparks = {
        line: tuple(None if pd.isna(value) else float(value) for value in points[points["line"] == n]["value"])
        for n, line in enumerate(lines)
    }
    if tokens is None:
        reason = "No tokens have been matched with cost yet."
        found.append(Tile("Cost per 1M tokens", NOT_KNOWN, sub=reason))
    else:
        found.append(
            Tile(
                "Cost per 1M tokens",
                f.unit_money(tokens.unit_cost, ask.currency),
                sub=_change_words(tokens),
                foot=f"{f.compact(tokens.quantity * 1_000_000)} tokens in 30 days, {tokens.cost_basis} cost.",
                spark=sparks[tokens],
                spark_label="Cost per 1M tokens over 90 days, 7-day average",
            )
        )
    if gpu is None:
        return [*found, Tile("Cost per GPU-hour", NOT_KNOWN, sub="No GPU cost has been matched with GPU hours yet.")]
    busy = company_cost(costs, "gpu_hour_busy")
    per = GPU_HOUR_WORDS[gpu.unit].lower()
    found.append(
        Tile(
            "Cost per GPU-hour",
            f.unit_money(gpu.unit_cost, ask.currency),
            sub=_change_words(gpu),
            foot=f"Per {per}" + (f"; {f.unit_money(busy.unit_cost, ask.currency)} per busy hour." if busy else "."),
            spark=sparks[gpu],
            spark_label="Cost per GPU-hour over 90 days, 7-day average",
        )
    )
    return found


def _change_words(line: UnitCost) -> str:
    if line.change_ratio is None:
        return "Nothing of the 30 days before to compare with"
    return f"{f.signed_percent(line.change_ratio)} against the 30 days before"


def _change_cell(line: UnitCost) -> Cell:
    if line.change_ratio is None:
        return Cell(cells.NOTHING)
    return Cell(f.signed_percent(line.change_ratio), sort=line.change_ratio)


# ── charts ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def charts(ask: Ask, costs: tuple[UnitCost, ...]) -> tuple[Chart, Chart, tuple[Chart, ...]]:
    """Lines of models and of GPU-hours, and one small chart per outcome, each on its own scale."""
    models = list(model_costs(costs)[: len(theme.SERIES)])
    hours = [one for name in GPU_HOURS if (one := company_cost(costs, name)) is not None]
    outcomes = list(outcome_costs(costs)[:OUTCOME_CHARTS])
    points = trends(ask, [*models, *hours, *outcomes])
    names = [*(one.scope_value for one in models), *(GPU_HOUR_WORDS[one.unit] for one in hours)]
    named = points[points["line"] < len(names)]
    named = named.assign(series=[names[n] for n in named["line"]])
    of_models = named[named["line"] < len(models)]
    of_hours = named[named["line"] >= len(models)]
    small = []
    for n, line in enumerate(outcomes):
        own = points[points["line"] == len(names) + n]
        name = f.humanise(line.unit)
        small.append(
            Chart(
                f"outcome-{n + 1}",
                name,
                "Company" if line.scope_type == "company" else line.scope_value,
                f"Line of the cost of one {name.lower()}, now {f.unit_money(line.unit_cost, ask.currency)}.",
                None if own.empty else unit.single(own, ask.currency),
                "Too few days to draw.",
            )
        )
    return (
        Chart(
            "token-costs",
            "Cost per 1M tokens by model",
            f"All token classes together, {SMOOTHING_DAYS}-day average.",
            "Lines of cost per 1M tokens: "
            + ", ".join(f"{one.scope_value} {f.unit_money(one.unit_cost, ask.currency)}" for one in models),
            None if of_models.empty else unit.lines(of_models, names[: len(models)], ask.currency, height=380),
            "No model's tokens have been matched with cost yet.",
        ),
        Chart(
            "gpu-hours",
            "Cost per GPU-hour",
            f"The same cost over hours paid for, hours held by a pod, hours at work; {SMOOTHING_DAYS}-day average.",
            "Lines of cost per GPU-hour: "
            + ", ".join(f"{GPU_HOUR_WORDS[one.unit]} {f.unit_money(one.unit_cost, ask.currency)}" for one in hours),
            None if of_hours.empty else unit.lines(of_hours, names[len(models) :], ask.currency, height=380),
            "No GPU cost has been matched with GPU hours yet.",
        ),
        tuple(small),
    )


# ── tables ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def models_table(ask: Ask, costs: tuple[UnitCost, ...]) -> Table:
    lines = model_costs(costs)
    return Table(
        "model-costs",
        "Models",
        (
            Column("Model"),
            Column("Per 1M tokens", "number"),
            Column("Change", "number"),
            Column("By volume", "number", "More or fewer tokens at the old cost of a token"),
            Column("By price and mix", "number", "Another cost of a token: prices, cache, kinds of tokens"),
            Column("Tokens", "number"),
            Column("Cost", "number"),
            Column("Basis"),
        ),
        tuple(_model_row(line, cells.model(line.scope_value), ask.currency) for line in lines),
        "No model's tokens have been matched with cost yet.",
        caption="Newest 30 days of each cost basis against the 30 days before. Volume and price with mix add up to "
        "what cost has changed by.",
        total=_models_total(lines, ask.currency),
        export="fct_unit_economics_daily",
        more=_of_no_model(company_cost(costs, TOKENS), lines, ask.currency),
    )


def _of_no_model(company: UnitCost | None, lines: Sequence[UnitCost], currency: str) -> str:
    """Why the company's cost per 1M tokens is more than that of all models: capacity is charged to none of them."""
    if company is None or {line.cost_basis for line in lines} != {company.cost_basis}:
        return ""
    rest = company.cost - money.total(line.cost for line in lines)
    if rest <= 0:
        return ""
    return (
        f"The company's {f.unit_money(company.unit_cost, currency)} per 1M tokens has {f.money(rest, currency)} more: "
        "what the bill charges for tokens without naming a model, such as rented capacity."
    )


def _model_row(line: UnitCost, name: Cell, currency: str) -> Row:
    volume, price = _effects(line)
    return Row(
        (
            name,
            cells.unit_money(line.unit_cost, currency),
            _change_cell(line),
            cells.signed(volume, currency),
            cells.signed(price, currency),
            cells.compact(line.quantity * 1_000_000),
            cells.money(line.cost, currency),
            Cell(line.cost_basis),
        )
    )


def _models_total(lines: Sequence[UnitCost], currency: str) -> Row | None:
    """All models; None where some are billed and some estimated, because the two are never added."""
    if len({line.cost_basis for line in lines}) != 1:
        return None
    cost, quantity = money.total(line.cost for line in lines), money.total(line.quantity for line in lines)
    effects = [[one for one in side if one is not None] for side in zip(*map(_effects, lines), strict=True)]
    volume, price = (money.total(side) if side else None for side in effects)
    return Row(
        (
            Cell("All models"),
            cells.unit_money(cost / quantity if quantity else None, currency),
            Cell(),
            cells.signed(volume, currency),
            cells.signed(price, currency),
            cells.compact(quantity * 1_000_000),
            cells.money(cost, currency),
            Cell(lines[0].cost_basis),
        )
    )


def _effects(line: UnitCost) -> tuple[Decimal | None, Decimal | None]:
    """What a change of cost is made of: quantity at the old unit cost, and the new unit cost on today's quantity.

    ``(q₁ − q₀)·p₀ + (p₁ − p₀)·q₁ = c₁ − c₀``.
    """
    if line.previous_unit_cost is None or line.previous_quantity is None:
        return None, None
    volume = (line.quantity - line.previous_quantity) * line.previous_unit_cost
    return volume, line.cost - line.quantity * line.previous_unit_cost


def outcomes_table(ask: Ask, costs: tuple[UnitCost, ...]) -> Table:
    return Table(
        "outcomes",
        "Cost per outcome",
        (
            Column("Outcome"),
            Column("Each", "number"),
            Column("Change", "number"),
            Column("Count", "number"),
            Column("Cost", "number"),
        ),
        tuple(
            Row(
                (
                    Cell(
                        f.humanise(line.unit),
                        small="company" if line.scope_type == "company" else line.scope_value,
                        target=None
                        if line.scope_type == "company"
                        else cells.scope(line.scope_type, line.scope_value).target,
                    ),
                    cells.unit_money(line.unit_cost, ask.currency),
                    _change_cell(line),
                    cells.count(line.quantity),
                    cells.money(line.cost, ask.currency),
                )
            )
            for line in outcome_costs(costs)
        ),
        "No business outcomes have been delivered; add an outcomes source to see what one of them costs.",
        caption="What one result of the business costs in AI, newest 30 days against the 30 before.",
        export="fct_unit_economics_daily",
    )
