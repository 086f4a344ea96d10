-- Findings of the statistical models with who answers for them.
with owned as (
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
    coalesce(own.owner, of_team.owner) as owner,
    membership.incident_id,
    membership.suppressed_because
from owned
left join {{ source('ml', 'incident_anomaly') }} as membership on owned.anomaly_id = membership.anomaly_id
left join {{ ref('int_signals__owner') }} as own on owned.scope_type = own.scope_type and owned.scope_value = own.scope_value
left join {{ ref('int_signals__owner') }} as of_team on of_team.scope_type = 'team' and owned.team = of_team.scope_value
