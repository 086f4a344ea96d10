{# An asset check of the model named here: Dagster shows a test of several models nowhere otherwise. #}
{{ config(meta={'dagster': {'ref': {'name': 'fct_cluster_cost_daily'}}}) }}

-- Per day and currency the mart has the estimate of every allocation that OpenCost gave, and owners neither lose nor
-- double any; an allocation's parts are its total, but for the rounding of the numbers that were sent.
with given_costs as (
    select usage_date, currency, sum(total_cost) as cost from {{ ref('stg_opencost__allocation') }} group by 1, 2
),

mart as (
    select usage_date, currency, sum(estimated_total_cost) as cost from {{ ref('fct_cluster_cost_daily') }} group by 1, 2
)

select
    coalesce(given_costs.usage_date, mart.usage_date) as usage_date,
    cast(given_costs.cost as string) as told,
    cast(mart.cost as string) as modelled
from given_costs
full outer join mart on given_costs.usage_date = mart.usage_date and given_costs.currency = mart.currency
where given_costs.cost is distinct from mart.cost

union all

select usage_date, cast(total_cost as string), name
from {{ ref('stg_opencost__allocation') }}
where abs(
    total_cost - cpu_cost - gpu_cost - ram_cost - pv_cost - network_cost - load_balancer_cost - shared_cost - external_cost
) > greatest(0.01, abs(total_cost) / 1000)
