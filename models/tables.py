"""The three ``ml`` Parquet tables: their schemas, typed frames and writer.

Here: column names and types of ``forecast_daily``, ``forecast_accuracy`` and ``anomaly``; building a frame of them;
writing it so that a reader sees the old table or the new one, never half of one.
Not here: what the numbers are (forecast, anomaly).
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from finops.money import SCALE

MONEY = pa.decimal128(38, SCALE)
TIMESTAMP = pa.timestamp("us")

SCHEMAS: dict[str, pa.Schema] = {
    "forecast_daily": pa.schema(
        [
            ("forecast_date", pa.date32()),
            ("scope_type", pa.string()),
            ("scope_value", pa.string()),
            ("currency", pa.string()),
            ("expected_cost", MONEY),
            ("lower_cost", MONEY),
            ("upper_cost", MONEY),
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
            ("is_chosen", pa.bool_()),
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
}


def build_frame(table: str, rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """A frame of an ``ml`` table from its rows, with the same dtypes whether there are rows or not.

    Dates are ``date`` objects, money ``Decimal`` objects, ``as_of`` is UTC without a zone (as DuckDB reads it).
    """
    schema = SCHEMAS[table]
    return _as_frame(pa.Table.from_pylist([dict(row) for row in rows], schema=schema))


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
        pq.write_table(content, draft)
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
    return _as_frame(pq.read_table(folder / f"{table}.parquet", schema=SCHEMAS[table]))


def _as_frame(content: pa.Table) -> pd.DataFrame:
    return content.to_pandas(date_as_object=True)
