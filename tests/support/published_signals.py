"""The organisation of ``tests.support.published`` with what can be wrong: late sources, drift, idle units, failed runs.

Here: a copy of its folder with rows added to the marts that whoever operates AI looks at.
Not here: what is asserted of it.

Planted: source ``gateway-spans`` is late and lacks two days; 10 October does not reconcile; EUR lacks two days' rates;
1,000 was paid for units whose tokens are worth 400, 300 of it idle; gpt-4.1 of ticket-triage could be gpt-5-mini; two
objectives, one of them overspent; ``old-account`` was last called in September.
"""

from __future__ import annotations

import os
from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb

UNITS_COST, UNITS_IDLE, UNITS_WORTH = Decimal(1000), Decimal(300), Decimal(400)
STALE_COST = Decimal(140)
DRIFT = {"price": Decimal("-50"), "within_tolerance": Decimal("1.5")}
GUESS = Decimal("12.5")
LAST_CALL = date(2026, 9, 20)

_ROWS = {
    "fct_source_health": """
        select * from (values
            ('azure-exports', 'azure_exports', 'fresh', timestamp '2026-10-20 04:30', 1.5, 36, 'month', 13, 13, 0, '[]',
             0),
            ('gateway-spans', 'otel_spans', 'late', timestamp '2026-10-18 06:00', 48.0, 6, 'hour', 100, 90, 1,
             '[{"scope": "gateway", "start": "2026-10-18", "end": "2026-10-20"}]', 2),
            ('azure-cost-api', 'azure_cost_api', 'disabled', null, null, 36, null, 0, 0, 0, '[]', 0)
        ) as t(source_id, source_type, status, newest_data_at, lag_hours, freshness_hours, unit, expected_count,
               landed_count, missing_count, missing, rejected_rows)""",
    "fct_reconciliation_daily": """
        select 'Microsoft' as provider_name, date '2026-10-10' as usage_date, 'USD' as billing_currency,
               5 as lake_row_count, 0 as rejected_row_count, 3.5 as lake_billed_cost, 0 as mart_billed_cost,
               3.5 as difference, 0 as rejected_cost, false as is_reconciled""",
    "fct_exchange_rate_daily": """
        select unnest([date '2026-10-17', date '2026-10-18']) as usage_date, 'EUR' as billing_currency,
               'USD' as reporting_currency, true as is_missing""",
    "fct_estimate_drift_daily": """
        select 'Microsoft' as provider_name, day as usage_date, 'gpt-4.1' as model, 'output' as token_class,
               'USD' as currency, status, estimated as estimated_cost, estimated + drift as billed_cost,
               drift as drift_cost, drift as price_drift_cost, 0 as quantity_drift_cost, cause, 1 as tolerance
        from (values (date '2026-10-01', 'billed', 200, -50, 'price'),
                     (date '2026-10-02', 'partly', 100, 1.5, 'within_tolerance'),
                     (date '2026-10-19', 'estimated', 70, null, null)) as t(day, status, estimated, drift, cause)""",
    "fct_unpriced_usage": """
        select date '2026-10-19' as usage_date, 'openai' as provider_name, 'new-preview-model' as model,
               'output' as token_class, 184000 as tokens, 'no list knows the model' as reason,
               'USD' as guess_currency, 12.5 as guessed_cost, 'its family' as guess_basis""",
    "fct_price_disagreement": """
        select date '2026-10-05' as usage_date, 'openai' as provider_name, 'gpt-5.1' as model, 'output' as token_class,
               1000000 as tokens, 'USD' as currency, 'config' as price_source, 10 as price_per_1m_tokens,
               10 as estimated_cost, 'azure_retail' as other_price_source, 11 as other_price_per_1m_tokens,
               11 as other_cost, 1 as money_at_stake""",
    "fct_bill_overlap": """
        select 'azure-cost-api' as source_id, 'cost_query' as delivery_kind, '2026-10' as billing_month,
               'USD' as billing_currency, 31 as row_count, 77.5 as billed_cost,
               'the focus export tells the same subscription' as reason""",
    "fct_schema_drift": """
        select 'azure-exports' as source_id, 'azure__focus' as table_name, 'focus/#' as series,
               'x_NewColumn' as column_name, 'new_column' as change, 'kept as text' as outcome,
               'Nothing, if nobody needs it' as remedy, date '2026-10-12' as first_seen_date""",
    "fct_unparsed_meter": """
        select 'gpt 9 Inp' as sku_meter, 'Microsoft' as provider_name, date '2026-10-01' as billing_period_start,
               'USD' as billing_currency, 'no model of this name' as reason, 4.25 as effective_cost""",
    "fct_unclassified_ai_candidate": """
        select date '2026-10-01' as billing_period_start, 'Microsoft' as provider_name,
               'Virtual Machines' as service_name, 'NC24 v4' as sku_meter, 'gpu-word' as candidate_id,
             'vm-1' as resource_id, 'USD' as billing_currency,
               61.5 as effective_cost""",
    "fct_service_objective_daily": """
        select * from (values
            (date '2026-10-18', 'triage', 'Tickets are routed', 'latency', 20000, 0.95, true, 0.92, 1.6, 1.0, 1.4,
             1.6, 28, false, 160, 100.0),
            (date '2026-10-19', 'triage', 'Tickets are routed', 'latency', 20000, 0.95, true, 0.93, 1.4, 0.5, 1.2,
             1.4, 28, false, 140, 100.0),
            (date '2026-10-20', 'triage', 'Tickets are routed', 'latency', 20000, 0.95, false, 0.1, 9.9, 9.9, 9.9,
             9.9, 28, false, 990, 100.0),
            (date '2026-10-19', 'copilot', 'Copilot answers', 'availability', null, 0.99, true, 0.996, 0.4, 0.1, 0.3,
             0.4, 28, true, 40, 100.0)
        ) as t(usage_date, objective_id, objective_name, aspect, latency_target_milliseconds, target_ratio, is_complete,
               window_good_ratio, budget_burned_ratio, burn_rate_1d, burn_rate_7d, burn_rate_28d, window_days, is_met,
               window_bad_request_count, window_error_budget)""",
    "fct_alert_quality_monthly": """
        select date '2026-10-01' as incident_month, 'all' as team, unnest(['all', 'leaked_key']) as detector,
               'USD' as currency, 4 as incident_count, 1.4 as incidents_per_week, 2 as labelled_count,
               0.5 as label_coverage_ratio, 1 as real_count, 1 as false_count, 0.5 as precision_ratio,
               0.1 as precision_low, 0.9 as precision_high, 6.0 as median_hours_to_detect, 842.11 as caught_amount,
               1 as suppressed_count, 2 as expected_count""",
    "fct_provisioned_throughput_daily": """
        select unnest([date '2026-10-01', date '2026-10-02']) as usage_date, '/x/accounts/aoai-support' as resource_id,
               'units' as pool_id, 'USD' as billing_currency, 100 as unit_hours, 60 as used_unit_hours,
               500 as effective_cost, 150 as idle_cost, 200 as pay_as_you_go_cost, 20 as spillover_request_count,
               30 as spillover_cost""",
    "fct_interruption_daily": """
        select date '2026-10-03' as event_date, 'eviction' as kind, true as is_spot, 'robotics--app' as namespace,
               'robotics' as team, 'vision-train' as app, 'USD' as currency, 3 as event_count,
               7200 as repeated_gpu_seconds, 24.5 as estimated_repeated_cost""",
    "fct_training_run": """
        select 'r1' as run_key, 'train-1' as run_name, 'nightly' as experiment, 'robotics' as team,
               'vision-train' as app, 'retrain' as trigger_kind, 'failed' as status,
               timestamp '2026-10-04 02:00' as started_at, 2 as retries,
               36000 as gpu_seconds, 'USD' as currency, 41 as estimated_cost""",
    "fct_model_tradeoff_monthly": """
        select date '2026-10-01' as usage_month, 'ticket-triage' as app, 'azure.ai.openai' as provider_name,
               'gpt-4.1' as model, 'USD' as currency, 1000 as request_count, 90 as estimated_cost,
               0.09 as cost_per_request, 0.95 as quality_score, 0.94 as quality_low, 0.96 as quality_high,
               false as is_on_frontier, 'gpt-5-mini' as route_to_model, 50 as routing_saves_cost""",
    "fct_deployment_load_hourly": """
        select timestamp '2026-10-04 09:00' as usage_hour, '/x/accounts/aoai-support' as resource_id,
               'gpt-4.1-ptu' as deployment_name, 'gpt-4.1' as reported_model, 50 as request_count,
               7 as failed_request_count, 5 as throttled_request_count, 20 as spillover_request_count,
               1.0 as highest_provisioned_utilization_ratio""",
    "dim_price": """
        select 'azure.ai.openai' as provider_name, 'gpt-4.1' as model, token_class, source as price_source,
               rank as price_rank, 'swedencentral' as region_id, tier as service_tier, 'USD' as currency,
               price as price_per_1m_tokens,
               date '2026-01-01' as valid_from, meter as price_basis, 0 as min_input_tokens
        from (values ('input_uncached', 'invoice', 1, 'standard', 2.0, 'meter'),
                     ('input_uncached', 'config', 3, 'standard', 2.5, 'list'),
                     ('output', 'invoice', 1, 'standard', 8.0, 'meter-out'),
                     ('input_uncached', 'invoice', 1, 'batch', 1.0, 'meter-batch'))
             as t(token_class, source, rank, tier, price, meter)""",
    "fct_usage_cost_hourly": """
        select timestamp '2026-09-20 10:00' as usage_hour, 'azure_monitor' as source,
               'azure.ai.openai' as provider_name, '/x/accounts/old-account' as resource_id, 'gpt-4.1' as model,
               'documents' as team, 'doc-translate' as app,
               'output' as token_class, 10 as tokens, 1 as request_count, 'USD' as currency, 0.01 as estimated_cost,
               'priced' as price_status, true as is_attributable""",
    "fct_ai_cost_daily": """
        select unnest([date '2026-10-06', date '2026-10-07']) as usage_date, date '2026-10-01' as billing_period_start,
               'Microsoft' as provider_name, 'USD' as billing_currency, 'Azure OpenAI Service' as service_name,
               '/x/accounts/old-account' as resource_id, 'old-account' as resource_name, true as is_ai,
               'inference' as ai_category, 'documents' as team, 'doc-translate' as app, 'direct' as attribution_method,
               70 as billed_cost, 70 as effective_cost""",
}
_BUDGETS = """
    update fct_budget_status set burn_rate_ratio_1d = 1.3, burn_rate_ratio_7d = 1.25, burn_rate_ratio_28d = 1.2,
           exhaustion_date = '2026-10-27', owner = 'support-lead@example.com' where budget_id = 'support'"""


def publish_signals(published: Path, folder: Path) -> Path:
    """A folder like ``published`` with the rows of this module beside its own."""
    folder.mkdir(parents=True)
    for file in published.glob("*.parquet"):
        os.link(file, folder / file.name)  # a page may read files of its folder only, not what links lead to
    with duckdb.connect() as connection:
        for mart in {*_ROWS, "fct_budget_status"}:
            file = folder / f"{mart}.parquet"
            connection.execute(f"create table {mart} as from read_parquet('{file}')")
            if mart in _ROWS:
                connection.execute(f"insert into {mart} by name {_ROWS[mart]}")
            else:
                connection.execute(_BUDGETS)
            file.unlink()
            connection.table(mart).write_parquet(str(file))
    return folder


def publish_nothing(published: Path, folder: Path) -> Path:
    """Every mart of ``published``, without a row: a home whose first run has found nothing."""
    folder.mkdir(parents=True)
    with duckdb.connect() as connection:
        for file in published.glob("*.parquet"):
            connection.from_parquet(str(file)).filter("false").write_parquet(str(folder / file.name))
    return folder
