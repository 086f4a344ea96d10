-- The bill in the lake against the bill in the marts. The lake's side takes a path of its own, straight from the raw
-- text of the current snapshots, so that an error in staging, tagging or splitting cannot hide in both.
with raw_rows as (
    select
        coalesce(
            {{ given('landed.ProviderName') }}, {{ given('landed.ServiceProviderName') }},
            {{ given('landed.HostProviderName') }}, {{ given('landed.InvoiceIssuerName') }}, 'Unknown'
        ) as provider_name,
        cast({{ utc_from_text(focus_delivered('ChargePeriodStart')) }} as date) as usage_date,
        upper({{ focus_delivered('BillingCurrency') }}) as billing_currency,
        {{ amount_from_text(focus_delivered('BilledCost')) }} as billed_cost,
        landed.load_id,
        {{ bill_unit('landed') }}
    from {{ lake('focus__cost_and_usage') }} as landed
    inner join {{ ref('stg_lake__snapshot') }} as snapshots
        on landed.load_id = snapshots.load_id and snapshots.table_name = 'focus__cost_and_usage'
    left join {{ source('config', 'focus_source') }} as reading on snapshots.source_id = reading.source_id

    union all

    -- The answers of cost reports, but for days that came as a row of blanks.
    select
        'OpenAI',
        cast(landed.bucket_start as date),
        upper(landed.currency),
        try_cast(landed.amount as decimal(38, 12)),
        cast(null as string),
        '',
        '',
        ''
    from {{ current_answers('openai__cost', "'costs'") }} as landed
    where
        coalesce(landed.line_item, landed.project_id, landed.api_key_id) is not null
        or (landed.amount is not null and try_cast(landed.amount as decimal(38, 12)) is distinct from 0)

    union all

    select
        'Anthropic',
        cast(landed.bucket_start as date),
        upper(landed.currency),
        cast(try_cast(landed.amount_cents as decimal(38, 12)) * cast('0.01' as decimal(3, 2)) as decimal(38, 12)),
        cast(null as string),
        '',
        '',
        ''
    from {{ current_answers('anthropic__cost', "'costs'") }} as landed
    where
        coalesce(landed.description, landed.workspace_id) is not null
        or (landed.amount_cents is not null and try_cast(landed.amount_cents as decimal(38, 12)) is distinct from 0)

    union all

    select provider_name, usage_date, billing_currency, billed_cost, null, '', '', ''
    from {{ ref('int_reconciliation__saas') }}
),

-- Azure's two datasets tell one bill: the actual one says what is invoiced, except for the usage that both have, which
-- the amortised one may know later than the commitments.
azure_rows as (
    select
        landed.load_id,
        snapshots.delivery_id,
        landed.x_dataset = 'AmortizedCost' as is_amortized,
        {{ day_from_text('trim(landed.' ~ adapter.quote('Date') ~ ')') }} as usage_date,
        coalesce(
            {{ month_of(day_from_text('trim(landed.BillingPeriodStartDate)')) }},
            {{ month_of(day_from_text('trim(landed.' ~ adapter.quote('Date') ~ ')')) }}
        ) as month_start,
        upper({{ given('landed.BillingCurrency') }}) as billing_currency,
        try_cast(landed.CostInBillingCurrency as decimal(38, 12)) as cost,
        lower(landed.ChargeType) like 'unused%' as is_unused,
        lower(landed.ChargeType) in ('purchase', 'refund') as is_bought,
        lower(landed.ChargeType) = 'usage' as is_usage,
        case
            when {{ given('landed.PricingModel') }} is null
                then {{ given('landed.ReservationId') }} is not null or {{ given('landed.BenefitId') }} is not null
            else {{ matches('landed.PricingModel', "'^(reservation|savings ?plan)$'") }}
        end as is_committed,
        {{ matches('landed.ConsumedService', "'^microsoft[.](capacity|billingbenefits)$'") }} as is_commitment_service,
        coalesce(
            {{ last_part('coalesce(' ~ given('landed.BillingProfileId') ~ ', ' ~ given('landed.BillingAccountId') ~ ')') }}, ''
        ) as account_key,
        coalesce({{ last_part(given('landed.SubscriptionId')) }}, '') as sub_account_key
    from {{ lake('azure_cost__detail') }} as landed
    inner join {{ ref('stg_bill__snapshot') }} as snapshots on landed.load_id = snapshots.load_id
),

azure_horizon as (
    select delivery_id, month_start, max(usage_date) as last_date
    from azure_rows
    where is_amortized
    group by 1, 2
),

azure_billed as (
    select
        'Microsoft' as provider_name,
        azure_rows.usage_date,
        azure_rows.billing_currency,
        case when azure_rows.is_unused or (azure_rows.is_usage and azure_rows.is_committed) then 0 else azure_rows.cost end
            as billed_cost,
        azure_rows.load_id,
        azure_rows.account_key,
        azure_rows.sub_account_key,
        coalesce({{ time_as_text('azure_rows.month_start', "'%Y-%m'") }}, '') as billing_month
    from azure_rows
    left join azure_horizon
        on azure_rows.delivery_id = azure_horizon.delivery_id and azure_rows.month_start = azure_horizon.month_start
    where
        azure_rows.is_amortized <> (
            azure_rows.is_bought and (azure_rows.is_committed or azure_rows.is_commitment_service)
        )
        or (not azure_rows.is_amortized and coalesce(azure_rows.usage_date > azure_horizon.last_date, true))
),

lake as (
    select
        told.provider_name, told.usage_date, told.billing_currency, count(*) as lake_row_count,
        coalesce(sum(told.billed_cost), 0) as lake_billed_cost
    from (select * from raw_rows union all select * from azure_billed) as told
    left join (
        select distinct load_id, account_key, sub_account_key, billing_month from {{ ref('stg_bill__left_out') }}
    ) as left_out
        on
            told.load_id = left_out.load_id
            and told.account_key = left_out.account_key
            and told.sub_account_key = left_out.sub_account_key
            and told.billing_month = left_out.billing_month
    where left_out.load_id is null
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
