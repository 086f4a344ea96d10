-- Who owns a charge, by the rules of tags.yml: for every dimension the first rule that yields a value on that day.
-- Decided once per distinct set of the properties that rules look at, and stretch of days in which the same rules hold.
with stretches as (
    {{ stretches_of_rules() }}
),

matched as (
    select * from {{ ref('int_focus__owner_trial') }} where outcome = 'matched'
),

found as (
    select
        matched.owner_properties_id,
        stretches.first_day,
        stretches.last_day,
        {%- for dimension in owner_dimensions() %}
        min_by(matched.value, matched.priority) filter (where matched.dimension = '{{ dimension }}') as {{ dimension }},
        {%- endfor %}
        min(matched.priority) filter (where matched.dimension = 'team') as team_priority,
        min(matched.priority) filter (where matched.dimension = 'app') as app_priority
    from matched
    inner join stretches
        on
            (matched.valid_from is null or stretches.first_day >= matched.valid_from)
            and (matched.valid_to is null or stretches.last_day <= matched.valid_to)
    group by matched.owner_properties_id, stretches.first_day, stretches.last_day
),

-- The team, and which rule says so: one that names a team, else the one that names an app which has a team.
owned as (
    select
        found.*,
        -- Spelling as in tags.yml where only the case differs, so that Search and search are one team.
        coalesce(teams.team, found.team, apps.team) as known_team,
        coalesce(apps.app, found.app) as known_app,
        case
            when found.team is not null then found.team_priority
            when apps.team is not null then found.app_priority
        end as deciding_priority
    from found
    left join {{ source('config', 'team') }} as teams on lower(found.team) = lower(teams.team)
    left join {{ source('config', 'app') }} as apps on lower(found.app) = lower(apps.app)
)

select
    owned.owner_properties_id,
    owned.first_day,
    owned.last_day,
    owned.known_team as team,
    owned.known_app as app,
    owned.project,
    owned.environment,
    coalesce(owned.business_unit, teams.business_unit) as business_unit,
    coalesce(owned.cost_center, teams.cost_center) as cost_center,
    owned.owner,
    deciding.rule_id as attribution_rule,
    deciding.dimension as attribution_dimension,
    deciding.match as attribution_match,
    deciding.tag_key as attribution_tag_key,
    deciding.text_tried as attribution_text,
    deciding.pattern as attribution_pattern,
    coalesce(deciding.match, '') = 'tag' as is_tagged
from owned
left join matched as deciding
    on owned.owner_properties_id = deciding.owner_properties_id and owned.deciding_priority = deciding.priority
left join {{ source('config', 'team') }} as teams on owned.known_team = teams.team
