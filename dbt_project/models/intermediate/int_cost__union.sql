-- Every unit of billed cost once, with its owner: charges that have one, parts of shared charges, and what nobody owns.
-- charge_id leads back to the row of the bill.
{{ config(**told_by_month(reads={})) }}

with direct as (
    select
        *,
        is_tagged as is_tagged_cost,
        case when team is null then 'unallocated' else 'direct' end as attribution_method,
        case when commitment_discount_status = 'Unused' then 'unused_commitment' end as idle_kind
    from {{ ref('int_focus__tagged') }}
    where pool_id is null and {{ is_told_month('usage_date') }}
)

select
    charge_id,
    usage_date,
    charge_period_end,
    billing_period_start,
    provider_name,
    billing_account_id,
    sub_account_id,
    sub_account_name,
    billing_currency,
    pricing_currency,
    pricing_exchange_rate,
    service_category,
    service_name,
    region_id,
    resource_id,
    resource_name,
    charge_category,
    pricing_category,
    sku_meter,
    is_ai,
    ai_category,
    ai_category_rule,
    model,
    token_class,
    is_batch,
    is_provisioned,
    team,
    app,
    project,
    environment,
    business_unit,
    cost_center,
    owner,
    attribution_method,
    case when team is not null then attribution_rule end as attribution_rule,
    is_tagged_cost,
    idle_kind is not null as is_idle,
    idle_kind,
    cast(null as string) as pool_id,
    cast(null as string) as driver,
    cast(null as string) as driver_basis,
    false as is_fallback,
    cast(null as bigint) as target_number,
    billed_cost,
    effective_cost,
    list_cost,
    contracted_cost
from direct

union all

select
    charges.charge_id,
    charges.usage_date,
    charges.charge_period_end,
    charges.billing_period_start,
    charges.provider_name,
    charges.billing_account_id,
    charges.sub_account_id,
    charges.sub_account_name,
    charges.billing_currency,
    charges.pricing_currency,
    charges.pricing_exchange_rate,
    charges.service_category,
    charges.service_name,
    charges.region_id,
    charges.resource_id,
    charges.resource_name,
    charges.charge_category,
    charges.pricing_category,
    charges.sku_meter,
    charges.is_ai,
    charges.ai_category,
    charges.ai_category_rule,
    charges.model,
    charges.token_class,
    charges.is_batch,
    charges.is_provisioned,
    parts.team,
    parts.app,
    charges.project,
    charges.environment,
    owners.business_unit,
    owners.cost_center,
    cast(null as string) as owner,
    parts.attribution_method,
    case when parts.driver = 'owner' then charges.attribution_rule else parts.allocation_path end as attribution_rule,
    coalesce(parts.driver = 'owner' and charges.is_tagged, false) as is_tagged_cost,
    parts.is_idle or coalesce(charges.commitment_discount_status = 'Unused', false) as is_idle,
    case
        when parts.is_idle then parts.idle_kind
        when charges.commitment_discount_status = 'Unused' then 'unused_commitment'
    end as idle_kind,
    parts.pool_id,
    parts.driver,
    parts.driver_basis,
    parts.is_fallback,
    parts.target_number,
    parts.billed_cost,
    parts.effective_cost,
    parts.list_cost,
    parts.contracted_cost
from {{ ref('int_allocation__charges') }} as parts
inner join {{ ref('int_focus__tagged') }} as charges on parts.charge_id = charges.charge_id
left join {{ source('config', 'team') }} as owners on parts.team = owners.team
where {{ is_told_month('parts.usage_month') }} and {{ is_told_month('charges.usage_date') }}
