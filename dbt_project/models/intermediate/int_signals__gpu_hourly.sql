-- GPU time that workloads hold, by hour, at what an hour of a GPU of their machines cost in the newest billed month: what a
-- training job costs while it runs, days before the bill. Machines that were never billed have no price and no rows.
with telemetry as (
    select
        usage_hour, usage_date, resource_id, gpu_model, team, app, pod, allocated_seconds,
        allocated_seconds + idle_seconds as gpu_seconds
    from {{ ref('int_gpu__hourly') }}
    where resource_id is not null
),

seconds as (
    select resource_id, usage_date, sum(gpu_seconds) as gpu_seconds
    from telemetry
    group by 1, 2
),

charges as (
    select resource_id, usage_date, billing_currency as currency, sum(effective_cost) as effective_cost
    from {{ ref('int_focus__tagged') }}
    where resource_id in (select distinct telemetry.resource_id from telemetry)
    group by 1, 2, 3
),

newest as (
    select currency, {{ add_days('max(usage_date)', -29) }} as first_day
    from charges
    group by 1
),

prices as (
    select
        charges.resource_id,
        charges.currency,
        cast(sum(charges.effective_cost) as double) / sum(seconds.gpu_seconds) as cost_per_gpu_second
    from charges
    inner join newest on charges.currency = newest.currency and charges.usage_date >= newest.first_day
    inner join seconds on charges.resource_id = seconds.resource_id and charges.usage_date = seconds.usage_date
    where seconds.gpu_seconds > 0
    group by 1, 2
)

select
    telemetry.usage_hour,
    telemetry.usage_date,
    prices.currency,
    telemetry.team,
    telemetry.app,
    telemetry.gpu_model,
    telemetry.pod,
    cast(sum(telemetry.allocated_seconds) as bigint) as allocated_seconds,
    cast(sum(telemetry.allocated_seconds * prices.cost_per_gpu_second) as decimal(38, 12)) as cost
from telemetry
inner join prices on telemetry.resource_id = prices.resource_id
where
    telemetry.allocated_seconds > 0
    and telemetry.usage_date >= (select {{ add_days('as_of_date', -var('usage_hours_days')) }} from {{ ref('stg_config__setting') }})
group by 1, 2, 3, 4, 5, 6, 7
