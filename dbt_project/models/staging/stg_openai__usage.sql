{{ config(materialized='view') }}

select
    source_id,
    endpoint,
    bucket_width,
    bucket_start,
    bucket_end,
    project_id,
    api_key_id,
    user_hash,
    model,
    is_batch,
    service_tier,
    is_all_kinds,
    input_tokens,
    input_cached_tokens,
    input_cache_write_tokens,
    input_audio_tokens,
    input_cached_audio_tokens,
    input_image_tokens,
    output_tokens,
    output_audio_tokens,
    output_image_tokens,
    request_count,
    quantity,
    quantity_unit
from {{ ref('base_openai__usage') }}
where rejected_column is null
