"""How long pricing takes: 50 million requests at once, and five minutes of usage on top of them.

    python -m benchmarks.pricing [--rows 50000000]

Here: requests as staging has them, the real dbt models, `aifinops refresh`, the floor in the same run.
Not here: whether the prices are right (tests).

Floor: SQL written by hand for these requests that writes the mart's very rows and columns, every value equal; it knows
what the models have to find out (which sources there are, what the models are called, whose the usage is). Beside it,
for comparison, the narrower question of cost by day, model and token class. dbt's own start is no part of the ratio; it
is part of the seconds of `aifinops refresh`.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

from finops.paths import Home
from tests.support.lake_builder import LakeBuilder, run_dbt, span

AS_OF = datetime(2026, 10, 20, 6, tzinfo=UTC)
FIRST_DAY = datetime(2026, 7, 20, tzinfo=UTC)
DAYS = 90
PAST_LOADS = 1_000
SLICE_SPANS = 2_000
ROUNDS = 2
"""Of each part the faster round counts."""
MODELS = (
    "int_usage__said", "int_usage__summed", "int_usage__model_name", "int_usage__owner", "int_usage__meaning",
    "int_usage__hourly", "int_price__choice", "int_usage__priced",
)  # fmt: skip
_WORDS = (
    "provider_name", "response_model", "request_model", "resource_id", "deployment_name", "region_id",
    "deployment_type", "service_tier", "team", "app", "feature", "customer_hash", "environment", "api_key_name",
)  # fmt: skip
"""What staging makes ``said_key`` of, in base_otel__genai_span.sql."""
_CLASSES = {
    "input_uncached": "input_tokens - cache_read_tokens - cache_write_tokens - input_audio_tokens",
    "cache_read": "cache_read_tokens",
    "cache_write_5m": "cache_write_tokens - cache_write_1h_tokens",
    "cache_write_1h": "cache_write_1h_tokens",
    "output": "output_tokens - reasoning_tokens - output_audio_tokens",
    "reasoning": "reasoning_tokens",
    "input_audio": "input_audio_tokens",
    "output_audio": "output_audio_tokens",
}
_REQUESTS = """
create table apps as
select
    i as number,
    'app-' || i as app,
    'team-' || (i % 20) as team,
    'chat-' || (i % 35) as deployment_name,
    '/subscriptions/0/resourcegroups/rg/providers/microsoft.cognitiveservices/accounts/aoai-' || (i % 6) as resource_id,
    case when i % 5 = 0 then 'gpt-5-mini' else 'gpt-4.1' end as model
from range(60) as t(i);
create or replace table staging.base_otel__genai_span as
select
    'history' as source_id, 'history.json' as x_file, cast(null as bigint) as x_row,
    cast(null as varchar) as trace_id, cast(null as varchar) as span_id, hash(i) as span_key,
    timestamp '{first_day}' + to_microseconds(cast(i * {step} as bigint)) as start_at,
    timestamp '{first_day}' + to_microseconds(cast(i * {step} as bigint)) as end_at,
    case when apps.model = 'gpt-4.1' then 'azure.ai.openai' else 'openai' end as provider_name,
    apps.model as request_model, apps.model as response_model, apps.deployment_name, apps.resource_id,
    cast(200 + hash(i) % 4000 as bigint) as input_tokens,
    cast(
        case when apps.model = 'gpt-4.1' and hash(i + 1) % 3 = 0 then hash(i) % 200 else 0 end as bigint
    ) as cache_read_tokens,
    cast(0 as bigint) as cache_write_tokens, cast(0 as bigint) as cache_write_1h_tokens,
    cast(null as bigint) as repeated_prefix_tokens,
    cast(50 + hash(i + 2) % 900 as bigint) as output_tokens, cast(0 as bigint) as reasoning_tokens,
    cast(0 as bigint) as input_audio_tokens, cast(0 as bigint) as output_audio_tokens,
    'standard' as service_tier, 'global' as deployment_type, cast(null as varchar) as region_id,
    cast(0 as bigint) as retry_count, cast(null as double) as first_token_seconds, cast(null as varchar) as error_type,
    apps.team, apps.app, 'feature-' || (hash(i + 3) % 4) as feature, 'prod' as environment,
    cast(null as varchar) as customer_hash, cast(null as varchar) as api_key_name,
    cast(null as varchar) as rejected_column, hash({words}) as said_key
from range({rows}) as t(i)
inner join apps on apps.number = hash(i + 5) % 60
"""
_MART = """
create or replace table floor as
with summed as (
    select date_trunc('hour', start_at) as usage_hour, provider_name, resource_id, deployment_name, region_id,
        deployment_type, service_tier, response_model as model, team, app, feature, customer_hash, environment,
        {sums}, count(*) as requests, count(error_type) as errors
    from staging.base_otel__genai_span
    where rejected_column is null
    group by all
),
by_class as (
    select summed.* exclude ({classes}, requests, errors), token_class,
        case token_class {cases} end::bigint as tokens,
        case when token_class = 'input_uncached' then requests else 0 end::bigint as request_count,
        case when token_class = 'input_uncached' then errors else 0 end::bigint as error_count
    from summed
    cross join (select unnest([{names}]) as token_class)
)
select 'spans' as source, usage_hour::date as usage_date, by_class.*, 0::bigint as context_tier,
    model as reported_model, null::varchar as model_release, null::varchar as project,
    prices.price_per_1m_tokens, prices.price_id,
    prices.price_source, prices.valid_from as price_valid_from, prices.currency,
    cast(tokens * prices.price_per_1m_tokens / 1000000 as decimal(38, 12)) as estimated_cost,
    case when prices.price_per_1m_tokens is null then 'unpriced' else 'priced' end as price_status,
    true as is_attributable
from by_class
left join intermediate.int_price__book as prices
    using (provider_name, model, token_class, service_tier)
where (tokens > 0 or request_count > 0)
    and (prices.min_input_tokens is null or prices.min_input_tokens = 0)
    and (prices.valid_from is null or (usage_hour >= prices.valid_from and usage_hour < prices.valid_to))
"""
_BY_DAY = """
create or replace table narrow as
with summed as (
    select cast(start_at as date) as usage_date, provider_name, response_model as model, {sums}
    from staging.base_otel__genai_span
    where rejected_column is null
    group by all
),
by_class as (
    select * exclude ({classes}), token_class, case token_class {cases} end::bigint as tokens
    from summed
    cross join (select unnest([{names}]) as token_class)
)
select by_class.*, cast(tokens * prices.price_per_1m_tokens / 1000000 as decimal(38, 12)) as estimated_cost
from by_class
left join intermediate.int_price__book as prices
    on prices.service_tier = 'standard' and prices.min_input_tokens = 0
    and prices.provider_name = by_class.provider_name and prices.model = by_class.model
    and prices.token_class = by_class.token_class
    and by_class.usage_date >= prices.valid_from and by_class.usage_date < prices.valid_to
where tokens > 0
"""


def by_hand(question: str) -> str:
    """The question with the token classes of spans filled in."""
    return question.format(
        sums=", ".join(f"sum({expression}) as {name}" for name, expression in _CLASSES.items()),
        classes=", ".join(_CLASSES),
        names=", ".join(f"'{name}'" for name in _CLASSES),
        cases=" ".join(f"when '{name}' then {name}" for name in _CLASSES),
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=50_000_000)
    parser.add_argument("--folder", type=Path, default=None, help="where the warehouse goes (about 5 GB)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        home = Home(Path(name))
        _prepare(home)
        _fill(home, arguments.rows)
        ours = min(_priced(home) for _ in range(ROUNDS))
        floor, narrow = _floor(home)
        print(f"{arguments.rows:,} requests, {DAYS} days, 60 apps, 240 sets of owners\n")
        print("| what | seconds | ratio |\n|---|---|---|")
        print(f"| the models | {ours:.1f} | {ours / floor:.2f} |")
        print(f"| floor: by hand, the same table | {floor:.1f} | 1 |")
        print(f"| by hand, only by day, model and class | {narrow:.1f} | {narrow / floor:.2f} |\n", flush=True)
        _slice(home)
    return 0


def _prepare(home: Home) -> None:
    """A home with a history of loads, built once with little in it."""
    past = LakeBuilder(home, first_load_at=FIRST_DAY)
    past.configure(AS_OF)
    for number in range(PAST_LOADS):
        past.snapshot("otel__genai_span", [span(FIRST_DAY, number)], scope=f"past-{number}.json")
    done = run_dbt(home, "run", "--quiet", "--select", "+int_usage__built_load", "+fct_usage_cost_hourly")
    if done.returncode:
        raise SystemExit(done.output)


def _fill(home: Home, rows: int) -> None:
    step = DAYS * 86_400 * 1_000_000 / rows
    with duckdb.connect(str(home.warehouse)) as connection:
        connection.execute("set threads = 2; set memory_limit = '8GB'; set preserve_insertion_order = false")
        connection.execute(
            _REQUESTS.format(rows=rows, step=step, words=", ".join(_WORDS), first_day=f"{FIRST_DAY:%Y-%m-%d %H:%M:%S}")
        )


def _read_ahead(home: Home) -> None:
    """Put the warehouse in the page cache: the disk is no part of the ratio."""
    with home.warehouse.open("rb") as file:
        while file.read(1 << 24):
            pass


def _priced(home: Home) -> float:
    _read_ahead(home)
    done = run_dbt(home, "run", "--quiet", "--select", *MODELS)
    if done.returncode:
        raise SystemExit(done.output)
    results = json.loads((home.path / "dbt" / "target" / "run_results.json").read_text())["results"]
    moments = [
        datetime.fromisoformat(timing[moment])
        for result in results
        for timing in result["timing"]
        for moment in ("started_at", "completed_at")
    ]
    return (max(moments) - min(moments)).total_seconds()


def _floor(home: Home) -> tuple[float, float]:
    with duckdb.connect(str(home.warehouse)) as connection:
        connection.execute("set threads = 2; set TimeZone = 'UTC'")
        _read_ahead(home)
        floor = min(_seconds(connection, by_hand(_MART)) for _ in range(ROUNDS))
        columns = ", ".join(
            f'"{row[0]}"' for row in connection.execute("describe intermediate.int_usage__priced").fetchall()
        )
        [(ours, theirs, unlike)] = connection.execute(
            f"""
            with ours as (select {columns} from intermediate.int_usage__priced),
            by_hand as (select {columns} from floor)
            select (select count(*) from ours), (select count(*) from by_hand),
                   (select count(*) from (select * from ours except all select * from by_hand))
            """
        ).fetchall()
        assert ours == theirs > 0, (ours, theirs)
        assert unlike == 0, unlike
        narrow = min(_seconds(connection, by_hand(_BY_DAY)) for _ in range(ROUNDS))
        [(found, wanted)] = connection.execute(
            "select (select sum(estimated_cost) from narrow), (select sum(estimated_cost) from floor)"
        ).fetchall()
        assert found == wanted, (found, wanted)
        connection.execute("drop table floor; drop table narrow; drop table apps")
    return floor, narrow


def _seconds(connection: duckdb.DuckDBPyConnection, statement: str) -> float:
    started = time.perf_counter()
    connection.execute(statement)
    return time.perf_counter() - started


def _slice(home: Home) -> None:
    """The day so far in 70 loads, then five minutes of spans as a file, landed and priced by the command."""
    today = LakeBuilder(home, first_load_at=AS_OF - timedelta(hours=6))
    day = AS_OF.replace(hour=0)
    for number in range(70):
        start = day + timedelta(minutes=5 * number)
        today.snapshot(
            "otel__genai_span",
            [span(start, 10**9 + 10**5 * number + i, app=f"app-{i % 60}") for i in range(SLICE_SPANS)],
            scope=f"today-{number}.json",
        )
    spool = home.path / "spans"
    spool.mkdir()
    config = home.path / "settings"
    (config / "sources.yml").write_text(
        f"sources:\n  - {{id: gateway, type: otel_spans, url: {spool}}}\nfiscal_year_first_month: 7\n"
    )
    print("| `aifinops refresh` | seconds | requests told again |\n|---|---|---|")
    for number, what in enumerate(("the first time, with the day so far", "five minutes", "five minutes more")):
        _write_spans(spool / f"slice-{number}.jsonl", day + timedelta(minutes=350 + 5 * number), number)
        started = time.perf_counter()
        command = [sys.executable, "-m", "cli.main", "refresh", "--home", str(home.path), "--config", str(config)]
        done = subprocess.run(
            [*command, "--as-of", AS_OF.isoformat()], env={**os.environ}, capture_output=True, text=True, check=False
        )
        seconds = time.perf_counter() - started
        if done.returncode:
            raise SystemExit(done.stdout + done.stderr)
        with duckdb.connect(str(home.warehouse), read_only=True) as connection:
            [(requests,)] = connection.execute(
                "select sum(request_count)::bigint from marts.fct_usage_cost_hourly where usage_hour >= ?", [day]
            ).fetchall()
        assert requests == (71 + number) * SLICE_SPANS, requests
        print(f"| {what} | {seconds:.1f} | {requests:,} |", flush=True)


def _write_spans(file: Path, start: datetime, seed: int) -> None:
    """OTLP/JSON lines of one five-minute slice."""
    chance = random.Random(seed)

    def attribute(key: str, value: str | int) -> dict[str, object]:
        return {"key": key, "value": {"stringValue": value} if isinstance(value, str) else {"intValue": str(value)}}

    spans = []
    for _ in range(SLICE_SPANS):
        at = int((start + timedelta(seconds=chance.random() * 300)).timestamp() * 1e9)
        spans.append(
            {
                "traceId": f"{chance.getrandbits(128):032x}", "spanId": f"{chance.getrandbits(64):016x}",
                "name": "chat gpt-4.1", "kind": 3, "startTimeUnixNano": str(at), "endTimeUnixNano": str(at + 10**9),
                "attributes": [
                    attribute("gen_ai.operation.name", "chat"), attribute("gen_ai.provider.name", "azure.ai.openai"),
                    attribute("gen_ai.request.model", "gpt-4.1"), attribute("gen_ai.response.model", "gpt-4.1"),
                    attribute("gen_ai.usage.input_tokens", 1000), attribute("gen_ai.usage.output_tokens", 100),
                ],
            }
        )  # fmt: skip
    request = {"resourceSpans": [{"resource": {"attributes": []}, "scopeSpans": [{"spans": spans}]}]}
    file.write_text(json.dumps(request) + "\n")


if __name__ == "__main__":
    sys.exit(main())
