-- Which resources are shared, and by which pool of allocation.yml: the first whose pattern matches.
with resources as (
    select distinct resource_id
    from {{ ref('stg_focus__cost_and_usage') }}
    where resource_id is not null
),

matched as (
    select
        resources.resource_id,
        pools.pool_id,
        pools.driver,
        pools.fallback,
        pools.idle,
        pools.idle_team,
        row_number() over (partition by resources.resource_id order by pools.priority) as pool_rank
    from resources
    inner join {{ source('config', 'pool') }} as pools
        on {{ matches('resources.resource_id', 'pools.resource_id') }}
)

select
    resource_id,
    pool_id,
    driver,
    fallback,
    idle,
    idle_team
from matched
where pool_rank = 1
