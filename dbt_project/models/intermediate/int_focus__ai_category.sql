-- Which charges are AI spend and of which kind: the first rule of allocation.yml whose patterns all match. Decided once
-- per distinct set of the properties that rules look at.
{% set properties = ai_rule_properties() %}

with stretches as (
    {{ stretches_of_rules() }}
),

properties as (
    select distinct
        {{ ai_properties_id('charges', 'owners') }} as ai_properties_id,
        charges.service_name,
        charges.service_category,
        charges.sku_meter,
        charges.resource_id,
        charges.charge_description,
        charges.charge_category,
        charges.provider_name,
        nullif(concat_ws(' ', charges.sub_account_id, charges.sub_account_name), '') as sub_account,
        charges.tags_id,
        owners.environment,
        owners.project
    from {{ ref('int_focus__property_set') }} as charges
    cross join stretches
    {{ join_owners(owner_properties_id('charges'), 'stretches.first_day') }}
),

rules as (
    select * from {{ source('config', 'ai_category_rule') }}
),

{{ pattern_matches('properties', 'rules', 'rule_id', properties) }}

tag_matches as (
    select
        tags.tags_id,
        wanted.rule_id,
        count(*) as tag_count
    from {{ ref('stg_focus__tag') }} as tags
    inner join {{ source('config', 'ai_category_tag') }} as wanted
        on tags.tag_key = wanted.tag_key and {{ matches('tags.tag_value', 'wanted.pattern') }}
    group by 1, 2
),

matched as (
    select
        properties.ai_properties_id,
        rules.rule_id,
        rules.category,
        row_number() over (partition by properties.ai_properties_id order by rules.priority) as rule_rank
    from properties
    cross join rules
    {{- join_pattern_matches('properties', 'rules', 'rule_id', properties) }}
    left join tag_matches on properties.tags_id = tag_matches.tags_id and rules.rule_id = tag_matches.rule_id
    where
        coalesce(tag_matches.tag_count, 0) >= coalesce(rules.tag_count, 0)
        and {{ all_patterns_match('rules', 'rule_id', properties) }}
)

select
    ai_properties_id,
    category <> 'not_ai' as is_ai,
    case when category <> 'not_ai' then category end as ai_category,
    rule_id as ai_category_rule
from matched
where rule_rank = 1
