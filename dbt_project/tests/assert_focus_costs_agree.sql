{# An asset check of the model named here: Dagster shows a test of several models nowhere otherwise. #}
{{ config(meta={'dagster': {'ref': {'name': 'focus_cost_and_usage'}}}) }}

-- FOCUS's rules for EffectiveCost, wherever the figure is ours: that the mart has every charge of the bill once with its
-- billed cost, and that no derived effective cost breaks the rules. What a producer delivers against them stays as it is;
-- assert_delivered_focus_costs_agree tells of it.
with charges as (
    select
        x_charge_id, x_source_id, resource_id, charge_category, commitment_discount_id, commitment_discount_status,
        billed_cost, effective_cost,
        coalesce(x_repairs, '') like '%EffectiveCost:%' as is_derived
    from {{ ref('focus_cost_and_usage') }}
),

-- A subscription is bought for a resource, and spread over the days of it.
prepaid as (
    select distinct x_source_id, resource_id
    from charges
    where charge_category = 'Purchase' and resource_id is not null
),

totals as (
    select
        (select count(*) from charges) as mart_rows,
        (select coalesce(sum(billed_cost), 0) from charges) as mart_billed_cost,
        count(*) as bill_rows,
        coalesce(sum(billed_cost), 0) as bill_billed_cost
    from {{ ref('stg_focus__cost_and_usage') }}
)

select x_charge_id, 'EffectiveCost must equal BilledCost where nothing covers the charge' as problem
from charges
left join prepaid using (x_source_id, resource_id)
where
    is_derived
    and prepaid.resource_id is null
    and charge_category in ('Usage', 'Tax', 'Credit')
    and coalesce(commitment_discount_status, '') not in ('Used', 'Unused')
    and commitment_discount_id is null
    and effective_cost <> billed_cost

union all

-- Where a bill has no EffectiveCost at all, its purchases are the only cost there is: then nothing is amortised twice.
select x_charge_id, 'EffectiveCost must be 0 for a purchase that covers other charges' as problem
from charges
where
    is_derived
    and charge_category = 'Purchase'
    and effective_cost <> 0
    and commitment_discount_id in (
        select covered.commitment_discount_id
        from charges as covered
        where covered.commitment_discount_status in ('Used', 'Unused') and covered.effective_cost <> covered.billed_cost
    )

union all

select null, 'the mart and the bill differ: ' || cast(mart_rows - bill_rows as string) || ' rows, '
    || cast(mart_billed_cost - bill_billed_cost as string)
from totals
where mart_rows <> bill_rows or mart_billed_cost <> bill_billed_cost
