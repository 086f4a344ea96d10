"""Dated exchange rates, from currencies.yml and from the CSV files that it names.

Here: reading and checking them.
Not here: which rate a charge is converted with (dbt).
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path

from finops.config.currencies import CurrenciesFile, FileRates, InlineRates
from finops.config.document import Document, Location
from finops.config.problems import ConfigProblem
from finops.money import CURRENCIES

_UNKNOWN = frozenset({"", "N/A", "NA", "-"})


@dataclass(frozen=True)
class ExchangeRate:
    """One dated rate. ``rate_set`` is the position in currencies.yml, from 1: rates of one set share their base.

    ``is_per_base``: the rate is units of ``currency`` for one unit of ``base``, as central banks publish it; else units
    of ``base`` for one unit of ``currency``.
    """

    rate_set: int
    base: str
    currency: str
    valid_from: date
    rate: Decimal
    is_per_base: bool
    source: str


def read_rates(
    file: CurrenciesFile, directory: Path, document: Document | None
) -> tuple[list[ExchangeRate], list[ConfigProblem]]:
    """All rates, and what is wrong with the CSV files. Relative paths start at the configuration folder."""
    rates: list[ExchangeRate] = []
    problems: list[ConfigProblem] = []
    for number, entry in enumerate(file.rates, start=1):
        if isinstance(entry, InlineRates):
            rates += [
                ExchangeRate(number, entry.base, rate.currency, rate.date, rate.rate, False, entry.source)
                for rate in entry.rates
            ]
            continue
        assert document is not None  # noqa: S101 - only a file that was read names others
        path = directory / Path(entry.path).expanduser()
        for found in _read_csv(number, entry, path):
            if isinstance(found, ExchangeRate):
                rates.append(found)
            elif found.line is None:
                location: Location = ("rates", number - 1, "path")
                problems.append(document.problem(location, found.message, found.remedy))
            else:
                problems.append(ConfigProblem(path, found.line, found.column, found.message, found.remedy))
    return rates, problems


@dataclass(frozen=True)
class _Fault:
    line: int | None
    column: str
    message: str
    remedy: str


def _read_csv(number: int, entry: FileRates, path: Path) -> Iterator[ExchangeRate | _Fault]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        yield _Fault(None, "", f"{path} cannot be read", "Correct the path, or download the file again")
        return
    rows = csv.reader(text.splitlines())
    header = [name.strip() for name in next(rows, [])]
    columns = {i: name for i, name in enumerate(header) if name in CURRENCIES and name != entry.base}
    if not header or header[0] != "Date" or not columns:
        yield _Fault(1, "", "no header with Date and currency codes", "Use the layout Date,USD,JPY,…")
        return
    for row in rows:
        if not any(cell.strip() for cell in row):
            continue
        try:
            day = date.fromisoformat(row[0].strip())
        except ValueError:
            yield _Fault(rows.line_num, "Date", f"{row[0]!r} is not a date", "Write it like 2026-10-20")
            continue
        for i, currency in columns.items():
            cell = row[i].strip() if i < len(row) else ""
            if cell in _UNKNOWN:
                continue
            rate = _positive(cell)
            if rate is None:
                yield _Fault(rows.line_num, currency, f"{cell!r} is not a rate", "Write it like 1.0856, or N/A")
                continue
            yield ExchangeRate(number, entry.base, currency, day, rate, True, entry.source)


def _positive(text: str) -> Decimal | None:
    try:
        rate = Decimal(text)
    except InvalidOperation:
        return None
    # Rates are kept with twelve digits after the point, like money.
    return rate if rate.is_finite() and Decimal("1e-12") <= rate < Decimal("1e8") else None
