-- Priced usage of the newest two days by slices of five minutes, where a source tells single calls, else by the hour; with
-- the key it was used by and whether it names a customer. For finding what runs away within minutes.
{{ config(**in_days_of_usage('usage_date')) }}

with newest as (
    select {{ add_days('as_of_date', 1 - var('usage_minutes_days')) }} as first_day from {{ ref('stg_config__setting') }}
),

book as (
    select {{ sorted_list('min_input_tokens') }} as steps, min(min_input_tokens) as first_step
    from {{ ref('int_price__book') }}
    where min_input_tokens > 0
),

summed as (
    select
        usage.usage_key,
        case
            when {{ tells_single_calls('usage.source') }} then {{ slice_of_minutes('usage.used_at') }}
            else {{ hour_of('usage.used_at') }}
        end as slice_at,
        {{ summed_usage_columns() }}
    from {{ ref('int_usage__token_classes') }} as usage
    cross join book
    cross join newest
    where {{ is_in_days_of_usage('usage.used_at') }} and usage.used_at >= newest.first_day
    group by 1, 2, 3
),

attributable as (
    select distinct meaning_key, usage_date
    from {{ ref('int_usage__hourly') }}
    where is_attributable and {{ is_in_days_of_usage('usage_date') }}
),

-- What a key and a customer are is in the words, what usage costs in their meaning.
meant as (
    select
        meanings.price_key,
        summed.slice_at,
        cast(summed.slice_at as date) as usage_date,
        case when {{ tells_single_calls('meanings.source') }} then 5 else 60 end as slice_minutes,
        {{ largest_not_above('meanings.context_steps', 'summed.context_step') }} as context_tier,
        meanings.source,
        meanings.team,
        meanings.app,
        meanings.model,
        meanings.feature,
        said.api_key_name,
        meanings.customer_hash is not null as has_customer,
        {%- for class in token_classes() %}
        summed.{{ class }},
        {%- endfor %}
        summed.request_count,
        summed.error_count
    from summed
    inner join {{ ref('int_usage__said') }} as said on summed.usage_key = said.usage_key
    inner join {{ ref('int_usage__meaning') }} as meanings on summed.usage_key = meanings.usage_key
    inner join attributable
        on meanings.meaning_key = attributable.meaning_key and cast(summed.slice_at as date) = attributable.usage_date
),

prices as (
    select *, {{ exact_price_per_token('price_per_1m_tokens') }} as price_per_token
    from {{ ref('int_price__choice') }}
    where place = 1 and {{ is_in_days_of_usage('usage_date') }}
)

select
    usage.slice_at,
    usage.usage_date,
    usage.slice_minutes,
    usage.source,
    prices.currency,
    usage.team,
    usage.app,
    usage.model,
    usage.feature,
    usage.api_key_name,
    usage.has_customer,
    usage.token_class,
    cast(sum(usage.request_count) as bigint) as request_count,
    cast(
        sum(
            coalesce(
                cast(usage.tokens as decimal(19, 0)) * prices.price_per_token,
                {{ token_cost('usage.tokens', 'prices.price_per_1m_tokens') }}
            )
        ) as decimal(38, 12)
    ) as estimated_cost
from {{ usage_by_class('meant', [
    'price_key', 'slice_at', 'usage_date', 'slice_minutes', 'context_tier', 'source', 'team', 'app', 'model', 'feature',
    'api_key_name', 'has_customer'
]) }} as usage
inner join prices
    on
        usage.price_key = prices.price_key
        and usage.token_class = prices.token_class
        and usage.usage_date = prices.usage_date
        and usage.context_tier = prices.context_tier
where prices.price_per_1m_tokens is not null
group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12
