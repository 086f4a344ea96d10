-- Calls as spans tell them, in disjoint token classes.
{{ config(materialized='view') }}

select
    {{ usage_row({
        'usage_key': row_hash(["'spans'", 'said_key']),
        'source': "'spans'",
        'is_call_level': 'true',
        'used_at': 'start_at',
        'reported_provider': 'provider_name',
        'response_model': 'response_model',
        'request_model': 'request_model',
        'resource_id': 'resource_id',
        'deployment_name': 'deployment_name',
        'region_id': 'region_id',
        'deployment_type': 'deployment_type',
        'service_tier': 'service_tier',
        'team': 'team',
        'app': 'app',
        'feature': 'feature',
        'customer_hash': 'customer_hash',
        'environment': 'environment',
        'api_key_name': 'api_key_name',
        'input_tokens_in_request': 'input_tokens',
        'input_uncached': 'input_tokens - cache_read_tokens - cache_write_tokens - input_audio_tokens',
        'cache_read': 'cache_read_tokens',
        'cache_write_5m': 'cache_write_tokens - cache_write_1h_tokens',
        'cache_write_1h': 'cache_write_1h_tokens',
        'output': 'output_tokens - reasoning_tokens - output_audio_tokens',
        'reasoning': 'reasoning_tokens',
        'input_audio': 'input_audio_tokens',
        'output_audio': 'output_audio_tokens',
        'request_count': '1',
        'error_count': 'case when error_type is not null then 1 else 0 end',
        'repeat_count': 'case when retry_count > 0 then 1 else 0 end',
        'duration_milliseconds': call_milliseconds('start_at', 'end_at'),
        'first_token_milliseconds': 'round(first_token_seconds * 1000, 3)',
    }) }}
from {{ ref('stg_otel__genai_span') }}
