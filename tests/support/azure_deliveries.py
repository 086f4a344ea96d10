"""Azure's actual and amortised cost as tests deliver it: rows of cost details, runs of exports.

Here: small made-up details, and what a file's totals are, computed without the project's code.
Not here: the simulated organisation (simulator) and FOCUS runs (landed).
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

from tests.support.landed import write_run

COLUMNS = (
    "BillingAccountId", "BillingPeriodStartDate", "BillingPeriodEndDate", "SubscriptionId", "Date", "MeterCategory",
    "MeterName", "Quantity", "EffectivePrice", "UnitPrice", "UnitOfMeasure", "CostInBillingCurrency",
    "BillingCurrencyCode", "ResourceId", "Tags", "ChargeType", "Frequency", "PricingModel", "benefitId",
)  # fmt: skip
RESERVATION = "/providers/Microsoft.Capacity/reservationOrders/o1/reservations/r1"


def detail(day: date, cost: str, **columns: str) -> dict[str, str]:
    """A row of cost details, usage on demand unless ``columns`` say otherwise."""
    return {
        "BillingAccountId": "100",
        "BillingPeriodStartDate": f"{day:%m}/01/{day:%Y}",
        "SubscriptionId": "sub-1",
        "Date": f"{day:%m/%d/%Y}",
        "MeterCategory": "Virtual Machines",
        "MeterName": "D2 v3",
        "Quantity": "1",
        "UnitPrice": cost,
        "UnitOfMeasure": "1 Hour",
        "CostInBillingCurrency": cost,
        "BillingCurrencyCode": "USD",
        "ChargeType": "Usage",
        "Frequency": "UsageBased",
        "PricingModel": "OnDemand",
        **columns,
    }


def covered(day: date, cost: str, **columns: str) -> dict[str, str]:
    return detail(day, cost, PricingModel="Reservation", benefitId=RESERVATION, **columns)


def write_cost_run(
    root: Path,
    dataset: str,
    run_id: str,
    rows: Sequence[dict[str, str]],
    *,
    scope: str,
    submitted: str,
    name: str | None = None,
    month: tuple[str, str] = ("2026-09-01", "2026-09-30"),
    header: Sequence[str] = COLUMNS,
    **options: object,
) -> Path:
    """One run of an export of actual or amortised cost."""
    export = name or dataset.lower()
    config = {
        "type": dataset,
        "exportName": export,
        "resourceId": f"{scope}/providers/Microsoft.CostManagement/exports/{export}",
        "dataVersion": "2024-08-01",
    }
    table = [tuple(row.get(column, "") for column in header) for row in rows]
    return write_run(
        root / export, run_id, table, submitted=submitted, period=month, header=header, config=config, **options
    )  # type: ignore[arg-type]


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as rows:
        return list(csv.DictReader(rows))


def rounded(text: str) -> Decimal:
    """To the twelve digits that the marts keep."""
    return Decimal(text).quantize(Decimal("1E-12"), ROUND_HALF_UP)


def totals_per_day(actual: Sequence[dict[str, str]], amortized: Sequence[dict[str, str]]) -> dict[date, list[Decimal]]:
    """Day → [billed, effective] as Microsoft's conversion guide says: all amortised rows, usage of commitments billed
    nothing; and from the actual rows the commitments that were bought or refunded, which cost nothing themselves."""
    found: dict[date, list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0)])

    def day(row: dict[str, str]) -> date:
        month, number, year = row["Date"].split("/")
        return date(int(year), int(month), int(number))

    for row in amortized:
        cost = rounded(row["Cost"])
        is_covered = row["PricingModel"] in ("Reservation", "SavingsPlan")
        found[day(row)][0] += Decimal(0) if is_covered else cost
        found[day(row)][1] += cost
    for row in actual:
        if row["ChargeType"] in ("Purchase", "Refund") and row["PricingModel"] in ("Reservation", "SavingsPlan"):
            found[day(row)][0] += rounded(row["Cost"])
    return dict(found)
