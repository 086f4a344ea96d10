"""Prices of Azure's meters, from whatever lists them.

Here: one listed price as a row of ``prices__meter_price``, Azure's names of regions, and the table of such rows.
Not here: files and HTTP (the sources) and what a meter's name says (dbt).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa

from finops import lake as contract
from finops.money import MoneyError, parse_amount
from ingestion.lake import arrow_schema, naive_utc

TABLE = contract.METER_PRICE
Row = dict[str, Any]


class PriceRowError(ValueError):
    """A listed price that cannot be used: ``column`` is at fault, ``remedy`` says what to do."""

    def __init__(self, column: str, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.column = column
        self.remedy = remedy


# As price sheets and bills abbreviate them, without blanks and in lower case. What is already an id stays as it is.
_REGIONS = {
    "aecentral": "uaecentral", "aenorth": "uaenorth", "apeast": "eastasia", "apsoutheast": "southeastasia",
    "atcentral": "austriaeast", "ateast": "austriaeast", "aucentral": "australiacentral",
    "aucentral2": "australiacentral2", "aueast": "australiaeast", "ausoutheast": "australiasoutheast",
    "becentral": "belgiumcentral", "brsouth": "brazilsouth", "brsoutheast": "brazilsoutheast",
    "cacentral": "canadacentral", "caeast": "canadaeast", "chnorth": "switzerlandnorth", "chwest": "switzerlandwest",
    "clcentral": "chilecentral", "decentral": "germanycentral", "denorth": "germanynorth",
    "dewestcentral": "germanywestcentral", "dkeast": "denmarkeast", "escentral": "spaincentral",
    "eunorth": "northeurope", "euwest": "westeurope", "frcentral": "francecentral", "frsouth": "francesouth",
    "idcentral": "indonesiacentral", "ilcentral": "israelcentral", "incentral": "centralindia",
    "insouth": "southindia", "inwest": "westindia", "inwestjio": "jioindiawest", "itnorth": "italynorth",
    "jaeast": "japaneast", "jawest": "japanwest", "krcentral": "koreacentral", "krsouth": "koreasouth",
    "mxcentral": "mexicocentral", "mywest": "malaysiawest", "noeast": "norwayeast", "nowest": "norwaywest",
    "nznorth": "newzealandnorth", "plcentral": "polandcentral", "qacentral": "qatarcentral",
    "secentral": "swedencentral", "sesouth": "swedensouth", "uksouth": "uksouth", "ukwest": "ukwest",
    "uscentral": "centralus", "useast": "eastus", "useast2": "eastus2", "usgovarizona": "usgovarizona",
    "usgovaz": "usgovarizona", "usgovtexas": "usgovtexas", "usgovtx": "usgovtexas", "usgovvirginia": "usgovvirginia",
    "usgov": "usgovvirginia", "usnorthcentral": "northcentralus", "ussouthcentral": "southcentralus",
    "uswest": "westus", "uswest2": "westus2", "uswest3": "westus3", "uswestcentral": "westcentralus",
    "zanorth": "southafricanorth", "zawest": "southafricawest",
}  # fmt: skip


def region_id(name: str | None) -> str | None:
    """``SE Central`` → ``swedencentral``; None for no region, zones and the pseudo-region Global."""
    folded = "".join((name or "").split()).lower()
    if not folded or folded == "global" or folded.startswith(("zone", "intercontinental")):
        return None
    return _REGIONS.get(folded, folded)


def given(value: object) -> str | None:
    """Trimmed text; None for nothing and for what exports write for nothing."""
    text = "" if value is None else str(value).strip()
    return None if text.lower() in ("", "null", "n/a", "na") else text


def price_text(value: object, column: str) -> str:
    """A price with every digit that the list has.

    Raises:
        PriceRowError: it is missing, negative or no amount.
    """
    text = format(value, "f") if isinstance(value, Decimal) else given(value)
    if text is None:
        raise PriceRowError(column, "the price is missing", "Ask for the list again")
    try:
        amount = parse_amount(text)
    except MoneyError as error:
        raise PriceRowError(column, str(error), "Write the price with a point and without separators") from None
    if amount < 0:
        raise PriceRowError(column, f"{text} is negative", "A price is zero or more")
    return text


def moment(value: object, column: str, *, required: bool) -> datetime | None:
    """A moment as naive UTC, from ISO 8601 or the US form that spreadsheets write (``10/1/2026``).

    Raises:
        PriceRowError: it is required and missing, or no moment.
    """
    text = given(value)
    if text is None:
        if required:
            raise PriceRowError(column, "the first day of the price is missing", "Ask for the list again")
        return None
    for read in (datetime.fromisoformat, _american):
        try:
            found = read(text)
        except ValueError:
            continue
        return naive_utc(found if found.tzinfo else found.replace(tzinfo=UTC))
    raise PriceRowError(column, f"{text!r} is not a day", "Write days like 2026-10-01")


def _american(text: str) -> datetime:
    return datetime.strptime(text.split()[0], "%m/%d/%Y").replace(tzinfo=UTC)


def number(value: object) -> float:
    """Minimum units of a tier; 0 where the list does not say or says nonsense that no price hangs on."""
    try:
        return float(given(value) or 0)
    except ValueError:
        return 0.0


def price_table(rows: Iterable[Mapping[str, Any]]) -> pa.Table:
    """Rows in the shape of ``prices__meter_price``."""
    return pa.Table.from_pylist([dict(row) for row in rows], schema=arrow_schema(TABLE))
