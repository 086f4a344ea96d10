"""Units and prompt economics against plain Python, on a small lake and on real traces; and what the commands show."""

from __future__ import annotations

import csv
import json
import random
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

import ingestion
from cli.main import app
from finops.config.usage_sources import UsageFilesSource
from finops.paths import PROJECT_DIR, Home
from tests.support.lake_builder import DbtResult, LakeBuilder, charge, run_dbt, write_config
from tests.support.plain_usage import MILLION, PriceList, cut, price, prompt_economics

pytestmark = pytest.mark.xdist_group("units")

AS_OF = datetime(2026, 10, 14, 6, tzinfo=UTC)
FIRST_DAY = date(2026, 10, 1)
BILLED_THROUGH = date(2026, 10, 12)
DAYS = [FIRST_DAY + timedelta(days=n) for n in range(13)]
ACCOUNT = "/subscriptions/1/resourcegroups/rg-ai/providers/microsoft.cognitiveservices/accounts/aoai-support"
OTHER_ACCOUNT = ACCOUNT.replace("aoai-support", "aoai-search")
PRICES: PriceList = {
    ("gpt-4.1", "2026-01-01"): {"input_uncached": "2", "cache_read": "0.5", "output": "8"},
    ("gpt-4.1", "2026-10-08"): {"input_uncached": "3", "cache_read": "0.3", "output": "9.5"},
    ("claude-x", "2026-01-01"): {
        "input_uncached": "3", "cache_read": "0.3", "cache_write_5m": "3.75", "output": "15", "reasoning": "16",
    },
}  # fmt: skip
UNITS = """
units:
  - {id: tokens, name: 1M tokens, basis: usage, per: {measure: tokens}, grain: [model], target: 3}
  - {id: feature, name: Request, basis: usage, cost: {app: [ticket-triage]}, per: {measure: requests}, grain: [feature]}
  - {id: ticket, name: Ticket resolved, cost: {app: [ticket-triage]}, per: {outcome: ticket_resolved}, target: 0.4}
  - {id: billed-tokens, name: 1M billed tokens, cost: {ai_category: [inference]}, per: {measure: tokens}}
  - {id: training, name: Training hour, cost: {ai_category: [gpu_compute]}, per: {measure: training_hours}}
"""


def _prices_file(prices: PriceList = PRICES) -> str:
    entries = [
        f"  - {{provider: azure.ai.openai, model: {model}, valid_from: {first}, source: test, "
        f"per_1m_tokens: {{{', '.join(f'{name}: {amount}' for name, amount in listed.items())}}}}}"
        for (model, first), listed in prices.items()
    ]
    return "\n".join(["models:", *entries, ""])


def _calls() -> list[dict[str, Any]]:
    """Calls of 13 days: cached, reasoning, failed with and without tokens, repeated."""
    chance = random.Random(20261014)
    calls = []
    for number in range(700):
        day = chance.choice(DAYS)
        owner = chance.choice(
            [
                ("support", "ticket-triage", "route"),
                ("support", "ticket-triage", "reply"),
                ("search", "query-rewriter", None),
            ]
        )
        model = chance.choice(["gpt-4.1", "gpt-4.1", "claude-x"])
        size = chance.randint(1, 4000)
        read = chance.choice([0, size // 2, size])
        output = chance.randint(0, 900)
        call = {
            "trace_id": f"{number:032x}",
            "span_id": f"{number:016x}",
            "start_at": datetime(day.year, day.month, day.day, chance.randrange(24), 10, tzinfo=UTC),
            "operation_name": "chat",
            "provider_name": "azure.ai.openai",
            "request_model": model,
            "response_model": model,
            "resource_id": ACCOUNT if owner[0] == "support" else OTHER_ACCOUNT,
            "team": owner[0],
            "app": owner[1],
            "feature": owner[2],
            "input_tokens": size,
            "cache_read_tokens": read,
            "cache_write_tokens": (size - read) // 3 if model == "claude-x" else 0,
            "output_tokens": output,
            "reasoning_tokens": output // 4,
            "retry_count": chance.choice([0, 0, 0, 1]),
        }
        if chance.random() < 0.1:
            call |= {"error_type": "timeout"}
        if chance.random() < 0.05:
            call |= {"error_type": "429", "input_tokens": 0, "cache_read_tokens": 0, "cache_write_tokens": 0}
            call |= {"output_tokens": 0, "reasoning_tokens": 0}
        calls.append({**call, "end_at": call["start_at"]})
    return calls


def _charges() -> list[dict[str, str | None]]:
    rows = []
    for number, day in enumerate(DAYS):
        if day > BILLED_THROUGH:
            break
        tags = '{"team": "support", "app": "ticket-triage"}'
        rows += [
            charge(day, f"1.{number:02}7", ResourceId=ACCOUNT, Tags=tags, ServiceName="Azure OpenAI"),
            charge(
                day, f"0.3{number}", ResourceId="/x/searchservices/tickets", Tags=tags, ServiceName="Azure AI Search"
            ),
            charge(
                day,
                f"0.{number:03}1",
                ResourceId=OTHER_ACCOUNT,
                Tags='{"app": "query-rewriter"}',
                ServiceName="Azure OpenAI",
            ),
            charge(day, "24.5", ResourceId="/x/vm", Tags='{"app": "vision-train"}', x_SkuMeterName="NC24ads A100 v4"),
            # No bill of AI: never part of a unit.
            charge(day, "1000", ResourceId="/x/vm-plain", Tags=tags),
        ]
    # An account that nobody measures would make every token look dearer.
    rows.append(charge(DAYS[3], "500", ResourceId=f"{ACCOUNT}-unmeasured", ServiceName="Azure OpenAI"))
    return rows


def _outcomes() -> list[dict[str, Any]]:
    # No ticket on the third day: its cost counts in the windows all the same.
    return [
        {"outcome_date": day, "outcome": "ticket_resolved", "app": "ticket-triage", "quantity": Decimal(3 + n % 4)}
        for n, day in enumerate(DAYS)
        if n != 2
    ]


def _runs() -> list[dict[str, Any]]:
    def run(number: int, start: datetime, hours: float, status: str) -> dict[str, Any]:
        ended = None if status == "running" else start + timedelta(hours=hours)
        return {
            "run_id": f"run-{number}", "app": "vision-train", "status": status, "started_at": start, "ended_at": ended,
            "requested_at": AS_OF,
        }  # fmt: skip

    return [
        run(1, datetime(2026, 10, 2, 20, tzinfo=UTC), 30, "finished"),
        run(2, datetime(2026, 10, 5, 1, tzinfo=UTC), 1.5, "failed"),
        run(3, datetime(2026, 10, 11, 12, tzinfo=UTC), 0, "running"),
    ]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> DbtResult:
    home = Home(tmp_path_factory.mktemp("units"))
    lake = LakeBuilder(home)
    config = write_config(home.path / "settings")
    (config / "units.yml").write_text(UNITS, encoding="utf-8")
    (config / "prices.yml").write_text(_prices_file(), encoding="utf-8")
    lake.configure(AS_OF, config)
    lake.snapshot("otel__genai_span", _calls(), scope="spans.jsonl")
    lake.snapshot("focus__cost_and_usage", _charges(), scope="export", period_start=FIRST_DAY)
    lake.snapshot("outcomes__record", _outcomes(), scope="outcomes.csv")
    lake.snapshot("training__run", _runs(), scope="runs.csv")
    marts = ("+fct_prompt_economics_daily", "+fct_unit_cost_daily", "+fct_usage_cost_hourly")
    result = run_dbt(home, "build", "--indirect-selection", "cautious", "--select", *marts)
    assert result.returncode == 0, result.output
    return result


def _unit(built: DbtResult, unit: str, columns: str) -> list[tuple[Any, ...]]:
    return built.query(f"select {columns} from marts.fct_unit_cost_daily where unit_id = '{unit}' order by all")


Sums = dict[tuple[date, Any], list[Decimal]]


def _windows(sums: Sums, key: Any, through: date, days: int) -> Decimal | None:
    inside = [both for (day, of), both in sums.items() if of == key and through - timedelta(days=days) < day <= through]
    return cut(sum((c for c, _ in inside), Decimal(0)), sum((q for _, q in inside), Decimal(0)))


# ── prompt economics ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.ids("UNIT-2")
def test_prompt_economics_are_what_plain_python_makes_of_the_lake(built: DbtResult) -> None:
    expected = prompt_economics(_calls(), PRICES)
    assert len(expected) > 60
    rows = built.query(
        "select usage_date, app, feature, model, request_count, error_count, input_tokens, cache_read_tokens, "
        "output_tokens, reasoning_tokens, estimated_cost, coalesce(cache_saved_cost, 0), failed_paid_request_count, "
        "failed_cost, repeated_cost, sized_request_count, p50_input_tokens, p95_input_tokens, uncompared_cache_tokens "
        "from marts.fct_prompt_economics_daily"
    )
    found = {row[:4]: row[4:] for row in rows}
    assert found.keys() == expected.keys()
    for key, group in expected.items():
        assert found[key] == (
            group.requests, group.errors, group.input_tokens, group.cached_tokens, group.output_tokens,
            group.reasoning_tokens, group.cost, group.saved, group.failed_paid, group.failed_cost, group.repeated_cost,
            len(group.sizes) or None, group.quantile(50), group.quantile(95), 0,
        ), key  # fmt: skip
    whole = [
        sum(getattr(group, name) for group in expected.values()) for name in ("saved", "failed_cost", "failed_paid")
    ]
    assert all(whole), "a test of nothing"


@pytest.mark.ids("UNIT-2")
def test_ratios_and_parts_add_up(built: DbtResult) -> None:
    rows = built.query(
        "select estimated_cost, input_cost, output_cost, cache_hit_ratio, cache_read_tokens, input_tokens, "
        "reasoning_ratio, reasoning_tokens, output_tokens, mean_input_tokens, request_count "
        "from marts.fct_prompt_economics_daily where input_tokens > 0 and output_tokens > 0"
    )
    assert len(rows) > 50
    for cost, given, written, hit, read, inputs, thought, reasoning, outputs, mean, requests in rows:
        assert given + written == cost
        assert float(hit) == pytest.approx(read / inputs, abs=1e-6)
        assert float(thought) == pytest.approx(reasoning / outputs, abs=1e-6)
        assert float(mean) == pytest.approx(inputs / requests, abs=1e-6)


# ── units ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.ids("UNIT-1")
def test_units_of_usage_are_what_plain_python_makes_of_the_lake(built: DbtResult) -> None:
    tokens: Sums = defaultdict(lambda: [Decimal(0), Decimal(0)])
    requests: Sums = defaultdict(lambda: [Decimal(0), Decimal(0)])
    for (day, app_name, feature, model), group in prompt_economics(_calls(), PRICES).items():
        count = (group.input_tokens + group.output_tokens) / MILLION
        for sums, key, quantity in ((tokens, model, count), (requests, feature, Decimal(group.requests))):
            if sums is tokens or app_name == "ticket-triage":
                sums[day, key][0] += group.cost
                sums[day, key][1] += quantity
    for unit, column, sums in (("tokens", "model", tokens), ("feature", "feature", requests)):
        rows = _unit(
            built,
            unit,
            f"usage_date, {column}, estimated_cost, quantity, unit_cost, trailing_7d_unit_cost, effective_cost",
        )
        assert rows == sorted(
            (day, key, cost, quantity, cut(cost, quantity), _windows(sums, key, day, 7), None)
            for (day, key), (cost, quantity) in sums.items()
        )
    above = _unit(built, "tokens", "usage_date, model, is_above_target")
    assert above == sorted((day, key, cost / quantity > 3) for (day, key), (cost, quantity) in tokens.items())
    assert {flag for *_, flag in above} == {True, False}


@pytest.mark.ids("UNIT-1")
def test_a_ticket_costs_all_that_its_app_costs(built: DbtResult) -> None:
    billed: dict[date, Decimal] = defaultdict(Decimal)
    for row in _charges():
        if "ticket-triage" in (row.get("Tags") or "") and row["ResourceId"] != "/x/vm-plain":
            billed[date.fromisoformat(str(row["ChargePeriodStart"])[:10])] += Decimal(str(row["EffectiveCost"]))
    tickets = {row["outcome_date"]: row["quantity"] for row in _outcomes()}
    rows = _unit(
        built, "ticket",
        "usage_date, effective_cost, quantity, unit_cost, is_complete, trailing_7d_unit_cost, trailing_28d_unit_cost, "
        "is_above_target, estimated_cost",
    )  # fmt: skip
    sums: Sums = {(day, None): [cost, tickets.get(day, Decimal(0))] for day, cost in billed.items()}
    assert [row[:7] for row in rows if row[4]] == [
        (
            day, cost, tickets.get(day), cut(cost, tickets.get(day, Decimal(0))), True,
            _windows(sums, None, day, 7), _windows(sums, None, day, 28),
        )
        for day, cost in sorted(billed.items())
    ]  # fmt: skip
    assert rows[2][2:4] == (None, None), "no ticket, no cost of one"
    assert {row[7] for row in rows if row[4]} == {True, False, None}
    # The bill has not come for the last day: only model usage is known, and the windows leave the day out.
    last = rows[-1]
    estimate = sum(
        (g.cost for (day, app_name, *_), g in prompt_economics(_calls(), PRICES).items()
         if day == DAYS[-1] and app_name == "ticket-triage"), Decimal(0)
    )  # fmt: skip
    assert (last[0], last[1], last[4], last[8]) == (DAYS[-1], None, False, estimate)
    assert last[6] == rows[-2][6]


@pytest.mark.ids("UNIT-1")
def test_accounts_that_nobody_measures_do_not_make_tokens_dear(built: DbtResult) -> None:
    rows = dict(_unit(built, "billed-tokens", "usage_date, total_cost"))
    ours = [row for row in _charges() if row["ResourceId"] in (ACCOUNT, OTHER_ACCOUNT)]
    on_the_day = [row for row in ours if str(row["ChargePeriodStart"]).startswith(str(DAYS[3]))]
    assert rows[DAYS[3]] == sum(Decimal(str(row["EffectiveCost"])) for row in on_the_day)
    calls = [call for call in _calls() if call["start_at"].date() == DAYS[3]]
    tokens = sum(call["input_tokens"] + call["output_tokens"] for call in calls)
    assert dict(_unit(built, "billed-tokens", "usage_date, quantity"))[DAYS[3]] == tokens / MILLION


@pytest.mark.ids("UNIT-1", "ING-7")
def test_training_hours_are_counted_on_the_days_they_ran(built: DbtResult) -> None:
    hours = dict(_unit(built, "training", "usage_date, quantity"))
    assert {day.day: hours.get(day) for day in DAYS[:12]} == {
        **dict.fromkeys(range(1, 13), None),
        2: Decimal(4), 3: Decimal(24), 4: Decimal(2), 5: Decimal("1.5"), 11: Decimal(12), 12: Decimal(24),
    }  # fmt: skip
    assert dict(_unit(built, "training", "usage_date, unit_cost"))[DAYS[1]] == Decimal("6.125")


# ── commands ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def published(built: DbtResult) -> Path:
    folder = built.warehouse.parent / "published"
    folder.mkdir()
    with duckdb.connect(str(built.warehouse), read_only=True) as connection:
        for mart in ("fct_unit_cost_daily", "fct_usage_cost_hourly"):
            connection.table(f"marts.{mart}").write_parquet(str(folder / f"{mart}.parquet"))
    return built.warehouse.parent


def _command(*arguments: object) -> str:
    done = CliRunner().invoke(app, [str(argument) for argument in arguments], env={"COLUMNS": "160"})
    assert done.exit_code == 0, done.output
    return done.output


@pytest.mark.ids("UNIT-1")
def test_the_units_command_shows_cost_trend_and_target(built: DbtResult, published: Path) -> None:
    output = _command("units", "--home", published)
    ticket = next(line for line in output.splitlines() if line.startswith("Ticket resolved"))
    cost = built.value(
        "select trailing_28d_unit_cost from marts.fct_unit_cost_daily "
        f"where unit_id = 'ticket' and usage_date = '{BILLED_THROUGH}'"
    )
    assert f"USD\N{NO-BREAK SPACE}{cost:.3f}" in ticket
    assert ("✗" if cost > Decimal("0.4") else "✓") in ticket
    assert "12 Oct 2026" in output
    missing = CliRunner().invoke(app, ["units", "--home", str(published), "--unit", "tickets"])
    assert missing.exit_code == 1
    assert "unit 'tickets' has no day" in missing.output


@pytest.mark.ids("UNIT-2", "ANOM-2")
@pytest.mark.parametrize("by", ["all", "team", "app", "model"])
def test_the_compare_command_explains_the_change_to_the_last_unit(
    built: DbtResult, published: Path, tmp_path: Path, by: str
) -> None:
    out = tmp_path / "change.csv"
    output = _command(
        "compare", "--from", "2026-10-01..2026-10-06", "--to", "2026-10-08..2026-10-13", "--by", by,
        "--out", out, "--home", published,
    )  # fmt: skip
    with out.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    before, after = (
        sum(g.cost for (day, *_), g in prompt_economics(_calls(), PRICES).items() if first <= day <= last)
        for first, last in ((DAYS[0], DAYS[5]), (DAYS[7], DAYS[12]))
    )
    assert sum(Decimal(row["before"]) for row in rows) == before
    assert sum(Decimal(row["after"]) for row in rows) == after
    for row in rows:
        effects = [Decimal(row[name]) for name in ("volume", "mix", "cache", "price")]
        assert Decimal(row["before"]) + sum(effects) == Decimal(row["after"])
    # gpt-4.1 has another price since the 8th, and Claude has not.
    dearer = sum(
        Decimal(tokens) * (price(PRICES, "gpt-4.1", DAYS[7], name) - price(PRICES, "gpt-4.1", DAYS[0], name)) / MILLION
        for name, tokens in built.query(
            "select token_class, sum(tokens) from marts.fct_usage_cost_hourly "
            "where model = 'gpt-4.1' and usage_hour >= '2026-10-08' group by 1"
        )
    )
    assert sum(Decimal(row["price"]) for row in rows) == dearer
    if by == "model":
        assert {row["model"]: Decimal(row["price"]) for row in rows} == {"gpt-4.1": dearer, "claude-x": Decimal(0)}
        assert "gpt-4.1, price: the same tokens cost" in output
    assert "Total" in output


@pytest.mark.ids("UNIT-2")
def test_a_comparison_of_nothing_says_so(published: Path) -> None:
    def problem(*arguments: str) -> str:
        done = CliRunner().invoke(app, ["compare", *arguments, "--home", str(published)], env={"COLUMNS": "200"})
        assert done.exit_code == 1
        return done.output

    days = ("--from", "2026-10-01..2026-10-02", "--to", "2026-10-03")
    assert "Teams with usage: search, support" in problem(*days, "--team", "suport")
    assert "no usage with a price" in problem("--from", "2025-10-01", "--to", "2025-10-02")
    assert "write it like 2026-09-01..2026-09-30" in problem("--from", "2026-10-02..2026-10-01", "--to", "2026-10-03")


# ── real traces ───────────────────────────────────────────────────────────────────────────────────────────────────────


REAL_PRICES: PriceList = {
    ("gpt-4", "2023-01-01"): {"input_uncached": "30", "output": "60"},
    ("gpt-4.1", "2026-01-01"): PRICES["gpt-4.1", "2026-01-01"],
    ("gpt-4.1", "2026-10-08"): PRICES["gpt-4.1", "2026-10-08"],
}
BLOCK_TOKENS = 512
"""Of a block of the Mooncake trace; blocks with one id have one content."""
MOONCAKE_START = datetime(2026, 10, 7, 23, 30, tzinfo=UTC)
MOONCAKE_MAPPING = """
columns: {usage_at: at, input_tokens: input, cache_read_tokens: cached, output_tokens: output}
constants: {provider_name: azure.ai.openai, model: gpt-4.1, app: query-rewriter}
input_includes_cache: true
time_zone: UTC
"""


def _call(at: datetime, app_name: str, model: str, given: int, cached: int, written: int) -> dict[str, Any]:
    return {
        "start_at": at, "app": app_name, "response_model": model, "input_tokens": given, "cache_read_tokens": cached,
        "cache_write_tokens": 0, "output_tokens": written, "reasoning_tokens": 0,
    }  # fmt: skip


def _azure_calls(trace: Path) -> list[dict[str, Any]]:
    with trace.open(encoding="utf-8", newline="") as file:
        return [
            _call(
                datetime.fromisoformat(row["TIMESTAMP"][:26] + "+00:00"), "code-completion", "gpt-4",
                int(row["ContextTokens"]), 0, int(row["GeneratedTokens"]),
            )
            for row in csv.DictReader(file)
        ]  # fmt: skip


def _mooncake_calls(trace: Path) -> list[dict[str, Any]]:
    """What a prefix cache that forgets nothing would have answered: the leading blocks that were seen before."""
    seen: set[int] = set()
    calls = []
    for line in trace.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        known = next((n for n, block in enumerate(row["hash_ids"]) if block not in seen), len(row["hash_ids"]))
        seen.update(row["hash_ids"])
        at = MOONCAKE_START + timedelta(milliseconds=row["timestamp"])
        given = row["input_length"]
        cached = min(known * BLOCK_TOKENS, given)
        calls.append(_call(at, "query-rewriter", "gpt-4.1", given, cached, row["output_length"]))
    return calls


@pytest.mark.long
@pytest.mark.ids("UNIT-1", "UNIT-2", "ING-3")
def test_real_traces_cost_what_plain_python_says(tmp_path: Path, real_data: Path) -> None:
    """Azure's trace of 2023 and Mooncake's of 2024, with its real repetition of prompts, landed as a user's tables."""
    azure = real_data / "llm" / "azure2023" / "AzureLLMInferenceTrace_code.csv"
    mooncake = real_data / "llm" / "mooncake" / "conversation_trace.jsonl"
    for trace in (azure, mooncake):
        if not trace.is_file():
            pytest.skip(f"no real trace: {trace} does not exist")
    table, mapping = tmp_path / "mooncake.csv", tmp_path / "mooncake.yml"
    calls = _mooncake_calls(mooncake)
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["at", "input", "cached", "output"])
        for call in calls:
            counts = (call[name] for name in ("input_tokens", "cache_read_tokens", "output_tokens"))
            writer.writerow([call["start_at"].isoformat(), *counts])
    mapping.write_text(MOONCAKE_MAPPING, encoding="utf-8")

    home = Home(tmp_path / "home")
    config = write_config(home.path / "settings")
    (config / "units.yml").write_text(UNITS, encoding="utf-8")
    (config / "prices.yml").write_text(_prices_file(REAL_PRICES), encoding="utf-8")
    LakeBuilder(home).configure(AS_OF, config)
    azure_mapping = PROJECT_DIR / "config" / "examples" / "azure-llm-trace-mapping.yml"
    for name, url, said in (("azure", azure, azure_mapping), ("mooncake", table, mapping)):
        source = UsageFilesSource(id=name, type="usage_files", url=str(url), mapping=str(said))
        ingestion.land(source, home, as_of=AS_OF, environ={})
    result = run_dbt(home, "run", "--select", "+fct_prompt_economics_daily", "+fct_unit_cost_daily")
    assert result.returncode == 0, result.output

    expected = prompt_economics([*_azure_calls(azure), *calls], REAL_PRICES)
    assert {key[1:]: group.requests for key, group in expected.items()}.keys() == {
        ("code-completion", None, "gpt-4"), ("query-rewriter", None, "gpt-4.1"),
    }  # fmt: skip
    assert len(expected) == 3, "Mooncake's hour is on both sides of a price change"
    rows = result.query(
        "select usage_date, app, feature, model, request_count, input_tokens, cache_read_tokens, output_tokens, "
        "estimated_cost, coalesce(cache_saved_cost, 0), sized_request_count, p50_input_tokens, p95_input_tokens "
        "from marts.fct_prompt_economics_daily"
    )
    assert {row[:4]: row[4:] for row in rows} == {
        key: (
            group.requests, group.input_tokens, group.cached_tokens, group.output_tokens, group.cost, group.saved,
            len(group.sizes), group.quantile(50), group.quantile(95),
        )
        for key, group in expected.items()
    }  # fmt: skip
    assert sum(group.saved for group in expected.values()) > 0
    units = result.query("select usage_date, model, unit_cost from marts.fct_unit_cost_daily where unit_id = 'tokens'")
    assert sorted(units) == sorted(
        (day, model, cut(group.cost, (group.input_tokens + group.output_tokens) / MILLION))
        for (day, _, _, model), group in expected.items()
    )
