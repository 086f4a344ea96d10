-- Latency, errors and load of model requests beside what they cost, per day and whatever served them. Sources may tell of the
-- same requests: a row is one source's, and only attributable ones have billed cost.
{% set own = ['usage_date'] + service_columns() %}
{% set latencies = [
    'mean_milliseconds', 'p50_milliseconds', 'p95_milliseconds', 'p99_milliseconds', 'longest_milliseconds',
    'mean_first_token_milliseconds', 'p50_first_token_milliseconds', 'p95_first_token_milliseconds'
] %}

with counted as (
    select
        {{ own | join(', ') }},
        bool_and(is_attributable) as is_attributable,
        sum(request_count) as request_count,
        sum(error_count) as error_count
    from {{ ref('int_usage__daily') }}
    where source in {{ service_sources() }}
    group by {{ own | join(', ') }}
),

estimated as (
    select {{ own | join(', ') }}, currency, sum(estimated_cost) as estimated_cost
    from {{ ref('int_usage__daily') }}
    where source in {{ service_sources() }} and price_status = 'priced'
    group by {{ own | join(', ') }}, currency
),

costs as (
    select
        {{ own | join(', ') }},
        currency,
        sum(effective_cost) as effective_cost,
        sum(estimated_cost) as estimated_cost,
        row_number() over (partition by {{ own | join(', ') }} order by currency) as currency_place
    from (
        select {{ own | join(', ') }}, currency, effective_cost, cast(null as decimal(38, 12)) as estimated_cost
        from {{ ref('int_service__cost_daily') }}
        union all
        select {{ own | join(', ') }}, currency, cast(null as decimal(38, 12)) as effective_cost, estimated_cost
        from estimated
    ) as both_bases
    group by {{ own | join(', ') }}, currency
),

-- Deployments as Azure Monitor sees them: hours with more requests say more about a mean. Sums of decimals are the same in
-- any order, so that a run that is repeated says the same to the last digit.
deployments as (
    select
        cast(usage_hour as date) as usage_date,
        'azure_monitor' as source,
        resource_id,
        deployment_name,
        sum(case when last_token_milliseconds is not null then request_count end) as timed_request_count,
        sum({{ decimal_of_double('last_token_milliseconds', 18, 6) }} * request_count)
        / nullif(sum(case when last_token_milliseconds is not null then request_count end), 0) as mean_milliseconds,
        max(longest_last_token_milliseconds) as longest_milliseconds,
        sum(case when first_token_milliseconds is not null then request_count end) as first_token_request_count,
        sum({{ decimal_of_double('first_token_milliseconds', 18, 6) }} * request_count)
        / nullif(sum(case when first_token_milliseconds is not null then request_count end), 0)
            as mean_first_token_milliseconds
    from {{ ref('fct_deployment_load_hourly') }}
    group by 1, 2, 3, 4
),

joined as (
    select
        {{ service_columns('counted') | join(', ') }},
        counted.usage_date,
        counted.is_attributable,
        costs.currency,
        costs.effective_cost,
        costs.estimated_cost,
        -- Counts stand in one row where a day has prices in several currencies.
        case when coalesce(costs.currency_place, 1) = 1 then counted.request_count end as request_count,
        case when coalesce(costs.currency_place, 1) = 1 then counted.error_count end as error_count,
        coalesce(calls.timed_request_count, deployments.timed_request_count, 0) as timed_request_count,
        coalesce(calls.first_token_request_count, deployments.first_token_request_count, 0) as first_token_request_count,
        {%- for latency in latencies %}
        {% if latency in ['mean_milliseconds', 'longest_milliseconds', 'mean_first_token_milliseconds'] -%}
            coalesce(calls.{{ latency }}, deployments.{{ latency }}) as {{ latency }},
        {%- else -%}
            calls.{{ latency }},
        {%- endif %}
        {%- endfor %}
        peaks.peak_seconds,
        case
            when coalesce(costs.currency_place, 1) = 1
                then {{ unit_price('peaks.peak_request_count', 'peaks.peak_seconds') }}
        end as peak_requests_per_second
    from counted
    left join costs on {{ agree_in('counted', 'costs', own) }}
    left join {{ ref('int_service__latency_daily') }} as calls on {{ agree_in('counted', 'calls', own) }}
    left join deployments
        on {{ agree_in('counted', 'deployments', ['usage_date', 'source', 'resource_id', 'deployment_name']) }}
    left join {{ ref('int_service__peak_daily') }} as peaks on {{ agree_in('counted', 'peaks', own) }}
    where counted.request_count > 0
)

select
    usage_date,
    source,
    provider_name,
    resource_id,
    deployment_name,
    model,
    team,
    app,
    is_attributable,
    cast(request_count as bigint) as request_count,
    cast(error_count as bigint) as error_count,
    {{ ratio('error_count', 'request_count') }} as error_ratio,
    cast(timed_request_count as bigint) as timed_request_count,
    {%- for latency in latencies %}
    cast({{ latency }} as double) as {{ latency }},
    {%- endfor %}
    cast(first_token_request_count as bigint) as first_token_request_count,
    cast(peak_requests_per_second as decimal(38, 12)) as peak_requests_per_second,
    cast(case when peak_requests_per_second is not null then peak_seconds end as bigint) as peak_seconds,
    currency
    {%- for basis in ['effective', 'estimated'] %},
    cast({{ basis }}_cost as decimal(38, 12)) as {{ basis }}_cost,
    cast({{ cost_per_unit(basis ~ '_cost', 'request_count') }} as decimal(38, 12)) as {{ basis }}_cost_per_request,
    cast({{ cost_per_unit(basis ~ '_cost', 'peak_requests_per_second') }} as decimal(38, 12))
        as {{ basis }}_cost_per_request_per_second
    {%- endfor %}
from joined
