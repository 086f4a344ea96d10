"""What prompts are made of, app by app: the cache, output, reasoning, failed and repeated calls.

Here: prompt economics of the period, how long requests are.
Not here: kinds of tokens by model (``model_tokens``), what to do about it (``opportunities``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reports import formatting as f
from reports.dashboards import cells
from reports.dashboards.ask import Ask, Rows
from reports.dashboards.model import Cell, Column, Row, Table
from reports.figures import tokens as drawn
from reports.page.chart import Chart

SHOWN = 15
LENGTH_ROWS = 12


def prompts_of(ask: Ask) -> Rows:
    return ask.rows(
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
        last=cells.usage_through(ask.view),
    )


def table(ask: Ask, prompts: Rows) -> Table:
    currency = ask.currency

    def share_of(part: int | None, whole: int | None) -> Cell:
        return cells.share(part / whole if part is not None and whole else None)

    def line(name: Cell, row: Mapping[str, Any]) -> Row:
        cost, requests = row["cost"], row["requests"]
        tokens = (row["input"] or 0) + (row["output"] or 0)
        missed = row["missed"]
        spread = ""
        if missed and row["missed_low"] is not None and row["missed_high"] is not None:
            spread = f"{f.whole(row['missed_low'])} to {f.whole(row['missed_high'])}"
        return Row(
            (
                name,
                cells.money(cost, currency),
                cells.unit_money(cost * 1000 / requests if cost is not None and requests else None, currency),
                share_of(row["from_cache"], row["input"]),
                cells.money(row["saved"], currency),
                cells.money(missed, currency, small=spread),
                share_of(row["output"], tokens),
                share_of(row["reasoning"], row["output"]),
                share_of(row["batch"], tokens),
                cells.money(row["failed"], currency),
                cells.money(row["repeated"], currency),
            )
        )

    money = ("cost", "saved", "missed", "missed_low", "missed_high", "failed", "repeated")
    counts = ("requests", "input", "from_cache", "output", "reasoning", "batch")
    sums: dict[str, Any] = {name: cells.total(prompts, name) for name in money}
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
        tuple(line(cells.app(row["app"], small=row["team"] or ""), row) for row in prompts[:SHOWN]),
        f"No usage of {ask.view.period.label} tells what prompts are made of.",
        f"{ask.view.period.label} through {f.short_day(cells.usage_through(ask.view))}. aifinops units --missed says "
        "how the missed cache is known.",
        total=line(Cell("All"), sums),
        export="fct_prompt_economics_daily",
        more=cells.more(len(prompts), SHOWN, "smaller ones, in the total"),
    )


def lengths_chart(ask: Ask) -> Chart:
    rows = ask.rows(
        """select coalesce(app, $no_app) as app, coalesce(model, 'not named') as model,
                  sum(sized_request_count) as requests, median(p50_input_tokens) as half,
                  median(p95_input_tokens) as most
           from fct_prompt_economics_daily
           where sized_request_count > 0 and p50_input_tokens > 0 and usage_date between $first and $last
           group by all order by requests desc, app, model limit $shown""",
        last=cells.usage_through(ask.view),
        shown=LENGTH_ROWS,
        no_app=cells.NO_APP,
    )
    return Chart(
        "context-lengths",
        "How long requests are",
        f"Input tokens of one request, {ask.view.period.label}, the middle one of the days; most requests first. "
        "Above a model's context tier the same tokens cost more.",
        "Lines from what half of the requests have at most to what 95% have at most: "
        + ", ".join(
            f"{row['app']} with {row['model']} {f.compact(row['half'])} to {f.compact(row['most'])}" for row in rows[:6]
        ),
        drawn.lengths(rows) if rows else None,
        "No source tells requests one by one in this period; gateway spans do.",
    )
