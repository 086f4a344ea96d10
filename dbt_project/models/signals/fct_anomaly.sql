-- Findings of the statistical models with who answers for them.
with owners as (
    -- The person that the scope's newest tagged charge names.
    select 'app' as scope_type, app as scope_value, max_by(owner, usage_date) as owner
    from {{ ref('int_cost__union') }}
    where app is not null and owner is not null
    group by app
    union all
    select 'team' as scope_type, team as scope_value, max_by(owner, usage_date) as owner
    from {{ ref('int_cost__union') }}
    where team is not null and owner is not null
    group by team
),

owned as (
    select
        anomalies.*,
        case
            when anomalies.scope_type = 'team' then nullif(anomalies.scope_value, 'unallocated')
            when anomalies.scope_type = 'app' then apps.team
        end as team,
        case when anomalies.scope_type = 'app' then anomalies.scope_value end as app
    from {{ source('ml', 'anomaly') }} as anomalies
    left join {{ ref('dim_app') }} as apps on anomalies.scope_type = 'app' and anomalies.scope_value = apps.app
)

select
    owned.anomaly_id,
    owned.detected_date,
    owned.scope_type,
    owned.scope_value,
    owned.metric,
    owned.currency,
    owned.detectors,
    owned.actual,
    owned.expected,
    owned.impact,
    owned.impact_ratio,
    owned.severity,
    owned.contributors,
    owned.explanation,
    owned.event_id,
    owned.status,
    cast(owned.as_of as timestamp) as as_of,
    owned.team,
    owned.app,
    coalesce(own.owner, of_team.owner) as owner
from owned
left join owners as own on owned.scope_type = own.scope_type and owned.scope_value = own.scope_value
left join owners as of_team on of_team.scope_type = 'team' and owned.team = of_team.scope_value
