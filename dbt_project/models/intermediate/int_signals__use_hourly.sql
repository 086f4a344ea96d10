-- Priced usage by hour with all that tells a stranger from the usual caller: model, place, and whether the caller names
-- its customer. For leaked keys and runaway jobs; only the newest two months.
with settings as (
    select {{ add_days('as_of_date', -60) }} as first_day from {{ ref('stg_config__setting') }}
)

select
    usage_hour,
    usage_date,
    source,
    currency,
    team,
    app,
    model,
    provider_name,
    region_id,
    resource_id,
    customer_hash is not null as has_customer,
    cast(sum(tokens) as bigint) as tokens,
    cast(sum(estimated_cost) as decimal(38, 12)) as cost
from {{ ref('int_usage__priced') }}
where is_attributable and price_status = 'priced' and app is not null and usage_date >= (select first_day from settings)
group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
having sum(estimated_cost) > 0
