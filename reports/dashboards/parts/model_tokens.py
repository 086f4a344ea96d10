"""Tokens of all apps by model and kind: how many, at what price, how many from the cache.

Here: sums of the period and by day.
Not here: usage of one scope (``tokens``), what prompts are made of (``prompts``).
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from finops.tokens import INPUT_CLASSES, TokenClass
from reports import formatting as f
from reports.dashboards import cells
from reports.dashboards.ask import Ask, Rows
from reports.dashboards.model import Cell, Column, Row, Table, Target, Tile
from reports.dashboards.parts.tokens import by_day, cache_chart, kinds, label
from reports.figures import tokens as drawn
from reports.frames import ZERO
from reports.page.chart import Chart

CHART_DAYS = 60
SHOWN = 15
_ONE_MILLION = Decimal(1_000_000)
_INPUT_NAMES = frozenset(name.value for name in INPUT_CLASSES)


def sums_of(ask: Ask) -> tuple[Rows, Rows]:
    """Tokens of the period, each once: by app, model and class, and by day and class. Read once, because it is much."""
    rows = ask.rows(
        """select usage_hour::date as day, app, provider_name, model, token_class, sum(tokens)::bigint as tokens,
                  sum(estimated_cost) as cost, sum(tokens) filter (where estimated_cost is not null)::bigint as priced,
                  grouping(usage_hour::date) = 0 as is_day
           from fct_usage_cost_hourly
           where is_attributable and (currency = $currency or currency is null)
               and usage_hour >= $first and usage_hour < $last::date + 1
           group by grouping sets ((usage_hour::date, token_class), (app, provider_name, model, token_class))
           order by day, app, model, token_class""",
        last=cells.usage_through(ask.view),
    )
    return [row for row in rows if not row["is_day"]], [row for row in rows if row["is_day"]]


def tiles(ask: Ask, sums: Rows, prompts: Rows) -> list[Tile]:
    """How many tokens, and how much of the input came from the cache; nothing where there are none."""
    tokens = sum(row["tokens"] for row in sums)
    if not tokens:
        return []
    names = {row["model"] for row in sums if row["model"]}
    made = [
        Tile(
            "Tokens",
            f.compact(tokens),
            f"in {f.count(len(names), 'model')}, {f.whole_money(cells.total(sums, 'cost'), ask.currency)} estimated",
            f"{ask.view.period.label} through {f.short_day(cells.usage_through(ask.view))}",
            target=Target("models", anchor="tokens"),
        )
    ]
    given = sum(row["tokens"] for row in sums if row["token_class"] in _INPUT_NAMES)
    if given:
        cached = sum(row["tokens"] for row in sums if row["token_class"] == TokenClass.CACHE_READ.value)
        missed = cells.total(prompts, "missed")
        made.append(
            Tile(
                "Input from the cache",
                f.percent(cached / given),
                f"saved {f.whole_money(cells.total(prompts, 'saved'), ask.currency)}",
                f"{f.whole_money(missed, ask.currency)} more could have been saved" if missed else "",
                target=Target("savings") if missed else None,
            )
        )
    return made


def classes_table(ask: Ask, sums: Rows) -> Table:
    """What 1M tokens of each class came to, model by model: cost ÷ tokens that have a price."""
    classes = kinds(sums)
    models: dict[str, dict[str, tuple[Decimal, int]]] = {}
    for row in sums:
        if row["cost"] is None:
            continue
        by_class = models.setdefault(row["model"] or "Not named", {})
        cost, priced = by_class.get(row["token_class"], (ZERO, 0))
        by_class[row["token_class"]] = (cost + row["cost"], priced + row["priced"])
    money = {name: sum((cost for cost, _ in parts.values()), ZERO) for name, parts in models.items()}

    def price(part: tuple[Decimal, int] | None) -> Cell:
        if part is None or not part[1]:
            return Cell(cells.NOTHING)
        return cells.unit_money(part[0] * _ONE_MILLION / part[1], ask.currency, small=f"{f.compact(part[1])} tokens")

    ordered = sorted(models, key=lambda name: (-money[name], name))
    return Table(
        "class-costs",
        "Cost per 1M tokens by model and kind of token",
        (
            Column("Model"),
            Column("Estimated cost", "number"),
            *(Column(label(name), "number") for name in classes),
        ),
        tuple(
            Row(
                (
                    cells.text(name),
                    cells.money(money[name], ask.currency),
                    *(price(models[name].get(token_class)) for token_class in classes),
                )
            )
            for name in ordered[:SHOWN]
        ),
        f"No usage of {ask.view.period.label} has a price.",
        f"{ask.view.period.label} through {f.short_day(cells.usage_through(ask.view))}, at the price book's prices; "
        "an estimate, never added to billed cost.",
        total=Row((Cell("All"), cells.money(sum(money.values(), ZERO), ask.currency), *(Cell("") for _ in classes))),
        export="fct_usage_cost_hourly",
        more=cells.more(len(ordered), SHOWN, "smaller ones, in the total"),
    )


def mix_chart(ask: Ask, days: Rows, height: int) -> Chart:
    through = cells.usage_through(ask.view)
    since = max(ask.view.period.first, through - timedelta(days=CHART_DAYS - 1))
    daily, present = by_day([row for row in days if row["day"] >= since])
    return Chart(
        "token-mix",
        "Tokens per day",
        "Every token once, in the class it is priced in.",
        f"Stacked bars of tokens per day by class, from {f.day(since)} to {f.day(through)}.",
        None if daily.empty else drawn.mix(daily, present, height=height),
        "No model usage has arrived in this period; connect gateway spans, usage files or Azure Monitor.",
    )


def cache_hits_chart(sums: Rows) -> Chart:
    apps: dict[str | None, dict[str, Any]] = {}
    for row in sums:
        if row["token_class"] in _INPUT_NAMES:
            given = apps.setdefault(row["app"], {"name": row["app"], "input": 0, "cached": 0})
            given["input"] += row["tokens"]
            given["cached"] += row["tokens"] if row["token_class"] == TokenClass.CACHE_READ.value else 0
    return cache_chart(list(apps.values()))
