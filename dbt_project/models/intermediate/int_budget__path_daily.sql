{{ config(tags=['signals']) }}

-- Each budget's money on every path of its forecast, summed up from the first day that is not on the bill.
with bill as (
    select max(usage_date) as billed_through
    from {{ ref('fct_ai_cost_daily') }}
    where usage_date <= (select as_of_date from {{ ref('stg_config__setting') }})
)

select
    budgets.budget_id,
    paths.path,
    paths.forecast_date,
    cast(
        sum(paths.cost) over (partition by budgets.budget_id, paths.path order by paths.forecast_date) as decimal(38, 12)
    ) as cost_so_far
from {{ ref('int_budget__period') }} as budgets
cross join bill
inner join {{ source('ml', 'forecast_path') }} as paths
    on
        budgets.scope_type = paths.scope_type
        and budgets.scope_value = paths.scope_value
        and budgets.currency = paths.currency
        and paths.forecast_date between budgets.period_start and budgets.period_end
        and (bill.billed_through is null or paths.forecast_date > bill.billed_through)
