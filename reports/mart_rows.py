"""Rows of one mart for machines: chosen columns, conditions, a page at a time, or all of them as CSV or Parquet.

Here: what can be asked of a mart's rows, and the three forms in which they are given.
Not here: whose rows they are (dashboards.access), the files of an export (exports), HTTP (portal).

Names of columns are taken from the mart itself and values are parameters: a question cannot hold SQL.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from reports.dashboards.access import Published
from reports.exports import csv_text

MAX_PAGE = 10_000
PART_ROWS = 250_000
"""Rows of a part of a Parquet answer; the last part has fewer."""
BATCH = 20_000
_CONDITION = re.compile(r"([a-z][a-z0-9_]{0,62})\s*(>=|<=|!=|=|>|<)\s*(.*)", re.DOTALL)


class RowsError(ValueError):
    """A question that the mart cannot answer; the message says what to change."""


@dataclass(frozen=True)
class Condition:
    """``value`` is text of the column's type; without one, ``=`` asks for unknown values and ``!=`` for known ones."""

    column: str
    operator: str
    value: str


@dataclass(frozen=True)
class Page:
    """``next_row`` is where the next page starts; None on the last one."""

    rows: list[dict[str, Any]]
    next_row: int | None


def parse_condition(text: str) -> Condition:
    """``team=search``, ``usage_date>=2026-10-01``, ``billed_cost!=``.

    Raises:
        RowsError: it is none.
    """
    found = _CONDITION.fullmatch(text)
    if found is None:
        raise RowsError("a filter is a column, one of = != >= <= > <, and a value, such as usage_date>=2026-10-01")
    condition = Condition(found[1], found[2], found[3].strip())
    if not condition.value and condition.operator not in ("=", "!="):
        raise RowsError(f"the filter on {condition.column} has no value")
    return condition


class MartRows:
    """A question to one mart. Several ``=`` on one column mean any of their values, all else holds together."""

    def __init__(
        self, published: Published, mart: str, columns: Sequence[str] = (), conditions: Iterable[Condition] = ()
    ) -> None:
        """
        Raises:
            LookupError: there is no such mart, or not for this viewer.
            RowsError: a column that it lacks, or a value that is not of its column's type.
        """
        if not published.has(mart):
            raise LookupError(f"there is no mart {mart[:80]!r}, or it is not yours to see")
        self._published = published
        self._mart = mart
        self.types = published.types(mart)
        self.columns = tuple(dict.fromkeys(columns)) or tuple(self.types)
        wanted = list(conditions)
        for name in (*self.columns, *(condition.column for condition in wanted)):
            if name not in self.types:
                raise RowsError(f"{mart} has no column {name[:80]!r}; it has {', '.join(self.types)}")
        self._where, self._values = self._conditions(wanted)

    def page(self, first_row: int, limit: int) -> Page:
        """Rows as JSON has them: amounts as text without an exponent, dates and times (UTC) in ISO 8601."""
        values = {**self._values, "limit_": limit + 1, "first_row_": first_row}
        relation = self._published.relation(f"{self._select(self.columns)} limit $limit_ offset $first_row_", **values)
        found = relation.fetchall()
        rows = [dict(zip(self.columns, map(plain, row), strict=True)) for row in found[:limit]]
        return Page(rows, first_row + limit if len(found) > limit else None)

    def csv(self) -> Iterator[bytes]:
        """The dialect of ``exports``, in parts."""
        yield b"\xef\xbb\xbf" + ",".join(self.columns).encode() + b"\r\n"
        fields = [_field(csv_text(f'"{name}"', self.types[name]), self.types[name]) for name in self.columns]
        line = " || ',' || ".join(fields)
        relation = self._published.relation(self._select((f"{line} as line",), named=False), **self._values)
        for batch in relation.to_arrow_reader(BATCH):
            if batch.num_rows:
                yield "".join(f"{text}\r\n" for text in batch.column(0).to_pylist()).encode()

    def parquet(self, part: int | None = None) -> Iterator[bytes]:
        """A Parquet file, written bit by bit; amounts stay decimal(38,12).

        Args:
            part: only the rows of this part of ``PART_ROWS``, from 0; after the last part there are none.
        """
        values, bounds = self._values, ""
        if part is not None:
            bounds = " limit $limit_ offset $first_row_"
            values = {**values, "limit_": PART_ROWS, "first_row_": part * PART_ROWS}
        relation = self._published.relation(self._select(self.columns) + bounds, **values)
        reader = relation.to_arrow_reader(BATCH)
        sink = _Sink()
        with pq.ParquetWriter(pa.PythonFile(sink, mode="w"), reader.schema, compression="zstd") as writer:
            for batch in reader:
                writer.write_batch(batch)
                yield sink.taken()
        yield sink.taken()

    def _select(self, columns: Sequence[str], *, named: bool = True) -> str:
        chosen = ", ".join(f'"{name}"' for name in columns) if named else ", ".join(columns)
        return f"select {chosen} from {self._mart} where {self._where}"  # noqa: S608 - names of the mart's own columns

    def _conditions(self, wanted: Sequence[Condition]) -> tuple[str, dict[str, Any]]:
        values: dict[str, Any] = {}
        anyof: dict[str, list[str]] = {}
        parts = []
        for number, one in enumerate(wanted):
            column, kind = f'"{one.column}"', self.types[one.column]
            if not one.value:
                text = f"{column} is {'not ' if one.operator == '!=' else ''}null"
            else:
                name = f"value_{number}_"
                values[name] = self._checked(one, kind)
                text = f"{column} {one.operator.replace('!=', 'is distinct from')} cast(${name} as {kind})"
            if one.operator == "=":
                anyof.setdefault(one.column, []).append(text)
            else:
                parts.append(text)
        parts += [f"({' or '.join(texts)})" for texts in anyof.values()]
        return " and ".join(parts) or "true", values

    def _checked(self, condition: Condition, kind: str) -> str:
        try:
            [fits] = self._published.rows(f"select cast($value as {kind}) is not null as fits", value=condition.value)
        except (duckdb.Error, UnicodeError):
            fits = {"fits": False}
        if not fits["fits"]:
            raise RowsError(f"{condition.column} is of type {kind.lower()}; {condition.value[:80]!r} is not")
        return condition.value


def plain(value: Any) -> Any:
    """A value as JSON has it."""
    match value:
        case Decimal():
            text = f"{value:f}"
            return text.rstrip("0").rstrip(".") if "." in text else text
        case datetime():
            return f"{value:%Y-%m-%dT%H:%M:%S}{f'.{value:%f}' if value.microsecond else ''}Z"
        case date():
            return value.isoformat()
        case float():
            return value if value - value == 0 else None
        case None | bool() | int() | str():
            return value
        case list() | tuple():
            return [plain(item) for item in value]
        case Mapping():
            return {str(name): plain(item) for name, item in value.items()}
        case _:
            return str(value)


def _field(text: str, kind: str) -> str:
    """SQL of a field: nothing for null, quotes where a reader of CSV needs them."""
    if kind != "VARCHAR" and not kind.endswith("]") and not kind.startswith(("STRUCT", "MAP", "JSON")):
        return f"coalesce({text}, '')"
    needs = f"{text} = '' or regexp_matches({text}, '[,\"\\r\\n]')"
    quoted = f"'\"' || replace({text}, '\"', '\"\"') || '\"'"
    return f"case when {text} is null then '' when {needs} then {quoted} else {text} end"


class _Sink:
    """What a Parquet writer has written since it was last asked."""

    closed = False

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: Any) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass

    def taken(self) -> bytes:
        found, self._parts = b"".join(self._parts), []
        return found
