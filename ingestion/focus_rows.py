"""FOCUS files as delivered, under the specification's names.

Here: turning one CSV or Parquet file of billing rows into Parquet for ``focus__cost_and_usage``; shared by the sources
that land bills.
Not here: which files belong together (the sources) and any cleaning of values (dbt): even a literal ``NULL`` stays.

E-mail addresses do not: whoever tags a resource with its owner names a person. They become keyed hashes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from finops import focus
from finops import lake as contract
from ingestion.drift import arrow_family, sampled_families
from ingestion.errors import LandingError, MissingColumnsError
from ingestion.files import StoredFile, base_suffix
from ingestion.lake import LakeWriter, ParquetPart
from ingestion.privacy import hash_emails_sql
from ingestion.rejects import Reject
from ingestion.tabular import (
    LoneReturnError,
    copy_to_parquet,
    csv_scan,
    identifier,
    literal,
    mask_lone_returns,
    read_csv_shape,
    refused_lines,
    renumbered,
    require_distinct,
    run,
)

TABLE = contract.FOCUS_COST_AND_USAGE.name
SUFFIXES = (".csv", ".parquet")
NOT_A_BILL = "is neither CSV nor Parquet. Name a .csv, .csv.gz or .parquet file"
"""What is said of one file that has another suffix."""
_LINEAGE = ("x_file", "x_row")
_SMALL_BYTES = 1024 * 1024
"""Planning to hash addresses in a FOCUS file's 91 columns of text takes DuckDB 140 ms, seven times as long as copying
600 rows: a file up to this size is copied first and looked through then."""


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


@dataclass(frozen=True)
class Dialect:
    """A kind of billing file: how its columns are called in the lake, and what is added or changed on the way.

    ``version`` raises LandingError for a header of another kind. ``typed`` are columns that hold numbers and times.
    ``changed`` maps lake names to SQL over the column as
    text, ``added`` new columns to SQL.
    """

    table: contract.LakeTable
    lake_names: Callable[[Sequence[str], str], list[str]]
    version: Callable[[Sequence[str], str], str]
    typed: Collection[str] = ()
    changed: Mapping[str, str] = field(default_factory=dict)
    added: Mapping[str, str] = field(default_factory=dict)

    def said_by_people(self, names: Iterable[str]) -> list[str]:
        """Columns that an e-mail address may stand in: tags, names, descriptions and all that are not known."""
        return [name for name in names if name not in self.typed and name not in self.changed]

    def select(self, names: Sequence[str], relation: str, *, hashes: bool = True) -> str:
        """A query of all columns of ``relation``, which has ``names`` as text and more; ``hashes``: addresses too."""
        replaced = {name: hash_emails_sql(identifier(name)) for name in self.said_by_people(names) if hashes}
        replaced |= {name: sql for name, sql in self.changed.items() if name in names}
        changes = ", ".join(f"{sql} as {identifier(name)}" for name, sql in replaced.items())
        added = "".join(f", {sql} as {identifier(name)}" for name, sql in self.added.items())
        return f"select *{f' replace ({changes})' if changes else ''}{added} from {relation}"


def convert(
    connection: duckdb.DuckDBPyConnection,
    writer: LakeWriter,
    file: StoredFile,
    dialect: Dialect | None = None,
    *,
    shown_as: str | None = None,
    declared: Collection[str] = (),
) -> FocusPart:
    """Read one billing file, a FOCUS file unless ``dialect`` says otherwise.

    Args:
        shown_as: what ``x_file`` says, where the file is a copy of something; its address where absent.
        declared: required columns of FOCUS that the source's settings say where the file does not.

    Raises:
        LandingError: the file is of another kind, or cannot be read at all.
    """
    read = _convert_parquet if base_suffix(file) == ".parquet" else _convert_csv
    focus_dialect = replace(FOCUS, version=partial(require_focus, declared=declared))
    used, address = dialect or focus_dialect, shown_as or file.address
    writer.hasher.register(connection)
    try:
        return read(connection, writer, file, used, address)
    except MissingColumnsError as error:
        writer.drift.refuse(used.table, address, error.columns)
        raise


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


def require_focus(headers: Iterable[str], address: str, declared: Collection[str] = ()) -> str:
    """The FOCUS version that the headers are of.

    Raises:
        LandingError: they are of none; says which columns are missing.
    """
    names = list(headers)
    version = focus.guess_version(names, declared=declared)
    if version is None:
        known = {focus.canonical_header(name) for name in names}
        missing = [name for name in focus.REQUIRED if name not in known and name not in declared]
        if missing == ["BillingCurrency"]:
            raise MissingColumnsError(
                f"{address} does not say its currency: it lacks BillingCurrency. Say it with billing_currency in "
                "sources.yml, or with --currency on the command line",
                missing,
            )
        raise MissingColumnsError(
            f"{address} is not a FOCUS file, because it lacks {' and '.join(missing)}. Export it as FOCUS 1.0 or "
            "later, or land it with another type of source",
            missing,
        )
    return version


FOCUS = Dialect(
    contract.FOCUS_COST_AND_USAGE,
    lake_names,
    require_focus,
    typed=frozenset(column.name for column in focus.columns() if column.type in ("Decimal", "Date/Time")),
)


def _convert_csv(
    connection: duckdb.DuckDBPyConnection, writer: LakeWriter, file: StoredFile, dialect: Dialect, shown_as: str
) -> FocusPart:
    shape = read_csv_shape(file)
    version = dialect.version(shape.headers, file.address)
    names = dialect.lake_names(shape.headers, file.address)
    path = writer.new_path()
    is_small = file.size <= _SMALL_BYTES

    def copy(source: StoredFile, columns: str) -> int:
        scan = csv_scan(connection, source, shape, names)
        numbered = f"(select {columns}, {literal(shown_as)} as x_file from {scan})"
        query = dialect.select(names, numbered, hashes=not is_small)
        return run(connection, f"copy ({query}) to {literal(str(path))} (format parquet, compression zstd)", file)

    try:
        count = copy(file, "*")
    except LoneReturnError:
        masked, mark = mask_lone_returns(file, writer.new_path(".csv"))
        restored = (f"replace({identifier(n)}, {mark}, chr(13)) as {identifier(n)}" for n in names)
        count = copy(masked, ", ".join(restored))
    if is_small and count:
        path = _without_addresses(connection, writer, path, dialect.said_by_people(names))
    rejects = refused_lines(connection, file, header_lines=1)
    if rejects:
        numbered = f"read_parquet({literal(str(path))}, file_row_number = true)"
        good = f"(select * exclude (file_row_number), file_row_number + 1 as x_row from {numbered})"
        path = writer.new_path()
        count = copy_to_parquet(connection, renumbered(connection, good, rejects), path).row_count
    if count:
        written = f"read_parquet({literal(str(path))})"
        families = sampled_families(connection, written, [name for name in names if name in dialect.typed])
        writer.drift.observe(dialect.table, shown_as, {name: families.get(name) for name in names})
    return FocusPart(ParquetPart(path, count) if count else None, rejects, version)


def _convert_parquet(
    connection: duckdb.DuckDBPyConnection, writer: LakeWriter, file: StoredFile, dialect: Dialect, shown_as: str
) -> FocusPart:
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
    version = dialect.version(schema.names, file.address)
    names = dialect.lake_names(schema.names, file.address)
    if not count:
        return FocusPart(None, [], version)
    families = {name: arrow_family(field.type) for name, field in zip(names, schema, strict=True)}
    writer.drift.observe(dialect.table, shown_as, families)
    is_as_it_is = not dialect.added and not set(dialect.changed) & set(names) and names == schema.names
    is_as_it_is = is_as_it_is and all(_keeps_its_value_as_text(field.type) for field in schema)
    if is_as_it_is and not _names_people(connection, path, schema, dialect):
        return FocusPart(ParquetPart(path, count), [], version)
    columns = ", ".join(f"{_as_text(field)} as {identifier(name)}" for name, field in zip(names, schema, strict=True))
    query = (
        f"select {columns}, {literal(shown_as)} as x_file, file_row_number + 1 as x_row "
        f"from read_parquet({literal(str(path))}, file_row_number = true)"
    )
    query = dialect.select(names, f"({query})")
    return FocusPart(copy_to_parquet(connection, query, writer.new_path()), [], version)


def _names_people(connection: duckdb.DuckDBPyConnection, path: Path, schema: pa.Schema, dialect: Dialect) -> bool:
    """Whether anything in a Parquet file may be an e-mail address: a quick look, so that most stay as they are."""
    texts = {field.name for field in schema if arrow_family(field.type) == "text"}
    return bool(_with_addresses(connection, path, [n for n in dialect.said_by_people(schema.names) if n in texts]))


def _with_addresses(connection: duckdb.DuckDBPyConnection, path: Path, names: Sequence[str]) -> list[str]:
    """Which text columns of a Parquet file have anything that may be an e-mail address."""
    if not names:
        return []
    asked = ", ".join(f"bool_or(contains({identifier(name)}, '@'))" for name in names)
    found = connection.execute(f"select {asked} from read_parquet({literal(str(path))})").fetchone()
    return [name for name, has in zip(names, found or (), strict=True) if has]


def _without_addresses(
    connection: duckdb.DuckDBPyConnection, writer: LakeWriter, path: Path, names: Sequence[str]
) -> Path:
    """A Parquet file with its e-mail addresses hashed: the file itself where it has none."""
    changes = ", ".join(
        f"{hash_emails_sql(identifier(name))} as {identifier(name)}"
        for name in _with_addresses(connection, path, names)
    )
    if not changes:
        return path
    query = f"select * replace ({changes}) from read_parquet({literal(str(path))})"
    return copy_to_parquet(connection, query, writer.new_path()).path


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
