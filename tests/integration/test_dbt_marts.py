"""The cost model on a small organisation whose every amount can be worked out by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from finops.money import split
from finops.paths import Home
from tests.support.findings import land_judged_incidents
from tests.support.lake_builder import DbtResult, LakeBuilder, charge, run_dbt, span

pytestmark = pytest.mark.xdist_group("dbt-marts")

AS_OF = datetime(2026, 10, 20, 6, tzinfo=UTC)
DAY = date(2026, 10, 13)
NOON = datetime(2026, 10, 13, 12, 30, tzinfo=UTC)
ACCOUNTS = "/subscriptions/1/resourceGroups/rg-ai/providers/Microsoft.CognitiveServices/accounts"
GATEWAY = f"{ACCOUNTS}/aoai-gateway"
DEDICATED = f"{ACCOUNTS}/aoai-support"
SCALE_SETS = "/subscriptions/1/resourceGroups/mc/providers/Microsoft.Compute/virtualMachineScaleSets"
OPENAI = {"ServiceName": "Azure OpenAI", "ServiceCategory": "AI and Machine Learning"}


def _charges() -> list[dict[str, str | None]]:
    """The current run of October: what each row is for stands beside it."""
    return [
        # Shared account: split per meter by what each app's calls cost.
        charge(DAY, "10", ResourceId=GATEWAY, x_SkuMeterName="gpt 4.1 Inp glbl Tokens", **OPENAI),
        charge(DAY, "1", ResourceId=GATEWAY.upper(), x_SkuMeterName="gpt 4.1 Outp glbl Tokens", **OPENAI),
        charge(DAY, "-0.000000000001", ResourceId=GATEWAY, ChargeCategory="Credit", ListCost=None, **OPENAI),
        # Shared account on a day without any telemetry and without a fallback.
        charge(date(2026, 10, 11), "7", ResourceId=GATEWAY, **OPENAI),
        # GPU pools: idle shown, idle spread, and a day without samples.
        charge(DAY, "24", ResourceId=f"{SCALE_SETS}/aks-gpushow-1-vmss", x_SkuMeterName="NC24ads A100 v4"),
        charge(DAY, "12", ResourceId=f"{SCALE_SETS}/aks-gpuspread-1-vmss", x_SkuMeterName="NC24ads A100 v4"),
        charge(
            date(2026, 10, 11), "3", ResourceId=f"{SCALE_SETS}/aks-gpushow-1-vmss", x_SkuMeterName="NC24ads A100 v4"
        ),
        # Shared evenly, and by what each team spends directly.
        charge(DAY, "1", ResourceId="/x/searchServices/shared", ServiceName="Azure AI Search"),
        charge(date(2026, 10, 1), "30", ResourceId="/providers/Microsoft.Support/plan"),
        # Dedicated, in the three shapes of tags; the team's case differs; the literal NULL is no tag.
        charge(
            DAY,
            "20",
            ResourceId=DEDICATED,
            Tags='{"Team": "Support", "app": "ticket-triage", "owner": "ann@example.com"}',
            **OPENAI,
        ),
        charge(DAY, "4", ResourceId="/x/vm-ea", Tags='"owner_team": "search","env": "prod"'),
        charge(DAY, "6", ResourceId="/x/vm-list", Tags='[{"key": "app", "value": "vision-train"}]'),
        charge(DAY, "5", ResourceId="/x/vm-null", Tags="NULL", ResourceName="NULL"),
        charge(DAY, "2", ResourceId="/x/vm-broken-tags", Tags='{"team": '),
        # One resource that changed hands on the tenth.
        charge(date(2026, 10, 9), "1.5", ResourceId="/x/rg-moved/vm"),
        charge(date(2026, 10, 10), "2.5", ResourceId="/x/rg-moved/vm"),
        # Repairs: no EffectiveCost, no BillingPeriodStart, FOCUS 1.4's names.
        charge(
            DAY, "3", EffectiveCost=None, BillingPeriodStart=None, ProviderName=None, ServiceProviderName="Microsoft"
        ),
        # Times with offsets belong to the UTC day.
        charge(DAY, "8", ResourceId="/x/offset", ChargePeriodStart="2026-10-13T23:00:00-02:00"),
        # Refused.
        charge(DAY, "1,234.5"),
        charge(DAY, "NULL"),
        charge(DAY, "11", BillingCurrency="dollars"),
        charge(DAY, "13", ChargePeriodStart="13/10/2026"),
        charge(DAY, "17", ListCost="n/a"),
    ]


def _land(home: Home) -> LakeBuilder:
    lake = LakeBuilder(home)
    lake.configure(AS_OF)
    october = date(2026, 10, 1)
    bill = "focus__cost_and_usage"
    lake.snapshot(
        bill,
        [charge(DAY, "999")],
        scope="export",
        period_start=october,
        submitted_at=datetime(2026, 10, 18, tzinfo=UTC),
    )
    lake.snapshot(
        bill, _charges(), scope="export", period_start=october, submitted_at=datetime(2026, 10, 19, tzinfo=UTC)
    )
    lake.snapshot(bill, [charge(DAY, "555")], scope="export", period_start=october, submitted_at=AS_OF, complete=False)
    september = [charge(date(2026, 9, 15), "40", Tags='{"team": "search"}')]
    lake.snapshot(
        bill, september, scope="export", period_start=date(2026, 9, 1), submitted_at=datetime(2026, 9, 30, tzinfo=UTC)
    )
    aws = {"ProviderName": "AWS", "BillingCurrency": "EUR", "ServiceName": "Amazon Bedrock"}
    lake.snapshot(
        bill,
        [charge(DAY, "70", **aws)],
        scope="aws.csv",
        snapshot_id="old",
        submitted_at=datetime(2026, 10, 1, tzinfo=UTC),
    )
    for path in ("aws.csv", "copy-of-aws.csv"):
        lake.snapshot(bill, [charge(DAY, "7", **aws)], scope=path, snapshot_id="new")
    _land_usage(lake)
    _land_gpus(lake)
    return lake


def _land_usage(lake: LakeBuilder) -> None:
    rewriter = {"app": "query-rewriter", "resource_id": GATEWAY.lower(), "feature": "rewrite"}
    triage = {"app": "ticket-triage", "team": "support", "resource_id": GATEWAY.lower()}
    spans = [
        span(NOON, 1, **rewriter, input_tokens=3000, output_tokens=0),
        span(NOON, 2, **triage, input_tokens=1000, cache_read_tokens=0, output_tokens=100, reasoning_tokens=40),
        span(NOON, 2, **triage, input_tokens=1000, cache_read_tokens=0, output_tokens=100, reasoning_tokens=40),
        span(NOON, 3, **triage, input_tokens=100, cache_read_tokens=400),
        span(NOON, 4, app="experiment", response_model="unheard-of-1", request_model="unheard-of-1"),
        # What a day's usage is compared with: the same weekday in the weeks before.
        *(
            span(
                AS_OF - timedelta(days=1 + 7 * week),
                10 + week,
                **triage,
                input_tokens=1_000_000 * (1 + 7 * (week == 0)),
                output_tokens=0,
            )
            for week in range(4)
        ),
        span(AS_OF - timedelta(days=1), 20, app="newcomer", input_tokens=9_000_000),
        # After the newest day of the bill.
        span(AS_OF - timedelta(hours=2), 21, **triage, input_tokens=500_000, output_tokens=0),
    ]
    lake.snapshot("otel__genai_span", spans, scope="spans.jsonl")
    records = [
        {
            "usage_at": NOON,
            "provider_name": "openai",
            "model": "mini",
            "request_count": 2,
            "input_includes_cache": False,
            "input_tokens": 100,
            "cache_read_tokens": 300,
            "output_tokens": 10,
            "reasoning_tokens": 0,
            "team": "search",
        },
        {
            "usage_at": NOON,
            "provider_name": "openai",
            "model": "mini",
            "input_includes_cache": True,
            "input_tokens": 100,
            "cache_read_tokens": 300,
            "output_tokens": 10,
        },
    ]
    lake.snapshot("usage__record", records, scope="usage.csv")
    point = {
        "source_id": "m",
        "aggregation": "Total",
        "interval": "PT1H",
        "point_at": NOON.replace(minute=0),
        "model_name": "gpt-4.1",
        "dimensions": "{}",
        "requested_at": AS_OF,
    }
    lake.load(
        {
            "azure_monitor__metric": [
                {**point, "resource_id": DEDICATED, "metric_name": "ProcessedPromptTokens", "value": 2000.0},
                {
                    **point,
                    "resource_id": DEDICATED,
                    "metric_name": "ProcessedPromptTokens",
                    "value": 9.0,
                    "requested_at": AS_OF - timedelta(days=1),
                },
                {**point, "resource_id": DEDICATED, "metric_name": "AzureOpenAIRequests", "value": 5.0},
                {**point, "resource_id": GATEWAY, "metric_name": "ProcessedPromptTokens", "value": 4000.0},
            ]
        }
    )
    outcomes = [{"outcome_date": DAY, "outcome": "ticket_resolved", "app": "ticket-triage", "quantity": Decimal(8)}]
    lake.snapshot("outcomes__record", outcomes, scope="outcomes.csv")


def _land_gpus(lake: LakeBuilder) -> None:
    def sample(hour: int, node: str, namespace: str | None, **columns: object) -> dict[str, object]:
        return {
            "source_id": "p",
            "sampled_at": datetime(2026, 10, 13, tzinfo=UTC) + timedelta(hours=hour + 1),
            "step_seconds": 3600,
            "node": node,
            "gpu_uuid": f"GPU-{node}",
            "gpu_model": "A100",
            "namespace": namespace,
            "pod": namespace and "pod-1",
            "duty_cycle_ratio": 0.5,
            "sm_active_ratio": None,
            "requested_at": AS_OF,
            **columns,
        }

    shown, spread = "aks-gpushow-1-vmss000000", "aks-gpuspread-1-vmss000003"
    samples = [
        *(sample(hour, shown, "search--query-rewriter") for hour in range(6)),
        *(sample(hour, shown, "lab-7") for hour in range(6, 12)),
        *(sample(hour, shown, None) for hour in range(12, 24)),
        *(sample(hour, spread, "labelled" if hour < 6 else None) for hour in range(24)),
        # Asked again, with another answer: the later one counts.
        sample(0, shown, "support--old-answer", requested_at=AS_OF - timedelta(days=1)),
    ]
    labels = {
        "source_id": "p",
        "kind": "namespace",
        "namespace": "labelled",
        "name": "labelled",
        "requested_at": AS_OF,
        "labels": '{"example.com/team": "robotics", "app": "vision-train"}',
        "last_seen_at": AS_OF,
    }
    lake.load({"prometheus__gpu_sample": samples, "kubernetes__object": [labels]})
    refused = {"source_id": "p", "table_name": "prometheus__gpu_sample", "reason": "no node", "remedy": "name it"}
    lake.load({"landing__rejected": [refused]})


def _forecast(day: date, expected: str, scope: tuple[str, str] = ("company", "all")) -> dict[str, object]:
    amount = Decimal(expected)
    return {
        "forecast_date": day,
        "scope_type": scope[0],
        "scope_value": scope[1],
        "currency": "USD",
        "expected_cost": amount,
        "lower_cost": amount / 2,
        "upper_cost": amount * 2,
        "lower_95_cost": amount / 4,
        "upper_95_cost": amount * 4,
        "model_name": "prophet",
        "as_of": AS_OF.replace(tzinfo=None),
        "is_future": day > date(2026, 10, 14),
    }


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> DbtResult:
    home = Home(tmp_path_factory.mktemp("organisation"))
    lake = _land(home)
    days = [date(2026, 10, 14) + timedelta(days=n) for n in range(30)]
    lake.ml("forecast_daily", [_forecast(DAY, "60"), *(_forecast(day, "10") for day in days)])
    land_judged_incidents(lake)
    result = run_dbt(home, "build")
    assert result.returncode == 0, result.output
    return result


def _naive(*parts: int) -> datetime:
    """UTC without its zone, as the marts keep it."""
    return datetime(*parts, tzinfo=UTC).replace(tzinfo=None)  # type: ignore[misc, arg-type]


# ── the bill ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.ids("ING-1", "ING-10")
def test_the_bill_is_the_newest_complete_run_of_each_month_and_file(built: DbtResult) -> None:
    billed = dict(built.query("select billing_currency, sum(billed_cost) from marts.fct_ai_cost_daily group by 1"))
    usable = _charges()[:-5]
    assert billed["USD"] == sum((Decimal(row["BilledCost"] or "0") for row in usable), Decimal(40))
    assert billed["EUR"] == 7, "one of two paths with the same content, and not the older content"


@pytest.mark.ids("ING-10")
def test_refused_rows_are_listed_with_place_reason_and_remedy(built: DbtResult) -> None:
    rows = built.query(
        "select x_file, x_row, column_name, reason, remedy from marts.fct_rejected_row "
        "where table_name = 'focus__cost_and_usage' order by x_row"
    )
    first = len(_charges()) - 4
    assert [(row[0], row[1], row[2]) for row in rows] == [
        ("export", first, "BilledCost"),
        ("export", first + 1, "BilledCost"),
        ("export", first + 2, "BillingCurrency"),
        ("export", first + 3, "ChargePeriodStart"),
        ("export", first + 4, "ListCost"),
    ]
    assert rows[0][3] == "BilledCost cannot be read: 1,234.5"
    assert rows[1][3] == "BilledCost is empty"
    assert all("deliver the file again" in row[4] for row in rows)


@pytest.mark.ids("ING-10", "COST-1")
def test_refused_money_shows_in_the_reconciliation(built: DbtResult) -> None:
    rows, refused, lake, mart, difference = built.query(
        "select sum(lake_row_count), sum(rejected_row_count), sum(lake_billed_cost), sum(mart_billed_cost), "
        "sum(difference) "
        "from marts.fct_reconciliation_daily"
    )[0]
    assert rows == len(_charges()) + 2
    assert refused == 5
    assert lake - mart == 11 + 13 + 17
    assert difference == 0
    assert built.value("select bool_and(is_reconciled) from marts.fct_reconciliation_daily") is True


@pytest.mark.ids("COST-1")
def test_empty_costs_are_repaired_or_stay_unknown_and_say_so(built: DbtResult) -> None:
    assert built.query(
        "select effective_cost, provider_name, billing_period_start, x_repairs from staging.stg_focus__cost_and_usage "
        "where billed_cost = 3 and resource_id is null"
    ) == [(Decimal(3), "Microsoft", date(2026, 10, 1), "EffectiveCost,BillingPeriodStart,ProviderName")]
    assert (
        built.value("select x_repairs from staging.stg_focus__cost_and_usage where resource_id = '/x/vm-broken-tags'")
        == "Tags"
    )
    assert built.value(
        "select resource_name is null from staging.stg_focus__cost_and_usage where resource_id = '/x/vm-null'"
    )
    assert built.value("select count(*) from staging.stg_focus__cost_and_usage where list_cost is null") == 1


@pytest.mark.ids("COST-1")
def test_days_are_utc_days(built: DbtResult) -> None:
    assert built.value("select usage_date from marts.fct_ai_cost_daily where resource_id = '/x/offset'") == date(
        2026, 10, 14
    )


# ── owners and shared cost ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.ids("ALLOC-1", "ING-9")
def test_owners_are_found_in_every_shape_of_tags_and_completed(built: DbtResult) -> None:
    found = {
        row[0].rsplit("/", 1)[1]: row[1:]
        for row in built.query(
            "select resource_id, team, app, business_unit, environment, attribution_method, attribution_rule "
            "from marts.fct_ai_cost_daily where resource_id like '/x/vm%' or resource_id like '%aoai-support'"
        )
    }
    assert found["aoai-support"] == ("support", "ticket-triage", "commerce", None, "direct", "team-tag")
    assert found["vm-ea"] == ("search", None, "commerce", "prod", "direct", "team-tag")
    assert found["vm-list"] == ("robotics", "vision-train", "operations", None, "direct", "app-tag")
    assert found["vm-null"] == (None, None, None, None, "unallocated", None)
    assert found["vm-broken-tags"] == (None, None, None, None, "unallocated", None)


@pytest.mark.ids("ALLOC-1")
def test_a_rule_holds_only_while_it_is_valid(built: DbtResult) -> None:
    assert built.query(
        "select usage_date, team, attribution_rule from marts.fct_ai_cost_daily "
        "where resource_id = '/x/rg-moved/vm' order by 1"
    ) == [(date(2026, 10, 9), "search", "moved-before"), (date(2026, 10, 10), "support", "moved-since")]


@pytest.mark.ids("ALLOC-2")
def test_a_shared_account_is_split_per_meter_by_what_calls_cost(built: DbtResult) -> None:
    rows = built.query(
        "select token_class, team, app, billed_cost, attribution_method from marts.fct_ai_cost_daily "
        f"where resource_id = lower('{GATEWAY}') and usage_date = '{DAY}' order by 1 nulls last, 2"
    )
    assert rows == [
        ("input_uncached", "search", "query-rewriter", Decimal("7.5"), "allocated"),
        ("input_uncached", "support", "ticket-triage", Decimal("2.5"), "allocated"),
        ("output", "support", "ticket-triage", Decimal(1), "allocated"),
        # The refund of the smallest unit has no meter: by all calls of the day, and one team gets all of it.
        (None, "search", "query-rewriter", Decimal("-0.000000000001"), "allocated"),
        (None, "support", "ticket-triage", Decimal(0), "allocated"),
    ]


@pytest.mark.ids("ALLOC-2")
def test_shared_cost_that_nothing_can_split_stays_whole_and_says_so(built: DbtResult) -> None:
    assert built.query(
        "select team, billed_cost, attribution_rule from marts.fct_ai_cost_daily where attribution_method = 'unmatched'"
    ) == [(None, Decimal(7), "gateway")]


@pytest.mark.ids("ALLOC-2", "ING-5", "ING-6")
def test_gpu_pools_are_split_by_gpu_time_with_idle_shown_or_spread(built: DbtResult) -> None:
    rows = built.query(
        "select attribution_rule, usage_date, team, app, is_idle, sum(billed_cost) from marts.fct_ai_cost_daily "
        "where ai_category = 'gpu_compute' group by all order by 1, 2, 5, 3"
    )
    assert rows == [
        # No samples that day: the pool's fallback, fixed shares.
        ("gpu-shown", date(2026, 10, 11), "robotics", None, False, Decimal(2)),
        ("gpu-shown", date(2026, 10, 11), "search", None, False, Decimal(1)),
        ("gpu-shown", DAY, "robotics", None, False, Decimal(6)),
        ("gpu-shown", DAY, "search", "query-rewriter", False, Decimal(6)),
        ("gpu-shown", DAY, "platform", None, True, Decimal(12)),
        ("gpu-spread", DAY, "robotics", "vision-train", False, Decimal(3)),
        # What nobody held is its users' too, and still called idle.
        ("gpu-spread", DAY, "robotics", "vision-train", True, Decimal(9)),
    ]
    fallbacks = built.query("select distinct driver from intermediate.int_allocation__charges where is_fallback")
    assert fallbacks == [("fixed",)]


@pytest.mark.ids("ALLOC-2")
def test_even_and_direct_cost_shares(built: DbtResult) -> None:
    even = dict(built.query("select team, billed_cost from marts.fct_ai_cost_daily where attribution_rule = 'vectors'"))
    assert even == dict.fromkeys(("platform", "robotics", "search", "support"), Decimal("0.25"))
    plan = dict(
        built.query("select team, billed_cost from marts.fct_ai_cost_daily where attribution_rule = 'support-plan'")
    )
    direct = {"robotics": Decimal(6), "search": Decimal("5.5"), "support": Decimal("22.5")}
    assert plan == dict(zip(direct, split(Decimal(30), list(direct.values())), strict=True))


@pytest.mark.ids("ALLOC-3")
def test_every_part_leads_back_to_its_charge_and_driver(built: DbtResult) -> None:
    rows = built.query(
        "select charges.x_file, charges.x_row, parts.pool_id, parts.driver, parts.driver_value, parts.share, "
        "parts.billed_cost from intermediate.int_allocation__charges parts "
        "join staging.stg_focus__cost_and_usage charges using (charge_id) "
        "where parts.pool_id = 'gpu-shown' and parts.is_idle"
    )
    assert rows == [("export", 5, "gpu-shown", "gpu_seconds", Decimal(43200), Decimal("0.5"), Decimal(12))]


@pytest.mark.ids("ALLOC-4")
def test_coverage_tells_owned_from_ownerless_ai_spend(built: DbtResult) -> None:
    (row,) = built.query(
        "select ai_cost, attributed_cost, unallocated_cost, tagged_cost, coverage_ratio, target_ratio "
        "from marts.fct_allocation_coverage_monthly where scope_type = 'company' and currency = 'USD'"
    )
    ai_cost = Decimal(10) + 1 - Decimal("0.000000000001") + 7 + 24 + 12 + 3 + 1 + 20
    assert row[:4] == (ai_cost, ai_cost - 7, Decimal(7), Decimal(20))
    assert row[4] == pytest.approx(float((ai_cost - 7) / ai_cost))
    assert row[5] == 0.9


# ── usage ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.ids("COST-2", "ING-3")
def test_usage_is_counted_once_in_disjoint_classes_at_the_price_of_its_day(built: DbtResult) -> None:
    rows = built.query(
        "select team, token_class, tokens, request_count, estimated_cost, price_id from marts.fct_usage_cost_hourly "
        f"where source = 'spans' and app = 'ticket-triage' and usage_hour = '{DAY} 12:00:00' order by 2"
    )
    assert rows == [
        ("support", "input_uncached", 1000, 1, Decimal("0.001"), "azure.ai.openai/gpt-4.1/input_uncached/2026-10-10"),
        ("support", "output", 60, 0, Decimal("0.00024"), "azure.ai.openai/gpt-4.1/output/2026-10-10"),
        ("support", "reasoning", 40, 0, Decimal("0.00016"), "azure.ai.openai/gpt-4.1/output/2026-10-10"),
    ]
    older = built.query(
        "select distinct price_per_1m_tokens from marts.fct_usage_cost_hourly "
        "where usage_hour < '2026-10-10' and tokens > 0"
    )
    assert older == [(Decimal(2),)]


@pytest.mark.ids("COST-2")
def test_usage_without_a_price_is_visible_and_not_free(built: DbtResult) -> None:
    assert built.query(
        "select model, tokens, estimated_cost, price_status from marts.fct_usage_cost_hourly "
        "where app = 'experiment' order by tokens"
    ) == [("unheard-of-1", 100, None, "unpriced"), ("unheard-of-1", 1000, None, "unpriced")]
    assert built.value("select not is_in_price_book from marts.dim_model where model = 'unheard-of-1'") is True


@pytest.mark.ids("ING-3", "ING-10")
def test_contradicting_token_counts_are_refused(built: DbtResult) -> None:
    assert built.query(
        "select table_name, x_row, column_name from marts.fct_rejected_row where column_name like '%tokens' order by 1"
    ) == [("otel__genai_span", 4, "cache_read_tokens"), ("usage__record", 2, "cache_read_tokens")]


@pytest.mark.ids("ING-2", "COST-2")
def test_azure_monitor_counts_where_nothing_else_tells_the_calls(built: DbtResult) -> None:
    rows = built.query(
        "select split_part(resource_id, '/', -1), team, app, token_class, tokens, request_count, is_attributable "
        "from marts.fct_usage_cost_hourly where source = 'azure_monitor' order by 1"
    )
    assert rows == [
        ("aoai-gateway", None, None, "input_uncached", 4000, 0, False),
        ("aoai-support", "support", "ticket-triage", "input_uncached", 2000, 5, True),
    ]


@pytest.mark.ids("ING-3")
def test_an_alias_finds_its_model_and_exclusive_cache_counts_are_kept_apart(built: DbtResult) -> None:
    assert built.query(
        "select model, reported_model, token_class, tokens, request_count from marts.fct_usage_cost_hourly "
        "where source = 'usage_file' order by token_class desc"
    ) == [
        ("gpt-5-mini", "mini", "output", 10, 0),
        ("gpt-5-mini", "mini", "input_uncached", 100, 2),
        ("gpt-5-mini", "mini", "cache_read", 300, 0),
    ]


# ── unit economics, budgets, guardrail facts ──────────────────────────────────────────────────────────────────────────


@pytest.mark.ids("UNIT-1")
def test_unit_costs_divide_like_by_like(built: DbtResult) -> None:
    rows = {
        row[:2]: row[2:]
        for row in built.query(
            "select unit, scope_type, cost, quantity, unit_cost from marts.fct_unit_economics_daily "
            f"where usage_date = '{DAY}' and (unit like 'gpu%' or unit = 'ticket_resolved') "
            "and scope_type in ('company', 'app') and scope_value in ('all', 'ticket-triage') and cost_basis = 'billed'"
        )
    }
    assert rows["gpu_hour_billed", "company"] == (Decimal(36), Decimal(48), Decimal("0.75"))
    assert rows["gpu_hour_allocated", "company"] == (Decimal(36), Decimal(18), Decimal(2))
    assert rows["gpu_hour_busy", "company"] == (Decimal(36), Decimal(24), Decimal("1.5"))
    assert rows["ticket_resolved", "app"] == (Decimal("23.5"), Decimal(8), Decimal("2.9375"))
    # 4,100 tokens of known calls to the gateway and 2,000 counted by Azure Monitor on the dedicated account.
    assert built.query(
        "select cost_basis, quantity from marts.fct_unit_economics_daily "
        f"where usage_date = '{DAY}' and unit = '1m_tokens' and scope_type = 'model' "
        "and scope_value = 'gpt-4.1' order by 1"
    ) == [("billed", Decimal("0.0061")), ("estimated", Decimal("0.0061"))]


@pytest.mark.ids("UNIT-1")
def test_units_of_gpu_time_cover_the_pools_that_are_measured(built: DbtResult) -> None:
    rows = {
        row[:3]: row[3:]
        for row in built.query(
            "select unit_id, usage_date, team, effective_cost, quantity, unit_cost, is_above_target "
            "from marts.fct_unit_cost_daily where unit_id like 'gpu%'"
        )
    }
    # 24 of the pool that shows its idle time and 12 of the one that spreads it.
    assert rows["gpu-paid", DAY, None] == (Decimal(36), Decimal(48), Decimal("0.75"), None)
    assert rows["gpu-busy", DAY, None] == (Decimal(36), Decimal(24), Decimal("1.5"), True)
    held = {key[2]: row[:2] for key, row in rows.items() if key[:2] == ("gpu-held", DAY)}
    assert held["platform"] == (Decimal(12), None), "idle time is nobody's hour"
    assert sum(cost for cost, _ in held.values()) == 36
    assert sum(hours for _, hours in held.values() if hours) == 18
    # Two days before, nobody measured: the cost is there for whoever asks for all of it.
    assert ("gpu-paid", date(2026, 10, 11), None) not in rows
    assert rows["gpu-whole", date(2026, 10, 11), None] == (Decimal(3), None, None, None)
    assert not [key for key in rows if key[0] == "gpu-shared"], "every pool has owners"


@pytest.mark.ids("BUD-1")
def test_budgets_know_what_is_billed_estimated_and_expected(built: DbtResult) -> None:
    rows = {
        row[0]: row[1:]
        for row in built.query(
            "select budget_id, billed_to_date, billed_through, estimated_since_billed, forecast_remaining, "
            "projected_cost, projection_basis, status, period_start, period_end from marts.fct_budget_status"
        )
    }
    assert "retired" not in rows
    through = date(2026, 10, 14)
    ai_cost = built.total("effective_cost", "marts.fct_ai_cost_daily where is_ai and billing_currency = 'USD'")
    company = rows["company"]
    assert company[:2] == (ai_cost, through)
    # 17 days from the 15th to the 31st at 10 each; the 14th is billed.
    assert company[3] == 170
    assert company[4:7] == (ai_cost + 170, "forecast", "on_track")
    assert company[7:] == (date(2026, 10, 1), date(2026, 10, 31))
    usage = built.total(
        "estimated_cost",
        "marts.fct_usage_cost_hourly where is_attributable and currency = 'USD' and usage_hour >= '2026-10-15'",
    )
    assert company[2] == usage
    assert rows["triage"][5] == "run_rate"
    assert rows["euros"][0] == 0, "AWS's euros are not AI spend by these rules, and dollars are never counted as euros"
    assert rows["corporate"][0] == Decimal("12.25"), "idle GPUs and a quarter of the vector store, by the platform team"
    assert rows["quarter"][7:] == (date(2026, 10, 1), date(2026, 12, 31))


@pytest.mark.ids("GUARD-1", "BUD-2")
def test_guardrail_facts_compare_budgets_and_weekdays(built: DbtResult) -> None:
    facts = {
        row[0]: row[1:]
        for row in built.query(
            "select coalesce(budget_id, scope_value), period, value, reference, ratio, increase_amount, data_through, "
            "is_reconciled, kind, unit, subject from marts.fct_guardrail_facts where scope_type in ('company', 'app') "
            "and kind in ('budget', 'usage_doubled')"
        )
    }
    doubled = facts["ticket-triage"]
    assert doubled[:3] == ("2026-10-19", Decimal(8), Decimal(2)), "8M tokens at 1 against 1M at 1 once and at 2 twice"
    assert doubled[3:5] == (Decimal(4), Decimal(6))
    assert doubled[5:] == (_naive(2026, 10, 19, 7), True, "usage_doubled", "currency", None)
    assert "newcomer" not in facts, "one day is no habit"
    assert facts["company"][0] == "2026-10"
    assert facts["company"][5:] == (_naive(2026, 10, 15), True, "budget", "currency", None)
    assert facts["quarter"][0] == "2027-Q2", "the fiscal year begins in July"


@pytest.mark.ids("GUARD-1", "GUARD-4")
def test_the_newest_facts_of_the_history_are_the_facts_that_count(built: DbtResult) -> None:
    """Each kind is made once for all days; budgets are made twice, from today's bill and from every state of it."""
    rows = built.query(
        "select facts.kind, count(*), count(history.kind), sum(abs(facts.value - history.value)), "
        "sum(abs(coalesce(facts.reference, 0) - coalesce(history.reference, 0))), "
        "bool_and(facts.data_through is not distinct from history.data_through) "
        "from marts.fct_guardrail_facts as facts left join marts.fct_guardrail_fact_history as history "
        "on history.known_to is null and (facts.kind, facts.metric, facts.scope_type, facts.scope_value, "
        "coalesce(facts.subject, ''), coalesce(facts.budget_id, ''), facts.period, facts.currency) = (history.kind, "
        "history.metric, history.scope_type, history.scope_value, coalesce(history.subject, ''), "
        "coalesce(history.budget_id, ''), history.period, history.currency) group by 1"
    )
    found = {kind: rest for kind, *rest in rows}
    assert {"budget", "burn_rate", "usage_doubled", "hourly_use", "tokens", "context_length", "model_use"} <= set(found)
    tolerance = Decimal("0.000000001")
    for kind, (count, met, values, references, is_as_old) in found.items():
        if kind == "tokens":
            # Yesterday's whole day still counts, and is not the newest.
            assert met > 0
            continue
        assert count == met, kind
        assert values <= tolerance, kind
        assert references <= tolerance, kind
        assert is_as_old, kind


@pytest.mark.ids("GUARD-1")
def test_guardrails_are_told_what_is_idle_and_what_has_no_price(built: DbtResult) -> None:
    idle = built.query(
        "select scope_value, value, reference, period from marts.fct_guardrail_fact_history "
        "where kind = 'idle_gpu' and subject like '%aks-gpushow%' and value > 0"
    )
    assert idle == [("platform", Decimal(12), Decimal(24), "2026-10-13")], "half the day, borne by whom the pool names"
    unpriced = built.query(
        "select scope_value, period, value, unit from marts.fct_guardrail_fact_history where kind = 'price_unknown'"
    )
    assert ("unheard-of-1", "2026-10-13", Decimal(1100), "tokens") in unpriced


@pytest.mark.ids("FCST-1", "ANOM-2")
def test_findings_meet_facts(built: DbtResult) -> None:
    actual, expected = built.query(
        f"select actual_cost, expected_cost from marts.fct_forecast_daily where forecast_date = '{DAY}'"
    )[0]
    assert actual == built.total(
        "effective_cost", f"marts.fct_ai_cost_daily where is_ai and billing_currency = 'USD' and usage_date = '{DAY}'"
    )
    assert expected == 60
    assert built.query(
        "select a.team, a.app, a.owner, a.suppressed_because, i.status from marts.fct_anomaly as a "
        "join marts.fct_incident as i on a.incident_id = i.incident_id "
        "where a.detected_date = '2026-10-12' and a.scope_type = 'app'"
    ) == [("support", "ticket-triage", "ann@example.com", "quiet: test", "suppressed")]


@pytest.mark.ids("ANOM-3", "ANOM-4")
def test_incidents_have_what_people_said_and_the_last_verdict_holds(built: DbtResult) -> None:
    rows = built.query(
        "select app, first_seen, team, status, verdict, verdict_reason, verdict_by, acknowledged_at, resolved_at "
        "from marts.fct_incident order by first_seen, app"
    )
    at = [row[0:2] for row in rows]
    assert at == [
        ("query-rewriter", date(2026, 10, 1)), ("ticket-triage", date(2026, 10, 2)),
        ("query-rewriter", date(2026, 10, 5)), ("query-rewriter", date(2026, 10, 9)),
        ("ticket-triage", date(2026, 10, 12)), ("vision-train", date(2026, 10, 18)),
    ]  # fmt: skip
    said = [row[3:] for row in rows]
    assert said[0] == ("resolved", "real", "loop", "ann", None, _naive(2026, 10, 2, 16))
    assert said[1][:3] == ("dismissed", "planned", "load test")
    assert said[3][:3] == ("dismissed", "false", "month end")
    assert said[4][:2] == ("suppressed", None)
    assert said[5] == ("acknowledged", None, None, None, _naive(2026, 10, 19, 8), None), "the first notice counts"


@pytest.mark.ids("ANOM-4")
def test_alert_quality_is_what_the_verdicts_say(built: DbtResult) -> None:
    def quality(team: str, detector: str) -> tuple[object, ...]:
        [row] = built.query(
            "select incident_count, labelled_count, label_coverage_ratio, real_count, false_count, planned_count, "
            "precision_ratio, precision_low, precision_high, median_hours_to_detect, median_hours_to_acknowledge, "
            "median_hours_to_resolve, caught_amount, suppressed_count, incidents_per_week "
            f"from marts.fct_alert_quality_monthly where team = '{team}' and detector = '{detector}'"
        )
        return row

    *counts, precision, low, high, detect, notice, over, caught, silent, weekly = quality("all", "all")
    assert counts == [5, 4, 0.8, 2, 1, 1]
    assert (precision, detect, notice, over) == (pytest.approx(2 / 3), 30.0, 2.0, 7.0)
    for end in (low, high):  # Wilson: the ends are where the observed share is 1.96 standard errors away
        assert abs(2 / 3 - end) == pytest.approx(1.959963984540054 * (end * (1 - end) / 3) ** 0.5)
    assert low < precision < high
    assert (caught, silent) == (Decimal(600), 1)
    assert weekly == pytest.approx(5 / (20 / 7)), "of October so far"
    assert quality("search", "all")[:6] == (3, 3, 1.0, 2, 1, 0)
    assert quality("support", "slow_drift")[:9] == (1, 1, 1.0, 0, 0, 1, None, None, None), "planned is neither"


@pytest.mark.ids("FCST-1", "ANOM-1")
def test_teams_sum_to_the_company_in_the_history_for_models(built: DbtResult) -> None:
    sums = built.query(
        "select metric, usage_date, currency, sum(cost) filter (where scope_type = 'company'), "
        "sum(cost) filter (where scope_type = 'team') from intermediate.int_signals__cost_history group by all"
    )
    assert {row[0] for row in sums} == {"effective_cost", "estimated_cost"}
    assert all(company == teams for *_, company, teams in sums)


# ── the tests of the tests ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.ids("ALLOC-5", "OPS-1")
@pytest.mark.parametrize(
    ("damage", "tests"),
    [
        (
            "delete from marts.fct_ai_cost_daily; delete from intermediate.int_cost__union where is_idle; "
            "update intermediate.int_usage__priced set tokens = tokens + 1 where source = 'spans'",
            ("assert_bill_reconciles", "assert_every_charge_once", "assert_every_token_once"),
        ),
        ("delete from marts.fct_reconciliation_daily where usage_date = '2026-10-13'", ("assert_bill_reconciles",)),
    ],
    ids=["lost rows", "lost comparison"],
)
def test_lost_money_and_tokens_stop_the_run(
    built: DbtResult, tmp_path: Path, damage: str, tests: tuple[str, ...]
) -> None:
    home = Home(tmp_path)
    for folder in ("lake", "config", "ml"):
        (tmp_path / folder).symlink_to(built.warehouse.parent / folder, target_is_directory=True)
    home.warehouse.write_bytes(built.warehouse.read_bytes())
    with duckdb.connect(str(home.warehouse)) as connection:
        connection.execute(damage)
    result = run_dbt(home, "test", "--select", *tests, target=built.warehouse.parent / "dbt")
    assert result.returncode == 1, result.output
    for test in tests:
        assert f"Failure in test {test}" in result.output
