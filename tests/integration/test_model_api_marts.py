"""OpenAI and Anthropic from their endpoints to the marts: what they say is what the marts hold, once and exactly."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from finops.paths import PROJECT_DIR, Home
from simulator import model_apis
from simulator.model_api_truths import planted
from tests.support.lake_builder import DbtResult, LakeBuilder, run_dbt
from tests.support.landed import AS_OF
from tests.support.model_apis import anthropic_source, land, openai_source, parameters, served

pytestmark = [pytest.mark.ids("ING-3", "ING-9", "COST-1", "COST-2"), pytest.mark.xdist_group("model-apis")]

DAYS = 46
HERE = parameters(AS_OF, days=DAYS)
PROVIDERS: dict[str, Any] = {"openai": "OpenAI", "anthropic": "Anthropic"}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> DbtResult:
    """Landed on two days, so that the days in between were answered twice, and built by dbt with its tests."""
    folder = tmp_path_factory.mktemp("model-api-marts")
    home = Home(folder / "home")
    builder = LakeBuilder(home)
    builder.configure(AS_OF, PROJECT_DIR / "config")
    for name, as_of, days in (("before", AS_OF - timedelta(days=1), DAYS - 1), ("after", AS_OF, DAYS)):
        with served(folder / name, as_of, days=days) as url:
            reach = {"lookback_days": days, "usage_lookback_days": days}
            land(openai_source(url, **reach), home, as_of)
            land(anthropic_source(url, **reach), home, as_of)
    # A cost row that nobody can read, and a usage row that contradicts itself.
    builder.load(_broken())
    marts = (
        "fct_ai_cost_daily",
        "fct_usage_cost_hourly",
        "fct_reconciliation_daily",
        "fct_rejected_row",
        "fct_guardrail_facts",
    )
    result = run_dbt(home, "build", "--indirect-selection", "buildable", "--select", *(f"+{mart}" for mart in marts))
    assert result.returncode == 0, result.output
    return result


def _broken() -> dict[str, list[dict[str, Any]]]:
    start, end = AS_OF.replace(year=2025, hour=0), AS_OF.replace(year=2025, hour=0) + timedelta(days=1)
    own = {"source_id": "other", "bucket_start": start, "bucket_end": end, "requested_at": AS_OF}
    window = {
        "source_id": "other", "window_start": start, "window_end": end, "requested_at": AS_OF, "row_count": 1,
    }  # fmt: skip
    return {
        "openai__cost": [{**own, "line_item": "gpt-4o, input", "amount": "n/a", "currency": "usd"}],
        "openai__usage": [
            {**own, "endpoint": "completions", "model": "gpt-4o", "input_tokens": 10, "input_cached_tokens": 20}
        ],
        "landing__window": [
            {**window, "table_name": "openai__cost", "scope": "costs"},
            {**window, "table_name": "openai__usage", "scope": "completions"},
        ],
    }


@pytest.mark.parametrize("vendor", PROVIDERS)
def test_the_bill_is_in_the_marts_to_the_last_digit(built: DbtResult, vendor: Any) -> None:
    """Cents are hundredths here: a hundred times as much would be the commonest error with this report."""
    billed = built.total("billed_cost", f"marts.fct_ai_cost_daily where provider_name = '{PROVIDERS[vendor]}'")
    expected = model_apis.billed_total(HERE, vendor)
    assert billed == expected
    monthly = expected / (DAYS - 1) * 30
    assert 700 < monthly < 1500
    assert built.query("select distinct billing_currency from marts.fct_ai_cost_daily") == [("USD",)]


def test_every_day_reconciles_and_refused_rows_are_shown(built: DbtResult) -> None:
    assert built.query("select count(*), count(*) filter (not is_reconciled) from marts.fct_reconciliation_daily") == [
        (2 * (DAYS - 1) - 1 + 1, 0)
    ], "both vendors on every billed day but OpenAI's blank one, and the day of the row that cannot be read"
    refused = built.query("select table_name, column_name, reason from marts.fct_rejected_row order by 1")
    assert [(table, column) for table, column, _ in refused] == [
        ("focus__cost_and_usage", "BilledCost"),
        ("openai__usage", "cache_read_tokens"),
    ]
    assert "n/a" in refused[0][2]


def test_usage_times_price_is_the_bill_but_where_it_was_planted(built: DbtResult) -> None:
    """Token cost per provider, project and day; batch is cheaper by half than what the price book says."""
    estimated = {
        (project, day): cost
        for project, day, cost in built.query(
            """select project, cast(usage_hour as date), sum(estimated_cost) from marts.fct_usage_cost_hourly
               where project not like '%-batch' group by 1, 2"""
        )
    }
    billed = {
        (project, day): cost
        for project, day, cost in built.query(
            """select project, usage_date, sum(billed_cost) from marts.fct_ai_cost_daily
               where token_class is not null and project not like '%-batch' group by 1, 2"""
        )
    }
    last = HERE.last_billed_day
    priority = {("claims", last - timedelta(days=number)) for number in range(DAYS - 1)}
    planted = {
        ("documents-translation", model_apis.UNREPORTED_DAY),
        (model_apis.FREE_PROJECT, model_apis.FREE_DAY),
        (model_apis.SETTLING_PROJECT, last),
    }
    keys = {key for key in estimated.keys() | billed.keys() if key[1] <= last}
    different = {key for key in keys if estimated.get(key, Decimal(0)) != billed.get(key, Decimal(0))}
    assert different == planted | priority
    assert len(keys - different) > 200
    assert estimated.get(("documents-translation", model_apis.UNREPORTED_DAY)) is None
    assert (model_apis.FREE_PROJECT, model_apis.FREE_DAY) not in billed
    assert not {key for key in priority if key in billed}, "the cost report never has the priority tier"


def test_tokens_equal_what_the_vendors_count(built: DbtResult) -> None:
    day = date(2026, 10, 12)
    found = {
        (row[0], row[1]): int(row[2])
        for row in built.query(
            f"""select project, token_class, sum(tokens) from marts.fct_usage_cost_hourly
                where cast(usage_hour as date) = '{day}' group by 1, 2"""
        )
    }
    expected: dict[tuple[str, str], int] = {}
    for workload in model_apis.WORKLOADS:
        for name, values in model_apis.hourly_tokens(HERE, workload, day).items():
            if name != "requests":
                key = (workload.project or "default", name)
                expected[key] = expected.get(key, 0) + int(values.sum())
    assert found == expected
    assert {name for _, name in found} >= {"cache_write_1h", "cache_write_5m", "input_audio", "output_audio"}


def test_bill_and_usage_find_the_same_owner_by_project_and_key(built: DbtResult) -> None:
    usage = dict(
        built.query("select distinct project, team from marts.fct_usage_cost_hourly where project <> 'claims'")
    )
    bill = dict(built.query("select distinct project, team from marts.fct_ai_cost_daily"))
    assert usage == bill
    assert {team for team in bill.values() if team} == {"data-science", "documents", "fraud", "platform", "support"}
    assert bill["default"] is None, "what nobody owns says so"
    apps = built.query(
        """select distinct app from marts.fct_ai_cost_daily
           where project = 'data-science-lab' and token_class is not null"""
    )
    assert apps == [("experiment-hub",)]


def test_a_day_of_blanks_is_an_explicit_zero(built: DbtResult) -> None:
    blank = model_apis.BLANK_DAY
    charges = f"marts.fct_ai_cost_daily where provider_name = 'OpenAI' and usage_date = '{blank}'"
    usage = f"marts.fct_usage_cost_hourly where source = 'openai' and cast(usage_hour as date) = '{blank}'"
    assert built.value(f"select count(*) from {charges}") == 0
    assert built.value(f"select count(*) from {usage}") == 0
    empty = built.query(
        f"""select scope, row_count from staging.stg_model_api__answer
            where source_id = 'openai' and answer_date = '{blank}' and scope in ('completions', 'images', 'costs')
            order by 1"""
    )
    assert empty == [("completions", 0), ("costs", 1), ("images", 0)]


def test_charges_are_focus_rows(built: DbtResult) -> None:
    [row] = built.query(
        """select service_name, service_category, resource_id like 'openai/proj_%', sub_account_name, sku_meter,
               consumed_unit, pricing_unit, pricing_quantity * 1000000 = consumed_quantity, charge_category,
               json_extract_string(sku_price_details, '$.x_ModelId'),
               json_extract_string(sku_price_details, '$.x_TokenCacheAction'),
               billing_period_start, x_repairs
           from staging.stg_focus__cost_and_usage
           where sku_meter = 'gpt-4o-2024-08-06, cached input' and usage_date = '2026-10-12'"""
    )
    assert row == (
        "OpenAI API", "AI and Machine Learning", True, "documents-translation", "gpt-4o-2024-08-06, cached input",
        "Tokens", "1000000 Tokens", True, "Usage", "gpt-4o", "Read", date(2026, 10, 1),
        "BillingPeriodStart,BillingPeriodEnd,Tags,EffectiveCost",
    )  # fmt: skip
    models = built.query(
        """select distinct model, token_class from marts.fct_ai_cost_daily
           where model in ('claude-opus-4-5', 'gpt-4o') and token_class in ('input_uncached', 'cache_read', 'output')"""
    )
    assert len(models) == 6
    kinds = built.query(
        "select distinct provider_name, ai_category from marts.fct_ai_cost_daily where is_ai order by all"
    )
    assert kinds == [("Anthropic", "inference"), ("OpenAI", "inference"), ("OpenAI", "vector_store")]


def test_the_truths_name_what_the_tests_above_find() -> None:
    found = {truth[0]: truth for truth in planted(HERE)}
    assert found.keys() == {
        "openai-blank-day", "openai-billed-without-usage", "openai-free-tokens", "openai-settling-day",
        "anthropic-priority-tier",
    }  # fmt: skip
    assert all(truth[6] > 0 for truth in found.values())


@pytest.mark.ids("GUARD-3")
def test_guardrails_can_rely_on_the_days_usage(built: DbtResult) -> None:
    """A source of usage that only one side of the comparison knew would switch every usage guardrail off."""
    found = built.query("select distinct is_reconciled from marts.fct_guardrail_facts where kind = 'usage_doubled'")
    assert found == [(True,)]
