-- One row per call that LiteLLM logged. A call that was read again because it was logged late or changed counts as it
-- was read last.
{{ config(**in_days_of_usage('start_at')) }}
-- depends_on: {{ ref('int_usage__new_day') }}

with delivered as (
    select
        landed.*,
        row_number() over (
            partition by landed.source_id, landed.request_id
            order by landed.requested_at desc, landed.load_id desc, landed.load_file desc, landed.load_row desc
        ) as copy_number
    from {{ lake_usage('litellm__spend_log', 'start_at') }} as landed
),

typed as (
    select
        source_id,
        request_id,
        cast(start_at as timestamp) as start_at,
        cast(end_at as timestamp) as end_at,
        cast(first_token_at as timestamp) as first_token_at,
        call_type,
        coalesce(status, 'success') as status,
        case when status = 'failure' then coalesce(error_type, '_OTHER') end as error_type,
        custom_llm_provider,
        api_base,
        model,
        model_group,
        model_map_key,
        deployment_id,
        coalesce(cache_hit = 'true', false) as is_answered_by_proxy,
        coalesce(cast(prompt_tokens as bigint), 0) as prompt_tokens,
        coalesce(cast(completion_tokens as bigint), 0) as completion_tokens,
        coalesce(try_cast(cache_read_tokens as bigint), 0) as cache_read_tokens,
        coalesce(try_cast(cache_write_tokens as bigint), 0) as cache_write_tokens,
        coalesce(try_cast(cache_write_1h_tokens as bigint), 0) as cache_write_1h_tokens,
        coalesce(try_cast(reasoning_tokens as bigint), 0) as reasoning_tokens,
        coalesce(try_cast(input_audio_tokens as bigint), 0) as input_audio_tokens,
        coalesce(try_cast(output_audio_tokens as bigint), 0) as output_audio_tokens,
        {{ usual_service_tier('service_tier') }} as service_tier,
        coalesce(try_cast(retry_count as bigint), 0) as retry_count,
        spend,
        {{ amount_from_text('spend') }} as reported_spend,
        {{ given('team') }} as team,
        {{ given('app') }} as app,
        {{ given('feature') }} as feature,
        {{ given('project') }} as project,
        {{ given('environment') }} as environment,
        api_key_name,
        session_hash,
        customer_hash,
        user_hash,
        case
            when cache_read_tokens is not null and try_cast(cache_read_tokens as bigint) is null then 'cache_read_tokens'
            when cache_write_tokens is not null and try_cast(cache_write_tokens as bigint) is null then 'cache_write_tokens'
            when cache_write_1h_tokens is not null and try_cast(cache_write_1h_tokens as bigint) is null
                then 'cache_write_1h_tokens'
            when reasoning_tokens is not null and try_cast(reasoning_tokens as bigint) is null then 'reasoning_tokens'
            when input_audio_tokens is not null and try_cast(input_audio_tokens as bigint) is null then 'input_audio_tokens'
            when output_audio_tokens is not null and try_cast(output_audio_tokens as bigint) is null
                then 'output_audio_tokens'
        end as unreadable_column
    from delivered
    where copy_number = 1
)

select
    *,
    case
        when start_at is null then 'start_at'
        when unreadable_column is not null then unreadable_column
        when
            least(
                prompt_tokens, completion_tokens, cache_read_tokens, cache_write_tokens, cache_write_1h_tokens,
                reasoning_tokens, input_audio_tokens, output_audio_tokens
            ) < 0
            then 'input_tokens'
        when cache_read_tokens + cache_write_tokens + input_audio_tokens > prompt_tokens then 'cache_read_tokens'
        when cache_write_1h_tokens > cache_write_tokens then 'cache_write_1h_tokens'
        when reasoning_tokens + output_audio_tokens > completion_tokens then 'reasoning_tokens'
    end as rejected_column
from typed
