-- Token usage as Anthropic counts it, which is in disjoint token classes already. It does not count requests.
{{ config(materialized='view') }}

with named as (
    select
        usage.*,
        coalesce(usage.workspace_id, 'default') as workspace,
        coalesce(workspaces.item_name, usage.workspace_id, 'default') as workspace_name,
        keys.item_name as api_key_name
    from {{ ref('stg_anthropic__usage') }} as usage
    left join {{ ref('stg_model_api__name') }} as workspaces
        on
            usage.source_id = workspaces.source_id
            and workspaces.kind = 'workspace'
            and usage.workspace_id = workspaces.item_id
    left join {{ ref('stg_model_api__name') }} as keys
        on usage.source_id = keys.source_id and keys.kind = 'api_key' and usage.api_key_id = keys.item_id
)

select
    {{ usage_row({
        'source': "'anthropic'",
        'is_call_level': 'false',
        'used_at': 'bucket_start',
        'reported_provider': "'anthropic'",
        'response_model': 'model',
        'resource_id': model_api_resource('anthropic', 'workspace'),
        'region_id': "case when inference_geo not in ('not_available', 'global') then inference_geo end",
        'deployment_type': "case inference_geo when 'global' then 'global' end",
        'service_tier': "case
            when service_tier like 'priority%' then 'priority'
            when service_tier like 'flex%' then 'flex'
            else service_tier
        end",
        'project': 'workspace_name',
        'api_key_name': 'api_key_name',
        'input_uncached': 'uncached_input_tokens',
        'cache_read': 'cache_read_input_tokens',
        'cache_write_5m': 'cache_write_5m_tokens',
        'cache_write_1h': 'cache_write_1h_tokens',
        'output': 'output_tokens',
    }) }}
from named
where
    uncached_input_tokens + cache_read_input_tokens + cache_write_5m_tokens + cache_write_1h_tokens + output_tokens > 0
