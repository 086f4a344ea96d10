"""What prices say: the chain of candidates for some usage, and where lists disagree.

Here: reading the published price book, and showing it.
Not here: which price counts (``finops.pricing``, and dbt's ``int_price__choice`` for the marts).
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import duckdb
from rich.console import Console
from rich.table import Table

from finops.config.tables import written_as_of
from finops.paths import Home
from finops.pricing import Candidate, Price, Usage, candidates
from finops.tokens import TokenClass

_MOST_LINES = 40


class UnknownModelError(LookupError):
    """The price book has no such model."""


def read_book(home: Home, model: str) -> list[Price]:
    """Prices of a model, by its name in the price book, in any list or in usage.

    Raises:
        UnknownModelError: with names that come near.
    """
    file = str(home.published / "dim_price.parquet")
    with duckdb.connect() as connection:
        book = _read(connection, home, model)
        if not book:
            known = connection.execute(
                "select distinct model from read_parquet(?) order by jaro_winkler_similarity(model, ?) desc limit 5",
                [file, model.lower()],
            ).fetchall()
    if not book:
        near = ", ".join(name for (name,) in known)
        raise UnknownModelError(f"the price book has no model {model!r}. Near it: {near}")
    return [_price(row) for row in book]


def read_whole_book(home: Home) -> list[Price]:
    """Every price of every list."""
    with duckdb.connect() as connection:
        return [_price(row) for row in _read(connection, home, None)]


def _read(connection: duckdb.DuckDBPyConnection, home: Home, model: str | None) -> list[tuple[Any, ...]]:
    """Rows of the price book: of a model by any of its names, or of all."""
    return connection.execute(
        """select provider_name, model, token_class, price_per_1m_tokens, price_source, price_id, currency,
                  coalesce(valid_from, date '0001-01-01'), coalesce(valid_to, date '9999-12-31'), region_id,
                  is_typical_region, deployment_type, service_tier, model_release, min_input_tokens,
                  max_input_tokens, billed_tokens::decimal(38, 0), price_basis
           from read_parquet($book)
           where $name is null or lower(model) = lower($name) or lower(list_model) = lower($name)
              or (provider_name, model) in (
                  select (provider_name, model) from read_parquet($usage) where lower(reported_model) = lower($name)
              )""",
        {
            "book": str(home.published / "dim_price.parquet"),
            "usage": str(home.published / "fct_usage_cost_hourly.parquet"),
            "name": model,
        },
    ).fetchall()


def _price(row: tuple[Any, ...]) -> Price:
    return Price(row[0], row[1], TokenClass(row[2]), *row[3:])


def explain(
    home: Home,
    model: str,
    console: Console,
    *,
    provider: str | None,
    day: date | None,
    token_class: TokenClass | None,
    deployment_type: str | None,
    region_id: str | None,
    service_tier: str,
    input_tokens: int | None,
) -> None:
    """Print, per provider and token class, every list's price and why the first one counts.

    Raises:
        UnknownModelError: the price book has no such model.
    """
    book = read_book(home, model)
    as_of = written_as_of(home.config_tables)
    on = day or (as_of.date() if as_of else date.today())  # noqa: DTZ011 - only where no run has said a moment
    classes = [token_class] if token_class else list(TokenClass)
    providers = sorted({(price.provider, price.model) for price in book})
    if provider and provider not in {name for name, _ in providers}:
        raise UnknownModelError(f"{provider!r} has no {model!r}; it is of {', '.join(name for name, _ in providers)}")
    for provider_name, name in providers:
        if provider and provider_name != provider:
            continue
        usage = Usage(provider_name, name, on, region_id, deployment_type, service_tier, None, input_tokens)
        table = Table("Class", "", "List", box=None, header_style="bold", pad_edge=False)
        table.add_column("Per 1M tokens", justify="right")
        for heading in ("Since", "Why", "Where"):
            table.add_column(heading)
        for one_class in classes:
            chain = candidates(book, usage, one_class)
            if not chain and token_class:
                table.add_row(one_class.value, "✗", "none", "", "", _why_none(book, usage, one_class), "")
            for place, candidate in enumerate(chain):
                _add(table, one_class, place, candidate, chain)
        said = [f"{on}", service_tier, deployment_type or "any deployment", region_id or "any region"]
        if input_tokens is not None:
            said.append(f"{input_tokens:,} input tokens")
        console.print(f"\n[bold]{provider_name} · {name}[/] ({', '.join(said)})\n")
        console.print(table)


def _add(table: Table, token_class: TokenClass, place: int, candidate: Candidate, chain: list[Candidate]) -> None:
    price = candidate.price
    since = "always" if price.valid_from.year <= 1970 else str(price.valid_from)
    table.add_row(
        token_class.value if place == 0 else "",
        "✓" if place == 0 else "",
        price.price_source,
        f"{price.currency} {price.price_per_1m_tokens.normalize():f}",
        since,
        _why(place, candidate, chain),
        price.price_basis,
        style=None if place == 0 else "dim",
    )


def _why(place: int, candidate: Candidate, chain: list[Candidate]) -> str:
    price = candidate.price
    only = [
        text
        for text in (
            price.region_id,
            price.deployment_type,
            f"release {price.model_release}" if price.model_release else None,
            f"from {price.min_input_tokens:,} input tokens" if price.min_input_tokens else None,
        )
        if text
    ]
    meant = f"for {', '.join(only)}" if only else "for all"
    borrowed = f"; the price of {candidate.fallback_class}" if candidate.fallback_class else ""
    if place:
        first = chain[0]
        if candidate.fallback_class and not first.fallback_class:
            return f"{meant}{borrowed}: a price of the class itself comes first"
        return f"{meant}{borrowed}: rank {price.rank}, after {first.price.price_source}"
    return f"{meant}{borrowed}: rank {price.rank}" + (" is the best" if len(chain) > 1 else ", the only list")


def _why_none(book: list[Price], usage: Usage, token_class: TokenClass) -> str:
    own = [price for price in book if price.provider == usage.provider and price.token_class == token_class]
    if not own:
        return "no list has a price of this class"
    tiers = sorted({price.service_tier for price in own})
    return f"{len(own)} prices of this class, none for these conditions (tiers: {', '.join(tiers)})"


def show_disagreements(home: Home, console: Console) -> None:
    """Print what each other list would make of the usage, most money first."""
    rows = _disagreements(home.published / "fct_price_disagreement.parquet")
    if not rows:
        console.print("[green]✓[/] No two lists disagree about anything that was used.")
        return
    table = Table(
        "Provider", "Model", "Class", "Counts", "Says otherwise", box=None, header_style="bold", pad_edge=False
    )
    for heading in ("Days", "Ratio", "Estimated", "At stake"):
        table.add_column(heading, justify="right")
    for provider, model, token_class, source, other, days, low, high, currency, cost, stake in rows[:_MOST_LINES]:
        ratio = f"{low:.2f}" if low == high else f"{low:.2f} to {high:.2f}"
        table.add_row(
            provider, model, token_class, source, other, f"{days}", ratio, f"{currency} {cost:,.2f}",
            f"{currency} {stake:+,.2f}",
        )  # fmt: skip
    console.print(table)
    if len(rows) > _MOST_LINES:
        console.print(f"\n… and {len(rows) - _MOST_LINES} more in the mart fct_price_disagreement.")


def _disagreements(file: Path) -> list[tuple[Any, ...]]:
    return duckdb.execute(
        """select provider_name, model, token_class, price_source, other_price_source, count(distinct usage_date),
                  min(price_ratio), max(price_ratio), currency, sum(estimated_cost), sum(money_at_stake)
           from read_parquet(?) group by provider_name, model, token_class, price_source, other_price_source, currency
           order by abs(sum(money_at_stake)) desc, 1, 2, 3""",
        [str(file)],
    ).fetchall()
