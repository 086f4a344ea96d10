"""What the lake holds, for people who operate it.

Here: size and age of a table, counted over complete loads.
Not here: what the rows mean (dbt).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import pyarrow.compute as pc
import pyarrow.parquet as pq

from finops import lake as contract
from finops.config.tables import iso_rewrite
from finops.paths import Home
from ingestion.lake import Lake, load_id_of

_TIMES = {
    contract.FOCUS_COST_AND_USAGE: "ChargePeriodStart",
    contract.AZURE_COST_DETAIL: "Date",
    contract.USAGE_RECORD: "usage_at",
}


@dataclass(frozen=True)
class TableState:
    """``row_count`` counts every landed row, superseded snapshots included."""

    row_count: int
    file_count: int
    byte_count: int
    load_count: int


def describe_table(
    table: contract.LakeTable, home: Home, *, lake_url: str | None = None, environ: Mapping[str, str] | None = None
) -> TableState:
    """Rows, files, bytes and loads of a lake table."""
    lake = Lake(home, lake_url, environ or {})
    files = lake.data_files(table)
    rows = size = 0
    for path in files:
        with lake.open(path) as file:
            rows += pq.read_metadata(file).num_rows
        size += lake.size(path)
    return TableState(rows, len(files), size, len({load_id_of(path) for path in files}))


def newest_moment(home: Home, *, lake_url: str | None = None, date_format: str | None = None) -> datetime | None:
    """The last second (UTC) of the newest day with a charge or usage, or None for an empty lake.

    The last second, not the midnight after it: a bill that ends with September is reported on as of September. A
    purchase may start in the future, so a day counts only from its second row on. ``date_format``: how bills write
    dates that are not ISO 8601.
    """
    pattern, iso = iso_rewrite(date_format) if date_format else ("", "")
    lake = Lake(home, lake_url, {})
    days: list[str] = []
    for table, column in _TIMES.items():
        seen: dict[str, int] = {}
        for path in lake.data_files(table):
            with lake.open(path) as file:
                values = pq.read_table(file, columns=[column]).column(0)
            texts = pc.cast(values, "string")
            if date_format and table is contract.FOCUS_COST_AND_USAGE:
                texts = pc.replace_substring_regex(texts, pattern, iso)
            for entry in pc.value_counts(pc.utf8_slice_codeunits(texts, 0, 10)).to_pylist():
                seen[entry["values"]] = seen.get(entry["values"], 0) + entry["counts"]
        days += [day for day, count in seen.items() if day and (count > 1 or len(seen) == 1)]
    return max(filter(None, map(_last_second_of, days)), default=None)


def _last_second_of(day: str) -> datetime | None:
    if len(day.split("/")) == 3:  # MM/DD/YYYY, as Azure's cost details write it
        month, number, year = day.split("/")
        day = f"{year}-{month:0>2}-{number:0>2}"
    found = re.match(r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})", day)
    try:
        return datetime(int(found[1]), int(found[2]), int(found[3]), 23, 59, 59, tzinfo=UTC) if found else None
    except ValueError:
        return None
