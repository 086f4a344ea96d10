-- How good forecasts have been, by how far ahead they looked: of each scope, and of all scopes of a type together.
with results as (
    select
        *,
        case
            when horizon_days <= 7 then '01-07'
            when horizon_days <= 14 then '08-14'
            when horizon_days <= 28 then '15-28'
            else '29+'
        end as horizon_band
    from {{ ref('fct_forecast_result_daily') }}
)

{% for scope_value in ['scope_value', "'(all)'"] %}
select
    scope_type,
    {{ scope_value }} as scope_value,
    currency,
    horizon_band,
    count(*) as day_count,
    count(distinct made_at) as forecast_count,
    cast(sum(actual_cost) as decimal(38, 12)) as actual_cost,
    cast(sum(expected_cost) as decimal(38, 12)) as expected_cost,
    cast(sum(abs(error_cost)) as double) / nullif(cast(sum(abs(actual_cost)) as double), 0) as weighted_absolute_error_ratio,
    -- Sums of decimals are the same in any order, so that a run that is repeated says the same to the last digit.
    cast(
        sum({{ decimal_of_double('cast(abs(error_cost) as double) / cast(scale_cost as double)', 28, 9) }}) as double
    ) / nullif(count(scale_cost), 0) as mean_absolute_scaled_error,
    cast(sum(error_cost) as double) / nullif(cast(sum(abs(actual_cost)) as double), 0) as bias_ratio,
    cast(count(*) filter (where is_within_80) as double) / count(*) as coverage_80,
    cast(count(*) filter (where is_within_95) as double) / count(*) as coverage_95
from results
group by 1, 2, 3, 4
{{ 'union all' if not loop.last }}
{% endfor %}
