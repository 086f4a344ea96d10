-- What happened in clusters. Windows are asked again, wholly or in part: of all answers that cover a moment the newest says
-- what happened then.
with answers as (
    select
        source_id,
        cast(window_start as timestamp) as window_start,
        cast(window_end as timestamp) as window_end,
        cast(requested_at as timestamp) as requested_at
    from {{ lake('landing__window') }} as landed
    where table_name = 'kubernetes__event'
),

events as (
    select
        landed.source_id,
        landed.kind,
        cast(landed.event_at as timestamp) as event_at,
        landed.namespace,
        landed.object_kind,
        landed.object_name,
        landed.container,
        landed.event_count,
        landed.is_spot,
        cast(landed.requested_at as timestamp) as requested_at
    from {{ lake('kubernetes__event') }} as landed
)

select
    {{ stable_id(['events.source_id', 'events.kind', 'events.event_at', 'events.namespace', 'events.object_name', 'events.container']) }}
        as event_id,
    events.source_id,
    events.kind,
    events.event_at,
    cast(events.event_at as date) as event_date,
    events.namespace,
    events.object_kind,
    events.object_name,
    events.container,
    events.event_count,
    events.is_spot
from events
left join answers
    on
        events.source_id = answers.source_id
        and events.event_at > answers.window_start
        and events.event_at <= answers.window_end
        and answers.requested_at > events.requested_at
where answers.source_id is null
