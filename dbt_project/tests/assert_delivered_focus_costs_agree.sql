{# An asset check of the model named here: Dagster shows a test of several models nowhere otherwise. #}
{{ config(severity='warn', meta={'dagster': {'ref': {'name': 'focus_cost_and_usage'}}}) }}

-- FOCUS's rules for EffectiveCost, broken by what a producer delivered: told per provider and rule, never corrected.
with charges as (
    select *
    from {{ ref('stg_focus__cost_and_usage') }}
    where coalesce(x_repairs, '') not like '%EffectiveCost%'
),

-- Covering purchases and what they cover agree within a purchase's period. A term that the data cuts cannot be compared:
-- an upfront purchase of a year whose months are not all here.
span as (
    select provider_name, max(charge_period_end) as data_end from charges group by 1
),

purchases as (
    select
        charges.provider_name, charges.billing_currency, charges.commitment_discount_id,
        min(charges.charge_period_start) as period_start, max(charges.charge_period_end) as period_end,
        sum(charges.billed_cost) as billed_cost, sum(charges.effective_cost) as effective_cost
    from charges
    where charges.charge_category = 'Purchase' and charges.commitment_discount_id is not null
    group by 1, 2, 3
),

covered as (
    select
        charges.provider_name, charges.billing_currency, charges.commitment_discount_id,
        sum(charges.billed_cost) as billed_cost, sum(charges.effective_cost) as effective_cost
    from charges
    inner join purchases
        on
            charges.commitment_discount_id = purchases.commitment_discount_id
            and charges.billing_currency = purchases.billing_currency
            and charges.charge_period_start >= purchases.period_start
            and charges.charge_period_start < purchases.period_end
    where charges.charge_category = 'Usage' and charges.commitment_discount_status in ('Used', 'Unused')
    group by 1, 2, 3
)

select
    provider_name,
    'EffectiveCost differs from BilledCost though nothing covers the charge' as problem,
    count(*) as rows_or_commitments,
    cast(sum(effective_cost - billed_cost) as decimal(38, 12)) as difference
from charges
where
    charge_category in ('Usage', 'Tax', 'Credit')
    and coalesce(commitment_discount_status, '') not in ('Used', 'Unused')
    and commitment_discount_id is null
    and effective_cost <> billed_cost
group by 1

union all

select provider_name, 'EffectiveCost is not 0 for a purchase that covers other charges', count(*), sum(effective_cost)
from charges
where charge_category = 'Purchase' and commitment_discount_id is not null and effective_cost <> 0
group by 1

union all

select
    purchases.provider_name,
    case
        when span.data_end < purchases.period_end then 'not compared, because the data ends within the commitment''s term'
        else 'BilledCost and EffectiveCost of a commitment and what it covers differ'
    end,
    count(*),
    sum(
        purchases.effective_cost + coalesce(covered.effective_cost, 0)
        - purchases.billed_cost - coalesce(covered.billed_cost, 0)
    )
from purchases
inner join span on purchases.provider_name = span.provider_name
left join covered
    on
        purchases.provider_name = covered.provider_name
        and purchases.commitment_discount_id = covered.commitment_discount_id
        and purchases.billing_currency = covered.billing_currency
where
    purchases.effective_cost + coalesce(covered.effective_cost, 0)
    <> purchases.billed_cost + coalesce(covered.billed_cost, 0)
group by 1, 2
