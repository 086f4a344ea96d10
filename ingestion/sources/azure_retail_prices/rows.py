"""What an item of the Retail Prices API means.

Here: one item as a row of ``prices__meter_price``.
Not here: HTTP and files (``client``), loading (``source``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ingestion.meter_prices import PriceRowError, Row, given, moment, number, price_text, region_id


def price_row(item: Mapping[str, Any], *, source_id: str, snapshot_id: str, file: str | None, row: int) -> Row:
    """One item.

    Raises:
        PriceRowError: it has no meter, currency or day, or its price is no amount.
    """
    name = given(item.get("meterName"))
    if name is None:
        raise PriceRowError("meterName", "the meter has no name", "Ask for the list again")
    currency = given(item.get("currencyCode"))
    if currency is None:
        raise PriceRowError("currencyCode", "the price has no currency", "Ask for the list again")
    return {
        "source_id": source_id,
        "snapshot_id": snapshot_id,
        "x_file": file,
        "x_row": row,
        "list_kind": "retail",
        "agreement_id": None,
        "meter_id": (given(item.get("meterId")) or "").lower() or None,
        "meter_name": name,
        "meter_category": given(item.get("serviceName")),
        "meter_product": given(item.get("productName")),
        "sku_id": given(item.get("skuId")),
        "region_id": region_id(given(item.get("armRegionName"))),
        "unit_of_measure": given(item.get("unitOfMeasure")),
        "tier_minimum_units": number(item.get("tierMinimumUnits")),
        "price_type": given(item.get("type") or item.get("priceType")),
        "term": given(item.get("reservationTerm")),
        "effective_from": moment(item.get("effectiveStartDate"), "effectiveStartDate", required=True),
        "effective_to": moment(item.get("effectiveEndDate"), "effectiveEndDate", required=False),
        "currency": currency.upper(),
        # unitPrice is the pay-as-you-go price also in answers that list several terms.
        "unit_price": price_text(item.get("retailPrice", item.get("unitPrice")), "retailPrice"),
        "market_price": None,
    }
