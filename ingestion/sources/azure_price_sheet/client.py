"""Where price sheets are, and their records.

Here: listing, and reading CSV and JSON into records under the sheet's own headers.
Not here: what the columns mean (``rows``).
"""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from ingestion.errors import LandingError
from ingestion.files import StoredFile, base_suffix, list_files, open_location
from ingestion.tabular import is_gzip

SUFFIXES = (".csv", ".json")
_LIST_KEYS = ("value", "pricesheets", "items")


def list_price_sheets(url: str, environ: Mapping[str, str]) -> list[StoredFile]:
    """CSV and JSON files (plain or gzip) below ``url``, or the one file; manifests of exports are left out.

    Raises:
        LandingError: nothing is there, or the one file is of another kind.
    """
    location = open_location(url, environ)
    files = list_files(location)
    wanted = [f for f in files if base_suffix(f) in SUFFIXES and not f.name.lower().endswith("manifest.json")]
    if len(files) == 1 and files[0].path == location.root and not wanted:
        raise LandingError(f"{files[0].address} is neither CSV nor JSON. Download the price sheet in one of the two")
    return wanted


def records(file: StoredFile) -> Iterator[tuple[int, dict[str, Any]]]:
    """1-based row number and the row by lower-case header.

    Raises:
        LandingError: the file cannot be read as what its name says.
    """
    with file.location.filesystem.open(file.path, "rb") as raw:
        binary = gzip.GzipFile(fileobj=raw) if is_gzip(file) else raw
        stream = io.TextIOWrapper(binary, encoding="utf-8-sig", newline="")
        try:
            if base_suffix(file) == ".json":
                yield from _json_records(stream, file)
            else:
                yield from _csv_records(stream, file)
        except (UnicodeDecodeError, EOFError, OSError, csv.Error) as error:
            raise LandingError(f"{file.address} cannot be read: {error}. Download it again") from error


def _csv_records(stream: io.TextIOWrapper, file: StoredFile) -> Iterator[tuple[int, dict[str, Any]]]:
    reader = csv.reader(stream)
    # Downloads from the portal put a title and a blank line above the header.
    headers: list[str] = []
    for line in reader:
        headers = [cell.strip().lower().replace(" ", "") for cell in line]
        if "metername" in headers or "meterid" in headers:
            break
    else:
        raise LandingError(
            f"{file.address} has no column MeterName. A price sheet has MeterName, UnitOfMeasure, UnitPrice and a "
            "currency; export it from Cost Management, or download it under Usage + charges"
        )
    for number, line in enumerate((line for line in reader if any(cell.strip() for cell in line)), start=1):
        yield number, dict(zip(headers, line, strict=False))


def _json_records(stream: io.TextIOWrapper, file: StoredFile) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        document = json.load(stream, parse_float=Decimal)
    except json.JSONDecodeError as error:
        raise LandingError(f"{file.address} is not JSON: {error}. Download it again") from error
    rows = document if isinstance(document, list) else _listed(document)
    if rows is None:
        raise LandingError(f"{file.address} holds no list of prices: write a JSON list, or an object with one")
    for number, row in enumerate(rows, start=1):
        own = dict(row)
        own.update(own.pop("properties", {}) or {})
        details = own.pop("meterDetails", None) or {}
        yield number, {str(name).lower(): value for name, value in {**details, **own}.items()}


def _listed(document: object) -> list[Any] | None:
    if not isinstance(document, dict):
        return None
    folded = {str(name).lower(): value for name, value in document.items()}
    if isinstance(folded.get("properties"), dict):
        return _listed(folded["properties"])
    return next((folded[key] for key in _LIST_KEYS if isinstance(folded.get(key), list)), None)
