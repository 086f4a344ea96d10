"""Which apps paid for input that a cache would have had, most money first.

Here: sums of fct_prompt_economics_daily over the newest weeks, and showing them.
Not here: what counts as missed (dbt: int_usage__missed_cache).
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

DAYS = 28
_BASES = {"measured": "measured", "peers": "by peers", "unknown": "unknown"}


@dataclass(frozen=True)
class MissedLine:
    """One app, model and currency over the window."""

    app: str | None
    model: str
    basis: str
    """peers where any of its days is, unknown where all are."""
    peers: int | None
    currency: str | None
    input_tokens: int
    read_tokens: int
    missed_tokens: int | None
    cost: Decimal | None
    low: Decimal | None
    high: Decimal | None


@dataclass(frozen=True)
class Missed:
    """``first`` to ``last``: days of the window; lines with the dearest first."""

    first: date
    last: date
    lines: list[MissedLine]


def read_missed(home: Home) -> Missed | None:
    """The newest weeks up to the newest day of usage; None where there is none.

    Raises:
        NotPublishedError: the home has no prompt economics yet.
    """
    rows = query_mart(
        home,
        "fct_prompt_economics_daily",
        """with newest as (select max(usage_date) as last_day from read_parquet($mart))
           select (select last_day from newest), app, model,
                  case when count(*) filter (where missed_basis = 'peers') > 0 then 'peers'
                       when count(*) filter (where missed_basis = 'measured') > 0 then 'measured' else 'unknown' end,
                  max(missed_peer_count), currency, sum(input_tokens)::bigint, sum(cache_read_tokens)::bigint,
                  sum(missed_cache_tokens)::bigint, sum(missed_cache_cost), sum(missed_cache_cost_low),
                  sum(missed_cache_cost_high)
           from read_parquet($mart)
           where input_tokens > 0 and usage_date > (select last_day from newest) - $days::integer
           group by app, model, currency
           order by sum(missed_cache_cost) desc nulls last, sum(input_cost) desc nulls last, app, model""",
        {"days": DAYS},
    )
    if not rows:
        return None
    last = rows[0][0]
    return Missed(date.fromordinal(last.toordinal() - DAYS + 1), last, [MissedLine(*row[1:]) for row in rows])


def show_missed(found: Missed, console: Console) -> None:
    """A table of who missed something, what that adds up to, and how much nobody can say anything about."""
    lines = [line for line in found.lines if line.cost]
    if lines:
        console.print(_table(lines))
        console.print(f"\n{_totals(lines)} {_dearest(lines[0])}")
    else:
        console.print("Nothing that a cache would have saved was found.")
    unknown = [line for line in found.lines if line.basis == "unknown"]
    if unknown:
        tokens = sum(line.input_tokens for line in unknown)
        console.print(
            f"Unknown for {f.count(len(unknown), 'app and model', 'apps and models')} ({f.compact(tokens)} input "
            "tokens): nobody to compare with, short prompts, requests not counted, or no price for cached input."
        )
    console.print(
        f"{f.day(found.first)} to {f.day(found.last)}. Measured: a source says what repeats at the start of prompts. "
        "By peers: what other apps read from the cache of the same model, at their middle; the range is their "
        "quarters. Every day is in the mart fct_prompt_economics_daily."
    )


def _table(lines: list[MissedLine]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 1))
    table.add_column("App", no_wrap=True)
    table.add_column("Model", no_wrap=True)
    for heading in ("Cached", "Missed", "Range"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("How known", no_wrap=True)
    for line in lines:
        currency, cost, low, high = line.currency or "", *(m or Decimal(0) for m in (line.cost, line.low, line.high))
        table.add_row(
            line.app or "No owner",
            line.model,
            f.percent(Decimal(line.read_tokens) / line.input_tokens),
            f.money(cost, currency),
            "" if low == high else f"{f.whole(low)} to {f.whole(high)}",
            _BASES[line.basis] + (f" ({line.peers})" if line.peers and line.basis == "peers" else ""),
        )
    return table


def _totals(lines: list[MissedLine]) -> str:
    currencies = sorted({line.currency for line in lines if line.currency})
    sums = (
        f.money(sum((line.cost or Decimal(0) for line in lines if line.currency == currency), Decimal(0)), currency)
        for currency in currencies
    )
    return f"Caching would have saved {' and '.join(sums)}."


def _dearest(line: MissedLine) -> str:
    return f"Start with {line.app or 'usage without an owner'} on {line.model}."
