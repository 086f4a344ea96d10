-- Each billed month against the forecast that was made when it began, and which maturity that is.
{% set in_time_days = 3 %}
{% set scope = ['scope_type', 'scope_value', 'currency'] %}

with results as (
    select *, {{ month_of('forecast_date') }} as usage_month
    from {{ ref('fct_forecast_result_daily') }}
),

-- The first forecast made in the month's first days; one that was made then goes before one that would have been.
chosen as (
    select usage_month, scope_type, scope_value, currency, min_by(made_at, made_order) as made_at
    from (
        select distinct
            usage_month, scope_type, scope_value, currency, made_at,
            case when is_backcast then 1 else 0 end * 100 + {{ days_between('usage_month', 'cast(made_at as date)') }}
                as made_order
        from results
        where {{ days_between('usage_month', 'cast(made_at as date)') }} between 0 and {{ in_time_days }}
    ) as candidates
    group by 1, 2, 3, 4
),

months as (
    select
        results.usage_month,
        results.scope_type,
        results.scope_value,
        results.currency,
        results.made_at,
        bool_or(results.is_backcast) as is_backcast,
        min(results.forecast_date) as first_day,
        max(results.forecast_date) as last_day,
        cast(sum(results.expected_cost) as decimal(38, 12)) as forecast_cost,
        cast(sum(results.actual_cost) as decimal(38, 12)) as actual_cost
    from results
    inner join chosen
        on {{ agree_in('results', 'chosen', ['usage_month'] + scope + ['made_at']) }}
    group by 1, 2, 3, 4, 5
)

select
    usage_month,
    scope_type,
    scope_value,
    currency,
    made_at,
    is_backcast,
    first_day,
    last_day,
    last_day >= {{ add_days(add_months('usage_month', 1), -1) }} as is_complete,
    forecast_cost,
    actual_cost,
    cast(forecast_cost - actual_cost as decimal(38, 12)) as variance_cost,
    cast(forecast_cost - actual_cost as double) / nullif(cast(abs(actual_cost) as double), 0) as variance_ratio,
    -- The FinOps Framework's bands: forecasts of a practice that crawls are 20% off, of one that walks 15%, that runs 12%.
    case
        when actual_cost = 0 then null
        when abs(forecast_cost - actual_cost) <= 0.12 * abs(actual_cost) then 'run'
        when abs(forecast_cost - actual_cost) <= 0.15 * abs(actual_cost) then 'walk'
        when abs(forecast_cost - actual_cost) <= 0.20 * abs(actual_cost) then 'crawl'
        else 'below crawl'
    end as maturity
from months
