-- Who spent on what, day by day, with where that is known from: what the patterns of new, known and stopped spending read.
-- Only the newest days; when something was used first, over all that is known, is int_signals__first_use.
with settings as (
    select {{ add_days('as_of_date', -100) }} as first_day from {{ ref('stg_config__setting') }}
)

select
    'effective_cost' as metric,
    usage_date,
    billing_currency as currency,
    provider_name as source,
    coalesce(team, 'unallocated') as team,
    app,
    model,
    region_id,
    cast(sum(effective_cost) as decimal(38, 12)) as cost
from {{ ref('int_cost__union') }}
where is_ai and usage_date >= (select first_day from settings)
group by 1, 2, 3, 4, 5, 6, 7, 8
having sum(effective_cost) <> 0
union all
select
    'estimated_cost' as metric,
    usage_date,
    currency,
    source,
    coalesce(team, 'unallocated') as team,
    app,
    model,
    region_id,
    cast(sum(estimated_cost) as decimal(38, 12)) as cost
from {{ ref('int_usage__daily') }}
where is_attributable and price_status = 'priced' and usage_date >= (select first_day from settings)
group by 1, 2, 3, 4, 5, 6, 7, 8
having sum(estimated_cost) <> 0
