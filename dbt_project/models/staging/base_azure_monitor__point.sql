-- One row per point in each interval that it was asked in: its newest answer. An answer replaces the one before as a
-- whole, because the dimensions that are asked for change, and the same tokens must not count under old and new ones.
{{ config(**in_days_of_usage('point_hour')) }}
-- depends_on: {{ ref('int_usage__new_day') }}

with points as (
    select
        landed.source_id,
        lower(landed.resource_id) as resource_id,
        landed.metric_name,
        landed.aggregation,
        landed.interval,
        case landed.interval when 'PT1M' then 60 when 'PT5M' then 300 else 3600 end as interval_seconds,
        cast(landed.point_at as timestamp) as point_at,
        {{ hour_of('cast(landed.point_at as timestamp)') }} as point_hour,
        {{ given('landed.deployment_name') }} as deployment_name,
        {{ given('landed.model_name') }} as model_name,
        landed.dimensions,
        landed.value,
        cast(landed.requested_at as timestamp) as requested_at,
        rank() over (
            partition by
                lower(landed.resource_id), landed.metric_name, landed.aggregation, landed.interval, landed.point_at
            order by landed.requested_at desc, landed.load_id desc
        ) as answer_age
    from {{ lake_usage('azure_monitor__metric', 'point_at') }} as landed
)

select
    source_id,
    resource_id,
    metric_name,
    aggregation,
    interval,
    interval_seconds,
    point_at,
    point_hour,
    deployment_name,
    model_name,
    dimensions,
    value,
    requested_at
from points
where answer_age = 1
