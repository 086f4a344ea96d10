-- Priced usage by day and owner, with whether the bill has replaced it and the estimate as calibrated. Rows that are
-- replaced are on the bill and must not be added to it.
with usage as (
    select
        resource_id as account_id,
        usage_date,
        provider_name as usage_provider,
        model,
        {{ billed_token_class('token_class') }} as token_class,
        currency,
        team,
        app,
        project,
        environment,
        sum(cast(tokens as decimal(38, 0))) as tokens,
        sum(request_count) as request_count,
        sum(estimated_cost) as estimated_cost
    from {{ ref('int_usage__daily') }}
    where is_attributable and price_status = 'priced'
    group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
),

replaced as (
    select provider_name, account_id, usage_date, model, token_class, bool_or(is_replaced) as is_replaced
    from {{ ref('int_reconcile__daily') }}
    where status is not null
    group by 1, 2, 3, 4, 5
)

select
    usage.provider_name,
    usage.account_id,
    usage.usage_date,
    usage.model,
    usage.token_class,
    usage.currency,
    usage.team,
    usage.app,
    usage.project,
    usage.environment,
    cast(usage.tokens as bigint) as tokens,
    cast(usage.request_count as bigint) as request_count,
    coalesce(replaced.is_replaced, false) as is_replaced,
    cast(usage.estimated_cost as decimal(38, 12)) as estimated_cost,
    usage.calibration_factor,
    usage.calibrated_estimated_cost
from {{ calibrated_usage('usage') }} as usage
left join replaced
    on
        usage.provider_name = replaced.provider_name
        and usage.account_id is not distinct from replaced.account_id
        and usage.usage_date = replaced.usage_date
        and usage.model is not distinct from replaced.model
        and usage.token_class = replaced.token_class
