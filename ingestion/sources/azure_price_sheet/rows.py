"""What a price sheet's columns mean: enterprise agreements and Microsoft Customer Agreements.

Here: one record as a row of ``prices__meter_price``. The columns are those of Cost Management's price-sheet exports
(dataset version 2023-05-01); the older download from the portal has the same under names with blanks.
Not here: files (``client``) and loading (``source``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ingestion.meter_prices import PriceRowError, Row, given, moment, number, price_text, region_id

_AGREEMENT = ("enrollmentnumber", "billingprofileid", "billingaccountid")
_CURRENCY = ("currencycode", "currency", "billingcurrency")
_CATEGORY = ("metercategory", "servicefamily")
_PRODUCT = ("metersubcategory", "product")
_UNIT = ("unitofmeasure",)
_FROM = ("effectivestartdate",)


def price_row(record: Mapping[str, Any], *, source_id: str, snapshot_id: str, file: str, row: int) -> Row:
    """One record by lower-case header.

    Raises:
        PriceRowError: it has no meter, currency or day, or its price is no amount.
    """

    def first(names: tuple[str, ...]) -> str | None:
        return next((text for name in names if (text := given(record.get(name)))), None)

    name = given(record.get("metername"))
    if name is None:
        raise PriceRowError("MeterName", "the meter has no name", "Export the sheet again")
    currency = first(_CURRENCY)
    if currency is None:
        raise PriceRowError("CurrencyCode", "the price has no currency", "Export the sheet again with its currency")
    market = given(record.get("marketprice"))
    return {
        "source_id": source_id,
        "snapshot_id": snapshot_id,
        "x_file": file,
        "x_row": row,
        "list_kind": "price_sheet",
        "agreement_id": first(_AGREEMENT),
        "meter_id": (given(record.get("meterid")) or "").lower() or None,
        "meter_name": name,
        "meter_category": first(_CATEGORY),
        "meter_product": first(_PRODUCT),
        "sku_id": given(record.get("skuid")),
        "region_id": region_id(given(record.get("meterregion"))),
        "unit_of_measure": first(_UNIT),
        "tier_minimum_units": number(record.get("tierminimumunits")),
        "price_type": given(record.get("pricetype")),
        "term": given(record.get("term")),
        "effective_from": moment(first(_FROM), "EffectiveStartDate", required=True),
        "effective_to": moment(record.get("effectiveenddate"), "EffectiveEndDate", required=False),
        "currency": currency.upper(),
        "unit_price": price_text(record.get("unitprice"), "UnitPrice"),
        "market_price": price_text(market, "MarketPrice") if market else None,
    }
