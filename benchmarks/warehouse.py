"""How long the whole warehouse takes: 100 million requests and 2 million charges of 400 days and 200 apps.

    python -m benchmarks.warehouse [--requests 100000000] [--charges 2000000] [--folder FOLDER]

Here: a lake of that size, all dbt models, a day more on top of it, the floor in the same run, the peak of memory.
Not here: landing (``benchmarks.landing``), five minutes of usage (``benchmarks.pricing``), whether marts are right.

Floor: SQL written by hand for this lake that makes the same two marts from the same files. It knows what the models
have to find out: the sources, the words of meters, whose a tag is, which pools there are. Both marts must be equal to
the models'. It is told twice: with the calls' columns that the two marts need, and with all that the other models read
of calls (durations, errors, retries, owners, what is refused), which the models of the two marts write as well.

Seconds of processor time are told beside seconds: they say the same on a machine with other work.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb

from finops import lake
from finops.paths import PROJECT_DIR, Home
from tests.support.lake_builder import LakeBuilder, write_config

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
    start_at + interval 2 second as end_at,
    'gateway' as service_name, 'chat' as operation_name, 'azure.ai.openai' as provider_name,
    apps.model as request_model, apps.model as response_model, apps.deployment_name, apps.resource_id,
    cast(200 + hash(i) % 4000 as bigint) as input_tokens,
    cast(case when hash(i + 1) % 3 = 0 then hash(i) % 200 else 0 end as bigint) as cache_read_tokens,
    0::bigint as cache_write_tokens, cast(50 + hash(i + 2) % 900 as bigint) as output_tokens,
    0::bigint as reasoning_tokens,
    'standard' as service_tier, 'global' as deployment_type, apps.team, apps.app,
    'feature-' || (apps.number % 4) as feature, 'prod' as environment
-- One span in a thousand is delivered twice.
from (
    select i from range({first}, {last}) as t(i) union all select i from range({first}, {last}, 1000) as t(i)
) as numbers
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
            else '/subscriptions/' || (apps.number % 9) || '/resourcegroups/rg-' || apps.team
                || '/providers/microsoft.x/r-' || apps.number || '-' || n
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

_CLASSES = {
    "input_uncached": "input_tokens - cache_read_tokens - cache_write_tokens",
    "cache_read": "cache_read_tokens",
    "cache_write_5m": "cache_write_tokens",
    "output": "output_tokens - reasoning_tokens",
    "reasoning": "reasoning_tokens",
}
_SPANS_BY_HAND = """
create or replace table spans as
with copied as (
    select hash(trace_id, span_id) as key from {spans} group by 1 having count(*) > 1
),
losers as (
    select filename, file_row_number,
        row_number() over (partition by trace_id, span_id order by filename desc, file_row_number desc) as copy_number
    from {spans} where hash(trace_id, span_id) in (from copied)
)
select start_at at time zone 'UTC' as start_at, resource_id, deployment_name, response_model as model, team, app,
    feature, input_tokens, cache_read_tokens, cache_write_tokens, output_tokens, reasoning_tokens{rest}
from (select *, {refused} as refused from {spans}) as delivered
where not exists (
    select 1 from losers
    where losers.filename = delivered.filename and losers.file_row_number = delivered.file_row_number
        and copy_number > 1
)
"""
_REST_OF_CALLS = """
, source_id, filename as x_file, case when refused is not null then trace_id end as trace_id,
    case when refused is not null then span_id end as span_id, hash(trace_id, span_id) as span_key,
    end_at at time zone 'UTC' as end_at, provider_name, request_model, service_tier, deployment_type, environment,
    null::varchar as region_id, null::varchar as customer_hash, null::varchar as api_key_name,
    null::varchar as error_type, null::double as first_token_seconds, 0::bigint as retry_count,
    0::bigint as cache_write_1h_tokens, 0::bigint as input_audio_tokens, 0::bigint as output_audio_tokens,
    null::bigint as repeated_prefix_tokens, refused,
    hash(provider_name, response_model, request_model, resource_id, deployment_name, service_tier, deployment_type,
        team, app, feature, environment) as said_key
"""
_REFUSED = """case
    when trace_id is null then 'trace_id' when span_id is null then 'span_id' when start_at is null then 'start_at'
    when least(input_tokens, cache_read_tokens, cache_write_tokens, output_tokens, reasoning_tokens) < 0
        then 'input_tokens'
    when cache_read_tokens + cache_write_tokens > input_tokens then 'cache_read_tokens'
    when reasoning_tokens > output_tokens then 'reasoning_tokens'
end"""
_USAGE_BY_HAND = """
create or replace table usage_by_hand as
with summed as (
    select date_trunc('hour', start_at) as usage_hour, resource_id, deployment_name, model, team, app, feature,
        {sums}, count(*) as requests
    from spans
    group by all
),
by_class as (
    select summed.* exclude ({classes}, requests), token_class,
        case token_class {cases} end::bigint as tokens,
        case when token_class = 'input_uncached' then requests else 0 end::bigint as request_count
    from summed
    cross join (select unnest([{names}]) as token_class)
)
select by_class.*, prices.price_per_1m_tokens,
    cast(tokens * prices.price_per_1m_tokens / 1000000 as decimal(38, 12)) as estimated_cost
from by_class
left join prices
    on by_class.model = prices.model and by_class.token_class = prices.token_class
    and usage_hour >= prices.valid_from and usage_hour < prices.valid_to
where tokens > 0 or request_count > 0
"""
_COST_BY_HAND = f"""
create or replace table cost_by_hand as
with charges as (
    select row_number() over () as charge,
        cast(ChargePeriodStart::timestamptz at time zone 'UTC' as date) as usage_date,
        lower(ResourceId) as resource_id, ResourceName as resource_name, SubAccountId as sub_account_id,
        x_SkuMeterName as sku_meter,
        json_extract_string(Tags, '$.team') as team, json_extract_string(Tags, '$.app') as app,
        BilledCost::decimal(38, 12) as billed_cost, EffectiveCost::decimal(38, 12) as effective_cost,
        ListCost::decimal(38, 12) as list_cost, ContractedCost::decimal(38, 12) as contracted_cost,
        regexp_matches(ResourceId, '/accounts/aoai-[0-{SHARED_ACCOUNTS - 1}]$') as is_shared,
        case when ServiceName = 'Azure OpenAI' then 'gpt-4.1' end as model,
        case when sku_meter like '%cached%' then 'cache_read' when sku_meter like '%Outp%' then 'output'
            when sku_meter like '%Inp%' then 'input_uncached' end as token_class
    from {{charges}}
),
used as (
    select resource_id, usage_hour::date as usage_date, model,
        case token_class when 'reasoning' then 'output' else token_class end as token_class, team, app,
        sum(estimated_cost) as cost
    from usage_by_hand
    group by all
),
sets as (
    select resource_id, usage_date, model, token_class, team, app, sum(cost) as cost from used group by all
    union all
    select resource_id, usage_date, null, null, team, app, sum(cost) from used group by all
),
weights as (
    select *, (cost * 1000000000000)::hugeint as weight,
        sum((cost * 1000000000000)::hugeint) over same as total, row_number() over (same order by team, app) as place
    from sets where cost > 0
    window same as (partition by resource_id, usage_date, model, token_class)
),
known as (
    select distinct resource_id, usage_date, model, token_class from weights where model is not null
),
shared as (
    select charges.* replace (
        case when known.model is not null then charges.model end as model,
        case when known.model is not null then charges.token_class end as token_class
    )
    from charges
    left join known using (resource_id, usage_date, model, token_class)
    where is_shared
),
parts as (
    select charge, shared.usage_date, shared.resource_id, resource_name, sub_account_id, sku_meter, weights.team,
        weights.app, place, weight, total,
        (billed_cost * 1000000000000)::hugeint as billed, (effective_cost * 1000000000000)::hugeint as effective,
        (list_cost * 1000000000000)::hugeint as list, (contracted_cost * 1000000000000)::hugeint as contracted
    from shared
    join weights
        on shared.resource_id = weights.resource_id and shared.usage_date = weights.usage_date
        and shared.model is not distinct from weights.model
        and shared.token_class is not distinct from weights.token_class
),
floored as (
    select *, billed * weight // total as b, effective * weight // total as e, list * weight // total as l,
        contracted * weight // total as c
    from parts
),
rounded as (
    select usage_date, resource_id, resource_name, sub_account_id, sku_meter, team, app,
        'allocated' as attribution_method,
        b + (row_number() over (partition by charge order by billed * weight % total desc, place)
            <= billed - sum(b) over (partition by charge))::hugeint as billed,
        e + (row_number() over (partition by charge order by effective * weight % total desc, place)
            <= effective - sum(e) over (partition by charge))::hugeint as effective,
        l + (row_number() over (partition by charge order by list * weight % total desc, place)
            <= list - sum(l) over (partition by charge))::hugeint as list,
        c + (row_number() over (partition by charge order by contracted * weight % total desc, place)
            <= contracted - sum(c) over (partition by charge))::hugeint as contracted
    from floored
)
select usage_date, resource_id, resource_name, sub_account_id, sku_meter, team, app, attribution_method,
    sum(billed_cost) as billed_cost,
    sum(effective_cost) as effective_cost, sum(list_cost) as list_cost, sum(contracted_cost) as contracted_cost
from (
    select usage_date, resource_id, resource_name, sub_account_id, sku_meter, team, app,
        case when team is null then 'unallocated' else 'direct' end as attribution_method, billed_cost, effective_cost,
        list_cost, contracted_cost
    from charges where not is_shared
    union all
    select usage_date, resource_id, resource_name, sub_account_id, sku_meter, team, app, attribution_method,
        cast(billed::decimal(38, 0) * 0.000000000001 as decimal(38, 12)),
        cast(effective::decimal(38, 0) * 0.000000000001 as decimal(38, 12)),
        cast(list::decimal(38, 0) * 0.000000000001 as decimal(38, 12)),
        cast(contracted::decimal(38, 0) * 0.000000000001 as decimal(38, 12))
    from rounded
)
group by all
"""
MARTS = ("+fct_usage_cost_hourly", "+fct_ai_cost_daily")


@dataclass(frozen=True)
class Run:
    """`seconds` of the command; `model_seconds` and `model_cpu` (of the processor) from the first model to the last."""

    seconds: float
    model_seconds: float
    model_cpu: float
    peak_gib: float
    models: tuple[tuple[str, float], ...]

    @property
    def cells(self) -> str:
        return f"{self.model_seconds:.0f} | {self.model_cpu:.0f}"


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
        print(f"{arguments.requests:,} requests, {arguments.charges:,} charges, {DAYS} days, {APPS} apps\n", flush=True)
        marts = build(home, *MARTS)
        floors = {
            "the columns that these need": by_hand(home),
            "all that is read of calls": by_hand(home, _REST_OF_CALLS),
        }
        rest = build(home)
        add_day(home, arguments.requests // DAYS, arguments.charges)
        day = build(home, is_slice=True)
        print("| what | seconds | processor | ratio of that | peak of memory (GiB) |\n|---|---|---|---|---|")
        print(f"| the models of the two marts | {marts.cells} | | {marts.peak_gib:.1f} |")
        for what, (seconds, processor) in floors.items():
            ratio = marts.model_cpu / processor
            print(f"| by hand, the same two marts, with {what} | {seconds:.0f} | {processor:.0f} | {ratio:.2f} | |")
        print(f"| all models | {rest.cells} | | {rest.peak_gib:.1f} |")
        print(f"| a day more: all models, usage of the day only | {day.cells} | | {day.peak_gib:.1f} |")
        for what, run in (("all models", rest), ("a day more", day)):
            slowest = ", ".join(f"{model} {seconds:.1f}" for model, seconds in run.models[:12])
            print(f"\nSlowest of {what}: {slowest}")
    return 0


def by_hand(home: Home, rest: str = "") -> tuple[float, float]:
    """Seconds, and seconds of the processor, of the floor; it must be equal to the models' marts."""
    file = home.path / "by-hand.duckdb"
    raw = home.lake / lake.DATASET
    spans = f"read_parquet('{raw}/otel__genai_span/*.bench.parquet', filename = true, file_row_number = true)"
    charges = f"read_parquet('{raw}/focus__cost_and_usage/*.bench.parquet')"
    classes = {
        "sums": ", ".join(f"sum({expression}) as {name}" for name, expression in _CLASSES.items()),
        "classes": ", ".join(_CLASSES),
        "names": ", ".join(f"'{name}'" for name in _CLASSES),
        "cases": " ".join(f"when '{name}' then {name}" for name in _CLASSES),
    }
    with duckdb.connect(str(file)) as connection:
        connection.execute("set threads = 2; set TimeZone = 'UTC'; set preserve_insertion_order = true")
        connection.execute(f"attach '{home.warehouse}' as models (read_only)")
        connection.execute(
            "create table prices as select distinct model, token_class, price_per_1m_tokens, valid_from, valid_to "
            "from models.intermediate.int_price__book "
            "where provider_name = 'azure.ai.openai' and service_tier = 'standard' and min_input_tokens = 0"
        )
        started, processor = time.perf_counter(), time.process_time()
        for sql in (
            _SPANS_BY_HAND.format(spans=spans, rest=rest.rstrip(), refused=_REFUSED if rest else "null"),
            _USAGE_BY_HAND.format(**classes),
            _COST_BY_HAND.format(charges=charges),
        ):
            connection.execute(sql)
        took = time.perf_counter() - started, time.process_time() - processor
        _compare(connection, "usage_by_hand", "models.marts.fct_usage_cost_hourly")
        _compare(connection, "cost_by_hand", "models.marts.fct_ai_cost_daily")
    file.unlink()
    return took


def _compare(connection: duckdb.DuckDBPyConnection, by_hand: str, mart: str) -> None:
    columns = ", ".join(f'"{row[0]}"' for row in connection.execute(f"describe {by_hand}").fetchall())
    [(ours, theirs, unlike)] = connection.execute(
        f"select (select count(*) from {mart}), (select count(*) from {by_hand}), (select count(*) from "
        f"(select {columns} from {mart} except all select {columns} from {by_hand}))"
    ).fetchall()
    assert ours == theirs > 0, (mart, ours, theirs)
    assert unlike == 0, (mart, unlike)


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
    prices = "".join(
        f"  - {{provider: azure.ai.openai, model: {model}, valid_from: 2024-01-01, source: list,\n"
        f"     per_1m_tokens: {price}}}\n"
        for model, price in (
            ("gpt-4.1", "{input_uncached: 2, cache_read: 0.5, output: 8}"),
            ("gpt-4.1-mini", "{input_uncached: 0.4, cache_read: 0.1, output: 1.6}"),
        )
    )
    (folder / "prices.yml").write_text(f"models:\n{prices}")
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
        repeats = _repeats(charges)
        month = _FIRST_DAY
        while month <= LAST_DAY:
            following = (month.replace(day=1) + timedelta(days=32)).replace(day=1)
            end = min(following, LAST_DAY + timedelta(days=1))
            snapshot = f"bill-{month:%Y-%m}"
            sql = _CHARGES.format(first_day=month, end_day=end, repeats=repeats, snapshot=snapshot)
            _write(connection, builder, lake.FOCUS_COST_AND_USAGE, sql, snapshot, month.replace(day=1))
            month = following


def _repeats(charges: int) -> int:
    """Resources of one app and meter."""
    return max(1, round(charges / (DAYS * APPS * 5)))


def add_day(home: Home, requests: int, charges: int) -> None:
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
        sql = _CHARGES.format(
            first_day=day.replace(day=1),
            end_day=day + timedelta(days=1),
            repeats=_repeats(charges),
            snapshot="bill-new",
        )
        _write(connection, builder, lake.FOCUS_COST_AND_USAGE, sql, "bill-new", day.replace(day=1))


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
        "scope": "export" if month else f"{snapshot}.json", "period_start": month, "submitted_at": AS_OF,
        "row_count": 1, "file_count": 1, "landed_at": AS_OF,
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


def build(home: Home, *select: str, is_slice: bool = False) -> Run:
    """`dbt run` of models, of all where none is named: its seconds, its peak of memory and its slowest models."""
    project, target = str(PROJECT_DIR / "dbt_project"), home.path / "dbt"
    command = [
        str(Path(sys.executable).with_name("dbt")), "--quiet", "run", "--project-dir", project,
        "--profiles-dir", project,
        "--target-path", str(target), "--log-path", str(target), *(("--select", *select) if select else ()),
    ]  # fmt: skip
    environment = {**os.environ, "AIFINOPS_HOME": str(home.path), "AIFINOPS_USAGE_SLICE": str(is_slice).lower()}
    started = time.perf_counter()
    process = subprocess.Popen(command, env=environment)
    peak, used = 0, [(datetime.now(UTC), 0.0)]
    while process.poll() is None:
        peak = max(peak, _resident_kib(process.pid))
        used.append((datetime.now(UTC), _processor_seconds(process.pid) or used[-1][1]))
        time.sleep(0.2)
    seconds = time.perf_counter() - started
    if process.returncode:
        raise SystemExit(f"dbt failed; see {target}/dbt.log")
    results = json.loads((target / "run_results.json").read_text())["results"]
    models = sorted(((r["unique_id"].rsplit(".", 1)[1], r["execution_time"]) for r in results), key=lambda m: -m[1])
    moments = [
        datetime.fromisoformat(timing[moment])
        for result in results
        for timing in result["timing"]
        for moment in ("started_at", "completed_at")
    ]
    first, last = (moment if moment.tzinfo else moment.replace(tzinfo=UTC) for moment in (min(moments), max(moments)))
    processor = [[seconds for at, seconds in used if at <= moment][-1] for moment in (first, last)]
    return Run(seconds, (last - first).total_seconds(), processor[1] - processor[0], peak / 1024**2, tuple(models))


def _processor_seconds(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _resident_kib(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except FileNotFoundError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmRSS:")), 0)


if __name__ == "__main__":
    sys.exit(main())
