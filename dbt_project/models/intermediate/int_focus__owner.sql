-- Who owns a charge, by the rules of tags.yml: for every dimension the first rule that yields a value on that day.
-- Decided once per distinct set of the properties that rules look at, and day, because rules have validity dates.
{% set dimensions = ['team', 'app', 'project', 'environment', 'business_unit', 'cost_center', 'owner'] %}

with properties as (
    select distinct
        {{ stable_id([
            'tags_id', 'resource_id', 'resource_name', 'sub_account_id', 'sub_account_name', 'service_name'
        ]) }} as owner_properties_id,
        tags_id,
        resource_id,
        resource_name,
        sub_account_id,
        sub_account_name,
        service_name
    from {{ ref('stg_focus__cost_and_usage') }}
),

days as (
    select distinct
        {{ stable_id([
            'tags_id', 'resource_id', 'resource_name', 'sub_account_id', 'sub_account_name', 'service_name'
        ]) }} as owner_properties_id,
        usage_date
    from {{ ref('stg_focus__cost_and_usage') }}
),

rules as (
    select * from {{ source('config', 'tag_rule') }}
),

candidates as (
    select
        properties.owner_properties_id,
        rules.dimension,
        rules.priority,
        rules.rule_id,
        rules.match,
        coalesce(rules.value, tags.tag_value) as value,
        rules.valid_from,
        rules.valid_to
    from properties
    inner join {{ ref('stg_focus__tag') }} as tags on properties.tags_id = tags.tags_id
    inner join rules on rules.match = 'tag' and tags.tag_key = rules.tag_key
    where rules.pattern is null or {{ matches('tags.tag_value', 'rules.pattern') }}

    union all

    -- Model vendors bill by the name of the key that was used.
    select
        properties.owner_properties_id,
        rules.dimension,
        rules.priority,
        rules.rule_id,
        rules.match,
        rules.value,
        rules.valid_from,
        rules.valid_to
    from properties
    inner join {{ ref('stg_focus__tag') }} as tags on properties.tags_id = tags.tags_id and tags.tag_key = 'api_key'
    inner join rules on rules.match = 'api_key' and {{ matches('tags.tag_value', 'rules.pattern') }}
    where {{ is_model_api_resource('properties.resource_id') }}

    union all

    select
        properties.owner_properties_id,
        rules.dimension,
        rules.priority,
        rules.rule_id,
        rules.match,
        rules.value,
        rules.valid_from,
        rules.valid_to
    from properties
    inner join rules
        on
            case rules.match
                when 'resource_id' then {{ matches('properties.resource_id', 'rules.pattern') }}
                when 'resource_name' then {{ matches('properties.resource_name', 'rules.pattern') }}
                when 'service_name' then {{ matches('properties.service_name', 'rules.pattern') }}
                when 'project'
                    then {{ is_model_api_resource('properties.resource_id') }}
                        and {{ matches('coalesce(properties.sub_account_name, properties.sub_account_id)', 'rules.pattern') }}
                when 'sub_account'
                    then {{ matches('properties.sub_account_id', 'rules.pattern') }}
                        or {{ matches('properties.sub_account_name', 'rules.pattern') }}
                else false
            end
),

found as (
    select
        days.owner_properties_id,
        days.usage_date,
        {%- for dimension in dimensions %}
        min_by(candidates.value, candidates.priority)
            filter (where candidates.dimension = '{{ dimension }}') as {{ dimension }},
        {%- endfor %}
        min_by(candidates.rule_id, candidates.priority) filter (where candidates.dimension = 'team') as team_rule,
        min_by(candidates.match, candidates.priority) filter (where candidates.dimension = 'team') as team_match,
        min_by(candidates.rule_id, candidates.priority) filter (where candidates.dimension = 'app') as app_rule,
        min_by(candidates.match, candidates.priority) filter (where candidates.dimension = 'app') as app_match
    from days
    inner join candidates
        on
            days.owner_properties_id = candidates.owner_properties_id
            and (candidates.valid_from is null or days.usage_date >= candidates.valid_from)
            and (candidates.valid_to is null or days.usage_date <= candidates.valid_to)
    group by days.owner_properties_id, days.usage_date
)

select
    found.owner_properties_id,
    found.usage_date,
    -- Spelling as in tags.yml where only the case differs, so that Search and search are one team.
    coalesce(teams.team, found.team, apps.team) as team,
    coalesce(apps.app, found.app) as app,
    found.project,
    found.environment,
    coalesce(found.business_unit, owners.business_unit) as business_unit,
    coalesce(found.cost_center, owners.cost_center) as cost_center,
    found.owner,
    case when found.team is not null then found.team_rule when apps.team is not null then found.app_rule end
        as attribution_rule,
    coalesce(case when found.team is not null then found.team_match when apps.team is not null then found.app_match end, '')
        = 'tag' as is_tagged
from found
left join {{ source('config', 'team') }} as teams on lower(found.team) = lower(teams.team)
left join {{ source('config', 'app') }} as apps on lower(found.app) = lower(apps.app)
left join {{ source('config', 'team') }} as owners on coalesce(teams.team, found.team, apps.team) = owners.team
