-- Published price lists per model and token class, the newest version of each list.
select
    landed.source_id,
    landed.snapshot_id,
    landed.list_name,
    landed.provider_name,
    landed.model,
    cast(landed.model_order as bigint) as model_order,
    landed.model_pattern,
    landed.exclude_pattern,
    landed.token_class,
    landed.region_id,
    landed.deployment_type,
    landed.service_tier,
    cast(coalesce(landed.min_input_tokens, 0) as bigint) as min_input_tokens,
    cast(landed.valid_from as date) as valid_from,
    cast(landed.valid_to as date) as valid_to,
    landed.currency,
    {{ amount_from_text('landed.price_per_1m_tokens') }} as price_per_1m_tokens
from {{ lake('prices__model_price') }} as landed
inner join {{ ref('stg_lake__snapshot') }} as snapshots
    on
        landed.load_id = snapshots.load_id
        and landed.snapshot_id = snapshots.snapshot_id
        and landed.source_id = snapshots.source_id
        and snapshots.table_name = 'prices__model_price'
