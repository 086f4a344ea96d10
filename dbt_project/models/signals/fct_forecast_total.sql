-- What the month, the next one and the fiscal quarter will have cost each scope: billed so far, and the rest of the
-- period on every path of the forecast. Sums of paths, not of daily bounds, so that intervals of totals hold.
{% set quarter_start = add_months(
    month_of('as_of_date'), '-((extract(month from as_of_date) - fiscal_year_first_month + 12) % 3)'
) %}
{% set scope = ['scope_type', 'scope_value', 'currency'] %}

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
            {{ agree_in('extended', 'history', scope) }}
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
            {{ agree_in('extended', 'days', scope) }}
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
        on {{ agree_in('extended', 'paths', ['period'] + scope) }}
    left join billed
        on {{ agree_in('extended', 'billed', ['period'] + scope) }}
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
    on {{ agree_in('extended', 'spread', ['period'] + scope) }}
left join billed
    on {{ agree_in('extended', 'billed', ['period'] + scope) }}
