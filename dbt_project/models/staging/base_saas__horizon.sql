-- The newest day that subscriptions are charged for: the newest day of the bills that are delivered as files, so that a
-- subscription, which is known ahead, never makes a bill look newer than it is; without such a bill, the day of the
-- report. Compared as text: ISO 8601 sorts like time, and whatever else is in the column is no reason to fail here.
with billed as (
    select max(left(delivered.ChargePeriodStart, 10)) as last_day
    from {{ ref('base_focus__delivered') }} as delivered
    cross join {{ ref('stg_config__setting') }} as settings
    where delivered.ChargePeriodStart between '2000' and {{ time_as_text('settings.as_of_date', "'%Y-%m-%d~'") }}
)

select coalesce(try_cast(billed.last_day as date), settings.as_of_date) as last_day
from {{ ref('stg_config__setting') }} as settings
cross join billed
