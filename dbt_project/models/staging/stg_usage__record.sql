{{ config(materialized='view') }}

select
    source_id,
    x_file,
    x_row,
    usage_at,
    provider_name,
    model,
    deployment_name,
    resource_id,
    request_count,
    input_includes_cache,
    input_tokens,
    cache_read_tokens,
    cache_write_5m_tokens,
    cache_write_1h_tokens,
    output_tokens,
    reasoning_tokens,
    team,
    app,
    project,
    feature,
    environment,
    customer_hash,
    user_hash
from {{ ref('base_usage__record') }}
where rejected_column is null
