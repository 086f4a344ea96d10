"""The published FOCUS marts as a FOCUS file of a version.

Here: which columns a version has and from where, their types in CSV and Parquet.
Not here: the rows (dbt), and checking the file (``check``).

Rows are streamed by DuckDB, so memory does not grow with the bill. The file is written beside its place and moved there
when it is whole.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from finops.focus import rules as facts
from finops.focus import snake_case
from reports.focus.rules import literal, quoted

DATASETS = {
    "cost_and_usage": (facts.COST_AND_USAGE, "focus_cost_and_usage"),
    "billing_period": (facts.BILLING_PERIOD, "focus_billing_period"),
    "contract_commitment": (facts.CONTRACT_COMMITMENT, "focus_contract_commitment"),
}
"""Name on the command line → the specification's name, and the mart."""

VERSIONS = ("1.2", "1.4")
# What 1.2 calls otherwise; 1.4 has neither name.
_RENAMED = {
    "ProviderName": "coalesce(x_provider_name, service_provider_name)",
    "PublisherName": "coalesce(x_publisher_name, service_provider_name)",
}
_PERIOD_COLUMN = {
    facts.COST_AND_USAGE: "charge_period_start",
    facts.BILLING_PERIOD: "billing_period_start",
    facts.CONTRACT_COMMITMENT: "contract_commitment_period_start",
}


class FocusExportError(ValueError):
    """Something that cannot be exported; nothing was replaced."""


@dataclass(frozen=True)
class FocusExport:
    """``left_out``: conditional columns that no row has a value in, and FOCUS therefore wants left out."""

    path: Path
    dataset: str
    version: str
    row_count: int
    columns: tuple[str, ...]
    left_out: tuple[str, ...]


def export_focus(
    published: Path,
    out: Path,
    *,
    version: str = "1.4",
    dataset: str = "cost_and_usage",
    first_day: date | None = None,
    end_day: date | None = None,
    provider: str | None = None,
    all_columns: bool = False,
) -> FocusExport:
    """Write one FOCUS dataset as CSV or Parquet, by the suffix of ``out``.

    Args:
        published: folder with the published marts.
        first_day, end_day: charges that start on or after the first and before the second, UTC.
        provider: only charges of this provider, in any case; for commitments and periods the issuer as well.
        all_columns: keep conditional columns that no row has a value in.

    Raises:
        FocusExportError: nothing is published, the version does not have the dataset, or the suffix is of no format.
    """
    if version not in VERSIONS:
        raise FocusExportError(f"FOCUS {version} cannot be written; use --version {' or '.join(VERSIONS)}")
    if dataset not in DATASETS:
        raise FocusExportError(f"{dataset!r} is no dataset; use {', '.join(DATASETS)}")
    name, mart = DATASETS[dataset]
    if not facts.columns_of(name, version) or (name != facts.COST_AND_USAGE and version != "1.4"):
        raise FocusExportError(f"FOCUS {version} has no {name} dataset; use --version 1.4")
    kind = _kind_of(out)
    source = published / f"{mart}.parquet"
    if not source.exists():
        raise FocusExportError(f"{source} does not exist; run `aifinops run` first")
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        mart_columns = {
            str(row[0]): str(row[1])
            for row in connection.execute(f"describe select * from read_parquet({literal(str(source))})").fetchall()
        }
        condition = _condition(name, mart_columns, first_day, end_day, provider)
        connection.execute(f"create view mart as select * from read_parquet({literal(str(source))}) where {condition}")
        fields = list(_fields(name, version, mart_columns))
        left_out = () if all_columns else _empty_conditional(connection, name, version, fields)
        kept = [(column, value) for column, value in fields if column not in left_out]
        rows = _write(connection, kept, mart_columns, out, kind)
    return FocusExport(out, name, version, rows, tuple(column for column, _ in kept), left_out)


def _kind_of(out: Path) -> str:
    name = out.name.lower()
    if name.endswith((".csv", ".csv.gz")):
        return "csv"
    if name.endswith(".parquet"):
        return "parquet"
    raise FocusExportError(f"{out} is neither CSV nor Parquet; name a .csv, .csv.gz or .parquet file")


def _fields(dataset: str, version: str, mart_columns: dict[str, str]) -> Iterator[tuple[str, str]]:
    """FOCUS name and SQL value of every column: the version's, then the mart's own with ``x_``."""
    for column in facts.columns_of(dataset, version):
        if column.name in _RENAMED:
            yield column.name, _RENAMED[column.name]
        elif snake_case(column.name) in mart_columns:
            yield column.name, quoted(snake_case(column.name))
    for name in mart_columns:
        # In 1.2 these two are columns of FOCUS itself.
        if name.startswith("x_") and not (version == "1.2" and name in ("x_provider_name", "x_publisher_name")):
            yield pascal_case(name), quoted(name)


def pascal_case(name: str) -> str:
    """``x_sku_meter_id`` → ``x_SkuMeterId``."""
    return "x_" + "".join(part.capitalize() for part in name.removeprefix("x_").split("_"))


def _condition(
    dataset: str, mart_columns: dict[str, str], first_day: date | None, end_day: date | None, provider: str | None
) -> str:
    start = _PERIOD_COLUMN[dataset]
    parts = ["true"]
    if first_day:
        parts.append(f"{start} >= timestamp {literal(first_day.isoformat())}")
    if end_day:
        parts.append(f"{start} < timestamp {literal(end_day.isoformat())}")
    if provider:
        names = [n for n in ("x_provider_name", "service_provider_name", "invoice_issuer_name") if n in mart_columns]
        parts.append("(" + " or ".join(f"lower({name}) = {literal(provider.lower())}" for name in names) + ")")
    return " and ".join(parts)


def _empty_conditional(
    connection: duckdb.DuckDBPyConnection, dataset: str, version: str, fields: Sequence[tuple[str, str]]
) -> tuple[str, ...]:
    """Columns that FOCUS wants only where the provider has what they are about, and that nothing has.

    A column such as BillingAccountType may not be null once it is there, so an empty one makes the file invalid.
    """
    optional = {c.name for c in facts.columns_of(dataset, version) if c.level != "mandatory"}
    asked = [(column, value) for column, value in fields if column in optional]
    if not asked:
        return ()
    counts = connection.execute(f"select {', '.join(f'count({value})' for _, value in asked)} from mart").fetchone()
    return tuple(column for (column, _), count in zip(asked, counts or (), strict=False) if not count)


def _write(
    connection: duckdb.DuckDBPyConnection,
    fields: Sequence[tuple[str, str]],
    mart_columns: dict[str, str],
    out: Path,
    kind: str,
) -> int:
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_name(f".{out.name}.part-{os.getpid()}")
    if kind == "csv":
        selected = ", ".join(
            f"{_csv_value(value, mart_columns.get(value.strip(chr(34)), 'VARCHAR'))} as {quoted(column)}"
            for column, value in fields
        )
        compression = "gzip" if out.name.lower().endswith(".gz") else "none"
        options = f"format csv, header, delimiter ',', quote '\"', escape '\"', nullstr '', compression {compression}"
    else:
        selected = ", ".join(f"{value} as {quoted(column)}" for column, value in fields)
        options = "format parquet, compression zstd"
    try:
        done = connection.execute(f"copy (select {selected} from mart) to {literal(str(part))} ({options})").fetchone()
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)
    return int(done[0]) if done else 0


def _csv_value(value: str, kind: str) -> str:
    """SQL of a value's text as FOCUS wants it: plain decimals, moments with Z."""
    if kind.startswith("DECIMAL"):
        text = f"cast({value} as varchar)"
        return f"case when contains({text}, '.') then rtrim(rtrim({text}, '0'), '.') else {text} end"
    if kind.startswith("TIMESTAMP"):
        return f"strftime({value}, '%Y-%m-%dT%H:%M:%SZ')"
    return value
