-- Calls as spans tell them, in disjoint token classes.
{{ config(materialized='view') }}

{% set row = {
    'used_at': 'start_at',
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
    'repeated_prefix_tokens': 'repeated_prefix_tokens',
    'duration_milliseconds': call_milliseconds('start_at', 'end_at'),
    'first_token_milliseconds': 'round(first_token_seconds * 1000, 3)',
} %}
{% do row.update(usage_said_by_spans()) %}

select
    {{ usage_row(row) }}
from {{ ref('stg_otel__genai_span') }}
