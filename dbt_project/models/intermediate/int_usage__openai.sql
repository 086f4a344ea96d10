-- Token usage as OpenAI counts it, in disjoint token classes. Usage that is counted in something else (images, seconds,
-- bytes) stays in stg_openai__usage, for its money is on the bill; so does moderation, which is free.
{{ config(materialized='view') }}

with named as (
    select
        usage.*,
        coalesce(projects.item_name, usage.project_id) as project_name,
        keys.item_name as api_key_name
    from {{ ref('stg_openai__usage') }} as usage
    left join {{ ref('stg_model_api__name') }} as projects
        on usage.source_id = projects.source_id and projects.kind = 'project' and usage.project_id = projects.item_id
    left join {{ ref('stg_model_api__name') }} as keys
        on usage.source_id = keys.source_id and keys.kind = 'api_key' and usage.api_key_id = keys.item_id
    where usage.endpoint in ('completions', 'embeddings')
)

select
    {{ usage_row({
        'source': "'openai'",
        'is_call_level': 'false',
        'used_at': 'bucket_start',
        'reported_provider': "'openai'",
        'response_model': 'model',
        'resource_id': model_api_resource('openai', 'project_id'),
        'service_tier': "case
            when is_batch then 'batch'
            when service_tier in ('default', 'auto') then 'standard'
            when service_tier = 'scale' then 'provisioned'
            else service_tier
        end",
        'project': 'project_name',
        'api_key_name': 'api_key_name',
        'input_uncached': 'input_tokens - input_cached_tokens - input_cache_write_tokens
            - case when is_all_kinds then input_audio_tokens + input_image_tokens else 0 end',
        'cache_read': 'input_cached_tokens - input_cached_audio_tokens',
        'cache_write_5m': 'input_cache_write_tokens',
        'output': 'output_tokens - case when is_all_kinds then output_audio_tokens + output_image_tokens else 0 end',
        'input_audio': 'input_audio_tokens',
        'cache_read_audio': 'input_cached_audio_tokens',
        'output_audio': 'output_audio_tokens',
        'input_image': 'input_image_tokens',
        'output_image': 'output_image_tokens',
        'request_count': 'request_count',
    }) }}
from named
where
    -- A day without usage may come as a row of blanks instead of no row.
    input_tokens + output_tokens + input_audio_tokens + output_audio_tokens + request_count > 0
