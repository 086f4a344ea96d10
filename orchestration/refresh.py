"""The newest usage, landed and priced, between two runs of everything.

Here: one run of that job in this process, and what it changed.
Not here: which days it tells again (dbt_project/macros/usage_slice.sql).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import pandas as pd

import models
from finops.paths import CONFIG_VARIABLE, HOME_VARIABLE, Home
from finops.periods import as_utc
from orchestration.run import Listener, PipelineError, run_job
from orchestration.schedules import NEWEST_USAGE
from orchestration.workspace import AS_OF_VARIABLE

_DAYS = """
select usage_date, sum(request_count)::bigint, sum(tokens)::bigint, currency,
       coalesce(sum(estimated_cost), 0)::decimal(38, 12)
from intermediate.int_usage__priced
where is_attributable and usage_date in (select usage_date from intermediate.int_usage__new_day)
group by usage_date, currency
order by usage_date, currency nulls last
"""


@dataclass(frozen=True)
class RefreshedDay:
    """Attributable usage of a day that was told again; ``currency`` is None for tokens without a price."""

    day: date
    requests: int
    tokens: int
    currency: str | None
    estimated_cost: Decimal


@dataclass(frozen=True)
class NextDay:
    """What the company's usage of the 24 hours ahead is expected to cost, at list price."""

    currency: str
    expected_cost: Decimal


@dataclass(frozen=True)
class Refreshed:
    seconds: float
    days: list[RefreshedDay]
    running_away: list[str]
    """A sentence each: newest minutes that cost far more than usual and that no known event explains."""
    next_day: list[NextDay]
    """One per currency whose usage is new enough."""


def refresh(home: Home, config: Path, as_of: datetime, environ: Mapping[str, str], listener: Listener) -> Refreshed:
    """Land what usage sources have new, price the days that it touches and look for what runs away in them.

    What runs away is an incident, of which the people concerned hear at once. Nothing is published: the next run of
    everything does that.

    Raises:
        PipelineError: the home was never run, a step failed, or another run is working on it.
    """
    if not home.warehouse.exists():
        raise PipelineError(f"{home.path} was never run; `aifinops run` builds the whole first")
    variables = {
        **environ,
        HOME_VARIABLE: str(home.path),
        CONFIG_VARIABLE: str(config),
        AS_OF_VARIABLE: as_of.isoformat(),
    }
    seconds = run_job(NEWEST_USAGE, home, variables, listener)
    with duckdb.connect(str(home.warehouse), read_only=True) as connection:
        days = [RefreshedDay(*row) for row in connection.execute(_DAYS).fetchall()]
    found = models.read_table("anomaly", home.ml_running)
    is_now = (found["status"] == "open") & (found["as_of"] == pd.Timestamp(as_of).tz_convert(None))
    running_away = list(found.loc[is_now, "explanation"])
    return Refreshed(seconds, days, running_away, _next_day(home, as_of))


def _next_day(home: Home, as_of: datetime) -> list[NextDay]:
    hours = models.read_table("forecast_hourly", home.ml_running)
    start = as_utc(as_of).replace(tzinfo=None, minute=0, second=0, microsecond=0)
    ahead = hours[
        (hours["scope_type"] == "company")
        & (hours["usage_hour"] >= start)
        & (hours["usage_hour"] < start + timedelta(hours=24))
    ]
    return [NextDay(str(name), sum(rows["expected_cost"], Decimal(0))) for name, rows in ahead.groupby("currency")]
