"""Reading tables in files with DuckDB: CSV, JSON lines, Parquet.

Here: headers, text columns, broken lines, writing Parquet for the lake.
Not here: what the columns mean (each source's ``rows``).

Everything is read as text, so nothing is guessed: ``007`` stays ``007`` and an amount keeps all its digits.
"""

from __future__ import annotations

import csv
import gzip
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from ingestion.errors import LandingError
from ingestion.files import StoredFile, list_files, open_location
from ingestion.lake import ParquetPart
from ingestion.privacy import mask_emails
from ingestion.rejects import Reject

_MAX_LINE_BYTES = 16 * 1024 * 1024
_BUFFER_BYTES = 2 * _MAX_LINE_BYTES  # DuckDB would take 16 lines of the longest kind, times its threads
_LIMITS = f"max_line_size = {_MAX_LINE_BYTES}, buffer_size = {_BUFFER_BYTES}"
_MEMORY_LIMIT = "800MB"  # beyond it DuckDB spills, so that a landing fits beside a run
_DELIMITERS = (",", ";", "\t", "|")
_HEADER_BYTES = 1024 * 1024
_CHUNK_BYTES = 4 * 1024 * 1024
_LONE_RETURN_WORDS = "CSV Parser state machine reached an invalid state"
_MARKS = (0x1E, 0x1F, 0x1D, 0x1C)  # ASCII's separators, which no text has
_ERROR_WORDS = {
    "MISSING COLUMNS": (
        "the line has fewer fields than the header",
        "Ask the producer for the whole line, or correct it",
    ),
    "TOO MANY COLUMNS": (
        "the line has more fields than the header",
        "Quote values that contain the delimiter, or correct the line",
    ),
    "UNQUOTED VALUE": ("a quote is not closed, or stands in the middle of a value", 'Double quotes inside values: ""'),
    "INVALID ENCODING": ("the line is not UTF-8", "Save the file as UTF-8"),
    "LINE SIZE OVER MAXIMUM": ("the line is longer than 16 MiB", "Check for a quote that is never closed"),
}


class LoneReturnError(LandingError):
    """A CSV file with a carriage return inside a value, which DuckDB's reader takes for a broken line end."""


@dataclass(frozen=True)
class CsvShape:
    """A CSV file's delimiter and header, trimmed and without byte order mark."""

    delimiter: str
    headers: tuple[str, ...]


@contextmanager
def connect(work: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB in memory that spills into ``work``; times are UTC."""
    with duckdb.connect(config={"temp_directory": str(work / "duckdb"), "memory_limit": _MEMORY_LIMIT}) as connection:
        connection.execute("set TimeZone = 'UTC'")
        yield connection


def identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def is_gzip(file: StoredFile) -> bool:
    return file.path.lower().endswith(".gz")


def read_csv_shape(file: StoredFile) -> CsvShape:
    """Delimiter and header of a CSV file.

    Raises:
        LandingError: there is no header line.
    """
    with file.location.filesystem.open(file.path, "rb") as raw:
        stream = gzip.GzipFile(fileobj=raw) if is_gzip(file) else raw
        try:
            beginning = stream.read(_HEADER_BYTES)
        except (EOFError, OSError) as error:
            raise LandingError(
                f"{file.address} cannot be read: {error}. Ask the producer for the file again"
            ) from error
    text = beginning.decode("utf-8-sig", errors="replace")
    candidates = [
        (len(headers), -rank, delimiter, headers)
        for rank, delimiter in enumerate(_DELIMITERS)
        if (headers := next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), []))
    ]
    if not candidates:
        raise LandingError(f"{file.address} is empty. A CSV file needs a header line, also when it has no rows")
    _, _, delimiter, headers = max(candidates)
    return CsvShape(delimiter, tuple(header.strip() for header in headers))


def require_distinct(names: Sequence[str], address: str) -> None:
    """Raises:
    LandingError: two columns have the same name, in any case.
    """
    seen: set[str] = set()
    for name in names:
        if name.lower() in seen:
            raise LandingError(f"{address} has two columns named {name!r}. Remove or rename one of them")
        seen.add(name.lower())


def _register(connection: duckdb.DuckDBPyConnection, file: StoredFile) -> None:
    """Let DuckDB read through the file's own file system where it is not local."""
    filesystem = file.location.filesystem
    protocols = (filesystem.protocol,) if isinstance(filesystem.protocol, str) else filesystem.protocol
    if not file.location.is_local and not any(connection.filesystem_is_registered(p) for p in protocols):
        connection.register_filesystem(filesystem)


def csv_scan(connection: duckdb.DuckDBPyConnection, file: StoredFile, shape: CsvShape, names: Sequence[str]) -> str:
    """DuckDB expression for the rows of a CSV file as text columns ``names`` (instead of its headers)."""
    _prepare(connection, file)
    columns = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in names)
    return f"""read_csv({_path(file)}, auto_detect = false, columns = {{{columns}}}, header = true,
        delim = {literal(shape.delimiter)}, quote = '"', escape = '"', strict_mode = true,
        compression = '{_compression(file)}', {_LIMITS}, store_rejects = true)"""


def line_scan(connection: duckdb.DuckDBPyConnection, file: StoredFile) -> str:
    """DuckDB expression for the lines of a text file, as one column ``line``."""
    _prepare(connection, file)
    # A control character never stands unescaped in JSON, so it cannot split a good line.
    return f"""read_csv({_path(file)}, auto_detect = false, columns = {{'line': 'VARCHAR'}}, header = false,
        delim = '\x02', quote = '', escape = '', compression = '{_compression(file)}',
        {_LIMITS}, store_rejects = true)"""


def parquet_scan(connection: duckdb.DuckDBPyConnection, file: StoredFile) -> tuple[str, list[str]]:
    """DuckDB expression for the rows of a Parquet file plus ``file_row_number`` (from 0), and its own columns.

    Raises:
        LandingError: it is no readable Parquet file.
    """
    _prepare(connection, file)
    scan = f"read_parquet({_path(file)}, file_row_number = true)"
    try:
        columns = connection.execute(f"describe select * from {scan}").fetchall()
    except duckdb.Error as error:
        raise _unreadable(file, error) from error
    return scan, [name for name, *_ in columns if name != "file_row_number"]


def _path(file: StoredFile) -> str:
    """A path as a DuckDB literal that no character of makes a pattern."""
    return literal(re.sub(r"([*?\[])", r"[\1]", file.address))


def _unreadable(file: StoredFile, error: Exception) -> LandingError:
    summary = str(error).splitlines()[0]
    return LandingError(f"{file.address} cannot be read: {summary}. Ask the producer for the file again")


def _compression(file: StoredFile) -> str:
    return "gzip" if is_gzip(file) else "none"


def _prepare(connection: duckdb.DuckDBPyConnection, file: StoredFile) -> None:
    _register(connection, file)
    connection.execute("drop table if exists reject_errors")
    connection.execute("drop table if exists reject_scans")


def run(connection: duckdb.DuckDBPyConnection, statement: str, file: StoredFile) -> int:
    """Run a statement that reads a file.

    Returns:
        The rows it wrote.

    Raises:
        LandingError: the file as a whole cannot be read.
    """
    try:
        row = connection.execute(statement).fetchone()
    except duckdb.Error as error:
        unreadable = _unreadable(file, error)
        if _LONE_RETURN_WORDS in str(error):
            raise LoneReturnError(str(unreadable)) from error
        raise unreadable from error
    return int(row[0]) if row else 0


def mask_lone_returns(file: StoredFile, path: Path) -> tuple[StoredFile, str]:
    """Copy a CSV file with every carriage return that ends no line replaced by a mark, and lines ended by LF alone.

    Between quotes everything stays as it is.

    Returns:
        The copy, uncompressed, and the mark as a DuckDB literal; it occurs nowhere else in the file.

    Raises:
        LandingError: the file has no other line ends, or no mark is free.
    """
    present: set[int] = set()
    for chunk in _chunks(file):
        present.update(chunk)
    mark = next((byte for byte in _MARKS if byte not in present), None)
    if mark is None or ord("\n") not in present:
        raise LandingError(f"{file.address} has carriage returns where no line ends. Save it with line ends LF or CRLF")
    is_quoted, pending = False, b""
    with path.open("wb") as copy:
        for chunk in _chunks(file):
            text = pending + chunk
            pending = b"\r" if text.endswith(b"\r") else b""  # what it is shows in the next chunk
            parts = text.removesuffix(b"\r" if pending else b"").split(b'"')
            for number, part in enumerate(parts):
                copy.write(part if is_quoted else re.sub(rb"\r(?!\n)", bytes((mark,)), part).replace(b"\r\n", b"\n"))
                if number < len(parts) - 1:
                    copy.write(b'"')
                    is_quoted = not is_quoted
        copy.write(pending and (b"\r" if is_quoted else bytes((mark,))))
    [masked] = list_files(open_location(path.as_posix(), {}))
    return masked, f"chr({mark})"


def _chunks(file: StoredFile) -> Iterator[bytes]:
    with file.location.filesystem.open(file.path, "rb") as raw:
        stream = gzip.GzipFile(fileobj=raw) if is_gzip(file) else raw
        while chunk := stream.read(_CHUNK_BYTES):
            yield chunk


def refused_lines(
    connection: duckdb.DuckDBPyConnection,
    file: StoredFile,
    *,
    header_lines: int,
    redact: Callable[[str], str] = mask_emails,
) -> list[Reject]:
    """The lines that the last scan found to be no rows, redacted. Lines count from 1 after the header."""
    if not connection.execute("select 1 from duckdb_tables() where table_name = 'reject_errors'").fetchall():
        return []  # the last scan was of a format without lines
    found = connection.execute(
        """select line, list(error_type order by byte_position)[1], any_value(csv_line), any_value(column_name),
                  list(error_message order by byte_position)[1]
           from reject_errors group by line order by line"""
    ).fetchall()
    rejects = []
    for line, kind, raw, column_name, message in found:
        reason, remedy = _ERROR_WORDS.get(kind, (f"{str(kind).lower()}: {message}", "Correct the line"))
        raw_text = redact((raw or "").strip("\r\n"))
        rejects.append(Reject(file.address, line - header_lines, column_name, reason, remedy, raw_text))
    return rejects


def renumbered(connection: duckdb.DuckDBPyConnection, relation: str, rejects: Sequence[Reject]) -> str:
    """Query over ``relation`` whose ``x_row``, counted over good rows, becomes the row's number in the file."""
    if not rejects:
        return f"select * from {relation}"
    # The k-th good row is row k + n of the file, n being the refused rows before it: those whose own number, less the
    # refused rows up to them, is at most k.
    numbers = pa.table({"before": [(r.x_row or 1) - i for i, r in enumerate(rejects)], "n": range(1, len(rejects) + 1)})
    connection.execute("create or replace temp table refused_rows (before bigint, n bigint)")
    connection.from_arrow(numbers).insert_into("refused_rows")
    return f"""select s.* replace (s.x_row + coalesce(r.n, 0) as x_row) from {relation} s
        asof left join (select before, max(n) as n from refused_rows group by before) r on s.x_row >= r.before"""


def copy_to_parquet(connection: duckdb.DuckDBPyConnection, query: str, path: Path) -> ParquetPart:
    """Write a query's rows as Parquet."""
    row = connection.execute(f"copy ({query}) to {literal(str(path))} (format parquet, compression zstd)").fetchone()
    return ParquetPart(path, int(row[0]) if row else 0)


@dataclass(frozen=True)
class Check:
    """A test of one row. ``fails`` is a DuckDB condition, ``reason`` a DuckDB text expression."""

    column_name: str
    fails: str
    reason: str
    remedy: str


def apply_checks(
    connection: duckdb.DuckDBPyConnection, table: str, checks: Sequence[Check], raw_row: str, address: str
) -> list[Reject]:
    """Remove the rows of a staged table that fail a check, and return them; the first failing check gives the reason.

    Args:
        raw_row: DuckDB text expression of the row as it may be kept.
    """
    if not checks:
        return []
    cases = "\n".join(f"when {check.fails} then {number}" for number, check in enumerate(checks))
    reasons = "\n".join(f"when {number} then {check.reason}" for number, check in enumerate(checks))
    connection.execute(f"create or replace temp table judged as select *, case {cases} end as failed from {table}")
    failed = connection.execute(
        f"select x_row, failed, case failed {reasons} end, {raw_row} from judged "
        "where failed is not null order by x_row"
    ).fetchall()
    connection.execute(
        f"create or replace temp table {table} as select * exclude (failed) from judged where failed is null"
    )
    connection.execute("drop table judged")
    return [
        Reject(address, x_row, checks[number].column_name, reason, checks[number].remedy, raw)
        for x_row, number, reason, raw in failed
    ]


def struct_text(columns: Mapping[str, str]) -> str:
    """DuckDB expression of a JSON object with these names and text expressions."""
    return "to_json(struct_pack(" + ", ".join(f"{identifier(k)} := {v}" for k, v in columns.items()) + "))::varchar"
