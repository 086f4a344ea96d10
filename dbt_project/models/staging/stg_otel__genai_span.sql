{{ config(materialized='view') }}

select
    source_id,
    x_file,
    x_row,
    trace_id,
    span_id,
    start_at,
    end_at,
    service_name,
    operation_name,
    provider_name,
    request_model,
    response_model,
    deployment_name,
    resource_id,
    input_tokens,
    cache_read_tokens,
    cache_write_tokens,
    output_tokens,
    reasoning_tokens,
    error_type,
    team,
    app,
    feature,
    environment,
    customer_hash,
    user_hash,
    api_key_name
from {{ ref('base_otel__genai_span') }}
where rejected_column is null
