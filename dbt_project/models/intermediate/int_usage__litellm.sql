-- Calls as LiteLLM logged them, in disjoint token classes. What the proxy's own cache answered cost nobody a token: the
-- request counts, its tokens do not. An answer that is not streamed has its first token when it ends: that tells nothing.
{{ config(materialized='view') }}

with paid as (
    select
        *,
        case when is_answered_by_proxy then 0 else 1 end as times
    from {{ ref('int_litellm__call') }}
)

select
    {{ usage_row({
        'source': "'litellm'",
        'is_call_level': 'true',
        'used_at': 'start_at',
        'reported_provider': 'reported_provider',
        'response_model': 'response_model',
        'request_model': 'request_model',
        'resource_id': 'resource_id',
        'deployment_name': 'model_group',
        'service_tier': 'service_tier',
        'team': 'team',
        'app': 'app',
        'project': 'project',
        'feature': 'feature',
        'customer_hash': 'customer_hash',
        'environment': 'environment',
        'api_key_name': 'api_key_name',
        'input_tokens_in_request': 'times * prompt_tokens',
        'input_uncached': 'times * (prompt_tokens - cache_read_tokens - cache_write_tokens - input_audio_tokens)',
        'cache_read': 'times * cache_read_tokens',
        'cache_write_5m': 'times * (cache_write_tokens - cache_write_1h_tokens)',
        'cache_write_1h': 'times * cache_write_1h_tokens',
        'output': 'times * (completion_tokens - reasoning_tokens - output_audio_tokens)',
        'reasoning': 'times * reasoning_tokens',
        'input_audio': 'times * input_audio_tokens',
        'output_audio': 'times * output_audio_tokens',
        'request_count': '1',
        'error_count': "case when status = 'failure' then 1 else 0 end",
        'repeat_count': 'case when retry_count > 0 then 1 else 0 end',
        'duration_milliseconds': call_milliseconds('start_at', 'end_at'),
        'first_token_milliseconds': 'case when first_token_at < end_at then '
            ~ call_milliseconds('start_at', 'first_token_at') ~ ' end',
    }) }}
from paid
