-- Usage with the price of its day. A price is looked up once per combination that prices depend on; usage that no list
-- has a price for keeps a null cost and is called unpriced, never free.
{{ config(**in_days_of_usage('usage_date')) }}

with meanings as (
    select distinct meaning_key, price_key, {{ usage_meaning_columns() | join(', ') }}
    from {{ ref('int_usage__meaning') }}
),

prices as (
    select *, {{ exact_price_per_token('price_per_1m_tokens') }} as price_per_token
    from {{ ref('int_price__choice') }}
    where place = 1 and {{ is_in_days_of_usage('usage_date') }}
)

select
    meanings.source,
    usage.usage_hour,
    usage.usage_date,
    meanings.provider_name,
    meanings.resource_id,
    meanings.deployment_name,
    meanings.region_id,
    meanings.deployment_type,
    meanings.service_tier,
    usage.context_tier,
    meanings.model,
    meanings.model_release,
    meanings.reported_model,
    meanings.team,
    meanings.app,
    meanings.project,
    meanings.feature,
    meanings.customer_hash,
    meanings.environment,
    usage.token_class,
    usage.tokens,
    usage.request_count,
    usage.error_count,
    prices.price_per_1m_tokens,
    prices.price_id,
    prices.price_source,
    prices.price_valid_from,
    prices.currency,
    coalesce(
        cast(usage.tokens as decimal(19, 0)) * prices.price_per_token,
        {{ token_cost('usage.tokens', 'prices.price_per_1m_tokens') }}
    ) as estimated_cost,
    case when prices.price_per_1m_tokens is null then 'unpriced' else 'priced' end as price_status,
    usage.is_attributable
from {{ usage_by_class(ref('int_usage__hourly'), [
    'meaning_key', 'usage_hour', 'usage_date', 'context_tier', 'is_attributable'
]) }} as usage
inner join meanings on usage.meaning_key = meanings.meaning_key
left join prices
    on
        meanings.price_key = prices.price_key
        and usage.token_class = prices.token_class
        and usage.usage_date = prices.usage_date
        and usage.context_tier = prices.context_tier
where {{ is_in_days_of_usage('usage.usage_date') }}
