-- Where each budget's money may stand at the end of each day that is not billed yet, and how likely it is used up by
-- then: shares of the forecast's paths, not sums of daily bounds.
with paths as (
    select
        paths.budget_id,
        paths.forecast_date,
        budgets.currency,
        budgets.budget_amount,
        cast(budgets.billed_to_date + paths.cost_so_far as decimal(38, 12)) as spent_cost
    from {{ ref('int_budget__path_daily') }} as paths
    inner join {{ ref('fct_budget_status') }} as budgets on paths.budget_id = budgets.budget_id
)

select
    budget_id,
    forecast_date,
    currency,
    max(budget_amount) as budget_amount,
    cast({{ quantile_of('spent_cost', 0.5) }} as decimal(38, 12)) as median_cost,
    cast({{ quantile_of('spent_cost', 0.1) }} as decimal(38, 12)) as lower_cost,
    cast({{ quantile_of('spent_cost', 0.9) }} as decimal(38, 12)) as upper_cost,
    cast({{ quantile_of('spent_cost', 0.025) }} as decimal(38, 12)) as lower_95_cost,
    cast({{ quantile_of('spent_cost', 0.975) }} as decimal(38, 12)) as upper_95_cost,
    cast(count(*) filter (where spent_cost > budget_amount) as double) / count(*) as exceed_probability
from paths
group by 1, 2, 3
