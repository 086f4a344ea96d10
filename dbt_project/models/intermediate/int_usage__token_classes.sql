-- Model usage from every source in disjoint token classes, so that each token is priced once. Providers count
-- differently: finops.tokens says how, and this is the same arithmetic in SQL.
with spans as (
    select
        'spans' as source,
        {{ hour_of('start_at') }} as usage_hour,
        provider_name as reported_provider,
        response_model,
        request_model,
        resource_id,
        deployment_name,
        team,
        app,
        cast(null as varchar) as project,
        feature,
        customer_hash,
        environment,
        input_tokens - cache_read_tokens - cache_write_tokens as input_uncached,
        cache_read_tokens as cache_read,
        cache_write_tokens as cache_write_5m,
        cast(0 as bigint) as cache_write_1h,
        output_tokens - reasoning_tokens as output,
        reasoning_tokens as reasoning,
        cast(1 as bigint) as request_count,
        case when error_type is not null then cast(1 as bigint) else cast(0 as bigint) end as error_count
    from {{ ref('stg_otel__genai_span') }}
),

records as (
    select
        'usage_file' as source,
        {{ hour_of('usage_at') }} as usage_hour,
        provider_name as reported_provider,
        model as response_model,
        cast(null as varchar) as request_model,
        resource_id,
        deployment_name,
        team,
        app,
        project,
        feature,
        customer_hash,
        environment,
        input_tokens
        - case
            when input_includes_cache then cache_read_tokens + cache_write_5m_tokens + cache_write_1h_tokens else 0
        end as input_uncached,
        cache_read_tokens as cache_read,
        cache_write_5m_tokens as cache_write_5m,
        cache_write_1h_tokens as cache_write_1h,
        output_tokens - reasoning_tokens as output,
        reasoning_tokens as reasoning,
        request_count,
        cast(0 as bigint) as error_count
    from {{ ref('stg_usage__record') }}
),

-- Azure has two generations of metric names; an account that answers to both is read once, the older name first.
points as (
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

metrics as (
    select
        'azure_monitor' as source,
        usage_hour,
        'azure.ai.openai' as reported_provider,
        model_name as response_model,
        cast(null as varchar) as request_model,
        resource_id,
        deployment_name,
        cast(null as varchar) as team,
        cast(null as varchar) as app,
        cast(null as varchar) as project,
        cast(null as varchar) as feature,
        cast(null as varchar) as customer_hash,
        cast(null as varchar) as environment,
        all_input - cached - least(written_5m + written_1h, all_input - cached) as input_uncached,
        cached as cache_read,
        least(written_5m, all_input - cached) as cache_write_5m,
        least(written_5m + written_1h, all_input - cached) - least(written_5m, all_input - cached) as cache_write_1h,
        all_output as output,
        cast(0 as bigint) as reasoning,
        cast(coalesce(openai_requests, model_requests, 0) as bigint) as request_count,
        cast(coalesce(failed_requests, 0) as bigint) as error_count
    from (
        select
            *,
            -- Metrics are sums of their own: never let a rounded share exceed what it is a share of.
            least(
                all_input, cast(coalesce(cached_tokens, round(all_input * cache_match_percent / 100.0), 0) as bigint)
            ) as cached
        from counted
    )
    where all_input > 0 or all_output > 0 or openai_requests > 0 or model_requests > 0
)

select * from spans
union all
select * from records
union all
select * from metrics
