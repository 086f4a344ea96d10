{{ config(materialized='view') }}

-- Usage whose token counts contradict each other, or that says neither when nor what: pricing it would be a guess.
with refused as (
    select
        source_id,
        'otel__genai_span' as table_name,
        x_file,
        x_row,
        rejected_column,
        concat_ws(
            '; ',
            'trace_id=' || trace_id,
            'span_id=' || span_id,
            'start_at=' || cast(start_at as varchar),
            'model=' || coalesce(response_model, request_model),
            'app=' || app,
            'input_tokens=' || cast(input_tokens as varchar),
            'cache_read_tokens=' || cast(cache_read_tokens as varchar),
            'cache_write_tokens=' || cast(cache_write_tokens as varchar),
            'output_tokens=' || cast(output_tokens as varchar),
            'reasoning_tokens=' || cast(reasoning_tokens as varchar)
        ) as raw_row
    from {{ ref('base_otel__genai_span') }}
    where rejected_column is not null

    union all

    select
        source_id,
        'usage__record' as table_name,
        x_file,
        x_row,
        rejected_column,
        concat_ws(
            '; ',
            'usage_at=' || cast(usage_at as varchar),
            'model=' || model,
            'app=' || app,
            'input_tokens=' || cast(input_tokens as varchar),
            'cache_read_tokens=' || cast(cache_read_tokens as varchar),
            'output_tokens=' || cast(output_tokens as varchar),
            'reasoning_tokens=' || cast(reasoning_tokens as varchar)
        ) as raw_row
    from {{ ref('base_usage__record') }}
    where rejected_column is not null
)

select
    source_id,
    table_name,
    x_file,
    x_row,
    rejected_column as column_name,
    case rejected_column
        when 'input_tokens' then 'a token count is negative'
        when 'cache_read_tokens' then 'more cached and cache-writing tokens than input tokens, which should include them'
        when 'reasoning_tokens' then 'more reasoning tokens than output tokens, which should include them'
        else rejected_column || ' is missing'
    end as reason,
    case rejected_column
        when 'cache_read_tokens'
            then 'If this producer counts cached tokens beside the input tokens, set input_includes_cache: false in its mapping; otherwise correct the counts'
        when 'reasoning_tokens' then 'Report output tokens including the reasoning tokens'
        when 'input_tokens' then 'Correct the counts at the producer and deliver the file again'
        else 'Deliver it with ' || rejected_column || ' filled in'
    end as remedy,
    raw_row
from refused
