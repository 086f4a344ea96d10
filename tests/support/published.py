"""A published folder of every public mart, for tests of dashboards, of the portal and of who may see what.

Here: the organisation of ``mart_factory`` over 400 days, a smaller bill in EUR beside it, and the marts that follow
from its bill and its usage, all with exactly the columns and types that dbt's contracts promise.
Not here: what is asserted of it.

Planted beside the factory's facts: every team has its business unit and cost centre; ``unallocated`` spend has no team;
support and documents are billed in EUR too; a credit, a tax and a commitment's purchase each month; ``September 2026``
is closed and was changed afterwards; fct_ai_cost_daily and fct_allocated_charge have the same rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import yaml

from finops.paths import PROJECT_DIR
from finops.periods import BillingPeriod
from reports.dashboards.access import Published
from reports.dashboards.period import Period, month_period
from reports.dashboards.view import Operations, View
from tests.support import mart_factory
from tests.support.mart_factory import BILLED_THROUGH, Organisation, cost_row

DAYS = 400
EURO = Organisation(days=DAYS, currency="EUR")
EURO_RATE = Decimal("1.1")
EURO_TEAMS = {"support": ("support-copilot", Decimal("31.5")), "documents": ("doc-translate", Decimal("12.25"))}
CREDIT, TAX, PURCHASE = Decimal("-150"), Decimal("72.5"), Decimal("900")
TRUE_UP = Decimal("41.25")
UNITS = {
    "search": ("commerce", "CC-1010"),
    "support": ("commerce", "CC-1020"),
    "marketing": ("commerce", "CC-1030"),
    "documents": ("operations", "CC-2010"),
    "fraud": ("operations", "CC-2020"),
    "robotics": ("operations", "CC-2030"),
    "data-science": ("corporate", "CC-3010"),
    "platform": ("corporate", "CC-3020"),
}

_DERIVED = """
insert into dim_team by name
select team, business_unit, cost_center, true as is_configured, min(usage_date) as first_seen_on,
       max(usage_date) as last_seen_on
from fct_ai_cost_daily where team is not null group by all;

insert into dim_app by name
select app, team, true as is_configured, min(usage_date) as first_seen_on, max(usage_date) as last_seen_on
from fct_ai_cost_daily where app is not null group by all;

insert into dim_resource by name
select resource_id, any_value(resource_name) as resource_name, any_value(provider_name) as provider_name,
       any_value(sub_account_id) as sub_account_id, any_value(sub_account_name) as sub_account_name,
       any_value(region_id) as region_id, any_value(service_name) as service_name, bool_or(is_ai) as is_ai,
       any_value(team) as team, any_value(app) as app, min(usage_date) as first_charged_on,
       max(usage_date) as last_charged_on
from fct_ai_cost_daily group by 1;

insert into dim_date by name
select d as date_day, year(d) as year_number, month(d) as month_number, date_trunc('month', d)::date as month_start,
       strftime(d, '%Y-%m') as year_month, isodow(d) as iso_weekday, isodow(d) > 5 as is_weekend,
       year(d) as fiscal_year, quarter(d) as fiscal_quarter, month(d) as fiscal_month, true as is_past
from (select unnest(generate_series(min(usage_date), max(usage_date), interval 1 day))::date as d
      from fct_ai_cost_daily);

insert into fct_allocated_charge by name
select * exclude (charge_count, reporting_currency, reporting_billed_cost, reporting_effective_cost, ai_category_rule,
                  list_cost, contracted_cost, owner, pricing_category, is_shared, n),
       md5('a' || n) as allocation_id, md5('c' || n) as charge_id, 'azure-exports' as source_id, 'load' as load_id,
       '1760000000.0/0.parquet' as load_file, n as load_row, 1 as target_number, if(is_shared, 4, 1) as target_count,
       false as is_fallback,
       billed_cost * if(is_shared, 4, 1) as charge_billed_cost,
       effective_cost * if(is_shared, 4, 1) as charge_effective_cost,
       if(is_shared, 'shared-gpus', null) as pool_id, if(is_shared, 'gpu_seconds', null) as driver,
       if(is_shared, 'GPU seconds of the day', null) as weight_set,
       if(is_shared, 'shared-gpus', null) as allocation_path,
       if(is_shared, 'measured', null) as driver_basis, if(is_shared, 900, null) as driver_value,
       if(is_shared, 3600, null) as driver_total, if(is_shared, 0.25, null) as share,
       if(is_shared or team is null, null, 'team') as attribution_dimension,
       if(is_shared or team is null, null, 'tag') as attribution_match,
       if(is_shared or team is null, null, 'team') as attribution_tag_key,
       if(is_shared or team is null, null, team) as attribution_text
from (select *, attribution_method = 'allocated' as is_shared, row_number() over () as n
      from fct_ai_cost_daily);

insert into fct_statement_line_monthly by name
select billing_period_start, provider_name, billing_account_id, billing_currency, team, business_unit, cost_center,
       case when charge_category <> 'Usage' then lower(charge_category) when is_idle then 'idle'
            when attribution_method = 'allocated' then 'shared' else 'usage' end as section,
       service_name, model, charge_category, attribution_method, attribution_rule, sum(billed_cost) as billed_cost,
       sum(effective_cost) as effective_cost, count(*) as charge_count
from fct_ai_cost_daily group by all;

insert into fct_invoice_monthly by name
select billing_period_start, provider_name, provider_name as invoice_issuer_name, billing_account_id,
       if(billing_period_start < '2026-10-01', strftime(billing_period_start, 'INV-%Y%m'), null) as invoice_id,
       billing_currency, sum(billed_cost) as billed_cost, sum(effective_cost) as effective_cost,
       count(*) as charge_count
from fct_ai_cost_daily group by all;

insert into fct_closed_month by name
select provider_name, billing_period_start, (billing_period_start + interval 1 month)::date as billing_period_end,
       billing_currency, billing_period_start + interval 36 day as closed_at, 'provider' as closing_basis,
       '[]' as snapshot_ids, 0 as snapshot_count,
       sum(billed_cost) - max(late) as closing_billed_cost, sum(effective_cost) - max(late) as closing_effective_cost,
       if(max(late) > 0, 1, 0) as true_up_count, max(late) as true_up_billed_cost, max(late) as true_up_effective_cost,
       if(max(late) > 0, timestamp '2026-10-12 04:00', null) as last_true_up_at,
       sum(billed_cost) as current_billed_cost, sum(effective_cost) as current_effective_cost
from (select *, if(billing_period_start = '2026-09-01' and billing_currency = 'USD', $true_up, 0) as late
      from fct_ai_cost_daily)
where billing_period_start < '2026-10-01'
group by all;

insert into fct_true_up_monthly by name
select 'Microsoft' as provider_name, date '2026-09-01' as billing_period_start, 'Storage' as service_name,
       'USD' as billing_currency, 'true_up' as row_kind, 1 as true_up_number, timestamp '2026-10-06' as closed_at,
       'azure-exports' as source_id, timestamp '2026-10-12 04:00' as submitted_at, date '2026-10-01' as reported_month,
       $true_up as billed_cost, $true_up as effective_cost, 2 as charge_count_change;

insert into fct_exchange_rate_daily by name
select usage_date, billing_currency, reporting_currency, if(billing_currency = 'EUR', $rate, 1) as exchange_rate,
       date_trunc('month', usage_date)::date as rate_date,
       if(billing_currency = 'EUR', 'Group treasury', null) as rate_source, false as is_missing,
       sum(billed_cost) as billed_cost, sum(reporting_billed_cost) as reporting_billed_cost
from fct_ai_cost_daily group by all;

insert into fct_forecast_exchange_rate by name
select day::date as rate_date, 'USD' as currency, 'EUR' as pricing_currency, is_known, true as is_monthly,
       1.1 as expected_rate, if(is_known, 1.1, 1.083) as lower_rate, if(is_known, 1.1, 1.117) as upper_rate,
       if(is_known, 1.1, 1.075) as lower_95_rate, if(is_known, 1.1, 1.125) as upper_95_rate
from (select day, day < timestamp '2026-11-01' as is_known
      from generate_series(timestamp '2026-10-19', timestamp '2026-11-30', interval 1 day) as days(day));

insert into fct_cost_to_date_daily by name
select provider_name, usage_date, team, app, model, billing_currency as currency, 'billed' as basis,
       sum(billed_cost) as billed_cost, sum(effective_cost) as effective_cost
from fct_ai_cost_daily where is_ai group by all;

insert into fct_cost_to_date_daily by name
select provider_name, usage_hour::date as usage_date, team, app, model, currency, 'estimated' as basis,
       sum(estimated_cost) as estimated_cost, 1 as calibration_factor, sum(estimated_cost) as calibrated_estimated_cost
from fct_usage_cost_hourly where usage_hour::date > $through and estimated_cost is not null group by all;

insert into fct_prompt_economics_daily by name
select usage_hour::date as usage_date, provider_name, team, app, feature, model, currency,
       sum(request_count) as request_count, sum(request_count) // 40 as error_count,
       sum(tokens) filter (token_class in ('input_uncached', 'cache_read')) as input_tokens,
       sum(tokens) filter (token_class = 'cache_read') as cache_read_tokens, 0 as cache_write_tokens,
       sum(tokens) filter (token_class in ('output', 'reasoning')) as output_tokens,
       sum(tokens) filter (token_class = 'reasoning') as reasoning_tokens, 0 as batch_tokens, 0 as provisioned_tokens,
       sum(tokens) filter (estimated_cost is null) as unpriced_tokens, sum(estimated_cost) as estimated_cost,
       sum(estimated_cost) filter (token_class = 'input_uncached') as input_cost,
       sum(estimated_cost) filter (token_class = 'cache_read') as cache_read_cost, 0 as cache_write_cost,
       sum(estimated_cost) filter (token_class = 'output') as output_cost,
       sum(estimated_cost) filter (token_class = 'reasoning') as reasoning_cost,
       sum(estimated_cost) filter (token_class = 'cache_read') * 3 as cache_saved_cost,
       sum(if(app = 'contract-review', tokens, 0)) // 4 as missed_cache_tokens,
       sum(if(app = 'contract-review', estimated_cost, 0)) / 8 as missed_cache_cost,
       0 as missed_cache_cost_low, 0 as missed_cache_cost_high, 'own_past' as missed_basis, 0 as missed_peer_count,
       sum(request_count) // 40 as failed_request_count, 0 as failed_paid_request_count, 0.25 as failed_cost,
       sum(request_count) // 50 as repeated_request_count, 1 as repeated_paid_request_count, 0.75 as repeated_cost
from fct_usage_cost_hourly group by all;

insert into fct_service_level_daily by name
select usage_hour::date as usage_date, source, provider_name, resource_id, deployment_name, model, team, app,
       true as is_attributable, sum(request_count) as request_count, sum(request_count) // 40 as error_count,
       0.025 as error_ratio, sum(request_count) as timed_request_count, 900 as mean_milliseconds,
       800 as p50_milliseconds, 2400 as p95_milliseconds, 4200 as p99_milliseconds, 6100 as longest_milliseconds,
       currency, sum(estimated_cost) as estimated_cost, sum(estimated_cost) as effective_cost
from fct_usage_cost_hourly group by all;

insert into fct_gpu_utilization_daily by name
select usage_hour::date as usage_date, node as resource_id, gpu_model, 'dcgm' as meter, true as is_held, team, app,
       sum(allocated_seconds) * 6 as gpu_seconds, sum(allocated_seconds) * 6 as measured_gpu_seconds,
       sum(busy_gpu_seconds) * 6 as busy_gpu_seconds,
       sum(busy_gpu_seconds) / sum(allocated_seconds) as utilization_ratio, 0.6 as utilization_at_least,
       0.85 as utilization_at_most, 'within' as utilization_position
from fct_gpu_hourly group by all;

insert into fct_unit_cost_daily by name
select usage_date, 'ticket' as unit_id, 'Ticket resolved' as unit_name, 'bill' as cost_basis,
       'ticket_resolved' as measure, 'app' as grain, 'support' as team, 'support-copilot' as app, currency,
       cost as effective_cost, cost as total_cost, quantity, unit_cost, 0.08 as target_amount,
       unit_cost > 0.08 as is_above_target, true as is_complete,
       sum(cost) over week / sum(quantity) over week as trailing_7d_unit_cost,
       sum(cost) over four / sum(quantity) over four as trailing_28d_unit_cost
from fct_unit_economics_daily where unit = 'ticket_resolved' and scope_type = 'app'
window week as (order by usage_date rows 6 preceding), four as (order by usage_date rows 27 preceding);

insert into fct_value_monthly by name
select date_trunc('month', usage_date)::date as month_start, 'ticket-value' as unit_id,
       'Saved by resolved tickets' as unit_name, 'ticket_resolved' as outcome, 'support' as team,
       'support-copilot' as app, currency, count(*) as complete_day_count, sum(cost) as effective_cost,
       sum(cost) as total_cost, sum(cost) * 3 as value_amount, 0.333333 as cost_per_value, 2 as roi_ratio,
       5000 as investment_amount, sum(cost) as cumulative_cost_amount, sum(cost) * 3 as cumulative_value_amount,
       2 as cumulative_roi_ratio, date '2025-09-15' as first_date, date '2025-12-03' as payback_date, 80 as payback_days
from fct_unit_economics_daily where unit = 'ticket_resolved' and scope_type = 'app' group by all;

insert into fct_training_cost_monthly by name
select date_trunc('month', usage_date)::date as month_start, team, app, 'training' as stage,
       billing_currency as currency,
       12 as run_count, 3 as retrain_count, 2 as failed_run_count, 0 as unpriced_run_count, 4 as retries,
       360000 as gpu_seconds, sum(effective_cost) as estimated_cost, sum(effective_cost) / 4 as retrain_estimated_cost,
       sum(effective_cost) / 10 as failed_estimated_cost
from fct_ai_cost_daily where ai_category = 'training' and team is not null group by all;

insert into fct_tag_gap by name
select md5(resource_id) as tag_gap_id, row_number() over (order by sum(effective_cost) desc) as gap_rank, resource_id,
       resource_name, '/subscriptions/2222/resourcegroups/rg-lab' as resource_group_id, provider_name, sub_account_id,
       sub_account_name, service_name, billing_currency, true as is_ai, 'no_owner' as gap_kind,
       '["team", "app"]' as missing_dimensions, sum(effective_cost) as cost_of_last_30_days,
       sum(effective_cost) filter (usage_date >= '2026-10-01') as cost_of_open_month,
       max(usage_date) as last_charged_on, if(resource_name = 'mlw-untagged', 'robotics', null) as suggested_team,
       if(resource_name = 'mlw-untagged', 'siblings', null) as suggestion_source, 2 as sibling_count,
       3 as tagged_sibling_count, 'team' as team_tag_key
from fct_ai_cost_daily
where team is null and is_ai and usage_date > date '2026-10-18' - interval 30 day
group by all;
"""


def contracts() -> dict[str, dict[str, str]]:
    """Every public mart with its columns and their types, as dbt's contracts have them."""
    found: dict[str, dict[str, str]] = {}
    models = PROJECT_DIR / "dbt_project" / "models"
    for file in sorted([*(models / "marts").rglob("*.yml"), *(models / "signals").rglob("*.yml")]):
        for model in yaml.load(file.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader).get("models", []):
            found[model["name"]] = {column["name"]: column["data_type"] for column in model["columns"]}
    return found


def publish_marts(marts: Mapping[str, pd.DataFrame], folder: Path, derived: str = "", **values: Any) -> Path:
    """Every public mart as ``<folder>/<mart>.parquet``; what is not in ``marts`` is empty, or filled by ``derived``.

    Raises:
        duckdb.BinderException: a frame has a column that the mart's contract lacks.
    """
    folder.mkdir(parents=True, exist_ok=True)
    mart_factory.publish(dict(marts), folder)
    with duckdb.connect() as connection:
        for name, columns in contracts().items():
            connection.execute(f"create table {name} ({', '.join(f'{c} {kind}' for c, kind in columns.items())})")
        for name in marts:
            connection.execute(
                f"insert into {name} by name select * from read_parquet(?)", [f"{folder}/{name}.parquet"]
            )
        for statement in filter(None, map(str.strip, derived.split(";"))):
            connection.execute(statement, {name: value for name, value in values.items() if f"${name}" in statement})
        for name in contracts():
            connection.table(name).write_parquet(f"{folder}/{name}.parquet")
    return folder


def publish_organisation(folder: Path) -> Path:
    """The organisation of this module, published into ``folder``."""
    frames = mart_factory.build_marts(Organisation(days=DAYS))
    cost = pd.concat([frames["fct_ai_cost_daily"], pd.DataFrame(list(_more_cost()))], ignore_index=True)
    units = {None: (None, None), **UNITS}
    teams = [team if isinstance(team, str) else None for team in cost["team"]]
    rates = [EURO_RATE if currency == "EUR" else Decimal(1) for currency in cost["billing_currency"]]
    cost = cost.assign(
        business_unit=[units[team][0] for team in teams],
        cost_center=[units[team][1] for team in teams],
        reporting_currency="USD",
        reporting_billed_cost=[a * rate for a, rate in zip(cost["billed_cost"], rates, strict=True)],
        reporting_effective_cost=[a * rate for a, rate in zip(cost["effective_cost"], rates, strict=True)],
    )
    usage = frames["fct_usage_cost_hourly"]
    usage = usage.assign(feature=["chat" if hour.hour == 9 else None for hour in usage["usage_hour"]])
    marts = {**frames, "fct_ai_cost_daily": cost, "fct_usage_cost_hourly": usage}
    return publish_marts(marts, folder, _DERIVED, true_up=TRUE_UP, rate=EURO_RATE, through=BILLED_THROUGH)


def view_of(
    published: Published,
    scope: str | None = None,
    *,
    currency: str = "USD",
    period: Period | None = None,
    operations: Operations | None = None,
) -> View:
    """What a page of the organisation is asked for: October 2026 through the last billed day, if nothing else."""
    return View(
        published,
        mart_factory.AS_OF,
        period or month_period(BillingPeriod.containing(BILLED_THROUGH), BILLED_THROUGH),
        currency,
        BILLED_THROUGH,
        scope,
        operations or Operations(),
    )


def _more_cost() -> Iterator[dict[str, Any]]:
    """The bill in EUR, and what is no usage."""
    own = Organisation(days=DAYS)
    for number in range(DAYS):
        day = BILLED_THROUGH - timedelta(days=number)
        for team, (app, amount) in EURO_TEAMS.items():
            yield cost_row(EURO, day, "inference", amount, team=team, app=app, method="direct", model="gpt-4.1")
        if day.day == 1:
            yield _charge(own, day, None, "Credit", CREDIT, CREDIT)
            yield _charge(own, day, None, "Tax", TAX, TAX)
            yield _charge(own, day, "provisioned_capacity", "Purchase", PURCHASE, Decimal(0))


def _charge(
    own: Organisation, day: date, category: str | None, kind: str, billed: Decimal, effective: Decimal
) -> dict[str, Any]:
    row = cost_row(own, day, category, billed, team="platform", method="direct")
    return {**row, "charge_category": kind, "effective_cost": effective, "resource_id": None, "resource_name": None}
