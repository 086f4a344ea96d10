-- Incidents with who answers for them, and what people said of them.
with verdicts as (
    select
        incident_id, verdict, why, who, given_at,
        row_number() over (partition by incident_id order by given_at desc, feedback_id desc) as newest_first
    from {{ source('ml', 'incident_feedback') }}
    where kind = 'verdict'
),

moments as (
    select
        incident_id,
        min(given_at) filter (where kind = 'acknowledge') as acknowledged_at,
        max(given_at) filter (where kind = 'resolve') as resolved_at
    from {{ source('ml', 'incident_feedback') }}
    group by incident_id
),

owned as (
    select
        incidents.*,
        case
            when incidents.scope_type = 'team' then nullif(incidents.scope_value, 'unallocated')
            when incidents.scope_type = 'app' then apps.team
        end as team,
        case when incidents.scope_type = 'app' then incidents.scope_value end as app
    from {{ source('ml', 'incident') }} as incidents
    left join {{ ref('dim_app') }} as apps on incidents.scope_type = 'app' and incidents.scope_value = apps.app
)

select
    owned.incident_id,
    owned.scope_type,
    owned.scope_value,
    owned.team,
    owned.app,
    coalesce(own.owner, of_team.owner) as owner,
    owned.currency,
    owned.direction,
    owned.status,
    owned.severity,
    owned.opened_severity,
    owned.criticality,
    owned.explanation,
    owned.first_seen,
    owned.last_seen,
    cast(owned.opened_at as timestamp) as opened_at,
    cast(moments.acknowledged_at as timestamp) as acknowledged_at,
    cast(moments.resolved_at as timestamp) as resolved_at,
    cast(owned.closed_at as timestamp) as closed_at,
    owned.is_backfilled,
    owned.day_count,
    owned.anomaly_count,
    owned.metrics,
    owned.detectors,
    owned.impact,
    owned.peak_impact,
    owned.daily_impact,
    owned.projected_impact,
    owned.usage_change,
    owned.volume_effect,
    owned.mix_effect,
    owned.cache_effect,
    owned.price_effect,
    owned.contributors,
    owned.similar_incidents,
    owned.daily_costs,
    owned.event_id,
    owned.suppressed_because,
    verdicts.verdict,
    verdicts.why as verdict_reason,
    verdicts.who as verdict_by,
    cast(verdicts.given_at as timestamp) as verdict_at,
    cast(owned.as_of as timestamp) as as_of
from owned
left join verdicts on owned.incident_id = verdicts.incident_id and verdicts.newest_first = 1
left join moments on owned.incident_id = moments.incident_id
left join {{ ref('int_signals__owner') }} as own on owned.scope_type = own.scope_type and owned.scope_value = own.scope_value
left join {{ ref('int_signals__owner') }} as of_team on of_team.scope_type = 'team' and owned.team = of_team.scope_value
