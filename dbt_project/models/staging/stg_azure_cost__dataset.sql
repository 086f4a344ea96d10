-- Which of the two datasets each delivery has for each billing month, and how far they agree. A run without rows says
-- that there is nothing, which is not the same as no run.
with told as (
    select delivery_id, billing_month_start, dataset, last_usage_date, plain_cost
    from {{ ref('stg_azure_cost__load_month') }}

    union all

    select delivery_id, period_start as billing_month_start, dataset, null as last_usage_date, 0 as plain_cost
    from {{ ref('stg_bill__snapshot') }}
    where table_name = 'azure_cost__detail' and period_start is not null
)

select
    delivery_id,
    billing_month_start,
    bool_or(dataset = 'ActualCost') as has_actual,
    bool_or(dataset = 'AmortizedCost') as has_amortized,
    max(case when dataset = 'ActualCost' then last_usage_date end) as last_actual_date,
    max(case when dataset = 'AmortizedCost' then last_usage_date end) as last_amortized_date,
    cast(coalesce(sum(case when dataset = 'ActualCost' then plain_cost end), 0) as decimal(38, 12)) as actual_plain_cost,
    cast(coalesce(sum(case when dataset = 'AmortizedCost' then plain_cost end), 0) as decimal(38, 12))
        as amortized_plain_cost
from told
where billing_month_start is not null
group by delivery_id, billing_month_start
