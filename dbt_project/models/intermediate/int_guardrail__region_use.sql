-- Where each app's money goes: what the bill charges it per region, in 30 days. Model vendors name no region.
with daily as (
    select usage_date, app, region_id, billing_currency as currency, sum(effective_cost) as cost
    from {{ ref('int_cost__union') }}
    where is_ai and app is not null and region_id is not null
    group by 1, 2, 3, 4
),

newest as (
    select max(usage_date) as usage_date
    from {{ ref('int_guardrail__day') }}
    where bill_known_from is not null
),

windows as (
    select
        days.usage_date, days.ends_at, days.bill_known_from, days.bill_known_to,
        daily.app, daily.region_id, daily.currency,
        cast({{ add_days('days.usage_date', -29) }} as timestamp) as period_starts_at,
        sum(daily.cost) as cost
    from {{ ref('int_guardrail__day') }} as days
    inner join daily
        on daily.usage_date > {{ add_days('days.usage_date', -30) }} and daily.usage_date <= days.usage_date
    where days.bill_known_from is not null
    group by 1, 2, 3, 4, 5, 6, 7, 8
    having sum(daily.cost) > 0
)

select
    'region_use' as kind,
    'app' as scope_type,
    windows.app as scope_value,
    windows.region_id as subject,
    cast(windows.usage_date as string) as period,
    windows.period_starts_at,
    windows.ends_at as period_ends_at,
    'effective_cost_30d' as metric,
    'currency' as unit,
    windows.cost as value,
    cast(null as decimal(38, 12)) as reference,
    windows.currency,
    windows.cost as increase_amount,
    windows.ends_at as data_through,
    true as is_reconciled,
    windows.bill_known_from as known_from,
    windows.bill_known_to as known_to,
    windows.usage_date = newest.usage_date as is_current
from windows
cross join newest
