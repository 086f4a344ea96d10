"""What model usage is made of: kinds of tokens, the cache, calls that were paid for and gave nothing.

Here: tiles, the mix by day, tables by app, feature, model or customer. All at list price, as used, estimates included.
Not here: prices and what caching saves (dbt).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal

import pandas as pd

from reports import formatting as f
from reports.dashboards import cells
from reports.dashboards.ask import Ask
from reports.dashboards.model import Cell, Column, Row, Table, Tile
from reports.dashboards.parts import spend, words
from reports.figures import tokens as drawn
from reports.frames import ZERO
from reports.measures.tokens import CLASS_WORDS
from reports.page.chart import Chart

_LABELS: Mapping[str, str] = {kind.value: words_of for kind, words_of in CLASS_WORDS.items()}
NO_USAGE = "No model usage has arrived; connect gateway spans, usage files or Azure Monitor."
_MIX = """
select usage_hour::date as day, token_class, sum(tokens) as tokens, sum(estimated_cost) as cost
from fct_usage_cost_hourly
where is_attributable and (currency = $currency or currency is null) and {scope}
      and usage_hour >= $since and usage_hour < $until + interval 1 day
group by all
order by 1
"""
_SUMS = """
select column_name as name, sum(request_count) as requests, sum(error_count) as errors, sum(input_tokens) as input,
       sum(cache_read_tokens) as cached, sum(output_tokens) as output, sum(reasoning_tokens) as reasoning,
       coalesce(sum(estimated_cost), 0) as cost, coalesce(sum(cache_saved_cost), 0) as saved,
       coalesce(sum(missed_cache_cost), 0) as missed,
       coalesce(sum(missed_cache_cost) filter (missed_basis <> 'measured'), 0) as missed_by_peers,
       coalesce(sum(failed_cost), 0) as failed, coalesce(sum(repeated_cost), 0) as repeated,
       sum(failed_request_count) as failed_calls, sum(repeated_request_count) as repeated_calls
from fct_prompt_economics_daily
where (currency = $currency or currency is null) and {scope} and usage_date between $first and $until
group by all
order by cost desc, name
"""
_CUSTOMERS = """
select customer_hash as name, coalesce(sum(estimated_cost), 0) as cost, sum(request_count) as requests,
       sum(tokens) as tokens
from fct_usage_cost_hourly
where is_attributable and currency = $currency and {scope}
      and usage_hour >= $first and usage_hour < $until + interval 1 day
group by 1
order by cost desc, name
"""


def _until(ask: Ask) -> Any:
    """Usage is known to this hour, the bill is not."""
    return ask.view.as_of.date() if ask.is_current else ask.view.period.last


def sums(ask: Ask, dimension: Literal["app", "feature", "model"]) -> list[dict[str, Any]]:
    return ask.rows(_SUMS.replace("column_name", dimension), until=_until(ask))


def _sum(rows: Sequence[Mapping[str, Any]], column: str) -> Any:
    return sum((row[column] or 0 for row in rows), ZERO)


def tiles(ask: Ask, rows: Sequence[Mapping[str, Any]]) -> list[Tile]:
    """Usage at list price, the cache, and what was paid for calls that gave nothing; of ``sums``."""
    if not rows:
        return [Tile("Model usage", "None", sub=NO_USAGE)]
    money = {name: _sum(rows, name) for name in ("cost", "saved", "missed", "missed_by_peers", "failed", "repeated")}
    given, cached = _sum(rows, "input"), _sum(rows, "cached")
    requests = _sum(rows, "requests")
    missed = f"; {f.money(money['missed'], ask.currency)} more could have been saved" if money["missed"] > 0 else ""
    if money["missed_by_peers"] > 0:
        missed += ", judged by what like apps read from theirs"
    wasted = money["failed"] + money["repeated"]
    return [
        Tile(
            "Model usage at list price",
            f.whole_money(money["cost"], ask.currency),
            sub=f"{f.compact(requests)} requests, {f.compact(given + _sum(rows, 'output'))} tokens",
            foot=f"{f.short_day(ask.view.period.first)} to {f.day(_until(ask))}; what the bill says may differ.",
        ),
        Tile(
            "Input from the cache",
            f.percent(cached / given) if given else cells.NOTHING,
            sub=f"Saved {f.money(money['saved'], ask.currency)}{missed}.",
            foot=f"{f.compact(cached)} of {f.compact(given)} input tokens.",
        ),
        Tile(
            "Paid for failed and repeated calls",
            f.whole_money(wasted, ask.currency),
            sub=f"{f.percent(wasted / money['cost'], 1)} of usage" if money["cost"] else "",
            foot=f"{f.count(int(_sum(rows, 'failed_calls')), 'failed call')}, "
            f"{f.count(int(_sum(rows, 'repeated_calls')), 'repeated call')}.",
            tone="warn" if money["cost"] and wasted / money["cost"] > Decimal("0.02") else "",
        ),
    ]


def mix(ask: Ask) -> tuple[Chart, Table]:
    """Tokens per day by class, and what each class cost in the period."""
    since, _ = spend.shown_days(ask)
    rows = ask.rows(_MIX, since=since, until=_until(ask))
    daily, present = by_day(rows)
    chart = Chart(
        "token-mix",
        "Tokens per day",
        f"Every token once, in the class it is priced in; {f.short_day(since)} to {f.day(_until(ask))}.",
        "Stacked bars of tokens per day by class. The table beside it has the sums of the period.",
        None if daily.empty else drawn.mix(daily, present),
        NO_USAGE,
    )
    of_period = [row for row in rows if row["day"] >= ask.view.period.first]
    by_class: dict[str, list[Mapping[str, Any]]] = {}
    for row in of_period:
        by_class.setdefault(label(row["token_class"]), []).append(row)
    cost, count = _sum(of_period, "cost"), _sum(of_period, "tokens")

    def line(name: str, part: Sequence[Mapping[str, Any]]) -> Row:
        amount = _sum(part, "cost")
        return Row(
            (
                Cell(name),
                cells.compact(_sum(part, "tokens")),
                words.share_cell(_sum(part, "tokens"), count),
                cells.money(amount, ask.currency),
                words.share_cell(amount, cost),
            )
        )

    ranked = sorted(by_class.items(), key=lambda item: (-_sum(item[1], "cost"), item[0]))
    table = Table(
        "token-classes",
        "What tokens cost",
        (
            Column("Kind of token"),
            Column("Tokens", "number"),
            Column("Of tokens", "bar"),
            Column("Cost", "number"),
            Column("Of cost", "bar"),
        ),
        tuple(line(name, part) for name, part in ranked),
        NO_USAGE,
        caption=f"At list price, {f.short_day(ask.view.period.first)} to {f.day(_until(ask))}.",
        total=line("All tokens", of_period),
        export="fct_usage_cost_hourly",
    )
    return chart, table


def label(kind: str) -> str:
    return _LABELS.get(kind, f.humanise(kind))


def kinds(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Kinds of tokens (``token_class``) in the order of ``CLASS_WORDS``, then those that it does not know."""
    present = {row["token_class"] for row in rows}
    return [kind for kind in _LABELS if kind in present] + sorted(present - set(_LABELS))


def by_day(rows: Sequence[Mapping[str, Any]]) -> tuple[pd.DataFrame, list[str]]:
    """``day, token_class`` (its label), ``tokens`` for the chart, and the labels in their order."""
    daily = pd.DataFrame(
        [(row["day"], label(row["token_class"]), row["tokens"]) for row in rows],
        columns=["day", "token_class", "tokens"],
    )
    return daily, [label(kind) for kind in kinds(rows)]


def cache_chart(rows: Sequence[Mapping[str, Any]]) -> Chart:
    """Prompt-cache hit rate of the apps with most input; ``rows``: ``sums`` by app."""
    apps = sorted((row for row in rows if row["input"]), key=lambda row: (-row["input"], row["name"] or cells.NO_APP))[
        :12
    ]
    frame = pd.DataFrame(
        [
            (row["name"] or cells.NO_APP, float(row["cached"] or 0) / float(row["input"]), float(row["input"]) / 1e6)
            for row in apps
        ],
        columns=["app", "ratio", "millions"],
    )
    return Chart(
        "cache-hits",
        "Prompt-cache hit rate by app",
        "Share of input tokens read from the provider's cache; most input first. Embeddings cannot be cached.",
        "Bars of the share of input tokens from the cache: "
        + ", ".join(f"{row.app} {row.ratio:.0%}" for row in frame.itertuples()),
        None if frame.empty else drawn.cache_hits(frame),
        "No input tokens have been counted in the period.",
    )


def table(
    ask: Ask, rows: Sequence[Mapping[str, Any]], key: str, title: str, heading: str, name_cells: bool = False
) -> Table:
    """Usage by app, feature or model with what its cache saved and missed; ``rows``: ``sums``."""
    empty = NO_USAGE
    if rows and all(row["name"] is None for row in rows):
        rows, empty = (), f"No call names its {heading.lower()}; let the gateway send one with each call."

    def line(name: Cell, part: Sequence[Mapping[str, Any]]) -> Row:
        given, cost = _sum(part, "input"), _sum(part, "cost")
        wasted = _sum(part, "failed") + _sum(part, "repeated")
        return Row(
            (
                name,
                cells.money(cost, ask.currency),
                cells.compact(_sum(part, "requests")),
                cells.compact(given),
                cells.compact(_sum(part, "output")),
                cells.share(_sum(part, "cached") / given if given else None),
                cells.money(_sum(part, "saved"), ask.currency),
                cells.money(_sum(part, "missed"), ask.currency),
                cells.money(wasted, ask.currency),
            )
        )

    def named(row: Mapping[str, Any]) -> Cell:
        if name_cells:
            return cells.app(row["name"])
        return cells.model(row["name"]) if heading == "Model" else Cell(row["name"] or words.NOT_NAMED)

    return Table(
        key,
        title,
        (
            Column(heading),
            Column("Cost", "number", "At list price"),
            Column("Requests", "number"),
            Column("Input", "number", "Tokens given, cached ones included"),
            Column("Output", "number"),
            Column("From cache", "number", "Share of input tokens read from the cache"),
            Column("Cache saved", "number"),
            Column("Cache missed", "number", "What the cache could have saved beside that"),
            Column("Failed, repeated", "number", "Paid for calls that failed, or that repeated one that had failed"),
        ),
        tuple(line(named(row), [row]) for row in rows),
        empty,
        caption=f"Model usage at list price, {f.short_day(ask.view.period.first)} to {f.day(_until(ask))}.",
        total=line(Cell("All usage"), rows),
        export="fct_prompt_economics_daily",
    )


def customers_table(ask: Ask, *, most: int = 10) -> Table:
    """Customers, as the gateway hashes them, by what their calls cost."""
    rows = ask.rows(_CUSTOMERS, until=_until(ask))
    named = [row for row in rows if row["name"] is not None]
    whole = _sum(rows, "cost")

    def line(name: Cell, part: Sequence[Mapping[str, Any]]) -> Row:
        return Row(
            (
                name,
                cells.money(_sum(part, "cost"), ask.currency),
                words.share_cell(_sum(part, "cost"), whole),
                cells.compact(_sum(part, "requests")),
                cells.compact(_sum(part, "tokens")),
            )
        )

    shown = [line(Cell(str(row["name"])), [row]) for row in named[:most]]
    if named[most:]:
        shown.append(line(Cell(f"{len(named) - most} more"), named[most:]))
    nameless = [row for row in rows if row["name"] is None]
    if nameless and named:
        shown.append(line(Cell(words.NOT_NAMED), nameless))
    return Table(
        "customers",
        "By customer",
        (
            Column("Customer"),
            Column("Cost", "number", "At list price"),
            Column("Share", "bar"),
            Column("Requests", "number"),
            Column("Tokens", "number"),
        ),
        tuple(shown),
        "No call names its customer; let the gateway send a customer with each call.",
        caption="Names of customers are hashed when calls are landed.",
        total=line(Cell("All customers"), rows),
        export="fct_usage_cost_hourly",
    )
