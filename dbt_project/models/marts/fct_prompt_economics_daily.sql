-- What prompts are made of, what that costs and what caching saved and missed, by day, app, feature and model. At the price book's prices, as used.
{% set own = ['usage_date', 'provider_name', 'model', 'team', 'app', 'feature'] %}
{% set cache_classes = {
    'cache_read': 'input_uncached', 'cache_write_5m': 'input_uncached', 'cache_write_1h': 'input_uncached',
    'cache_read_audio': 'input_audio'
} %}

with priced as (
    select
        {{ own | join(', ') }},
        model_release, region_id, deployment_type, service_tier, context_tier, token_class, currency,
        -- Tokens of a class without a price stand beside those with one.
        coalesce(currency, max(currency) over (partition by {{ own | join(', ') }})) as row_currency,
        sum(tokens) as tokens,
        sum(request_count) as request_count,
        sum(error_count) as error_count,
        sum(estimated_cost) as estimated_cost
    from {{ ref('int_usage__daily') }}
    where is_attributable
    group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13
),

-- What cached tokens would have cost uncached: the price of fresh input for the same usage that day, where it was used.
fresh_prices as (
    select *
    from {{ ref('int_price__choice') }}
    where place = 1 and token_class in ('input_uncached', 'input_audio')
),

compared as (
    select
        priced.*,
        case
            when priced.estimated_cost is not null
                then {{ token_cost('priced.tokens', 'fresh_prices.price_per_1m_tokens') }} - priced.estimated_cost
        end as cache_saved_cost
    from priced
    left join fresh_prices
        on
            priced.provider_name = fresh_prices.provider_name
            and priced.model = fresh_prices.model
            and priced.model_release is not distinct from fresh_prices.model_release
            and priced.region_id is not distinct from fresh_prices.region_id
            and priced.deployment_type is not distinct from fresh_prices.deployment_type
            and priced.service_tier = fresh_prices.service_tier
            and priced.context_tier = fresh_prices.context_tier
            and priced.usage_date = fresh_prices.usage_date
            and priced.currency = fresh_prices.currency
            and case priced.token_class
                {%- for cached, fresh in cache_classes.items() %}
                when '{{ cached }}' then '{{ fresh }}'
                {%- endfor %}
            end = fresh_prices.token_class
),

daily as (
    select
        {{ own | join(', ') }},
        row_currency as currency,
        sum(request_count) as request_count,
        sum(error_count) as error_count,
        sum(case when {{ is_output_class('token_class') }} then 0 else tokens end) as input_tokens,
        sum(case when token_class like 'cache_read%' then tokens else 0 end) as cache_read_tokens,
        sum(case when token_class like 'cache_write%' then tokens else 0 end) as cache_write_tokens,
        sum(case when {{ is_output_class('token_class') }} then tokens else 0 end) as output_tokens,
        sum(case when token_class = 'reasoning' then tokens else 0 end) as reasoning_tokens,
        sum(case when service_tier = 'batch' then tokens else 0 end) as batch_tokens,
        sum(case when deployment_type = 'provisioned' then tokens else 0 end) as provisioned_tokens,
        sum(case when estimated_cost is null then tokens else 0 end) as unpriced_tokens,
        sum(estimated_cost) as estimated_cost,
        sum(case when not {{ is_output_class('token_class') }} then estimated_cost end) as input_cost,
        sum(case when token_class like 'cache_read%' then estimated_cost end) as cache_read_cost,
        sum(case when token_class like 'cache_write%' then estimated_cost end) as cache_write_cost,
        sum(case when {{ is_output_class('token_class') }} then estimated_cost end) as output_cost,
        sum(case when token_class = 'reasoning' then estimated_cost end) as reasoning_cost,
        sum(case when token_class like 'cache%' then cache_saved_cost end) as cache_saved_cost,
        sum(case when token_class like 'cache%' and cache_saved_cost is null then tokens else 0 end) as uncompared_cache_tokens
    from compared
    group by 1, 2, 3, 4, 5, 6, 7
),

-- Context per request where requests are counted: some sources tell of tokens alone.
counted as (
    select
        usage.usage_date, meanings.provider_name, meanings.model, meanings.team, meanings.app, meanings.feature,
        sum({{ input_classes() | join(' + ') }}) as counted_input_tokens,
        sum(usage.request_count) as counted_request_count
    from {{ ref('int_usage__hourly') }} as usage
    inner join (
        select distinct meaning_key, provider_name, model, team, app, feature from {{ ref('int_usage__meaning') }}
    ) as meanings on usage.meaning_key = meanings.meaning_key
    where usage.is_attributable and usage.request_count > 0
    group by 1, 2, 3, 4, 5, 6
),

in_vain_counts as (
    select
        {{ own | join(', ') }}
        {%- for kind in ['failed', 'repeated'] %},
        sum(case when kind = '{{ kind }}' then request_count else 0 end) as {{ kind }}_request_count,
        sum(case when kind = '{{ kind }}' then paid_request_count else 0 end) as {{ kind }}_paid_request_count
        {%- endfor %}
    from {{ ref('int_usage__in_vain') }}
    group by 1, 2, 3, 4, 5, 6
),

in_vain_costs as (
    select
        {{ own | join(', ') }},
        currency,
        sum(case when kind = 'failed' then estimated_cost end) as failed_cost,
        sum(case when kind = 'repeated' then estimated_cost end) as repeated_cost
    from {{ ref('int_usage__in_vain') }}
    where currency is not null
    group by 1, 2, 3, 4, 5, 6, 7
),

placed as (
    -- Counts without a currency stand in one row where a group has prices in several.
    select *, row_number() over (partition by {{ own | join(', ') }} order by currency) as currency_place
    from daily
)

select
    daily.usage_date,
    daily.provider_name,
    daily.team,
    daily.app,
    daily.feature,
    daily.model,
    daily.currency,
    {%- for count in [
        'request_count', 'error_count', 'input_tokens', 'cache_read_tokens', 'cache_write_tokens', 'output_tokens',
        'reasoning_tokens', 'batch_tokens', 'provisioned_tokens', 'unpriced_tokens'
    ] %}
    cast(daily.{{ count }} as bigint) as {{ count }},
    {%- endfor %}
    {{ ratio('daily.output_tokens', 'daily.input_tokens + daily.output_tokens') }} as output_ratio,
    {{ ratio('daily.cache_read_tokens', 'daily.input_tokens') }} as cache_hit_ratio,
    {{ ratio('daily.reasoning_tokens', 'daily.output_tokens') }} as reasoning_ratio,
    {{ ratio('daily.batch_tokens', 'daily.input_tokens + daily.output_tokens') }} as batch_ratio,
    {{ ratio('daily.provisioned_tokens', 'daily.input_tokens + daily.output_tokens') }} as provisioned_ratio,
    {{ ratio('counted.counted_input_tokens', 'counted.counted_request_count') }} as mean_input_tokens,
    case when daily.currency_place = 1 then sizes.sized_request_count end as sized_request_count,
    sizes.p50_input_tokens,
    sizes.p95_input_tokens,
    {%- for cost in [
        'estimated_cost', 'input_cost', 'cache_read_cost', 'cache_write_cost', 'output_cost', 'reasoning_cost',
        'cache_saved_cost'
    ] %}
    cast(daily.{{ cost }} as decimal(38, 12)) as {{ cost }},
    {%- endfor %}
    cast(daily.uncompared_cache_tokens as bigint) as uncompared_cache_tokens,
    missed.missed_cache_tokens,
    missed.missed_cache_cost,
    missed.missed_cache_cost_low,
    missed.missed_cache_cost_high,
    case
        when missed.missed_basis is not null then missed.missed_basis
        when daily.input_tokens > 0 then 'unknown'
    end as missed_basis,
    missed.missed_peer_count,
    {%- for kind in ['failed', 'repeated'] %}
    {%- for count in ['request_count', 'paid_request_count'] %}
    cast(
        coalesce(
            in_vain_counts.{{ kind }}_{{ count }},
            case when daily.currency_place = 1 and sizes.sized_request_count is not null then 0 end
        ) as bigint
    ) as {{ kind }}_{{ count }},
    {%- endfor %}
    cast(
        coalesce(
            in_vain_costs.{{ kind }}_cost,
            case when daily.currency is not null and sizes.sized_request_count is not null then 0 end
        ) as decimal(38, 12)
    ) as {{ kind }}_cost{{ ',' if not loop.last }}
    {%- endfor %}
from placed as daily
left join counted on {{ agree_in('daily', 'counted', own) }}
left join {{ ref('int_usage__call_size') }} as sizes on {{ agree_in('daily', 'sizes', own) }}
left join in_vain_counts on daily.currency_place = 1 and {{ agree_in('daily', 'in_vain_counts', own) }}
left join {{ ref('int_usage__missed_cache') }} as missed on {{ agree_in('daily', 'missed', own + ['currency']) }}
left join in_vain_costs on {{ agree_in('daily', 'in_vain_costs', own + ['currency']) }}
