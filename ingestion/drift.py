"""Schema drift: what a delivery's columns are now, against what they were.

Here: the columns of each series of deliveries as they were first seen, and what is new, missing or of another type.
Not here: what happens to such columns, which is the lake table's contract (``finops.lake.SchemaContract``).

A series is what is delivered again and again: files of one folder whose names differ in numbers and ids only, a table,
a report. Its first delivery is the baseline. Each later difference is recorded once; the rows go into the same load as
the delivery, so that both are seen or neither.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

from finops import lake as contract
from finops.lake import LakeTable, SchemaContract
from finops.periods import utc_now

if TYPE_CHECKING:
    from ingestion.lake import Lake
    from ingestion.rejects import Reject

BASELINE, NEW, MISSING, RETYPED = "baseline", "new_column", "missing_column", "retyped_column"
_SAMPLE_ROWS = 1000
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d+", re.IGNORECASE)
_SUFFIXES = re.compile(r"(\.(csv|parquet|jsonl|ndjson|json|ya?ml))?(\.gz)?$", re.IGNORECASE)
_COLUMNS = ("source_id", "table_name", "series", "column_name", "change", "found_type", "is_always_filled")

_OUTCOMES: dict[tuple[SchemaContract, str], tuple[str, str]] = {
    (SchemaContract.EVOLVE, NEW): (
        "kept as text under its own name",
        "Nothing, unless a rule should use it; it can be read from the lake table under this name",
    ),
    (SchemaContract.DISCARD, NEW): (
        "not landed, because it may hold personal data",
        "Nothing, unless it says something that is needed: map it where the source has a mapping or columns, else "
        "extend the source's rows",
    ),
    (SchemaContract.EVOLVE, MISSING): (
        "null in the rows of such deliveries",
        "Ask the producer whether it was left out on purpose; deliver again with it where a rule or a mart needs it",
    ),
    (SchemaContract.DISCARD, MISSING): (
        "null in the rows of such deliveries",
        "Ask the producer whether it was left out on purpose; deliver again with it where it is needed",
    ),
    (SchemaContract.EVOLVE, RETYPED): (
        "kept as text as delivered; a row whose value cannot be read is refused by staging with its reason",
        "Look into fct_rejected_row. Correct the source's date_format or amount_style, or ask the producer for the old "
        "form",
    ),
    (SchemaContract.DISCARD, RETYPED): (
        "rows whose value cannot be read are refused with their reason",
        "Look into fct_rejected_row. Correct the mapping, or ask the producer for the old form",
    ),
}
_REFUSED = (
    "nothing of such deliveries was landed",
    "Ask the producer to deliver it again with the column, or name the column's new name in the source's settings",
)


def series_of(address: str) -> str:
    """``/bills/focus-2026-10.csv.gz`` → ``/bills/focus-#-#``."""
    return _ID.sub("#", _SUFFIXES.sub("", address))


@dataclass
class _Known:
    """A column as it was seen first. ``recorded`` are the changes told already."""

    found_type: str | None
    is_always_filled: bool
    recorded: set[str] = field(default_factory=set)


@dataclass
class FieldCounts:
    """How many records there are, and how many of them have each field; null is the same as absent."""

    records: int = 0
    counts: dict[str, int] = field(default_factory=dict)

    def add(self, record: Mapping[str, Any]) -> None:
        self.records += 1
        for name, value in record.items():
            if value is not None:
                self.counts[name] = self.counts.get(name, 0) + 1


class Drift:
    """What one source's deliveries look like. The lake's memory is read when the first delivery is observed."""

    def __init__(self, lake: Lake, source_id: str) -> None:
        self._lake = lake
        self._source_id = source_id
        self._known: dict[tuple[str, str], dict[str, _Known]] | None = None
        self._pending: list[dict[str, Any]] = []

    def observe(
        self,
        table: LakeTable,
        address: str,
        columns: Mapping[str, str | None],
        *,
        optional: Collection[str] = (),
        refused: Iterable[Reject] = (),
        row_count: int = 0,
    ) -> None:
        """Compare a delivery with those before it.

        Args:
            columns: name → family of its type (number, time, boolean, text, nested); None where nobody can tell.
            optional: those that not every row has; they are not missed where no row has them.
            refused: rows of the delivery that were refused; a column at fault in half of all rows is of another type.
            row_count: rows delivered, refused ones included.
        """
        series = series_of(address)
        known = self._series(table, series)
        if not known:
            for name, family in columns.items():
                self._note(table, series, address, name, BASELINE, None, family, name not in optional)
            return
        unreadable = _unreadable(refused, row_count)
        for name, family in columns.items():
            column = known.get(name)
            if column is None:
                self._note(table, series, address, name, NEW, None, family, name not in optional)
            elif (family and column.found_type and family != column.found_type) or name in unreadable:
                found = family if family != column.found_type else None
                self._note(table, series, address, name, RETYPED, column.found_type, found or "unreadable", True)
        for name, column in list(known.items()):
            if name not in columns and column.is_always_filled:
                self._note(table, series, address, name, MISSING, column.found_type, None, True)

    def observe_records(
        self, table: LakeTable, address: str, records: Iterable[Mapping[str, Any]], refused: Iterable[Reject] = ()
    ) -> None:
        """The same for records whose fields are there or not, such as JSON objects."""
        fields = FieldCounts()
        for record in records:
            fields.add(record)
        self.observe_fields(table, address, fields, refused)

    def observe_fields(
        self, table: LakeTable, address: str, fields: FieldCounts, refused: Iterable[Reject] = ()
    ) -> None:
        """The same for records that were counted while they were read. No records say nothing."""
        if fields.records:
            optional = {name for name, count in fields.counts.items() if count < fields.records}
            columns = dict.fromkeys(fields.counts)
            self.observe(table, address, columns, optional=optional, refused=refused, row_count=fields.records)

    def refuse(self, table: LakeTable, address: str, missing: Iterable[str]) -> None:
        """A delivery was refused because it lacks columns. Told only where earlier ones had them."""
        series = series_of(address)
        known = self._series(table, series)
        for name in missing:
            if name in known:
                self._note(table, series, address, name, MISSING, known[name].found_type, None, True, _REFUSED)

    @property
    def has_news(self) -> bool:
        return bool(self._pending)

    def take(self) -> list[dict[str, Any]]:
        """What was found since the last call, as rows of ``landing__schema_drift``."""
        rows, self._pending = self._pending, []
        return rows

    def _series(self, table: LakeTable, series: str) -> dict[str, _Known]:
        if self._known is None:
            self._known = {}
            found = self._lake.read(contract.SCHEMA_DRIFT, (*_COLUMNS, "landed_at"), source_id=self._source_id)
            for row in sorted(found.to_pylist(), key=lambda row: row["landed_at"]):
                columns = self._known.setdefault((row["table_name"], row["series"]), {})
                _remember(columns, row["column_name"], row["change"], row["found_type"], row["is_always_filled"])
        return self._known.setdefault((table.name, series), {})

    def _note(
        self,
        table: LakeTable,
        series: str,
        address: str,
        name: str,
        change: str,
        expected: str | None,
        found: str | None,
        is_always_filled: bool,
        told: tuple[str, str] | None = None,
    ) -> None:
        columns = self._series(table, series)
        if name in columns and change in columns[name].recorded:
            return
        _remember(columns, name, change, found, is_always_filled)
        outcome, remedy = told or _OUTCOMES.get((table.contract, change)) or (None, None)
        self._pending.append(
            {
                "source_id": self._source_id,
                "table_name": table.name,
                "series": series,
                "column_name": name,
                "change": change,
                "contract": table.contract.value,
                "expected_type": expected,
                "found_type": found,
                "is_always_filled": is_always_filled,
                "x_file": address,
                "outcome": outcome,
                "remedy": remedy,
                "landed_at": utc_now().replace(tzinfo=None),
            }
        )


def _remember(
    columns: dict[str, _Known], name: str, change: str, found_type: str | None, is_always_filled: bool
) -> None:
    column = columns.setdefault(name, _Known(found_type, is_always_filled))
    column.recorded.add(change)


def _unreadable(refused: Iterable[Reject], row_count: int) -> set[str]:
    counts: dict[str, int] = {}
    for reject in refused:
        if reject.column_name:
            counts[reject.column_name] = counts.get(reject.column_name, 0) + 1
    return {name for name, count in counts.items() if row_count and 2 * count >= row_count}


# ── families of types ─────────────────────────────────────────────────────────────────────────────────────────────────


def arrow_family(kind: pa.DataType) -> str | None:
    """Family of a Parquet column's type; None where every value is null."""
    if pa.types.is_null(kind):
        return None
    if pa.types.is_boolean(kind):
        return "boolean"
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return "number"
    if pa.types.is_temporal(kind):
        return "time"
    return "nested" if pa.types.is_nested(kind) else "text"


def sampled_families(
    connection: duckdb.DuckDBPyConnection, relation: str, names: Collection[str]
) -> dict[str, str | None]:
    """Families of text columns by what most of their first values are; None where these are all empty.

    Args:
        relation: a DuckDB relation with text columns ``names``.
    """
    if not names:
        return {}
    tests = []
    for name in names:
        value = f"nullif(trim({_quoted(name)}), '')"
        tests.append(
            f"case when count({value}) = 0 then null "
            f"when 2 * count(try_cast({value} as decimal(38, 9))) >= count({value}) then 'number' "
            f"when 2 * count(try_cast({value} as timestamp)) >= count({value}) then 'time' else 'text' end"
        )
    columns = ", ".join(_quoted(name) for name in names)
    row = connection.execute(
        f"select {', '.join(tests)} from (select {columns} from {relation} limit {_SAMPLE_ROWS})"
    ).fetchone()
    return dict(zip(names, row or [None] * len(tests), strict=True))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
