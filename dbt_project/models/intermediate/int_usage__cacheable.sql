-- Input that a cache might have had: of prompts long enough, of usage whose price lists have a price for cached input. What
-- counts calls tells how long their prompts were on average: of each hour, meaning and price they are taken together.
-- `told_`: of sources that say what repeats at the start of prompts, call by call: the repeated tokens that were paid as fresh
-- input, and the rest of the fresh input.
{% set owner = ['provider_name', 'model', 'team', 'app', 'feature'] %}
{% set size = input_classes() | join(' + ') %}

with settings as (
    select minimum_prompt_tokens from {{ ref('stg_config__setting') }}
),

-- A token of provisioned capacity costs nothing, whether it is cached or not.
paid_by_token as (
    select meanings.*
    from {{ ref('int_usage__meaning') }} as meanings
    left join {{ ref('int_usage__provisioned') }} as provisioned
        on meanings.resource_id = provisioned.resource_id and meanings.deployment_name = provisioned.deployment_name
    where provisioned.resource_id is null
),

meanings as (
    select distinct meaning_key, price_key, {{ owner | join(', ') }}
    from paid_by_token
),

counted as (
    select
        usage.usage_date,
        {%- for column in owner %}
        meanings.{{ column }},
        {%- endfor %}
        meanings.price_key,
        usage.context_tier,
        sum(usage.request_count) as request_count,
        sum(usage.input_uncached + usage.cache_read + usage.cache_write_5m + usage.cache_write_1h) as input_tokens,
        sum(usage.input_uncached) as fresh_tokens,
        sum(usage.cache_read) as read_tokens,
        sum(usage.cache_write_5m + usage.cache_write_1h) as write_tokens
    from {{ ref('int_usage__hourly') }} as usage
    inner join meanings on usage.meaning_key = meanings.meaning_key
    cross join settings
    where
        usage.is_attributable
        and usage.request_count > 0
        and {{ size }} >= settings.minimum_prompt_tokens * usage.request_count
    group by 1, 2, 3, 4, 5, 6, 7, 8
),

callers as (
    select usage_key, price_key, context_steps, {{ owner | join(', ') }} from paid_by_token
),

calls as (
    select
        usage_key,
        cast(used_at as date) as usage_date,
        coalesce(input_tokens_in_request, 0) as request_size,
        input_uncached as fresh_tokens,
        case
            when {{ size }} < settings.minimum_prompt_tokens * request_count then 0
            -- What repeats is no more than the prompt, and what of it is cached already is not missed.
            else greatest(
                least(
                    least(repeated_prefix_tokens, {{ size }}) - cache_read - cache_write_5m - cache_write_1h - cache_read_audio,
                    input_uncached
                ),
                0
            )
        end as missed_tokens
    from {{ ref('int_usage__token_classes') }}
    cross join settings
    where repeated_prefix_tokens is not null and request_count > 0
),

told as (
    select
        calls.usage_date,
        {%- for column in owner %}
        callers.{{ column }},
        {%- endfor %}
        callers.price_key,
        {{ largest_not_above('callers.context_steps', 'calls.request_size') }} as context_tier,
        sum(calls.missed_tokens) as told_missed_tokens,
        -- The rest of the prompts in which something was missed: no more than that would have had to be written.
        sum(case when calls.missed_tokens > 0 then calls.fresh_tokens - calls.missed_tokens else 0 end) as told_rest_tokens
    from calls
    inner join callers on calls.usage_key = callers.usage_key
    group by 1, 2, 3, 4, 5, 6, 7, 8
),

places as (
    select usage_date, {{ owner | join(', ') }}, price_key, context_tier from counted
    union
    select usage_date, {{ owner | join(', ') }}, price_key, context_tier from told
)

select
    places.*,
    cast(coalesce(counted.request_count, 0) as bigint) as request_count,
    cast(coalesce(counted.input_tokens, 0) as bigint) as input_tokens,
    cast(coalesce(counted.fresh_tokens, 0) as bigint) as fresh_tokens,
    cast(coalesce(counted.read_tokens, 0) as bigint) as read_tokens,
    cast(coalesce(counted.write_tokens, 0) as bigint) as write_tokens,
    cast(told.told_missed_tokens as bigint) as told_missed_tokens,
    cast(told.told_rest_tokens as bigint) as told_rest_tokens,
    prices.currency,
    prices.fresh_price,
    prices.read_price,
    prices.write_price
from places
inner join {{ ref('int_price__caching') }} as prices
    on
        places.price_key = prices.price_key
        and places.usage_date = prices.usage_date
        and places.context_tier = prices.context_tier
left join counted
    on {{ agree_in('places', 'counted', ['usage_date'] + owner + ['price_key', 'context_tier']) }}
left join told
    on {{ agree_in('places', 'told', ['usage_date'] + owner + ['price_key', 'context_tier']) }}
