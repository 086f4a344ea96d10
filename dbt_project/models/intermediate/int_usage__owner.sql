-- Owners of usage that says little about itself: what it says, then the rules of tags.yml, then the owner of a
-- dedicated account on the bill (never of a shared one: a pool's usage belongs to its callers). One row per distinct
-- set of names.
{{ config(**with_new_of_usage()) }}

{% set dimensions = ['team', 'app', 'project', 'environment', 'feature'] %}

with said as (
    select distinct {{ usage_owner_columns() | join(', ') }}
    from {{ ref('int_usage__said') }}
),

usage as (
    select
        {{ stable_id(usage_owner_columns()) }} as usage_owner_id,
        *
    from said
    {% if is_usage_slice() %}
    where usage_owner_id not in (select known.usage_owner_id from {{ this }} as known)
    {% endif %}
),

rules as (
    select *
    from {{ source('config', 'tag_rule') }}
    where
        match in ('app', 'deployment', 'resource_id', 'project', 'api_key')
        -- Usage has no validity dates of its own here: rules hold for it while they hold on the day of the report.
        and (valid_from is null or valid_from <= (select as_of_date from {{ ref('stg_config__setting') }}))
        and (valid_to is null or valid_to >= (select as_of_date from {{ ref('stg_config__setting') }}))
),

ruled as (
    select
        usage.usage_owner_id
        {%- for dimension in dimensions %},
        min_by(rules.value, rules.priority) filter (where rules.dimension = '{{ dimension }}') as {{ dimension }}
        {%- endfor %}
    from usage
    inner join rules
        on
            case rules.match
                when 'app' then {{ matches('usage.app', 'rules.pattern') }}
                when 'deployment' then {{ matches('usage.deployment_name', 'rules.pattern') }}
                when 'resource_id' then {{ matches('usage.resource_id', 'rules.pattern') }}
                when 'project' then {{ matches('usage.project', 'rules.pattern') }}
                when 'api_key' then {{ matches('usage.api_key_name', 'rules.pattern') }}
            end
    left join {{ ref('int_focus__resource') }} as resources on usage.resource_id = resources.resource_id
    -- A rule on the id of a shared account names its operator, not its callers.
    where rules.match <> 'resource_id' or resources.pool_id is null
    group by usage.usage_owner_id
),

owned as (
    select
        usage.usage_owner_id,
        coalesce(usage.team, ruled.team) as own_team,
        coalesce(usage.app, ruled.app, resources.app) as app,
        resources.team as resource_team,
        coalesce(usage.project, ruled.project, resources.project) as project,
        coalesce(usage.environment, ruled.environment, resources.environment) as environment,
        coalesce(usage.feature, ruled.feature) as feature
    from usage
    left join ruled on usage.usage_owner_id = ruled.usage_owner_id
    left join {{ ref('int_focus__resource') }} as resources
        on usage.resource_id = resources.resource_id and resources.pool_id is null
)

select
    owned.usage_owner_id,
    coalesce(teams.team, owned.own_team, apps.team, owned.resource_team) as team,
    coalesce(apps.app, owned.app) as app,
    owned.project,
    owned.environment,
    owned.feature
from owned
left join {{ source('config', 'team') }} as teams on lower(owned.own_team) = lower(teams.team)
left join {{ source('config', 'app') }} as apps on lower(owned.app) = lower(apps.app)
