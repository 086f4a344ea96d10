-- Usage as Azure Monitor counts it per deployment, in disjoint token classes.
{{ config(materialized='view') }}

-- Azure has two generations of metric names; an account that answers to both is read once, the older name first.
-- The older token metrics do not say the model: then it is the one that other metrics of the deployment name.
with deployments as (
    select
        resource_id,
        deployment_name,
        max(model_name) as model_name
    from {{ ref('stg_azure_monitor__metric') }}
    where deployment_name is not null
    group by 1, 2
),

named as (
    select
        lower(points.metric_name) as metric_name,
        points.aggregation,
        points.point_at,
        points.point_hour,
        points.resource_id,
        points.deployment_name,
        coalesce(
            points.model_name,
            case
                when points.deployment_name is not null
                    then max(points.model_name) over (
                        partition by points.resource_id, points.deployment_name, points.point_hour
                    )
            end,
            deployments.model_name
        ) as model_name,
        points.dimensions,
        points.value
    from {{ ref('stg_azure_monitor__metric') }} as points
    left join deployments
        on points.resource_id = deployments.resource_id and points.deployment_name = deployments.deployment_name
),

by_point as (
    select
        point_hour as usage_hour,
        point_at,
        resource_id,
        deployment_name,
        model_name,
        sum(value) filter (where metric_name = 'processedprompttokens') as prompt_tokens,
        sum(value) filter (where metric_name = 'inputtokens') as input_tokens,
        sum(value) filter (where metric_name = 'generatedtokens') as generated_tokens,
        sum(value) filter (where metric_name = 'outputtokens') as output_tokens,
        sum(value) filter (where metric_name = 'cachereadinputtokens') as cached_tokens,
        avg(value) filter (
            where metric_name = 'azureopenaicontexttokenscachematchrate' and lower(aggregation) = 'average'
        ) as cache_match_percent,
        sum(value) filter (where metric_name = 'ephemeral5minputtokens') as cache_write_5m_tokens,
        sum(value) filter (where metric_name = 'ephemeral1hinputtokens') as cache_write_1h_tokens,
        sum(value) filter (where metric_name = 'azureopenairequests') as openai_requests,
        sum(value) filter (where metric_name = 'modelrequests') as model_requests,
        sum(value) filter (
            where
                metric_name = 'azureopenairequests'
                and {{ matches(json_member('dimensions', "'$.StatusCode'"), "'^[45]'") }}
        ) as failed_openai_requests,
        sum(value) filter (
            where
                metric_name = 'modelrequests'
                and {{ matches(json_member('dimensions', "'$.StatusCode'"), "'^[45]'") }}
        ) as failed_model_requests
    from named
    group by 1, 2, 3, 4, 5
),

points as (
    select
        usage_hour,
        resource_id,
        deployment_name,
        model_name,
        sum(prompt_tokens) as prompt_tokens,
        sum(input_tokens) as input_tokens,
        sum(generated_tokens) as generated_tokens,
        sum(output_tokens) as output_tokens,
        sum(cached_tokens) as cached_tokens,
        -- Of several points, one with more tokens says more about how many of them a cache had.
        coalesce(
            sum(coalesce(prompt_tokens, input_tokens) * cache_match_percent)
            / nullif(
                sum(coalesce(prompt_tokens, input_tokens)) filter (where cache_match_percent is not null), 0
            ),
            avg(cache_match_percent)
        ) as cache_match_percent,
        sum(cache_write_5m_tokens) as cache_write_5m_tokens,
        sum(cache_write_1h_tokens) as cache_write_1h_tokens,
        sum(openai_requests) as openai_requests,
        sum(model_requests) as model_requests,
        case
            when sum(openai_requests) is not null then sum(failed_openai_requests) else sum(failed_model_requests)
        end as failed_requests
    from by_point
    group by 1, 2, 3, 4
),

counted as (
    select
        *,
        {{ whole_number('coalesce(prompt_tokens, input_tokens, 0)') }} as all_input,
        {{ whole_number('coalesce(generated_tokens, output_tokens, 0)') }} as all_output,
        {{ whole_number('coalesce(cache_write_5m_tokens, 0)') }} as written_5m,
        {{ whole_number('coalesce(cache_write_1h_tokens, 0)') }} as written_1h
    from points
),

shared as (
    select
        *,
        -- Metrics are sums of their own: never let a rounded share exceed what it is a share of.
        least(
            all_input, {{ whole_number("coalesce(cached_tokens, round(all_input * cache_match_percent / 100.0), 0)") }}
        ) as cached
    from counted
)

select
    {{ usage_row({
        'source': "'azure_monitor'",
        'is_call_level': 'false',
        'used_at': 'usage_hour',
        'reported_provider': "'azure.ai.openai'",
        'response_model': 'model_name',
        'resource_id': 'resource_id',
        'deployment_name': 'deployment_name',
        'input_uncached': 'all_input - cached - least(written_5m + written_1h, all_input - cached)',
        'cache_read': 'cached',
        'cache_write_5m': 'least(written_5m, all_input - cached)',
        'cache_write_1h': 'least(written_5m + written_1h, all_input - cached) - least(written_5m, all_input - cached)',
        'output': 'all_output',
        'request_count': 'coalesce(openai_requests, model_requests, 0)',
        'error_count': 'coalesce(failed_requests, 0)',
    }) }}
from shared
where all_input > 0 or all_output > 0 or openai_requests > 0 or model_requests > 0
