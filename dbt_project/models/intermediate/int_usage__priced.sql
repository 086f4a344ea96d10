-- Usage with its list price of that day. A price is looked up once per model, class and day; usage of a model that the
-- price book does not have keeps a null cost and is called unpriced, never free.
with wanted as (
    select distinct provider_name, model, token_class, usage_date
    from {{ ref('int_usage__hourly') }}
    where is_in_price_book
),

book as (
    select
        lower(provider) as provider_name,
        model,
        token_class,
        valid_from,
        min(price_id) as price_id,
        min(currency) as currency,
        min(price_per_1m_tokens) as price_per_1m_tokens
    from {{ source('config', 'model_price') }}
    group by 1, 2, 3, 4
),

prices as (
    select
        wanted.provider_name,
        wanted.model,
        wanted.token_class,
        wanted.usage_date,
        book.price_id,
        book.currency,
        book.price_per_1m_tokens
    from wanted
    {{ as_of_left_join(
        'book', 'book',
        [('wanted.provider_name', 'provider_name'), ('wanted.model', 'model'), ('wanted.token_class', 'token_class')],
        'wanted.usage_date', 'valid_from'
    ) }}
)

select
    usage.source,
    usage.usage_hour,
    usage.usage_date,
    usage.provider_name,
    usage.resource_id,
    usage.deployment_name,
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
    prices.currency,
    {{ token_cost('usage.tokens', 'prices.price_per_1m_tokens') }} as estimated_cost,
    case when prices.price_per_1m_tokens is null then 'unpriced' else 'priced' end as price_status,
    usage.is_attributable
from {{ ref('int_usage__hourly') }} as usage
left join prices
    on
        usage.provider_name = prices.provider_name
        and usage.model = prices.model
        and usage.token_class = prices.token_class
        and usage.usage_date = prices.usage_date
