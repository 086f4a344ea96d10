-- In what proportion shared cost is split: sets of targets with weights. A set is named by its driver and by what the
-- driver was measured for; several charges may use the same set, and int_allocation__choice says which.

with shared_usage as (
    select
        resource_id,
        usage_date,
        model,
        case token_class when 'reasoning' then 'output' else token_class end as meter_class,
        team,
        app,
        sum(estimated_cost) as driver_value
    from {{ ref('int_usage__priced') }}
    where is_attributable and estimated_cost > 0 and resource_id is not null
    group by all
),

gpu_days as (
    select
        coalesce(resource_id, 'other nodes') as resource_id,
        usage_date,
        case when namespace is null then null else team end as team,
        case when namespace is null then null else app end as app,
        namespace is null as is_idle,
        cast(sum(allocated_seconds + idle_seconds) as decimal(38, 12)) as driver_value
    from {{ ref('int_gpu__hourly') }}
    group by 1, 2, 3, 4, 5
),

direct as (
    select
        {{ month_of('usage_date') }} as usage_month,
        billing_currency,
        team,
        sum(effective_cost) as driver_value
    from {{ ref('int_focus__tagged') }}
    where pool_id is null and team is not null
    group by 1, 2, 3
),

measured as (
    select
        {{ weight_set(['usage_cost', 'resource_id', 'usage_date', 'model', 'meter_class']) }} as weight_set,
        'usage_cost' as driver, team, app, false as is_idle, driver_value
    from shared_usage

    union all

    select
        {{ weight_set(['usage_cost', 'resource_id', 'usage_date']) }} as weight_set,
        'usage_cost' as driver, team, app, false as is_idle, sum(driver_value) as driver_value
    from shared_usage
    group by resource_id, usage_date, team, app

    union all

    select
        {{ weight_set(['gpu_seconds', 'show', 'resource_id', 'usage_date']) }} as weight_set,
        'gpu_seconds' as driver, team, app, is_idle, driver_value
    from gpu_days

    union all

    select
        {{ weight_set(['gpu_seconds', 'spread', 'resource_id', 'usage_date']) }} as weight_set,
        'gpu_seconds' as driver, team, app, is_idle, driver_value
    from gpu_days
    where not is_idle

    union all

    select
        {{ weight_set(['direct_cost', 'usage_month', 'billing_currency']) }} as weight_set,
        'direct_cost' as driver, team, null as app, false as is_idle, driver_value
    from direct
    where driver_value > 0

    union all

    select
        {{ weight_set(['even']) }} as weight_set,
        'even' as driver, team, null as app, false as is_idle, cast(1 as decimal(38, 12)) as driver_value
    from {{ source('config', 'team') }}

    union all

    select
        {{ weight_set(['fixed', 'pool_id']) }} as weight_set,
        'fixed' as driver, team, null as app, false as is_idle, weight as driver_value
    from {{ source('config', 'pool_share') }}
),

summed as (
    select
        *,
        sum(driver_value) over (partition by weight_set) as set_value,
        row_number() over (
            partition by weight_set order by is_idle, team nulls last, app nulls last
        ) as target_number
    from measured
    where driver_value > 0
),

scaled as (
    select
        *,
        {{ weight_units('driver_value', 'set_value') }} as weight_units
    from summed
)

select
    weight_set,
    driver,
    target_number,
    team,
    app,
    is_idle,
    driver_value,
    {{ ratio('driver_value', 'set_value') }} as share,
    weight_units,
    sum(weight_units) over (partition by weight_set) as total_units
from scaled
