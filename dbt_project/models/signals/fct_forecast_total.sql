-- What the month, the next one and the fiscal quarter will have cost each scope: billed so far, and the rest of the
-- period on every path of the forecast. Sums of paths, not of daily bounds, so that intervals of totals hold.
{% set quarter_start = add_months(
    month_of('as_of_date'), '-((extract(month from as_of_date) - fiscal_year_first_month + 12) % 3)'
) %}

with settings as (
    select as_of_date, fiscal_year_first_month from {{ ref('stg_config__setting') }}
),

starts as (
    select 'month' as period, {{ month_of('as_of_date') }} as period_start, 1 as months from settings
    union all
    select 'next_month', {{ add_months(month_of('as_of_date'), 1) }}, 1 from settings
    union all
    select 'quarter', {{ quarter_start }}, 3 from settings
),

periods as (
    select period, period_start, {{ add_days(add_months('period_start', 'months'), -1) }} as period_end
    from starts
),

history as (
    select usage_date, scope_type, scope_value, currency, cost
    from {{ ref('int_signals__cost_history') }}
    where metric = 'effective_cost' and usage_date <= (select as_of_date from settings)
),

expected as (
    select
        periods.period, periods.period_start, periods.period_end,
        days.scope_type, days.scope_value, days.currency,
        min(days.forecast_date) as first_day,
        max(days.forecast_date) as last_day,
        sum(days.expected_cost) as expected_cost
    from periods
    inner join {{ source('ml', 'forecast_daily') }} as days
        on days.is_future and days.forecast_date between periods.period_start and periods.period_end
    group by 1, 2, 3, 4, 5, 6
),

-- Days of the period that no forecast reaches are like those that one does.
extended as (
    select
        *,
        cast({{ days_between('first_day', 'period_end') }} + 1 as double)
        / ({{ days_between('first_day', 'last_day') }} + 1) as extension
    from expected
),

billed as (
    select
        extended.period, extended.scope_type, extended.scope_value, extended.currency, sum(history.cost) as billed_cost
    from extended
    inner join history
        on
            extended.scope_type = history.scope_type
            and extended.scope_value = history.scope_value
            and extended.currency = history.currency
            and history.usage_date >= extended.period_start
            and history.usage_date < extended.first_day
    group by 1, 2, 3, 4
),

paths as (
    select
        extended.period, extended.scope_type, extended.scope_value, extended.currency, days.path,
        sum(days.cost) as path_cost
    from extended
    inner join {{ source('ml', 'forecast_path') }} as days
        on
            extended.scope_type = days.scope_type
            and extended.scope_value = days.scope_value
            and extended.currency = days.currency
            and days.forecast_date between extended.first_day and extended.last_day
    group by 1, 2, 3, 4, 5
),

totals as (
    select
        extended.period,
        extended.scope_type,
        extended.scope_value,
        extended.currency,
        cast(
            coalesce(billed.billed_cost, 0)
            + {{ decimal_of_double('cast(paths.path_cost as double) * extended.extension') }} as decimal(38, 12)
        ) as total_cost
    from extended
    inner join paths
        on
            extended.period = paths.period
            and extended.scope_type = paths.scope_type
            and extended.scope_value = paths.scope_value
            and extended.currency = paths.currency
    left join billed
        on
            extended.period = billed.period
            and extended.scope_type = billed.scope_type
            and extended.scope_value = billed.scope_value
            and extended.currency = billed.currency
),

spread as (
    select
        period,
        scope_type,
        scope_value,
        currency,
        {{ quantile_of('total_cost', 0.1) }} as lower_cost,
        {{ quantile_of('total_cost', 0.9) }} as upper_cost,
        {{ quantile_of('total_cost', 0.025) }} as lower_95_cost,
        {{ quantile_of('total_cost', 0.975) }} as upper_95_cost
    from totals
    group by 1, 2, 3, 4
)

select
    extended.period,
    extended.period_start,
    extended.period_end,
    extended.scope_type,
    extended.scope_value,
    extended.currency,
    cast(coalesce(billed.billed_cost, 0) as decimal(38, 12)) as billed_cost,
    cast(
        coalesce(billed.billed_cost, 0)
        + {{ decimal_of_double('cast(extended.expected_cost as double) * extended.extension') }} as decimal(38, 12)
    ) as expected_cost,
    spread.lower_cost,
    spread.upper_cost,
    spread.lower_95_cost,
    spread.upper_95_cost,
    extended.last_day as forecast_through,
    extended.last_day < extended.period_end as is_extended
from extended
inner join spread
    on
        extended.period = spread.period
        and extended.scope_type = spread.scope_type
        and extended.scope_value = spread.scope_value
        and extended.currency = spread.currency
left join billed
    on
        extended.period = billed.period
        and extended.scope_type = billed.scope_type
        and extended.scope_value = billed.scope_value
        and extended.currency = billed.currency
