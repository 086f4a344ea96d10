"""The ``ml`` Parquet tables: their schemas, typed frames and writer.

Here: column names and types of forecasts, anomalies, incidents and their feedback; building a frame of them;
writing it so that a reader sees the old table or the new one, never half of one.
Not here: what the numbers are (forecast, anomaly).
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from finops.money import SCALE
from models.series import MONEY_DIGITS, Floats, Scope

MONEY = pa.decimal128(38, SCALE)
TIMESTAMP = pa.timestamp("us")

BOUNDS = ("expected", "lower", "upper", "lower_95", "upper_95")
"""An expectation, and the ends of its 80% and of its 95% interval."""


def _bounds(measure: str, kind: pa.DataType) -> list[tuple[str, pa.DataType]]:
    return [(f"{bound}_{measure}", kind) for bound in BOUNDS]


SCHEMAS: dict[str, pa.Schema] = {
    "forecast_daily": pa.schema(
        [
            ("forecast_date", pa.date32()),
            ("scope_type", pa.string()),
            ("scope_value", pa.string()),
            ("currency", pa.string()),
            *_bounds("cost", MONEY),
            ("model_name", pa.string()),
            ("as_of", TIMESTAMP),
            ("is_future", pa.bool_()),
        ]
    ),
    "forecast_accuracy": pa.schema(
        [
            ("scope_type", pa.string()),
            ("scope_value", pa.string()),
            ("currency", pa.string()),
            ("model_name", pa.string()),
            ("horizon_days", pa.int64()),
            ("folds", pa.int64()),
            ("mean_absolute_error", MONEY),
            ("mean_absolute_scaled_error", pa.float64()),
            ("interval_coverage", pa.float64()),
            ("interval_coverage_95", pa.float64()),
            ("weight", pa.float64()),
            ("is_chosen", pa.bool_()),
            ("as_of", TIMESTAMP),
        ]
    ),
    "forecast_path": pa.schema(
        [
            ("scope_type", pa.string()),
            ("scope_value", pa.string()),
            ("currency", pa.string()),
            ("path", pa.int32()),
            ("forecast_date", pa.date32()),
            ("cost", MONEY),
            ("as_of", TIMESTAMP),
        ]
    ),
    "forecast_rate": pa.schema(
        [
            ("rate_date", pa.date32()),
            ("currency", pa.string()),
            ("pricing_currency", pa.string()),
            *_bounds("rate", MONEY),
            ("is_known", pa.bool_()),
            ("is_monthly", pa.bool_()),
            ("as_of", TIMESTAMP),
        ]
    ),
    "forecast_made": pa.schema(
        [
            ("as_of", TIMESTAMP),
            ("is_backcast", pa.bool_()),
            ("scope_type", pa.string()),
            ("scope_value", pa.string()),
            ("currency", pa.string()),
            ("forecast_date", pa.date32()),
            *_bounds("cost", MONEY),
            ("model_name", pa.string()),
        ]
    ),
    "forecast_hourly": pa.schema(
        [
            ("usage_hour", TIMESTAMP),
            ("scope_type", pa.string()),
            ("scope_value", pa.string()),
            ("currency", pa.string()),
            *_bounds("cost", MONEY),
            *_bounds("tokens", pa.float64()),
            *_bounds("requests", pa.float64()),
            ("as_of", TIMESTAMP),
        ]
    ),
    "anomaly": pa.schema(
        [
            ("anomaly_id", pa.string()),
            ("detected_date", pa.date32()),
            ("scope_type", pa.string()),
            ("scope_value", pa.string()),
            ("metric", pa.string()),
            ("currency", pa.string()),
            ("detectors", pa.string()),
            ("actual", MONEY),
            ("expected", MONEY),
            ("impact", MONEY),
            ("impact_ratio", pa.float64()),
            ("severity", pa.string()),
            ("contributors", pa.string()),
            ("explanation", pa.string()),
            ("event_id", pa.string()),
            ("status", pa.string()),
            ("as_of", TIMESTAMP),
        ]
    ),
    "incident": pa.schema(
        [
            ("incident_id", pa.string()),
            ("scope_type", pa.string()),
            ("scope_value", pa.string()),
            ("currency", pa.string()),
            ("direction", pa.string()),
            ("status", pa.string()),
            ("verdict", pa.string()),
            ("event_id", pa.string()),
            ("suppressed_because", pa.string()),
            ("first_seen", pa.date32()),
            ("last_seen", pa.date32()),
            ("opened_at", TIMESTAMP),
            ("closed_at", TIMESTAMP),
            ("is_backfilled", pa.bool_()),
            ("metrics", pa.string()),
            ("detectors", pa.string()),
            ("day_count", pa.int64()),
            ("anomaly_count", pa.int64()),
            ("impact", MONEY),
            ("peak_impact", MONEY),
            ("daily_impact", MONEY),
            ("projected_impact", MONEY),
            ("severity", pa.string()),
            ("opened_severity", pa.string()),
            ("criticality", pa.string()),
            ("usage_change", MONEY),
            ("volume_effect", MONEY),
            ("mix_effect", MONEY),
            ("cache_effect", MONEY),
            ("price_effect", MONEY),
            ("contributors", pa.string()),
            ("similar_incidents", pa.string()),
            ("daily_costs", pa.string()),
            ("explanation", pa.string()),
            ("as_of", TIMESTAMP),
        ]
    ),
    "incident_anomaly": pa.schema(
        [
            ("incident_id", pa.string()),
            ("anomaly_id", pa.string()),
            ("detected_date", pa.date32()),
            ("scope_type", pa.string()),
            ("scope_value", pa.string()),
            ("metric", pa.string()),
            ("currency", pa.string()),
            ("actual", MONEY),
            ("expected", MONEY),
            ("detectors", pa.string()),
            ("severity", pa.string()),
            ("event_id", pa.string()),
            ("suppressed_because", pa.string()),
            ("is_current", pa.bool_()),
            ("as_of", TIMESTAMP),
        ]
    ),
    "incident_detector": pa.schema([("incident_id", pa.string()), ("detector", pa.string())]),
    "incident_feedback": pa.schema(
        [
            ("feedback_id", pa.string()),
            ("incident_id", pa.string()),
            ("kind", pa.string()),
            ("verdict", pa.string()),
            ("why", pa.string()),
            ("who", pa.string()),
            ("given_at", TIMESTAMP),
            ("scope_type", pa.string()),
            ("scope_value", pa.string()),
            ("currency", pa.string()),
            ("first_seen", pa.date32()),
            ("last_seen", pa.date32()),
        ]
    ),
}


def build_frame(table: str, rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """A frame of an ``ml`` table from its rows, with the same dtypes whether there are rows or not.

    Dates are ``date`` objects, money ``Decimal`` objects, ``as_of`` is UTC without a zone (as DuckDB reads it).
    """
    schema = SCHEMAS[table]
    return _as_frame(table, pa.Table.from_pylist([dict(row) for row in rows], schema=schema))


def path_frame(drawn: Sequence[tuple[Scope, date, Floats]], as_of: datetime) -> pd.DataFrame:
    """The frame of ``forecast_path`` from (scope, first day, paths × days).

    Its columns stay Arrow's: a hundred futures of many scopes are millions of rows, too many for Python objects.

    Args:
        drawn: amounts in whole multiples of 10^-``MONEY_DIGITS``.
        as_of: UTC without a zone.
    """
    schema = SCHEMAS["forecast_path"]
    parts = [_paths_of(scope, first_day, paths, as_of) for scope, first_day, paths in drawn if paths.size]
    return _as_frame("forecast_path", pa.concat_tables(parts) if parts else schema.empty_table())


def _paths_of(scope: Scope, first_day: date, paths: Floats, as_of: datetime) -> pa.Table:
    count, days = paths.shape
    # The nearest decimal of MONEY_DIGITS digits is the amount itself, which is a whole multiple of the smallest one.
    cost = pa.array(paths.reshape(-1)).cast(pa.decimal128(38 - SCALE + MONEY_DIGITS, MONEY_DIGITS)).cast(MONEY)
    dates = np.datetime64(first_day, "D") + np.arange(days)
    same = count * days
    columns = [
        pa.repeat(scope.type, same), pa.repeat(scope.value, same), pa.repeat(scope.currency, same),
        pa.array(np.repeat(np.arange(count, dtype=np.int32), days)), pa.array(np.tile(dates, count)), cost,
        pa.repeat(pa.scalar(as_of, TIMESTAMP), same),
    ]  # fmt: skip
    return pa.table(columns, schema=SCHEMAS["forecast_path"])


def write_table(table: str, frame: pd.DataFrame, folder: Path) -> Path:
    """Write ``<folder>/<table>.parquet`` whole and swap it in; a frame without rows is a file without rows.

    Raises:
        KeyError: the table is not one of the ``ml`` tables.
        ValueError: columns are missing, or a value does not fit its column.
    """
    schema = SCHEMAS[table]
    missing = [name for name in schema.names if name not in frame.columns]
    if missing:
        raise ValueError(f"{table} lacks the columns {', '.join(missing)}: pass the frame that models returned")
    try:
        content = pa.Table.from_pandas(frame[schema.names], schema=schema, preserve_index=False)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise ValueError(f"{table} does not fit its schema: {error}; pass the frame that models returned") from error
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{table}.parquet"
    handle, name = tempfile.mkstemp(prefix=f".{table}.", suffix=".tmp", dir=folder)
    os.close(handle)
    draft = Path(name)
    try:
        pq.write_table(content, draft, compression="zstd")
        draft.chmod(0o644)  # mkstemp makes it private; other readers of the home need it
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
    return target


def read_table(table: str, folder: Path) -> pd.DataFrame:
    """What ``write_table`` wrote, in the dtypes of ``build_frame``.

    Raises:
        FileNotFoundError: nothing has been written there yet.
    """
    return _as_frame(table, pq.read_table(folder / f"{table}.parquet", schema=SCHEMAS[table]))


def _as_frame(table: str, content: pa.Table) -> pd.DataFrame:
    if table == "forecast_path":
        return content.to_pandas(types_mapper=pd.ArrowDtype)
    return content.to_pandas(date_as_object=True)
