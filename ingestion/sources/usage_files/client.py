"""Where a user's usage tables are, and their text columns.

Here: listing, and one DuckDB query per file over the columns that the mapping names.
Not here: what the columns mean (``rows``).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import duckdb

from ingestion.errors import MissingColumnsError
from ingestion.files import StoredFile, base_suffix, list_files_of_kind
from ingestion.tabular import (
    csv_scan,
    identifier,
    line_scan,
    literal,
    parquet_scan,
    read_csv_shape,
    require_distinct,
)

_LINES = (".jsonl", ".ndjson", ".json")
SUFFIXES = (".csv", ".parquet", *_LINES)
_SAMPLE_LINES = 1000


@dataclass(frozen=True)
class TextRows:
    """A file's rows as DuckDB sees them: ``relation`` with ``row_number`` (an expression) and text ``columns``.

    ``present`` are the names of all columns of the file; of JSON lines those of the first ones.
    ``broken_lines`` is a query for ``x_row`` and ``line`` of lines that are no JSON objects; None for other formats.
    """

    relation: str
    row_number: str
    columns: dict[str, str]
    header_lines: int
    delimiter: str
    present: tuple[str, ...]
    broken_lines: str | None = None


def list_usage_files(url: str, environ: Mapping[str, str]) -> list[StoredFile]:
    """CSV, JSON-lines (plain or gzip) and Parquet files below ``url``, or the one file.

    Raises:
        LandingError: nothing is there, or the one file is of another kind.
    """
    return list_files_of_kind(
        url, environ, SUFFIXES, "is neither CSV, JSON lines nor Parquet. Name a file with such an ending"
    )


def text_rows(connection: duckdb.DuckDBPyConnection, file: StoredFile, wanted: Collection[str]) -> TextRows:
    """Prepare a file for reading.

    Raises:
        LandingError: the file lacks a wanted column, or cannot be read.
    """
    if base_suffix(file) in _LINES:
        columns = {name: _json_text(name) for name in wanted}
        lines = f"(select row_number() over () as x_row, line from {line_scan(connection, file)})"
        # A CASE, because DuckDB may test the two halves of an AND in any order, and JSON functions fail on broken JSON.
        is_object = "case when json_valid(line) then json_type(line) = 'OBJECT' else false end"
        filled = f"(select * from {lines} where trim(line) <> '')"
        good = f"(select x_row, case when {is_object} then line end as line from {filled})"
        broken = f"select x_row, line from {filled} where not ({is_object}) order by x_row"
        relation = f"(select * from {good} where line is not null)"
        keys = f"select unnest(json_keys(line)) from (from {relation} limit {_SAMPLE_LINES})"
        try:
            present = tuple(dict.fromkeys(name for (name,) in connection.execute(keys).fetchall()))
        except duckdb.Error:
            present = ()  # whoever reads the rows says why they cannot be read
        return TextRows(relation, "x_row", columns, 0, ",", present, broken)
    if base_suffix(file) == ".parquet":
        scan, names = parquet_scan(connection, file)
        _require_columns(wanted, names, file)
        columns = {name: f"{identifier(name)}::varchar" for name in wanted}
        return TextRows(scan, "file_row_number + 1", columns, 0, ",", tuple(names))
    shape = read_csv_shape(file)
    require_distinct(shape.headers, file.address)
    _require_columns(wanted, shape.headers, file)
    names = [name or f"column_{number}" for number, name in enumerate(shape.headers, 1)]
    columns = {name: identifier(name) for name in wanted}
    scan = csv_scan(connection, file, shape, names)
    return TextRows(scan, "row_number() over ()", columns, 1, shape.delimiter, tuple(names))


def _require_columns(wanted: Collection[str], present: Collection[str], file: StoredFile) -> None:
    missing = sorted(set(wanted) - set(present))
    if missing:
        raise MissingColumnsError(
            f"{file.address} has no column {', '.join(map(repr, missing))}; it has {', '.join(map(repr, present))}. "
            "Correct the mapping file",
            missing,
        )


def _json_text(name: str) -> str:
    """A member by its name, or by a path with dots (``usage.input_tokens``) where there is no such name."""
    quoted = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
    whole = f"line ->> {literal('$.' + quoted)}"
    if "." not in name:
        return f"({whole})"
    path = "$." + ".".join('"' + step.replace('"', '\\"') + '"' for step in name.split("."))
    return f"coalesce({whole}, line ->> {literal(path)})"
