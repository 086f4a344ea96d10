"""What caching would have saved, and models against each other: against plain Python, and as the commands show it."""

from __future__ import annotations

import csv
import json
import random
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

import ingestion
from cli.main import app
from finops import lake as contract
from finops.config.usage_sources import UsageFilesSource
from finops.paths import Home
from tests.support.lake_builder import DbtResult, LakeBuilder, run_dbt, write_config
from tests.support.plain_models import missed_by_caching, tradeoff

pytestmark = pytest.mark.xdist_group("units")

AS_OF = datetime(2026, 10, 14, 6, tzinfo=UTC)
DAYS = [date(2026, 10, 1) + timedelta(days=n) for n in range(13)]
MARTS = ("fct_prompt_economics_daily", "fct_model_tradeoff_monthly")
LEAST_SIZE = 900
TOLERANCE = 0.025
PRICES: dict[str, list[tuple[str, int, dict[str, str]]]] = {
    "gpt-4.1": [
        ("2026-01-01", 0, {"input_uncached": "2", "cache_read": "0.5", "output": "8"}),
        ("2026-10-08", 0, {"input_uncached": "3", "cache_read": "0.3", "output": "9.5"}),
    ],
    "gpt-5-mini": [("2026-01-01", 0, {"input_uncached": "0.25", "cache_read": "0.025", "output": "2"})],
    "claude-x": [
        ("2026-01-01", 0, {
            "input_uncached": "3", "cache_read": "0.3", "cache_write_5m": "3.75", "output": "15", "reasoning": "16",
        }),
    ],
    "claude-y": [
        ("2026-01-01", 0, {"input_uncached": "1", "cache_read": "0.1", "cache_write_5m": "1.25", "output": "5"}),
    ],
    # Nobody sells cached input of it.
    "plain-x": [("2026-01-01", 0, {"input_uncached": "0.7", "output": "1"})],
    # Requests of 3,000 tokens and more cost more.
    "tiered-x": [
        ("2026-01-01", 0, {"input_uncached": "0.2", "cache_read": "0.02", "output": "1.6"}),
        ("2026-01-01", 3000, {"input_uncached": "0.5", "cache_read": "0.05", "output": "4"}),
    ],
}  # fmt: skip
"""Model → (first day, smallest request, prices of 1M tokens)."""
UNITS = f"""
caching: {{minimum_prompt_tokens: {LEAST_SIZE}}}
model_routing: {{quality_tolerance: {TOLERANCE}}}
"""
SCORES = [
    ("alpha", "gpt-4.1", 4000, "0.9"), ("alpha", "gpt-5-mini", 4000, "0.905"), ("alpha", "claude-x", 3000, "0.93"),
    # Worse than the tolerance allows; and just as good, but too few to be sure.
    ("beta", "gpt-4.1", 4000, "0.92"), ("beta", "gpt-5-mini", 4000, "0.86"),
    ("gamma", "gpt-4.1", 30, "0.9"), ("gamma", "gpt-5-mini", 30, "0.9"),
    ("delta", "gpt-4.1", 5000, "0.8"), ("delta", "tiered-x", 5000, "0.81"), ("delta", "ghost", 5000, "0.99"),
    ("alone", "gpt-5-mini", 200, "1"),
]  # fmt: skip
"""App, model, answers, mean score. Nothing has a price of ghost, and nobody used gpt-5-mini as alone."""


def price(model: str, day: date, token_class: str, size: int) -> Decimal | None:
    """What a list leaves out costs what the class it is a kind of costs; nobody then sells cached input (size 0)."""
    valid = [entry for entry in PRICES.get(model, []) if entry[0] <= str(day) and entry[1] <= size]
    if not valid:
        return None
    listed = max(valid, key=lambda entry: (entry[1], entry[0]))[2]
    if token_class == "cache_read" and size == 0:
        found = listed.get(token_class)
        return None if found is None else Decimal(found)
    wider = "output" if token_class == "reasoning" else "input_uncached"
    return Decimal(listed.get(token_class, listed[wider]))


def _prices_file() -> str:
    entries = [
        f"  - {{provider: azure.ai.openai, model: {model}, valid_from: {first}, min_input_tokens: {size}, "
        f"source: test, per_1m_tokens: {{{', '.join(f'{name}: {amount}' for name, amount in listed.items())}}}}}"
        for model, entries in PRICES.items()
        for first, size, listed in entries
    ]
    return "\n".join(["models:", *entries, ""])


def _calls() -> list[dict[str, Any]]:
    """Apps that read their cache more and less, one that is told of, one too short, one with too few calls."""
    chance = random.Random(20261014)
    read_shares = {
        "gpt-4.1": {"alpha": 0.5, "beta": 0.3, "gamma": 0.4, "delta": 0, "seldom": 0.9, "short": 0, "mixed": 0.1},
        "gpt-5-mini": {"alpha": 0.2, "beta": 0, "gamma": 0.6},
        "claude-x": {"alpha": 0.4, "reviewer": 0.1},
        "claude-y": {"alpha": 0.5, "beta": 0.45, "newcomer": 0},
        "plain-x": {"alpha": 0, "beta": 0, "gamma": 0},
        "tiered-x": {"delta": 0},
        "ghost": {"delta": 0},
    }
    calls: list[dict[str, Any]] = []
    for model, apps in read_shares.items():
        for name, share in apps.items():
            for _ in range(7 if name == "seldom" else 60):
                day = chance.choice(DAYS)
                size = chance.randint(100, 700) if name == "short" else chance.randint(600, 6000)
                if name == "delta":
                    size = chance.choice([chance.randint(2000, 2999), 3000, chance.randint(3001, 5000)])
                read = int(size * share)
                written = (size - read) // 5 if model.startswith("claude") and read else 0
                output = chance.randint(0, 900)
                start = datetime(day.year, day.month, day.day, chance.randrange(0, 24, 6), 10, tzinfo=UTC)
                number = len(calls)
                call = {
                    "trace_id": f"{number:032x}", "span_id": f"{number:016x}", "start_at": start,
                    "end_at": start + timedelta(milliseconds=chance.randint(200, 9000)),
                    "operation_name": "chat", "provider_name": "azure.ai.openai", "request_model": model,
                    "response_model": model, "app": name, "feature": chance.choice(["one", None]),
                    "input_tokens": size, "cache_read_tokens": read, "cache_write_tokens": written,
                    "output_tokens": output, "reasoning_tokens": output // 4,
                }  # fmt: skip
                if chance.random() < 0.1:
                    call |= {"error_type": "timeout"}
                if name == "reviewer" or (name == "mixed" and day > DAYS[6]):
                    call |= {"repeated_prefix_tokens": chance.choice([0, size // 3, size - 50, size + 400])}
                calls.append(call)
    return calls


def _outcomes() -> list[dict[str, Any]]:
    half = Decimal("0.5")
    rows: list[dict[str, Any]] = [
        {"outcome_date": DAYS[2], "outcome": "ticket_resolved", "app": "alpha", "quantity": 9}
    ]
    for name, model, answers, score in SCORES:
        # Two days whose means differ: the month's is weighted.
        mean, off = Decimal(score), Decimal("0.01") if Decimal(score) < 1 else Decimal(0)
        for day, sign in ((DAYS[1], 1), (DAYS[9], -1)):
            rows.append(
                {
                    "outcome_date": day, "outcome": "answer_judged", "app": name, "model": model,
                    "quantity": answers * half, "quality_score": mean + sign * off,
                }
            )  # fmt: skip
    return rows


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> DbtResult:
    home = Home(tmp_path_factory.mktemp("tradeoff"))
    lake = LakeBuilder(home)
    config = write_config(home.path / "settings")
    (config / "units.yml").write_text(UNITS, encoding="utf-8")
    (config / "prices.yml").write_text(_prices_file(), encoding="utf-8")
    lake.configure(AS_OF, config)
    lake.snapshot("otel__genai_span", _calls(), scope="spans.jsonl")
    lake.snapshot("outcomes__record", _outcomes(), scope="outcomes.csv")
    wanted = [f"+{mart}" for mart in MARTS]
    result = run_dbt(home, "build", "--indirect-selection", "cautious", "--select", *wanted)
    assert result.returncode == 0, result.output
    home.published.mkdir()
    with duckdb.connect(str(home.warehouse), read_only=True) as connection:
        for mart in MARTS:
            connection.table(f"marts.{mart}").write_parquet(str(home.published / f"{mart}.parquet"))
    return result


# ── missed by caching ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.ids("UNIT-2")
def test_what_caching_missed_is_what_plain_python_makes_of_the_lake(built: DbtResult) -> None:
    expected = missed_by_caching(_calls(), price, LEAST_SIZE)
    rows = built.query(
        "select usage_date, app, feature, model, missed_basis, missed_peer_count, missed_cache_tokens, "
        "missed_cache_cost, missed_cache_cost_low, missed_cache_cost_high from marts.fct_prompt_economics_daily"
    )
    assert {row[:4]: row[4:] for row in rows} == {
        key: (missed.basis, missed.peers, missed.tokens, missed.cost, missed.low, missed.high)
        for key, missed in expected.items()
    }
    found = Counter((key[1], key[3], missed.basis) for key, missed in expected.items() if missed.cost != 0)
    for group in [
        ("delta", "gpt-4.1", "peers"), ("beta", "gpt-5-mini", "peers"), ("newcomer", "claude-y", "peers"),
        ("reviewer", "claude-x", "measured"), ("alpha", "claude-x", "unknown"), ("short", "gpt-4.1", "unknown"),
        ("alpha", "plain-x", "unknown"), ("mixed", "gpt-4.1", "measured"), ("mixed", "gpt-4.1", "peers"),
    ]:  # fmt: skip
        assert found[group], f"a test of no {group}"
    assert built.value("select min(missed_cache_cost) from marts.fct_prompt_economics_daily") == 0


@pytest.mark.ids("UNIT-2")
def test_the_command_ranks_who_missed_most(built: DbtResult) -> None:
    output = _command("units", "--missed", "--home", built.warehouse.parent)
    ranked = built.query(
        "select app, model, sum(missed_cache_cost) from marts.fct_prompt_economics_daily "
        "group by 1, 2 having sum(missed_cache_cost) > 0 order by 3 desc"
    )
    lines = output.splitlines()[1 : 1 + len(ranked)]
    assert [tuple(line.split()[:2]) for line in lines] == [row[:2] for row in ranked]
    delta = next(line for line in lines if line.startswith("delta"))
    assert "by peers (4)" in delta, "seldom has too few calls, and short prompts are nobody's peers"
    assert "measured" in next(line for line in lines if line.startswith("reviewer"))
    assert f"Start with {ranked[0][0]} on {ranked[0][1]}." in output
    assert "Unknown for" in output


# ── models against each other ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.ids("UNIT-3")
def test_the_tradeoff_is_what_plain_python_makes_of_the_lake(built: DbtResult) -> None:
    expected = tradeoff(_calls(), _outcomes(), price, TOLERANCE)
    rows = built.query(
        "select app, model, request_count, scored_count, p95_latency_ms, is_on_frontier, route_to_model, "
        "routing_saves_cost, quality_score, quality_low, quality_high, cost_per_request, estimated_cost, "
        "unpriced_tokens from marts.fct_model_tradeoff_monthly"
    )
    assert {row[:2] for row in rows} == expected.keys()
    for name, model, requests, scored, p95, frontier, route_to, saves, mean, low, high, each, cost, unpriced in rows:
        variant = expected[name, model]
        assert (requests, scored, p95, frontier, route_to, saves) == (
            variant.requests, variant.scored, variant.p95, variant.is_on_frontier, variant.route_to, variant.saves,
        ), (name, model)  # fmt: skip
        assert [float(mean), float(low), float(high)] == pytest.approx(
            [variant.quality, variant.low, variant.high], abs=1e-6
        )
        assert cost == variant.cost
        assert (each is None) == (variant.each is None) == (unpriced > 0)
        assert each is None or abs(each - variant.each) < Decimal("1e-12")
    routed = {key: variant.route_to for key, variant in expected.items()}
    assert routed["alpha", "gpt-4.1"] == "gpt-5-mini"
    assert routed["alpha", "claude-x"] is None, "the others are worse"
    assert routed["beta", "gpt-4.1"] is None, "worse than the tolerance allows"
    assert routed["gamma", "gpt-4.1"] is None, "as good, but of too few answers to be sure"
    assert routed["delta", "gpt-4.1"] == "tiered-x", "ghost is better, and nobody knows what it costs"
    assert {variant.is_on_frontier for variant in expected.values()} == {True, False, None}


@pytest.mark.ids("UNIT-3")
def test_a_models_own_cost_is_that_of_its_usage(built: DbtResult) -> None:
    rows = built.query(
        "select tradeoff.app, tradeoff.model, tradeoff.estimated_cost, sum(usage.estimated_cost) "
        "from marts.fct_model_tradeoff_monthly as tradeoff inner join marts.fct_prompt_economics_daily as usage "
        "on tradeoff.app = usage.app and tradeoff.model = usage.model group by 1, 2, 3"
    )
    assert len(rows) == len(SCORES) - 1
    assert all(own == used for _, _, own, used in rows)


@pytest.mark.ids("UNIT-3")
def test_the_frontier_command_says_what_could_go_where(built: DbtResult) -> None:
    home = built.warehouse.parent
    output = _command("frontier", "--home", home)
    saves = built.value(
        "select routing_saves_cost from marts.fct_model_tradeoff_monthly where app = 'alpha' and model = 'gpt-4.1'"
    )
    assert f"alpha: gpt-4.1 to gpt-5-mini saves USD\N{NO-BREAK SPACE}{saves:.2f}" in " ".join(output.split("\n"))
    assert "beta: no cheaper model is surely as good." in output
    only = _command("frontier", "--app", "beta", "--month", "2026-10", "--home", home)
    assert "alpha" not in only
    assert "beta" in only
    for arguments, problem in (
        (["--app", "betta"], "Apps with scores: alpha, beta, delta, gamma"),
        (["--month", "2026-09"], "no model was scored in 2026-09"),
        (["--month", "October"], "write it like 2026-09"),
    ):
        done = CliRunner().invoke(app, ["frontier", *arguments, "--home", str(home)], env={"COLUMNS": "200"})
        assert done.exit_code == 1
        assert problem in done.output


def _command(*arguments: object) -> str:
    done = CliRunner().invoke(app, [str(argument) for argument in arguments], env={"COLUMNS": "200"})
    assert done.exit_code == 0, done.output
    return done.output


# ── blocks of prompts ─────────────────────────────────────────────────────────────────────────────────────────────────

BLOCK_TOKENS = 512
MAPPING = """
columns: {usage_at: at, input_tokens: input, output_tokens: output, model: model, prompt_blocks: blocks}
constants: {provider_name: azure.ai.openai, app: query-rewriter}
prompt_block_tokens: 512
prompt_cache_ttl_seconds: 300
"""
Prompt = tuple[datetime, str, int, int, list[int]]


def _landed(folder: Path, prompts: list[Prompt], mapping: str = MAPPING) -> list[int | None]:
    """What repeats at the start of prompts as landed, in the table's order."""
    table, said = folder / "trace.csv", folder / "mapping.yml"
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["at", "model", "input", "output", "blocks"])
        for at, model, given, written, blocks in prompts:
            writer.writerow([at.isoformat(), model, given, written, json.dumps(blocks)])
    said.write_text(mapping, encoding="utf-8")
    home = Home(folder / "home")
    source = UsageFilesSource(id="trace", type="usage_files", url=str(table), mapping=str(said))
    ingestion.land(source, home, as_of=AS_OF, environ={})
    files = str(home.lake / contract.DATASET / contract.USAGE_RECORD.name / "*.parquet")
    with duckdb.connect() as connection:
        query = "select repeated_prefix_tokens from read_parquet(?) order by x_row"
        return [tokens for (tokens,) in connection.execute(query, [files]).fetchall()]


def _remembered(prompts: list[Prompt]) -> list[int]:
    """A cache for each model, call by call, that forgets a block 300 seconds after its last use."""
    last_used: dict[tuple[str, int], datetime] = {}
    repeated: dict[int, int] = {}
    for place, (at, model, _, _, blocks) in sorted(enumerate(prompts), key=lambda prompt: (prompt[1][0], prompt[0])):
        known = 0
        for block in blocks:
            used = last_used.get((model, block))
            if used is None or (at - used).total_seconds() > 300:
                break
            known += 1
        repeated[place] = known * BLOCK_TOKENS
        last_used |= {(model, block): at for block in blocks}
    return [repeated[place] for place in range(len(prompts))]


@pytest.mark.ids("UNIT-2", "ING-3")
def test_blocks_tell_what_a_cache_would_have_kept(tmp_path: Path) -> None:
    chance = random.Random(7)
    start = datetime(2026, 10, 1, 8, tzinfo=UTC)
    prompts: list[Prompt] = []
    for _ in range(300):
        family, length = chance.randrange(4), chance.randint(0, 9)
        # Blocks of a family have the same beginnings; some repeat themselves, some leave the family early.
        blocks = [family * 100 + n for n in range(length)] + [chance.randrange(1000, 1010)] * chance.randrange(3)
        at = start + timedelta(seconds=chance.randrange(7200))
        prompts.append((at, chance.choice(["gpt-4.1", "gpt-5-mini"]), 512 * len(blocks) + 1, 5, blocks))
    expected = _remembered(prompts)
    assert _landed(tmp_path, prompts) == expected
    assert len(set(expected)) > 5, "a test of nothing"


@pytest.mark.ids("UNIT-2", "ING-3")
def test_a_real_traces_blocks_tell_what_a_cache_would_have_kept(tmp_path: Path, real_data: Path) -> None:
    trace = real_data / "llm" / "mooncake" / "conversation_trace.jsonl"
    if not trace.is_file():
        pytest.skip(f"no real trace: {trace} does not exist")
    prompts: list[Prompt] = []
    for line in trace.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        at = datetime(2026, 10, 7, 23, 30, tzinfo=UTC) + timedelta(milliseconds=row["timestamp"])
        prompts.append((at, "gpt-4.1", row["input_length"], row["output_length"], row["hash_ids"]))
    found = _landed(tmp_path, prompts)
    assert found == _remembered(prompts)
    given = sum(prompt[2] for prompt in prompts)
    kept = sum(min(tokens or 0, prompt[2]) for tokens, prompt in zip(found, prompts, strict=True))
    assert 0.1 < kept / given < 0.6, f"{kept / given:.1%} of the input of a real hour of conversations"


@pytest.mark.ids("ING-3")
def test_blocks_that_are_no_list_are_refused_with_the_reason(tmp_path: Path) -> None:
    at = datetime(2026, 10, 1, 8, tzinfo=UTC)
    broken: Any = "17, 18"
    assert _landed(tmp_path, [(at, "gpt-4.1", 900, 5, [1]), (at, "gpt-4.1", 900, 5, broken)]) == [0]
    files = str(Home(tmp_path / "home").lake / contract.DATASET / contract.REJECTED.name / "*.parquet")
    with duckdb.connect() as connection:
        rows = connection.execute("select column_name, reason from read_parquet(?)", [files]).fetchall()
    assert rows == [("prompt_blocks", "the blocks of the prompt are no JSON list")]
