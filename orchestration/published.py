"""Reading published marts by a query, for commands and replays.

Here: rows of a mart's Parquet, by a query.
Not here: what the rows mean (whoever asks) and frames for reports (reports.marts).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import duckdb

from finops.paths import Home


class NotPublishedError(LookupError):
    """The last run published no such mart."""


def query_mart(home: Home, mart: str, sql: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Rows of a query on one mart, whose file is the parameter ``$mart`` of it.

    Raises:
        NotPublishedError: the home has no such mart.
    """
    file = home.published / f"{mart}.parquet"
    if not file.exists():
        raise NotPublishedError(f"{home.path} has no {mart} yet; run `aifinops run` or `aifinops demo` first")
    with duckdb.connect() as connection:
        return connection.execute(sql, {"mart": str(file), **values}).fetchall()
