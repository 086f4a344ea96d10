-- Priced tokens a day by all that a price depends on, for telling how much of an incident is price, volume, mix and cache,
-- and for noticing that a price changed or a cache stopped working.
-- Only the newest days: a finding looks back a month, and what was usual before it two more.
with settings as (
    select {{ add_days('as_of_date', -100) }} as first_day from {{ ref('stg_config__setting') }}
)

select
    usage_date,
    source,
    currency,
    team,
    app,
    model,
    provider_name,
    deployment_type,
    region_id,
    service_tier,
    context_tier,
    token_class,
    price_source,
    price_valid_from,
    cast(sum(tokens) as bigint) as tokens,
    cast(sum(estimated_cost) as decimal(38, 12)) as cost
from {{ ref('int_usage__daily') }}
where
    is_attributable
    and price_status = 'priced'
    and tokens > 0
    and usage_date >= (select first_day from settings)
group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14
