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

accounts as (
    -- The provider that bills for the account, as int_reconcile__estimated found it.
    select account_id, max(provider_name) as provider_name
    from {{ ref('int_reconcile__estimated') }}
    where account_id is not null
    group by 1
),

billed_by as (
    select
        usage.*,
        coalesce(accounts.provider_name, {{ billing_provider('usage.usage_provider') }}) as provider_name
    from usage
    left join accounts on usage.account_id = accounts.account_id
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
    coalesce(calibrations.calibration_factor, cast(1 as decimal(18, 6))) as calibration_factor,
    cast(
        cast(usage.estimated_cost as decimal(26, 12)) * cast(coalesce(calibrations.calibration_factor, 1) as decimal(12, 6))
        as decimal(38, 12)
    ) as calibrated_estimated_cost
from billed_by as usage
left join replaced
    on
        usage.provider_name = replaced.provider_name
        and usage.account_id is not distinct from replaced.account_id
        and usage.usage_date = replaced.usage_date
        and usage.model is not distinct from replaced.model
        and usage.token_class = replaced.token_class
left join {{ ref('int_reconcile__calibration') }} as calibrations
    on
        usage.provider_name = calibrations.provider_name
        and usage.account_id is not distinct from calibrations.account_id
        and usage.model = calibrations.model
        and usage.currency = calibrations.currency
        and usage.usage_date = calibrations.usage_date
