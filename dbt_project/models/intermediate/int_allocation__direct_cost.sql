-- What each team's own resources cost in a month, and what each pool's: the drivers of cost.
select
    {{ month_of('usage_date') }} as usage_month,
    billing_currency,
    case when pool_id is null then team end as team,
    pool_id,
    cast(sum(effective_cost) as decimal(38, 12)) as effective_cost
from {{ ref('int_focus__tagged') }}
where team is not null or pool_id is not null
group by 1, 2, 3, 4
