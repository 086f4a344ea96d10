-- Models of prices.yml and models that usage names, with what they cost on the day of the report: the best price of each
-- class for usage that says nothing of region, deployment or size.
{% set classes = ['input_uncached', 'cache_read', 'cache_write_5m', 'cache_write_1h', 'output', 'reasoning'] %}

with current_prices as (
    select
        book.*,
        row_number() over (
            partition by book.provider_name, book.model, book.token_class
            order by
                book.price_rank,
                case when book.deployment_type is null then 0 else 1 end
                + case when book.region_id is null then 0 else 1 end
                + case when book.model_release is null then 0 else 1 end,
                book.weight desc,
                case book.deployment_type when 'global' then 1 when 'data_zone' then 2 when 'regional' then 3 else 0 end,
                book.valid_from desc,
                book.price_id
        ) as place
    from {{ ref('int_price__book') }} as book
    cross join {{ ref('stg_config__setting') }} as settings
    where
        book.valid_from <= settings.as_of_date
        and book.valid_to > settings.as_of_date
        and book.service_tier = 'standard'
        and book.min_input_tokens = 0
        and book.is_typical_region
        and coalesce(book.deployment_type, 'global') <> 'provisioned'
),

priced as (
    select
        provider_name,
        model,
        min(currency) as currency,
        min(nullif(valid_from, cast('1970-01-01' as date))) as price_valid_from,
        min_by(price_basis, cast(price_rank + 100 as string) || price_basis) as price_source,
        {%- for class in classes %}
        min(price_per_1m_tokens) filter (where token_class = '{{ class }}') as {{ class }}_own
        {{- ',' if not loop.last }}
        {%- endfor %}
    from current_prices
    where place = 1
    group by 1, 2
),

used as (
    select provider_name, model, min(usage_date) as first_used_on, max(usage_date) as last_used_on
    from {{ ref('int_usage__daily') }}
    where model is not null
    group by 1, 2
),

every_model as (
    select lower(provider) as provider_name, model from {{ source('config', 'model_price') }}
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
    cast(
        {%- if class == 'reasoning' %} coalesce(priced.reasoning_own, priced.output_own)
        {%- elif class.startswith('cache') %} coalesce(priced.{{ class }}_own, priced.input_uncached_own)
        {%- else %} priced.{{ class }}_own
        {%- endif %} as decimal(38, 12)
    ) as {{ class }}_per_1m,
    {%- endfor %}
    used.first_used_on,
    used.last_used_on
from every_model
left join priced
    on every_model.provider_name is not distinct from priced.provider_name and every_model.model = priced.model
left join used
    on every_model.provider_name is not distinct from used.provider_name and every_model.model = used.model
