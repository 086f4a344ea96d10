"""Lakes that hold almost nothing: a first run, one real bill, one usage table."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from finops.paths import PROJECT_DIR, Home
from tests.support.lake_builder import LakeBuilder, run_dbt

pytestmark = pytest.mark.xdist_group("dbt-sparse")

AS_OF = datetime(2026, 10, 20, 6, tzinfo=UTC)


@pytest.mark.ids("ING-10", "OPS-1")
def test_a_lake_without_rows_builds_marts_without_rows(tmp_path: Path) -> None:
    home = Home(tmp_path)
    LakeBuilder(home).configure(AS_OF)
    result = run_dbt(home, "build")
    assert result.returncode == 0, result.output
    for mart in (
        "fct_ai_cost_daily",
        "fct_usage_cost_hourly",
        "fct_gpu_hourly",
        "fct_unit_economics_daily",
        "fct_anomaly",
    ):
        assert result.value(f"select count(*) from marts.{mart}") == 0
    # Budgets are there before the first bill, and nothing pretends to be known about them.
    assert result.query(
        "select distinct billed_to_date, billed_through, projected_cost, status from marts.fct_budget_status"
    ) == [(Decimal(0), None, None, "on_track")]
    assert result.query("select distinct is_reconciled, data_through from marts.fct_guardrail_facts") == [(False, None)]
    assert result.value("select count(*) from marts.dim_date where date_day = '2026-10-20'") == 1
    assert result.query("select fiscal_year, fiscal_quarter from marts.dim_date where date_day = '2026-10-20'") == [
        (2027, 2)
    ]


@pytest.mark.long
@pytest.mark.ids("ING-4", "COST-1")
def test_a_real_bill_of_three_providers_alone(tmp_path: Path, real_data: Path) -> None:
    home = Home(tmp_path)
    lake = LakeBuilder(home)
    lake.configure(AS_OF, PROJECT_DIR / "config")
    source = real_data / "billing" / "focus-sample" / "focus_sample.csv"
    with source.open(encoding="utf-8", newline="") as file:
        rows = [{name: value for name, value in row.items() if name != "Id"} for row in csv.DictReader(file)]
    assert len(rows) == 1000
    lake.snapshot("focus__cost_and_usage", rows, scope=source.name)
    result = run_dbt(home, "build")
    assert result.returncode == 0, result.output
    assert dict(result.query("select provider_name, sum(billed_cost) from marts.fct_ai_cost_daily group by 1")) == {
        "AWS": Decimal("18.00663861840"),
        "Microsoft": Decimal("1.97651418586"),
        "Oracle": Decimal("0.53707392473"),
    }
    assert result.query("select distinct billing_currency from marts.fct_ai_cost_daily") == [("USD",)]
    assert result.value("select sum(charge_count) from marts.fct_ai_cost_daily") == 1000
    assert result.value("select bool_and(is_reconciled) from marts.fct_reconciliation_daily") is True
    assert result.value("select count(*) from marts.fct_ai_cost_daily where sub_account_name = 'NULL'") == 0
    # Its tags name applications, environments and business units.
    assert result.value("select count(distinct app) from marts.fct_ai_cost_daily") > 10


@pytest.mark.long
@pytest.mark.ids("ING-3", "COST-2")
def test_a_usage_table_alone(tmp_path: Path) -> None:
    home = Home(tmp_path)
    lake = LakeBuilder(home)
    lake.configure(AS_OF)
    record = {
        "usage_at": datetime(2026, 10, 19, 9, 30, tzinfo=UTC),
        "provider_name": "azure.ai.openai",
        "model": "gpt-4.1-2025-04-14",
        "request_count": 1,
        "input_includes_cache": True,
        "input_tokens": 1000,
        "cache_read_tokens": 400,
        "output_tokens": 100,
        "app": "query-rewriter",
    }
    lake.snapshot("usage__record", [record, {**record, "model": "mystery"}], scope="usage.csv")
    result = run_dbt(home, "build")
    assert result.returncode == 0, result.output
    assert result.query(
        "select team, token_class, tokens, estimated_cost from marts.fct_usage_cost_hourly "
        "where model = 'gpt-4.1' order by 2"
    ) == [
        ("search", "cache_read", 400, Decimal("0.0001")),
        ("search", "input_uncached", 600, Decimal("0.0006")),
        ("search", "output", 100, Decimal("0.0004")),
    ]
    assert result.value("select sum(tokens) from marts.fct_usage_cost_hourly where price_status = 'unpriced'") == 1100
    assert result.query(
        "select estimated_since_billed, billed_through from marts.fct_budget_status where budget_id = 'company'"
    ) == [(Decimal("0.0011"), None)]
    assert result.query(
        "select cost, quantity from marts.fct_unit_economics_daily where unit = '1m_tokens' and scope_type = 'app'"
    ) == [(Decimal("0.0011"), Decimal("0.0011"))]
