-- Incidents as guardrails see them: how severe while they are open, 0 for a month after they are over or were said to be false or
-- planned. One that was found in the past counts from the day after it began.
{{ config(tags=['signals']) }}
{% set severities = ['low', 'medium', 'high', 'critical'] %}

with incidents as (
    select
        *,
        case
            when is_backfilled or opened_at > {{ add_seconds('cast(' ~ add_days('first_seen', 3) ~ ' as timestamp)', 0) }}
                then {{ add_seconds('cast(' ~ add_days('first_seen', 1) ~ ' as timestamp)', 3600 * var('usage_delay_hours')) }}
            else opened_at
        end as seen_at,
        case
            when status = 'open' then cast(null as timestamp)
            else least(
                closed_at,
                {{ add_seconds('cast(' ~ add_days('last_seen', 2) ~ ' as timestamp)', 3600 * var('usage_delay_hours')) }}
            )
        end as over_at
    from {{ ref('fct_incident') }}
    where direction = 'up' and suppressed_because is null
),

ended as (
    select
        *,
        least(
            coalesce(over_at, cast('9999-12-31' as timestamp)),
            coalesce(case when verdict in ('false', 'planned') then verdict_at end, cast('9999-12-31' as timestamp)),
            coalesce(resolved_at, cast('9999-12-31' as timestamp))
        ) as ends_at
    from incidents
),

stretches as (
    select *, true as is_open, seen_at as known_from, ends_at as known_to
    from ended
    where seen_at < ends_at
    union all
    select
        *, false as is_open, greatest(ends_at, seen_at) as known_from,
        {{ add_seconds('greatest(ends_at, seen_at)', 30 * 86400) }} as known_to
    from ended
    where ends_at < cast('9999-01-01' as timestamp)
)

select
    'anomaly' as kind,
    stretches.scope_type,
    stretches.scope_value,
    stretches.incident_id as subject,
    cast(stretches.first_seen as string) as period,
    cast(stretches.first_seen as timestamp) as period_starts_at,
    cast({{ add_days('stretches.last_seen', 1) }} as timestamp) as period_ends_at,
    'severity' as metric,
    'level' as unit,
    cast(
        case
            when not stretches.is_open then 0
            {% for severity in severities %}
            when stretches.severity = '{{ severity }}' then {{ loop.index }}
            {% endfor %}
        end as decimal(38, 12)
    ) as value,
    cast(null as decimal(38, 12)) as reference,
    stretches.currency,
    stretches.impact as increase_amount,
    cast({{ add_days('stretches.last_seen', 1) }} as timestamp) as data_through,
    true as is_reconciled,
    stretches.known_from,
    case when stretches.known_to < cast('9999-01-01' as timestamp) then stretches.known_to end as known_to,
    settings.as_of >= stretches.known_from and settings.as_of < stretches.known_to as is_current
from stretches
cross join {{ ref('stg_config__setting') }} as settings
