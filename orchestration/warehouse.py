"""Reading the warehouse between dbt's runs.

Here: a read-only query that keeps decimals exact.
Not here: writing (dbt) and outside readers (they read the published Parquet).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa


def read_table(warehouse: Path, relation: str) -> pd.DataFrame:
    """A whole relation as a frame; ``decimal`` columns hold ``Decimal`` objects, dates hold ``date`` objects."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        table: pa.Table = connection.table(relation).to_arrow_table()
    return table.to_pandas(date_as_object=True)


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a frame by column name."""
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]
