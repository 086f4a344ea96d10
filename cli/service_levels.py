"""How good the service is that the money pays for, and what it costs.

Here: reading the newest days of the service marts, and showing them.
Not here: what is promised (config/units.yml) and how it is judged (dbt).
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.table import Table

from finops.paths import Home
from orchestration.published import query_mart
from reports import formatting as f

Rows = list[tuple[Any, ...]]

_OBJECTIVES = """
    select objective_name, aspect, latency_target_milliseconds, target_ratio, window_good_ratio, budget_burned_ratio,
           burn_rate_1d, burn_rate_7d, burn_rate_28d, window_days, is_met, usage_date
    from (
        select *, row_number() over (partition by objective_id, aspect order by usage_date desc) as place
        from read_parquet($mart)
        where is_complete and usage_date > (
            select max(usage_date) from read_parquet($mart) where is_complete
        ) - $days
    )
    where place = 1
    order by budget_burned_ratio desc nulls last, objective_name, aspect
"""
# Percentiles of days cannot be added up: the middle one of the days, and the worst.
_MODELS = """
    select model, app, source, sum(request_count), sum(error_count), median(p95_milliseconds), max(p95_milliseconds),
           sum(mean_milliseconds * timed_request_count) filter (where mean_milliseconds is not null)
               / nullif(sum(timed_request_count) filter (where mean_milliseconds is not null), 0),
           currency,
           sum(effective_cost), sum(request_count) filter (where effective_cost is not null),
           sum(estimated_cost), sum(request_count) filter (where estimated_cost is not null),
           median(effective_cost_per_request_per_second), median(estimated_cost_per_request_per_second)
    from read_parquet($mart)
    where usage_date > (select max(usage_date) from read_parquet($mart)) - $days and is_attributable
        and ($app is null or app = $app) and ($model is null or model = $model)
    group by model, app, source, currency
    order by sum(coalesce(effective_cost, estimated_cost)) desc nulls last, 4 desc
    limit $top
"""
_GPUS = """
    select gpu_model, case when is_held then coalesce(app, team, 'No owner') else 'Idle' end as holder,
           sum(gpu_seconds) / 3600.0, sum(busy_gpu_seconds) / nullif(sum(measured_gpu_seconds), 0),
           any_value(utilization_at_least), any_value(utilization_at_most)
    from read_parquet($mart)
    where usage_date > (select max(usage_date) from read_parquet($mart)) - $days and ($app is null or app = $app)
    group by grouping sets ((gpu_model), (gpu_model, holder))
    order by gpu_model, holder nulls first
"""
_INTERRUPTIONS = """
    select kind, is_spot, coalesce(app, team, namespace), sum(event_count), sum(repeated_gpu_seconds) / 3600,
           currency, sum(estimated_repeated_cost)
    from read_parquet($mart)
    where event_date > (select max(event_date) from read_parquet($mart)) - $days and ($app is null or app = $app)
    group by all
    order by 7 desc nulls last, 4 desc
"""
_TRAINING = """
    select month_start, coalesce(app, team, project, 'No owner'), sum(run_count), sum(retrain_count), currency,
           sum(estimated_cost), sum(retrain_estimated_cost), sum(failed_estimated_cost)
    from read_parquet($mart)
    where month_start >= (select max(month_start) - interval 1 month from read_parquet($mart))
        and ($app is null or app = $app)
    group by 1, 2, currency
    order by 1 desc, 6 desc nulls last
"""


def show_service_levels(
    home: Home, console: Console, *, app: str | None, model: str | None, days: int, top: int
) -> bool:
    """Objectives, models, GPUs, interruptions and retrains; False where no mart has anything of it.

    Raises:
        NotPublishedError: the home has no such marts yet.
    """
    scope: Mapping[str, Any] = {"days": days, "app": app}
    objectives: Rows = []
    if app is None and model is None:
        objectives = query_mart(home, "fct_service_objective_daily", _OBJECTIVES, {"days": days})
    models = query_mart(home, "fct_service_level_daily", _MODELS, {**scope, "model": model, "top": top})
    found = bool(objectives or models)
    if objectives:
        _show_objectives(objectives, console)
    if models:
        _show_models(models, days, console)
    if model is None:
        for mart, query, show in (
            ("fct_gpu_utilization_daily", _GPUS, _show_gpus),
            ("fct_interruption_daily", _INTERRUPTIONS, _show_interruptions),
        ):
            rows = query_mart(home, mart, query, scope)
            if rows:
                show(rows, days, console)
                found = True
        training = query_mart(home, "fct_training_cost_monthly", _TRAINING, {"app": app})
        if training:
            _show_training(training, console)
            found = True
    return found


def _table(console: Console, title: str, *columns: str, text: int) -> Table:
    """A table with its title above it; the first ``text`` columns are text, the others numbers."""
    console.print(f"\n[bold]{title}[/]")
    table = Table(box=None, header_style="bold", pad_edge=False)
    for place, column in enumerate(columns):
        table.add_column(column, justify="left" if place < text else "right")
    return table


def _show_objectives(rows: Rows, console: Console) -> None:
    table = _table(
        console, "Objectives", "", "", "Reached", "Budget burned", "1 day", "7 days", "28 days", "Window", text=2
    )
    for name, aspect, limit, target, good, burned, *rates, window, met, _ in rows:
        promise = (
            f"{_share(target, 4)} without error"
            if aspect == "availability"
            else f"{_share(target, 4)} in {_time(limit)}"
        )
        table.add_row(
            f"{'✓' if met else '✗'} {name}", promise, _share(good, 3), _share(burned), *(_rate(rate) for rate in rates),
            f"{window} days",
        )  # fmt: skip
    console.print(table)
    console.print(
        f"Through {f.day(max(row[-1] for row in rows))}. At a burn rate of 1× the budget lasts for the window, at 2× "
        "for half of it. What no telemetry can judge is not here: latency needs calls that are told one by one."
    )


def _show_models(rows: Rows, days: int, console: Console) -> None:
    """Two lines a model, so that names and amounts fit into 80 columns."""
    table = _table(
        console, f"Models, {days} days", "App\n  model (source)", "Requests\nErrors", "P95\nMean", "Worst\nday",
        "Billed a 1,000\nper req/s", "Estimated\nper req/s", text=1,
    )  # fmt: skip
    for model, app, source, requests, errors, p95, worst, mean, currency, *costs in rows:
        billed, of_billed, estimated, of_estimated, billed_room, estimated_room = costs
        failed = _share(Decimal(errors) / Decimal(requests), 2) if requests else "–"
        table.add_row(
            f"{app or 'No owner'}\n  {model} ({source})",
            f"{f.whole(requests) if requests else '–'}\n{failed}",
            f"{_time(p95)}\n{_time(mean)}",
            _time(worst),
            f"{_per_thousand(billed, of_billed, currency)}\n{_room(billed_room, currency)}",
            f"{_per_thousand(estimated, of_estimated, currency)}\n{_room(estimated_room, currency)}",
        )
    console.print(table)
    console.print(
        "P95: the middle one of the days; a provider that counts by the hour tells means only. Billed and estimated: a "
        "thousand requests; per req/s: a day's room for one request a second, by its busiest minute (azure_monitor: "
        "hour)."
    )


def _show_gpus(rows: Rows, days: int, console: Console) -> None:
    at_least, at_most = rows[0][4:]
    table = _table(
        console, f"GPUs, {days} days, to be used {_share(at_least)} to {_share(at_most)}", "GPU", "", "GPU-hours",
        "Used", "", text=2,
    )  # fmt: skip
    for gpu, holder, hours, used, _, _ in rows:
        position = "" if used is None else "below" if used < at_least else "above" if used > at_most else "✓"
        table.add_row(
            (gpu or "Unknown") if holder is None else "", holder or "All together", f"{hours:,.0f}",
            _share(used), "" if holder == "Idle" else position,
        )  # fmt: skip
    console.print(table)


def _show_interruptions(rows: Rows, days: int, console: Console) -> None:
    table = _table(
        console, f"Evictions and restarts, {days} days", "", "", "Times", "GPU-hours repeated", "At most", text=2
    )
    for kind, spot, owner, times, hours, currency, cost in rows:
        table.add_row(
            f"{kind}{' on spot' if spot else ''}", owner, f"{times:,.0f}", "–" if hours is None else f"{hours:,.1f}",
            "–" if cost is None else f.money(cost, currency),
        )  # fmt: skip
    console.print(table)
    console.print(
        "GPU time since the start or the interruption before, no more than between checkpoints, at the price book's "
        "price."
    )


def _show_training(rows: Rows, console: Console) -> None:
    table = _table(console, "Training a month", "", "", "Runs", "Retrains", "Cost", "Retrains", "Failed", text=2)
    shown = None
    for month, owner, runs, retrains, currency, *costs in rows:
        table.add_row(
            f"{month:%B %Y}" if month != shown else "", owner, str(runs), str(retrains),
            *("–" if cost is None else f.money(cost, currency) for cost in costs),
        )  # fmt: skip
        shown = month
    console.print(table)


def _share(value: Decimal | float | None, places: int = 1) -> str:
    """With no more digits than it needs: 99.5%."""
    if value is None:
        return "–"
    text = f"{float(value) * 100:.{places}f}"
    return f"{text.rstrip('0').rstrip('.') if '.' in text else text}%"


def _rate(value: Decimal | None) -> str:
    return "–" if value is None else f"{value:.1f}×"


def _time(milliseconds: float | None) -> str:
    if milliseconds is None:
        return "–"
    return f"{milliseconds:,.0f} ms" if milliseconds < 1000 else f"{milliseconds / 1000:,.1f} s"


def _per_thousand(cost: Decimal | None, requests: int | None, currency: str | None) -> str:
    return "–" if cost is None or not requests or currency is None else f.unit_money(cost * 1000 / requests, currency)


def _room(cost: float | None, currency: str | None) -> str:
    return "–" if cost is None or currency is None else f.unit_money(Decimal(str(cost)), currency)
