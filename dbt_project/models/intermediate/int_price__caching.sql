-- What reading and writing a cache would have cost usage with fresh input, whether it has one or not: like int_price__choice,
-- of classes that need not have been used.
with by_day as (
    select distinct meaning_key, usage_date, context_tier
    from {{ ref('int_usage__hourly') }}
    where input_uncached > 0
),

meanings as (
    select distinct meaning_key, price_key, {{ usage_price_columns() | join(', ') }}
    from {{ ref('int_usage__meaning') }}
    where is_in_price_book
),

used as (
    select distinct
        meanings.price_key,
        {%- for column in usage_price_columns() %}
        meanings.{{ column }},
        {%- endfor %}
        by_day.usage_date,
        by_day.context_tier
    from by_day
    inner join meanings on by_day.meaning_key = meanings.meaning_key
),

wanted as (
    {% for class in ['input_uncached', 'cache_read', 'cache_write_5m'] %}
    select *, '{{ class }}' as token_class from used
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

chosen as (
    select *
    from (with {{ price_choices('wanted') }}) as choices
    where place = 1
)

select
    fresh.price_key,
    fresh.usage_date,
    fresh.context_tier,
    fresh.currency,
    fresh.price_per_1m_tokens as fresh_price,
    reads.price_per_1m_tokens as read_price,
    -- Where a list has no price of writing, writing costs what fresh input does.
    coalesce(writes.price_per_1m_tokens, fresh.price_per_1m_tokens) as write_price
from chosen as fresh
-- A list without a price of its own for cached input offers no caching.
inner join chosen as reads
    on
        fresh.price_key = reads.price_key
        and fresh.usage_date = reads.usage_date
        and fresh.context_tier = reads.context_tier
        and fresh.currency = reads.currency
        and reads.token_class = 'cache_read'
        and reads.fallback_class is null
        and reads.price_per_1m_tokens < fresh.price_per_1m_tokens
left join chosen as writes
    on
        fresh.price_key = writes.price_key
        and fresh.usage_date = writes.usage_date
        and fresh.context_tier = writes.context_tier
        and fresh.currency = writes.currency
        and writes.token_class = 'cache_write_5m'
        and writes.price_per_1m_tokens >= fresh.price_per_1m_tokens
where fresh.token_class = 'input_uncached'
