-- Tokens of calls that failed, and of calls that repeat an earlier one, in the sources that tell calls one by one, at the price
-- of their day. A repeated call that fails is in both kinds. Calls that used no token cost nothing: they are counted only.
{% set classes = token_classes() %}

with told as (
    select
        usage_key,
        cast(used_at as date) as usage_date,
        coalesce(input_tokens_in_request, 0) as request_size,
        error_count,
        repeat_count,
        case when {{ classes | join(' + ') }} > 0 then 1 else 0 end as paid_count,
        {{ classes | join(', ') }}
    from {{ ref('int_usage__token_classes') }}
    where is_call_level and request_count = 1 and (error_count > 0 or repeat_count > 0)
),

meanings as (
    select usage_key, context_steps, {{ usage_meaning_columns() | join(', ') }}, price_key
    from {{ ref('int_usage__meaning') }}
),

summed as (
    {% for kind, is_kind in {'failed': 'error_count > 0', 'repeated': 'repeat_count > 0'}.items() %}
    select
        told.usage_date, '{{ kind }}' as kind, meanings.provider_name, meanings.model, meanings.team, meanings.app,
        meanings.feature, meanings.price_key,
        {{ largest_not_above('meanings.context_steps', 'told.request_size') }} as context_tier,
        {%- for class in classes %}
        cast(sum(told.{{ class }}) as bigint) as {{ class }},
        {%- endfor %}
        -- Requests are counted on the row of uncached input; the paid ones take the place of the errors.
        cast(count(*) as bigint) as request_count,
        cast(sum(told.paid_count) as bigint) as error_count
    from told
    inner join meanings on told.usage_key = meanings.usage_key
    where told.{{ is_kind }}
    group by 1, 2, 3, 4, 5, 6, 7, 8, 9
    {{ 'union all' if not loop.last }}
    {% endfor %}
)

select
    usage.usage_date,
    usage.kind,
    usage.provider_name,
    usage.model,
    usage.team,
    usage.app,
    usage.feature,
    usage.token_class,
    prices.currency,
    cast(sum(usage.tokens) as bigint) as tokens,
    cast(sum(usage.request_count) as bigint) as request_count,
    cast(sum(usage.error_count) as bigint) as paid_request_count,
    cast(sum({{ token_cost('usage.tokens', 'prices.price_per_1m_tokens') }}) as decimal(38, 12)) as estimated_cost
from {{ usage_by_class('summed', [
    'usage_date', 'kind', 'provider_name', 'model', 'team', 'app', 'feature', 'price_key', 'context_tier'
]) }} as usage
left join {{ ref('int_price__choice') }} as prices
    on
        usage.price_key = prices.price_key
        and usage.token_class = prices.token_class
        and usage.usage_date = prices.usage_date
        and usage.context_tier = prices.context_tier
        and prices.place = 1
group by 1, 2, 3, 4, 5, 6, 7, 8, 9
