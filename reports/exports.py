"""Exports for people: every public mart as CSV and Parquet with its data dictionary.

Here: the CSV dialect, the guard against formulas, the manifest.
Not here: what columns mean (``dictionary``), swapping a folder in (``folders``) and publishing (orchestration).

CSV is UTF-8 with BOM, CRLF, ISO dates, times in UTC with ``Z``, ``.`` as decimal point, never an exponent, an empty
field for null and ``""`` for an empty text. A text cell that a spreadsheet would run as a formula (it starts with
= + - @, also of full width, a tab or a line break) gets an apostrophe in front; numbers are left alone.
https://owasp.org/www-community/attacks/CSV_Injection
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb

from finops.periods import BillingPeriod, as_utc
from reports.dictionary import Dictionary, DictionaryMart
from reports.folders import swapped_in

MANIFEST = "manifest.json"
"""What an export holds: each file with its mart, rows, bytes and SHA-256, and as of when it was known."""

BY_MONTH = "parquet_by_month"
"""Folder and format of large marts cut by month."""
WORKBOOKS = "xlsx"
"""Folder and format of issued statements."""

WRITERS = 4

_INTEGERS = frozenset(
    ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT")
)
_FLOAT_AS = "DECIMAL(38,12)"
_STARTS_A_FORMULA = ", ".join(f"chr({ord(sign)})" for sign in "=+-@\uff1d\uff0b\uff0d\uff20\t\n\r")


class ExportError(ValueError):
    """Something that cannot be exported; nothing was replaced."""


@dataclass(frozen=True)
class ExportedFile:
    """``path`` is where the file lies after the swap; ``row_count`` is None for documentation."""

    path: Path
    mart: str | None
    format: str
    row_count: int | None
    byte_count: int


def export_marts(
    published_dir: Path,
    out_dir: Path,
    dictionary: Dictionary,
    *,
    known_at: datetime,
    statements_dir: Path | None = None,
) -> list[ExportedFile]:
    """Write ``csv/<mart>.csv``, ``parquet/<mart>.parquet``, ``README.md``, the dictionary and the manifest; swap the
    folder in whole. Marts that are read by month are in ``parquet_by_month/<mart>/<month>.parquet`` too, workbooks of
    issued statements in ``xlsx/statements_<month>.xlsx``.

    Rows are streamed, so memory does not grow with a mart. Until the swap the former export stays as it was.

    Args:
        published_dir: folder with ``<mart>.parquet``.
        out_dir: the folder to replace; it belongs to the export, other files in it are removed.
        dictionary: the public marts; those not published yet are named in the README.
        known_at: the moment (any zone) that the marts report on; the manifest and the version's name say it.
        statements_dir: issued statements, ``<month>/statements.xlsx``.

    Raises:
        ExportError: nothing is published, or a published mart has columns the dictionary does not describe.
    """
    source = published_dir.resolve()
    available = {path.stem: path for path in sorted(source.glob("*.parquet"))}
    marts = [mart for mart in dictionary.marts if mart.name in available]
    if not marts:
        raise ExportError(f"no public mart is published in {published_dir}: run the pipeline first")
    absent = [mart.name for mart in dictionary.marts if mart.name not in available]
    # Two threads of one query write the rows of a CSV file in another order each time, and what is the same would have
    # another version: a thread writes a file alone, and files are written side by side.
    with (
        swapped_in(out_dir) as folder,
        duckdb.connect(config={"threads": 1}) as connection,
        ThreadPoolExecutor(WRITERS) as writers,
    ):
        connection.execute("SET GLOBAL TimeZone = 'UTC'")
        (folder / "csv").mkdir()
        (folder / "parquet").mkdir()
        parts = writers.map(lambda mart: _write_mart(connection.cursor(), mart, available[mart.name], folder), marts)
        written = [one for part in parts for one in part]
        written += _copy_workbooks(statements_dir, folder / WORKBOOKS)
        counts = {one.mart: one.rows for one in written if one.mart and one.rows is not None and one.format == "csv"}
        for name, text in (
            ("README.md", _readme(marts, counts, absent)),
            ("data_dictionary.md", dictionary.to_markdown()),
            ("data_dictionary.csv", dictionary.to_csv()),
        ):
            path = folder / name
            path.write_text(text, encoding="utf-8", newline="")
            written.append(_Written(path, path.suffix[1:]))
        manifest = folder / MANIFEST
        manifest.write_text(_manifest(folder, marts, written, known_at), encoding="utf-8")
        written.append(_Written(manifest, "json"))
        return [
            ExportedFile(
                out_dir / one.path.relative_to(folder), one.mart, one.format, one.rows, one.path.stat().st_size
            )
            for one in written
        ]


@dataclass(frozen=True)
class _Written:
    """``month``: the first day of the only one that is in it."""

    path: Path
    format: str
    mart: str | None = None
    rows: int | None = None
    month: date | None = None

    def entry(self, folder: Path) -> dict[str, Any]:
        """As the manifest tells it."""
        entry = {
            "path": self.path.relative_to(folder).as_posix(),
            "mart": self.mart,
            "format": self.format,
            "rows": self.rows,
            "bytes": self.path.stat().st_size,
            "sha256": _sha256(self.path),
        }
        if self.month is None:
            return entry
        return entry | {"first_day": f"{self.month}", "end_day": f"{BillingPeriod(self.month).end}"}


def _manifest(folder: Path, marts: list[DictionaryMart], written: Sequence[_Written], known_at: datetime) -> str:
    """Two exports of the same rows, known at the same moment, have the same version."""
    files = [one.entry(folder) for one in written]
    content = hashlib.sha256("".join(f"{file['path']}:{file['sha256']}\n" for file in files).encode()).hexdigest()
    moment = as_utc(known_at)
    document = {
        "version": f"{moment:%Y%m%dT%H%M%SZ}-{content[:12]}",
        "known_at": f"{moment:%Y-%m-%dT%H:%M:%SZ}",
        "marts": [{"name": mart.name, "grain": " ".join(mart.grain.split())} for mart in marts],
        "files": files,
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write_csv(connection: duckdb.DuckDBPyConnection, mart: DictionaryMart, parquet: Path, csv: Path) -> int:
    relation = connection.read_parquet(str(parquet))
    described = {column.name for column in mart.columns}
    unknown = [name for name in relation.columns if name not in described]
    if unknown:
        raise ExportError(
            f"{mart.name} has columns that its dbt model does not describe ({', '.join(unknown)}): "
            "it was published by another version; build and publish the marts again"
        )
    fields = ", ".join(
        f"{csv_text(_quoted(name), str(kind))} AS {_quoted(name)}"
        for name, kind in zip(relation.columns, relation.types, strict=True)
    )
    # The BOM goes in front of the header line; DuckDB streams the rest.
    body = csv.with_suffix(".part")
    done = connection.execute(
        f"COPY (SELECT {fields} FROM read_parquet({_literal(str(parquet))})) TO {_literal(str(body))} "  # noqa: S608
        "(FORMAT csv, HEADER, DELIMITER ',', QUOTE '\"', ESCAPE '\"', NULLSTR '', NEW_LINE '\\r\\n')"
    ).fetchone()
    with csv.open("wb") as target, body.open("rb") as rows:
        target.write(b"\xef\xbb\xbf")
        shutil.copyfileobj(rows, target, 1 << 20)
    body.unlink()
    return int(done[0]) if done else 0


def _write_mart(
    connection: duckdb.DuckDBPyConnection, mart: DictionaryMart, source: Path, folder: Path
) -> list[_Written]:
    parquet, csv = folder / "parquet" / f"{mart.name}.parquet", folder / "csv" / f"{mart.name}.csv"
    shutil.copyfile(source, parquet)
    rows = _write_csv(connection, mart, parquet, csv)
    written = [_Written(csv, "csv", mart.name, rows), _Written(parquet, "parquet", mart.name, rows)]
    if mart.month_column:
        written += _write_months(connection, mart, parquet, folder / BY_MONTH / mart.name)
    return written


def _copy_workbooks(statements_dir: Path | None, folder: Path) -> list[_Written]:
    found = sorted(statements_dir.glob("*/statements.xlsx")) if statements_dir else []
    if found:
        folder.mkdir()
    written = []
    for workbook in found:
        path = folder / f"statements_{workbook.parent.name}.xlsx"
        shutil.copyfile(workbook, path)
        written.append(_Written(path, WORKBOOKS))
    return written


def _write_months(
    connection: duckdb.DuckDBPyConnection, mart: DictionaryMart, parquet: Path, folder: Path
) -> list[_Written]:
    """The mart's Parquet file again, a file for each month: who needs the newest months reads only those."""
    folder.mkdir(parents=True)
    source, column = f"read_parquet({_literal(str(parquet))})", _quoted(mart.month_column)
    months = connection.execute(
        f"SELECT DISTINCT CAST(date_trunc('month', {column}) AS DATE) AS month FROM {source} ORDER BY month"  # noqa: S608
    ).fetchall()
    written = []
    for (month,) in months:
        if month is None:
            raise ExportError(f"{mart.name} has rows without {mart.month_column}, so that no month has them")
        path = folder / f"{month:%Y-%m}.parquet"
        done = connection.execute(
            f"COPY (SELECT * FROM {source} WHERE date_trunc('month', {column}) = DATE '{month}') "  # noqa: S608
            f"TO {_literal(str(path))} (FORMAT parquet, COMPRESSION zstd)"
        ).fetchone()
        written.append(_Written(path, BY_MONTH, mart.name, int(done[0]) if done else 0, month))
    return written


def csv_text(column: str, kind: str) -> str:
    """SQL that turns a column of a DuckDB type into its text in a CSV file; ``column`` is quoted where it must be."""
    if kind.startswith("DECIMAL"):
        return _plain_decimal(f"CAST({column} AS VARCHAR)")
    if kind in ("DOUBLE", "FLOAT"):
        exact = _plain_decimal(f"CAST(CAST({column} AS {_FLOAT_AS}) AS VARCHAR)")
        return f"CASE WHEN isfinite({column}) THEN {exact} END"
    if kind in _INTEGERS or kind in ("DATE", "BOOLEAN"):
        return f"CAST({column} AS VARCHAR)"
    if kind == "TIMESTAMP WITH TIME ZONE":
        return f"strftime({column} AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%SZ')"
    if kind.startswith("TIMESTAMP"):
        return f"strftime(CAST({column} AS TIMESTAMP), '%Y-%m-%dT%H:%M:%SZ')"
    text = f"CAST({column} AS VARCHAR)"
    return f"CASE WHEN {text}[1] IN ({_STARTS_A_FORMULA}) THEN '''' || {text} ELSE {text} END"


def _plain_decimal(text: str) -> str:
    """1.500000000000 is 1.5, and 2.000000000000 is 2: a third of the file's size is zeros otherwise."""
    return f"CASE WHEN contains({text}, '.') THEN rtrim(rtrim({text}, '0'), '.') ELSE {text} END"


def _quoted(name: str) -> str:
    escaped = name.replace('"', '""')
    return f'"{escaped}"'


def _literal(text: str) -> str:
    escaped = text.replace("'", "''")
    return f"'{escaped}'"


def _readme(marts: list[DictionaryMart], rows: dict[str, int], absent: list[str]) -> str:
    lines = [
        "# Exported marts",
        "",
        "Every public mart once as CSV (`csv/`) and once as Parquet (`parquet/`), one grain per file. What each column "
        "means is in `data_dictionary.md` and `data_dictionary.csv`.",
        "",
        "| Mart | One row is | Rows |",
        "| --- | --- | ---: |",
        *(f"| `{mart.name}` | {' '.join(mart.grain.split())} | {rows[mart.name]:,} |" for mart in marts),
        "",
        "- CSV is UTF-8 with BOM, comma-separated, CRLF, dates as 2026-10-20, times as 2026-10-20T06:00:00Z (UTC), "
        "a point as decimal sign, no thousands separators, no exponents. An empty field is unknown, never zero.",
        "- A text that a spreadsheet would run as a formula has an apostrophe in front; numbers never have.",
        "- Amounts are in the currency of their row (`billing_currency` or `currency`); rows of different currencies "
        "must not be added.",
        "- Estimates (from usage and the price book) and billed amounts are in different columns; never add them.",
        "- Parquet keeps amounts exact as decimal(38,12). Large marts lie in `parquet_by_month/` too, a file for each "
        "month, for readers that want the newest ones only.",
        f"- `{MANIFEST}` has the rows, bytes and SHA-256 of every file, and as of when it was known.",
        "",
    ]
    if absent:
        lines += [f"Not in this export, because they have not been published yet: {', '.join(absent)}.", ""]
    return "\n".join(lines)
