-- One row per billing date of a subscription: what was paid, and for which days. Billing dates are the first day and the
-- same day of every period after it; the 31st is the last day of a shorter month.
with days as (
    {{ every_day(
        '(select min(start_date) from ' ~ ref('stg_saas__subscription') ~ ')',
        '(select last_day from ' ~ ref('base_saas__horizon') ~ ')'
    ) }}
),

running as (
    select
        subscriptions.*,
        days.date_day as term_start,
        cast(
            (extract(year from days.date_day) - extract(year from subscriptions.start_date)) * 12
            + extract(month from days.date_day) - extract(month from subscriptions.start_date) as bigint
        ) as months
    from {{ ref('stg_saas__subscription') }} as subscriptions
    inner join days
        on
            days.date_day >= subscriptions.start_date
            and (subscriptions.end_date is null or days.date_day <= subscriptions.end_date)
            and (subscriptions.cancelled_on is null or days.date_day < subscriptions.cancelled_on)
),

terms as (
    select
        *,
        least(
            {{ add_days(add_months('start_date', 'months + cadence_months'), -1) }},
            coalesce(end_date, cast('9999-12-31' as date))
        ) as paid_through
    from running
    where months % cadence_months = 0 and {{ add_months('start_date', 'months') }} = term_start
)

select
    *,
    -- What came back, came back of the last period, and its cost ends with the day before.
    refund_amount is not null and cancelled_on <= {{ add_days('paid_through', 1) }} as is_refunded,
    case
        when refund_amount is not null and cancelled_on <= paid_through then {{ add_days('cancelled_on', -1) }}
        else paid_through
    end as term_end
from terms
