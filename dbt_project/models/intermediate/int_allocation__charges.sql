-- Shared charges split between those who used them: one row per charge and target, whose parts sum to the charge exactly.
-- A charge that nothing can split stays whole, without a target.
{{ config(**told_by_month(reads={}, day='usage_month')) }}

with parts as (
    {% for step in allocation_steps() %}
    select *, {{ step }} as step from {{ ref('int_allocation__step_' ~ step) }}
    -- What went to another pool is a part of that one's step.
    where target_pool_id is null and {{ is_told_month('usage_month') }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
)

select
    charge_id,
    usage_month,
    pool_id,
    allocation_path,
    weight_set,
    driver,
    coalesce(driver_basis, 'none') as driver_basis,
    coalesce(driver_basis = 'fallback', false) as is_fallback,
    row_number() over (partition by charge_id order by step, part_id) as target_number,
    count(*) over (partition by charge_id) as target_count,
    team,
    app,
    idle_kind is not null as is_idle,
    idle_kind,
    driver_value,
    driver_total,
    share,
    split_effective_cost,
    {{ cost_measures() | join(', ') }},
    -- Usage that nobody claims takes its part of the charge, and that part has no owner.
    case
        when driver = 'owner' then 'direct'
        when team is not null then 'allocated'
        when weight_set is null then 'unmatched'
        else 'unallocated'
    end as attribution_method
from parts
