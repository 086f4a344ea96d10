"""Billing months as partitions, so that a month can be landed again on its own."""

from __future__ import annotations

import dagster as dg

from finops.periods import BillingPeriod

FIRST_MONTH = "2024-01-01"

# The month we are in is a partition too: an open month is restated several times a day.
billing_months = dg.MonthlyPartitionsDefinition(start_date=FIRST_MONTH, end_offset=1)


def periods_of(context: dg.AssetExecutionContext) -> set[BillingPeriod]:
    return {BillingPeriod.parse(key) for key in context.partition_keys}
