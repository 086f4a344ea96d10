-- Every forecast ever made of a day that is billed now, and what the day cost. A scope without a charge on such a day
-- cost nothing.
with history as (
    select usage_date, scope_type, scope_value, currency, cost
    from {{ ref('int_signals__cost_history') }}
    where metric = 'effective_cost'
),

billed as (
    select currency, min(usage_date) as first_billed, max(usage_date) as billed_through
    from history
    where
        scope_type = 'company'
        and usage_date <= (select as_of_date from {{ ref('stg_config__setting') }})
    group by 1
),

made as (
    select *, cast(as_of as date) as made_on
    from {{ source('ml', 'forecast_made') }}
),

origins as (
    select distinct made_on, scope_type, scope_value, currency
    from made
),

-- What "the same weekday of the week before" missed by in the quarter before: the measure that errors are scaled by.
weekly_change as (
    select
        days.scope_type,
        days.scope_value,
        days.currency,
        days.usage_date,
        abs(coalesce(days.cost, 0) - coalesce(before.cost, 0)) as change_cost
    from history as days
    left join history as before
        on
            days.scope_type = before.scope_type
            and days.scope_value = before.scope_value
            and days.currency = before.currency
            and before.usage_date = {{ add_days('days.usage_date', -7) }}
),

scales as (
    select
        origins.made_on, origins.scope_type, origins.scope_value, origins.currency,
        avg(cast(weekly_change.change_cost as double)) as scale_cost
    from origins
    inner join weekly_change
        on
            origins.scope_type = weekly_change.scope_type
            and origins.scope_value = weekly_change.scope_value
            and origins.currency = weekly_change.currency
            and weekly_change.usage_date >= {{ add_days('origins.made_on', -91) }}
            and weekly_change.usage_date < origins.made_on
    group by 1, 2, 3, 4
),

joined as (
    select
        made.*,
        {{ days_between('made.made_on', 'made.forecast_date') }} + 1 as horizon_days,
        cast(coalesce(history.cost, 0) as decimal(38, 12)) as actual_cost,
        scales.scale_cost
    from made
    inner join billed
        on made.currency = billed.currency and made.forecast_date between billed.first_billed and billed.billed_through
    left join history
        on
            made.forecast_date = history.usage_date
            and made.scope_type = history.scope_type
            and made.scope_value = history.scope_value
            and made.currency = history.currency
    left join scales
        on
            made.made_on = scales.made_on
            and made.scope_type = scales.scope_type
            and made.scope_value = scales.scope_value
            and made.currency = scales.currency
)

select
    cast(as_of as timestamp) as made_at,
    is_backcast,
    forecast_date,
    cast(horizon_days as bigint) as horizon_days,
    scope_type,
    scope_value,
    currency,
    model_name,
    expected_cost,
    lower_cost,
    upper_cost,
    lower_95_cost,
    upper_95_cost,
    actual_cost,
    cast(expected_cost - actual_cost as decimal(38, 12)) as error_cost,
    actual_cost between lower_cost and upper_cost as is_within_80,
    actual_cost between lower_95_cost and upper_95_cost as is_within_95,
    case when scale_cost > 0 then {{ decimal_of_double('scale_cost') }} end as scale_cost
from joined
