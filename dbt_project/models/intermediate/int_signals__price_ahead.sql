-- Prices that lists date ahead, as what they do to the cost of a model: the forecast knows them from their day on. Each
-- class of tokens counts as much as it cost in the newest four weeks; within a list a price is compared with the one that
-- it follows, and of several lists the best ranked that has both says it.
{% set slot = [
    'provider_name', 'model', 'token_class', 'price_source', 'currency', 'region_id', 'deployment_type', 'service_tier',
    'model_release', 'min_input_tokens'
] %}

with settings as (
    select as_of_date, {{ add_days('as_of_date', -28) }} as first_day from {{ ref('stg_config__setting') }}
),

book as (
    select
        provider_name, model, token_class, price_source, price_rank, currency,
        coalesce(region_id, '') as region_id, coalesce(deployment_type, '') as deployment_type,
        coalesce(service_tier, '') as service_tier, coalesce(model_release, '') as model_release,
        coalesce(min_input_tokens, 0) as min_input_tokens, price_per_1m_tokens, valid_from, valid_to
    from {{ ref('int_price__book') }}
),

follows as (
    select
        ahead.provider_name, ahead.model, ahead.token_class, ahead.valid_from as starts_on, ahead.price_rank,
        avg(cast(ahead.price_per_1m_tokens as double) / cast(present.price_per_1m_tokens as double)) as price_ratio
    from book as ahead
    cross join settings
    inner join book as present
        on
            {% for column in slot %}{{ 'and ' if not loop.first }}ahead.{{ column }} = present.{{ column }}
            {% endfor %}
            and present.valid_from <= settings.as_of_date and present.valid_to > settings.as_of_date
            and present.price_per_1m_tokens > 0
    where ahead.valid_from > settings.as_of_date
    group by 1, 2, 3, 4, 5
),

told as (
    select
        provider_name, model, token_class, starts_on, price_ratio,
        row_number() over (partition by provider_name, model, token_class, starts_on order by price_rank) as place
    from follows
),

days as (
    select distinct provider_name, model, starts_on from told
),

-- What a class without a price of its own is priced as changes with it.
used as (
    select
        usage.provider_name, usage.model, usage.token_class, {{ fallback_class('usage.token_class') }} as fallback_class,
        sum(cast(usage.estimated_cost as double)) as cost
    from {{ ref('int_usage__priced') }} as usage
    cross join settings
    where usage.is_attributable and usage.price_status = 'priced' and usage.usage_date >= settings.first_day
    group by 1, 2, 3, 4
),

-- On a day a class has the newest of the prices that begin by then.
ratios as (
    select
        days.provider_name, days.model, days.starts_on, told.token_class, told.price_ratio,
        row_number() over (
            partition by days.provider_name, days.model, days.starts_on, told.token_class order by told.starts_on desc
        ) as place
    from days
    inner join told
        on
            days.provider_name = told.provider_name and days.model = told.model and told.place = 1
            and told.starts_on <= days.starts_on
),

priced as (
    select distinct provider_name, model, token_class from book
),

costs as (
    select
        days.model, days.starts_on, used.cost,
        case
            when own.price_ratio is not null then own.price_ratio
            when priced.token_class is null then coalesce(fallback.price_ratio, 1)
            else 1
        end as price_ratio
    from days
    inner join used on days.model = used.model
    left join priced
        on used.provider_name = priced.provider_name and used.model = priced.model and used.token_class = priced.token_class
    left join ratios as own
        on
            used.provider_name = own.provider_name and used.model = own.model and days.starts_on = own.starts_on
            and used.token_class = own.token_class and own.place = 1
    left join ratios as fallback
        on
            used.provider_name = fallback.provider_name and used.model = fallback.model
            and days.starts_on = fallback.starts_on and used.fallback_class = fallback.token_class and fallback.place = 1
    where days.provider_name = used.provider_name
)

select
    model,
    starts_on,
    sum(cost * price_ratio) / sum(cost) as price_ratio
from costs
group by 1, 2
having sum(cost) > 0
