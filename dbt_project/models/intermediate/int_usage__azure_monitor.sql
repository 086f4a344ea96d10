-- Usage as Azure Monitor counts it per deployment, in disjoint token classes.
{{ config(materialized='view') }}

-- Azure has two generations of metric names; an account that answers to both is read once, the older name first.
with points as (
    select
        point_hour as usage_hour,
        resource_id,
        deployment_name,
        model_name,
        sum(value) filter (where lower(metric_name) = 'processedprompttokens') as prompt_tokens,
        sum(value) filter (where lower(metric_name) = 'inputtokens') as input_tokens,
        sum(value) filter (where lower(metric_name) = 'generatedtokens') as generated_tokens,
        sum(value) filter (where lower(metric_name) = 'outputtokens') as output_tokens,
        sum(value) filter (where lower(metric_name) = 'cachereadinputtokens') as cached_tokens,
        avg(value) filter (where lower(metric_name) = 'azureopenaicontexttokenscachematchrate') as cache_match_percent,
        sum(value) filter (where lower(metric_name) = 'ephemeral5minputtokens') as cache_write_5m_tokens,
        sum(value) filter (where lower(metric_name) = 'ephemeral1hinputtokens') as cache_write_1h_tokens,
        sum(value) filter (where lower(metric_name) = 'azureopenairequests') as openai_requests,
        sum(value) filter (where lower(metric_name) = 'modelrequests') as model_requests,
        sum(value) filter (
            where
                lower(metric_name) in ('azureopenairequests', 'modelrequests')
                and {{ matches(json_member('dimensions', "'$.StatusCode'"), "'^[45]'") }}
        ) as failed_requests
    from {{ ref('stg_azure_monitor__metric') }}
    group by 1, 2, 3, 4
),

counted as (
    select
        *,
        cast(coalesce(prompt_tokens, input_tokens, 0) as bigint) as all_input,
        cast(coalesce(generated_tokens, output_tokens, 0) as bigint) as all_output,
        cast(coalesce(cache_write_5m_tokens, 0) as bigint) as written_5m,
        cast(coalesce(cache_write_1h_tokens, 0) as bigint) as written_1h
    from points
),

shared as (
    select
        *,
        -- Metrics are sums of their own: never let a rounded share exceed what it is a share of.
        least(
            all_input, cast(coalesce(cached_tokens, round(all_input * cache_match_percent / 100.0), 0) as bigint)
        ) as cached
    from counted
)

select
    {{ usage_row({
        'source': "'azure_monitor'",
        'is_call_level': 'false',
        'usage_hour': 'usage_hour',
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
