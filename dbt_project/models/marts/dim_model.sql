-- The price book with the prices of the day of the report, and models that usage names and the price book does not
-- have.
{% set classes = ['input_uncached', 'cache_read', 'cache_write_5m', 'cache_write_1h', 'output', 'reasoning'] %}

with current_prices as (
    select prices.*
    from {{ source('config', 'model_price') }} as prices
    cross join {{ ref('stg_config__setting') }} as settings
    where
        prices.valid_from <= settings.as_of_date
        and (prices.valid_to is null or prices.valid_to > settings.as_of_date)
),

priced as (
    select
        lower(provider) as provider_name,
        model,
        min(currency) as currency,
        min(valid_from) as price_valid_from,
        min(source) as price_source
        {%- for class in classes %},
        min(price_per_1m_tokens) filter (where token_class = '{{ class }}') as {{ class }}_per_1m
        {%- endfor %}
    from current_prices
    group by 1, 2
),

used as (
    select provider_name, model, min(usage_date) as first_used_on, max(usage_date) as last_used_on
    from {{ ref('int_usage__priced') }}
    where model is not null
    group by 1, 2
),

every_model as (
    select provider_name, model from priced
    union
    select provider_name, model from used
)

select
    every_model.provider_name,
    every_model.model,
    priced.model is not null as is_in_price_book,
    priced.currency,
    priced.price_valid_from,
    priced.price_source,
    {%- for class in classes %}
    cast(priced.{{ class }}_per_1m as decimal(38, 12)) as {{ class }}_per_1m,
    {%- endfor %}
    used.first_used_on,
    used.last_used_on
from every_model
left join priced
    on every_model.provider_name is not distinct from priced.provider_name and every_model.model = priced.model
left join used
    on every_model.provider_name is not distinct from used.provider_name and every_model.model = used.model
