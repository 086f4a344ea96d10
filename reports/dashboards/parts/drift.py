"""Estimates against the bill that replaced them.

Here: by day and by cause, with what each cause asks for.
Not here: pricing usage again (orchestration), the causes (dbt).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal

from reports import formatting as f
from reports.dashboards import cells
from reports.dashboards.ask import Ask, Rows
from reports.dashboards.model import Block, Cell, Column, Row, Table, Tile, Tone
from reports.figures import health as drawn
from reports.page.chart import Chart

CHART_DAYS = 60
SMALL_DRIFT = Decimal("0.05")
CAUSES: Mapping[str, tuple[str, str]] = {
    "price": ("Another price", "Correct config/prices.yml, then aifinops reprice; a batch discount may not be in it"),
    "quantity": (
        "Another number of tokens",
        "Telemetry lost calls, counts them twice, or rented capacity covers a part of them",
    ),
    "billed_without_usage": (
        "Billed, not measured",
        "Nobody measures this account: send its spans or read its metrics",
    ),
    "usage_without_bill": ("Measured, not billed", "It was free, or is billed elsewhere: connect that bill"),
    "billed_otherwise": ("Billed by the hour", "Rented capacity is charged by the hour, not by the token"),
    "unpriced_usage": ("No price", "Add the model to config/prices.yml"),
    "other_currency": ("Another currency", "Price book and bill have different currencies and are not compared"),
    "unknown_quantity": ("Tokens not on the bill", "The bill does not say how many tokens it charges for"),
    "within_tolerance": ("Within tolerance", ""),
}


def drift_of(ask: Ask) -> Rows:
    return ask.rows(
        """select provider_name, cause, count(distinct usage_date) as days,
                  string_agg(distinct model, ', ' order by model)
                      as models, sum(estimated_cost) as estimated_cost, sum(billed_cost) as billed_cost,
                  sum(drift_cost) as drift_cost, sum(price_drift_cost) as price_cost,
                  sum(quantity_drift_cost) as quantity_cost, count(*) filter (where status = 'partly') as growing
           from fct_estimate_drift_daily
           where usage_date between $first and $last and status <> 'estimated' and currency = $currency
           group by 1, 2 order by abs(sum(drift_cost)) desc nulls last, 1, 2""",
    )


def tiles(ask: Ask, drift: Rows) -> list[Tile]:
    """By how much the bill differs where both are known; nothing where nothing is."""
    compared = [row for row in drift if row["estimated_cost"] is not None and row["drift_cost"] is not None]
    estimated, off = cells.total(compared, "estimated_cost"), cells.total(compared, "drift_cost")
    if not estimated:
        return []
    return [
        Tile(
            "Estimate to bill",
            f.signed_percent(off / estimated, 1),
            f"{f.signed_money(off, ask.currency)} billed beside {f.whole_money(estimated, ask.currency)} estimated",
            f"{ask.view.period.label}, where both are known",
            tone="good" if abs(off / estimated) <= SMALL_DRIFT else "warn",
        )
    ]


def blocks(ask: Ask, drift: Rows) -> tuple[tuple[Block, ...], ...]:
    return ((_chart(ask),), (_table(ask, drift),))


def _chart(ask: Ask) -> Chart:
    last = ask.view.period.last
    rows = ask.rows(
        """select usage_date as day, sum(estimated_cost) as estimated, sum(billed_cost) as billed
           from fct_estimate_drift_daily
           where usage_date between $first and $last and status <> 'estimated' and currency = $currency
               and drift_cost is not null and estimated_cost is not null
           group by 1 order by 1""",
        first=max(ask.view.period.first, last - timedelta(days=CHART_DAYS - 1)),
        last=last,
    )
    estimated, billed = cells.total(rows, "estimated"), cells.total(rows, "billed")
    return Chart(
        "drift",
        "Estimated and billed, per day",
        f"{ask.view.period.label}: model usage that was both measured and billed. Hatched: tokens at the price book's "
        "prices. Solid: the bill.",
        f"Bars per day of estimated cost, {f.money(estimated, ask.currency)} in all, and billed cost, "
        f"{f.money(billed, ask.currency)}.",
        drawn.estimate_and_bill(rows, ask.currency) if rows else None,
        "No usage of this period has been both measured and billed.",
    )


def _table(ask: Ask, drift: Rows) -> Table:
    currency = ask.currency
    rows = []
    for row in drift:
        cause, remedy = CAUSES.get(row["cause"] or "", (f.humanise(row["cause"] or "not known"), ""))
        tone: Tone = "good" if row["cause"] == "within_tolerance" else "warn"
        growing = "; some days may still grow" if row["growing"] else ""
        rows.append(
            Row(
                (
                    cells.text(
                        row["provider_name"],
                        small=f"{row['models'] or 'no model'}; {f.count(row['days'], 'day')}{growing}",
                    ),
                    Cell(cause, sort=cause, tone=tone, small=remedy),
                    cells.money(row["estimated_cost"], currency),
                    cells.money(row["billed_cost"], currency),
                    cells.signed(row["drift_cost"], currency),
                    cells.signed(row["price_cost"], currency),
                    cells.signed(row["quantity_cost"], currency),
                )
            )
        )
    totals = Row(
        (
            Cell("All"),
            Cell(""),
            cells.money(cells.total(drift, "estimated_cost"), currency),
            cells.money(cells.total(drift, "billed_cost"), currency),
            cells.signed(cells.total(drift, "drift_cost"), currency),
            cells.signed(cells.total(drift, "price_cost"), currency),
            cells.signed(cells.total(drift, "quantity_cost"), currency),
        )
    )
    return Table(
        "drift-causes",
        "Why bill and estimate differ",
        (
            Column("Provider"),
            Column("Cause, and what to do", "badge"),
            Column("Estimated", "number"),
            Column("Billed", "number"),
            Column("Billed − estimated", "number"),
            Column("By price", "number"),
            Column("By tokens", "number"),
        ),
        tuple(rows),
        ask.empty(
            "fct_estimate_drift_daily", f"No model usage of {ask.view.period.label} has met a bill in {currency} yet."
        ),
        f"{ask.view.period.label}, largest difference first. The bill is right; the difference says what "
        "the estimate lacks. What has no price has no difference.",
        total=totals,
        export="fct_estimate_drift_daily",
    )
