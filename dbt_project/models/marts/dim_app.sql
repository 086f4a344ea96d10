-- Apps of tags.yml and apps that only the data knows, each with its team.
with seen as (
    select
        app,
        -- Of several teams on the last day always the same one.
        max_by(team, cast(usage_date as string) || team) as team,
        min(usage_date) as first_seen_on,
        max(usage_date) as last_seen_on
    from (
        select app, team, usage_date from {{ ref('int_cost__union') }}
        union all
        select app, team, usage_date from {{ ref('int_usage__daily') }}
    )
    where app is not null
    group by app
),

every_app as (
    select app from {{ source('config', 'app') }}
    union
    select app from seen
)

select
    every_app.app,
    coalesce(configured.team, seen.team) as team,
    configured.app is not null as is_configured,
    seen.first_seen_on,
    seen.last_seen_on
from every_app
left join {{ source('config', 'app') }} as configured on every_app.app = configured.app
left join seen on every_app.app = seen.app
