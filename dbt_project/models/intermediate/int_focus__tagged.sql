-- Every charge of the bill with what is known about it: kind of AI spend, meter, owner, and pool where it is shared.
select
    charges.charge_id,
    charges.load_id,
    charges.load_file,
    charges.load_row,
    charges.source_id,
    charges.usage_date,
    charges.charge_period_end,
    charges.billing_period_start,
    charges.provider_name,
    charges.billing_account_id,
    charges.sub_account_id,
    charges.sub_account_name,
    charges.billing_currency,
    charges.service_category,
    charges.service_name,
    charges.region_id,
    charges.resource_id,
    charges.resource_name,
    charges.resource_type,
    charges.charge_category,
    charges.pricing_category,
    charges.sku_meter,
    charges.consumed_quantity,
    charges.consumed_unit,
    coalesce(categories.is_ai, false) as is_ai,
    categories.ai_category,
    categories.ai_category_rule,
    meters.model,
    meters.token_class,
    meters.is_batch,
    meters.is_provisioned,
    meters.parse_status as meter_parse_status,
    charges.commitment_discount_id,
    charges.commitment_discount_status,
    pools.pool_id,
    coalesce(pools.is_whole_resource, false) as is_shared_resource,
    {{ owner_properties_id('charges') }} as owner_properties_id,
    owners.team,
    owners.app,
    owners.project,
    owners.environment,
    owners.business_unit,
    owners.cost_center,
    owners.owner,
    owners.attribution_rule,
    coalesce(owners.is_tagged, false) as is_tagged,
    charges.tags_id,
    charges.billed_cost,
    charges.effective_cost,
    charges.list_cost,
    charges.contracted_cost
from {{ ref('stg_focus__cost_and_usage') }} as charges
left join {{ ref('int_focus__meter') }} as meters
    on {{ stable_id(['charges.sku_meter', 'charges.sku_price_details']) }} = meters.meter_id
left join {{ ref('int_focus__pool') }} as pools on {{ pool_properties_id('charges') }} = pools.pool_properties_id
left join {{ ref('int_focus__owner') }} as owners
    on
        {{ owner_properties_id('charges') }} = owners.owner_properties_id
        and charges.usage_date = owners.usage_date
left join {{ ref('int_focus__ai_category') }} as categories
    on {{ ai_properties_id('charges', 'owners') }} = categories.ai_properties_id
