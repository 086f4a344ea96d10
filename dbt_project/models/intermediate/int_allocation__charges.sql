-- Shared charges split between those who used them: one row per charge and target, whose parts sum to the charge
-- exactly. A charge that nothing can split stays whole, without a target.
with shared as (
    select
        charges.charge_id,
        charges.pool_id,
        charges.pool_idle_team,
        choices.weight_set,
        coalesce(choices.is_fallback, false) as is_fallback,
        charges.billed_cost,
        charges.effective_cost,
        charges.list_cost,
        charges.contracted_cost
    from {{ ref('int_focus__tagged') }} as charges
    left join {{ ref('int_allocation__choice') }} as choices
        on
            charges.pool_id = choices.pool_id
            and charges.resource_id = choices.resource_id
            and charges.usage_date = choices.usage_date
            and charges.billing_currency = choices.billing_currency
            and charges.model is not distinct from choices.model
            and charges.token_class is not distinct from choices.token_class
    where charges.pool_id is not null
),

targets as (
    select
        shared.charge_id,
        shared.pool_id,
        shared.weight_set,
        shared.is_fallback,
        weights.driver,
        weights.target_number,
        case when weights.is_idle then shared.pool_idle_team else weights.team end as team,
        weights.app,
        weights.is_idle,
        weights.driver_value,
        weights.share,
        weights.weight_units,
        weights.total_units,
        shared.billed_cost,
        shared.effective_cost,
        shared.list_cost,
        shared.contracted_cost
    from shared
    inner join {{ ref('int_allocation__weights') }} as weights on shared.weight_set = weights.weight_set
),

parts as (
    {{ split_exactly(
        relation='targets',
        key='charge_id',
        measures=['billed_cost', 'effective_cost', 'list_cost', 'contracted_cost'],
        carry=[
            'charge_id', 'pool_id', 'weight_set', 'driver', 'is_fallback', 'target_number', 'team', 'app', 'is_idle',
            'driver_value', 'share'
        ],
        order_by='target_number'
    ) }}
)

select
    *,
    -- Usage that nobody claims takes its part of the charge, and that part has no owner.
    case when team is null then 'unallocated' else 'allocated' end as attribution_method
from parts

union all

select
    charge_id,
    pool_id,
    weight_set,
    cast(null as varchar) as driver,
    is_fallback,
    cast(1 as bigint) as target_number,
    cast(null as varchar) as team,
    cast(null as varchar) as app,
    false as is_idle,
    cast(null as decimal(38, 12)) as driver_value,
    cast(null as decimal(18, 6)) as share,
    billed_cost,
    effective_cost,
    list_cost,
    contracted_cost,
    'unmatched' as attribution_method
from shared
where weight_set is null
