"""Which model is worth its price: cost, quality and speed, tokens, prices, service levels, provisioned throughput.

Here: the trade-off per app, cost per 1M tokens, what prompts are made of, the price book in force, load and use.
Not here: what to do with most money in it (``savings``), objectives and alarms (``on_call``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pandas as pd

from finops.tokens import INPUT_CLASSES, TokenClass
from reports import formatting as f
from reports.dashboards import cells as c
from reports.dashboards.ask import Ask
from reports.dashboards.model import Cell, Column, Link, Note, Page, Row, Section, Table, Target, Tile, Tiles, Tone
from reports.dashboards.parts.tokens import cache_chart
from reports.dashboards.unpriced import guesses, unpriced_table, unpriced_usage
from reports.dashboards.view import View
from reports.figures import frontier as frontier_figures
from reports.figures import tokens as token_figures
from reports.figures import unit as unit_figures
from reports.figures.theme import SERIES
from reports.frames import ZERO
from reports.measures.tokens import CLASS_WORDS
from reports.measures.units import (
    SMOOTHING_DAYS,
    TOKENS,
    UnitCost,
    company_cost,
    model_costs,
    period_unit_costs,
    smoothed,
)
from reports.page.chart import Chart

CHART_DAYS = 60
TREND_DAYS = 90
SHOWN = 15
LENGTH_ROWS = 12
PRICE_CLASSES = (
    TokenClass.INPUT_UNCACHED,
    TokenClass.CACHE_READ,
    TokenClass.CACHE_WRITE_5M,
    TokenClass.OUTPUT,
    TokenClass.REASONING,
)
PRICE_SOURCES = {
    "invoice": "the invoice",
    "config": "config/prices.yml",
}
_ONE_MILLION = Decimal(1_000_000)

Rows = list[dict[str, Any]]


def build(view: View) -> Page:
    economics = _economics(view)
    period = view.period
    costs = period_unit_costs(economics, period.first, period.last, period.before_first, period.before_last)
    lines = model_costs(costs)
    sums, days = _token_sums(view)
    prompts = _prompts(view)
    variants = _variants(view)
    services = _services(view)
    units = _provisioned(view)
    unpriced = unpriced_usage(view)
    hits = _cache_hits_chart(sums)
    height = 320 if hits.figure is None else max(hits.figure["layout"]["height"], 280)
    missing = Note(
        f"No model usage and no bill of a model's tokens in {view.currency} is known of {view.period.label}; "
        "connect gateway spans, usage files or Azure Monitor.",
        "warn",
    )
    return Page(
        name="models",
        title="Models",
        question="Which model does the work for the least money, and do we pay the right price for it?",
        sections=(
            Section(
                "short",
                "In short",
                ((Tiles(_tiles(view, company_cost(costs, TOKENS), sums, prompts, variants, services)),),),
            ),
            Section(
                "tradeoff",
                "Cost, quality, speed",
                ((_tradeoff_chart(view, variants),), (_tradeoff_table(view, variants),)),
            ),
            Section(
                "cost",
                "What tokens cost",
                ((_token_costs_chart(view, lines),), (_models_table(view, lines),), (_classes_table(view, sums),)),
            ),
            Section(
                "tokens",
                "What prompts are made of",
                (
                    (_mix_chart(view, days, height), hits),
                    (_prompts_table(view, prompts),),
                    (_lengths_chart(view),),
                ),
            ),
            Section(
                "prices",
                "Prices in force",
                (
                    (_prices_table(view, sums),),
                    (_disagreements_table(view),),
                    *(((_unpriced_note(unpriced), unpriced_table(unpriced)),) if unpriced else ()),
                ),
                "What usage is priced with minutes after it happens. An invoice's own price wins over any list.",
            ),
            Section("service", "Service levels", ((_services_table(view, services),), (_deployments_table(view),))),
            Section(
                "provisioned",
                "Provisioned throughput",
                ((_provisioned_chart(view),), (_provisioned_table(view, units),)) if units else ((_no_units(view),),),
                _provisioned_words(view, units),
            ),
        ),
        states=() if sums or lines else (missing,),
    )


# ── what is read ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _economics(view: View) -> pd.DataFrame:
    """Cost and tokens of the period and of what it is compared with, each summed to its first day."""
    rows = Ask(view).rows(
        """select case when usage_date >= $first then $first::date else $before_first::date end as usage_date, unit,
                  scope_type, scope_value, cost_basis, sum(cost) as cost, sum(quantity) as quantity
           from fct_unit_economics_daily
           where unit = $unit and scope_type in ('company', 'model') and currency = $currency
               and (usage_date between $first and $last or usage_date between $before_first and $before_last)
           group by all order by all""",
        unit=TOKENS,
    )
    return _frame(rows)


def _trend(view: View, lines: Sequence[UnitCost]) -> pd.DataFrame:
    """Days of the models in ``lines``, each on its own basis."""
    rows = Ask(view).rows(
        """select usage_date, unit, scope_type, scope_value, cost_basis, cost, quantity
           from fct_unit_economics_daily
           where unit = $unit and scope_type = 'model' and currency = $currency
               and scope_value || ' ' || cost_basis in (select unnest($shown)) and usage_date between $since and $last
           order by usage_date, scope_value""",
        unit=TOKENS,
        shown=[f"{line.scope_value} {line.cost_basis}" for line in lines],
        since=view.period.last - timedelta(days=TREND_DAYS - 1),
    )
    return smoothed(_frame(rows), "scope_value")


def _frame(rows: Rows) -> pd.DataFrame:
    columns = ["usage_date", "unit", "scope_type", "scope_value", "cost_basis", "cost", "quantity"]
    frame = pd.DataFrame(rows, columns=columns)
    return frame.assign(usage_date=pd.to_datetime(frame["usage_date"]).astype("datetime64[us]"))


def _token_sums(view: View) -> tuple[Rows, Rows]:
    """Tokens of the period, each once: by app, model and class, and by day and class. Read once, because it is much."""
    rows = Ask(view).rows(
        """select usage_hour::date as day, app, provider_name, model, token_class, sum(tokens)::bigint as tokens,
                  sum(estimated_cost) as cost, sum(tokens) filter (where estimated_cost is not null)::bigint as priced,
                  grouping(usage_hour::date) = 0 as is_day
           from fct_usage_cost_hourly
           where is_attributable and (currency = $currency or currency is null)
               and usage_hour >= $first and usage_hour < $last::date + 1
           group by grouping sets ((usage_hour::date, token_class), (app, provider_name, model, token_class))
           order by day, app, model, token_class""",
        last=c.usage_through(view),
    )
    return [row for row in rows if not row["is_day"]], [row for row in rows if row["is_day"]]


def _prompts(view: View) -> Rows:
    return Ask(view).rows(
        """select app, any_value(team) as team, sum(request_count)::bigint as requests,
                  sum(input_tokens)::bigint as input, sum(cache_read_tokens)::bigint as from_cache,
                  sum(output_tokens)::bigint as output, sum(reasoning_tokens)::bigint as reasoning,
                  sum(batch_tokens)::bigint as batch, sum(estimated_cost) as cost, sum(cache_saved_cost) as saved,
                  sum(missed_cache_cost) as missed, sum(missed_cache_cost_low) as missed_low,
                  sum(missed_cache_cost_high) as missed_high, sum(failed_cost) as failed,
                  sum(repeated_cost) as repeated
           from fct_prompt_economics_daily
           where (currency = $currency or currency is null) and usage_date between $first and $last
           group by app order by cost desc nulls last, input desc, app""",
        last=c.usage_through(view),
    )


def _variants(view: View) -> Rows:
    """The newest month of the period that has judged models; apps that have several come first."""
    return Ask(view).rows(
        """with newest as (
               select * from fct_model_tradeoff_monthly
               where currency = $currency and cost_per_request is not null and usage_month <= $last
               qualify usage_month = max(usage_month) over ()
           )
           select *, count(*) over (partition by app) as models from newest order by app, cost_per_request""",
    )


def _services(view: View) -> Rows:
    # Percentiles of days cannot be added up: the middle one of the days, and the worst.
    return Ask(view).rows(
        """select model, app, sum(request_count)::bigint as requests, sum(error_count)::bigint as errors,
                  median(p95_milliseconds) as p95, max(p95_milliseconds) as worst_p95,
                  sum(mean_milliseconds * timed_request_count) filter (where mean_milliseconds is not null)
                      / nullif(sum(timed_request_count) filter (where mean_milliseconds is not null), 0) as mean,
                  median(p95_first_token_milliseconds) as p95_first_token,
                  sum(effective_cost) as billed,
                  sum(request_count) filter (where effective_cost is not null) as billed_of,
                  sum(estimated_cost) as estimated,
                  sum(request_count) filter (where estimated_cost is not null) as estimated_of,
                  median(effective_cost_per_request_per_second) as billed_rate,
                  median(estimated_cost_per_request_per_second) as estimated_rate
           from fct_service_level_daily
           where is_attributable and (currency = $currency or currency is null) and usage_date between $first and $last
           group by model, app
           order by sum(coalesce(effective_cost, estimated_cost)) desc nulls last, requests desc nulls last""",
        last=c.usage_through(view),
    )


def _provisioned(view: View) -> Rows:
    return Ask(view).rows(
        """select resource_id, pool_id, sum(unit_hours) as unit_hours, sum(used_unit_hours) as used,
                  sum(effective_cost) as cost, sum(idle_cost) as idle_cost, sum(pay_as_you_go_cost) as pay_as_you_go,
                  sum(spillover_request_count)::bigint as spilled, sum(spillover_cost) as spilled_cost
           from fct_provisioned_throughput_daily
           where billing_currency = $currency and usage_date between $first and $last
           group by 1, 2 order by cost desc""",
    )


# ── in short ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _tiles(
    view: View, per_tokens: UnitCost | None, sums: Rows, prompts: Rows, variants: Rows, services: Rows
) -> list[Tile]:
    currency, label = view.currency, view.period.label
    tiles = []
    if per_tokens is not None:
        ratio = per_tokens.change_ratio
        tiles.append(
            Tile(
                "Cost per 1M tokens",
                f.unit_money(per_tokens.unit_cost, currency),
                label if ratio is None else f"{f.signed_percent(ratio)} against {view.period.before_label}",
                f"{f.compact(per_tokens.quantity * _ONE_MILLION)} tokens, {f.whole_money(per_tokens.cost, currency)} "
                f"{per_tokens.cost_basis}",
                tone="" if ratio is None else "warn" if ratio > Decimal("0.1") else "good" if ratio < 0 else "",
                target=Target("models", anchor="cost"),
            )
        )
    tokens = sum(row["tokens"] for row in sums)
    if tokens:
        models = {row["model"] for row in sums if row["model"]}
        tiles.append(
            Tile(
                "Tokens",
                f.compact(tokens),
                f"in {f.count(len(models), 'model')}, {f.whole_money(c.total(sums, 'cost'), currency)} estimated",
                f"{label} through {f.short_day(c.usage_through(view))}",
                target=Target("models", anchor="tokens"),
            )
        )
    given = sum(row["tokens"] for row in sums if row["token_class"] in _INPUT_NAMES)
    if given:
        cached = sum(row["tokens"] for row in sums if row["token_class"] == TokenClass.CACHE_READ.value)
        missed = c.total(prompts, "missed")
        tiles.append(
            Tile(
                "Input from the cache",
                f.percent(cached / given),
                f"saved {f.whole_money(c.total(prompts, 'saved'), currency)}",
                f"{f.whole_money(missed, currency)} more could have been saved" if missed else "",
                target=Target("savings") if missed else None,
            )
        )
    saves = c.total(variants, "routing_saves_cost")
    if variants:
        tiles.append(
            Tile(
                "A cheaper model would save",
                f.whole_money(saves, currency),
                f"in {f.month(variants[0]['usage_month'])}, where quality would not be worse",
                tone="warn" if saves else "good",
                target=Target("models", anchor="tradeoff"),
            )
        )
    requests = sum(row["requests"] or 0 for row in services)
    if requests:
        errors = sum(row["errors"] or 0 for row in services)
        slow = max((row for row in services if row["p95"] is not None), key=lambda row: row["p95"], default=None)
        tiles.append(
            Tile(
                "Failed requests",
                f.percent(errors / requests, 2),
                f"{f.whole(errors)} of {f.compact(requests)}",
                f"Slowest: {slow['model']} of {slow['app'] or 'no app'}, P95 {_time(slow['p95'])}" if slow else "",
                tone="warn" if errors / requests > 0.01 else "good",
                target=Target("models", anchor="service"),
            )
        )
    return tiles


_INPUT_NAMES = frozenset(name.value for name in INPUT_CLASSES)


def _time(milliseconds: float | None) -> str:
    if milliseconds is None:
        return c.NOTHING
    return f"{milliseconds / 1000:,.1f} s" if milliseconds >= 1000 else f"{milliseconds:,.0f} ms"


# ── trade-off ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _tradeoff_chart(view: View, variants: Rows) -> Chart:
    shown = [row for row in variants if row["models"] > 1]
    frame = pd.DataFrame(
        [
            {
                "app": row["app"],
                "model": row["model"],
                "cost": float(row["cost_per_request"]) * 1000,
                "quality": float(row["quality_score"]),
                "low": float(row["quality_low"]),
                "high": float(row["quality_high"]),
                "is_on_frontier": bool(row["is_on_frontier"]),
            }
            for row in shown
        ],
        columns=["app", "model", "cost", "quality", "low", "high", "is_on_frontier"],
    )
    month = f", {f.month(variants[0]['usage_month'])}" if variants else ""
    saved = c.total(variants, "routing_saves_cost")
    return Chart(
        "tradeoff",
        "Cost against quality",
        f"Models of each app{month}; filled where no other one is as good on cost, speed and quality. "
        f"Cheaper ones that are no worse would have saved {f.money(saved, view.currency)}.",
        "Points of what 1,000 requests cost and how good the answers were judged: "
        + ", ".join(
            f"{row.app} with {row.model} {view.currency} {row.cost:,.2f} and {row.quality:.0%}"
            for row in frame.itertuples()
        ),
        None if frame.empty else frontier_figures.scatter(frame, sorted(set(frame["app"])), view.currency),
        "No app has answers of several models that somebody judged; deliver outcomes with model and quality_score.",
    )


def _tradeoff_table(view: View, variants: Rows) -> Table:
    rows = []
    for row in variants:
        saves = row["routing_saves_cost"]
        on_frontier = row["is_on_frontier"]
        rows.append(
            Row(
                (
                    c.app(row["app"]),
                    c.text(row["model"], small=row["provider_name"] or ""),
                    c.unit_money(row["cost_per_request"] * 1000, view.currency),
                    c.share(
                        row["quality_score"],
                        1,
                        small=f"{f.percent(row['quality_low'], 1)} to {f.percent(row['quality_high'], 1)}",
                    ),
                    Cell(_time(row["p95_latency_ms"]), sort=row["p95_latency_ms"]),
                    c.compact(row["request_count"]),
                    c.money(row["estimated_cost"], view.currency),
                    c.badge("On the frontier", "good") if on_frontier else c.badge("Beaten", "warn"),
                    c.text(row["route_to_model"]),
                    c.money(saves, view.currency) if saves else Cell(c.NOTHING, sort=0),
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
            c.compact(sum(row["request_count"] or 0 for row in variants)),
            c.money(c.total(variants, "estimated_cost"), view.currency),
            Cell(""),
            Cell(""),
            c.money(c.total(variants, "routing_saves_cost"), view.currency),
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
        total=sums if rows else None,
        export="fct_model_tradeoff_monthly" if rows else "",
    )


# ── cost of tokens ────────────────────────────────────────────────────────────────────────────────────────────────────


def _token_costs_chart(view: View, lines: Sequence[UnitCost]) -> Chart:
    shown = lines[: len(SERIES)]
    trend = _trend(view, shown)
    return Chart(
        "token-costs",
        "Cost per 1M tokens by model",
        f"All token classes together, {SMOOTHING_DAYS}-day average, {TREND_DAYS} days.",
        "Lines of cost per 1M tokens: "
        + ", ".join(f"{line.scope_value} {f.unit_money(line.unit_cost, view.currency)}" for line in shown),
        None
        if trend.empty
        else unit_figures.lines(trend, [line.scope_value for line in shown], view.currency, height=380),
        "No model's tokens have been matched with cost yet.",
    )


def _models_table(view: View, lines: Sequence[UnitCost]) -> Table:
    most = max((line.cost for line in lines), default=ZERO)
    return Table(
        "model-costs",
        "Models",
        (
            Column("Model"),
            Column("Cost", "bar"),
            Column("Per 1M tokens", "number"),
            Column("Change", "number", f"Against {view.period.before_label}"),
            Column("Tokens", "number"),
            Column("Basis", help="Billed where the bill tells the model's tokens, else estimated with the price book"),
        ),
        tuple(
            Row(
                (
                    c.text(line.scope_value),
                    Cell(
                        f.whole_money(line.cost, view.currency),
                        sort=line.cost,
                        bar=float(line.cost / most) if most > 0 else 0.0,
                    ),
                    c.unit_money(line.unit_cost, view.currency),
                    c.change(line.unit_cost, line.previous_unit_cost),
                    c.compact(line.quantity * _ONE_MILLION),
                    c.text(line.cost_basis),
                )
            )
            for line in lines[:SHOWN]
        ),
        f"No model's tokens have been matched with cost in {view.period.label}.",
        f"{view.period.label}, most money first.",
        export="fct_unit_economics_daily" if lines else "",
        more=f"and {len(lines) - SHOWN} smaller ones" if len(lines) > SHOWN else "",
    )


def _present_classes(sums: Rows) -> list[str]:
    """Classes in the order of ``CLASS_WORDS``, then those that it does not know."""
    present = {row["token_class"] for row in sums}
    known = [name.value for name in CLASS_WORDS if name.value in present]
    return known + sorted(present - set(known))


def _class_words(name: str) -> str:
    words = {token_class.value: label for token_class, label in CLASS_WORDS.items()}
    return words.get(name, f.humanise(name))


def _classes_table(view: View, sums: Rows) -> Table:
    """What 1M tokens of each class came to, model by model: cost ÷ tokens that have a price."""
    classes = _present_classes(sums)
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
            return Cell(c.NOTHING)
        return c.unit_money(part[0] * _ONE_MILLION / part[1], view.currency, small=f"{f.compact(part[1])} tokens")

    ordered = sorted(models, key=lambda name: (-money[name], name))
    return Table(
        "class-costs",
        "Cost per 1M tokens by model and kind of token",
        (
            Column("Model"),
            Column("Estimated cost", "number"),
            *(Column(_class_words(name), "number") for name in classes),
        ),
        tuple(
            Row(
                (
                    c.text(name),
                    c.money(money[name], view.currency),
                    *(price(models[name].get(token_class)) for token_class in classes),
                )
            )
            for name in ordered[:SHOWN]
        ),
        f"No usage of {view.period.label} has a price.",
        f"{view.period.label} through {f.short_day(c.usage_through(view))}, at the price book's "
        "prices; an estimate, never "
        "added to billed cost.",
        total=Row((Cell("All"), c.money(sum(money.values(), ZERO), view.currency), *(Cell("") for _ in classes)))
        if models
        else None,
        export="fct_usage_cost_hourly" if models else "",
        more=f"and {len(ordered) - SHOWN} smaller ones, in the total" if len(ordered) > SHOWN else "",
    )


# ── tokens ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _mix_chart(view: View, days: Rows, height: int) -> Chart:
    through = c.usage_through(view)
    since = max(view.period.first, through - timedelta(days=CHART_DAYS - 1))
    rows = [row for row in days if row["day"] >= since]
    daily = pd.DataFrame(
        [{"day": row["day"], "token_class": _class_words(row["token_class"]), "tokens": row["tokens"]} for row in rows],
        columns=["day", "token_class", "tokens"],
    )
    shown = list(dict.fromkeys(_class_words(name) for name in _present_classes(rows)))
    return Chart(
        "token-mix",
        "Tokens per day",
        "Every token once, in the class it is priced in.",
        f"Stacked bars of tokens per day by class, from {f.day(since)} to {f.day(through)}.",
        None if daily.empty else token_figures.mix(daily, shown, height=height),
        "No model usage has arrived in this period; connect gateway spans, usage files or Azure Monitor.",
    )


def _cache_hits_chart(sums: Rows) -> Chart:
    apps: dict[str | None, dict[str, Any]] = {}
    for row in sums:
        if row["token_class"] in _INPUT_NAMES:
            given = apps.setdefault(row["app"], {"name": row["app"], "input": 0, "cached": 0})
            given["input"] += row["tokens"]
            given["cached"] += row["tokens"] if row["token_class"] == TokenClass.CACHE_READ.value else 0
    return cache_chart(list(apps.values()))


def _prompts_table(view: View, prompts: Rows) -> Table:
    currency = view.currency

    def share_of(part: int | None, whole: int | None) -> Cell:
        return c.share(part / whole if part is not None and whole else None)

    def line(name: Cell, row: Mapping[str, Any]) -> Row:
        cost, requests = row["cost"], row["requests"]
        tokens = (row["input"] or 0) + (row["output"] or 0)
        missed = row["missed"]
        spread = ""
        if missed is not None and row["missed_low"] is not None and row["missed_high"] is not None:
            spread = f"{f.whole(row['missed_low'])} to {f.whole(row['missed_high'])}"
        return Row(
            (
                name,
                c.money(cost, currency),
                c.unit_money(cost * 1000 / requests if cost is not None and requests else None, currency),
                share_of(row["from_cache"], row["input"]),
                c.money(row["saved"], currency),
                c.money(missed, currency, small=spread),
                share_of(row["output"], tokens),
                share_of(row["reasoning"], row["output"]),
                share_of(row["batch"], tokens),
                c.money(row["failed"], currency),
                c.money(row["repeated"], currency),
            )
        )

    money = ("cost", "saved", "missed", "missed_low", "missed_high", "failed", "repeated")
    counts = ("requests", "input", "from_cache", "output", "reasoning", "batch")
    sums: dict[str, Any] = {name: c.total(prompts, name) for name in money}
    sums |= {name: sum(row[name] or 0 for row in prompts) for name in counts}
    return Table(
        "prompt-economics",
        "By app",
        (
            Column("App"),
            Column("Estimated cost", "number"),
            Column("1,000 requests", "number"),
            Column("From cache", "number", "Share of input tokens read from the cache"),
            Column("Cache saved", "number"),
            Column("Cache missed", "number", "What caching as peers do would have saved, with its range"),
            Column("Output", "number", "Share of all tokens"),
            Column("Reasoning", "number", "Share of output tokens"),
            Column("Batch", "number", "Share of tokens at the price of a batch"),
            Column("Failed", "number", "What calls cost that failed"),
            Column("Repeated", "number", "What calls cost that repeat an earlier one"),
        ),
        tuple(line(c.app(row["app"], small=row["team"] or ""), row) for row in prompts[:SHOWN]),
        f"No usage of {view.period.label} tells what prompts are made of.",
        f"{view.period.label} through {f.short_day(c.usage_through(view))}. aifinops units --missed "
        "says how the missed cache "
        "is known.",
        total=line(Cell("All"), sums) if prompts else None,
        export="fct_prompt_economics_daily" if prompts else "",
        more=f"and {len(prompts) - SHOWN} smaller ones, in the total" if len(prompts) > SHOWN else "",
    )


def _lengths_chart(view: View) -> Chart:
    rows = Ask(view).rows(
        """select coalesce(app, 'No app') || ' · ' || coalesce(model, 'not named') as name,
                  sum(sized_request_count) as requests, median(p50_input_tokens) as half,
                  median(p95_input_tokens) as most
           from fct_prompt_economics_daily
           where sized_request_count > 0 and p50_input_tokens > 0 and usage_date between $first and $last
           group by app, model order by requests desc, name limit $shown""",
        last=c.usage_through(view),
        shown=LENGTH_ROWS,
    )
    return Chart(
        "context-lengths",
        "How long requests are",
        f"Input tokens of one request, {view.period.label}, the middle one of the days; most requests "
        "first. Above a model's "
        "context tier the same tokens cost more.",
        "Lines from what half of the requests have at most to what 95% have at most: "
        + ", ".join(f"{row['name']} {f.compact(row['half'])} to {f.compact(row['most'])}" for row in rows[:6]),
        token_figures.lengths(rows) if rows else None,
        "No source tells requests one by one in this period; gateway spans do.",
    )


# ── prices ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _unpriced_note(unpriced: Rows) -> Note:
    return Note(
        f"Usage without a price is in no estimate; it may have cost {guesses(unpriced)}.",
        "warn",
        Link("Data health", Target("data-health", anchor="rows")),
    )


def _source(price_source: str) -> str:
    """Whose price it is, in words."""
    return PRICE_SOURCES.get(price_source, price_source)


def _prices_table(view: View, sums: Rows) -> Table:
    """The entry that counts for each used model and its conditions, on the last day of the period."""
    rows = Ask(view).rows(
        """with valid as (
               select * from dim_price
               where currency = $currency and valid_from <= $day and (valid_to is null or valid_to > $day)
                   and (provider_name || ' ' || model) in (select unnest($used)) and coalesce(min_input_tokens, 0) = 0
               qualify price_rank = min(price_rank) over (
                   partition by provider_name, model, token_class, region_id, deployment_type, service_tier
               )
           )
           select provider_name, model, region_id, deployment_type, service_tier, price_source, min(price_rank) as rank,
                  max(valid_from) as valid_from, min(valid_to) as valid_to,
                  map_from_entries(array_agg((token_class, price_per_1m_tokens))) as prices
           from (
               select provider_name, model, region_id, deployment_type, service_tier, price_source, token_class,
                      min(price_rank) as price_rank, max(valid_from) as valid_from, min(valid_to) as valid_to,
                      any_value(price_per_1m_tokens) as price_per_1m_tokens
               from valid group by all
           )
           group by all order by model, provider_name, rank, region_id, service_tier""",
        day=view.period.last,
        used=sorted({f"{row['provider_name']} {row['model']}" for row in sums if row["model"]}),
    )
    made = []
    for row in rows:
        conditions = [word for word in (row["provider_name"], row["region_id"], row["deployment_type"]) if word]
        if row["service_tier"] not in (None, "standard"):
            conditions.append(row["service_tier"])
        source = _source(row["price_source"])
        made.append(
            Row(
                (
                    c.text(row["model"], small=", ".join(conditions)),
                    *(c.unit_money(row["prices"].get(name.value), view.currency) for name in PRICE_CLASSES),
                    c.text(source),
                    c.day(
                        row["valid_from"],
                        small="" if row["valid_to"] is None else f"to {f.day(row['valid_to'] - timedelta(days=1))}",
                    ),
                )
            )
        )
    return Table(
        "price-book",
        "Price book",
        (
            Column("Model"),
            *(Column(CLASS_WORDS[name], "number", "Per 1M tokens") for name in PRICE_CLASSES),
            Column("Source"),
            Column("Valid from"),
        ),
        tuple(made[: 2 * SHOWN]),
        f"No price in {view.currency} is in force for the models of this period; add them to config/prices.yml.",
        f"Per 1M tokens, in force on {f.day(view.period.last)}, for the models used in the period; "
        "prices for longer contexts "
        "apart. aifinops prices explain says which entry counts and why.",
        export="dim_price" if made else "",
        more=f"and {len(made) - 2 * SHOWN} more" if len(made) > 2 * SHOWN else "",
    )


def _disagreements_table(view: View) -> Table:
    rows = Ask(view).rows(
        """select provider_name, model, token_class, price_source, other_price_source,
                  any_value(price_per_1m_tokens) as price, any_value(other_price_per_1m_tokens) as other_price,
                  sum(tokens)::bigint as tokens, sum(estimated_cost) as cost, sum(money_at_stake) as stake
           from fct_price_disagreement
           where currency = $currency and usage_date between $first and $last
           group by 1, 2, 3, 4, 5 order by abs(sum(money_at_stake)) desc nulls last, model, token_class""",
        last=c.usage_through(view),
    )
    return Table(
        "price-disagreements",
        "Where price lists disagree",
        (
            Column("Model"),
            Column("Counts", "number", "Price per 1M tokens that is used"),
            Column("Other list", "number"),
            Column("Tokens", "number"),
            Column("Money between them", "number", "The other list's cost less the one that counts"),
        ),
        tuple(
            Row(
                (
                    c.text(row["model"], small=f"{_class_words(row['token_class'])}, {row['provider_name']}"),
                    c.unit_money(row["price"], view.currency, small=_source(row["price_source"])),
                    c.unit_money(
                        row["other_price"],
                        view.currency,
                        small=_source(row["other_price_source"]),
                    ),
                    c.compact(row["tokens"]),
                    c.signed(row["stake"], view.currency),
                )
            )
            for row in rows[:SHOWN]
        ),
        "Finance and administrators see where price lists disagree."
        if c.hidden(view, "fct_price_disagreement")
        else "No two price lists disagree about what was used.",
        "A second opinion: nothing is summed with it. aifinops prices diff tells more." if rows else "",
        total=Row((Cell("All"), Cell(""), Cell(""), Cell(""), c.signed(c.total(rows, "stake"), view.currency)))
        if rows
        else None,
        export="fct_price_disagreement" if rows else "",
        more=f"and {len(rows) - SHOWN} more, in the total" if len(rows) > SHOWN else "",
    )


# ── service levels ────────────────────────────────────────────────────────────────────────────────────────────────────


def _services_table(view: View, services: Rows) -> Table:
    rows = []
    for row in services[:SHOWN]:
        is_billed = row["billed"] is not None and row["billed_of"]
        cost, of = (row["billed"], row["billed_of"]) if is_billed else (row["estimated"], row["estimated_of"])
        rate = row["billed_rate"] if row["billed_rate"] is not None else row["estimated_rate"]
        errors = row["errors"] / row["requests"] if row["requests"] and row["errors"] is not None else None
        tone: Tone = "warn" if errors is not None and errors > 0.02 else ""
        rows.append(
            Row(
                (
                    c.text(row["model"]),
                    c.app(row["app"]),
                    c.compact(row["requests"]),
                    c.share(errors, 2, tone=tone),
                    Cell(
                        _time(row["p95"]),
                        sort=row["p95"],
                        small=f"worst day {_time(row['worst_p95'])}"
                        if row["worst_p95"] is not None
                        else f"mean {_time(row['mean'])}"
                        if row["mean"] is not None
                        else "",
                    ),
                    Cell(_time(row["p95_first_token"]), sort=row["p95_first_token"]),
                    c.unit_money(
                        cost * 1000 / Decimal(of) if cost is not None and of else None,
                        view.currency,
                        small="billed" if is_billed else "estimated",
                    ),
                    c.unit_money(_decimal(rate), view.currency),
                )
            )
        )
    return Table(
        "service-levels",
        "Service levels beside their cost",
        (
            Column("Model"),
            Column("App"),
            Column("Requests", "number"),
            Column("Failed", "number"),
            Column("P95", "number", "The middle one of the days; percentiles of days cannot be added up"),
            Column("P95, first token", "number"),
            Column("1,000 requests", "number"),
            Column(
                "A request per second",
                "number",
                "Cost of a day ÷ its busiest requests per second: the lower, the better capacity follows demand",
            ),
        ),
        tuple(rows),
        f"No source tells of requests in {view.period.label}.",
        f"{view.period.label}, most money first.",
        export="fct_service_level_daily" if rows else "",
        more=f"and {len(services) - SHOWN} smaller ones" if len(services) > SHOWN else "",
    )


def _decimal(value: Decimal | float | None) -> Decimal | None:
    """A median of decimals may come as a float; it is shown, not added up."""
    return None if value is None else value if isinstance(value, Decimal) else Decimal(str(value))


def _deployments_table(view: View) -> Table:
    rows = Ask(view).rows(
        """select regexp_extract(resource_id, '[^/]+$') as account, deployment_name, any_value(reported_model) as model,
                  sum(request_count)::bigint as requests, sum(failed_request_count)::bigint as failed,
                  sum(throttled_request_count)::bigint as throttled, sum(spillover_request_count)::bigint as spilled,
                  max(highest_provisioned_utilization_ratio) as fullest,
                  max(usage_hour) filter (where request_count > 0) as last_used
           from fct_deployment_load_hourly
           where usage_hour >= $first and usage_hour < $last::date + 1
           group by resource_id, deployment_name
           order by throttled desc nulls last, requests desc nulls last""",
        last=c.usage_through(view),
    )
    return Table(
        "deployments",
        "Deployments",
        (
            Column("Deployment"),
            Column("Requests", "number"),
            Column("Refused (429)", "number", "The deployment was full"),
            Column("Failed", "number"),
            Column("Spilled over", "number", "Passed on by a full provisioned deployment"),
            Column("Fullest minute", "number", "Share of provisioned throughput in use"),
            Column("Last used"),
        ),
        tuple(
            Row(
                (
                    c.text(row["deployment_name"], small=f"{row['account']}, {row['model'] or 'model not named'}"),
                    c.compact(row["requests"]),
                    c.count(row["throttled"]),
                    c.count(row["failed"]),
                    c.compact(row["spilled"]),
                    c.share(row["fullest"]),
                    Cell(
                        c.NOTHING if row["last_used"] is None else f.moment(row["last_used"]),
                        sort="" if row["last_used"] is None else row["last_used"].isoformat(),
                    ),
                )
            )
            for row in rows[:SHOWN]
        ),
        "Finance and administrators see deployments."
        if c.hidden(view, "fct_deployment_load_hourly")
        else "No provider tells of deployments in this period; connect an azure_monitor source.",
        "Most refusals first.",
        export="fct_deployment_load_hourly" if rows else "",
        more=f"and {len(rows) - SHOWN} more" if len(rows) > SHOWN else "",
    )


# ── provisioned throughput ────────────────────────────────────────────────────────────────────────────────────────────


def _no_units(view: View) -> Note:
    if c.hidden(view, "fct_provisioned_throughput_daily"):
        return Note("Finance and administrators see provisioned throughput.")
    return Note(f"No provisioned throughput was paid for in {view.currency} in {view.period.label}.")


def _provisioned_words(view: View, units: Rows) -> str:
    if not units:
        return ""
    cost, as_used = c.total(units, "cost"), c.total(units, "pay_as_you_go")
    spilled = c.total(units, "spilled_cost")
    words = (
        f"{f.whole_money(cost, view.currency)} was paid for units whose tokens would have cost "
        f"{f.whole_money(as_used, view.currency)} as one pays for them"
    )
    if spilled:
        words += f"; what the units had no room for cost {f.whole_money(spilled, view.currency)} more"
    words += ". "
    if as_used and cost > as_used:
        return words + f"The units break even at {f.compact(cost / as_used)} times the tokens that they served."
    return words + "The units are worth their price."


def _provisioned_chart(view: View) -> Chart:
    last = view.period.last
    rows = Ask(view).rows(
        """select usage_date as day, sum(effective_cost) as paid, sum(pay_as_you_go_cost) as as_used,
                  sum(spillover_cost) as spilled
           from fct_provisioned_throughput_daily
           where billing_currency = $currency and usage_date between $first and $last
           group by 1 order by 1""",
        first=max(view.period.first, last - timedelta(days=CHART_DAYS - 1)),
        last=last,
    )
    names = {
        "paid": "Paid for units",
        "as_used": "The same tokens, pay as you go (estimated)",
        "spilled": "Spilled over (estimated)",
    }
    trend = pd.DataFrame(
        [{"day": row["day"], "series": label, "value": row[column]} for row in rows for column, label in names.items()],
        columns=["day", "series", "value"],
    )
    return Chart(
        "provisioned",
        "Units against pay as you go",
        "Per day. Units pay where their line is the lowest.",
        f"Lines per day: {f.money(c.total(rows, 'paid'), view.currency)} paid for units, "
        f"{f.money(c.total(rows, 'as_used'), view.currency)} for the same tokens as one pays for them, "
        f"{f.money(c.total(rows, 'spilled'), view.currency)} spilled over.",
        None if trend.empty else unit_figures.lines(trend, list(names.values()), view.currency),
        "No provisioned throughput was paid for in this period.",
    )


def _provisioned_table(view: View, units: Rows) -> Table:
    currency = view.currency

    def line(name: Cell, row: Mapping[str, Any]) -> Row:
        used, paid = row["used"], row["unit_hours"]
        return Row(
            (
                name,
                c.count(paid),
                c.bar(used / paid if used is not None and paid else None),
                c.money(row["cost"], currency),
                c.money(row["idle_cost"], currency),
                c.money(row["pay_as_you_go"], currency),
                c.compact(row["spilled"]),
                c.money(row["spilled_cost"], currency),
            )
        )

    sums: dict[str, Any] = {
        name: c.total(units, name)
        for name in ("unit_hours", "used", "cost", "idle_cost", "pay_as_you_go", "spilled_cost")
    }
    sums["spilled"] = sum(row["spilled"] or 0 for row in units)
    return Table(
        "provisioned-units",
        "Units by account",
        (
            Column("Account"),
            Column("Unit-hours", "number", "Hours of one provisioned unit (PTU) on the bill"),
            Column("Used", "bar"),
            Column("Cost", "number", "Billed"),
            Column("Of it idle", "number"),
            Column("Pay as you go", "number", "What the tokens that the units served would have cost; an estimate"),
            Column("Spilled over", "number", "Requests"),
            Column("Their cost", "number", "Estimated"),
        ),
        tuple(line(c.text(row["resource_id"].rsplit("/", 1)[-1], small=row["pool_id"] or ""), row) for row in units),
        "No provisioned throughput was paid for in this period.",
        f"{view.period.label}.",
        total=line(Cell("All"), sums),
        export="fct_provisioned_throughput_daily",
    )
