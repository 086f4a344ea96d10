"""How long a day more of Azure's cost details takes: a million rows of 13 months, actual and amortised cost.

    python -m benchmarks.azure_cost [--rows 1000000] [--folder FOLDER]

Here: a lake of exports that restate their month every day, the models from there to cost by day and reconciliation over
it; then, on the same warehouse, a run with nothing new, a day more (both datasets of the open month again), and an
amortised dataset that comes late.
Not here: landing (``benchmarks.landing``), FOCUS exports and usage (``benchmarks.warehouse``), whether rows are right.

The floor in the same run is the run with nothing new: what it takes, the others take as well.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb

from benchmarks.warehouse import build
from finops import lake
from finops.paths import Home
from tests.support.lake_builder import LakeBuilder

MONTHS = 13
LAST_DAY = date(2026, 10, 19)
AS_OF = datetime(2026, 10, 20, 6, tzinfo=UTC)
MARTS = ("+fct_ai_cost_daily", "+fct_bill_overlap", "+fct_reconciliation_daily")
_ACCOUNT = "/providers/microsoft.billing/billingaccounts/100"
_ROWS = """
with days as (
    select cast(day as date) as day from range(date '{first_day}', date '{end_day}', interval 1 day) as t(day)
),
made as (
    select day, n, n % 10 = 0 as is_covered, cast(hash(day, n) % 100000000 as decimal(18, 0)) * 0.00000001 as cost
    from days cross join range({a_day}) as t(n)
)
select
    '100' as "BillingAccountId", 'Contoso' as "BillingAccountName", '100' as "BillingProfileId",
    strftime(date_trunc('month', day), '%m/%d/%Y') as "BillingPeriodStartDate",
    strftime(last_day(day), '%m/%d/%Y') as "BillingPeriodEndDate",
    'sub-' || (n % 12) as "SubscriptionId", 'subscription-' || (n % 12) as "SubscriptionName",
    'rg-' || (n % 300) as "ResourceGroupName", 'swedencentral' as "ResourceLocation",
    strftime(day, '%m/%d/%Y') as "Date", 'Meter ' || (n % 900) as "MeterName", 'meter-' || (n % 900) as "MeterId",
    case n % 4 when 0 then 'Virtual Machines' when 1 then 'Storage' when 2 then 'Azure OpenAI' else 'Bandwidth' end
        as "MeterCategory",
    'Series ' || (n % 40) as "MeterSubCategory", 'Compute' as "ServiceFamily",
    case n % 4 when 2 then 'Microsoft.CognitiveServices' else 'Microsoft.Compute' end as "ConsumedService",
    'Product ' || (n % 900) as "ProductName", 'Microsoft' as "PublisherName", 'Azure' as "PublisherType",
    cast(n % 24 + 1 as varchar) as "Quantity", '0.25' as "UnitPrice", '0.25' as "EffectivePrice", '0.5' as "PayGPrice",
    '1 Hour' as "UnitOfMeasure", 'USD' as "BillingCurrency", 'CC-' || (n % 30) as "CostCenter",
    case when is_covered and {is_actual} then '0' else cast(cost as varchar) end as "CostInBillingCurrency",
    'Usage' as "ChargeType", 'UsageBased' as "Frequency",
    case when is_covered then 'Reservation' else 'OnDemand' end as "PricingModel",
    case when is_covered then '/providers/Microsoft.Capacity/reservationOrders/o/reservations/r' || (n % 7) end
        as "BenefitId",
    '/subscriptions/sub-' || (n % 12) || '/resourcegroups/rg-' || (n % 300)
        || '/providers/Microsoft.Compute/virtualMachines/vm-' || n as "ResourceId",
    '"team": "team-' || (n % 40) || '", "environment": "prod"' as "Tags",
    '{dataset}' as x_dataset, '{name}.csv' as x_file, row_number() over () as x_row
from made
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000, help="of both datasets together")
    parser.add_argument("--folder", type=Path, default=None, help="where the lake and the warehouse go (about 2 GB)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        home = Home(Path(folder))
        builder = LakeBuilder(home)
        builder.configure(AS_OF)
        months = _months()
        a_day = arguments.rows // (2 * (LAST_DAY - months[0]).days)
        for number, month in enumerate(months):
            end = min(_next_month(month), LAST_DAY)
            _export(builder, month, end, a_day, "ActualCost")
            # Of one closed month the amortised dataset comes last.
            if number != MONTHS - 3:
                _export(builder, month, end, a_day, "AmortizedCost")
        print(f"{arguments.rows:,} rows of {MONTHS} months\n", flush=True)
        print("| run | seconds | processor | peak of memory (GiB) |\n|---|---|---|---|")
        slowest = [_told("all of it", home), _told("nothing new", home)]
        for dataset in ("ActualCost", "AmortizedCost"):
            _export(builder, months[-1], LAST_DAY + timedelta(days=1), a_day, dataset)
        slowest.append(_told("a day more: the open month again", home))
        _export(builder, months[-3], months[-2], a_day, "AmortizedCost")
        slowest.append(_told("a closed month's amortised dataset", home))
        print("", *slowest, sep="\n")
    return 0


def _months() -> list[date]:
    found = [LAST_DAY.replace(day=1)]
    while len(found) < MONTHS:
        found.insert(0, (found[0] - timedelta(days=1)).replace(day=1))
    return found


def _next_month(month: date) -> date:
    return (month + timedelta(days=32)).replace(day=1)


def _export(builder: LakeBuilder, month: date, end: date, a_day: int, dataset: str) -> None:
    """One run of an export of a month up to before a day, as one load with one file."""
    submitted_at = datetime.combine(end, datetime.min.time(), UTC) + timedelta(hours=4)
    name = f"{dataset}-{month:%Y-%m}-{end}"
    load_id = builder.snapshot(
        lake.AZURE_COST_DETAIL.name, [], source_id="costs", snapshot_id=name, format_version=f"{dataset} 2024-08-01",
        scope=f"{_ACCOUNT}/providers/microsoft.costmanagement/exports/{dataset.lower()}", period_start=month,
        submitted_at=submitted_at,
    )  # fmt: skip
    file = builder.home.lake / lake.DATASET / lake.AZURE_COST_DETAIL.name / f"{load_id}.bench.parquet"
    sql = _ROWS.format(
        first_day=month, end_day=end, a_day=a_day, dataset=dataset, is_actual=dataset == "ActualCost", name=name
    )
    with duckdb.connect() as connection:
        connection.execute(f"copy ({sql}) to '{file}' (format parquet, compression snappy)")


def _told(what: str, home: Home) -> str:
    """Build, and print the run's line of the table; which models took longest."""
    run = build(home, *MARTS)
    print(f"| {what} | {run.cells} | {run.peak_gib:.1f} |", flush=True)
    return f"Slowest of {what}: " + ", ".join(f"{model} {seconds:.1f}" for model, seconds in run.models[:12])


if __name__ == "__main__":
    sys.exit(main())
