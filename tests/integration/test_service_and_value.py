"""Service levels, amortised training and value against plain Python on a small lake; and what the commands show."""

from __future__ import annotations

import json
import random
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

from cli.main import app
from finops.paths import Home
from tests.support.lake_builder import DbtResult, LakeBuilder, charge, run_dbt, write_config
from tests.support.plain_usage import cut, prompt_economics

pytestmark = pytest.mark.xdist_group("service")

AS_OF = datetime(2026, 10, 14, 6, tzinfo=UTC)
FIRST_DAY = date(2026, 10, 1)
DAYS = [FIRST_DAY + timedelta(days=n) for n in range(14)]
BILLED_THROUGH = date(2026, 10, 12)
TRIAGE = "/subscriptions/1/resourcegroups/rg-ai/providers/microsoft.cognitiveservices/accounts/aoai-triage"
REWRITER = TRIAGE.replace("aoai-triage", "aoai-rewriter")
OPAQUE = TRIAGE.replace("aoai-triage", "aoai-opaque")
"""Only Azure Monitor sees the calls of this account."""
PRICES = {("gpt-4.1", "2026-01-01"): {"input_uncached": "2", "cache_read": "0.5", "output": "8"}}
FAST, WINDOW = 900, 5
EXPECTED_REQUESTS = 150
INVESTED, INVESTED_ON = Decimal("4.75"), date(2026, 9, 20)
UNITS = f"""
units:
  - {{id: request, name: Request, cost: {{app: [ticket-triage], ai_category: [inference], include_training: true}},
     per: {{measure: requests}}}}
  - {{id: plain, name: Request, cost: {{app: [ticket-triage], ai_category: [inference]}}, per: {{measure: requests}}}}
  - {{id: value, name: USD saved, cost: {{app: [ticket-triage]}}, per: {{value: ticket_resolved}},
     investment: {{amount: {INVESTED}, paid_on: {INVESTED_ON}}}}}
  - {{id: late, name: USD saved since, cost: {{app: [ticket-triage]}}, per: {{value: ticket_resolved}},
     investment: {{amount: 0.01, paid_on: {DAYS[4]}}}}}
  - {{id: trained, name: USD saved by app, per: {{value: ticket_resolved}}, grain: [app],
     cost: {{app: [ticket-triage], ai_category: [inference], include_training: true}}}}
amortisation:
  - {{id: line, training: {{app: [vision-train], stage: [training]}},
     served_by: {{app: [ticket-triage, query-rewriter]}}, method: straight_line, months: 1, starts_on: 2026-10-01}}
  - {{id: usage, training: {{basis: bill, ai_category: [gpu_compute]}}, served_by: {{app: [query-rewriter]}},
     method: by_usage, expected: {{requests: {EXPECTED_REQUESTS}}}, starts_on: 2026-10-01}}
service_levels:
  - {{id: triage, name: Tickets are routed, app: [ticket-triage], availability: 0.93, window_days: {WINDOW},
     latency: {{milliseconds: {FAST}, percentile: 62.5}}}}
  - {{id: all, name: Everything, availability: 0.9}}
gpu: {{checkpoint_minutes: 90}}
"""


def _at(day: date, hour: int = 0, minute: int = 0, second: float = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC) + timedelta(seconds=second)


def _calls() -> list[dict[str, Any]]:
    """Calls of two apps, some failed, some streamed; in one deployment each, and one in a second."""
    chance = random.Random(20261014)
    calls = []
    for number in range(900):
        day = chance.choice(DAYS[:13])
        is_triage = chance.random() < 0.6
        start = _at(day, chance.choice([9, 9, 9, 14]), chance.randrange(3), chance.randrange(60))
        size = chance.randint(1, 4000)
        calls.append({
            "trace_id": f"{number:032x}", "span_id": f"{number:016x}", "start_at": start,
            "end_at": start + timedelta(milliseconds=chance.randint(40, 1600)),
            "first_token_seconds": chance.choice([None, chance.randint(10, 40) / 100]),
            "operation_name": "chat", "provider_name": "azure.ai.openai", "request_model": "gpt-4.1",
            "response_model": "gpt-4.1", "resource_id": TRIAGE if is_triage else REWRITER,
            "deployment_name": chance.choice(["fast", "slow"]) if is_triage else "only",
            "team": "support" if is_triage else "search", "app": "ticket-triage" if is_triage else "query-rewriter",
            "input_tokens": size, "cache_read_tokens": size // 3, "cache_write_tokens": 0,
            "output_tokens": chance.randint(0, 900), "reasoning_tokens": 0,
            "error_type": chance.choice([None] * 14 + ["429"]),
        })  # fmt: skip
    return calls


def _gateway_calls() -> list[dict[str, Any]]:
    return [
        {
            "source_id": "gateway", "request_id": f"call-{n}", "start_at": _at(DAYS[4], 10, n // 5),
            "end_at": _at(DAYS[4], 10, n // 5, 1 + n / 100),
            # What is not streamed has its first token when it ends.
            "first_token_at": _at(DAYS[4], 10, n // 5, 0.25 if n % 2 else 1 + n / 100),
            "status": "failure" if n % 10 == 0 else "success", "custom_llm_provider": "azure", "model": "gpt-4.1",
            "model_group": "sandbox", "prompt_tokens": 100, "completion_tokens": 10, "app": "query-rewriter",
            "team": "search", "requested_at": AS_OF,
        }
        for n in range(20)
    ]  # fmt: skip


def _metrics() -> list[dict[str, Any]]:
    """Azure Monitor counts the calls of the triage account again, and is alone with another account."""
    rows = []
    for account, day, hour, requests, failed, mean in (
        (TRIAGE, DAYS[1], 9, 40, 2, 800.0), (OPAQUE, DAYS[1], 9, 300, 30, 1000.0), (OPAQUE, DAYS[1], 10, 100, 0, 500.0),
    ):  # fmt: skip
        point = {
            "source_id": "monitor", "resource_id": account, "interval": "PT1H", "point_at": _at(day, hour),
            "deployment_name": "counted", "model_name": "gpt-4.1", "dimensions": "{}", "requested_at": AS_OF,
        }  # fmt: skip
        rows += [
            {**point, "metric_name": "AzureOpenAIRequests", "aggregation": "Total", "value": float(requests - failed),
             "dimensions": json.dumps({"StatusCode": "200"})},
            {**point, "metric_name": "AzureOpenAIRequests", "aggregation": "Total", "value": float(failed),
             "dimensions": json.dumps({"StatusCode": "500"})},
            {**point, "metric_name": "ProcessedPromptTokens", "aggregation": "Total", "value": requests * 1000.0},
            {**point, "metric_name": "GeneratedTokens", "aggregation": "Total", "value": requests * 100.0},
            {**point, "metric_name": "AzureOpenAITTLTInMS", "aggregation": "Average", "value": mean},
            {**point, "metric_name": "AzureOpenAITTLTInMS", "aggregation": "Maximum", "value": 4 * mean},
        ]  # fmt: skip
    return rows


def _charges() -> list[dict[str, Any]]:
    rows = []
    for number, day in enumerate(DAYS):
        if day > BILLED_THROUGH:
            break
        for account, name, amount in (
            (TRIAGE, "ticket-triage", f"1.{number:02}0000000007"),
            (REWRITER, "query-rewriter", f"0.{number:02}0000000001"),
        ):
            # The meter says the model.
            rows.append(charge(
                day, amount, ResourceId=account, Tags=json.dumps({"app": name}), ServiceName="Azure OpenAI",
                x_SkuMeterName="gpt 4.1 Inp glbl Tokens",
            ))  # fmt: skip
    for day, amount in TRAINED_ON_THE_BILL.items():
        rows.append(charge(
            day, amount, ResourceId="/x/vm", Tags='{"app": "vision-train"}', x_SkuMeterName="NC24ads A100 v4"
        ))  # fmt: skip
    return rows


TRAINED_ON_THE_BILL = {DAYS[2]: "17.000000000003", DAYS[10]: "-0.5", DAYS[11]: "40.1"}
GPU_PRICE = Decimal("3.6")
POD = {"namespace": "lab-robots", "pod": "trainer-0"}


def _samples() -> list[dict[str, Any]]:
    """Two GPUs for ten hours: one pod holds both until six, then nobody."""
    return [
        {
            "source_id": "p", "sampled_at": _at(DAYS[5], hour), "step_seconds": 3600, "node": "aks-gpu-1",
            "gpu_uuid": f"GPU-{gpu}", "gpu_model": "NVIDIA A100", "duty_cycle_ratio": 0.7 if hour <= 6 else 0.0,
            "requested_at": AS_OF, "slice_share": 1.0, **(POD if hour <= 6 else {}),
        }
        for hour in range(1, 11) for gpu in (1, 2)
    ]  # fmt: skip


def _events() -> list[dict[str, Any]]:
    """The pod restarts after one hour and after four, and is evicted after six; another one has no GPU."""
    event = {
        "source_id": "p", "window_start": _at(DAYS[5]), "window_end": _at(DAYS[5], 12), "namespace": POD["namespace"],
        "object_kind": "pod", "object_name": POD["pod"], "requested_at": AS_OF, "is_spot": True, "event_count": 1.0,
    }  # fmt: skip
    return [
        {**event, "kind": "restart", "event_at": _at(DAYS[5], 1), "container": "main"},
        {**event, "kind": "restart", "event_at": _at(DAYS[5], 4), "container": "main", "event_count": 2.0},
        {**event, "kind": "eviction", "event_at": _at(DAYS[5], 6)},
        {**event, "kind": "job_failed", "object_kind": "job", "event_at": _at(DAYS[5], 6)},
        {**event, "kind": "eviction", "event_at": _at(DAYS[5], 6), "object_name": "web-0"},
    ]


def _runs() -> list[dict[str, Any]]:
    def run(number: int, start: datetime, hours: int, **columns: Any) -> dict[str, Any]:
        return {
            "run_id": f"run-{number}", "app": "vision-train", "stage": "training", "status": "finished",
            "started_at": start, "ended_at": start + timedelta(hours=hours), "gpu_count": "1",
            "gpu_model": "nvidia a100", "requested_at": AS_OF, **columns,
        }  # fmt: skip

    return [
        run(1, _at(DAYS[0], 20), 10, trigger="retrain"),
        run(2, _at(DAYS[3], 1), 7, trigger="retrain", status="failed"),
        run(3, _at(DAYS[3], 12), 3, trigger="manual"),
        run(4, _at(date(2026, 9, 30), 12), 2, trigger="retrain"),
        run(5, _at(DAYS[6]), 5, gpu_model="unknown"),
    ]


VALUES = {day: Decimal(17 * (n % 5) + 3).scaleb(-1) for n, day in enumerate(DAYS) if n != 6}


def _outcomes() -> list[dict[str, Any]]:
    """Worth something on all days but one; what is worth euros counts in no unit of dollars."""
    told = {"outcome": "ticket_resolved", "app": "ticket-triage", "quantity": Decimal(5)}
    return [
        *({**told, "outcome_date": day, "value_amount": VALUES.get(day), "currency": "USD"} for day in DAYS),
        {**told, "outcome_date": DAYS[6], "feature": "eu", "value_amount": Decimal(1000), "currency": "EUR"},
    ]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> DbtResult:
    home = Home(tmp_path_factory.mktemp("service"))
    lake = LakeBuilder(home)
    config = write_config(home.path / "settings")
    (config / "units.yml").write_text(UNITS, encoding="utf-8")
    listed = PRICES["gpt-4.1", "2026-01-01"]
    (config / "prices.yml").write_text(
        "models:\n  - {provider: azure.ai.openai, model: gpt-4.1, valid_from: 2026-01-01, source: test, per_1m_tokens: "
        f"{{{', '.join(f'{name}: {amount}' for name, amount in listed.items())}}}}}\n"
        f"gpus:\n  - {{gpu_model: NVIDIA A100, valid_from: 2026-01-01, per_gpu_hour: {GPU_PRICE}, source: test}}\n",
        encoding="utf-8",
    )
    lake.configure(AS_OF, config)
    lake.snapshot("otel__genai_span", _calls(), scope="spans.jsonl")
    lake.snapshot("focus__cost_and_usage", _charges(), scope="export", period_start=FIRST_DAY)
    lake.snapshot("training__run", _runs(), scope="runs.csv")
    lake.snapshot("outcomes__record", _outcomes(), scope="outcomes.csv")
    lake.load({
        "litellm__spend_log": _gateway_calls(), "azure_monitor__metric": _metrics(),
        "prometheus__gpu_sample": _samples(), "kubernetes__event": _events(),
    })  # fmt: skip
    result = run_dbt(
        home, "build", "--indirect-selection", "cautious", "--select", "+fct_service_level_daily",
        "+fct_service_objective_daily", "+fct_value_monthly", "+fct_unit_cost_daily",
        "+fct_training_amortisation_daily", "+fct_training_cost_monthly",
        "+fct_training_balance", "+fct_interruption_daily", "+fct_gpu_utilization_daily",
        "+int_reconcile__usage",
    )  # fmt: skip
    assert result.returncode == 0, result.output
    return result


# ── service levels ────────────────────────────────────────────────────────────────────────────────────────────────────


def _milliseconds(call: dict[str, Any]) -> float:
    return (call["end_at"] - call["start_at"]) / timedelta(milliseconds=1)


def _quantile(values: Iterable[float], hundredths: int) -> float | None:
    """The smallest that so many of a hundred do not exceed."""
    ordered = sorted(values)
    return next((value for place, value in enumerate(ordered, 1) if place * 100 >= hundredths * len(ordered)), None)


@pytest.mark.ids("UNIT-4")
def test_latency_errors_and_load_are_what_plain_python_makes_of_the_calls(built: DbtResult) -> None:
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = defaultdict(list)
    for call in _calls():
        groups[call["start_at"].date(), call["app"], call["deployment_name"]].append(call)
    rows = built.query(
        "select usage_date, app, deployment_name, request_count, error_count, timed_request_count, p50_milliseconds, "
        "p95_milliseconds, p99_milliseconds, longest_milliseconds, p95_first_token_milliseconds, "
        "first_token_request_count, round(peak_requests_per_second * 60), peak_seconds, is_attributable, model "
        "from marts.fct_service_level_daily where source = 'spans'"
    )
    found = {row[:3]: row[3:] for row in rows}
    assert found.keys() == groups.keys()
    for key, calls in groups.items():
        answered = [call for call in calls if call["error_type"] is None]
        times = [_milliseconds(call) for call in answered]
        firsts = [call["first_token_seconds"] * 1000 for call in answered if call["first_token_seconds"] is not None]
        minutes = Counter(call["start_at"].replace(second=0) for call in calls)
        assert found[key] == (
            len(calls), len(calls) - len(answered), len(answered), _quantile(times, 50), _quantile(times, 95),
            _quantile(times, 99), max(times), pytest.approx(_quantile(firsts, 95)), len(firsts),
            max(minutes.values()), 60, True, "gpt-4.1",
        ), key  # fmt: skip
    assert sum(row[4] for row in rows) > 30, "a test of nothing"
    assert max(row[12] for row in rows) > 5


@pytest.mark.ids("UNIT-4")
def test_a_gateway_and_azure_monitor_say_what_they_know(built: DbtResult) -> None:
    ((requests, errors, timed, p95, firsts, peak),) = built.query(
        "select request_count, error_count, timed_request_count, p95_milliseconds, first_token_request_count, "
        "round(peak_requests_per_second * 60) from marts.fct_service_level_daily where source = 'litellm'"
    )
    answered = [1000 + n * 10 for n in range(20) if n % 10]
    assert (requests, errors, timed, p95, peak) == (20, 2, 18, _quantile(answered, 95), 5)
    assert firsts == 10, "an answer that is not streamed tells no time of its first token"
    rows = built.query(
        "select resource_id, request_count, error_count, mean_milliseconds, longest_milliseconds, p95_milliseconds, "
        "round(peak_requests_per_second * 3600), peak_seconds, is_attributable "
        "from marts.fct_service_level_daily where source = 'azure_monitor' order by request_count"
    )
    assert rows == [
        (TRIAGE, 40, 2, 800.0, 3200.0, None, 40, 3600, False),
        (OPAQUE, 400, 30, (300 * 1000 + 100 * 500) / 400, 4000.0, None, 300, 3600, True),
    ]


@pytest.mark.ids("UNIT-4")
def test_cost_stands_beside_the_service_exactly(built: DbtResult) -> None:
    rows = built.query(
        "select usage_date, app, effective_cost, estimated_cost, request_count, peak_requests_per_second, "
        "effective_cost_per_request, estimated_cost_per_request, effective_cost_per_request_per_second "
        "from marts.fct_service_level_daily where source = 'spans'"
    )
    billed: dict[tuple[date, str], Decimal] = defaultdict(Decimal)
    estimated: dict[tuple[date, str], Decimal] = defaultdict(Decimal)
    for day, name, effective, estimate, requests, peak, per_request, estimated_per_request, room in rows:
        estimated[day, name] += estimate
        assert estimated_per_request == cut(estimate, Decimal(requests))
        if day > BILLED_THROUGH:
            assert (effective, per_request, room) == (None, None, None)
            continue
        billed[day, name] += effective
        assert per_request == cut(effective, Decimal(requests))
        assert room == cut(effective, peak)
    used = {(day, name) for day, name in estimated if day <= BILLED_THROUGH}
    assert billed == {
        (date.fromisoformat(row["ChargePeriodStart"][:10]), json.loads(row["Tags"])["app"]): Decimal(row["BilledCost"])
        for row in _charges()
        if (date.fromisoformat(row["ChargePeriodStart"][:10]), json.loads(row["Tags"])["app"]) in used
    }, "the bill of an app is split over its deployments to the last digit"
    expected: dict[tuple[date, str], Decimal] = defaultdict(Decimal)
    for (day, name, _, _), group in prompt_economics(_calls(), PRICES).items():
        expected[day, name] += group.cost
    assert estimated == expected
    # The same requests, told again by Azure Monitor, have no part of the bill.
    assert built.value("select count(effective_cost) from marts.fct_service_level_daily where source <> 'spans'") == 0


def _judged() -> dict[tuple[str, str], Counter[tuple[date, bool]]]:
    """Objective and aspect → (day, is good) → requests."""
    found: dict[tuple[str, str], Counter[tuple[date, bool]]] = defaultdict(Counter)
    for call in _calls():
        day, is_good = call["start_at"].date(), call["error_type"] is None
        found["all", "availability"][day, is_good] += 1
        if call["app"] == "ticket-triage":
            found["triage", "availability"][day, is_good] += 1
            if is_good:
                found["triage", "latency"][day, _milliseconds(call) <= FAST] += 1
    for call in _gateway_calls():
        found["all", "availability"][call["start_at"].date(), call["status"] == "success"] += 1
    # Azure Monitor alone: 400 requests and 30 errors. What it says of the triage account is there already.
    found["all", "availability"][DAYS[1], True] += 370
    found["all", "availability"][DAYS[1], False] += 30
    return found


@pytest.mark.ids("UNIT-4")
def test_error_budgets_burn_as_plain_python_counts_them(built: DbtResult) -> None:
    targets = {("triage", "availability"): 0.93, ("triage", "latency"): 0.625, ("all", "availability"): 0.9}
    windows = {"triage": WINDOW, "all": 28}
    rows = built.query(
        "select objective_id, aspect, usage_date, request_count, bad_request_count, window_request_count, "
        "window_bad_request_count, budget_burned_ratio, burn_rate_1d, burn_rate_7d, burn_rate_28d, is_met, is_complete "
        "from marts.fct_service_objective_daily"
    )
    judged = _judged()
    assert {row[:3] for row in rows} == {(*key, day) for key, counts in judged.items() for day, _ in counts}
    for objective, aspect, day, *figures in rows:
        counts, target = judged[objective, aspect], targets[objective, aspect]

        def within(days: int, counts: Any = counts, day: date = day) -> tuple[int, int]:
            inside = [(good, n) for (at, good), n in counts.items() if day - timedelta(days=days) < at <= day]
            return sum(n for _, n in inside), sum(n for good, n in inside if not good)

        def burn(days: int, target: float = target, within: Any = within) -> Any:
            requests, bad = within(days)
            return pytest.approx(bad / (requests * (1 - target)), abs=1e-5)

        requests, bad = within(windows[objective])
        assert [float(figure) for figure in figures] == [
            *within(1), requests, bad, burn(windows[objective]), burn(1), burn(7), burn(28),
            bad <= requests * (1 - target), day < AS_OF.date(),
        ], (objective, aspect, day)  # fmt: skip
    assert {row[-2] for row in rows if row[0] == "triage"} == {True, False}


@pytest.mark.ids("UNIT-4")
def test_interruptions_cost_what_they_repeat_at_most(built: DbtResult) -> None:
    rows = built.query(
        "select kind, team, is_spot, event_count, untimed_event_count, repeated_gpu_seconds, estimated_repeated_cost "
        "from marts.fct_interruption_daily order by kind, gpu_model nulls last"
    )
    # The pod held two GPUs: one hour before the first restart, three before the second, two before the eviction; with a
    # checkpoint every 90 minutes no GPU repeats more than that.
    hours = {"restart": 2 * (1 + Decimal("1.5")), "eviction": 2 * Decimal("1.5")}
    assert rows == [
        ("eviction", "robotics", True, 1.0, 0.0, hours["eviction"] * 3600, hours["eviction"] * GPU_PRICE),
        ("eviction", "robotics", True, 1.0, 1.0, None, None),
        ("restart", "robotics", True, 3.0, 0.0, hours["restart"] * 3600, hours["restart"] * GPU_PRICE),
    ]


@pytest.mark.ids("UNIT-4")
def test_gpus_are_measured_against_the_band_and_retrains_by_month(built: DbtResult) -> None:
    assert built.query(
        "select is_held, team, gpu_seconds, busy_gpu_seconds, utilization_ratio, utilization_position "
        "from marts.fct_gpu_utilization_daily order by is_held"
    ) == [
        (False, None, 8 * 3600, 0.0, 0, "below"),
        (True, "robotics", 12 * 3600, pytest.approx(12 * 3600 * 0.7), Decimal("0.7"), "within"),
    ]
    rows = built.query(
        "select month_start, run_count, retrain_count, failed_run_count, unpriced_run_count, estimated_cost, "
        "retrain_estimated_cost, failed_estimated_cost "
        "from marts.fct_training_cost_monthly order by month_start, currency"
    )
    assert rows == [
        (date(2026, 9, 1), 1, 1, 0, 0, 2 * GPU_PRICE, 2 * GPU_PRICE, None),
        (date(2026, 10, 1), 3, 2, 1, 0, 20 * GPU_PRICE, 17 * GPU_PRICE, 7 * GPU_PRICE),
        (date(2026, 10, 1), 1, 0, 0, 1, None, None, None),
    ]


# ── amortised training ────────────────────────────────────────────────────────────────────────────────────────────────


def _largest_remainder(amount: Decimal, weights: list[int]) -> list[Decimal]:
    units, total = int(amount.scaleb(12)), sum(weights)
    floors = [units * weight // total for weight in weights]
    lost = sorted(range(len(weights)), key=lambda n: (-(units * weights[n] % total), n))
    for place in lost[: units - sum(floors)]:
        floors[place] += 1
    return [Decimal(floor).scaleb(-12) for floor in floors]


def _attributable(day: date) -> list[dict[str, Any]]:
    """Calls whose requests and tokens count: one by one, of spans and the gateway."""
    calls = [call for call in _calls() if call["start_at"].date() == day]
    gateway = [call for call in _gateway_calls() if call["start_at"].date() == day]
    return calls + [
        {**call, "input_tokens": call["prompt_tokens"], "output_tokens": call["completion_tokens"]} for call in gateway
    ]


@pytest.mark.ids("UNIT-1", "UNIT-3")
def test_a_straight_line_is_the_training_to_the_last_digit(built: DbtResult) -> None:
    # Runs of October, on the day they ended; the one of September is before the policy, another has no price.
    trained = {DAYS[1]: 10 * GPU_PRICE, DAYS[3]: 10 * GPU_PRICE}
    by_day: dict[date, Decimal] = defaultdict(Decimal)
    for day, cost in trained.items():
        for number, part in enumerate(_largest_remainder(cost, [1] * 31)):
            by_day[day + timedelta(days=number)] += part
    expected: dict[tuple[date, str | None], Decimal] = {}
    for day, cost in by_day.items():
        tokens: Counter[str] = Counter()
        for call in _attributable(day):
            tokens[call["app"]] += call["input_tokens"] + call["output_tokens"]
        if tokens:
            parts = _largest_remainder(cost, list(tokens.values()))
            expected |= {(day, name): part for name, part in zip(tokens, parts, strict=True)}
        else:
            expected[day, None] = cost
    rows = built.query(
        "select usage_date, app, training_estimated_cost, is_planned from marts.fct_training_amortisation_daily "
        "where amortisation_id = 'line' and training_effective_cost is null"
    )
    assert {row[:2]: row[2] for row in rows} == expected
    assert {row[0] for row in rows if row[3]} == {day for day, _ in expected if day > AS_OF.date()}
    assert sum(row[2] for row in rows) == sum(trained.values()) == Decimal(72)


@pytest.mark.ids("UNIT-1", "UNIT-3")
def test_training_by_usage_is_used_up_as_requests_come(built: DbtResult) -> None:
    requests = {day: sum(call["app"] == "query-rewriter" for call in _attributable(day)) for day in DAYS}
    expected: dict[date, Decimal] = defaultdict(Decimal)
    balance = {}
    for trained, amount in TRAINED_ON_THE_BILL.items():
        units, done, used = int(Decimal(amount).scaleb(12)), 0, Decimal(0)
        for day in (day for day in DAYS if day >= trained and requests[day] and done < EXPECTED_REQUESTS):
            before, done = done, min(done + requests[day], EXPECTED_REQUESTS)
            part = units * done // EXPECTED_REQUESTS - units * before // EXPECTED_REQUESTS
            expected[day] += Decimal(part).scaleb(-12)
            used += Decimal(part).scaleb(-12)
        balance[trained] = (Decimal(amount), used, Decimal(amount) - used)
    rows = built.query(
        "select usage_date, training_effective_cost, app, model from marts.fct_training_amortisation_daily "
        "where amortisation_id = 'usage' and training_estimated_cost is null and not is_planned"
    )
    assert {row[0]: row[1] for row in rows} == expected
    assert {row[2:] for row in rows} == {("query-rewriter", "gpt-4.1")}
    found = built.query(
        "select training_date, training_effective_cost, amortised_effective_cost, remaining_effective_cost "
        "from marts.fct_training_balance where amortisation_id = 'usage'"
    )
    assert {row[0]: row[1:] for row in found} == balance
    assert balance[DAYS[2]][2] == 0, "all of it is used up"
    assert balance[DAYS[11]][2] > 0, "some is left"


@pytest.mark.ids("UNIT-1", "UNIT-3")
def test_units_show_training_beside_what_they_cost_without(built: DbtResult) -> None:
    parts = dict(
        built.query(
            "select usage_date, training_estimated_cost from marts.fct_training_amortisation_daily "
            "where amortisation_id = 'line' and app = 'ticket-triage' and not is_planned"
        )
    )
    columns = "usage_date, total_cost, quantity, unit_cost, trailing_28d_unit_cost"
    plain = built.query(f"select {columns} from marts.fct_unit_cost_daily where unit_id = 'plain'")
    rows = built.query(
        f"select {columns}, training_effective_cost, training_estimated_cost, unit_cost_with_training, is_complete, "
        "trailing_28d_unit_cost_with_training from marts.fct_unit_cost_daily where unit_id = 'request' order by 1"
    )
    assert sorted(plain) == [row[:5] for row in rows], "what a unit costs without training is not touched"
    cost = quantity = Decimal(0)
    for day, total, counted, _, _, billed, estimated, with_training, is_complete, trailing in rows:
        assert (billed, estimated) == (None, parts.get(day))
        assert with_training == cut(total + parts.get(day, 0), counted)
        if is_complete:
            cost, quantity = cost + total + parts.get(day, 0), quantity + counted
            assert trailing == cut(cost, quantity)
    assert sum(row[6] is not None for row in rows) > 10


# ── value ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _billed() -> dict[date, Decimal]:
    found: dict[date, Decimal] = defaultdict(Decimal)
    for row in _charges():
        if json.loads(row["Tags"])["app"] == "ticket-triage":
            found[date.fromisoformat(row["ChargePeriodStart"][:10])] += Decimal(row["BilledCost"])
    return found


def _not_replaced(built: DbtResult) -> dict[date, Decimal]:
    """Estimates of the newest billed days, whose bill is not settled: a part of what every unit costs."""
    found = dict(
        built.query(
            "select usage_date, sum(calibrated_estimated_cost) from intermediate.int_reconcile__usage "
            f"where app = 'ticket-triage' and not is_replaced and usage_date <= '{BILLED_THROUGH}' group by 1"
        )
    )
    assert 0 < len(found) < 4
    return found


@pytest.mark.ids("UNIT-3")
def test_what_came_back_is_counted_through_the_days_of_the_bill(built: DbtResult) -> None:
    cost, unsettled = _billed(), _not_replaced(built)
    cost |= {day: cost[day] + estimate for day, estimate in unsettled.items()}
    spent, back = INVESTED, Decimal(0)
    paid_back = None
    for day in sorted(cost):
        spent, back = spent + cost[day], back + VALUES.get(day, 0)
        if paid_back is None and back >= spent:
            paid_back = day
    value = sum(VALUES[day] for day in cost if day in VALUES)
    september, october = built.query(
        "select month_start, complete_day_count, total_cost, value_amount, cost_per_value, roi_ratio, "
        "investment_amount, cumulative_cost_amount, cumulative_value_amount, cumulative_roi_ratio, first_date, "
        "payback_date, payback_days "
        "from marts.fct_value_monthly where unit_id = 'value' order by 1"
    )
    none = Decimal(0)
    assert september == (
        date(2026, 9, 1), 0, none, None, None, None, INVESTED, INVESTED, none, Decimal(-1), INVESTED_ON, None, None,
    )  # fmt: skip
    assert paid_back is not None, "a test of nothing"
    assert FIRST_DAY < paid_back < BILLED_THROUGH
    total = sum(cost.values(), Decimal(0))
    assert october[:5] == (date(2026, 10, 1), 12, total, value, cut(total, value))
    assert float(october[5]) == pytest.approx(float((value - total) / total), abs=1e-6)
    assert october[6:9] == (None, total + INVESTED, value)
    assert float(october[9]) == pytest.approx(float((value - total - INVESTED) / (total + INVESTED)), abs=1e-6)
    assert october[10:] == (INVESTED_ON, paid_back, (paid_back - INVESTED_ON).days)
    # Value was ahead of cost on the second day, and nothing that is paid on the fifth has come back by then.
    assert VALUES[DAYS[0]] + VALUES[DAYS[1]] > cost[DAYS[0]] + cost[DAYS[1]]
    late = "select first_date, payback_date, payback_days from marts.fct_value_monthly where unit_id = 'late'"
    assert built.query(late) == [(FIRST_DAY, DAYS[4], 0)]


@pytest.mark.ids("UNIT-3")
def test_a_unit_per_value_costs_what_a_dollar_of_it_does(built: DbtResult) -> None:
    rows = built.query(
        "select usage_date, measure, effective_cost, quantity, unit_cost from marts.fct_unit_cost_daily "
        "where unit_id = 'value' and is_complete order by 1"
    )
    unsettled = _not_replaced(built)
    assert rows == [
        (
            day, "value of ticket_resolved", cost, VALUES.get(day),
            cut(cost + unsettled.get(day, 0), VALUES.get(day, Decimal(0))),
        )
        for day, cost in sorted(_billed().items())
    ]  # fmt: skip
    ((app_name, billed, training, total, per_value),) = built.query(
        "select app, effective_cost, training_estimated_cost, total_cost, cost_per_value "
        "from marts.fct_value_monthly where unit_id = 'trained'"
    )
    expected = built.value(
        "select sum(training_estimated_cost) from marts.fct_training_amortisation_daily "
        f"where app = 'ticket-triage' and usage_date <= '{BILLED_THROUGH}'"
    )
    assert (app_name, billed, training) == ("ticket-triage", sum(_billed().values()), expected)
    assert total == billed + sum(unsettled.values()) + training
    assert per_value == cut(total, sum(VALUES[day] for day in VALUES if day <= BILLED_THROUGH))


# ── commands ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def published(built: DbtResult) -> Path:
    folder = built.warehouse.parent / "published"
    folder.mkdir()
    with duckdb.connect(str(built.warehouse), read_only=True) as connection:
        for mart in (
            "fct_service_level_daily", "fct_service_objective_daily", "fct_gpu_utilization_daily",
            "fct_interruption_daily", "fct_training_cost_monthly", "fct_unit_cost_daily",
            "fct_value_monthly",
        ):  # fmt: skip
            connection.table(f"marts.{mart}").write_parquet(str(folder / f"{mart}.parquet"))
    return built.warehouse.parent


def _command(*arguments: object) -> str:
    done = CliRunner().invoke(app, [str(argument) for argument in arguments], env={"COLUMNS": "200"})
    assert done.exit_code == 0, done.output
    return done.output


@pytest.mark.ids("UNIT-4")
def test_the_service_levels_command_shows_all_of_it(published: Path) -> None:
    output = _command("service-levels", "--home", published)
    lines = output.splitlines()

    def line(*words: str) -> str:
        return next(line for line in lines if all(word in line for word in words))

    assert "93% without error" in line("Tickets are routed", "5 days", "error")
    assert "62.5% in 900 ms" in line("Tickets are routed", "in 900")
    assert "1.0 s" not in line("gpt-4.1", "azure_monitor")
    assert "875 ms" in line("gpt-4.1", "azure_monitor")
    assert "7.5%" in line("gpt-4.1", "azure_monitor")
    assert "42%" in line("NVIDIA A100", "All together", "below")
    assert "70%" in line("robotics", "✓")
    assert "USD\N{NO-BREAK SPACE}18.00" in line("restart on spot")
    assert "61.20" in line("October 2026", "vision-train")
    only = _command("service-levels", "--home", published, "--app", "query-rewriter")
    assert "ticket-triage" not in only
    assert "Tickets are routed" not in only
    missing = CliRunner().invoke(app, ["service-levels", "--home", str(published), "--model", "gpt-5"])
    assert missing.exit_code == 1
    assert "no telemetry of model 'gpt-5'" in missing.output


@pytest.mark.ids("UNIT-1")
def test_the_units_command_shows_training_where_a_unit_includes_it(built: DbtResult, published: Path) -> None:
    output = _command("units", "--home", published)
    assert "With training" in output
    cost = built.value(
        "select trailing_28d_unit_cost_with_training from marts.fct_unit_cost_daily "
        f"where unit_id = 'request' and usage_date = '{BILLED_THROUGH}'"
    )
    assert f"USD\N{NO-BREAK SPACE}{cost:.3f}" in output
    assert "With training" not in _command("units", "--home", published, "--unit", "plain")


@pytest.mark.ids("UNIT-3")
def test_the_units_command_shows_what_came_back(built: DbtResult, published: Path) -> None:
    output = _command("units", "--value", "--home", published)
    line = next(line for line in output.splitlines() if line.startswith("USD saved  "))
    roi, days = built.query(
        "select roi_ratio, payback_days from marts.fct_value_monthly where unit_id = 'value' and complete_day_count > 0"
    )[0]
    assert f"after {days} days" in line
    assert f"+{roi * 100:.0f}%" in line
    assert "ticket-triage" in next(line for line in output.splitlines() if line.startswith("USD saved by app"))
    missing = CliRunner().invoke(app, ["units", "--value", "--home", str(published), "--unit", "plain"])
    assert missing.exit_code == 1
    assert "no unit 'plain' is counted per value" in missing.output
