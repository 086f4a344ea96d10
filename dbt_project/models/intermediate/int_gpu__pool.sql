-- The machines whose cost is split by their own GPU time, and their pool. One row per resource.
select
    charges.resource_id,
    pools.pool_id,
    pools.driver,
    pools.idle_team
from (
    select resource_id, pool_id, row_number() over (partition by resource_id order by pool_id) as pool_rank
    from {{ ref('int_focus__pool') }}
    where {{ is_one_of('driver', gpu_drivers() | list) }} and resource_id is not null
) as charges
inner join {{ source('config', 'pool') }} as pools on charges.pool_id = pools.pool_id
where charges.pool_rank = 1 and pools.measured_on is null
