-- Which charges are shared, and by which pool of allocation.yml: the first whose patterns all match. Decided once per
-- distinct set of the properties that pools look at.
{% set properties = pool_properties() %}

with properties as (
    select distinct
        {{ pool_properties_id('charges') }} as pool_properties_id,
        charges.resource_id,
        charges.service_name,
        charges.sku_meter,
        charges.charge_description,
        charges.charge_category,
        charges.commitment_discount_status,
        charges.provider_name,
        nullif(concat_ws(' ', charges.sub_account_id, charges.sub_account_name), '') as sub_account
    from {{ ref('int_focus__property_set') }} as charges
),

pools as (
    select
        *,
        -- A pool that looks at the resource only shares all of it; another shares some of its charges.
        resource_id is not null
        {%- for column in properties if column != 'resource_id' %}
        and {{ column }} is null
        {%- endfor %} as is_whole_resource
    from {{ source('config', 'pool') }}
),

{{ pattern_matches('properties', 'pools', 'pool_id', properties) }}

matched as (
    select
        properties.pool_properties_id,
        properties.resource_id,
        pools.pool_id,
        pools.driver,
        pools.is_whole_resource,
        row_number() over (partition by properties.pool_properties_id order by pools.priority) as pool_rank
    from properties
    cross join pools
    {{- join_pattern_matches('properties', 'pools', 'pool_id', properties) }}
    where {{ all_patterns_match('pools', 'pool_id', properties) }}
)

select
    pool_properties_id,
    resource_id,
    pool_id,
    driver,
    is_whole_resource
from matched
where pool_rank = 1
