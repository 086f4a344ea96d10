"""How long the whole warehouse takes: 100 million requests and 2 million charges of 400 days and 200 apps.

    python -m benchmarks.warehouse [--requests 100000000] [--charges 2000000] [--folder FOLDER]

Here: a lake of that size, all dbt models, a day more on top of it, the floor in the same run, the peak of memory.
Not here: landing (``benchmarks.landing``), five minutes of usage (``benchmarks.pricing``), whether amounts are right (tests).

Floor: SQL written by hand for this lake that makes the same two marts from the same files: usage by hour with its price, and
cost by day with its owner, shared accounts split by what calls cost to the last decimal. It knows what the models have to
find out: the sources, the words of meters, whose a tag is, which pools there are. Both marts must be equal to the models'.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb

from finops import lake
from finops.paths import PROJECT_DIR, Home
from tests.support.lake_builder import FIRST_LOAD_AT, LakeBuilder, write_config

LAST_DAY = date(2026, 10, 19)
DAYS = 400
APPS = 200
TEAMS = 20
ACCOUNTS = 40
SHARED_ACCOUNTS = 10
AS_OF = datetime(2026, 10, 20, 6, tzinfo=UTC)
_SPAN_FILES = 25
_FIRST_DAY = LAST_DAY - timedelta(days=DAYS - 1)
_ACCOUNT = "/subscriptions/0/resourcegroups/rg/providers/microsoft.cognitiveservices/accounts/aoai-"

_APPS = f"""
create or replace temp table apps as
select
    i as number, 'app-' || i as app, 'team-' || (i % {TEAMS}) as team, 'chat-' || (i % 35) as deployment_name,
    '{_ACCOUNT}' || (i % {ACCOUNTS}) as resource_id, i % {ACCOUNTS} as account,
    case when i % 5 = 0 then 'gpt-4.1-mini' else 'gpt-4.1' end as model
from range({APPS}) as t(i)
"""
_SPANS = """
select
    'gateway' as source_id, '{snapshot}' as snapshot_id, '{snapshot}.json' as x_file, i as x_row,
    lpad(hex(i), 32, '0') as trace_id, lpad(hex(i), 16, '0') as span_id,
    timestamp '{start}' + to_microseconds(cast((i - {first}) * {step} as bigint)) as start_at,
    timestamp '{start}' + to_microseconds(cast((i - {first}) * {step} as bigint)) + interval 2 second as end_at,
    'gateway' as service_name, 'chat' as operation_name, 'azure.ai.openai' as provider_name,
    apps.model as request_model, apps.model as response_model, apps.deployment_name, apps.resource_id,
    cast(200 + hash(i) % 4000 as bigint) as input_tokens,
    cast(case when hash(i + 1) % 3 = 0 then hash(i) % 200 else 0 end as bigint) as cache_read_tokens,
    0::bigint as cache_write_tokens, cast(50 + hash(i + 2) % 900 as bigint) as output_tokens, 0::bigint as reasoning_tokens,
    'standard' as service_tier, 'global' as deployment_type, apps.team, apps.app,
    'feature-' || (apps.number % 4) as feature, 'prod' as environment
-- One span in a thousand is delivered twice.
from (select i from range({first}, {last}) as t(i) union all select i from range({first}, {last}, 1000) as t(i)) as numbers
inner join apps on apps.number = hash(i + 5) % {apps}
"""
_CHARGES = """
with days as (
    select cast(day as date) as day from range(date '{first_day}', date '{end_day}', interval 1 day) as t(day)
),
meters as (
    select * from (values
        ('Azure OpenAI', 'AI and Machine Learning', 'gpt 4.1 Inp glbl Tokens', 'gpt-4.1', 'input_uncached'),
        ('Azure OpenAI', 'AI and Machine Learning', 'gpt 4.1 cached Inp glbl Tokens', 'gpt-4.1', 'cache_read'),
        ('Azure OpenAI', 'AI and Machine Learning', 'gpt 4.1 Outp glbl Tokens', 'gpt-4.1', 'output'),
        ('Virtual Machines', 'Compute', 'D4s v5', null, null),
        ('Storage', 'Storage', 'Hot LRS Data Stored', null, null)
    ) as t(service, category, meter, model, token_class)
),
made as (
    select days.day, meters.*, apps.*, n, hash(days.day, meters.meter, apps.number, n) as chance,
        case when meters.model is not null then apps.resource_id
            else '/subscriptions/' || (apps.number % 9) || '/resourcegroups/rg-' || apps.team || '/providers/microsoft.x/r-'
                || apps.number || '-' || n
        end as resource
    from days cross join meters cross join apps cross join range({repeats}) as t(n)
)
select
    resource as "ResourceId", 'r-' || number as "ResourceName", service as "ServiceName", category as "ServiceCategory",
    meter as "x_SkuMeterName", 'Usage' as "ChargeCategory", 'Standard' as "PricingCategory", 'USD' as "BillingCurrency",
    'account' as "BillingAccountId", '/subscriptions/' || (number % 9) as "SubAccountId",
    'subscription-' || (number % 9) as "SubAccountName", 'swedencentral' as "RegionId", 'Microsoft' as "ProviderName",
    case when number % 25 <> 7 then '{{"team": "' || team || '", "app": "' || app || '", "env": "prod"}}' end as "Tags",
    cast(cast(chance % 100000000 as decimal(18, 0)) * 0.00000001 as varchar) as "BilledCost",
    cast(cast(chance % 100000000 as decimal(18, 0)) * 0.00000001 as varchar) as "EffectiveCost",
    cast(cast(chance % 100000000 as decimal(18, 0)) * 0.00000002 as varchar) as "ListCost",
    cast(cast(chance % 100000000 as decimal(18, 0)) * 0.00000001 as varchar) as "ContractedCost",
    cast(chance % 1000 as varchar) as "ConsumedQuantity", '1K' as "ConsumedUnit",
    strftime(day, '%Y-%m-%dT00:00:00Z') as "ChargePeriodStart",
    strftime(day + 1, '%Y-%m-%dT00:00:00Z') as "ChargePeriodEnd",
    strftime(date_trunc('month', day), '%Y-%m-%dT00:00:00Z') as "BillingPeriodStart",
    strftime(date_trunc('month', day) + interval 1 month, '%Y-%m-%dT00:00:00Z') as "BillingPeriodEnd",
    'bill' as source_id, '{snapshot}' as snapshot_id, '{snapshot}.parquet' as x_file,
    row_number() over () as x_row
from made
"""


@dataclass(frozen=True)
class Run:
    seconds: float
    peak_gib: float
    models: tuple[tuple[str, float], ...]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--requests", type=int, default=100_000_000)
    parser.add_argument("--charges", type=int, default=2_000_000)
    parser.add_argument("--folder", type=Path, default=None, help="where the lake and the warehouse go (about 30 GB)")
    parser.add_argument("--keep", type=Path, default=None, help="a folder to keep the home in")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        home = Home(arguments.keep or Path(name))
        if not home.lake.exists():
            fill(home, arguments.requests, arguments.charges)
        whole = build(home)
        print(f"{arguments.requests:,} requests, {arguments.charges:,} charges, {DAYS} days, {APPS} apps")
        report("all models", whole)
        add_day(home, arguments.requests // DAYS)
        report("a day more", build(home, is_slice=True))
    return 0


def report(what: str, run: Run) -> None:
    print(f"{what}: {run.seconds:.1f} s, {run.peak_gib:.1f} GiB")
    for model, seconds in run.models[:25]:
        print(f"    {model} {seconds:.1f}")
    sys.stdout.flush()


def fill(home: Home, requests: int, charges: int) -> None:
    """A lake with all requests and charges, and the configuration that shares some of the accounts."""
    builder = LakeBuilder(home)
    folder = write_config(home.path / "settings")
    (folder / "allocation.yml").write_text(
        "ai_categories:\n"
        "  - {id: openai, category: inference, service_name: azure openai}\n"
        f'pools:\n  - {{id: shared, resource_id: "/accounts/aoai-[0-{SHARED_ACCOUNTS - 1}]$", driver: usage_cost}}\n'
    )
    teams = "".join(f"  - {{team: team-{n}, business_unit: unit-{n % 4}, cost_center: CC-{n}}}\n" for n in range(TEAMS))
    apps = "".join(f"  - {{app: app-{n}, team: team-{n % TEAMS}}}\n" for n in range(APPS))
    rules = "".join(f"  - {{id: {key}, dimension: {key}, match: tag, keys: [{key}]}}\n" for key in ("team", "app"))
    (folder / "tags.yml").write_text(f"rules:\n{rules}teams:\n{teams}apps:\n{apps}")
    (folder / "budgets.yml").write_text("budgets:\n  - {id: company, scope: {level: company}, amount: 100000}\n")
    (folder / "units.yml").write_text("units: []\n")
    builder.configure(AS_OF, folder)
    with _engine() as connection:
        connection.execute(_APPS)
        per_file = requests // _SPAN_FILES
        start = datetime.combine(_FIRST_DAY, datetime.min.time(), UTC)
        step = DAYS * 86_400 * 1_000_000 / requests
        for number in range(_SPAN_FILES):
            first = number * per_file
            at = start + timedelta(microseconds=first * step)
            sql = _SPANS.format(
                snapshot=f"spans-{number}", start=f"{at:%Y-%m-%d %H:%M:%S.%f}", first=first, last=first + per_file,
                step=step, apps=APPS,
            )  # fmt: skip
            _write(connection, builder, lake.OTEL_GENAI_SPAN, sql, f"spans-{number}", None)
        repeats = max(1, round(charges / (DAYS * APPS * 5)))
        month = _FIRST_DAY
        while month <= LAST_DAY:
            following = (month.replace(day=1) + timedelta(days=32)).replace(day=1)
            end = min(following, LAST_DAY + timedelta(days=1))
            snapshot = f"bill-{month:%Y-%m}"
            sql = _CHARGES.format(first_day=month, end_day=end, repeats=repeats, snapshot=snapshot)
            _write(connection, builder, lake.FOCUS_COST_AND_USAGE, sql, snapshot, month.replace(day=1))
            month = following


def add_day(home: Home, requests: int) -> None:
    """The next day's requests, and the month delivered again with it."""
    builder = LakeBuilder(home, first_load_at=AS_OF + timedelta(hours=18))
    with _engine() as connection:
        connection.execute(_APPS)
        day = LAST_DAY + timedelta(days=1)
        first = 10**12
        sql = _SPANS.format(
            snapshot="spans-new", start=f"{day} 00:00:00", first=first, last=first + requests,
            step=86_400 * 1_000_000 / requests, apps=APPS,
        )  # fmt: skip
        _write(connection, builder, lake.OTEL_GENAI_SPAN, sql, "spans-new", None)


def _write(
    connection: duckdb.DuckDBPyConnection,
    builder: LakeBuilder,
    table: lake.LakeTable,
    sql: str,
    snapshot: str,
    month: date | None,
) -> None:
    """One load with one file of a table, in the lake's layout."""
    header = {
        "source_id": "bill" if month else "gateway", "table_name": table.name, "snapshot_id": snapshot,
        "scope": "export" if month else f"{snapshot}.json", "period_start": month, "submitted_at": AS_OF, "row_count": 1,
        "file_count": 1, "landed_at": AS_OF,
    }  # fmt: skip
    load_id = builder.load({lake.SNAPSHOT.name: [header]})
    file = builder.home.lake / lake.DATASET / table.name / f"{load_id}.bench.parquet"
    connection.execute(f"copy ({sql}) to '{file}' (format parquet, compression snappy, row_group_size 500000)")


@contextmanager
def _engine() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("set threads = 2; set memory_limit = '6GB'; set TimeZone = 'UTC'")
        connection.execute("set preserve_insertion_order = false")
        yield connection


def build(home: Home, *, is_slice: bool = False) -> Run:
    """`dbt run` of all models: its seconds, its peak of memory and its slowest models."""
    project = PROJECT_DIR / "dbt_project"
    target = home.path / "dbt"
    command = [
        str(Path(sys.executable).with_name("dbt")), "--quiet", "run", "--project-dir", str(project), "--profiles-dir",
        str(project), "--target-path", str(target), "--log-path", str(target),
    ]  # fmt: skip
    environment = {**os.environ, "AIFINOPS_HOME": str(home.path), "AIFINOPS_USAGE_SLICE": str(is_slice).lower()}
    started = time.perf_counter()
    process = subprocess.Popen(command, env=environment)
    peak = 0
    while process.poll() is None:
        peak = max(peak, _resident_kib(process.pid))
        time.sleep(0.2)
    seconds = time.perf_counter() - started
    if process.returncode:
        raise SystemExit(f"dbt failed; see {target}/dbt.log")
    results = json.loads((target / "run_results.json").read_text())["results"]
    models = sorted(((r["unique_id"].rsplit(".", 1)[1], r["execution_time"]) for r in results), key=lambda m: -m[1])
    return Run(seconds, peak / 1024**2, tuple(models))


def _resident_kib(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except FileNotFoundError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmRSS:")), 0)


if __name__ == "__main__":
    sys.exit(main())
