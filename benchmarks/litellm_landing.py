"""How fast LiteLLM's spend logs land, and in how much memory.

    python benchmarks/litellm_landing.py [--rows 2000000]

A private PostgreSQL is filled with calls whose metadata is as large as LiteLLM's. They are landed in a process of its
own, which says its rate and its peak memory; then an hour later again, which looks through the last day and must land
nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg

import ingestion
from finops.config.usage_sources import LitellmSource
from finops.paths import Home
from simulator import litellm
from simulator.postgres import OWNER, private_postgres

AS_OF = datetime(2026, 10, 20, 6, tzinfo=UTC)
DAYS = 30
VARIABLE = "BENCHMARK_DATABASE"
# About 2 kB per row beside the columns, which is what a proxy without stored prompts keeps.
FILL = """
insert into "LiteLLM_SpendLogs" (
    "request_id", "call_type", "api_key", "spend", "total_tokens", "prompt_tokens", "completion_tokens", "startTime",
    "endTime", "model", "model_group", "custom_llm_provider", "api_base", "user", "metadata", "cache_hit",
    "request_tags", "team_id", "end_user", "session_id", "status"
)
select
    'chatcmpl-' || md5(n::text), 'acompletion', md5((n % 50)::text) || md5((n % 50 + 1)::text), 0.0012 + n % 7 * 1e-5,
    2200 + n % 900, 2000 + n % 800, 200 + n % 100,
    timestamp '2026-10-20 06:00' - make_interval(secs => n * {step}),
    timestamp '2026-10-20 06:00' - make_interval(secs => n * {step} - 3), 'gpt-5-mini', 'fast', 'azure',
    'https://aoai.openai.azure.com/openai/deployments/gpt-5-mini/chat/completions', 'user-' || n % 400,
    jsonb_build_object(
        'status', 'success', 'user_api_key_alias', 'key-' || n % 50, 'user_api_key_team_alias', 'team-' || n % 8,
        'model_map_information', jsonb_build_object(
            'model_map_key', 'azure/gpt-5-mini',
            'model_map_value', jsonb_build_object('description', {filler} || md5(n::text))
        ),
        'usage_object', jsonb_build_object(
            'prompt_tokens', 2000 + n % 800, 'completion_tokens', 200 + n % 100,
            'prompt_tokens_details', jsonb_build_object('cached_tokens', n % 1000),
            'completion_tokens_details', jsonb_build_object('reasoning_tokens', n % 100)
        )
    ),
    'False', '["app:bench", "feature:x", "User-Agent: openai-python"]', 'team-' || n % 8, 'customer-' || n % 2000,
    md5((n / 5)::text), 'success'
from generate_series(1, {rows}) as n
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--land", help=argparse.SUPPRESS)
    parser.add_argument("--hours-later", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.land:
        print(json.dumps(land(Path(options.land), AS_OF + timedelta(hours=options.hours_later))))
        return 0
    with private_postgres("litellm") as address, tempfile.TemporaryDirectory() as folder:
        started = time.monotonic()
        with psycopg.connect(address) as connection:
            litellm.create_tables(connection)
            filler = "(select string_agg(md5(i::text), '') from generate_series(1, 45) as i)"
            connection.execute(FILL.format(rows=options.rows, step=DAYS * 86400 / options.rows, filler=filler))
            connection.execute(litellm.INDEXES)
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute('vacuum analyze "LiteLLM_SpendLogs"')
            row = connection.execute("""select pg_total_relation_size('"LiteLLM_SpendLogs"')""").fetchone()
        assert row is not None
        print(
            f"{options.rows:,} rows, {row[0] / 1e9:.2f} GB in PostgreSQL, filled in {time.monotonic() - started:.0f} s"
        )
        environ = {**os.environ, VARIABLE: address.replace(f"//{OWNER}@", f"//{litellm.READER}@", 1)}
        for hours, name in enumerate(("first landing", "second landing")):
            command = [sys.executable, __file__, "--land", folder, "--hours-later", str(hours)]
            done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
            result = json.loads(done.stdout)
            rate = result["rows"] / result["seconds"]
            assert result["rows"] == (0 if hours else options.rows)
            print(
                f"{name}: {result['rows']:,} rows in {result['loads']} loads, {result['seconds']:.1f} s, "
                f"{rate:,.0f} rows/s, peak {result['peak_mb']:,.0f} MB"
            )
        size = sum(path.stat().st_size for path in Path(folder).rglob("*.parquet"))
        print(f"lake: {size / 1e6:,.0f} MB, {size / options.rows:.0f} bytes per call")
    return 0


def land(folder: Path, as_of: datetime) -> dict[str, float]:
    source = LitellmSource(id="benchmark", type="litellm", database_env=VARIABLE)
    started = time.monotonic()
    result = ingestion.land(source, Home(folder), as_of=as_of, environ=os.environ)
    return {
        "rows": sum(result.rows.values()),
        "loads": result.windows,
        "seconds": time.monotonic() - started,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


if __name__ == "__main__":
    sys.exit(main())
