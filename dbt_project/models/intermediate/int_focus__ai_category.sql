-- Which charges are AI spend and of which kind: the first rule of allocation.yml whose patterns all match. Decided once
-- per distinct set of the properties that rules look at.
with properties as (
    select distinct
        {{ stable_id(['service_name', 'service_category', 'sku_meter', 'resource_id', 'charge_description']) }}
            as ai_properties_id,
        service_name,
        service_category,
        sku_meter,
        resource_id,
        charge_description
    from {{ ref('stg_focus__cost_and_usage') }}
),

matched as (
    select
        properties.ai_properties_id,
        rules.rule_id,
        rules.category,
        row_number() over (partition by properties.ai_properties_id order by rules.priority) as rule_rank
    from properties
    inner join {{ source('config', 'ai_category_rule') }} as rules
        on
            {% for property in ['service_name', 'service_category', 'sku_meter', 'resource_id', 'charge_description'] -%}
            (rules.{{ property }} is null or {{ matches('properties.' ~ property, 'rules.' ~ property) }})
            {{ 'and' if not loop.last }}
            {% endfor %}
)

select
    ai_properties_id,
    category <> 'not_ai' as is_ai,
    case when category <> 'not_ai' then category end as ai_category,
    rule_id as ai_category_rule
from matched
where rule_rank = 1
