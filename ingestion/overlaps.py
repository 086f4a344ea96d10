"""Months of a bill that are delivered more than once.

Here: saying it when it happens.
Not here: deciding what counts, which needs the rows (dbt: stg_bill__left_out, shown in fct_bill_overlap).
"""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from typing import Any

from finops import lake as contract
from ingestion.lake import Lake

API = "/providers/microsoft.costmanagement/"
_COLUMNS = ("source_id", "table_name", "scope", "period_start", "format_version")
_BILLS = (contract.FOCUS_COST_AND_USAGE.name, contract.AZURE_COST_DETAIL.name)


def overlaps(lake: Lake, source_id: str) -> list[str]:
    """One line per billing scope that several managed deliveries tell the same months of, one of them this source's.

    The actual and the amortised dataset of one delivery are no overlap: they are two halves of one bill.
    """
    found: dict[str, dict[tuple[str, str], set[date]]] = defaultdict(lambda: defaultdict(set))
    own: set[str] = set()
    for row in lake.read(contract.SNAPSHOT, _COLUMNS).to_pylist():
        if row["table_name"] not in _BILLS or row["period_start"] is None:
            continue
        billing_scope, _, rest = row["scope"].lower().partition(API)
        found[billing_scope][_delivery(row, rest)].add(row["period_start"])
        if row["source_id"] == source_id:
            own.add(billing_scope)
    lines = []
    for billing_scope in sorted(own):
        deliveries = found[billing_scope]
        months: dict[date, list[str]] = defaultdict(list)
        for (name, dataset), periods in sorted(deliveries.items()):
            for period in periods:
                months[period].append(f"{name} ({dataset})")
        twice = {period: names for period, names in months.items() if _is_overlap(names)}
        if twice:
            names = sorted({name for period in twice.values() for name in period})
            first, last = min(twice), max(twice)
            span = f"{first:%Y-%m}" if first == last else f"{first:%Y-%m} to {last:%Y-%m}"
            lines.append(
                f"{billing_scope}: {' and '.join(names)} tell the same months ({span}). One of them is counted; "
                "fct_bill_overlap shows what is left out"
            )
    return lines


def _delivery(row: dict[str, Any], rest: str) -> tuple[str, str]:
    name = rest.rpartition("/")[2] if rest.startswith("exports/") else rest.partition("/")[0]
    return name or row["scope"], (row["format_version"] or "").partition(" ")[0]


def _is_overlap(names: list[str]) -> bool:
    datasets = [name.rpartition(" (")[2] for name in names]
    return len(names) > 1 and sorted(datasets) != ["ActualCost)", "AmortizedCost)"]
