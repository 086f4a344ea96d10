{{ config(**in_days_of_usage('usage_at')) }}
-- depends_on: {{ ref('int_usage__new_day') }}

with records as (
    select
        landed.source_id,
        landed.x_file,
        cast(landed.x_row as bigint) as x_row,
        cast(landed.usage_at as timestamp) as usage_at,
        landed.provider_name,
        landed.model,
        landed.deployment_name,
        lower(landed.resource_id) as resource_id,
        coalesce(cast(landed.request_count as bigint), 1) as request_count,
        coalesce(landed.input_includes_cache, true) as input_includes_cache,
        coalesce(cast(landed.input_tokens as bigint), 0) as input_tokens,
        coalesce(cast(landed.cache_read_tokens as bigint), 0) as cache_read_tokens,
        coalesce(cast(landed.cache_write_5m_tokens as bigint), 0) as cache_write_5m_tokens,
        coalesce(cast(landed.cache_write_1h_tokens as bigint), 0) as cache_write_1h_tokens,
        cast(landed.repeated_prefix_tokens as bigint) as repeated_prefix_tokens,
        coalesce(cast(landed.output_tokens as bigint), 0) as output_tokens,
        coalesce(cast(landed.reasoning_tokens as bigint), 0) as reasoning_tokens,
        coalesce(cast(landed.input_audio_tokens as bigint), 0) as input_audio_tokens,
        coalesce(cast(landed.cache_read_audio_tokens as bigint), 0) as cache_read_audio_tokens,
        coalesce(cast(landed.output_audio_tokens as bigint), 0) as output_audio_tokens,
        coalesce(cast(landed.input_image_tokens as bigint), 0) as input_image_tokens,
        coalesce(cast(landed.output_image_tokens as bigint), 0) as output_image_tokens,
        {{ given('landed.region_id') }} as region_id,
        {{ given('landed.deployment_type') }} as deployment_type,
        {{ given('landed.service_tier') }} as service_tier,
        {{ given('landed.team') }} as team,
        {{ given('landed.app') }} as app,
        {{ given('landed.project') }} as project,
        {{ given('landed.feature') }} as feature,
        {{ given('landed.environment') }} as environment,
        landed.customer_hash,
        landed.user_hash
    from {{ lake_usage('usage__record', 'usage_at') }} as landed
    inner join {{ lake_usage_snapshots() }} as snapshots
        on
            landed.load_id = snapshots.load_id
            and landed.snapshot_id = snapshots.snapshot_id
            and landed.source_id = snapshots.source_id
            and snapshots.table_name = 'usage__record'
)

select
    *,
    case
        when usage_at is null then 'usage_at'
        when
            least(
                input_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, output_tokens, reasoning_tokens,
                input_audio_tokens, cache_read_audio_tokens, output_audio_tokens, input_image_tokens, output_image_tokens
            ) < 0
            then 'input_tokens'
        when
            input_includes_cache
            and cache_read_tokens + cache_write_5m_tokens + cache_write_1h_tokens > input_tokens
            then 'cache_read_tokens'
        when reasoning_tokens > output_tokens then 'reasoning_tokens'
    end as rejected_column
from records
