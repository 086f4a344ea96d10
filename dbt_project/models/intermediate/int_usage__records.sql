-- Records of users' own tables of usage, in disjoint token classes.
{{ config(materialized='view') }}

select
    {{ usage_row({
        'source': "'usage_file'",
        'is_call_level': 'true',
        'used_at': 'usage_at',
        'reported_provider': 'provider_name',
        'response_model': 'model',
        'resource_id': 'resource_id',
        'deployment_name': 'deployment_name',
        'region_id': 'region_id',
        'deployment_type': 'deployment_type',
        'service_tier': 'service_tier',
        'team': 'team',
        'app': 'app',
        'project': 'project',
        'feature': 'feature',
        'customer_hash': 'customer_hash',
        'environment': 'environment',
        'input_tokens_in_request': 'case
            when request_count = 1 then input_tokens + input_audio_tokens + cache_read_audio_tokens + input_image_tokens
                + case
                    when input_includes_cache then 0
                    else cache_read_tokens + cache_write_5m_tokens + cache_write_1h_tokens
                end
        end',
        'input_uncached': 'input_tokens - case
            when input_includes_cache then cache_read_tokens + cache_write_5m_tokens + cache_write_1h_tokens else 0
        end',
        'cache_read': 'cache_read_tokens',
        'cache_write_5m': 'cache_write_5m_tokens',
        'cache_write_1h': 'cache_write_1h_tokens',
        'output': 'output_tokens - reasoning_tokens',
        'reasoning': 'reasoning_tokens',
        'input_audio': 'input_audio_tokens',
        'cache_read_audio': 'cache_read_audio_tokens',
        'output_audio': 'output_audio_tokens',
        'input_image': 'input_image_tokens',
        'output_image': 'output_image_tokens',
        'request_count': 'request_count',
        'repeated_prefix_tokens': 'repeated_prefix_tokens',
    }) }}
from {{ ref('stg_usage__record') }}
