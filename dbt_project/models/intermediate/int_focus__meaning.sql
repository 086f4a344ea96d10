-- What is known of each set of properties: kind of AI spend, meter, pool, and the owner in each stretch of days in which the
-- same rules hold. By month, so that a month's charges are tagged again only where the meaning of one of them has changed.
with stretches as (
    {{ stretches_of_rules() }}
),

sets as (
    select
        usage_month,
        property_set_id,
        {%- for column in property_set_columns() %}
        any_value({{ column }}) as {{ column }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ ref('int_focus__property_set') }}
    group by 1, 2
)

select
    charges.usage_month,
    charges.property_set_id,
    stretches.first_day,
    stretches.last_day,
    coalesce(categories.is_ai, false) as is_ai,
    categories.ai_category,
    categories.ai_category_rule,
    meters.model,
    meters.token_class,
    meters.is_batch,
    meters.is_provisioned,
    meters.parse_status as meter_parse_status,
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
    coalesce(owners.is_tagged, false) as is_tagged
from sets as charges
inner join stretches
    on
        stretches.last_day >= charges.usage_month
        and stretches.first_day < {{ add_months('charges.usage_month', 1) }}
left join {{ ref('int_focus__meter') }} as meters
    on {{ stable_id(['charges.sku_meter', 'charges.sku_price_details']) }} = meters.meter_id
left join {{ ref('int_focus__pool') }} as pools on {{ pool_properties_id('charges') }} = pools.pool_properties_id
{{ join_owners(owner_properties_id('charges'), 'stretches.first_day') }}
left join {{ ref('int_focus__ai_category') }} as categories
    on {{ ai_properties_id('charges', 'owners') }} = categories.ai_properties_id
