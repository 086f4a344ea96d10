-- How well GPUs are used: time with a kernel running, of the time that is known, against the band of units.yml.
with daily as (
    select
        usage_date,
        resource_id,
        gpu_model,
        meter,
        namespace is not null as is_held,
        team,
        app,
        sum(allocated_seconds + idle_seconds) as gpu_seconds,
        sum(case when busy_gpu_seconds is not null then allocated_seconds + idle_seconds end) as measured_gpu_seconds,
        -- As decimals: doubles summed in another order are another number.
        sum({{ decimal_of_double('busy_gpu_seconds') }}) as busy_gpu_seconds
    from {{ ref('int_gpu__hourly') }}
    group by 1, 2, 3, 4, 5, 6, 7
),

divided as (
    select *, {{ ratio('busy_gpu_seconds', 'measured_gpu_seconds') }} as utilization_ratio
    from daily
)

select
    divided.usage_date,
    divided.resource_id,
    divided.gpu_model,
    divided.meter,
    divided.is_held,
    divided.team,
    divided.app,
    cast(divided.gpu_seconds as bigint) as gpu_seconds,
    cast(divided.measured_gpu_seconds as bigint) as measured_gpu_seconds,
    cast(divided.busy_gpu_seconds as double) as busy_gpu_seconds,
    cast(divided.utilization_ratio as decimal(18, 6)) as utilization_ratio,
    cast(settings.gpu_utilization_at_least as decimal(18, 6)) as utilization_at_least,
    cast(settings.gpu_utilization_at_most as decimal(18, 6)) as utilization_at_most,
    case
        when divided.utilization_ratio < settings.gpu_utilization_at_least then 'below'
        when divided.utilization_ratio > settings.gpu_utilization_at_most then 'above'
        when divided.utilization_ratio is not null then 'within'
    end as utilization_position
from divided
cross join {{ ref('stg_config__setting') }} as settings
