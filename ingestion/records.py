"""Records that people keep in small tables: CSV, JSON lines and YAML files, as text.

Here: reading a file into records, and reading one field of a record with the reason why it cannot be used.
Not here: which records a source knows (each source's ``rows``), tables of a database (``ingestion.sql_tables``), and
files of millions of rows (``ingestion.tabular``).

Everything stays text until a field is read: ``007`` stays ``007`` and an amount keeps all its digits.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import yaml

from finops.money import MoneyError, parse_amount
from ingestion.errors import LandingError
from ingestion.files import StoredFile, base_suffix
from ingestion.privacy import mask_emails
from ingestion.rejects import Reject
from ingestion.tabular import is_gzip, read_csv_shape, require_distinct

_FIRST_MOMENT = datetime(2000, 1, 1, tzinfo=UTC)
_LAST_MOMENT = datetime(2100, 1, 1, tzinfo=UTC)
_FOLDED = str.maketrans({" ": "_", "-": "_"})


@dataclass(frozen=True)
class Record:
    """One record: where it stands and its fields as text, empty ones left out. Names are folded: lower case, ``_``."""

    address: str
    row: int
    fields: Mapping[str, str]


class RefusedError(Exception):
    """A record that cannot be used."""

    def __init__(self, column: str | None, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.column = column
        self.reason = reason
        self.remedy = remedy


def refusal(record: Record, error: RefusedError, known: frozenset[str]) -> Reject:
    """The record as it may be kept: only the fields that the source knows, without e-mail addresses."""
    raw = json.dumps({name: value for name, value in record.fields.items() if name in known}, ensure_ascii=False)
    return Reject(record.address, record.row, error.column, mask_emails(error.reason), error.remedy, mask_emails(raw))


def fold(name: str) -> str:
    """``Billing Cadence`` → ``billing_cadence``."""
    return name.strip().lower().translate(_FOLDED)


def read_records(file: StoredFile, rejects: list[Reject]) -> Iterator[Record]:
    """The records of a .csv, .jsonl, .yml or .yaml file, plain or gzip. Lines that are no record go to ``rejects``.

    Raises:
        LandingError: the file as a whole cannot be read.
    """
    readers: dict[str, Callable[[StoredFile, str, list[Reject]], Iterator[Record]]] = {
        ".csv": _read_csv,
        ".jsonl": _read_json_lines,
        ".yml": _read_yaml,
        ".yaml": _read_yaml,
    }
    return readers[base_suffix(file)](file, text_of(file), rejects)


def text_of(file: StoredFile) -> str:
    """The text of a UTF-8 file, plain or gzip.

    Raises:
        LandingError: it cannot be read.
    """
    with file.location.filesystem.open(file.path, "rb") as stream:
        content: bytes = stream.read()
    try:
        return (gzip.decompress(content) if is_gzip(file) else content).decode("utf-8-sig")
    except (UnicodeDecodeError, EOFError, OSError) as error:
        raise LandingError(
            f"{file.address} cannot be read: {error}. Save it as UTF-8, or ask the producer for it again"
        ) from error


def _read_csv(file: StoredFile, text: str, rejects: list[Reject]) -> Iterator[Record]:
    shape = read_csv_shape(file)
    require_distinct(shape.headers, file.address)
    names = [fold(header) for header in shape.headers]
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=shape.delimiter)
    next(lines, None)
    for row, values in enumerate((line for line in lines if line), start=1):
        if len(values) != len(names):
            what = "fewer" if len(values) < len(names) else "more"
            reason = f"the line has {what} fields than the header"
            remedy = "Quote values that contain the delimiter, or correct the line"
            rejects.append(Reject(file.address, row, None, reason, remedy, mask_emails(shape.delimiter.join(values))))
            continue
        yield Record(file.address, row, _given(dict(zip(names, values, strict=True))))


def _read_json_lines(file: StoredFile, text: str, rejects: list[Reject]) -> Iterator[Record]:
    for row, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            document = json.loads(line, parse_float=str, parse_int=str)
        except json.JSONDecodeError as error:
            document = None
            reason = f"the line is no JSON: {error}"
        else:
            reason = "the line is no JSON object"
        if not isinstance(document, dict):
            remedy = "Write one JSON object a line, whole"
            # What is in a broken line is unknown, so none of it is kept.
            rejects.append(Reject(file.address, row, None, reason, remedy, f"({len(line)} characters)"))
            continue
        yield Record(file.address, row, _given({fold(str(name)): value for name, value in document.items()}))


def _read_yaml(file: StoredFile, text: str, rejects: list[Reject]) -> Iterator[Record]:
    try:
        document = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 - this loader makes nothing but text
    except yaml.YAMLError as error:
        raise LandingError(f"{file.address} is no YAML: {error}. Correct it") from error
    entries = next(iter(document.values())) if isinstance(document, dict) and len(document) == 1 else document
    if document is None or entries == "":
        return
    if not isinstance(entries, list):
        raise LandingError(f"{file.address} is no list of records. Start each record with '- '")
    for row, entry in enumerate(entries, start=1):
        if not isinstance(entry, dict):
            reason, remedy = "the entry is no mapping", "Write it as name: value"
            rejects.append(Reject(file.address, row, None, reason, remedy, mask_emails(str(entry))))
            continue
        yield Record(file.address, row, _given({fold(str(name)): value for name, value in entry.items()}))


def _given(values: Mapping[str, Any]) -> dict[str, str]:
    fields = {}
    for name, value in values.items():
        text = value if isinstance(value, str) else as_text(value)
        if text is not None and text.strip():
            fields[name] = text.strip()
    return fields


def as_text(value: Any) -> str | None:
    """A value of a database or a JSON document as text, with every digit."""
    match value:
        case None:
            return None
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case Decimal():
            return format(value, "f")
        case float():
            return format(Decimal(repr(value)), "f") if value == value and abs(value) != float("inf") else str(value)
        case date() | datetime():
            return value.isoformat()
        case dict() | list():
            return json.dumps(value, ensure_ascii=False)
        case _:
            return str(value)


# ── Reading one field ─────────────────────────────────────────────────────────────────────────────────────────────────


def required(fields: Mapping[str, str], name: str, remedy: str) -> str:
    """Raises:
    RefusedError: the field is missing or empty.
    """
    value = fields.get(name)
    if value is None:
        raise RefusedError(name, f"{name} is missing", remedy)
    return value


def as_day(fields: Mapping[str, str], name: str) -> date | None:
    """A day; a moment's day where a moment is written."""
    text = fields.get(name)
    if text is None:
        return None
    try:
        day = date.fromisoformat(text[:10]) if len(text) > 10 else date.fromisoformat(text)
    except ValueError:
        raise RefusedError(name, f"{text!r} is not a day", "Write it like 2026-10-01") from None
    if not _FIRST_MOMENT.date() <= day < _LAST_MOMENT.date():
        raise RefusedError(name, f"{text!r} is not a day of this century", "Write it like 2026-10-01")
    return day


def as_moment(fields: Mapping[str, str], name: str) -> datetime | None:
    """A moment: ISO 8601 (UTC where it has no offset), or seconds or milliseconds since 1970.

    The two kinds of numbers cannot be confused: seconds of this century have ten digits, milliseconds thirteen.
    """
    text = fields.get(name)
    if text is None:
        return None
    remedy = "Write it like 2026-10-01T08:30:00Z, or as seconds or milliseconds since 1970"
    try:
        if text.replace(".", "", 1).isdigit() and "-" not in text:
            number = float(text)
            moment = datetime.fromtimestamp(number / 1000 if number >= 1e11 else number, UTC)
        else:
            moment = datetime.fromisoformat(text)
            moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        raise RefusedError(name, f"{text!r} is not a time", remedy) from None
    if not _FIRST_MOMENT <= moment < _LAST_MOMENT:
        raise RefusedError(name, f"{text!r} is not a time of this century", remedy)
    return moment


def as_amount(fields: Mapping[str, str], name: str) -> Decimal | None:
    """A number that is not negative."""
    text = fields.get(name)
    if text is None:
        return None
    remedy = "Write a number with a point and without separators, such as 1234.56"
    try:
        amount = parse_amount(text)
    except MoneyError:
        raise RefusedError(name, f"{text!r} is not a number", remedy) from None
    if amount < 0:
        raise RefusedError(name, f"{text} is negative", "Write zero or more")
    return amount


def as_count(fields: Mapping[str, str], name: str) -> int | None:
    """A whole number that is not negative; ``3.0`` is one."""
    amount = as_amount(fields, name)
    if amount is None:
        return None
    if amount != amount.to_integral_value():
        raise RefusedError(name, f"{fields[name]} is not a whole number", "Write how many, such as 12")
    return int(amount)
