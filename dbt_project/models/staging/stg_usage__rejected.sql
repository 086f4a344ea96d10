{{ config(materialized='view') }}

-- Usage whose token counts contradict each other, or that says neither when nor what: pricing it would be a guess.
with refused as (
    select
        source_id,
        'otel__genai_span' as table_name,
        x_file,
        x_row,
        rejected_column,
        false as is_unreadable,
        concat_ws(
            '; ',
            'trace_id=' || trace_id,
            'span_id=' || span_id,
            'start_at=' || cast(start_at as string),
            'model=' || coalesce(said.response_model, said.request_model),
            'app=' || said.app,
            'input_tokens=' || cast(input_tokens as string),
            'cache_read_tokens=' || cast(cache_read_tokens as string),
            'cache_write_tokens=' || cast(cache_write_tokens as string),
            'output_tokens=' || cast(output_tokens as string),
            'reasoning_tokens=' || cast(reasoning_tokens as string)
        ) as raw_row
    from {{ ref('base_otel__genai_span') }} as calls
    left join {{ ref('base_otel__genai_said') }} as said on calls.said_key = said.said_key
    where rejected_column is not null

    union all

    select
        source_id,
        'litellm__spend_log' as table_name,
        'LiteLLM_SpendLogs' as x_file,
        cast(null as bigint) as x_row,
        rejected_column,
        unreadable_column is not null as is_unreadable,
        concat_ws(
            '; ',
            'request_id=' || request_id,
            'start_at=' || cast(start_at as string),
            'model=' || model,
            'app=' || app,
            'prompt_tokens=' || cast(prompt_tokens as string),
            'cache_read_tokens=' || cast(cache_read_tokens as string),
            'cache_write_tokens=' || cast(cache_write_tokens as string),
            'completion_tokens=' || cast(completion_tokens as string),
            'reasoning_tokens=' || cast(reasoning_tokens as string)
        ) as raw_row
    from {{ ref('base_litellm__spend_log') }}
    where rejected_column is not null

    union all

    select
        source_id,
        'usage__record' as table_name,
        x_file,
        x_row,
        rejected_column,
        false as is_unreadable,
        concat_ws(
            '; ',
            'usage_at=' || cast(usage_at as string),
            'model=' || model,
            'app=' || app,
            'input_tokens=' || cast(input_tokens as string),
            'cache_read_tokens=' || cast(cache_read_tokens as string),
            'output_tokens=' || cast(output_tokens as string),
            'reasoning_tokens=' || cast(reasoning_tokens as string)
        ) as raw_row
    from {{ ref('base_usage__record') }}
    where rejected_column is not null

    union all

    select
        source_id,
        'openai__usage' as table_name,
        'organization/usage/' || endpoint as x_file,
        load_row + 1 as x_row,
        rejected_column,
        false as is_unreadable,
        concat_ws(
            '; ',
            'bucket_start=' || cast(bucket_start as string),
            'project_id=' || project_id,
            'model=' || model,
            'input_tokens=' || cast(input_tokens as string),
            'input_cached_tokens=' || cast(input_cached_tokens as string),
            'input_audio_tokens=' || cast(input_audio_tokens as string),
            'output_tokens=' || cast(output_tokens as string)
        ) as raw_row
    from {{ ref('base_openai__usage') }}
    where rejected_column is not null

    union all

    select
        source_id,
        'anthropic__usage' as table_name,
        'organizations/usage_report/messages' as x_file,
        load_row + 1 as x_row,
        rejected_column,
        false as is_unreadable,
        concat_ws(
            '; ',
            'bucket_start=' || cast(bucket_start as string),
            'workspace_id=' || workspace_id,
            'model=' || model,
            'uncached_input_tokens=' || cast(uncached_input_tokens as string),
            'cache_read_input_tokens=' || cast(cache_read_input_tokens as string),
            'output_tokens=' || cast(output_tokens as string)
        ) as raw_row
    from {{ ref('base_anthropic__usage') }}
    where rejected_column is not null
)

select
    source_id,
    table_name,
    x_file,
    x_row,
    rejected_column as column_name,
    case
        when is_unreadable then rejected_column || ' is no whole number'
        when rejected_column = 'input_tokens' then 'a token count is negative'
        when rejected_column = 'cache_read_tokens'
            then 'more cached and cache-writing tokens than input tokens, which should include them'
        when rejected_column = 'cache_write_1h_tokens'
            then 'more tokens written to the cache for an hour than written to it at all'
        when rejected_column = 'reasoning_tokens' then 'more reasoning tokens than output tokens, which should include them'
        when rejected_column = 'output_tokens' then 'more audio and image tokens than output tokens, which should include them'
        else rejected_column || ' is missing'
    end as reason,
    case
        when table_name in ('openai__usage', 'anthropic__usage')
            then 'Ask the vendor''s support; the figure is asked for again while the day settles'
        when table_name = 'litellm__spend_log'
            then 'Compare the call in LiteLLM with the provider''s answer; update LiteLLM where it counts wrongly'
        when rejected_column = 'cache_read_tokens'
            then 'If this producer counts cached tokens beside the input tokens, set input_includes_cache: false in its mapping; otherwise correct the counts'
        when rejected_column = 'reasoning_tokens' then 'Report output tokens including the reasoning tokens'
        when rejected_column = 'input_tokens' then 'Correct the counts at the producer and deliver the file again'
        else 'Deliver it with ' || rejected_column || ' filled in'
    end as remedy,
    raw_row
from refused
