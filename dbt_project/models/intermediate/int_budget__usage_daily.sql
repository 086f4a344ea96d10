-- What usage of days that the bill does not have yet is estimated to cost, by the days of each time zone that a budget has. An
-- hour belongs to the day on which it begins there: also where clocks differ by half an hour.
with bill as (
    select max(usage_date) as billed_through
    from {{ ref('fct_ai_cost_daily') }}
    where usage_date <= (select as_of_date from {{ ref('stg_config__setting') }})
),

zones as (
    select distinct time_zone from {{ ref('int_budget__period') }}
),

-- The first day of any budget's period; the day before it in UTC has hours of it east of Greenwich.
first_day as (
    select {{ add_days('min(period_start)', -1) }} as usage_date from {{ ref('int_budget__period') }}
),

hours as (
    select
        usage.usage_date,
        usage.usage_hour,
        usage.resource_id as account_id,
        usage.provider_name as usage_provider,
        usage.model,
        usage.currency,
        usage.team,
        usage.app,
        usage.project,
        usage.environment,
        sum(usage.estimated_cost) as estimated_cost
    from {{ ref('int_usage__priced') }} as usage
    cross join bill
    inner join first_day on usage.usage_date >= first_day.usage_date
    where
        usage.is_attributable and usage.price_status = 'priced'
        and (bill.billed_through is null or usage.usage_date > bill.billed_through)
    group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
)

select
    zones.time_zone,
    cast({{ local_time('usage.usage_hour', 'zones.time_zone') }} as date) as local_date,
    usage.currency,
    teams.business_unit,
    usage.team,
    usage.app,
    usage.project,
    usage.model,
    usage.environment,
    cast(sum(usage.estimated_cost) as decimal(38, 12)) as estimated_cost,
    cast(sum(usage.calibrated_estimated_cost) as decimal(38, 12)) as calibrated_estimated_cost
from {{ calibrated_usage('hours') }} as usage
cross join zones
left join {{ ref('dim_team') }} as teams on usage.team = teams.team
group by 1, 2, 3, 4, 5, 6, 7, 8, 9
