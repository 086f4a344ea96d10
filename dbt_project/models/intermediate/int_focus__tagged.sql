-- Every charge of the bill with what is known about it: kind of AI spend, meter, owner, and pool where it is shared.
-- Rows that are refused may have no day: they are of a month that no charge is in.
{{ config(**told_by_month(reads={
    'base_focus__cost_and_usage': 'coalesce(' ~ month_of('usage_date') ~ ", cast('9999-12-01' as date))",
    'int_focus__meaning': 'usage_month',
})) }}

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
    meanings.is_ai,
    meanings.ai_category,
    meanings.ai_category_rule,
    meanings.model,
    meanings.token_class,
    meanings.is_batch,
    meanings.is_provisioned,
    meanings.meter_parse_status,
    charges.commitment_discount_id,
    charges.commitment_discount_status,
    meanings.pool_id,
    meanings.is_shared_resource,
    charges.property_set_id,
    meanings.owner_properties_id,
    meanings.team,
    meanings.app,
    meanings.project,
    meanings.environment,
    meanings.business_unit,
    meanings.cost_center,
    meanings.owner,
    meanings.attribution_rule,
    meanings.is_tagged,
    charges.tags_id,
    charges.pricing_currency,
    charges.pricing_exchange_rate,
    charges.billed_cost,
    charges.effective_cost,
    charges.list_cost,
    charges.contracted_cost
from {{ ref('stg_focus__cost_and_usage') }} as charges
left join {{ ref('int_focus__meaning') }} as meanings
    on
        charges.property_set_id = meanings.property_set_id
        and {{ month_of('charges.usage_date') }} = meanings.usage_month
        and charges.usage_date between meanings.first_day and meanings.last_day
where {{ is_told_month('charges.usage_date') }}
