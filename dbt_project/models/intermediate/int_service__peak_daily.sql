-- The busiest minute of a day where calls are told one by one, else the busiest hour: requests in it, and its seconds.
-- depends_on: {{ ref('int_usage__summed') }}
{{ config(**in_days_of_calls('usage_date')) }}
{% set own = service_columns() %}

with minutes as (
    select
        usage_date,
        service_key,
        {{ hour_of('used_at') }} as usage_hour,
        extract(minute from used_at) as minute_number,
        count(*) as request_count
    from {{ ref('int_service__call') }}
    where {{ is_in_days_of_calls('used_at') }}
    group by usage_date, service_key, {{ hour_of('used_at') }}, extract(minute from used_at)
),

busiest as (
    select usage_date, service_key, max(request_count) as peak_request_count
    from minutes
    group by 1, 2
),

hours as (
    select
        usage_date,
        {{ own | join(', ') }},
        usage_hour,
        sum(request_count) as request_count
    from {{ ref('int_usage__priced') }}
    where source = 'azure_monitor' and {{ is_in_days_of_calls('usage_hour') }}
    group by usage_date, {{ own | join(', ') }}, usage_hour
)

select
    busiest.usage_date,
    {{ service_columns('services') | join(', ') }},
    cast(busiest.peak_request_count as bigint) as peak_request_count,
    cast(60 as bigint) as peak_seconds
from busiest
inner join {{ services_by() }} as services on busiest.service_key = services.service_key

union all

select
    usage_date,
    {{ own | join(', ') }},
    cast(max(request_count) as bigint) as peak_request_count,
    cast(3600 as bigint) as peak_seconds
from hours
where request_count > 0
group by usage_date, {{ own | join(', ') }}
