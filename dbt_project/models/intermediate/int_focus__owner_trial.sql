-- Every rule of tags.yml tried on every set of properties, with what it looked at and what came of it. Owners are decided
-- from its matches, and `aifinops tags explain` shows the rest, so that there is one reading of the rules.
-- A view: sets times rules is many rows, of which a question needs one resource's and the owners need the matches.
{{ config(materialized='view') }}

with looked_at as (
    select
        properties.owner_properties_id,
        properties.resource_id,
        rules.dimension,
        rules.priority,
        rules.rule_id,
        rules.match,
        rules.tag_key,
        rules.pattern,
        rules.value as rule_value,
        rules.valid_from,
        rules.valid_to,
        case
            when rules.match in ('tag', 'resource_id', 'resource_name', 'service_name', 'sub_account') then true
            -- Model vendors bill by their projects, and by the name of the key that was used.
            when rules.match in ('project', 'api_key') then {{ is_model_api_resource('properties.resource_id') }}
            -- The others look at what calls and clusters tell of, which no bill does.
            else false
        end as is_applicable,
        case rules.match
            when 'tag' then tags.tag_value
            when 'api_key' then tags.tag_value
            when 'resource_id' then properties.resource_id
            when 'resource_name' then properties.resource_name
            when 'service_name' then properties.service_name
            when 'project' then coalesce(properties.sub_account_name, properties.sub_account_id)
            when 'sub_account'
                then
                    case
                        when {{ matches('properties.sub_account_id', 'rules.pattern') }} then properties.sub_account_id
                        else coalesce(properties.sub_account_name, properties.sub_account_id)
                    end
        end as text_tried
    from {{ ref('int_focus__owner_property') }} as properties
    cross join {{ source('config', 'tag_rule') }} as rules
    left join {{ ref('stg_focus__tag') }} as tags
        on
            properties.tags_id = tags.tags_id
            and case rules.match when 'tag' then rules.tag_key when 'api_key' then 'api_key' end = tags.tag_key
)

select
    owner_properties_id,
    resource_id,
    dimension,
    priority,
    rule_id,
    match,
    tag_key,
    pattern,
    valid_from,
    valid_to,
    text_tried,
    case
        when not is_applicable then 'not_applicable'
        when text_tried is null then 'nothing_there'
        when pattern is null then 'matched'
        when {{ matches('text_tried', 'pattern') }} then 'matched'
        else 'no_match'
    end as outcome,
    coalesce(rule_value, text_tried) as value
from looked_at
