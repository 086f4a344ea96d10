"""Cost Management's API over the organisation's bill: queries, cost details reports and their files.

Here: what is answered to whom, throttling that a test plans.
Not here: routes (``app``), rows of the bill (``simulator.azure_cost``).
Source: reference of the Cost Management REST API 2025-03-01.
"""

from __future__ import annotations

import json
import re
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

from simulator.azure_cost import DATASETS, Dataset, csv_text, detail_row, newest_runs
from simulator.bill import amount
from simulator.billing_accounts import GROUP
from simulator.randomness import stable_uuid

ROWS_PER_PAGE = 1_000
MOST_GROUPINGS = 15
OLDEST_MONTHS = 13
_POLLS_UNTIL_READY = 1
_DIMENSIONS = {
    "subscriptionid": "subscriptionid", "subscriptionname": "subscriptionname", "resourceid": "resourceid",
    "resourcelocation": "resourcelocation", "resourcegroupname": "resourcegroupname", "servicename": "metercategory",
    "metercategory": "metercategory", "metersubcategory": "metersubcategory", "meter": "metername",
    "chargetype": "chargetype", "publishertype": "publishertype", "frequency": "frequency",
    "pricingmodel": "pricingmodel", "benefitid": "benefitid", "benefitname": "benefitname",
    "reservationid": "reservationid", "resourcetype": "consumedservice", "partnumber": "partnumber",
}  # fmt: skip
_AGGREGATIONS = {"cost": "costinbillingcurrency", "pretaxcost": "costinbillingcurrency", "usagequantity": "quantity"}


class CostError(Exception):
    """A refusal, as Azure words it."""

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.headers = dict(headers or {})

    def document(self) -> dict[str, Any]:
        return {"error": {"code": self.code, "message": str(self)}}


@dataclass
class _Operation:
    content: bytes
    row_count: int
    request: dict[str, Any]
    scope: str
    polls: int = 0


@dataclass
class _Throttle:
    refusals: deque[dict[str, str]] = field(default_factory=deque)
    lock: threading.Lock = field(default_factory=threading.Lock)


class CostStore:
    """Answers from the newest run of every month that was submitted before ``as_of``."""

    def __init__(self, exports: Path, as_of: datetime) -> None:
        self._exports = exports
        self._as_of = as_of
        self._operations: dict[str, _Operation] = {}
        self._throttle = _Throttle()
        self._last_answer: tuple[str, list[str]] = ("", [])  # its further pages are asked for next

    @cached_property
    def _details(self) -> dict[Dataset, list[dict[str, str]]]:
        found: dict[Dataset, list[dict[str, str]]] = {dataset: [] for dataset in DATASETS}
        for run in newest_runs(self._exports, self._as_of):
            for row in run.rows():
                for dataset in DATASETS:
                    detail = detail_row(row, dataset)
                    if detail is not None:
                        month, day, year = detail["date"].split("/")
                        found[dataset].append({**detail, "day": f"{year}-{month}-{day}"})
        return found

    def plan_refusals(self, headers: list[dict[str, str]]) -> None:
        """The next requests are refused with 429 and these headers, one after the other."""
        with self._throttle.lock:
            self._throttle.refusals.extend(headers)

    def admit(self) -> None:
        """Raises:
        CostError: a refusal is planned.
        """
        with self._throttle.lock:
            if self._throttle.refusals:
                headers = self._throttle.refusals.popleft()
                raise CostError(429, "429", "Too many requests. Please retry.", headers)

    def query(self, scope: str, body: Any, skip: str | None, next_link: str) -> str | None:
        """The JSON text of one page, or None where there is nothing.

        Args:
            skip: the token of a further page.
            next_link: address of a further page, to which a token is added.

        Raises:
            CostError: what Cost Management would refuse.
        """
        request = _QueryRequest.parse(scope, body)
        token = stable_uuid("query", scope, json.dumps(body, sort_keys=True))[:8]
        offset = 0
        if skip is not None:
            known, _, number = skip.partition("-")
            if known != token or not number.isdigit():
                raise CostError(400, "BadRequest", "The skip token belongs to another query.")
            offset = int(number)
        if self._last_answer[0] != token:
            self._last_answer = (token, self._grouped(scope, request))
        rows = self._last_answer[1]
        if not rows:
            return None
        page = rows[offset : offset + ROWS_PER_PAGE]
        more = offset + ROWS_PER_PAGE < len(rows)
        columns = [
            *({"name": name, "type": "Number"} for name in request.aggregations),
            {"name": "UsageDate", "type": "Number"},
            *({"name": name, "type": "String"} for name in request.groupings),
            {"name": "Currency", "type": "String"},
        ]
        document = {
            "id": f"{scope}/providers/Microsoft.CostManagement/query/{token}",
            "name": token,
            "type": "Microsoft.CostManagement/query",
            "properties": {
                "nextLink": f"{next_link}&$skiptoken={token}-{offset + ROWS_PER_PAGE}" if more else None,
                "columns": columns,
                "rows": "@rows@",
            },
        }
        # Amounts with all their digits: json would write floats.
        return json.dumps(document).replace('"@rows@"', "[" + ",".join(page) + "]")

    def _grouped(self, scope: str, request: _QueryRequest) -> list[str]:
        sums: dict[tuple[str, ...], list[Decimal]] = {}
        for row in self._scoped(scope, request.dataset, request.start, request.end):
            key = (row["day"], *(row[_DIMENSIONS[name.lower()]] for name in request.groupings))
            totals = sums.setdefault(key, [Decimal(0)] * len(request.aggregations))
            for index, name in enumerate(request.aggregations):
                totals[index] += Decimal(row[_AGGREGATIONS[name.lower()]] or 0)
        rows = []
        for key in sorted(sums):
            numbers = [amount(total) for total in sums[key]]
            texts = [json.dumps(text) for text in (*key[1:], "USD")]
            rows.append("[" + ",".join([*numbers, key[0].replace("-", ""), *texts]) + "]")
        return rows

    def _scoped(self, scope: str, dataset: Dataset, start: date, end: date) -> list[dict[str, str]]:
        folded = scope.lower().rstrip("/")
        rows = self._details[dataset]
        match = re.fullmatch(r"/subscriptions/([^/]+)", folded)
        if match:
            known = {row["subscriptionid"].lower() for row in rows}
            if match[1] not in known:
                raise CostError(404, "SubscriptionNotFound", f"The subscription '{match[1]}' could not be found.")
            rows = [row for row in rows if row["subscriptionid"].lower() == match[1]]
        elif folded not in (GROUP.profile_id.lower(), GROUP.account_id.lower()):
            raise CostError(404, "NotFound", f"The scope '{scope}' was not found.")
        return [row for row in rows if start.isoformat() <= row["day"] <= end.isoformat()]

    def start_report(self, scope: str, body: Any) -> str | None:
        """The id of a new report, or None where there is nothing.

        Raises:
            CostError: what Cost Management would refuse.
        """
        dataset = _dataset(body.get("metric") if isinstance(body, dict) else None)
        period = body.get("timePeriod")
        if not isinstance(period, dict):
            raise CostError(400, "BadRequest", "timePeriod with start and end is required.")
        start, end = _day(period.get("start")), _day(period.get("end"))
        if (end - start).days > 31 or start > end:
            raise CostError(400, "BadRequest", "A report covers one month or less.")
        months = (self._as_of.year - start.year) * 12 + self._as_of.month - start.month
        if months > OLDEST_MONTHS:
            raise CostError(400, "BadRequest", f"Data older than {OLDEST_MONTHS} months is not available.")
        rows = self._scoped(scope, dataset, start, end)
        if not rows:
            return None
        operation = stable_uuid("report", scope, dataset, start, end, len(self._operations))
        content = csv_text(rows, "MCA").encode("utf-8-sig")
        self._operations[operation] = _Operation(content, len(rows), body, scope)
        return operation

    def poll_report(self, operation: str, address: str) -> dict[str, Any] | None:
        """The finished report, or None while it is being made. ``address`` is where its files are.

        Raises:
            CostError: there is no such report.
        """
        found = self._operations.get(operation)
        if found is None:
            raise CostError(404, "NotFound", f"The operation '{operation}' was not found.")
        found.polls += 1
        if found.polls <= _POLLS_UNTIL_READY:
            return None
        return {
            "id": f"{found.scope}/providers/Microsoft.CostManagement/costDetailsOperationResults/{operation}",
            "name": operation,
            "status": "Completed",
            "manifest": {
                "manifestVersion": "2025-03-01",
                "dataFormat": "Csv",
                "blobCount": 1,
                "byteCount": len(found.content),
                "compressData": False,
                "requestContext": {"requestScope": found.scope, "requestBody": found.request},
                "blobs": [
                    {
                        "blobLink": f"{address}/{operation}.csv?sig={stable_uuid('sig', operation)}",
                        "byteCount": len(found.content),
                    }
                ],
            },
            "validTill": f"{self._as_of:%Y-%m-%dT%H:%M:%SZ}",
        }

    def blob(self, operation: str, signature: str | None) -> bytes:
        """A report's file.

        Raises:
            CostError: the signature is not the link's, or there is no such file.
        """
        if signature != stable_uuid("sig", operation):
            raise CostError(403, "AuthenticationFailed", "The signature did not match.")
        if operation not in self._operations:
            raise CostError(404, "BlobNotFound", "The specified blob does not exist.")
        return self._operations[operation].content


@dataclass(frozen=True)
class _QueryRequest:
    dataset: Dataset
    start: date
    end: date
    aggregations: tuple[str, ...]
    groupings: tuple[str, ...]

    @classmethod
    def parse(cls, scope: str, body: Any) -> _QueryRequest:
        """Raises:
        CostError: the definition is not one that Cost Management accepts.
        """
        try:
            period, dataset = body["timePeriod"], body["dataset"]
            aggregations = tuple(str(entry["name"]) for entry in dataset["aggregation"].values())
            groupings = tuple(str(entry["name"]) for entry in dataset.get("grouping") or [])
            granularity = dataset.get("granularity")
        except (KeyError, TypeError, AttributeError) as error:
            message = f"Invalid query definition: Dataset is invalid or not supplied: {error}"
            raise CostError(400, "BadRequest", message) from None
        for name in groupings:
            is_wide = name.lower() == "resourceid" and not scope.lower().startswith("/subscriptions/")
            if name.lower() not in _DIMENSIONS or is_wide:
                valid = ",".join(f"'{dimension}'" for dimension in sorted(_DIMENSIONS))
                message = f"Invalid query definition: Invalid dataset grouping: '{name}'; valid values: {valid}."
                raise CostError(400, "BadRequest", message)
        if len(groupings) > MOST_GROUPINGS or not 0 < len(aggregations) <= 2:
            raise CostError(400, "BadRequest", "Invalid query definition: too many groupings or aggregations.")
        if granularity != "Daily" or not {name.lower() for name in aggregations} <= set(_AGGREGATIONS):
            raise CostError(400, "BadRequest", "Invalid query definition: granularity or aggregation.")
        start, end = _day(period.get("from")), _day(period.get("to"))
        if (end - start).days > 31:
            raise CostError(400, "BadRequest", "Invalid query definition: a daily query covers one month or less.")
        return cls(_dataset(body.get("type")), start, end, aggregations, groupings)


def _dataset(name: Any) -> Dataset:
    for dataset in DATASETS:
        if name == dataset:
            return dataset
    raise CostError(400, "BadRequest", f"Invalid type '{name}'.")


def _day(text: Any) -> date:
    try:
        return date.fromisoformat(str(text)[:10])
    except ValueError:
        raise CostError(400, "BadRequest", f"'{text}' is not a date.") from None
