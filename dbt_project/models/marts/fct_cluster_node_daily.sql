select
    usage_date,
    source_id,
    cluster,
    node,
    node_type,
    provider_id,
    is_spot,
    currency,
    cast(minutes as decimal(38, 12)) as up_minutes,
    gpu_count,
    total_cost as estimated_cost,
    {{ decimal_of_double('cast(total_cost as double) * 60 / nullif(cast(minutes as double), 0)') }} as estimated_cost_per_hour
from {{ ref('stg_opencost__node_price') }}
