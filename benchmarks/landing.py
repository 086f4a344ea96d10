"""How long it takes to land a large FOCUS export, beside what DuckDB itself needs for the same file.

Here: making the export, landing it through the public entry in a child process, the floors in the same run.
Not here: whether what is landed is right (tests).

Floors: for Parquet, ``create table as select`` from the export into a DuckDB file; for CSV.gz, DuckDB's own read of the
file into such a table with the same columns as text. Each is measured in a child of its own, so that its peak memory is
its own.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb

COLUMNS = 42
_MAKE = """
create table bill as
select
    cast('2026-10-01' as date) + cast(i % 30 as integer) as day,
    i
from range({rows}) as t(i);
copy (
    select
        cast(cast(hash(i) % 100000000000 as decimal(18,0)) * 0.0000000001 as decimal(38,10)) as BilledCost,
        '/providers/Microsoft.Billing/billingAccounts/1234567' as BillingAccountId,
        'Contoso' as BillingAccountName,
        'Billing Account' as BillingAccountType,
        'USD' as BillingCurrency,
        timestamp '2026-11-01' as BillingPeriodEnd,
        timestamp '2026-10-01' as BillingPeriodStart,
        'Usage' as ChargeCategory,
        cast(null as varchar) as ChargeClass,
        'Usage of meter ' || (i % 900) as ChargeDescription,
        'Usage-Based' as ChargeFrequency,
        cast(day + 1 as timestamp) as ChargePeriodEnd,
        cast(day as timestamp) as ChargePeriodStart,
        cast(null as varchar) as CommitmentDiscountId,
        cast(null as varchar) as CommitmentDiscountName,
        cast(null as varchar) as CommitmentDiscountStatus,
        cast(i % 1000 as decimal(38,10)) as ConsumedQuantity,
        'Hours' as ConsumedUnit,
        cast(cast(hash(i) % 100000000000 as decimal(18,0)) * 0.0000000001 as decimal(38,10)) as ContractedCost,
        cast(cast(i % 97 as decimal(38,10)) * 0.0125 as decimal(38,10)) as ContractedUnitPrice,
        cast(cast(hash(i) % 100000000000 as decimal(18,0)) * 0.0000000001 as decimal(38,10)) as EffectiveCost,
        cast(null as varchar) as InvoiceId,
        'Microsoft' as InvoiceIssuerName,
        cast(cast(hash(i) % 100000000000 as decimal(18,0)) * 0.0000000001 as decimal(38,10)) as ListCost,
        cast(cast(i % 97 as decimal(38,10)) * 0.0125 as decimal(38,10)) as ListUnitPrice,
        'Standard' as PricingCategory,
        'USD' as PricingCurrency,
        cast(i % 1000 as decimal(38,10)) as PricingQuantity,
        'Hours' as PricingUnit,
        'Microsoft' as ProviderName,
        'Microsoft' as PublisherName,
        'swedencentral' as RegionId,
        'Sweden Central' as RegionName,
        '/subscriptions/' || md5(cast(i % 12 as varchar)) || '/resourcegroups/rg-' || (i % 300)
            || '/providers/microsoft.compute/virtualmachines/vm-' || (i % 20000) as ResourceId,
        'vm-' || (i % 20000) as ResourceName,
        'Virtual machine' as ResourceType,
        'Compute' as ServiceCategory,
        'Virtual Machines' as ServiceName,
        'sku-' || (i % 900) as SkuId,
        'sku-' || (i % 900) || '-price' as SkuPriceId,
        md5(cast(i % 12 as varchar)) as SubAccountId,
        '{{"team": "team-' || (i % 40) || '", "environment": "prod"}}' as Tags
    from bill
) to '{target}' ({options});
"""
# Not rusage: its peak counts the parent's memory at the moment of the fork.
_PEAK = """
from pathlib import Path
print(next(line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")))
"""
_LAND = (
    """
import sys, time
from datetime import UTC, datetime
from pathlib import Path
import ingestion
from finops import lake
from finops.config.bill_sources import FocusFilesSource
from finops.paths import Home
file, home = sys.argv[1:]
started = time.perf_counter()
source = FocusFilesSource(id="export", type="focus_files", url=file)
ingestion.land(source, Home(Path(home)), as_of=datetime.now(UTC), environ={})
print(time.perf_counter() - started)
print(ingestion.describe_table(lake.FOCUS_COST_AND_USAGE, Home(Path(home))).row_count)
"""
    + _PEAK
)
_FLOOR = (
    """
import sys, time, duckdb
query, database = sys.argv[1:]
started = time.perf_counter()
with duckdb.connect(database) as connection:
    connection.execute(f"create table bill as {query}")
    print(time.perf_counter() - started)
    print(connection.execute("select count(*) from bill").fetchone()[0])
"""
    + _PEAK
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--folder", type=Path, default=None, help="where the export and the lakes go (about 3 GB)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        folder = Path(name)
        print(f"{arguments.rows:,} rows, {COLUMNS} columns\n")
        print("| export | floor | landed | ratio | peak memory | size |")
        print("|---|---|---|---|---|---|")
        for suffix, options in (
            ("parquet", "format parquet, compression snappy"),
            ("csv.gz", "format csv, header, compression gzip"),
        ):
            file = folder / f"export.{suffix}"
            with duckdb.connect() as connection:
                connection.execute(_MAKE.format(rows=arguments.rows, target=file, options=options))
                names = [row[0] for row in connection.execute(f"describe select * from '{file}'").fetchall()]
            assert len(names) == COLUMNS, len(names)
            query = f"select * from '{file}'" if suffix == "parquet" else f"select * from {_text_scan(file, names)}"
            floor, floor_rows, _ = _measured(_FLOOR, query, str(folder / f"{suffix}.duckdb"))
            landed, rows, peak_mib = _measured(_LAND, str(file), str(folder / f"home-{suffix}"))
            assert rows == floor_rows == arguments.rows, (rows, floor_rows)
            size = file.stat().st_size / 2**20
            print(
                f"| {suffix} | {floor:.1f} s | {landed:.1f} s | {landed / floor:.2f} | {peak_mib:,.0f} MiB "
                f"| {size:,.0f} MiB |",
                flush=True,
            )
    return 0


def _text_scan(file: Path, names: list[str]) -> str:
    columns = ", ".join(f"'{name}': 'VARCHAR'" for name in names)
    return (
        f"read_csv('{file}', auto_detect = false, header = true, columns = {{{columns}}}, quote = '\"', escape = '\"')"
    )


def _measured(script: str, *arguments: str) -> tuple[float, int, float]:
    """Seconds as the child measured them, its row count, and its peak resident memory in MiB."""
    started = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-c", script, *arguments], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    lines = process.stdout.read().split()
    if process.wait() != 0:
        raise SystemExit(f"the child failed after {time.perf_counter() - started:.0f} s")
    seconds, rows, peak_kib = lines[-3:]  # DuckDB may draw a progress bar before them
    return float(seconds), int(rows), int(peak_kib) / 1024


if __name__ == "__main__":
    sys.exit(main())
