"""Today's usage, cost and forecast for what-ifs, from the published marts.

Here: sums of the last four weeks, in one currency.
Not here: what is made of them (models.whatif).
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import duckdb
import pandas as pd

import models
from cli.prices import read_whole_book
from finops.config.scenarios import Scenario
from finops.paths import Home
from models.whatif.base import (
    COST_COLUMNS,
    FORECAST_COLUMNS,
    HOUR_COLUMNS,
    PATH_COLUMNS,
    PROVISIONED_COLUMNS,
    USAGE_COLUMNS,
)
from models.whatif.run import horizon
from orchestration.published import NotPublishedError

WINDOW_DAYS = 28
_MARTS = (
    "fct_usage_cost_hourly",
    "fct_ai_cost_daily",
    "fct_provisioned_throughput_daily",
    "fct_forecast_daily",
    "dim_price",
)

_USAGE = """
select team, app, feature, environment, provider_name, model, region_id, deployment_type, service_tier, context_tier,
    token_class, sum(tokens) as tokens, sum(request_count) as request_count, sum(estimated_cost) as estimated_cost
from read_parquet($fct_usage_cost_hourly)
where is_attributable and price_status = 'priced' and currency = $currency
    and cast(usage_hour as date) between $first and $last
group by all
having sum(tokens) > 0
order by all
"""
_COST = """
select team, app, environment, ai_category, provider_name, model, resource_id, token_class is not null as is_tokens,
    sum(effective_cost) as effective_cost
from read_parquet($fct_ai_cost_daily)
where is_ai and billing_currency = $currency and usage_date between $first and $last
group by all
having sum(effective_cost) <> 0
order by all
"""
_PROVISIONED = """
select pool_id, resource_id, unit_hours, used_unit_hours, pay_as_you_go_cost, spillover_cost
from read_parquet($fct_provisioned_throughput_daily)
where billing_currency = $currency and usage_date between $first and $last and used_unit_hours is not null
order by pool_id, resource_id, usage_date
"""
_HOURS = """
select resource_id, usage_hour, sum(tokens) as tokens
from read_parquet($fct_usage_cost_hourly)
where cast(usage_hour as date) between $first and $last
    and resource_id in (select resource_id from read_parquet($fct_provisioned_throughput_daily))
group by all
order by all
"""
_FORECAST = """
select scope_type, scope_value, forecast_date, expected_cost
from read_parquet($fct_forecast_daily)
where is_future and currency = $currency and scope_type in ('company', 'team', 'app')
order by all
"""
_PATHS = """
select scope_type, scope_value, path, forecast_date, cast(cost as double) as cost
from read_parquet($paths)
where currency = $currency and scope_type in ('company', 'team', 'app')
order by all
"""


def read_base(home: Home, scenario: Scenario) -> models.Base:
    """What the scenario is asked against: the newest four weeks that are on the bill, and the newest forecast.

    Raises:
        NotPublishedError: the home has no such marts yet.
        WhatIfError: nothing was spent in the currency, there is no forecast, or the scenario's days are past.
    """
    files = {mart: str(_file(home, mart)) for mart in _MARTS}
    with duckdb.connect() as connection:
        currency = scenario.currency or _main_currency(connection, files)
        ((billed_through, as_of, forecast_through),) = connection.execute(
            """select
                   (select max(usage_date) from read_parquet($bill)
                    where usage_date <= (select max(cast(as_of as date)) from read_parquet($forecast))),
                   max(cast(as_of as date)), max(forecast_date) from read_parquet($forecast)""",
            {"bill": files["fct_ai_cost_daily"], "forecast": files["fct_forecast_daily"]},
        ).fetchall()
        if as_of is None or billed_through is None:
            raise models.WhatIfError("there is no bill or no forecast yet: run `aifinops run` first")
        window = (billed_through - timedelta(days=WINDOW_DAYS - 1), billed_through)

        def frame(sql: str, columns: tuple[str, ...], **values: Any) -> pd.DataFrame:
            named = {name: file for name, file in files.items() if f"${name})" in sql}
            return pd.DataFrame(connection.execute(sql, {**named, **values}).fetchall(), columns=list(columns))

        days = {"first": window[0], "last": window[1]}
        first_day, last_day = horizon(scenario, as_of, forecast_through)
        paths = home.ml / "forecast_path.parquet"
        if not paths.exists():
            raise NotPublishedError(f"{home.path} has no paths of its forecast yet; run `aifinops run` first")
        return models.build_base(
            usage=frame(_USAGE, USAGE_COLUMNS, currency=currency, **days),
            cost=frame(_COST, COST_COLUMNS, currency=currency, **days),
            provisioned=frame(_PROVISIONED, PROVISIONED_COLUMNS, currency=currency, **days),
            provisioned_hours=frame(_HOURS, HOUR_COLUMNS, **days),
            forecast=frame(_FORECAST, FORECAST_COLUMNS, currency=currency),
            paths=frame(_PATHS, PATH_COLUMNS, currency=currency, paths=str(paths)),
            book=read_whole_book(home),
            window=window,
            as_of=as_of,
            currency=currency,
            first_day=first_day,
            last_day=last_day,
        )


def _file(home: Home, mart: str) -> Any:
    file = home.published / f"{mart}.parquet"
    if not file.exists():
        raise NotPublishedError(f"{home.path} has no {mart} yet; run `aifinops run` or `aifinops demo` first")
    return file


def _main_currency(connection: duckdb.DuckDBPyConnection, files: dict[str, str]) -> str:
    rows = connection.execute(
        """select billing_currency from read_parquet($mart) where is_ai
           group by 1 order by sum(effective_cost) desc, 1 limit 1""",
        {"mart": files["fct_ai_cost_daily"]},
    ).fetchall()
    if not rows:
        raise models.WhatIfError("no AI cost is on the bill yet: run `aifinops run` first")
    return str(rows[0][0])
