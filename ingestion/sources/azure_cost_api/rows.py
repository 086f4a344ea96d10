"""What is asked of Cost Management, and what it answers.

Here: request bodies, pages and reports as data, the months that are due; pure.
Not here: HTTP (``client``), loads (``source``).
Source: reference of the Cost Management REST API 2025-03-01, Query - Usage and Generate Cost Details Report. The
reference allows two groupings; the service takes fifteen.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import pyarrow as pa

from finops import azure_cost
from finops.azure_cost import Dataset
from finops.periods import BillingPeriod
from ingestion.privacy import Hasher

CLOSING = timedelta(days=5)
"""A month can change until then; one answer from after that is final."""
REFRESH = timedelta(hours=4)
"""Azure refreshes an open month six times a day."""

_GROUPINGS = (
    "SubscriptionId",
    "SubscriptionName",
    "ResourceId",
    "ResourceLocation",
    "ServiceName",
    "MeterCategory",
    "MeterSubcategory",
    "Meter",
    "ChargeType",
    "PublisherType",
    "Frequency",
    "PricingModel",
    "BenefitId",
    "BenefitName",
)
# Above subscriptions, Cost Management refuses to group by resource.
_WIDE_GROUPINGS = tuple("ResourceType" if name == "ResourceId" else name for name in _GROUPINGS)


@dataclass(frozen=True)
class Page:
    """One page of a query's answer. Numbers are text, with every digit that was sent."""

    columns: tuple[str, ...]
    rows: list[list[str | None]]
    next_link: str | None


@dataclass(frozen=True)
class ReportBlob:
    """One file of a report. ``link`` grants access: it is never logged or kept."""

    link: str
    byte_count: int | None


@dataclass(frozen=True)
class Report:
    """A finished report; one without blobs has no data."""

    blobs: tuple[ReportBlob, ...]
    manifest: Mapping[str, Any]


def query_body(dataset: Dataset, scope: str, first_day: date, last_day: date) -> dict[str, Any]:
    """Daily cost and quantity of one month or a part of it, both days included."""
    groupings = _GROUPINGS if scope.lower().startswith("/subscriptions/") else _WIDE_GROUPINGS
    return {
        "type": dataset,
        "timeframe": "Custom",
        "timePeriod": {"from": f"{first_day}T00:00:00Z", "to": f"{last_day}T23:59:59Z"},
        "dataset": {
            "granularity": "Daily",
            "aggregation": {name: {"name": name, "function": "Sum"} for name in ("Cost", "UsageQuantity")},
            "grouping": [{"type": "Dimension", "name": name} for name in groupings],
        },
    }


def report_body(dataset: Dataset, first_day: date, last_day: date) -> dict[str, Any]:
    return {"metric": dataset, "timePeriod": {"start": str(first_day), "end": str(last_day)}}


def parse_page(text: str) -> Page:
    """A query's answer. Numbers stay text: a float would lose digits of an amount.

    Raises:
        ValueError: it is no answer of the Query API.
    """
    try:
        properties = json.loads(text, parse_float=str, parse_int=str)["properties"]
        columns = tuple(str(column["name"]) for column in properties["columns"])
        rows = [[None if value is None else str(value) for value in row] for row in properties["rows"]]
        return Page(columns, rows, properties.get("nextLink") or None)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"the answer has no {error}") from None


def parse_report(text: str) -> Report:
    """A finished report's description.

    Raises:
        ValueError: the report failed, or it is no report.
    """
    document = json.loads(text)
    status = str(document.get("status") or "")
    if status == "NoDataFound":
        return Report((), {})
    if status == "Failed":
        raise ValueError(str((document.get("error") or {}).get("message") or "the report failed"))
    manifest = document.get("manifest")
    if not isinstance(manifest, dict):
        raise ValueError(f"the report has no manifest (status {status!r})")
    blobs = tuple(
        ReportBlob(str(blob["blobLink"]), None if blob.get("byteCount") is None else int(blob["byteCount"]))
        for blob in manifest.get("blobs") or []
    )
    # The links are credentials for some hours: what is kept names the files without them.
    shown = {**manifest, "blobs": [{"byteCount": blob.byte_count} for blob in blobs]}
    return Report(blobs, shown)


def query_table(pages: Sequence[Page], dataset: Dataset, shown_as: str, hasher: Hasher) -> pa.Table:
    """Pages as rows of ``azure_cost__detail``, in an order that does not depend on the answer's. E-mail addresses
    in them become hashes."""
    if not pages:
        return pa.table({})
    names = azure_cost.canonical_headers(pages[0].columns)
    rows = sorted((row for page in pages for row in page.rows), key=lambda row: [value or "" for value in row])
    columns: dict[str, Any] = {
        name: pa.array([_without_emails(row[index], hasher) for row in rows], pa.string())
        for index, name in enumerate(names)
    }
    return pa.table(
        {
            **columns,
            "x_dataset": pa.array([dataset] * len(rows), pa.string()),
            "x_file": pa.array([shown_as] * len(rows), pa.string()),
            "x_row": pa.array(range(1, len(rows) + 1), pa.int64()),
        }
    )


def _without_emails(value: str | None, hasher: Hasher) -> str | None:
    return value if value is None else hasher.hash_emails(value)


def fingerprint(table: pa.Table) -> str:
    """SHA-256 of a table's rows: whether an answer says anything new."""
    digest = hashlib.sha256()
    for batch in table.to_batches():
        for row in batch.to_pylist():
            digest.update(json.dumps(row, sort_keys=True).encode() + b"\n")
    return digest.hexdigest()


def due_months(asked: Mapping[date, datetime], *, as_of: datetime, months: int) -> list[BillingPeriod]:
    """Months to ask, oldest first: those never asked, and those that may have changed since.

    Args:
        asked: first day of a month → when it was asked last (UTC).
        months: how many months back, the open one included.
    """
    period = BillingPeriod.containing(as_of.date())
    found = []
    for _ in range(months):
        last = asked.get(period.start)
        if last is None or (last < closes_at(period, as_of) and as_of - last >= REFRESH):
            found.append(period)
        period = period.previous()
    return found[::-1]


def closes_at(period: BillingPeriod, like: datetime) -> datetime:
    """The moment from which a month stays as it is, in the time zone of ``like``."""
    return datetime.combine(period.end, datetime.min.time(), like.tzinfo) + CLOSING


def last_day(period: BillingPeriod, as_of: datetime) -> date:
    """The last day of a month that can be asked for. Cost Management shifts days in the future without a word."""
    return min(period.last_day, as_of.date())


def newest(moments: Iterable[tuple[date, datetime]]) -> dict[date, datetime]:
    """Month → its newest moment."""
    found: dict[date, datetime] = {}
    for month, moment in moments:
        found[month] = max(moment, found.get(month, moment))
    return found
