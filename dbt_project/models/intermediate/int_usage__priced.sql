-- Usage with the price of its day. A price is looked up once per combination that prices depend on; usage that no list
-- has a price for keeps a null cost and is called unpriced, never free.
{{ config(**in_days_of_usage('usage_date')) }}

with prices as (
    select * from {{ ref('int_price__choice') }} where place = 1 and {{ is_in_days_of_usage('usage_date') }}
)

select
    usage.source,
    usage.usage_hour,
    usage.usage_date,
    usage.provider_name,
    usage.resource_id,
    usage.deployment_name,
    usage.region_id,
    usage.deployment_type,
    usage.service_tier,
    usage.context_tier,
    usage.model,
    usage.reported_model,
    usage.team,
    usage.app,
    usage.project,
    usage.feature,
    usage.customer_hash,
    usage.environment,
    usage.token_class,
    usage.tokens,
    usage.request_count,
    usage.error_count,
    prices.price_per_1m_tokens,
    prices.price_id,
    prices.price_source,
    prices.price_valid_from,
    prices.currency,
    {{ token_cost('usage.tokens', 'prices.price_per_1m_tokens') }} as estimated_cost,
    case when prices.price_per_1m_tokens is null then 'unpriced' else 'priced' end as price_status,
    usage.is_attributable
from {{ ref('int_usage__hourly') }} as usage
left join prices
    on
        usage.provider_name = prices.provider_name
        and usage.model = prices.model
        and usage.model_release is not distinct from prices.model_release
        and usage.token_class = prices.token_class
        and usage.usage_date = prices.usage_date
        and usage.region_id is not distinct from prices.region_id
        and usage.deployment_type is not distinct from prices.deployment_type
        and usage.service_tier = prices.service_tier
        and usage.context_tier = prices.context_tier
where {{ is_in_days_of_usage('usage.usage_date') }}
