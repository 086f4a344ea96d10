"""FOCUS files as delivered, under the specification's names.

Here: turning one CSV or Parquet file of billing rows into Parquet for ``focus__cost_and_usage``; shared by the sources
that land bills.
Not here: which files belong together (the sources) and any cleaning of values (dbt): even a literal ``NULL`` stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from finops import focus
from finops import lake as contract
from ingestion.errors import LandingError
from ingestion.files import StoredFile
from ingestion.lake import LakeWriter, ParquetPart
from ingestion.rejects import Reject
from ingestion.tabular import (
    base_suffix,
    copy_to_parquet,
    csv_scan,
    identifier,
    literal,
    read_csv_shape,
    refused_lines,
    renumbered,
    require_distinct,
    run,
)

TABLE = contract.FOCUS_COST_AND_USAGE.name
SUFFIXES = (".csv", ".parquet")
_LINEAGE = ("x_file", "x_row")
_REQUIRED = ("BilledCost", "BillingCurrency", "ChargePeriodStart")


@dataclass(frozen=True)
class FocusPart:
    """One converted file. ``part`` is None where the file has no rows."""

    part: ParquetPart | None
    rejects: list[Reject]
    version: str

    @property
    def row_count(self) -> int:
        return self.part.row_count if self.part else 0

    @property
    def delivered_count(self) -> int:
        """Rows of the file, good and refused."""
        return self.row_count + len(self.rejects)


def convert(connection: duckdb.DuckDBPyConnection, writer: LakeWriter, file: StoredFile) -> FocusPart:
    """Read one FOCUS file.

    Raises:
        LandingError: the file is no FOCUS file, or cannot be read at all.
    """
    if base_suffix(file) == ".parquet":
        return _convert_parquet(connection, writer, file)
    return _convert_csv(connection, writer, file)


def lake_names(headers: Sequence[str], address: str) -> list[str]:
    """The lake's names of a file's columns: FOCUS spelling in any case, unknown ones as they are.

    Raises:
        LandingError: two columns have one name.
    """
    names = [focus.canonical_header(header) or header.strip() for header in headers]
    names = [f"{name}_delivered" if name.lower() in _LINEAGE else name for name in names]
    names = [name or f"column_{number}" for number, name in enumerate(names, 1)]
    require_distinct(names, address)
    return names


def require_focus(headers: Iterable[str], address: str) -> str:
    """The FOCUS version that the headers are of.

    Raises:
        LandingError: they are of none; says which columns are missing.
    """
    names = list(headers)
    version = focus.guess_version(names)
    if version is None:
        known = {focus.canonical_header(name) for name in names}
        missing = [name for name in _REQUIRED if name not in known]
        raise LandingError(
            f"{address} is not a FOCUS file, because it lacks {' and '.join(missing)}. Export it as FOCUS 1.0 or "
            "later, or land it with another type of source"
        )
    return version


def _convert_csv(connection: duckdb.DuckDBPyConnection, writer: LakeWriter, file: StoredFile) -> FocusPart:
    shape = read_csv_shape(file)
    version = require_focus(shape.headers, file.address)
    names = lake_names(shape.headers, file.address)
    path = writer.new_path()
    scan = csv_scan(connection, file, shape, names)
    # Without x_row: numbering the rows here would hold the whole file in memory, and their order numbers them.
    query = f"select *, {literal(file.address)} as x_file from {scan}"
    count = run(connection, f"copy ({query}) to {literal(str(path))} (format parquet, compression zstd)", file)
    rejects = refused_lines(connection, file, header_lines=1)
    if rejects:
        numbered = f"read_parquet({literal(str(path))}, file_row_number = true)"
        good = f"(select * exclude (file_row_number), file_row_number + 1 as x_row from {numbered})"
        path = writer.new_path()
        count = copy_to_parquet(connection, renumbered(connection, good, rejects), path).row_count
    return FocusPart(ParquetPart(path, count) if count else None, rejects, version)


def _convert_parquet(connection: duckdb.DuckDBPyConnection, writer: LakeWriter, file: StoredFile) -> FocusPart:
    path = writer.new_path()
    # A copy, because the lake must not change when the producer overwrites its file.
    file.location.filesystem.get_file(file.path, str(path))
    try:
        with pq.ParquetFile(path) as parquet:
            schema, count = parquet.schema_arrow, parquet.metadata.num_rows
    except (pa.ArrowInvalid, OSError) as error:
        raise LandingError(
            f"{file.address} is no readable Parquet file: {error}. Ask the producer for it again"
        ) from error
    version = require_focus(schema.names, file.address)
    names = lake_names(schema.names, file.address)
    if not count:
        return FocusPart(None, [], version)
    if names == schema.names and all(_keeps_its_value_as_text(field.type) for field in schema):
        return FocusPart(ParquetPart(path, count), [], version)
    columns = ", ".join(f"{_as_text(field)} as {identifier(name)}" for name, field in zip(names, schema, strict=True))
    query = (
        f"select {columns}, {literal(file.address)} as x_file, file_row_number + 1 as x_row "
        f"from read_parquet({literal(str(path))}, file_row_number = true)"
    )
    return FocusPart(copy_to_parquet(connection, query, writer.new_path()), [], version)


def _keeps_its_value_as_text(kind: pa.DataType) -> bool:
    """Readers see one table of text over all files; which types come out the same wherever they are cast?

    Floats do not (their digits depend on the engine), times with a zone do not (they depend on the session).
    """
    return (
        pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_decimal(kind)
        or pa.types.is_integer(kind)
        or pa.types.is_date(kind)
        or (pa.types.is_timestamp(kind) and kind.tz is None)
        or pa.types.is_null(kind)
    )


def _as_text(field: pa.Field) -> str:
    column = identifier(field.name)
    kind = field.type
    if pa.types.is_nested(kind):
        # A Parquet map becomes a JSON object, as FOCUS writes tags in CSV.
        return f"to_json({column})::varchar"
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        return f"strftime({column} at time zone 'UTC', '%Y-%m-%dT%H:%M:%SZ')"
    return f"{column}::varchar"
