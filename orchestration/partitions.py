"""Billing months as partitions, so that a month can be landed again on its own."""

from __future__ import annotations

from datetime import date

import dagster as dg

from finops.periods import BillingPeriod

FIRST_MONTH = BillingPeriod.parse("2020-01")

# The month we are in is a partition too: an open month is restated several times a day.
billing_months = dg.MonthlyPartitionsDefinition(start_date=FIRST_MONTH.start.isoformat(), end_offset=1)


def months_up_to(as_of: date, count: int) -> tuple[str, str]:
    """First and last partition key of the ``count`` months that end with the one ``as_of`` is in."""
    last = max(BillingPeriod.containing(as_of), FIRST_MONTH)
    first = last
    for _ in range(count - 1):
        first = max(first.previous(), FIRST_MONTH)
    return first.start.isoformat(), last.start.isoformat()


def periods_of(context: dg.AssetExecutionContext) -> set[BillingPeriod]:
    return {BillingPeriod.parse(key) for key in context.partition_keys}
