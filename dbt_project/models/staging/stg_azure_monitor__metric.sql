-- One row per point: the newest answer for it, in one interval per hour so that a change of interval counts nothing
-- twice.
with points as (
    select
        landed.source_id,
        lower(landed.resource_id) as resource_id,
        landed.metric_name,
        landed.aggregation,
        landed.interval,
        cast(landed.point_at as timestamp) as point_at,
        {{ hour_of('cast(landed.point_at as timestamp)') }} as point_hour,
        {{ given('landed.deployment_name') }} as deployment_name,
        {{ given('landed.model_name') }} as model_name,
        landed.dimensions,
        landed.value,
        cast(landed.requested_at as timestamp) as requested_at,
        row_number() over (
            partition by
                lower(landed.resource_id), landed.metric_name, landed.aggregation, landed.interval, landed.point_at,
                landed.deployment_name, landed.model_name, landed.dimensions
            order by landed.requested_at desc, landed.load_id desc, landed.load_row desc
        ) as answer_age
    from {{ lake('azure_monitor__metric') }} as landed
),

newest as (
    select
        *,
        first_value(interval) over (
            partition by resource_id, metric_name, aggregation, point_hour order by requested_at desc, interval
        ) as interval_in_use
    from points
    where answer_age = 1
)

select
    source_id,
    resource_id,
    metric_name,
    aggregation,
    interval,
    point_at,
    point_hour,
    deployment_name,
    model_name,
    dimensions,
    value,
    requested_at
from newest
where interval = interval_in_use
