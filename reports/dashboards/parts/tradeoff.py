"""Which of several models does an app's work for the least money: cost against quality.

Here: models of the newest judged month, on a chart and in a table, of the company or of one app.
Not here: which calls to route elsewhere (``opportunities``).
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from reports import formatting as f
from reports.dashboards import cells
from reports.dashboards.ask import Ask, Rows
from reports.dashboards.model import Cell, Column, Row, Table, Target, Tile
from reports.figures import frontier as drawn
from reports.page.chart import Chart

_OWN = """
select model, app, cost_per_request, quality_score, quality_low, quality_high, is_on_frontier, routing_saves_cost,
       usage_month, p95_latency_ms
from fct_model_tradeoff_monthly
where {scope} and currency = $currency and cost_per_request is not null
      and usage_month = (select max(usage_month) from fct_model_tradeoff_monthly
                         where {scope} and currency = $currency and usage_month <= $last)
order by model
"""


def variants_of(ask: Ask) -> Rows:
    """The newest month of the period that has judged models; apps that have several come first."""
    return ask.rows(
        """with newest as (
               select * from fct_model_tradeoff_monthly
               where currency = $currency and cost_per_request is not null and usage_month <= $last
               qualify usage_month = max(usage_month) over ()
           )
           select *, count(*) over (partition by app) as models from newest order by app, cost_per_request""",
    )


def tiles(ask: Ask, variants: Rows) -> list[Tile]:
    """What routing would have saved; nothing where nobody judged answers."""
    if not variants:
        return []
    saves = cells.total(variants, "routing_saves_cost")
    return [
        Tile(
            "A cheaper model would save",
            f.whole_money(saves, ask.currency),
            f"in {f.month(variants[0]['usage_month'])}, where quality would not be worse",
            tone="warn" if saves else "good",
            target=Target("models", anchor="tradeoff"),
        )
    ]


def chart(ask: Ask, variants: Rows) -> Chart:
    """The apps that have several models."""
    points = _points([row for row in variants if row["models"] > 1])
    saved = cells.total(variants, "routing_saves_cost")
    return _chart(
        ask,
        points,
        f"Models of each app{_month_words(variants)}; filled where no other one is as good on cost, speed and quality. "
        f"Cheaper ones that are no worse would have saved {f.money(saved, ask.currency)}.",
        [f"{row.app} with {row.model}" for row in points.itertuples()],
        "No app has answers of several models that somebody judged; deliver outcomes with model and quality_score.",
    )


def own_chart(ask: Ask) -> Chart:
    """The models of an app in the newest judged month."""
    rows = ask.rows(_OWN)
    points = _points([row for row in rows if row["quality_score"] is not None])
    saved = cells.total(rows, "routing_saves_cost")
    text = f"Its models{_month_words(rows)}; filled where no other one is as good on cost, speed and quality."
    if saved > 0:
        text += f" Cheaper ones that are no worse would have saved {f.money(saved, ask.currency)}."
    return _chart(
        ask,
        points,
        text,
        list(points["model"]),
        ask.empty(
            "fct_model_tradeoff_monthly",
            f"Nobody judged answers of {ask.name}; deliver outcomes with model and quality_score.",
        ),
    )


def _month_words(variants: Rows) -> str:
    return f", {f.month(variants[0]['usage_month'])}" if variants else ""


def _points(variants: Rows) -> pd.DataFrame:
    return pd.DataFrame(
        [
            (
                row["app"],
                row["model"],
                float(row["cost_per_request"]) * 1000,
                float(row["quality_score"]),
                float(row["quality_low"]),
                float(row["quality_high"]),
                bool(row["is_on_frontier"]),
            )
            for row in variants
        ],
        columns=["app", "model", "cost", "quality", "low", "high", "is_on_frontier"],
    )


def _chart(ask: Ask, points: pd.DataFrame, caption: str, names: Sequence[str], empty: str) -> Chart:
    return Chart(
        "tradeoff",
        "Cost against quality",
        caption,
        "Points of what 1,000 requests cost and how good the answers were judged: "
        + ", ".join(
            f"{name} {ask.currency} {row.cost:,.2f} and {row.quality:.0%}"
            for name, row in zip(names, points.itertuples(), strict=True)
        ),
        None if points.empty else drawn.scatter(points, sorted(set(points["app"])), ask.currency),
        empty,
    )


def table(ask: Ask, variants: Rows) -> Table:
    rows = []
    for row in variants:
        saves = row["routing_saves_cost"]
        on_frontier = row["is_on_frontier"]
        rows.append(
            Row(
                (
                    cells.app(row["app"]),
                    cells.text(row["model"], small=row["provider_name"] or ""),
                    cells.unit_money(row["cost_per_request"] * 1000, ask.currency),
                    cells.share(
                        row["quality_score"],
                        1,
                        small=f"{f.percent(row['quality_low'], 1)} to {f.percent(row['quality_high'], 1)}",
                    ),
                    cells.milliseconds(row["p95_latency_ms"]),
                    cells.compact(row["request_count"]),
                    cells.money(row["estimated_cost"], ask.currency),
                    cells.badge("On the frontier", "good") if on_frontier else cells.badge("Beaten", "warn"),
                    cells.text(row["route_to_model"]),
                    cells.money(saves, ask.currency) if saves else Cell(cells.NOTHING, sort=0),
                )
            )
        )
    sums = Row(
        (
            Cell("All"),
            Cell(""),
            Cell(""),
            Cell(""),
            Cell(""),
            cells.compact(sum(row["request_count"] or 0 for row in variants)),
            cells.money(cells.total(variants, "estimated_cost"), ask.currency),
            Cell(""),
            Cell(""),
            cells.money(cells.total(variants, "routing_saves_cost"), ask.currency),
        )
    )
    month = f"{f.month(variants[0]['usage_month'])}. " if variants else ""
    return Table(
        "model-variants",
        "Models of each app",
        (
            Column("App"),
            Column("Model"),
            Column(
                "1,000 requests", "number", "Estimated with the price book, of the requests that this model was given"
            ),
            Column("Quality", "number", "Mean score of judged answers with its 95% interval"),
            Column("P95", "number", "95% of its calls took at most this long"),
            Column("Requests", "number"),
            Column("Cost", "number"),
            Column("Frontier", "badge"),
            Column("Cheaper, not worse", help="The cheapest model whose quality is not worse, within the tolerance"),
            Column("Would have saved", "number"),
        ),
        tuple(rows),
        "No model's answers were judged; deliver outcomes with model and quality_score.",
        f"{month}aifinops frontier has the same with the tolerance; a model may have been given easier requests.",
        total=sums,
        export="fct_model_tradeoff_monthly",
    )
