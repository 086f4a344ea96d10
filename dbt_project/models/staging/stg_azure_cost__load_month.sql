-- What each load of cost details says of each billing month, in sum: enough to tell what a delivery has of a month without
-- looking at its rows again.
{{ config(**told_by_load('load_id', reads={})) }}

select
    load_id,
    delivery_id,
    billing_month_start,
    dataset,
    max(usage_date) as last_usage_date,
    cast(
        sum(case when charge_role = 'plain' then coalesce({{ amount_from_text('CostInBillingCurrency') }}, 0) else 0 end)
        as decimal(38, 12)
    ) as plain_cost
from {{ ref('stg_azure_cost__detail') }}
where {{ is_told_load('load_id') }}
group by load_id, delivery_id, billing_month_start, dataset
