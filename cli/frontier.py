"""What an app's models cost against how fast and how good they are, and what a cheaper one would have saved.

Here: the newest month, or one that is asked for, of fct_model_tradeoff_monthly, and showing it.
Not here: frontier and routing (dbt).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from rich.console import Console
from rich.table import Table

from finops.paths import Home
from orchestration.published import query_mart
from reports import formatting as f


class UnknownAppError(LookupError):
    """No model of the app was scored."""


@dataclass(frozen=True)
class Variant:
    """One model of an app in a month; amounts in ``currency``, scores 0 to 1, latency in milliseconds."""

    month: date
    app: str
    provider: str
    model: str
    currency: str | None
    requests: int
    cost: Decimal | None
    cost_per_request: Decimal | None
    p95_ms: int | None
    scored: Decimal
    quality: Decimal
    quality_low: Decimal
    quality_high: Decimal
    is_on_frontier: bool | None
    route_to: str | None
    saves: Decimal | None
    quality_difference: Decimal | None
    quality_difference_low: Decimal | None


def read_variants(home: Home, app: str | None, month: date | None) -> list[Variant]:
    """The variants of a month, by app, the dearest request first.

    Args:
        month: its first day; the newest month with scores where it is None.

    Raises:
        NotPublishedError: the home has no such mart yet.
        UnknownAppError: the app has no scored model; with those that have.
    """
    rows = query_mart(
        home,
        "fct_model_tradeoff_monthly",
        """with months as (
               select coalesce($month, max(usage_month)) as usage_month from read_parquet($mart)
               where $app is null or app = $app
           )
           select usage_month, app, provider_name, model, currency, request_count, estimated_cost, cost_per_request,
                  p95_latency_ms, scored_count, quality_score, quality_low, quality_high,
                  is_on_frontier, route_to_model, routing_saves_cost, quality_difference, quality_difference_low
           from read_parquet($mart) as variants
           inner join months using (usage_month)
           where $app is null or app = $app
           order by app, cost_per_request desc nulls last, provider_name, model""",
        {"app": app, "month": month},
    )
    if not rows and app is not None:
        known = query_mart(
            home, "fct_model_tradeoff_monthly", "select distinct app from read_parquet($mart) order by app", {}
        )
        names = ", ".join(name for (name,) in known) or "none"
        raise UnknownAppError(f"app {app!r} has no scored model then. Apps with scores: {names}")
    return [Variant(*row) for row in rows]


def show_variants(variants: list[Variant], console: Console) -> None:
    """A table of all models, and a sentence for each app."""
    console.print(_table(variants))
    console.print()
    for app in dict.fromkeys(variant.app for variant in variants):
        console.print(_sentence([variant for variant in variants if variant.app == app]))
    console.print(
        f"\n{f.month(variants[0].month)}. ● is on the frontier: no other model of the app is as good on cost, p95 "
        "latency and quality and better on one. Quality: mean score, and how far the true one is from it at most, with "
        "95% confidence. Routing takes the same tokens for granted: a model that thinks or cuts text differently uses "
        "others."
    )


def _table(variants: list[Variant]) -> Table:
    """As wide as 80 columns: an app is a line above its models, and where they could go is told below."""
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 1))
    table.add_column("", no_wrap=True)
    table.add_column("Model", no_wrap=True)
    for heading in ("Requests", "Cost", "A request", "p95", "Quality"):
        table.add_column(heading, justify="right", no_wrap=True)
    shown = None
    for variant in variants:
        currency = variant.currency or ""
        if variant.app != shown:
            table.add_row("", f"[bold]{variant.app}[/]")
        table.add_row(
            "●" if variant.is_on_frontier else "",
            variant.model,
            f.whole(variant.requests),
            "–" if variant.cost is None else f.money(variant.cost, currency),
            "–" if variant.cost_per_request is None else f.unit_money(variant.cost_per_request, currency),
            _seconds(variant.p95_ms),
            f"{f.percent(variant.quality, 1)} ±{(variant.quality_high - variant.quality_low) * 50:.1f}",
        )
        shown = variant.app
    return table


def _sentence(variants: list[Variant]) -> str:
    app = variants[0].app
    moved = [variant for variant in variants if variant.route_to and variant.saves]
    if len(variants) == 1:
        return f"{app}: only {variants[0].model} was scored, nothing to compare it with."
    if not moved:
        return f"{app}: no cheaper model is surely as good."
    parts = [
        f"{variant.model} to {variant.route_to} saves {f.money(variant.saves or Decimal(0), variant.currency or '')} "
        f"({f.percent((variant.saves or Decimal(0)) / variant.cost) if variant.cost else '–'} of its cost) at quality "
        f"{_points(variant.quality_difference)}, surely not below {_points(variant.quality_difference_low)} points"
        for variant in moved
    ]
    return f"{app}: {'; '.join(parts)}."


def _points(difference: Decimal | None) -> str:
    return "0" if difference is None else f.signed_percent(difference, 1).replace("%", "")


def _seconds(milliseconds: int | None) -> str:
    return "–" if milliseconds is None else f"{Decimal(milliseconds) / 1000:,.1f} s"
