-- What a team and a cost centre are charged for a month of the bill. A credit is a credit whoever gets it, so the kind of
-- charge comes before the way in which its owner was found.
select
    billing_period_start,
    provider_name,
    billing_account_id,
    billing_currency,
    team,
    business_unit,
    cost_center,
    case
        when charge_category in ('Credit', 'Tax', 'Adjustment', 'Purchase') then lower(charge_category)
        when is_idle then 'idle'
        when pool_id is not null then 'shared'
        else 'usage'
    end as section,
    service_name,
    model,
    charge_category,
    attribution_method,
    attribution_rule,
    cast(sum(billed_cost) as decimal(38, 12)) as billed_cost,
    cast(sum(effective_cost) as decimal(38, 12)) as effective_cost,
    count(*) as charge_count
from {{ ref('int_cost__union') }}
group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13
