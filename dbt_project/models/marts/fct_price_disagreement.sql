-- Where lists disagree about what was used: per used combination and day, each other list's price beside the one that
-- counts, and what the usage would cost by it. Grain: combination, day, other list.
with used as (
    select
        provider_name,
        model,
        token_class,
        usage_date,
        region_id,
        deployment_type,
        service_tier,
        context_tier,
        model_release,
        sum(tokens) as tokens
    from {{ ref('int_usage__daily') }}
    where is_attributable
    group by 1, 2, 3, 4, 5, 6, 7, 8, 9
),

{% set key = [
    'provider_name', 'model', 'token_class', 'usage_date', 'region_id', 'deployment_type', 'service_tier', 'context_tier',
    'model_release'
] %}
compared as (
    select
        used.*,
        chosen.price_source,
        chosen.price_id,
        chosen.price_per_1m_tokens,
        chosen.currency,
        others.price_source as other_price_source,
        others.price_id as other_price_id,
        others.price_per_1m_tokens as other_price_per_1m_tokens
    from used
    inner join {{ ref('int_price__choice') }} as chosen
        on
            chosen.place = 1
            {%- for column in key %}
            and used.{{ column }} is not distinct from chosen.{{ column }}
            {%- endfor %}
    inner join {{ ref('int_price__choice') }} as others
        on
            others.place > 1
            {%- for column in key %}
            and used.{{ column }} is not distinct from others.{{ column }}
            {%- endfor %}
            -- Prices of two currencies, or of a class and its fallback, do not disagree: they are about different things.
            and chosen.currency = others.currency
            and chosen.fallback_class is not distinct from others.fallback_class
    where chosen.price_per_1m_tokens <> others.price_per_1m_tokens
)

select
    usage_date,
    provider_name,
    model,
    model_release,
    token_class,
    region_id,
    deployment_type,
    service_tier,
    cast(context_tier as bigint) as context_tier,
    cast(tokens as bigint) as tokens,
    currency,
    price_source,
    price_id,
    cast(price_per_1m_tokens as decimal(38, 12)) as price_per_1m_tokens,
    {{ token_cost('tokens', 'price_per_1m_tokens') }} as estimated_cost,
    other_price_source,
    other_price_id,
    cast(other_price_per_1m_tokens as decimal(38, 12)) as other_price_per_1m_tokens,
    {{ token_cost('tokens', 'other_price_per_1m_tokens') }} as other_cost,
    {{ ratio('other_price_per_1m_tokens', 'price_per_1m_tokens') }} as price_ratio,
    cast(
        {{ token_cost('tokens', 'other_price_per_1m_tokens') }} - {{ token_cost('tokens', 'price_per_1m_tokens') }}
        as decimal(38, 12)
    ) as money_at_stake
from compared
