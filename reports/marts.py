"""Reading published marts as frames.

Here: which columns of which mart the reports look at, with their types, and bringing any frame to those types.
Not here: what the numbers mean (``measures``), and the marts' full contract (dbt's manifest, see ``dictionary``).

Types of a frame: money and other decimals are ``Decimal`` in object columns (null is None), dates and timestamps are
naive UTC ``datetime64``, texts are pandas strings, ``bigint`` is Int64, ``double`` float64, ``boolean`` bool (null is
False).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.parquet as pq

from finops.periods import as_utc

_AS_FLOAT = (
    "{mart}.{column} was read as floating point, which loses cents; read the Parquet file with read_marts or pyarrow, "
    "which keep decimals"
)


class MartError(ValueError):
    """A mart that cannot be read as the reports need it."""


@dataclass(frozen=True)
class MartColumns:
    """The columns the reports read, and how many days before ``as_of`` they look back (None: all rows)."""

    columns: Mapping[str, str]
    time_column: str | None = None
    lookback_days: int | None = None


def _columns(text: str) -> dict[str, str]:
    """``"a b:date c:decimal"`` → ``{"a": "text", "b": "date", "c": "decimal"}``."""
    return {name: kind or "text" for name, _, kind in (item.partition(":") for item in text.split())}


MARTS: dict[str, MartColumns] = {
    "fct_ai_cost_daily": MartColumns(
        _columns(
            "usage_date:date provider_name billing_currency service_name resource_id resource_name sub_account_name "
            "is_ai:boolean ai_category model team app attribution_method attribution_rule idle_kind "
            "billed_cost:decimal effective_cost:decimal"
        ),
        "usage_date",
        400,
    ),
    "fct_usage_cost_hourly": MartColumns(
        _columns(
            "usage_hour:timestamp source model team app token_class tokens:bigint request_count:bigint "
            "currency estimated_cost:decimal price_status is_attributable:boolean"
        ),
        "usage_hour",
        100,
    ),
    "fct_gpu_hourly": MartColumns(
        _columns(
            "usage_hour:timestamp node gpu_uuid gpu_model team allocated_seconds:bigint idle_seconds:bigint "
            "busy_gpu_seconds:double"
        ),
        "usage_hour",
        100,
    ),
    "fct_unit_economics_daily": MartColumns(
        _columns(
            "usage_date:date unit scope_type scope_value currency cost:decimal quantity:decimal unit_cost:decimal "
            "cost_basis"
        ),
        "usage_date",
        160,
    ),
    "fct_model_tradeoff_monthly": MartColumns(
        _columns(
            "usage_month:date app provider_name model currency cost_per_request:decimal quality_score:decimal "
            "quality_low:decimal quality_high:decimal is_on_frontier:boolean routing_saves_cost:decimal"
        ),
    ),
    "fct_allocation_coverage_monthly": MartColumns(
        _columns(
            "billing_period_start:date scope_type scope_value currency ai_cost:decimal attributed_cost:decimal "
            "unallocated_cost:decimal coverage_ratio:double target_ratio:double tagged_cost:decimal"
        ),
    ),
    "fct_budget_status": MartColumns(
        _columns(
            "as_of_date:date budget_id scope_type scope_value period period_start:date period_end:date currency "
            "budget_amount:decimal billed_to_date:decimal billed_through:date estimated_since_billed:decimal "
            "projected_cost:decimal projected_lower:decimal projected_upper:decimal remaining_amount:decimal "
            "used_ratio:double projected_ratio:double burn_rate_ratio:double exceed_probability:double status"
        ),
    ),
    "fct_budget_outlook_daily": MartColumns(
        _columns(
            "budget_id forecast_date:date currency budget_amount:decimal median_cost:decimal lower_cost:decimal "
            "upper_cost:decimal lower_95_cost:decimal upper_95_cost:decimal exceed_probability:double"
        ),
    ),
    "fct_incident": MartColumns(
        _columns(
            "incident_id scope_type scope_value team owner currency direction status severity opened_severity "
            "explanation first_seen:date last_seen:date opened_at:timestamp closed_at:timestamp "
            "day_count:bigint metrics:json "
            "impact:decimal daily_impact:decimal projected_impact:decimal volume_effect:decimal mix_effect:decimal "
            "cache_effect:decimal price_effect:decimal contributors:json daily_costs:json event_id suppressed_because "
            "verdict"
        ),
    ),
    "fct_forecast_daily": MartColumns(
        _columns(
            "forecast_date:date scope_type scope_value currency expected_cost:decimal lower_cost:decimal "
            "upper_cost:decimal model_name as_of:timestamp is_future:boolean actual_cost:decimal"
        ),
        "forecast_date",
        400,
    ),
    "fct_forecast_total": MartColumns(
        _columns(
            "period period_start:date period_end:date scope_type scope_value currency expected_cost:decimal "
            "lower_cost:decimal upper_cost:decimal lower_95_cost:decimal upper_95_cost:decimal forecast_through:date "
            "is_extended:boolean"
        ),
    ),
    "fct_forecast_variance_monthly": MartColumns(
        _columns(
            "usage_month:date scope_type scope_value currency last_day:date is_backcast:boolean is_complete:boolean "
            "forecast_cost:decimal actual_cost:decimal variance_ratio:double maturity"
        ),
        "usage_month",
        400,
    ),
    "fct_forecast_quality": MartColumns(
        _columns(
            "scope_type scope_value currency horizon_band day_count:bigint weighted_absolute_error_ratio:double "
            "mean_absolute_scaled_error:double bias_ratio:double coverage_80:double coverage_95:double"
        ),
    ),
    "fct_forecast_accuracy": MartColumns(
        _columns(
            "scope_type scope_value currency model_name horizon_days:bigint folds:bigint mean_absolute_error:decimal "
            "mean_absolute_scaled_error:double interval_coverage:double is_chosen:boolean"
        ),
    ),
    "fct_forecast_exchange_rate": MartColumns(
        _columns(
            "rate_date:date currency pricing_currency expected_rate:decimal lower_rate:decimal upper_rate:decimal "
            "is_known:boolean is_monthly:boolean"
        ),
    ),
    "fct_usage_forecast_hourly": MartColumns(
        _columns(
            "usage_hour:timestamp scope_type scope_value currency actual_cost:decimal expected_cost:decimal "
            "lower_cost:decimal upper_cost:decimal lower_95_cost:decimal upper_95_cost:decimal expected_tokens:double "
            "expected_requests:double is_future:boolean as_of:timestamp"
        ),
    ),
    "fct_guardrail_facts": MartColumns(
        _columns(
            "fact_id kind budget_id scope_type scope_value subject period metric unit value:decimal reference:decimal "
            "ratio:decimal projected_ratio:decimal currency increase_amount:decimal data_through:timestamp "
            "is_reconciled:boolean as_of:timestamp"
        ),
    ),
    "fct_reconciliation_daily": MartColumns(
        _columns(
            "provider_name usage_date:date billing_currency lake_row_count:bigint rejected_row_count:bigint "
            "lake_billed_cost:decimal mart_billed_cost:decimal difference:decimal rejected_cost:decimal "
            "is_reconciled:boolean"
        ),
        "usage_date",
        400,
    ),
    "fct_exchange_rate_daily": MartColumns(
        _columns(
            "usage_date:date billing_currency reporting_currency exchange_rate:decimal rate_source is_missing:boolean"
        ),
        "usage_date",
        400,
    ),
    "fct_rejected_row": MartColumns(
        _columns("source_id table_name x_file x_row:bigint column_name reason remedy"),
    ),
}


class Marts(Mapping[str, pd.DataFrame]):
    """Marts by name, each read and conformed on first use and kept; one that was never published is an empty frame."""

    def __init__(self, frames: Mapping[str, pd.DataFrame]) -> None:
        self._frames = frames
        self._conformed: dict[str, pd.DataFrame] = {}

    def __getitem__(self, name: str) -> pd.DataFrame:
        if name not in self._conformed:
            if name not in MARTS:
                raise KeyError(name)
            frame = self._frames.get(name)
            self._conformed[name] = empty(name) if frame is None else conform(name, frame)
        return self._conformed[name]

    def __iter__(self) -> Iterator[str]:
        return iter(MARTS)

    def __len__(self) -> int:
        return len(MARTS)


def as_marts(frames: Mapping[str, pd.DataFrame]) -> Marts:
    return frames if isinstance(frames, Marts) else Marts(frames)


def read_marts(directory: Path, *, as_of: datetime | None = None) -> Marts:
    """Marts of a published folder (``<directory>/<mart>.parquet``), read lazily, only the columns reports need.

    Args:
        directory: ``Home.published``; marts that are not there yet are empty frames.
        as_of: if given, rows older than what the reports look back on are not read.

    Raises:
        MartError: when a mart is used that lacks a column or has one of another type.
    """
    # The folder is a link that a run replaces: resolved once, so that all marts read are of the same run.
    return Marts(_Published(directory.resolve(), as_of))


def reported_moment(marts: Mapping[str, pd.DataFrame]) -> datetime:
    """The moment (UTC) that the run which published these marts reported on.

    Raises:
        MartError: nothing has been published.
    """
    known = as_marts(marts)
    stated = [known[name]["as_of"].max() for name in ("fct_guardrail_facts", "fct_forecast_daily")]
    found = [moment for moment in stated if not pd.isna(moment)]
    if not found:
        newest = known["fct_ai_cost_daily"]["usage_date"].max(), known["fct_usage_cost_hourly"]["usage_hour"].max()
        found = [moment + pd.Timedelta(days=1) for moment in newest if not pd.isna(moment)]
    if not found:
        raise MartError("Nothing has been published yet: run the pipeline first, or name the moment to report on")
    return max(found).to_pydatetime().replace(tzinfo=UTC)


class _Published(Mapping[str, pd.DataFrame]):
    def __init__(self, directory: Path, as_of: datetime | None) -> None:
        self._directory = directory
        self._as_of = as_of

    def __getitem__(self, name: str) -> pd.DataFrame:
        path = self._directory / f"{name}.parquet"
        if not path.exists():
            raise KeyError(name)
        mart = MARTS[name]
        schema = pq.read_schema(path)
        _require_columns(name, schema.names)
        condition = None
        if self._as_of is not None and mart.time_column and mart.lookback_days:
            since = as_utc(self._as_of).replace(tzinfo=None) - timedelta(days=mart.lookback_days)
            kind = schema.field(mart.time_column).type
            condition = pads.field(mart.time_column) >= pa.scalar(
                since.date() if pa.types.is_date(kind) else since, type=kind
            )
        table = pads.dataset(path, format="parquet").to_table(columns=list(mart.columns), filter=condition)
        return table.to_pandas(date_as_object=False)

    def __iter__(self) -> Iterator[str]:
        return (name for name in MARTS if (self._directory / f"{name}.parquet").exists())

    def __len__(self) -> int:
        return sum(1 for _ in self)


def empty(name: str) -> pd.DataFrame:
    """The mart without rows, all columns typed."""
    return pd.DataFrame({column: _EMPTY[kind]() for column, kind in MARTS[name].columns.items()})


def from_rows(name: str, rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Rows of a query as the same frame as ``conform`` makes of a mart; columns that they lack are null.

    Values are what DuckDB gives: ``Decimal``, ``date``, naive UTC ``datetime``. Columns are made of their values as
    they are, which takes a quarter of the time of a frame that finds out what they are.

    Raises:
        MartError: money is binary floating point.
    """
    if not rows:
        return empty(name)
    return pd.DataFrame(
        {
            column: _of_values(name, column, kind, [row.get(column) for row in rows])
            for column, kind in MARTS[name].columns.items()
        }
    )


def _of_values(mart: str, column: str, kind: str, values: list[Any]) -> Any:
    if kind == "decimal":
        if any(isinstance(value, float) for value in values):
            raise MartError(_AS_FLOAT.format(mart=mart, column=column))
        money = [value if value is None or type(value) is Decimal else Decimal(value) for value in values]
        return pd.Series(money, dtype=object)
    if kind in ("date", "timestamp"):
        return np.array(values, dtype="datetime64[us]")
    if kind == "json":
        return pd.Series([_parsed(value) for value in values], dtype=object)
    if kind == "boolean":
        return np.array([bool(value) for value in values])
    if kind == "double":
        return np.array([np.nan if value is None else value for value in values], dtype="float64")
    return pd.array(values, dtype="str" if kind == "text" else "Int64")


def conform(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with exactly the columns of ``MARTS[name]``, each of its type (module docstring).

    Raises:
        MartError: a column is missing, or money was read as binary floating point.
    """
    _require_columns(name, list(frame.columns))
    return pd.DataFrame(
        {column: _conform_column(name, frame[column], kind) for column, kind in MARTS[name].columns.items()}
    ).reset_index(drop=True)


def _require_columns(name: str, present: list[str]) -> None:
    missing = [column for column in MARTS[name].columns if column not in present]
    if missing:
        raise MartError(
            f"{name} lacks the column{'s' if len(missing) > 1 else ''} {', '.join(missing)}: "
            "it was published by another version; build and publish the marts again"
        )


def _conform_column(mart: str, column: pd.Series, kind: str) -> pd.Series:
    if kind == "decimal":
        return _decimal(mart, column)
    if kind in ("date", "timestamp"):
        times = pd.to_datetime(column)
        if getattr(times.dtype, "tz", None) is not None:
            times = times.dt.tz_convert("UTC").dt.tz_localize(None)
        return times.astype("datetime64[us]")
    if kind == "json":
        return pd.Series([_parsed(value) for value in column], index=column.index, dtype=object)
    if kind == "boolean":
        return column.astype("boolean").fillna(False).astype(bool)
    if kind == "text":
        return column if column.dtype == "str" else column.astype("str").where(column.notna())
    return column.astype("Int64" if kind == "bigint" else "float64")


def _decimal(mart: str, column: pd.Series) -> pd.Series:
    if pd.api.types.is_float_dtype(column.dtype) and column.notna().any():
        raise MartError(_AS_FLOAT.format(mart=mart, column=column.name))
    values = [
        None if is_null else value if type(value) is Decimal else Decimal(value)
        for value, is_null in zip(column, column.isna(), strict=True)
    ]
    return pd.Series(values, index=column.index, dtype=object, name=column.name)


def _parsed(value: Any) -> Any:
    """JSON text, or what a Parquet reader already made of it."""
    if isinstance(value, str):
        return json.loads(value)
    if value is None or isinstance(value, list | dict):
        return value
    return None if not hasattr(value, "tolist") else value.tolist()


_EMPTY = {
    "text": lambda: pd.Series([], dtype="str"),
    "date": lambda: pd.Series([], dtype="datetime64[us]"),
    "timestamp": lambda: pd.Series([], dtype="datetime64[us]"),
    "decimal": lambda: pd.Series([], dtype=object),
    "json": lambda: pd.Series([], dtype=object),
    "bigint": lambda: pd.Series([], dtype="Int64"),
    "double": lambda: pd.Series([], dtype="float64"),
    "boolean": lambda: pd.Series([], dtype=bool),
}
