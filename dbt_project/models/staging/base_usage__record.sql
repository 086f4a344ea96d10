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
        coalesce(cast(landed.output_tokens as bigint), 0) as output_tokens,
        coalesce(cast(landed.reasoning_tokens as bigint), 0) as reasoning_tokens,
        {{ given('landed.team') }} as team,
        {{ given('landed.app') }} as app,
        {{ given('landed.project') }} as project,
        {{ given('landed.feature') }} as feature,
        {{ given('landed.environment') }} as environment,
        landed.customer_hash,
        landed.user_hash
    from {{ lake('usage__record') }} as landed
    inner join {{ ref('stg_lake__snapshot') }} as snapshots
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
                input_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, output_tokens, reasoning_tokens
            ) < 0
            then 'input_tokens'
        when
            input_includes_cache
            and cache_read_tokens + cache_write_5m_tokens + cache_write_1h_tokens > input_tokens
            then 'cache_read_tokens'
        when reasoning_tokens > output_tokens then 'reasoning_tokens'
    end as rejected_column
from records
