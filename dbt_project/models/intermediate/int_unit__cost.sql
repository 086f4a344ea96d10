-- What units may be made of, by day and owner. Basis bill: AI spend on the bill, and the calibrated estimate of usage that no
-- bill has replaced. Basis usage: all model usage at the price book's prices. measured_by says who measures what the cost
-- bought: usage (tokens of the same account that day), gpu (GPU time of the same pool), or nobody.
with measured as (
    select distinct resource_id, usage_date
    from {{ ref('int_usage__daily') }}
    where is_attributable and resource_id is not null
),

billed as (
    select
        costs.usage_date,
        costs.billing_currency as currency,
        'bill' as cost_basis,
        case
            when {{ is_one_of('costs.driver', gpu_drivers() | list) }} and costs.driver_basis = 'measured' then 'gpu'
            when
                measured.resource_id is not null
                and (costs.ai_category in ('inference', 'provisioned_capacity') or costs.token_class is not null)
                then 'usage'
        end as measured_by,
        costs.resource_id,
        costs.team,
        costs.app,
        costs.project,
        cast(null as string) as feature,
        cast(null as string) as customer_hash,
        costs.model,
        costs.environment,
        costs.ai_category,
        costs.attribution_method,
        costs.effective_cost,
        cast(null as decimal(38, 12)) as estimated_cost
    from {{ ref('int_cost__union') }} as costs
    cross join {{ ref('stg_config__setting') }} as settings
    left join measured on costs.resource_id = measured.resource_id and costs.usage_date = measured.usage_date
    -- A purchase may start in the future.
    where costs.is_ai and costs.usage_date <= settings.as_of_date
),

not_billed_yet as (
    select
        usage_date,
        currency,
        'bill' as cost_basis,
        'usage' as measured_by,
        account_id as resource_id,
        team,
        app,
        project,
        cast(null as string) as feature,
        cast(null as string) as customer_hash,
        model,
        environment,
        'inference' as ai_category,
        case when team is null then 'unallocated' else 'direct' end as attribution_method,
        cast(null as decimal(38, 12)) as effective_cost,
        calibrated_estimated_cost as estimated_cost
    from {{ ref('int_reconcile__usage') }}
    where not is_replaced
),

used as (
    select
        usage_date,
        currency,
        'usage' as cost_basis,
        'usage' as measured_by,
        resource_id,
        team,
        app,
        project,
        feature,
        customer_hash,
        model,
        environment,
        cast(null as string) as ai_category,
        cast(null as string) as attribution_method,
        cast(null as decimal(38, 12)) as effective_cost,
        estimated_cost
    from {{ ref('int_usage__daily') }}
    where is_attributable and price_status = 'priced'
)

select
    usage_date, currency, cost_basis, measured_by, resource_id, team, app, project, feature, customer_hash, model, environment,
    ai_category, attribution_method,
    cast(sum(effective_cost) as decimal(38, 12)) as effective_cost,
    cast(sum(estimated_cost) as decimal(38, 12)) as estimated_cost
from (
    select * from billed
    union all
    select * from not_billed_yet
    union all
    select * from used
) as costs
group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14
