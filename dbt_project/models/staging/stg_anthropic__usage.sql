{{ config(materialized='view') }}

select
    source_id,
    bucket_width,
    bucket_start,
    bucket_end,
    workspace_id,
    api_key_id,
    user_hash,
    model,
    service_tier,
    context_window,
    inference_geo,
    uncached_input_tokens,
    cache_write_5m_tokens,
    cache_write_1h_tokens,
    cache_read_input_tokens,
    output_tokens,
    web_search_requests
from {{ ref('base_anthropic__usage') }}
where rejected_column is null
