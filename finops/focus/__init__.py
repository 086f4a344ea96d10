"""FOCUS vocabulary: the columns of CostAndUsage in every ratified version, 1.0 to 1.4.

Here: names, types, allowed values, header matching.
Not here: reading files (ingestion) and checking rows (dbt).
Source: the FOCUS specification's column tables, through ``tools/generate_focus.py``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any


@dataclass(frozen=True)
class FocusColumn:
    name: str
    type: str
    nullable: bool
    versions: tuple[str, ...]
    allowed_values: tuple[str, ...]


@cache
def _document() -> dict[str, list[Any]]:
    document: dict[str, list[Any]] = json.loads(
        files("finops.focus").joinpath("vocabulary.json").read_text(encoding="utf-8")
    )
    return document


@cache
def columns() -> tuple[FocusColumn, ...]:
    """Every CostAndUsage column that any version from 1.0 to 1.4 defines."""
    return tuple(
        FocusColumn(c["name"], c["type"], c["nullable"], tuple(c["versions"]), tuple(c["allowed_values"]))
        for c in _document()["cost_and_usage"]
    )


@cache
def azure_extensions() -> tuple[str, ...]:
    """The ``x_`` columns that Azure's FOCUS exports add, over all their versions."""
    return tuple(_document()["azure_extensions"])


@cache
def _by_folded_name() -> dict[str, str]:
    return {name.lower(): name for name in [c.name for c in columns()] + list(azure_extensions())}


def canonical_header(header: str) -> str | None:
    """The vocabulary's spelling of a header in any case, or None for a header that FOCUS and Azure do not define."""
    return _by_folded_name().get(header.strip().lower())


REQUIRED = ("BilledCost", "BillingCurrency", "ChargePeriodStart")
"""The columns without which a row has no amount, currency or day."""


def guess_version(headers: Iterable[str], *, declared: Collection[str] = ()) -> str | None:
    """The FOCUS version whose columns explain the headers best, or None where they are no FOCUS file.

    ``declared``: required columns that the source's settings say instead of the file. Where several versions explain
    them equally well, the oldest: the file uses nothing that came later.
    """
    present = {name for header in headers if (name := canonical_header(header))}
    focus_present = {c.name for c in columns() if c.name in present}
    if not set(REQUIRED) - set(declared) <= focus_present:
        return None
    best = None
    for version in _document()["versions"]:
        defined = {c.name for c in columns() if version in c.versions}
        score = len(focus_present & defined) - len(focus_present - defined)
        if best is None or score > best[0]:
            best = (score, version)
    return best[1] if best else None


def snake_case(name: str) -> str:
    """``SkuPriceId`` → ``sku_price_id``; ``x_SkuMeterName`` → ``x_sku_meter_name``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
