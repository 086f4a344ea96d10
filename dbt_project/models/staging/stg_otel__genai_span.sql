{{ config(materialized='view') }}

-- Grouped, though a key is there once: whoever asks for no words then reads none, because the engine sees that the join
-- changes nothing.
with said as (
    select
        said_key,
        {%- for column in span_words() %}
        any_value({{ column }}) as {{ column }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ ref('base_otel__genai_said') }}
    group by said_key
)

select
    calls.source_id,
    calls.x_file,
    calls.span_key,
    calls.start_at,
    calls.end_at,
    said.provider_name,
    said.request_model,
    said.response_model,
    said.deployment_name,
    said.resource_id,
    calls.input_tokens,
    calls.cache_read_tokens,
    calls.cache_write_tokens,
    calls.cache_write_1h_tokens,
    calls.repeated_prefix_tokens,
    calls.output_tokens,
    calls.reasoning_tokens,
    calls.input_audio_tokens,
    calls.output_audio_tokens,
    said.service_tier,
    said.deployment_type,
    said.region_id,
    calls.retry_count,
    calls.first_token_seconds,
    calls.error_type,
    said.team,
    said.app,
    said.feature,
    said.environment,
    said.customer_hash,
    said.api_key_name,
    calls.said_key
from {{ ref('base_otel__genai_span') }} as calls
left join said on calls.said_key = said.said_key
where calls.rejected_column is null
