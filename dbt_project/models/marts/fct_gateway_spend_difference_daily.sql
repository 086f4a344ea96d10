-- What the gateway says its calls cost beside what the price book says. Where they differ, one of the two price lists is
-- wrong.
with reported as (
    select
        cast(calls.start_at as date) as usage_date,
        names.provider_name,
        names.model,
        calls.resource_id,
        count(*) as request_count,
        sum(calls.prompt_tokens + calls.completion_tokens) filter (where not calls.is_answered_by_proxy) as tokens,
        cast(sum(calls.reported_spend) as decimal(38, 12)) as reported_spend
    from {{ ref('int_litellm__call') }} as calls
    inner join {{ ref('int_usage__model_name') }} as names
        on
            calls.reported_provider is not distinct from names.reported_provider
            and calls.response_model is not distinct from names.response_model
            and calls.request_model is not distinct from names.request_model
    group by 1, 2, 3, 4
),

estimated as (
    select
        cast(usage_hour as date) as usage_date,
        provider_name,
        model,
        resource_id,
        -- LiteLLM counts in US dollars.
        cast(sum(estimated_cost) filter (where currency = 'USD') as decimal(38, 12)) as estimated_cost,
        sum(tokens) filter (where currency is distinct from 'USD') as unpriced_tokens
    from {{ ref('fct_usage_cost_hourly') }}
    where source = 'litellm'
    group by 1, 2, 3, 4
)

select
    reported.usage_date,
    'litellm' as gateway,
    reported.provider_name,
    reported.model,
    reported.resource_id,
    cast(reported.request_count as bigint) as request_count,
    cast(coalesce(reported.tokens, 0) as bigint) as tokens,
    cast(coalesce(estimated.unpriced_tokens, 0) as bigint) as unpriced_tokens,
    'USD' as currency,
    reported.reported_spend,
    estimated.estimated_cost,
    cast(reported.reported_spend - estimated.estimated_cost as decimal(38, 12)) as difference,
    {{ ratio('reported.reported_spend - estimated.estimated_cost', 'estimated.estimated_cost') }} as difference_ratio
from reported
left join estimated
    on
        reported.usage_date = estimated.usage_date
        and reported.provider_name is not distinct from estimated.provider_name
        and reported.model is not distinct from estimated.model
        and reported.resource_id is not distinct from estimated.resource_id
