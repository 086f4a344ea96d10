-- Where every amount comes from: each charge of the bill, or each part of a shared one, with the rule that gave it to its
-- team and the row of the bill. A view: all of it is in its tables, and it is read as a whole only when it is published.
{{ config(materialized='view') }}

-- A charge's id in the lake changes when the same month is delivered again; what the charge says of itself does not.
-- Charges that say the same are told apart by their order. Resource, account, service and tags are in owner_properties_id.
{% set said = [
    'source_id', 'provider_name', 'billing_currency', 'usage_date', 'charge_period_end', 'region_id', 'charge_category',
    'pricing_category', 'sku_meter', 'owner_properties_id'
] %}

with said as (
    select
        charge_id,
        source_id,
        load_id,
        load_file,
        load_row,
        owner_properties_id,
        billed_cost,
        effective_cost,
        {{ stable_id(said) }} as charge_words_id
    from {{ ref('int_focus__tagged') }}
),

charges as (
    select
        *,
        row_number() over (
            partition by charge_words_id order by billed_cost, effective_cost, load_id, load_file, load_row, charge_id
        ) as charge_number
    from said
)

select
    {{ stable_id([
        'charges.charge_words_id', 'charges.charge_number', 'cost.team', 'cost.app', 'cost.idle_kind', 'parts.allocation_path'
    ]) }}
        as allocation_id,
    cost.usage_date,
    cost.billing_period_start,
    cost.provider_name,
    cost.billing_account_id,
    cost.sub_account_id,
    cost.sub_account_name,
    cost.billing_currency,
    cost.service_category,
    cost.service_name,
    cost.region_id,
    cost.resource_id,
    cost.resource_name,
    cost.charge_category,
    cost.sku_meter,
    cost.is_ai,
    cost.ai_category,
    cost.model,
    cost.token_class,
    cost.team,
    cost.app,
    cost.project,
    cost.environment,
    cost.business_unit,
    cost.cost_center,
    cost.attribution_method,
    cost.attribution_rule,
    case when cost.attribution_method = 'direct' then owners.attribution_dimension end as attribution_dimension,
    case when cost.attribution_method = 'direct' then owners.attribution_match end as attribution_match,
    case when cost.attribution_method = 'direct' then owners.attribution_tag_key end as attribution_tag_key,
    case when cost.attribution_method = 'direct' then owners.attribution_text end as attribution_text,
    case when cost.attribution_method = 'direct' then owners.attribution_pattern end as attribution_pattern,
    cost.pool_id,
    cost.driver,
    parts.weight_set,
    cost.target_number,
    parts.target_count,
    parts.allocation_path,
    cost.driver_basis,
    parts.driver_value,
    parts.driver_total,
    parts.share,
    parts.split_effective_cost,
    cost.is_fallback,
    cost.is_idle,
    cost.idle_kind,
    case when parts.weight_set is not null then parts.allocation_path || '/' || parts.driver end as allocated_method_id,
    case
        when parts.weight_set is not null
            then
                '{"Elements": [{"AllocatedRatio": ' || cast(parts.share as string) || ', "UsageUnit": "'
                || case parts.driver
                    when 'gpu_seconds' then 'GPU-Seconds'
                    when 'gpu_busy_seconds' then 'Busy GPU-Seconds'
                    when 'sm_active_seconds' then 'SM-Active GPU-Seconds'
                    when 'usage_cost' then 'Estimated Cost'
                    when 'tokens' then 'Tokens'
                    when 'requests' then 'Requests'
                    when 'provisioned_units' then 'Unit-Hours'
                    when 'direct_cost' then cost.billing_currency
                    when 'cost_so_far' then cost.billing_currency
                    when 'commitment_use' then cost.billing_currency
                    when 'pool_cost' then cost.billing_currency
                    when 'even' then 'Teams'
                    else 'Shares'
                end
                || '", "UsageQuantity": ' || {{ amount_as_text('parts.driver_value') }} || '}]}'
    end as allocated_method_details,
    case
        when parts.weight_set is null or cost.team is null then null
        when cost.is_idle then cost.team || '/idle'
        else cost.team || coalesce('/app/' || cost.app, '')
    end as allocated_resource_id,
    case
        when parts.weight_set is null or cost.team is null then null
        when cost.is_idle then 'idle capacity, ' || cost.team
        else coalesce(cost.app || ', ', '') || cost.team
    end as allocated_resource_name,
    case
        when parts.weight_set is not null
            then {{ json_text_object([('aifinops/team', 'cost.team'), ('aifinops/app', 'cost.app')]) }}
    end as allocated_tags,
    cost.billed_cost,
    cost.effective_cost,
    charges.billed_cost as charge_billed_cost,
    charges.effective_cost as charge_effective_cost,
    cost.charge_id,
    charges.source_id,
    charges.load_id,
    charges.load_file,
    charges.load_row
from {{ ref('int_cost__union') }} as cost
inner join charges on cost.charge_id = charges.charge_id
left join {{ ref('int_allocation__charges') }} as parts
    on cost.charge_id = parts.charge_id and cost.target_number = parts.target_number
{{ join_owners('charges.owner_properties_id', 'cost.usage_date') }}
