"""Pricing history again after a price was corrected.

Here: the price tables of the configuration, the run of what depends on them, and what changed in money.
Not here: prices (config, dbt) and how a change looks in a terminal (cli).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb

from finops.config import load_configuration
from finops.config.tables import PRICE_TABLES, write_tables, written_as_of
from finops.paths import CONFIG_VARIABLE, HOME_VARIABLE, Home
from orchestration.run import Listener, PipelineError, run_job
from orchestration.schedules import REPRICING
from orchestration.workspace import AS_OF_VARIABLE

# A line is a day of a model's tokens of a class: the same line before and after whatever the price book has learnt. So
# the model's name in the book is no part of its key, since an alias may have changed that.
_LINES = """
select cast(usage_hour as date) as usage_date, provider_name, reported_model, token_class, currency,
       max(model) as model, sum(tokens)::bigint as tokens,
       coalesce(sum(estimated_cost), 0)::decimal(38, 12) as cost,
       string_agg(distinct price_source, ' ' order by price_source) as price_sources,
       string_agg(distinct price_id, ' ' order by price_id) as price_ids,
       string_agg(distinct price_per_1m_tokens::varchar, ' ' order by price_per_1m_tokens::varchar) as prices
from read_parquet(?)
where is_attributable
group by all
"""

_BOOK = """
select provider_name, model, token_class, region_id, deployment_type, service_tier, min_input_tokens, currency,
       price_per_1m_tokens, valid_from, valid_to
from read_parquet(?)
where price_source = 'config'
"""

_COMPARED = """
select coalesce(new.usage_date, old.usage_date) as usage_date,
       coalesce(new.provider_name, old.provider_name) as provider_name,
       coalesce(new.model, old.model) as model,
       coalesce(new.reported_model, old.reported_model) as reported_model,
       coalesce(new.token_class, old.token_class) as token_class,
       coalesce(new.currency, old.currency) as currency,
       coalesce(old.tokens, 0) as tokens_before, coalesce(new.tokens, 0) as tokens_after,
       old.prices as prices_before, new.prices as prices_after,
       old.price_sources as price_sources_before, new.price_sources as price_sources_after,
       old.price_ids as price_ids_before, new.price_ids as price_ids_after,
       coalesce(old.cost, 0)::decimal(38, 12) as cost_before, coalesce(new.cost, 0)::decimal(38, 12) as cost_after,
       (coalesce(new.cost, 0) - coalesce(old.cost, 0))::decimal(38, 12) as difference
from before_lines as old
full join after_lines as new
    on old.usage_date = new.usage_date and old.provider_name is not distinct from new.provider_name
    and old.reported_model is not distinct from new.reported_model and old.token_class = new.token_class
    and old.currency is not distinct from new.currency
"""

_CHANGED = """
select * from compared
where (cost_before <> cost_after or tokens_before <> tokens_after
       or price_ids_before is distinct from price_ids_after or prices_before is distinct from prices_after)
  and usage_date >= coalesce(?, usage_date) and usage_date <= coalesce(?, usage_date)
order by all
"""

# Corrected prices of classes whose cost stayed the same all the same.
_WITHOUT_EFFECT = """
select distinct provider_name, model, token_class
from ((select * from after_book except select * from before_book)
      union all (select * from before_book except select * from after_book)) as corrected
where not exists (
    from compared
    where compared.provider_name = corrected.provider_name and compared.model = corrected.model
      and compared.token_class = corrected.token_class and compared.cost_before <> compared.cost_after
)
order by all
"""


@dataclass(frozen=True)
class PriceChange:
    """Estimated cost of a model's usage in a month, before and after; zero where there was no price."""

    provider: str
    model: str
    month: date
    currency: str
    before: Decimal
    after: Decimal

    @property
    def difference(self) -> Decimal:
        return self.after - self.before


@dataclass(frozen=True)
class Repriced:
    """What pricing again did.

    Attributes:
        changes: of the days asked for; months and models without a difference are left out.
        total: estimated cost of all days by currency, after.
        lines_unchanged: lines (day, model, class) of all days whose cost is the same to the last digit.
        lines_changed: lines of all days whose cost is another.
        unpriced_tokens: of all days, before and after.
        without_effect: provider, model and class of corrected prices that changed no cost.
    """

    changes: list[PriceChange]
    total: Mapping[str, Decimal]
    lines_unchanged: int
    lines_changed: int
    unpriced_tokens: tuple[int, int]
    without_effect: list[tuple[str, str, str]]
    seconds: float


def reprice(
    home: Home,
    config: Path,
    environ: Mapping[str, str],
    listener: Listener,
    *,
    days: tuple[date | None, date | None] = (None, None),
    record: Path | None = None,
) -> Repriced:
    """Write prices.yml's tables, build what depends on them, publish, and compare the published marts.

    Nothing lands and nobody is told. The moment reported on stays the last run's. Doing it again changes nothing.

    Args:
        days: first and last day of usage to compare; all where None. History is priced as a whole either way: since
            when a price holds is said in prices.yml.
        record: a CSV file to write: each changed day, model and class with tokens, prices and cost before and after.

    Raises:
        ConfigError: the configuration has problems.
        PipelineError: the home has never been run, a step failed, or another run is working on it.
    """
    as_of = written_as_of(home.config_tables)
    if as_of is None or not home.published.exists():
        raise PipelineError(f"{home.path} has no usage that was priced; run it first")
    configuration = load_configuration(config)
    with duckdb.connect() as connection:

        def prepare() -> None:
            _remember(connection, home, "before")
            write_tables(configuration, home.config_tables, as_of, only=PRICE_TABLES)

        variables = {
            **environ,
            HOME_VARIABLE: str(home.path),
            CONFIG_VARIABLE: str(config),
            AS_OF_VARIABLE: as_of.isoformat(),
        }
        seconds = run_job(REPRICING, home, variables, listener, prepare=prepare)
        _remember(connection, home, "after")
        connection.execute(f"create table compared as {_COMPARED}")
        connection.execute(f"create table changed as {_CHANGED}", [*days])
        if record:
            connection.table("changed").write_csv(str(record))
        return _compared(connection, seconds)


def _remember(connection: duckdb.DuckDBPyConnection, home: Home, moment: str) -> None:
    """Keep what is published now; a later run deletes its files."""
    for table, query, mart in (("lines", _LINES, "fct_usage_cost_hourly"), ("book", _BOOK, "dim_price")):
        connection.execute(f"create table {moment}_{table} as {query}", [str(home.published / f"{mart}.parquet")])


def _compared(connection: duckdb.DuckDBPyConnection, seconds: float) -> Repriced:
    changes = connection.execute(
        """select provider_name, model, date_trunc('month', usage_date)::date, currency, sum(cost_before),
                  sum(cost_after)
           from changed where currency is not null
           group by all having sum(cost_before) <> sum(cost_after) order by all"""
    ).fetchall()
    [(unchanged, changed, unpriced_before, unpriced_after)] = connection.execute(
        """select count(*) filter (cost_before = cost_after), count(*) filter (cost_before <> cost_after),
                  coalesce(sum(tokens_before) filter (currency is null), 0)::bigint,
                  coalesce(sum(tokens_after) filter (currency is null), 0)::bigint
           from compared"""
    ).fetchall()
    total = connection.execute(
        "select currency, sum(cost_after) from compared where currency is not null group by 1 order by 1"
    ).fetchall()
    return Repriced(
        changes=[PriceChange(*row) for row in changes],
        total=dict(total),
        lines_unchanged=unchanged,
        lines_changed=changed,
        unpriced_tokens=(unpriced_before, unpriced_after),
        without_effect=connection.execute(_WITHOUT_EFFECT).fetchall(),
        seconds=seconds,
    )
