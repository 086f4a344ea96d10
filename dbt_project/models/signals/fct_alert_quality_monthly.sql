-- How good the alarms are: how many, how many were right, how fast, per month, team and detector. An incident counts where
-- somebody was to hear of it; several detectors may have found one, and it counts at each of them.
{% set z = '1.959963984540054' %}

with incidents as (
    select
        *,
        {{ month_of('first_seen') }} as incident_month,
        opened_at is not null as is_told,
        case when not is_backfilled then {{ hours_between('cast(first_seen as timestamp)', 'opened_at') }} end
            as detect_hours,
        {{ hours_between('opened_at', 'acknowledged_at') }} as acknowledge_hours,
        {{ hours_between('opened_at', 'resolved_at') }} as resolve_hours
    from {{ ref('fct_incident') }}
),

found as (
    select incident_id, detector from {{ source('ml', 'incident_detector') }}
    union all
    select incident_id, 'all' as detector from incidents
),

seen as (
    select incident_id, 'all' as team from incidents
    union all
    select incident_id, team from incidents where team is not null
),

counts as (
    select
        incidents.incident_month,
        seen.team,
        found.detector,
        incidents.currency,
        max(incidents.as_of) as as_of,
        count(*) filter (where is_told) as incident_count,
        count(*) filter (where is_told and verdict is not null) as labelled_count,
        count(*) filter (where is_told and verdict = 'real') as real_count,
        count(*) filter (where is_told and verdict = 'false') as false_count,
        count(*) filter (where is_told and verdict = 'planned') as planned_count,
        count(*) filter (where not is_told and status = 'suppressed') as suppressed_count,
        count(*) filter (where not is_told and status = 'expected') as expected_count,
        {{ median_of('case when is_told then detect_hours end') }} as median_hours_to_detect,
        {{ median_of('case when is_told then acknowledge_hours end') }} as median_hours_to_acknowledge,
        {{ median_of('case when is_told then resolve_hours end') }} as median_hours_to_resolve,
        coalesce(sum(impact) filter (where is_told and verdict = 'real'), 0) as caught_amount
    from incidents
    inner join seen on incidents.incident_id = seen.incident_id
    inner join found on incidents.incident_id = found.incident_id
    group by 1, 2, 3, 4
),

judged as (
    select
        *,
        cast(nullif(real_count + false_count, 0) as double) as n,
        real_count / cast(nullif(real_count + false_count, 0) as double) as mean,
        -- A month that is not over has only so many weeks so far.
        cast(
            least(
                {{ days_between('incident_month', add_months('incident_month', 1)) }},
                {{ days_between('incident_month', 'cast(as_of as date)') }} + 1
            ) as double
        ) / 7 as weeks
    from counts
),

bounds as (
    select
        *,
        (mean + {{ z }} * {{ z }} / (2 * n)) / (1 + {{ z }} * {{ z }} / n) as center,
        {{ z }} * sqrt(mean * (1 - mean) / n + {{ z }} * {{ z }} / (4 * n * n)) / (1 + {{ z }} * {{ z }} / n) as reach
    from judged
)

select
    incident_month,
    team,
    detector,
    currency,
    cast(incident_count as bigint) as incident_count,
    cast(incident_count / weeks as double) as incidents_per_week,
    cast(labelled_count as bigint) as labelled_count,
    cast(labelled_count / cast(nullif(incident_count, 0) as double) as double) as label_coverage_ratio,
    cast(real_count as bigint) as real_count,
    cast(false_count as bigint) as false_count,
    cast(planned_count as bigint) as planned_count,
    mean as precision_ratio,
    case when n is not null then greatest(center - reach, 0) end as precision_low,
    case when n is not null then least(center + reach, 1) end as precision_high,
    cast(median_hours_to_detect as double) as median_hours_to_detect,
    cast(median_hours_to_acknowledge as double) as median_hours_to_acknowledge,
    cast(median_hours_to_resolve as double) as median_hours_to_resolve,
    cast(caught_amount as decimal(38, 12)) as caught_amount,
    cast(suppressed_count as bigint) as suppressed_count,
    cast(expected_count as bigint) as expected_count
from bounds
