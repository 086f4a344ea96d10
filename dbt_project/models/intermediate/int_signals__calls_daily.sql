-- Calls a day of an app's model: how many, how many failed or repeat an earlier one, and what those cost. For storms.
-- Counts are of all usage that tells them; failed and repeated ones of the sources that tell calls one by one.
with settings as (
    select {{ add_days('as_of_date', -100) }} as first_day from {{ ref('stg_config__setting') }}
),

counted as (
    select
        usage_date, team, app, model, max(currency) as currency, sum(request_count) as request_count,
        sum(error_count) as error_count
    from {{ ref('int_usage__daily') }}
    where is_attributable and app is not null and usage_date >= (select first_day from settings)
    group by 1, 2, 3, 4
),

in_vain as (
    select
        usage_date, team, app, model,
        sum(case when kind = 'repeated' then request_count else 0 end) as repeated_request_count,
        sum(case when kind = 'failed' then estimated_cost end) as failed_cost,
        sum(case when kind = 'repeated' then estimated_cost end) as repeated_cost
    from {{ ref('int_usage__in_vain') }}
    where usage_date >= (select first_day from settings)
    group by 1, 2, 3, 4
)

select
    counted.usage_date,
    counted.currency,
    counted.team,
    counted.app,
    counted.model,
    cast(counted.request_count as bigint) as request_count,
    cast(counted.error_count as bigint) as error_count,
    cast(coalesce(in_vain.repeated_request_count, 0) as bigint) as repeated_request_count,
    cast(coalesce(in_vain.failed_cost, 0) as decimal(38, 12)) as failed_cost,
    cast(coalesce(in_vain.repeated_cost, 0) as decimal(38, 12)) as repeated_cost
from counted
left join in_vain on {{ agree_in('counted', 'in_vain', ['usage_date', 'team', 'app', 'model']) }}
where counted.currency is not null and counted.request_count > 0
