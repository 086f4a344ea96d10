-- Every forecast ever made of a day that is billed now, and what the day cost. A scope without a charge on such a day
-- cost nothing.
{% set scope = ['scope_type', 'scope_value', 'currency'] %}

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

-- What "the same weekday of the week before" missed by in the quarter before: the measure that errors are scaled by. A
-- day without a charge has no row, so each day is set against the one a week later from both sides.
weekly_change as (
    select scope_type, scope_value, currency, usage_date, abs(sum(cost)) as change_cost
    from (
        select scope_type, scope_value, currency, usage_date, cost from history
        union all
        select scope_type, scope_value, currency, {{ add_days('usage_date', 7) }}, -cost from history
    ) as both_weeks
    group by 1, 2, 3, 4
),

windows as (
    select origins.*, greatest({{ add_days('origins.made_on', -91) }}, {{ add_days('billed.first_billed', 7) }}) as first_day
    from origins
    inner join billed on origins.currency = billed.currency
),

scales as (
    select
        windows.made_on, windows.scope_type, windows.scope_value, windows.currency,
        cast(sum(weekly_change.change_cost) as double)
        / {{ days_between('windows.first_day', 'windows.made_on') }} as scale_cost
    from windows
    inner join weekly_change
        on
            {{ agree_in('windows', 'weekly_change', scope) }}
            and weekly_change.usage_date >= windows.first_day
            and weekly_change.usage_date < windows.made_on
    group by windows.made_on, windows.scope_type, windows.scope_value, windows.currency, windows.first_day
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
            {{ agree_in('made', 'history', scope) }}
            and made.forecast_date = history.usage_date
    left join scales
        on {{ agree_in('made', 'scales', ['made_on'] + scope) }}
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
