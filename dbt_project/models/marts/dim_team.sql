-- Teams of tags.yml and teams that only the data knows: the second kind is missing from the configuration.
with seen as (
    select team, min(usage_date) as first_seen_on, max(usage_date) as last_seen_on
    from (
        select team, usage_date from {{ ref('int_cost__union') }}
        union all
        select team, usage_date from {{ ref('int_usage__daily') }}
    )
    where team is not null
    group by team
),

every_team as (
    select team from {{ source('config', 'team') }}
    union
    select team from seen
)

select
    every_team.team,
    configured.business_unit,
    configured.cost_center,
    configured.team is not null as is_configured,
    seen.first_seen_on,
    seen.last_seen_on
from every_team
left join {{ source('config', 'team') }} as configured on every_team.team = configured.team
left join seen on every_team.team = seen.team
