-- The bill in the lake against the bill in the marts. The lake's side takes a path of its own, straight from the raw
-- text of the current snapshots, so that an error in staging, tagging or splitting cannot hide in both.
with raw_rows as (
    select
        coalesce(
            {{ given('landed.ProviderName') }}, {{ given('landed.ServiceProviderName') }},
            {{ given('landed.HostProviderName') }}, {{ given('landed.InvoiceIssuerName') }}, 'Unknown'
        ) as provider_name,
        cast({{ utc_from_text('landed.ChargePeriodStart') }} as date) as usage_date,
        upper({{ given('landed.BillingCurrency') }}) as billing_currency,
        try_cast(landed.BilledCost as decimal(38, 12)) as billed_cost
    from {{ lake('focus__cost_and_usage') }} as landed
    where
        landed.load_id in (
            select snapshots.load_id from {{ ref('stg_lake__snapshot') }} as snapshots
            where snapshots.table_name = 'focus__cost_and_usage'
        )
),

lake as (
    select
        provider_name, usage_date, billing_currency, count(*) as lake_row_count,
        coalesce(sum(billed_cost), 0) as lake_billed_cost
    from raw_rows
    group by 1, 2, 3
),

rejected as (
    select
        provider_name, usage_date, billing_currency, count(*) as rejected_row_count,
        coalesce(sum(billed_cost), 0) as rejected_cost
    from {{ ref('stg_focus__rejected') }}
    group by 1, 2, 3
),

mart as (
    select provider_name, usage_date, billing_currency, sum(billed_cost) as mart_billed_cost
    from {{ ref('fct_ai_cost_daily') }}
    group by 1, 2, 3
),

every_key as (
    select provider_name, usage_date, billing_currency from lake
    union
    select provider_name, usage_date, billing_currency from mart
),

compared as (
    select
        every_key.provider_name,
        every_key.usage_date,
        every_key.billing_currency,
        coalesce(lake.lake_row_count, 0) as lake_row_count,
        coalesce(rejected.rejected_row_count, 0) as rejected_row_count,
        coalesce(lake.lake_billed_cost, 0) as lake_billed_cost,
        coalesce(mart.mart_billed_cost, 0) as mart_billed_cost,
        coalesce(rejected.rejected_cost, 0) as rejected_cost
    from every_key
    {% for side in ['lake', 'rejected', 'mart'] -%}
    left join {{ side }}
        on
            every_key.provider_name is not distinct from {{ side }}.provider_name
            and every_key.usage_date is not distinct from {{ side }}.usage_date
            and every_key.billing_currency is not distinct from {{ side }}.billing_currency
    {% endfor %}
)

select
    provider_name,
    usage_date,
    billing_currency,
    lake_row_count,
    rejected_row_count,
    cast(lake_billed_cost as decimal(38, 12)) as lake_billed_cost,
    cast(mart_billed_cost as decimal(38, 12)) as mart_billed_cost,
    cast(lake_billed_cost - rejected_cost - mart_billed_cost as decimal(38, 12)) as difference,
    cast(rejected_cost as decimal(38, 12)) as rejected_cost,
    lake_billed_cost - rejected_cost = mart_billed_cost as is_reconciled
from compared
