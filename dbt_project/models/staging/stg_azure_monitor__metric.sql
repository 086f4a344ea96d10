-- Points in one interval per hour, the longest that it was asked in, so that no interval counts what another has
-- counted: minutes tell of the hour that is still running, and later of nothing that the whole hour does not have.
{{ config(**in_days_of_usage('point_hour')) }}

with points as (
    select
        *,
        max(interval_seconds) over (
            partition by resource_id, metric_name, aggregation, point_hour
        ) as interval_seconds_in_use
    from {{ ref('base_azure_monitor__point') }}
    where {{ is_in_days_of_usage('point_hour') }}
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
from points
where interval_seconds = interval_seconds_in_use
