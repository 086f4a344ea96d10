-- Anthropic's usage as the newest answers gave it, with the reason why a row cannot be used where there is one.
{{ config(materialized='view') }}

{% set counts = [
    'uncached_input_tokens', 'cache_write_5m_tokens', 'cache_write_1h_tokens', 'cache_read_input_tokens', 'output_tokens',
    'web_search_requests'
] %}

with answered as (
    select
        load_id,
        load_file,
        load_row,
        source_id,
        bucket_width,
        cast(bucket_start as timestamp) as bucket_start,
        cast(bucket_end as timestamp) as bucket_end,
        workspace_id,
        api_key_id,
        user_hash,
        model,
        service_tier,
        context_window,
        inference_geo,
        {%- for name in counts %}
        cast(coalesce({{ name }}, 0) as bigint) as {{ name }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ current_answers('anthropic__usage', "'messages'") }} as landed
)

select
    *,
    case when least({{ counts | join(', ') }}) < 0 then 'input_tokens' end as rejected_column
from answered
