-- Records of users' own tables of usage, in disjoint token classes.
{{ config(materialized='view') }}

select
    {{ usage_row({
        'source': "'usage_file'",
        'is_call_level': 'true',
        'usage_hour': hour_of('usage_at'),
        'reported_provider': 'provider_name',
        'response_model': 'model',
        'resource_id': 'resource_id',
        'deployment_name': 'deployment_name',
        'team': 'team',
        'app': 'app',
        'project': 'project',
        'feature': 'feature',
        'customer_hash': 'customer_hash',
        'environment': 'environment',
        'input_tokens_in_request': 'case when request_count = 1 then input_tokens end',
        'input_uncached': 'input_tokens - case
            when input_includes_cache then cache_read_tokens + cache_write_5m_tokens + cache_write_1h_tokens else 0
        end',
        'cache_read': 'cache_read_tokens',
        'cache_write_5m': 'cache_write_5m_tokens',
        'cache_write_1h': 'cache_write_1h_tokens',
        'output': 'output_tokens - reasoning_tokens',
        'reasoning': 'reasoning_tokens',
        'request_count': 'request_count',
    }) }}
from {{ ref('stg_usage__record') }}
