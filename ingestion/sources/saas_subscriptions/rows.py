"""What a record of a subscription means.

Here: field names, checks, overlaps.
Not here: files and loading; billing dates and daily cost (dbt).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache
from typing import Any

from finops import focus
from finops import lake as contract
from finops.money import CURRENCIES
from ingestion.privacy import mask_emails
from ingestion.records import Record, RefusedError, as_amount, as_count, as_day, refusal, required
from ingestion.rejects import Reject

TABLE = contract.SAAS_SUBSCRIPTION
CADENCES = {"monthly": "monthly", "quarterly": "quarterly", "annual": "annual", "yearly": "annual"}
TAGS = ("team", "app", "project", "environment", "cost_center", "business_unit")
_DEFAULT_CATEGORY = "Business Applications"
_ALIASES = {"cost_centre": "cost_center", "start": "start_date", "end": "end_date", "cadence": "billing_cadence"}
_KNOWN = frozenset(
    (
        *("subscription_id", "vendor", "product", "service_category", "seats", "unit_price", "currency"),
        *("billing_cadence", "start_date", "end_date", "cancelled_on", "refund_amount"),
        *TAGS,
        *_ALIASES,
    )
)


def parse(records: Sequence[Record], rejects: list[Reject]) -> list[dict[str, Any]]:
    """Rows of ``saas__subscription``. Of one subscription's rows none may begin while another still runs."""
    rows: list[dict[str, Any]] = []
    terms: dict[str, list[tuple[date, date]]] = {}
    for record in records:
        try:
            row = _row({_ALIASES.get(name, name): value for name, value in record.fields.items()})
            _refuse_overlap(row, terms)
        except RefusedError as error:
            rejects.append(refusal(record, error, _KNOWN))
            continue
        rows.append({**row, "x_row": record.row})
    return rows


def _row(fields: Mapping[str, str]) -> dict[str, Any]:
    vendor = required(fields, "vendor", "Name who sends the invoice")
    product = required(fields, "product", "Name what is sold")
    start = _needed(as_day(fields, "start_date"), "start_date", "Write the first day, like 2026-01-01")
    end, cancelled = as_day(fields, "end_date"), as_day(fields, "cancelled_on")
    if end is not None and end < start:
        raise RefusedError("end_date", f"end_date {end} is before start_date {start}", "Correct or swap the days")
    if cancelled is not None and cancelled < start:
        reason = f"cancelled_on {cancelled} is before start_date {start}"
        raise RefusedError("cancelled_on", reason, "Leave out a subscription that never began, or correct the day")
    seats = _needed(as_count(fields, "seats"), "seats", "Write how many seats are paid for")
    if seats == 0:
        raise RefusedError("seats", "a subscription without seats", "End it with end_date or cancelled_on instead")
    price = _needed(as_amount(fields, "unit_price"), "unit_price", "Write the price of one seat and billing period")
    refund = as_amount(fields, "refund_amount")
    if refund is not None and cancelled is None:
        reason = "a refund without the day it was cancelled on"
        raise RefusedError("refund_amount", reason, "Add cancelled_on")
    if refund is not None and refund > seats * price:
        reason = f"the refund {refund.normalize():f} is more than one billing period costs"
        raise RefusedError("refund_amount", reason, "Write what the vendor gave back of the last period")
    currency = required(fields, "currency", "Write the ISO 4217 code, such as USD").upper()
    if currency not in CURRENCIES:
        raise RefusedError("currency", f"{currency!r} is not a currency", "Write the ISO 4217 code, such as USD")
    cadence = required(fields, "billing_cadence", f"Write one of {', '.join(CADENCES)}").lower()
    if cadence not in CADENCES:
        reason = f"{cadence!r} is no billing cadence"
        raise RefusedError("billing_cadence", reason, f"Write one of {', '.join(CADENCES)}")
    tags = {name: mask_emails(fields[name]) for name in TAGS if name in fields}
    return {
        "subscription_id": mask_emails(fields.get("subscription_id") or f"{vendor}/{product}").lower(),
        "vendor": mask_emails(vendor),
        "product": mask_emails(product),
        "service_category": _category(fields.get("service_category")),
        "seats": seats,
        "unit_price": fields["unit_price"],
        "currency": currency,
        "billing_cadence": CADENCES[cadence],
        "start_date": start,
        "end_date": end,
        "cancelled_on": cancelled,
        "refund_amount": fields.get("refund_amount"),
        "tags": json.dumps(tags, sort_keys=True, ensure_ascii=False) if tags else None,
    }


def _needed(value: Any, name: str, remedy: str) -> Any:
    if value is None:
        raise RefusedError(name, f"{name} is missing", remedy)
    return value


def _category(text: str | None) -> str:
    if text is None:
        return _DEFAULT_CATEGORY
    known = {name.lower(): name for name in _categories()}
    if text.lower() not in known:
        reason = f"{text!r} is no FOCUS service category"
        raise RefusedError("service_category", reason, f"Write one of {', '.join(_categories())}")
    return known[text.lower()]


@cache
def _categories() -> tuple[str, ...]:
    return next(column.allowed_values for column in focus.columns() if column.name == "ServiceCategory")


def _refuse_overlap(row: Mapping[str, Any], terms: dict[str, list[tuple[date, date]]]) -> None:
    """Two rows of one subscription at one time would be paid twice."""
    first = row["start_date"]
    last = min(day for day in (row["end_date"], row["cancelled_on"], date.max) if day is not None)
    known = terms.setdefault(row["subscription_id"], [])
    if any(first <= other_last and last >= other_first for other_first, other_last in known):
        reason = f"{row['subscription_id']} has another row for the same days"
        remedy = "Give each subscription a subscription_id of its own, or end the earlier row before the later begins"
        raise RefusedError("subscription_id", reason, remedy)
    known.append((first, last))
