-- OpenAI's usage as the newest answers gave it, with the reason why a row cannot be used where there is one.
{{ config(materialized='view') }}

{% set counts = [
    'input_tokens', 'input_cached_tokens', 'input_cache_write_tokens', 'input_audio_tokens',
    'input_cached_audio_tokens', 'input_image_tokens', 'output_tokens', 'output_audio_tokens', 'output_image_tokens',
    'request_count'
] %}

with answered as (
    select
        load_id,
        load_file,
        load_row,
        source_id,
        endpoint,
        bucket_width,
        cast(bucket_start as timestamp) as bucket_start,
        cast(bucket_end as timestamp) as bucket_end,
        project_id,
        api_key_id,
        user_hash,
        model,
        is_batch,
        service_tier,
        -- Older answers count text in input_tokens and audio beside it; newer ones all kinds together.
        input_uncached_tokens is not null as is_all_kinds,
        {%- for name in counts %}
        cast(coalesce({{ name }}, 0) as bigint) as {{ name }},
        {%- endfor %}
        cast(quantity as bigint) as quantity,
        quantity_unit
    from {{ current_answers('openai__usage', 'landed.endpoint') }} as landed
)

select
    *,
    case
        when least({{ counts | join(', ') }}) < 0 then 'input_tokens'
        when
            input_cached_tokens + input_cache_write_tokens
            + case when is_all_kinds then input_audio_tokens + input_image_tokens else 0 end > input_tokens
            then 'cache_read_tokens'
        when input_cached_audio_tokens > input_cached_tokens then 'cache_read_tokens'
        when is_all_kinds and output_audio_tokens + output_image_tokens > output_tokens then 'output_tokens'
    end as rejected_column
from answered
